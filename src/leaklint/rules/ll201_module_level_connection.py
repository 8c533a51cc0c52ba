"""# LL201 module-level-connection

## What it does
Reports a connection to a server (a database, Redis, MongoDB, a broker, a directory), a pool or engine of
them, or a session or cursor on one, that is opened while the module is imported and kept in a global for the
warm invocations. Clients of AWS services and HTTP clients are not reported: their pools notice a closed
socket, look names up again, and their makers advise to keep them. In a script, a module without handlers that
calls its own `main` or does its work in a loop when it is run, LL101 speaks of what is left open, and LL105 of
a `with` that does not close what no function uses.

## Why it matters in Lambda
The pattern is widely advised, for a reason: connecting costs a round trip for TCP, several for TLS and the
authentication, and a kept connection saves them on every warm invocation. What the advice leaves out is what
happens to the connection between two invocations, when the sandbox is frozen and no code runs:

- The server, a proxy or a NAT gateway closes the idle connection, or forgets it in silence. After the thaw
  the first query fails, or hangs until the function times out, because a silent peer sends nothing and most
  drivers wait for ever.
- After a fail-over the name points to another node. The kept socket does not: it goes on talking to the old
  one, which may now be read-only, for as long as the sandbox lives. DNS is only looked up on connecting.
- Every sandbox holds its own connection, busy or not. A burst of a thousand sandboxes is a thousand
  connections, and the limit of the server is reached by idle ones.
- An open transaction survives the invocation, with its locks and its snapshot.

The usual checks help less than they seem to. `conn.closed` of psycopg2 stays 0 until a statement has failed,
`conn.open` of pymysql stays true, and `pool_recycle` only looks at the clock. `pool_pre_ping`,
`ping(reconnect=True)` and `SELECT 1` with a reconnect do heal a closed socket; all of them hang on a silent
peer unless a read timeout is set.

A client that heals itself and has a bound on its reads is not reported; one that only heals is low; a plain
connection is medium. If the latency is worth the risk, keep the connection and suppress the finding with the
reason.

## Example
```python
import psycopg2

conn = psycopg2.connect(host="db.internal", dbname="shop")


def handler(event, context):
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT total FROM cart WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```

## Use instead
```python
from contextlib import closing

import psycopg2


def handler(event, context):
    with closing(psycopg2.connect(host="db.internal", dbname="shop")) as conn, conn, conn.cursor() as cursor:
        cursor.execute("SELECT total FROM cart WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```
When connections are too many or too slow, put a proxy in front of the database: it keeps the pool, follows
the fail-over, and the handler connects to a neighbour.

## Fix safety
Unsafe: where a single handler of the file uses the connection, it is opened there with every call, and closed; what
configures it moves along. This changes latency and the number of connections, and what the connection held from one
invocation to the next (a transaction, settings of the session) goes with it. There is no fix where several functions,
a test or another module near the file use the connection, where it is bound again, where it is made of what means
something else in the handler or later, or would be something else with every call, and where the handler may be called
while it runs.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.finding import Confidence
from leaklint.rules import keeping, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import is_cached_session, is_dead_after_restore, is_left_closed, outlives_its_loop
from leaklint.severity import bounds_reads, heals


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per server session that a global keeps, unless it heals itself and bounds its reads."""
    for site in facts.sites:
        if not is_cached_session(site) or (heals(site) and bounds_reads(site)):
            continue
        if is_dead_after_restore(facts, site) or outlives_its_loop(site) or is_left_closed(site):
            continue
        yield Draft(
            site,
            f"{wording.subject(site)} is opened at module level and kept across invocations: "
            + "; ".join((keeping.risk(site), *wording.aggravations(site))),
            Confidence.CERTAIN.lowered(1 if site.receiver_by_name else 0),
            ((site.span, "opened when the module is imported"),),
            help=keeping.remedy(site),
        )


RULE = Rule(
    code="LL201",
    name="module-level-connection",
    summary="a server's connection opened at import and kept for warm invocations",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
