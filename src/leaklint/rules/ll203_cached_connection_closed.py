"""# LL203 cached-connection-closed

## What it does
Reports code that closes a connection which is kept for the warm invocations, and leaves it where the next invocation
finds it: a `close()` on the global (or on what a function returned from it), a `with` over it whose end closes it.
The finding stands on the close, in place of LL201 and LL202 for the connection. Nothing is reported where the code
empties the variable, where it opens a new connection before the next use or when the old one is closed
(`if conn.closed`), or where the library opens anew by itself, as an engine of SQLAlchemy and a client of Redis do.

## Why it matters in Lambda
The first invocation in a sandbox works. The second finds the global set, takes it, and fails with "connection already
closed"; so does every other until the sandbox goes. Tests rarely see it, since they call the handler once.

## Example
```python
import psycopg2

conn = psycopg2.connect(host="db.internal", dbname="shop")


def handler(event, context):
    try:
        with conn.cursor() as cursor:
            cursor.execute("SELECT total FROM cart WHERE id = %s", (event["id"],))
            return cursor.fetchone()
    finally:
        conn.close()
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

## Fix safety
Unsafe: where a single handler of the file uses a connection of the module, it is opened there with every call, as for
LL201, and the close stays, or becomes the end of a `with`. Otherwise there is no automatic change: either the
connection is opened in the handler, or it is not closed there.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.edit import Span
from leaklint.finding import Confidence
from leaklint.rules import wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per place at which something kept is closed and stays where it is."""
    seen: set[Span] = set()
    for site in facts.sites:
        for closing in site.cached.closings if site.cached is not None else ():
            if closing.span in seen:
                continue
            seen.add(closing.span)
            where = site.cached.where if site.cached is not None else ""
            yield Draft(
                site,
                f"{wording.subject(site)} is {wording.undone(site)} here and stays in {where}: "
                f"the next invocation in the same sandbox gets it {wording.undone(site)}",
                Confidence.HIGH if closing.sure else Confidence.MEDIUM,
                ((site.span, "opened here, and kept"), (closing.span, f"{wording.undone(site)} here")),
                span=closing.span,
                function=closing.function,
                help=f"open it in the handler and {wording.infinitive(site)} it there, or keep it and leave it open",
            )


RULE = Rule(
    code="LL203",
    name="cached-connection-closed",
    summary="a kept connection that is closed, so that the next invocation gets a dead one",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
