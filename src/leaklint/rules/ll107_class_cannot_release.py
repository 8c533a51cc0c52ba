"""# LL107 class-cannot-release

## What it does
Reports a resource that a class opens and stores on its objects, when no method of the class or of its base classes
releases it. Whoever makes such an object has no way to give back what it holds. What an object is given as an argument
and stores is borrowed, and not reported; a `close` of any name, an `__exit__`, or a method that hands the resource out
counts as a way. A release in `__del__` alone does not: nobody can tell when it runs, and not at all while anything
still refers to the object. HTTP and AWS clients, which their makers advise to keep, are not reported.

## Why it matters in Lambda
A handler that makes one such object per event opens one more connection with every warm invocation. The code that
makes the object looks innocent: there is nothing that it could have closed. When reference counting does reclaim the
object, the server's side learns of it late; when anything keeps the object (a cache, a stored exception, a cycle of
references), it stays open until the sandbox ends.

## Example
```python
import redis


class Scores:
    def __init__(self, host):
        self.client = redis.Redis(host=host)

    def add(self, player, points):
        self.client.zincrby("scores", points, player)


def handler(event, context):
    Scores("cache.internal").add(event["player"], event["points"])
```

## Use instead
```python
import redis


class Scores:
    def __init__(self, host):
        self.client = redis.Redis(host=host)

    def add(self, player, points):
        self.client.zincrby("scores", points, player)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.client.close()


def handler(event, context):
    with Scores("cache.internal") as scores:
        scores.add(event["player"], event["points"])
```
From then on the class is a resource: an object of it that is never closed is reported where it is made.

## Fix safety
Unsafe: the class gets a `close` (an `aclose` where the release is awaited), an `__enter__` and an `__exit__`, which
release all that it keeps. Whoever makes an object of it owes the release from then on: what would stay open in the same
file is reported in the same run, and mended where that is possible; in other files it is reported. There is no fix
where the class, or one that is related to it, has one of these names or may answer to them, where the attribute may
hold something else, where it may not be there, where objects of the class hand their methods to what may call them
later, and where the file asks objects for a `close`.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.rules import wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import kept_by_class


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per field of a class that it fills with what it cannot release, at the first acquisition."""
    seen: set[tuple[str, str]] = set()
    for site in facts.sites:
        confidence, kept = kept_by_class(site), site.kept_by
        if confidence is None or kept is None or (kept.owner, kept.name) in seen:
            continue
        seen.add((kept.owner, kept.name))
        text = f"`{kept.owner}` keeps this {site.resource.noun} in `{kept.name}` and has no method that"
        text += f" {wording.present(site)} it"
        if kept.finaliser:
            text += "; `__del__` does, but nobody can tell when it runs"
        yield Draft(
            site,
            wording.with_reason(text, site, None),
            confidence,
            ((site.span, f"opened here, and stored in `{kept.name}`"),),
            help=f"give `{kept.owner}` a `close` or an `__exit__` that calls {wording.release_call(site)}",
        )


RULE = Rule(
    code="LL107",
    name="class-cannot-release",
    summary="a class that owns a resource and has no way to release it",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
