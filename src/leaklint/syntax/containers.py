"""The byte test for module-level containers that handlers grow: cheap, and wrong only by saying yes too often.

A file matters when it defines what looks like a handler, makes a container at module level, in the first column, and
adds to something of that name: ``seen = []`` ... ``seen.append(event["id"])``.
"""

from __future__ import annotations

import re

# Patterns are compiled when they are first used (and kept by `re`): most files do not come so far.
_DEFINES = rb"(?mi)^(?:async[ \t]+)?def[ \t]+(?:\w*handler[ \t]*\(|\w+[ \t]*\(\s*_*\w*(?:event|evt))"
_MAKES = (
    rb"(?m)^([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=[ \t]*\\?\n?[ \t]*"
    rb"(?:[\[{]|[\w.]*(?:list|dict|set|deque|Dict|Counter)\b)"
)
_ADDS = (
    rb")\b[^\n=]*(?:\.(?:add|append|appendleft|extend|extendleft|insert|setdefault|update)[ \t]*\(|\][ \t]*[|+]?=[^=]|"
    rb"[ \t]*[|+]=)"
)


def may_grow(data: bytes) -> bool:
    """Whether a handler of the file may add to a container of the module."""
    if b"handler" not in data and b"event" not in data.lower() and b"evt" not in data.lower():
        return False
    if re.search(_DEFINES, data) is None:
        return False
    names = {match[1] for match in re.finditer(_MAKES, data)}
    return bool(names) and re.search(rb"\b(?:" + b"|".join(sorted(names)) + _ADDS, data) is not None
