"""Spans of text, edits and fixes: plain data, and the one function that applies them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Applicability(Enum):
    """Whether a fix may be applied without a person looking at it."""

    SAFE = "safe"
    UNSAFE = "unsafe"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """``text[start:end]`` of a file, in code points of the untranslated source."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``text[start:end]``; offsets are code points of the untranslated source."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair of one finding: its edits do not overlap."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability
    moved: tuple[str, ...] = ()
    """variables that go from the module to a function"""
    gained: tuple[str, ...] = ()
    """methods that a class gets, as ``Class.method``: whoever makes an object of it owes them from then on"""


def apply(source: str, edits: Sequence[Edit]) -> str:
    """Return ``source`` with ``edits`` made.

    Raises ValueError when two edits overlap or one lies outside of the source.
    """
    pieces: list[str] = []
    position = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < position or edit.end < edit.start or edit.end > len(source):
            raise ValueError(f"edit {edit.start}-{edit.end} overlaps another or lies outside of the source")
        pieces.append(source[position : edit.start])
        pieces.append(edit.text)
        position = edit.end
    pieces.append(source[position:])
    return "".join(pieces)
