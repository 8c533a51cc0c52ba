"""# LL101 never-released

## What it does
Reports a resource that no path of the function releases and that nobody else takes over: it is still open
when the function returns. A `return` of the handle, storing it on an object that closes it, and passing it to
something that owns it count as taking over; passing it to `json.load` or `csv.reader`, which only read from
it, does not. A call of a helper of this project that returns a fresh connection counts as opening one, and
the caller is the one to close it.

## Why it matters in Lambda
A sandbox is reused for hours and allows 1,024 descriptors. What an invocation leaves open stays open for the
next one unless the interpreter happens to reclaim it, and much is never reclaimed: raw descriptors, clients
with threads of their own, checked-out connections of a pool, a `Popen` whose pipes are still open. A sqlite3
connection waits for a cyclic garbage collection since Python 3.11, and a small handler allocates too little
to start one: forty warm invocations held forty descriptors. Reference counting does close plain files and
most database connections when the frame dies, but not while a logged or stored exception still holds that
frame. On the other side every forgotten connection occupies a slot of the database server, and it is
multiplied by the number of sandboxes. The failure comes long after the deploy, as EMFILE or "too many
connections", in code that did nothing wrong.

## Example
```python
import pymysql


def handler(event, context):
    conn = pymysql.connect(host="db", user="app")
    with conn.cursor() as cursor:
        cursor.execute("SELECT name FROM customer WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```

## Use instead
```python
import pymysql


def handler(event, context):
    with pymysql.connect(host="db", user="app") as conn, conn.cursor() as cursor:
        cursor.execute("SELECT name FROM customer WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```
Whether leaving a `with` closes the connection differs between drivers: pymysql and psycopg 3 close it,
psycopg2, sqlite3 and pyodbc only end the transaction (see LL105). Where it does not, use
`contextlib.closing(...)` or a `try`/`finally`.

## Fix safety
`--fix` puts a `with` (or `closing`, a `finally`, an `ExitStack`: what the library needs) around all that uses the
handle or what was made of it. It leaves the code alone, and says why, where the handle is returned, stored, captured by
a closure or read lazily later, and where a second close would raise. The fix is unsafe where an unknown function may
have kept the handle, where a helper of another file opens it, and where the release waits for work.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource that no path releases."""
    for site, found in verdict.under(verdict.NEVER_RELEASED, facts):
        text = f"{wording.subject(site)} is never {wording.undone(site)}"
        if site.looks_released is not None:
            span, method = site.looks_released
            text += f"; `{method}` {wording.on_line(facts, span)} does not do it"
        yield Draft(
            site,
            wording.with_reason(text, site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak),
            found.leak,
            help=wording.advice(site),
        )


RULE = Rule(
    code=verdict.NEVER_RELEASED,
    name="never-released",
    summary="a resource that no path releases",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
