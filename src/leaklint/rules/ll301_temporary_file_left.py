"""# LL301 temporary-file-left

## What it does
Reports a file or folder in the temporary directory that is made and not removed: the path of `tempfile.mkstemp`, of
`tempfile.mkdtemp`, of `NamedTemporaryFile(delete=False)` and `TemporaryDirectory(delete=False)`, and of
`urllib.request.urlretrieve` without a file name. Removing it (`os.unlink`, `shutil.rmtree`, `Path.unlink`), moving it
away (`os.replace`, `shutil.move`), returning the path or storing it on an object, and passing it to a function of the
project that removes it count. The descriptor of `mkstemp` is another matter and falls under LL1: the two are closed
and removed apart, and are reported apart. Outside of handler code a path that only an exception leaves behind is not
reported, nor is one that a module makes while it is imported: that is one per sandbox.

## Why it matters in Lambda
`/tmp` belongs to the sandbox, not to the invocation: 512 MB by default, at most 10 GB, and what one invocation writes
is still there for the next. A handler that leaves a file of 5 MB fails with "No space left on device" after a hundred
warm invocations, first where the traffic is highest, and then in every invocation of that sandbox until it is
recycled. What is left is also read: the next invocation, perhaps for another customer, sees the file.

## Example
```python
import os
import tempfile


def handler(event, context):
    descriptor, path = tempfile.mkstemp(suffix=".csv")
    with os.fdopen(descriptor, "w") as target:
        target.write(event["body"])
    return os.path.getsize(path)
```

## Use instead
```python
import os
import tempfile


def handler(event, context):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as target:
        target.write(event["body"])
        target.flush()
        return os.path.getsize(target.name)
```
`TemporaryDirectory` in a `with` removes all that was put into it. Where another library wants to open the path itself,
keep `mkstemp` or `mkdtemp` and remove the path in a `finally`.

## Fix safety
Removing the file earlier than its last reader breaks the reader: code that got the path and reads it later, in a
thread, a generator or a child process.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import Leak, ModuleFacts, Site
from leaklint.finding import Confidence
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import Verdict


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per temporary path that some way through its function leaves behind."""
    for site in facts.sites:
        if not site.resource.is_path or site.module_level:
            continue
        found = verdict.gravest(site)
        if found is None:
            continue
        on_exception = found.code == verdict.NOT_ON_EXCEPTION
        departure = wording.departure(found.leak) if on_exception else "leaves here"
        yield Draft(
            site,
            f"{wording.subject(site)} is {_undone(facts, found)} (it takes room in /tmp until the sandbox ends)",
            Confidence.LOW if on_exception and not site.repeats else found.confidence,
            wording.path_steps(site, found.leak, departure, opened="made here", state="still there"),
            found.leak,
            help=_help(site),
        )


def _undone(facts: ModuleFacts, found: Verdict) -> str:
    if found.code == verdict.NEVER_RELEASED:
        return "never removed"
    if found.code == verdict.NOT_ON_EXCEPTION:
        return f"not removed if {wording.event(facts, found.leak)}"
    if found.code == verdict.HANDLE_LOST:
        return _lost(facts, found.leak)
    return f"not removed {wording.way(facts, found.leak, 'still there')}"


def _lost(facts: ModuleFacts, leak: Leak) -> str:
    if leak.lost_by == "rebound":
        return f"not removed before its path is overwritten {wording.on_line(facts, leak.end)}"
    return "never removed: its path is kept nowhere"


def _help(site: Site) -> str:
    if not (site.place or site.kept_as):
        return "keep its path and remove it in a `finally`"
    return f"call {wording.release_call(site)} in a `finally`"


RULE = Rule(
    code="LL301",
    name="temporary-file-left",
    summary="a temporary file or folder that nothing removes from /tmp",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
