"""# LL205 kept-across-loops

## What it does
Reports an async client, session, pool or connection that works in one event loop only and is kept for the warm
invocations, while handler code makes a new loop with each of them (`asyncio.run`, `asyncio.new_event_loop`,
`async_to_sync`). It stands in place of LL201 and LL202. A loop that the module makes once and keeps is not reported.

## Why it matters in Lambda
`asyncio.run` closes its loop at the end. What was opened in it (an `aiohttp` session, a pool of `asyncpg`, a client of
`redis.asyncio`) still has its sockets and timers registered there: the next invocation gets "Event loop is closed" or
"attached to a different loop", or waits for an answer that nobody reads. The first invocation works, so tests do not
see it.

## Example
```python
import asyncio

import asyncpg

pool = None


async def answer(event):
    global pool
    if pool is None:
        pool = await asyncpg.create_pool(host="db.internal")
    return await pool.fetchval("SELECT total FROM cart WHERE id = $1", event["id"])


def handler(event, context):
    return asyncio.run(answer(event))
```

## Use instead
```python
import asyncio

import asyncpg


async def answer(event):
    connection = await asyncpg.connect(host="db.internal")
    try:
        return await connection.fetchval("SELECT total FROM cart WHERE id = $1", event["id"])
    finally:
        await connection.close()


def handler(event, context):
    return asyncio.run(answer(event))
```
To keep the client, keep its loop as well: make one at module level and call its `run_until_complete`. Then it is as
good, and as bad, as any kept connection: see LL201.

## Fix safety
There is no automatic change: whether the client or the loop is to be kept is the program's choice.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import keeping, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per kept resource of one event loop, where each invocation runs another."""
    for site in facts.sites:
        if site.cached is None or site.cached.loop is None:
            continue
        loop = site.cached.loop
        yield Draft(
            site,
            f"{wording.subject(site)} is kept across invocations by {site.cached.where}, and each invocation makes an "
            f"event loop of its own {wording.on_line(facts, loop)}: it works in the first one only",
            keeping.confidence(site),
            ((site.span, "opened here, and kept"), (loop, "each invocation makes a loop here")),
            help=f"open it in the coroutine and {wording.infinitive(site)} it there, or keep one loop at module level",
        )


RULE = Rule(
    code="LL205",
    name="kept-across-loops",
    summary="an async client kept for warm invocations that each run an event loop of their own",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
