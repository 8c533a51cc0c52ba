"""Where the lines of a text start, and what ast's positions are in it. Offsets are code points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True)
class Lines:
    """Where lines start, and the translation between ast positions and offsets."""

    text: str
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        starts, position = [0], 0
        text = self.text
        # Python's tokenizer ends lines at \n, \r\n and \r only; str.splitlines would also split at form feeds.
        for position in _line_ends(text):
            starts.append(position)
        self.starts = starts

    def line(self, number: int) -> str:
        """The text of a 1-based line, its end included."""
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[start:end]

    def offset(self, line: int, column: int) -> int:
        """The offset of an ast position: 1-based line, column in UTF-8 bytes."""
        start = self.starts[line - 1]
        text = self.line(line)
        if text.isascii():
            return start + column
        return start + len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset, both 1-based; columns count code points."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


def _line_ends(text: str) -> Iterator[int]:
    position = -1
    if "\r" not in text:
        while (position := text.find("\n", position + 1)) != -1:
            yield position + 1
        return
    for index, char in enumerate(text):
        if char == "\n" or (char == "\r" and text[index + 1 : index + 2] != "\n"):
            yield index + 1
