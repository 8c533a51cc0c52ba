"""# LL106 release-not-called

## What it does
Reports a release that is named and never runs: `conn.close` without parentheses is an expression without
effect, and `client.aclose()` without `await` makes a coroutine that nobody runs. A reference that is passed
on (`stack.callback(conn.close)`, `atexit.register(conn.close)`) is a release and is not reported.

## Why it matters in Lambda
Both read as if the resource were closed, so the search for the leak begins elsewhere. The forgotten `await`
is worse than a forgotten close: the finaliser of an async client cannot await, so dropping it closes nothing
in order, and "coroutine was never awaited" is one RuntimeWarning in the log of a cold start.

## Example
```python
import socket


def handler(event, context):
    probe = socket.create_connection(("cache.internal", 6379), 2)
    try:
        probe.sendall(b"PING")
        return probe.recv(16)
    finally:
        probe.close
```

## Use instead
```python
import socket


def handler(event, context):
    probe = socket.create_connection(("cache.internal", 6379), 2)
    try:
        probe.sendall(b"PING")
        return probe.recv(16)
    finally:
        probe.close()
```

## Fix safety
Adding the parentheses (or the `await`) runs code that never ran before: `--fix` does it only where nothing names the
handle afterwards.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts, Site
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per resource of which the release is named and not run."""
    for site, found in verdict.under(verdict.RELEASE_NOT_CALLED, facts):
        where = wording.on_line(facts, site.uncalled) if site.uncalled is not None else ""
        lacking = "awaited" if wording.is_awaited(site) else "called"
        text = f"the release of {wording.subject(site)} {where} is not {lacking}"
        yield Draft(
            site,
            wording.with_reason(text, site, found.leak),
            found.confidence,
            wording.path_steps(site, found.leak),
            found.leak,
            help=_help(site, lacking),
        )


def _help(site: Site, lacking: str) -> str:
    verb = "await" if lacking == "awaited" else "call"
    return f"{verb} it: {wording.release_call(site)}"


RULE = Rule(
    code=verdict.RELEASE_NOT_CALLED,
    name="release-not-called",
    summary="a release that is named and not called, or not awaited",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
