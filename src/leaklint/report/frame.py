"""The code frame: lines of source with their numbers, marked spans under them, and what lies between left out.

       |
     4 |     conn = psycopg2.connect(DSN)
       |            ^^^^^^^^^^^^^^^^^^^^^ opened here
     5 |     cur = conn.cursor()
     6 |     cur.execute(QUERY)
       |     ------------------ may raise here
    ...
    12 |     return rows
       |     ----------- leaves here, still open

A span that covers several lines is marked on its first. A line too long for a terminal is shown around each of its
spans, once for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from leaklint.report.colour import Paint, Style
from leaklint.report.plain import aligned

WIDEST = 160
"""code points of a line that are shown"""
LEAD = 40
"""of which at most so many stand before a span"""
GAP = 2
"""so many lines without a mark are shown between two with one; more are left out"""

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to underline: 1-based line and columns (the end exclusive, or 0 for the end of the line)."""

    line: int
    column: int
    end_column: int
    label: str
    primary: bool = False


def lines(source: str) -> list[str]:
    """The lines of a source as Python counts them: a form feed or a Unicode separator ends none."""
    return _LINE_END.split(source)


def frame(
    source: Sequence[str], marks: Sequence[Mark], *, emphasis: Style, encoding: str, paint: Paint
) -> Iterator[str]:
    """Yield the rows of a frame around ``marks``, of which there is at least one.

    ``emphasis`` is the style of primary marks. Marks on lines that ``source`` does not have are passed over.
    """
    by_line: dict[int, list[Mark]] = {}
    for mark in _merged(mark for mark in marks if 1 <= mark.line <= len(source)):
        by_line.setdefault(mark.line, []).append(mark)
    if not by_line:
        return
    width = gutter(max(by_line))
    edge = paint(" " * width + " |", Style.FRAME)
    yield edge
    previous = 0
    for number in sorted(by_line):
        between = range(previous + 1, number) if previous else range(0)
        if len(between) > GAP:
            yield paint("." * 3, Style.FRAME)
        else:
            for shown in between:
                yield _row(shown, width, aligned(source[shown - 1][:WIDEST], encoding)[0], paint)
        yield from _marked(number, source[number - 1], by_line[number], width, emphasis, encoding, paint)
        previous = number
    yield edge


def gutter(line: int) -> int:
    """Cells that the numbers of a frame take up to this line."""
    return len(str(line))


def _merged(marks: Iterator[Mark]) -> Iterator[Mark]:
    """Marks of one span become one mark with all their labels."""
    spans: dict[tuple[int, int, int], Mark] = {}
    for mark in marks:
        key = (mark.line, mark.column, mark.end_column)
        first = spans.get(key)
        if first is not None:
            labels = dict.fromkeys(label for label in (first.label, mark.label) if label)
            mark = replace(first, label=", ".join(labels), primary=first.primary or mark.primary)
        spans[key] = mark
    yield from sorted(spans.values(), key=lambda mark: (mark.line, not mark.primary))


def _marked(
    number: int, text: str, marks: list[Mark], width: int, emphasis: Style, encoding: str, paint: Paint
) -> Iterator[str]:
    text = text.rstrip()
    whole = len(text) <= WIDEST
    if whole:
        yield _row(number, width, aligned(text, encoding)[0], paint)
    for mark in marks:
        start = min(mark.column - 1, len(text))
        end = len(text) if mark.end_column == 0 else min(mark.end_column - 1, len(text))
        first = 0 if whole else max(0, start - LEAD)
        piece = text if whole else text[first : first + WIDEST]
        shown, columns = aligned(piece, encoding)
        before = "..." if first else ""
        if not whole:
            after = "..." if first + WIDEST < len(text) else ""
            yield _row(number, width, before + shown + after, paint)
        last = len(columns) - 1
        left, right = columns[min(start - first, last)], columns[min(max(end - first, 0), last)]
        under = ("^" if mark.primary else "-") * max(1, right - left)
        label = f" {aligned(mark.label, encoding)[0]}" if mark.label else ""
        yield (
            paint(" " * width + " | ", Style.FRAME)
            + " " * (len(before) + left)
            + paint(under + label, emphasis if mark.primary else Style.FRAME)
        )


def _row(number: int, width: int, shown: str, paint: Paint) -> str:
    return (paint(f"{number:>{width}} |", Style.FRAME) + f" {shown}").rstrip()
