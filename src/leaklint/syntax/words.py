"""The byte gate: whether the words of a file are enough for anything to be acquired. Imports nothing."""

from __future__ import annotations

from collections.abc import Mapping

HOPS = 3
"""modules through which a resource may be handed on before a caller is looked at"""
_TABLE = bytes(c if (chr(c).isalnum() and c < 128) or c == ord("_") or c >= 128 else ord(" ") for c in range(256))
"""maps all that cannot be part of a name to a space"""


def words(data: bytes) -> frozenset[bytes]:
    """All words of a file, comments and strings included."""
    return frozenset(data.translate(_TABLE).split())


def passes(data: bytes, index: Mapping[bytes, tuple[frozenset[bytes], ...]]) -> bool:
    """Whether the words of a file are enough for some acquisition of the index: too often rather than too seldom."""
    found = words(data)
    return any(companions <= found for word in index.keys() & found for companions in index[word])
