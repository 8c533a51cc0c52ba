"""# LL302 logging-handler-added

## What it does
Reports `addHandler` with a new handler in code that a Lambda handler runs, when the function neither removes it again
nor asks first whether the logger has one (`if not logger.handlers`, `hasHandlers()`, a flag of the module). Setting up
logging at module level, in a function that is only called from there, behind such a guard, or in a function under
`functools.cache` happens once and is not reported; neither is adding the same handler object again, which logging
ignores, nor `logging.basicConfig`, which does nothing when the root logger has a handler already. On Lambda it has one
from the start, put there by the runtime.

## Why it matters in Lambda
A logger lives as long as the process, and so does each handler that was added to it. The second warm invocation writes
every record twice, the hundredth a hundred times: the log, its bill and the time of each call grow with the age of the
sandbox, and every count that is made from the log is wrong. A handler with a file or a socket holds a descriptor for
good on top of it. Locally, where each run is a new process, nothing is to be seen.

## Example
```python
import logging
import sys


def handler(event, context):
    logger = logging.getLogger("orders")
    logger.addHandler(logging.StreamHandler(sys.stdout))
    logger.info("received %s", event["id"])
```

## Use instead
```python
import logging
import sys

logger = logging.getLogger("orders")
logger.addHandler(logging.StreamHandler(sys.stdout))


def handler(event, context):
    logger.info("received %s", event["id"])
```
Where the set-up has to stay in a function, guard it: `if not logger.handlers:`. Where the handler is meant for this
invocation alone (it captures the log of one job), remove it in a `finally`.

## Fix safety
Moving the set-up to module level runs it at import, before settings that the handler reads from the event are known.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per object that handler code registers with one that outlives it, and never takes back."""
    for site in facts.sites:
        if site.resource.kind != "registration" or not site.repeats or site.module_level:
            continue
        found = verdict.gravest(site)
        if found is None or site.released or site.transferred:
            continue
        if found.code not in verdict.LEFT_RUNNING:
            continue
        yield Draft(
            site,
            f"{wording.subject(site)} is added with every invocation and never removed: "
            "the logger outlives the invocation and writes each record once more",
            found.confidence,
            wording.path_steps(site, found.leak, opened="added here", state="still registered"),
            found.leak,
            help="add it at module level, or only if the logger has no handlers yet",
        )


RULE = Rule(
    code="LL302",
    name="logging-handler-added",
    summary="a logging handler that every invocation adds once more",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
