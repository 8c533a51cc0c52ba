"""Findings that are known and not reported: the entries of a baseline file, how findings meet them, what is left.

A file holds one entry a line, sorted, so that a difference of two versions reads as a list of findings:

    {
      "schema_version": 1,
      "findings": [
        {"path": "src/app.py", "rule": "LL101", "function": "handler", "fingerprint": "5c…", "count": 1}
      ]
    }

A fingerprint is that of `leaklint.fingerprint`, made with the path as it is seen from the folder of the file: it does
not depend on line numbers, nor on where leaklint was started. Equal findings of a file share an entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from leaklint.finding import Finding
from leaklint.fingerprint import fingerprint

SCHEMA_VERSION = 1


class BaselineError(Exception):
    """The text is no baseline: the message says what is wrong with it."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """What equal findings of a file have in common. ``function`` is for people, the rest is compared."""

    path: str
    """from the folder of the baseline, with ``/`` between its parts"""
    rule: str
    function: str
    fingerprint: str


Baseline = Counter[Entry]
"""how often each entry may be met"""


def entry(finding: Finding, path: str, line_text: str) -> Entry:
    """The entry of a finding in the file ``path`` on a line of this text."""
    there = replace(finding, location=replace(finding.location, path=path))
    return Entry(path, finding.rule, finding.function, fingerprint(there, line_text, 0))


def unmet(
    findings: Iterable[Finding], known: Baseline, entry_of: Callable[[Finding], Entry]
) -> tuple[list[Finding], Baseline]:
    """The findings that ``known`` does not hold, and the entries that no finding met.

    Of more equal findings than there were, the first count as known.
    """
    left = Counter(known)
    fresh: list[Finding] = []
    for finding in findings:
        key = entry_of(finding)
        if left[key] > 0:
            left[key] -= 1
        else:
            fresh.append(finding)
    return fresh, +left


def dump(known: Baseline) -> str:
    """The text of the file."""
    import json

    rows = (
        {
            "path": e.path,
            "rule": e.rule,
            "function": e.function,
            "fingerprint": e.fingerprint,
            "count": count,
        }
        for e, count in sorted(known.items())
    )
    body = ",\n".join(f"    {json.dumps(row)}" for row in rows)
    listed = f"[\n{body}\n  ]" if body else "[]"
    return f'{{\n  "schema_version": {SCHEMA_VERSION},\n  "findings": {listed}\n}}\n'


def load(text: str) -> Baseline:
    """The entries of a file. Raises BaselineError."""
    import json

    try:
        document = json.loads(text)
    except ValueError as problem:
        raise BaselineError(f"not JSON: {problem}") from None
    except RecursionError:
        raise BaselineError("not a baseline of leaklint") from None
    if not isinstance(document, dict) or "schema_version" not in document or "findings" not in document:
        raise BaselineError("not a baseline of leaklint: it needs schema_version and findings")
    if document["schema_version"] != SCHEMA_VERSION:
        version = document["schema_version"]
        raise BaselineError(f"schema_version is {version!r}, this leaklint reads {SCHEMA_VERSION}")
    if not isinstance(document["findings"], list):
        raise BaselineError("findings is no list")
    known: Baseline = Counter()
    for number, row in enumerate(document["findings"], 1):
        known[_read(row, number)] += row["count"]
    return known


def _read(row: object, number: int) -> Entry:
    if not isinstance(row, dict):
        raise BaselineError(f"finding {number} is no object")
    for key in ("path", "rule", "function", "fingerprint"):
        if not isinstance(row.get(key), str):
            raise BaselineError(f"finding {number} has no text as {key}")
    count = row.get("count")
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise BaselineError(f"the count of finding {number} is no positive number")
    return Entry(row["path"], row["rule"], row["function"], row["fingerprint"])


__all__ = ["Baseline", "BaselineError", "Entry", "dump", "entry", "load", "unmet"]
