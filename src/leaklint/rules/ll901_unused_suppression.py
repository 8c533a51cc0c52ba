"""# LL901 unused-suppression

## What it does
Reports a suppression comment that suppresses nothing: `# leaklint: ignore[LL101]` on a statement that has no such
finding, a code in its brackets that is not needed beside others that are, or that is no rule at all, and a comment
that is misspelt and therefore without effect. A comment for a rule that is not selected in this run is left alone,
and so is a `# noqa` without codes, which other tools read too.

## Why it matters in Lambda
A suppression is a claim about the line below it. When the leak is mended or moved, the comment stays and will
silence the next one on that line, which is then found in production.

## Example
```python
def handler(event, context):
    with open("/opt/settings.ini") as source:  # leaklint: ignore[LL101] closed by the caller
        return source.read()
```

## Use instead
```python
def handler(event, context):
    with open("/opt/settings.ini") as source:
        return source.read()
```

## Fix safety
Deleting the comment, or the codes in it that are not needed, changes no code. A misspelt comment is left: whoever
wrote it meant something by it.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.finding import Confidence
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per suppression of ``facts.unused``, which is filled when all other findings have met the comments."""
    for unused in facts.unused:
        yield Draft(
            None,
            f"this suppression does nothing: {unused.detail}",
            Confidence.CERTAIN,
            span=unused.span,
            help="delete the comment, or the codes that are not needed",
        )


RULE = Rule(
    code="LL901",
    name="unused-suppression",
    summary="a suppression comment that suppresses nothing",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
