"""# LL103 not-released-on-some-path

## What it does
Reports a resource that some paths release or hand over, while another one that the code itself takes does
not: an early `return`, a `break` out of the loop, an explicit `raise`, a branch without the release.
Conditions that repeat are understood: `if path: f = open(path)` ... `if path: f.close()` is complete, and a
branch on which the handle is None or already closed owes nothing.

## Why it matters in Lambda
Early returns are the usual shape of a handler: a warm-up event, a missing header, an empty batch, a cache
hit. They were mostly added after the code around them, above the line that closes. A health check that takes
the short way once a minute leaves one connection behind each time, in a sandbox that is kept warm by those
very checks.

## Example
```python
import psycopg2


def handler(event, context):
    conn = psycopg2.connect(dbname="shop")
    try:
        cart = event["cart"]
        if not cart:
            return {"statusCode": 204}
        save(conn, cart)
    except KeyError:
        conn.close()
        raise
    conn.close()
    return {"statusCode": 200}


def save(conn, cart):
    with conn, conn.cursor() as cursor:
        cursor.execute("INSERT INTO cart (body) VALUES (%s)", (cart,))
```

## Use instead
```python
import psycopg2


def handler(event, context):
    conn = psycopg2.connect(dbname="shop")
    try:
        cart = event["cart"]
        if not cart:
            return {"statusCode": 204}
        save(conn, cart)
    finally:
        conn.close()
    return {"statusCode": 200}


def save(conn, cart):
    with conn, conn.cursor() as cursor:
        cursor.execute("INSERT INTO cart (body) VALUES (%s)", (cart,))
```

## Fix safety
`--fix` puts a block around all paths; releases on some of them stay where they are when a second one does no harm.
When some paths hand the resource over and others do not, a block would close what was handed over, and there is no fix:
use `contextlib.ExitStack` and `pop_all()`, or close it in an `except` that re-raises.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource that a return, a raise or a branch of the function leaves open."""
    for site, found in verdict.under(verdict.NOT_ON_SOME_PATH, facts):
        text = f"{wording.subject(site)} is not {wording.undone(site)} {wording.way(facts, found.leak)}"
        yield Draft(
            site,
            wording.with_reason(text, site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak),
            found.leak,
            help=wording.advice(site),
        )


RULE = Rule(
    code=verdict.NOT_ON_SOME_PATH,
    name="not-released-on-some-path",
    summary="a resource that a return, a raise or a branch leaves open",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
