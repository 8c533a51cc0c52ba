"""Text that is safe to print: nothing in a path, a message or a line of source can break a line or drive a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
"""categories of control and format characters (bidirectional ones reorder what is read), surrogates, separators"""


def printer(encoding: str) -> Callable[[str], str]:
    """A function that writes text so that a stream of ``encoding`` can print it on one line: the rest is escaped.

    An encoding that Python does not know counts as ASCII.
    """
    encodable = _encodable(encoding)

    def printable(text: str) -> str:
        if text.isascii() and text.isprintable():
            return text
        return "".join(_shown(character, encodable) for character in text)

    return printable


def aligned(text: str, encoding: str) -> tuple[str, list[int]]:
    """The line ``text`` as it is printed, and the printed column (0-based, in terminal cells) of each code point.

    The list has one entry more, the width of the whole line. Tabs become four spaces; what cannot be printed is
    escaped.
    """
    text = text.rstrip()
    if text.isascii() and text.isprintable():
        return text, list(range(len(text) + 1))
    encodable = _encodable(encoding)
    pieces: list[str] = []
    columns = [0]
    for character in text:
        piece = "    " if character == "\t" else " " if character == "\f" else _shown(character, encodable)
        pieces.append(piece)
        columns.append(columns[-1] + (len(piece) if len(piece) > 1 else _width(piece)))
    return "".join(pieces), columns


def _shown(character: str, encodable: Callable[[str], bool]) -> str:
    if unicodedata.category(character) in _UNSAFE or not encodable(character):
        return character.encode("unicode_escape").decode("ascii")
    return character


def _encodable(encoding: str) -> Callable[[str], bool]:
    def can(character: str) -> bool:
        try:
            character.encode(encoding)
        except (UnicodeEncodeError, LookupError):
            return character.isascii()
        return True

    return can


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
