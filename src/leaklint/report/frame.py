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
NARROWEST = 20
"""code points of a line that are shown on the narrowest terminal"""
LEAD = 40
"""at most so many of them, and a quarter, stand before a span"""
GAP = 2
"""so many lines without a mark are shown between two with one; more are left out"""

_CUT = "..."
"""stands for what is left out of a line, or for lines that are left out"""
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
    source: Sequence[str], marks: Sequence[Mark], *, emphasis: Style, encoding: str, paint: Paint, cells: int = 0
) -> Iterator[str]:
    """Yield the rows of a frame around ``marks``, of which there is at least one.

    ``emphasis`` is the style of primary marks. Marks on lines that ``source`` does not have are passed over. ``cells``
    is the width that source and marks have to fit in, 0 when it does not matter.
    """
    by_line: dict[int, list[Mark]] = {}
    for mark in _merged(mark for mark in marks if 1 <= mark.line <= len(source)):
        by_line.setdefault(mark.line, []).append(mark)
    if not by_line:
        return
    width = gutter(max(by_line))
    widest = min(WIDEST, max(NARROWEST, cells - width - len(" | ") - 2 * len(_CUT))) if cells else WIDEST
    edge = paint(" " * width + " |", Style.FRAME)
    yield edge
    previous = 0
    for number in sorted(by_line):
        between = range(previous + 1, number) if previous else range(0)
        if len(between) > GAP:
            yield paint(_CUT, Style.FRAME)
        else:
            for shown in between:
                text = aligned(source[shown - 1][:widest], encoding)[0]
                yield from _drawn(_Row(shown, text), "", width, cells, paint)
        for row, label in _marked(number, source[number - 1], by_line[number], widest, emphasis, encoding):
            yield from _drawn(row, label, width, cells, paint)
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a frame behind its edge: a line of source with its number, or the underline of a mark."""

    number: int
    """0 for an underline"""
    text: str
    indent: int = 0
    style: Style = Style.FRAME


def _marked(
    number: int, text: str, marks: list[Mark], widest: int, emphasis: Style, encoding: str
) -> Iterator[tuple[_Row, str]]:
    """Yield the rows of a line with its marks, each with a label, which may be empty."""
    text = text.rstrip()
    whole = len(text) <= widest
    if whole:
        yield _Row(number, aligned(text, encoding)[0]), ""
    for mark in marks:
        start = min(mark.column - 1, len(text))
        end = len(text) if mark.end_column == 0 else min(mark.end_column - 1, len(text))
        first = 0 if whole else max(0, start - min(LEAD, widest // 4))
        piece = text if whole else text[first : first + widest]
        shown, columns = aligned(piece, encoding)
        before = _CUT if first else ""
        if not whole:
            after = _CUT if first + widest < len(text) else ""
            yield _Row(number, before + shown + after), ""
        last = len(columns) - 1
        left, right = columns[min(start - first, last)], columns[min(max(end - first, 0), last)]
        under = ("^" if mark.primary else "-") * max(1, right - left)
        style = emphasis if mark.primary else Style.FRAME
        yield _Row(0, under, len(before) + left, style), aligned(mark.label, encoding)[0]


def _drawn(row: _Row, label: str, width: int, cells: int, paint: Paint) -> Iterator[str]:
    """Yield a row as it is printed; a label that does not fit beside its mark gets a row of its own."""
    if row.number:
        yield (paint(f"{row.number:>{width}} |", Style.FRAME) + f" {row.text}").rstrip()
        return
    edge = paint(" " * width + " | ", Style.FRAME)
    fits = not cells or width + 3 + row.indent + len(row.text) + 1 + len(label) <= cells
    beside = f" {label}" if label and fits else ""
    yield edge + " " * row.indent + paint(row.text + beside, row.style)
    if label and not fits:
        indent = max(0, min(row.indent, cells - width - 3 - len(label)))
        yield edge + " " * indent + paint(label, row.style)
