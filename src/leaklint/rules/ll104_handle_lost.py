"""# LL104 handle-lost

## What it does
Reports a resource of which the last name goes away while it is open, so that nothing can release it any more:
the call stands alone and its result is discarded; it is only an argument (`json.load(open(path))`) or the
receiver of one call (`open(path).read()`); its variable is bound to something else, most often to the next
one in a loop; or it is deleted.

## Why it matters in Lambda
`json.load(open(path))` is closed at once by CPython's reference counting, on the normal path: that is why it
is so common, and why the severity is low. When the parser raises, the exception's traceback keeps the file
open for as long as anyone keeps the exception. What reference counting does not reclaim is lost for good: a
descriptor from `os.open`, a connection taken from a pool, a client with a thread. A handle that is
overwritten in a loop multiplies by the size of the batch.

## Example
```python
import json


def handler(event, context):
    return json.load(open("/opt/settings.json"))
```

## Use instead
```python
import json


def handler(event, context):
    with open("/opt/settings.json") as source:
        return json.load(source)
```
In a loop, put the `with` inside of the loop; for resources that must be open together, enter each into one
`contextlib.ExitStack`. `Path(path).read_text()` needs no handle at all.

## Fix safety
Hoisting the call into a `with` changes when the file is opened if other arguments of the same statement have
effects before it: `--fix` does it only when the call is evaluated first, and always. What a branch of an expression or
a comprehension opens is given to an `ExitStack`.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import Leak, ModuleFacts, Site
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource that loses its last name while it is open."""
    for site, found in verdict.under(verdict.HANDLE_LOST, facts):
        yield Draft(
            site,
            wording.with_reason(_text(facts, site, found.leak), site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak, _departure(found.leak)),
            found.leak,
            help=wording.advice(site),
        )


def _text(facts: ModuleFacts, site: Site, leak: Leak) -> str:
    subject = wording.subject(site)
    if leak.lost_by == "rebound":
        if leak.end.start <= site.span.start < leak.end.end:
            return f"{subject} is lost when the next round of the loop opens another"
        return f"{subject} is lost to the new value {wording.on_line(facts, leak.end)} while it is open"
    if leak.lost_by == "deleted":
        return f"{subject} is deleted {wording.on_line(facts, leak.end)} while it is open"
    if leak.lost_by == "discarded":
        return f"{subject} is opened and dropped: nothing can {wording.infinitive(site)} it"
    return f"{subject} has no name: nothing can {wording.infinitive(site)} it"


def _departure(leak: Leak) -> str:
    return {"rebound": "rebound here", "deleted": "deleted here"}.get(leak.lost_by, "dropped here")


RULE = Rule(
    code=verdict.HANDLE_LOST,
    name="handle-lost",
    summary="an open resource that nothing refers to any more",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
