"""Patterns for paths, as ``exclude`` and ``per-file-ignores`` take them.

A pattern without a slash is a name, wherever it is; one with a slash is a path from the folder of its configuration.
``*`` and ``?`` stay within a name, ``**`` goes through folders, ``[abc]`` and ``{one,two}`` choose. What a pattern
names as a folder it names with all that is below.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

_SPECIAL = frozenset("*?[")


class Globs:
    """Patterns of one configuration. Paths are real paths, up to a last component that may be a link."""

    __slots__ = ("_anywhere", "_from_base", "_names")

    def __init__(self, base: str, patterns: Iterable[str]) -> None:
        """``base`` is the real path of the folder from which patterns with a slash count."""
        names, anywhere, anchored = set(), [], []
        for pattern in (one for written in patterns for one in _expanded(_posix(written))):
            if "/" in pattern.rstrip("/"):
                anchored.append(_anchored(_posix(base), pattern.rstrip("/")))
            elif not _SPECIAL.isdisjoint(pattern):
                anywhere.append(_translated(pattern.rstrip("/")))
            else:
                names.add(pattern.rstrip("/"))
        self._names = frozenset(names)
        self._anywhere = _any(anywhere)
        self._from_base = _any(anchored)

    def match(self, path: str, name: str) -> bool:
        """Whether ``path``, which ends in ``name``, is named itself."""
        if name in self._names or (self._anywhere is not None and self._anywhere.fullmatch(name)):
            return True
        return self._from_base is not None and self._from_base.fullmatch(_posix(path)) is not None

    def cover(self, path: str, top: str) -> bool:
        """Whether ``path`` is named, or a folder between it and the folder ``top``, if it is below that."""
        below = os.path.join(top, "") if top else path
        while True:
            folder, name = os.path.split(path)
            if self.match(path, name):
                return True
            if folder == top or not folder.startswith(below):
                return False
            path = folder


def _any(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns), re.DOTALL) if patterns else None


def _posix(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")


def _expanded(pattern: str) -> Iterator[str]:
    """The patterns that ``{one,two}`` stands for; a brace without its partner is itself."""
    match = re.search(r"\{([^{}]*)\}", pattern) if "{" in pattern else None
    if match is None:
        yield pattern
        return
    for choice in match[1].split(","):
        yield from _expanded(pattern[: match.start()] + choice + pattern[match.end() :])


def _anchored(base: str, pattern: str) -> str:
    absolute = pattern.startswith("/") or re.match(r"[A-Za-z]:/", pattern) is not None
    folders = [] if absolute else [folder for folder in base.split("/") if folder]
    parts: list[str] = []
    for part in pattern.split("/"):
        if part == ".." and (parts or folders):
            (parts or folders).pop()
        elif part not in ("", "."):
            parts.append(part)
    found = "/" if (pattern if absolute else base).startswith("/") else ""
    found += "".join(re.escape(folder) + "/" for folder in folders)
    for number, part in enumerate(parts, 1):
        if part == "**":
            found += ".+" if number == len(parts) else "(?:[^/]+/)*"
        else:
            found += _translated(part) + ("/" if number < len(parts) else "")
    return found


def _translated(name: str) -> str:
    """The regular expression of a pattern for one name."""
    found = ""
    at = 0
    while at < len(name):
        char = name[at]
        at += 1
        if char == "*":
            found += "[^/]*"
        elif char == "?":
            found += "[^/]"
        elif char == "[" and (end := name.find("]", at + 1 + (name[at : at + 1] in ("!", "^")))) > 0:
            inner = name[at:end].replace("\\", "\\\\").replace("[", "\\[")
            negated = inner[:1] in ("!", "^")
            found += f"[{'^' if negated else ''}{inner[negated:]}]"
            at = end + 1
        else:
            found += re.escape(char)
    return found
