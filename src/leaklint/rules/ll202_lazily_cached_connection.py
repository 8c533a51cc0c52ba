"""# LL202 lazily-cached-connection

## What it does
Reports a connection to a server (a database, Redis, MongoDB, a broker, a directory), a pool or engine of
them, or a session or cursor on one, that a function opens at its first use and that something keeps for the warm
invocations: a global or an element of one, an attribute of a class, an object of which there is only one, the cache of
`functools.lru_cache`, a variable of an enclosing function, or a default argument. The finding stands on the call that
opens it. Clients of AWS services and HTTP clients are not reported, and neither is a connection that the code closes
each time and opens again.

## Why it matters in Lambda
Opening at first use instead of at import saves the connection where it is not needed, and AWS, like many others, shows
this pattern for good reasons: a connect costs round trips, TLS and a login, and the next invocation needs none of them.
What is kept is the same, though, and so are its risks (LL201 tells them in full):

- While the sandbox is frozen the server, a proxy or a NAT gateway drops the idle connection. The guard
  `if conn is None` still finds it there: the next query fails, or hangs until the function times out.
- After a fail-over the name points to another node, and the kept socket does not.
- Every sandbox holds a connection, busy or not, until the limit of the server is reached by idle ones.

`if conn.closed` does not help: it says whether this side has closed the connection, and a driver notices only with the
next statement that the other side has. Neither does `pool_recycle`, which looks at the clock. `pool_pre_ping`,
`ping(reconnect=True)` and a `SELECT 1` whose failure opens a new connection do heal a closed socket, and lower the
severity; all of them hang on a silent peer unless a read timeout is set.

If the latency is worth the risk, keep the connection and suppress the finding with the reason.

## Example
```python
import psycopg2

conn = None


def handler(event, context):
    global conn
    if conn is None:
        conn = psycopg2.connect(host="db.internal", dbname="shop")
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
RDS Proxy keeps the pool and follows a fail-over; what is kept in the sandbox is then a socket to the proxy, which goes
stale like any other, so that the handler still does best to open and close its own.

## Fix safety
There is no automatic change: whether the time saved is worth the risk is not for a tool to say.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import keeping, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import is_lazily_cached, is_left_closed, is_replaced, outlives_its_loop
from leaklint.severity import bounds_reads, heals


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per connection that is kept from its first use on, unless it heals itself and bounds its reads."""
    for site in facts.sites:
        if not is_lazily_cached(site) or is_replaced(site) or outlives_its_loop(site) or is_left_closed(site):
            continue
        if site.cached is None or (heals(site) and bounds_reads(site)):
            continue
        opened = "opened at its first use" if site.cached.lazily else "opened when the module is imported"
        yield Draft(
            site,
            f"{wording.subject(site)} is {opened} and kept across invocations by {site.cached.where}: "
            + "; ".join((keeping.risk(site), *wording.aggravations(site))),
            keeping.confidence(site),
            ((site.span, f"{opened}, and kept"),),
            help=keeping.remedy(site),
        )


RULE = Rule(
    code="LL202",
    name="lazily-cached-connection",
    summary="a server's connection opened at its first use and kept for warm invocations",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
