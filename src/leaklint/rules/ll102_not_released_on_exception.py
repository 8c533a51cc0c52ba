"""# LL102 not-released-on-exception

## What it does
Reports a resource that is released when all goes well, and stays open when a certain expression raises, whether the
exception leaves the function or one of its handlers goes on without the release. The message names the expression and
its line; where several may raise, the likeliest one. What may raise is anything that talks to the resource, parses
data, reads a key of the event, or calls into code that raises; an attribute, an operator, `len` or a log call does
not count. A cancellation at an `await` and a generator that its caller abandons count as well: both leave the
function in the middle. Where the function hands the resource to its caller in the end, a failure on the way there is
only reported with low confidence: few factories are written to survive their own set-up.

## Why it matters in Lambda
The path that leaks is the one that runs when something is wrong: the database is failing over, a payload is
malformed, a downstream times out. That is when invocations are retried, so the leak is fastest exactly when
the system is weakest, and a fault of two minutes becomes an outage of two hours, until the sandboxes are
recycled. The exception itself prolongs the leak: its traceback refers to the frame, the frame to the handle,
and whatever keeps the exception (a logger, an error tracker, a retry decorator, a future) keeps the
connection open.

## Example
```python
import sqlite3


def handler(event, context):
    db = sqlite3.connect("/tmp/cache.db")
    row = db.execute("SELECT body FROM page WHERE url = ?", (event["url"],)).fetchone()
    db.close()
    return row
```

## Use instead
```python
import sqlite3
from contextlib import closing


def handler(event, context):
    with closing(sqlite3.connect("/tmp/cache.db")) as db:
        return db.execute("SELECT body FROM page WHERE url = ?", (event["url"],)).fetchone()
```
Acquire directly before the `try`, not inside of it: when the acquisition itself fails there is nothing to
close, and a `finally` that closes an unbound name hides the error.

## Fix safety
A `with` whose exit does exactly what the release did is safe: `--fix` puts it around what stands before the release,
and takes the release away. Leaving a psycopg 3 or snowflake connection also commits, where `close()` alone rolls back:
`contextlib.closing` keeps the meaning there. A release in a `try` of which a handler still uses the resource stays, and
a `finally` releases again, if the library allows that.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource that only an implicit exception leaves open."""
    for site, found in verdict.under(verdict.NOT_ON_EXCEPTION, facts):
        text = f"{wording.subject(site)} is not {wording.undone(site)} if {wording.event(facts, found.leak)}"
        yield Draft(
            site,
            wording.with_reason(text, site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak, wording.departure(found.leak)),
            found.leak,
            help=wording.advice(site),
        )


RULE = Rule(
    code=verdict.NOT_ON_EXCEPTION,
    name="not-released-on-exception",
    summary="a resource that stays open if something raises",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
