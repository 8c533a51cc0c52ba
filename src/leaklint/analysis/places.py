"""Which places name one thing, and what is left of one behind another.

A place is text (`leaklint.flow.ops`): a variable and a path from it. ``[]`` stands for any element, so it matches every
key. Example: the resource is at ``pair[0].conn``. Behind ``pair[0]``, and behind ``pair[]`` too, ``.conn`` is left of
it: whoever gets ``pair[0]`` gets the resource with it. ``pair[1]`` does not match, and ``pairs`` is another variable.
"""

from __future__ import annotations

from collections.abc import Iterable

from leaklint.flow.ops import Place


def relative(alias: Place, path: Place) -> str | None:
    """What is left of `alias` behind `path`; ``[]`` in either stands for any element. None when it does not match."""
    if alias.startswith(path):
        rest = alias[len(path) :]
        return rest if not rest or rest[0] in ".[" else None
    if "[" not in path or "[" not in alias:
        return None
    i = j = 0
    while j < len(path):
        if i >= len(alias):
            return None
        if alias[i] == "[" == path[j]:
            end_a, end_p = alias.find("]", i), path.find("]", j)
            if end_a < 0 or end_p < 0:
                return None
            a, p = alias[i + 1 : end_a], path[j + 1 : end_p]
            if a and p and a != p:
                return None
            i, j = end_a + 1, end_p + 1
        elif alias[i] == path[j]:
            i, j = i + 1, j + 1
        else:
            return None
    rest = alias[i:]
    return rest if not rest or rest[0] in ".[" else None


def names_one(places: Iterable[Place], place: Place) -> bool:
    """Whether `place` is one of `places`, or an element that may be."""
    if not place:
        return False
    return any(relative(known, place) == "" for known in places)
