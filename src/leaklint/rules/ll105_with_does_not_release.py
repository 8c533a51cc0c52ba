"""# LL105 with-does-not-release

## What it does
Reports a `with` over a resource whose exit does not release it, when nothing else does. The context managers
of some drivers delimit a transaction: sqlite3, psycopg2, pyodbc and dataset commit or roll back and leave the
connection open. Others put back the state that they found (`ldap3.Connection(auto_bind=True)` stays bound),
or are a transaction on something that must be given back: `with pool.getconn() as conn` of psycopg2 and
psycopg_pool keeps the connection out of the pool. Each of these was measured on the real library.

## Why it matters in Lambda
The code looks finished. Reviewers and linters that only ask for a `with` pass it, and the same line is
correct with the next driver: pymysql, psycopg 3, mysql.connector, mariadb, pg8000 and oracledb do close the
connection. Every invocation leaves a connection behind, to be closed by the garbage collector at best, and a
pool of ten is empty after ten of them.

## Example
```python
import sqlite3


def handler(event, context):
    with sqlite3.connect("/tmp/orders.db") as db:
        db.execute("INSERT INTO orders (id) VALUES (?)", (event["id"],))
```

## Use instead
```python
import sqlite3
from contextlib import closing


def handler(event, context):
    with closing(sqlite3.connect("/tmp/orders.db")) as db, db:
        db.execute("INSERT INTO orders (id) VALUES (?)", (event["id"],))
```
The second item keeps the transaction: `closing` alone would drop the insert. For a pool, use its own context
manager (`with pool.connection() as conn` in psycopg_pool) or `putconn` in a `finally`.

## Fix safety
`closing(...)` around the connection and the connection as a second item do exactly what the one `with` did, and close.
There is no fix where the connection, or a cursor of it, is used after the block.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource that is left to a ``with`` that does not release it."""
    for site, found in verdict.under(verdict.WITH_DOES_NOT_RELEASE, facts):
        text = (
            f"leaving this `with` does not {wording.infinitive(site)} the {wording.subject(site)}: "
            f"{wording.exit_reason(site)}"
        )
        yield Draft(
            site,
            wording.with_reason(text, site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak),
            found.leak,
            help=_help(wording.guarded(site), wording.advice(site)),
        )


def _help(guard: str, otherwise: str) -> str:
    if not guard:
        return otherwise
    return f"put `{guard}` around it and keep the inner `with`: that is the transaction"


RULE = Rule(
    code=verdict.WITH_DOES_NOT_RELEASE,
    name="with-does-not-release",
    summary="a `with` whose exit does not release the resource",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
