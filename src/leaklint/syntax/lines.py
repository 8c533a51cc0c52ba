"""Where the lines of a text start, and what ast's positions are in it. Offsets are code points."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field

_END = re.compile(r"\r\n?|\n")
"""Python's tokenizer ends lines at these only; str.splitlines would also split at form feeds"""


@dataclass(slots=True)
class Lines:
    """Where lines start, and the translation between ast positions and offsets."""

    text: str
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.starts = [0, *[match.end() for match in _END.finditer(self.text)]]

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
