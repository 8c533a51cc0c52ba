"""# LL204 cached-connection-replaced

## What it does
Reports a connection to a server that takes the place of one which is kept and may still be open: a global that every
invocation sets anew and nothing closes, or a reconnect in an `except` that does not close what failed. Nothing is
reported where the old one is closed before, or where the code has asked whether there is one or whether it is closed.

## Why it matters in Lambda
The name moves on, and what it named stays open until the last reference to it goes: a cursor, a frame of a stored
exception or an event loop may hold on to it for long. A statement that failed says little about the connection; often
it is as open as before, and the server counts two for one sandbox. That a driver closes its socket when the object dies
is an accident of reference counting, and the server learns of it without a goodbye: its transaction, its locks and its
slot stay until it notices.

## Example
```python
import psycopg2

conn = None


def connect():
    global conn
    conn = psycopg2.connect(host="db.internal", dbname="shop")


def handler(event, context):
    connect()
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
If it is to be kept all the same, call `conn.close()` before the reconnect.

## Fix safety
There is no automatic change: a `close()` of a broken connection may raise, and what to do then is the program's choice.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import keeping, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import is_replaced, outlives_its_loop


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per connection that takes the place of one that may be open."""
    for site in facts.sites:
        if site.cached is None or not is_replaced(site) or outlives_its_loop(site):
            continue
        yield Draft(
            site,
            f"{wording.subject(site)} replaces the one that {site.cached.where} keeps {site.cached.replaces}, "
            f"and nothing has {wording.undone(site)} the old one: the server counts it until the last reference goes",
            keeping.confidence(site),
            ((site.span, "takes the place of the old one"),),
            help=f"call {wording.release_call(site)} on the old one first, or open and {wording.infinitive(site)} it "
            "in the handler",
        )


RULE = Rule(
    code="LL204",
    name="cached-connection-replaced",
    summary="a kept connection that a new one replaces while it may be open",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
