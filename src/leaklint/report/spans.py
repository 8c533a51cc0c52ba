"""Positions in a source for formats that count otherwise, and the fix of a finding as replacements of spans."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.edit import Fix, apply
from leaklint.syntax.lines import Lines


class Text(Lines):
    """A source by lines, as Python ends them, for formats that count columns in bytes."""

    __slots__ = ()

    def bytes_before(self, line: int, column: int) -> int | None:
        """How many bytes of UTF-8 stand on ``line`` before ``column``; None for a line that the source has not."""
        if not 1 <= line <= len(self.starts):
            return None
        start = self.starts[line - 1]
        return len(self.text[start : start + column - 1].encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Replacement:
    """Replace the text from ``start`` up to ``end``, both (line, column) as `Text` counts them, by ``text``."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def replacements(fix: Fix, text: Text) -> list[Replacement]:
    """The edits of a fix, in the order of the source."""
    edits = sorted(fix.edits, key=lambda edit: (edit.start, edit.end))
    return [Replacement(text.position(edit.start), text.position(edit.end), edit.text) for edit in edits]


def whole(fix: Fix, text: Text) -> Replacement:
    """The edits of a fix as a single one, from the first that it touches to the last: either all is done or nothing."""
    start, end = min(edit.start for edit in fix.edits), max(edit.end for edit in fix.edits)
    after = len(text.text) - end
    mended = apply(text.text, fix.edits)
    return Replacement(text.position(start), text.position(end), mended[start : len(mended) - after])
