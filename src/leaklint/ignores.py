"""Suppressions that are written for people: where in the text of a file a comment can stand, and what it says. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from leaklint.edit import Edit, apply
from leaklint.finding import Finding
from leaklint.syntax import comments
from leaklint.syntax.comments import Comments, Suppression
from leaklint.syntax.statements import Statements


class NoPlace(Exception):
    """A finding cannot be suppressed by a comment: the message says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a comment can be put on a line: behind its code or comment, up to the line's end (offsets in the text)."""

    start: int
    end: int


def is_reason(reason: str) -> bool:
    """Whether this can stand behind a suppression without being more than a reason."""
    if not reason.isprintable():
        return False
    alone = comments.read("# leaklint: ignore[LL101]\n").suppressions
    return comments.read(f"# leaklint: ignore[LL101] {reason}\n") == Comments(alone)


def suppressed(text: str, findings: Iterable[Finding], reason: str) -> str:
    """The text (without a byte order mark) with a suppression for each finding, and otherwise the same.

    The comment stands on the line of the finding or on another one of its statement that can take it; a suppression
    that is there already gets the further codes. Raises NoPlace, SyntaxError for text that is not Python.
    """
    tree = ast.parse(text)
    statements = Statements(tree)
    places = endings(text)
    there = comments.read(text).suppressions
    wanted: dict[int, list[str]] = {}
    for finding in findings:
        line = _line(finding, statements, places, there)
        codes = wanted.setdefault(line, [])
        if finding.rule not in codes:
            codes.append(finding.rule)
    starts = _starts(text)
    edits = []
    for line, codes in wanted.items():
        old = _extensible(line, there)
        if old is not None:
            start = starts[line - 1] + old.column - 1
            edits.append(Edit(start, start + old.end_column - old.column, _comment([*old.codes, *codes])))
        else:
            place = places[line]
            gap = "  " if place.start > starts[line - 1] else ""
            said = f" {reason}" if reason else ""
            edits.append(Edit(place.start, place.end, f"{gap}{_comment(codes)}{said}"))
    result = apply(text, edits)
    if ast.dump(ast.parse(result)) != ast.dump(tree):
        raise NoPlace("a comment would change the code")
    return result


def _comment(codes: Sequence[str]) -> str:
    return f"# leaklint: ignore[{', '.join(sorted(set(codes)))}]"


def _line(finding: Finding, statements: Statements, places: dict[int, Ending], there: tuple[Suppression, ...]) -> int:
    """The line for the suppression of a finding: where one stands already, else its own, else one behind, else before.

    Raises NoPlace.
    """
    here = finding.location
    first, last = statements.lines(here.line, here.end_line)
    order: list[int] = [*range(here.line, last + 1), *range(here.line - 1, first - 1, -1)]
    for line in order:
        if line in places and _extensible(line, there) is not None:
            return line
    for line in order:
        if line in places:
            return line
    raise NoPlace(f"no line of the statement on line {here.line} can take a comment")


def _extensible(line: int, there: tuple[Suppression, ...]) -> Suppression | None:
    """The suppression on a line that can take further codes."""
    return next((s for s in there if s.line == line and s.codes and not s.shared), None)


def endings(text: str) -> dict[int, Ending]:
    """Where a comment can stand, by line: not within a string of several lines, nor behind a backslash."""
    starts = _starts(text)
    found: dict[int, Ending] = {}
    for line, column in _ends(text):
        start = starts[line - 1]
        code = text[start : start + column].rstrip(" \t\f")
        found[line] = Ending(start + len(code), start + column)
    return found


def _ends(text: str) -> Iterator[tuple[int, int]]:
    """(line, column) at which the tokens of a line end that a comment may follow: the line 1-based, the column not."""
    import tokenize
    from io import StringIO

    openings: set[int] = {getattr(tokenize, name, -1) for name in ("FSTRING_START", "TSTRING_START")}
    closings: set[int] = {getattr(tokenize, name, -1) for name in ("FSTRING_END", "TSTRING_END")}
    depth = 0
    translated = text.replace("\r\n", "\n").replace("\r", "\n")
    for token in tokenize.generate_tokens(StringIO(translated).readline):
        depth += (token.type in openings) - (token.type in closings)
        # Within the braces of an f-string only recent versions of Python allow comments.
        if token.type in (tokenize.NEWLINE, tokenize.NL) and depth == 0:
            yield token.start


def _starts(text: str) -> list[int]:
    """The offset of each line of a text whose lines end as Python's do."""
    return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", text))]


__all__ = ["NoPlace", "endings", "is_reason", "suppressed"]
