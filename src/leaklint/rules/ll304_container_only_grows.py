"""# LL304 container-only-grows

## What it does
Reports a list, dict, set or deque that the module makes, that handler code adds to, and from which nothing in the
module ever takes away: no `clear`, `pop`, `remove` or `del`, no new value, no test of its size around the addition. An
addition counts when it is one more each time (`append`, `extend`, an entry under a fresh `uuid4()`), and when it is
kept by a key that comes from the event. Keys that are constants are no growth. A dict whose keys come from elsewhere is
a cache of a few settings more often than not, and so is one that another name may empty: both are only reported with
low confidence.

## Why it matters in Lambda
A module is imported once per sandbox, so what looks like a fresh list on every run of the script is the same list in
every warm invocation. Two things go wrong. The memory grows until the sandbox is killed for it, which takes weeks on a
quiet function and minutes on a busy one. And the data of earlier invocations is still there: the handler that collects
its results in a global list answers with those of other requests, or writes them a second time.

## Example
```python
import boto3

rows = []


def handler(event, context):
    for record in event["Records"]:
        rows.append(record["body"])
    boto3.client("s3").put_object(Bucket="log", Key=event["id"], Body="\\n".join(rows))
```

## Use instead
```python
import boto3


def handler(event, context):
    rows = [record["body"] for record in event["Records"]]
    boto3.client("s3").put_object(Bucket="log", Key=event["id"], Body="\\n".join(rows))
```
A cache needs a bound: `functools.lru_cache(maxsize=256)`, `collections.deque(maxlen=100)`, or an eviction of its own.

## Fix safety
Making the container local changes what the next invocation finds: code that counts on it (a cache, a filter for
duplicates) has to keep it, with a bound.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import Growth, ModuleFacts
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per module-level container that handler code only grows."""
    for growth in facts.growths:
        yield Draft(
            None,
            f"module-level {growth.kind} `{growth.name}` only grows: {_pace(growth)} and nothing takes away",
            growth.confidence,
            (
                (growth.made, "made once per sandbox"),
                (growth.grown[0], "grows here"),
                *((span, "and here") for span in growth.grown[1:4]),
            ),
            span=growth.grown[0],
            help=_help(growth),
            function=growth.function,
        )


def _pace(growth: Growth) -> str:
    if not growth.key:
        return "every invocation adds to it"
    return f"it keeps an entry for each {growth.key}"


def _help(growth: Growth) -> str:
    if not growth.key:
        return f"make it inside of the function, or empty it when its contents have been used: `{growth.name}.clear()`"
    return "bound it: `functools.lru_cache(maxsize=...)`, or remove old entries"


RULE = Rule(
    code="LL304",
    name="container-only-grows",
    summary="a module-level container that handlers only add to",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
