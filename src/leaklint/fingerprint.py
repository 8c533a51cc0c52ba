"""A name for a finding that stays when lines are inserted above it: what baselines and dashboards compare."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace

from leaklint.finding import Finding


def fingerprint(finding: Finding, line_text: str, occurrence: int) -> str:
    """32 hexadecimal digits made of the rule, the path, the function, the resource and the text of the line.

    ``line_text`` is the line that the finding stands on, of which white space does not count; ``occurrence`` tells
    apart findings that are equal in all of this: 0 for the first of the file. The path counts as given, with ``/``
    between its parts and without ``./``. Neither line numbers nor the message count.
    """
    path = posixpath.normpath(finding.location.path.replace("\\", "/"))
    parts = (finding.rule, path, finding.function, finding.resource, " ".join(line_text.split()), str(occurrence))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """The findings of several texts that make up one file: those with equal fingerprints get one for each time."""
    seen: Counter[str] = Counter()
    done: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: finding.location):
        key = finding.fingerprint
        if seen[key]:
            again = hashlib.sha256(f"{key}\0{seen[key]}".encode()).hexdigest()[:32]
            finding = replace(finding, fingerprint=again)
        done.append(finding)
        seen[key] += 1
    return done


def fingerprinted(findings: Iterable[Finding], line: Callable[[int], str]) -> tuple[Finding, ...]:
    """The findings of one file, each with its fingerprint, in their order.

    ``line`` returns the text of a line by its 1-based number.
    """
    seen: Counter[str] = Counter()
    done: list[Finding] = []
    for finding in findings:
        text = line(finding.location.line)
        key = fingerprint(finding, text, 0)
        done.append(replace(finding, fingerprint=fingerprint(finding, text, seen[key]) if seen[key] else key))
        seen[key] += 1
    return tuple(done)
