"""What a change touched: the lines that git says were added or modified, and which findings lie on them. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from leaklint.finding import Finding

DIFF = (
    "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--text", "--find-renames", "--unified=0",
    "--inter-hunk-context=0", "--ignore-submodules", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
"""the arguments with which git writes what `touched_lines` reads, whatever is configured"""
UNTRACKED = ("ls-files", "--others", "--exclude-standard", "--full-name", "-z")
"""the arguments with which git writes what `names` reads"""

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class NoSuchChange(Exception):
    """There is no change to speak of: no repository, an unknown revision. The message says which."""


@dataclass(slots=True)
class Lines:
    """The lines of one file, 1-based, that a change touched, in the order of the file."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    """(first, last) of lines that were added or modified"""
    gaps: list[int] = field(default_factory=list)
    """lines behind which something was deleted and nothing put in its place"""

    def meets(self, first: int, last: int) -> bool:
        """Whether one of these lines was added or modified."""
        at = bisect_right(self.ranges, (last, float("inf")))
        return at > 0 and self.ranges[at - 1][1] >= first

    def lacks(self, first: int, last: int) -> bool:
        """Whether something was deleted between these lines."""
        at = bisect_right(self.gaps, last - 1)
        return at > 0 and self.gaps[at - 1] >= first


Changes = dict[bytes, Lines | None]
"""by path from the top of the repository; None for a file of which every line is new"""


def touched_lines(patch: bytes) -> Changes:
    """The lines that a patch, written by git with the arguments `DIFF`, adds or modifies."""
    changes: Changes = {}
    lines = iter(patch.split(b"\n"))
    current: Lines | None = None
    for line in lines:
        if line.startswith(b"diff --git "):
            current = None
        elif line.startswith(b"+++ ") and current is None:
            path = _path(line[4:])
            if path:
                current = Lines()
                changes[path] = current
        elif (hunk := _HUNK.match(line)) is not None:
            removed, start, added = (int(n) if n is not None else 1 for n in hunk.groups())
            if current is not None and added:
                current.ranges.append((start, start + added - 1))
            elif current is not None:
                current.gaps.append(start)
            # What the hunk holds is counted, not looked at: a line of it may look like a header.
            left = removed + added
            while left and (held := next(lines, None)) is not None:
                left -= not held.startswith(b"\\")
    return changes


def names(listing: bytes) -> Iterator[bytes]:
    """The paths in a listing that git wrote with ``-z``."""
    return filter(None, listing.split(b"\0"))


def _path(written: bytes) -> bytes:
    """The path in a header behind ``+++``; empty for a file that is gone."""
    if written.startswith(b'"'):
        written = _ESCAPE.sub(_unescaped, written.rstrip(b"\t")[1:-1])
    else:
        written = written.removesuffix(b"\t")
    return b"" if written == b"/dev/null" else written.removeprefix(b"b/")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes((int(code, 8),)) if len(code) == 3 else _ESCAPED.get(code, code)


def touched(
    findings: Iterable[Finding],
    changed: Callable[[str], Lines | None],
    statement: Callable[[Finding], tuple[int, int]],
) -> list[Finding]:
    """The findings of which the change touched any line of the statement, or a step.

    ``changed`` are the lines of a file by its path as in the finding, None for all of them; ``statement`` are the first
    and the last line of the statement in which a finding stands. Where lines were only deleted, what they may have done
    is missing from there on: a finding whose path leads past that place is touched.
    """
    return [finding for finding in findings if _is_touched(finding, changed, statement)]


def _is_touched(
    finding: Finding, changed: Callable[[str], Lines | None], statement: Callable[[Finding], tuple[int, int]]
) -> bool:
    here = finding.location.path
    lines = changed(here)
    if lines is None:
        return True
    first, last = 0, 0
    if lines.ranges or lines.gaps:
        first, last = statement(finding)
        if lines.meets(first, last):
            return True
    for step in finding.steps:
        at = step.location
        there = changed(at.path) if at.path != here else lines
        if there is None or there.meets(at.line, at.end_line):
            return True
        if at.path == here:
            first, last = min(first, at.line), max(last, at.end_line)
    return bool(lines.gaps) and lines.lacks(first, last)


__all__ = ["DIFF", "UNTRACKED", "Changes", "Lines", "NoSuchChange", "names", "touched", "touched_lines"]
