"""The files around a file, and which of them use a name of its module.

Only what stands near is looked at: the files of the same folder, and tests beside it or above, up to the project's
root. Whoever imports the module from further away is not seen.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from leaklint.handlers.root import project_root

TESTS = ("test", "tests")
ABOVE = 3
"""folders in which tests are looked for: the file's own, and those above it"""
MOST = 200
"""files that are looked at"""
LARGEST = 1_000_000
"""bytes of a file that is looked at"""


@dataclass(eq=False, slots=True)
class Neighbours:
    """What was read around the file that was asked for last."""

    _folder: str = ""
    _texts: dict[str, bytes] = field(default_factory=dict)

    def using(self, real: str, name: str) -> str:
        """The path, relative to its folder, of a file near the one at a real path that imports a name from its module,
        or reaches it by one with a dot (a text counts: ``patch("app.conn")``); an empty string if none does."""
        if not os.path.isfile(real):
            return ""
        folder, file = os.path.split(real)
        if folder != self._folder:
            self._folder = folder
            self._texts = dict(islice(_read(folder), MOST))
        stem = os.path.basename(folder) if file == "__init__.py" else os.path.splitext(file)[0]
        for path, text in self._texts.items():
            if path != real and _uses(text, stem.encode(), name.encode()):
                return os.path.relpath(path, folder).replace(os.sep, "/")
        return ""


def _uses(text: bytes, module: bytes, name: bytes) -> bool:
    """Whether the text of a file uses a name of a module, that it calls by its name or by another."""
    if module not in text:
        return False
    modules = {module, *re.findall(rb"\b%b[ \t]+as[ \t]+(\w+)" % re.escape(module), text)}
    called = b"|".join(map(re.escape, sorted(modules)))
    imported = rb"\bfrom[ \t]+[.\w]*\b%b[ \t]+import[ \t]*(?:\([^)]*|[^\n#(]*)(?:\b%b\b|\*)"
    return any(
        re.search(pattern, text)
        for pattern in (
            rb"\b(?:%b)\.%b\b" % (called, re.escape(name)),
            imported % (re.escape(module), re.escape(name)),
            rb"\bobject\([ \t]*(?:%b)[ \t]*,[ \t]*['\"]%b['\"]" % (called, re.escape(name)),
            rb"\bsetattr\([ \t]*(?:%b)[ \t]*,[ \t]*['\"]%b['\"]" % (called, re.escape(name)),
        )
    )


def _read(folder: str) -> Iterator[tuple[str, bytes]]:
    """The files near a folder, and what is in them."""
    for path in _paths(folder):
        try:
            if os.path.getsize(path) <= LARGEST:
                with open(path, "rb") as stream:
                    yield path, stream.read()
        except OSError:
            continue


def _paths(folder: str) -> Iterator[str]:
    yield from _python(folder)
    root = project_root(folder)
    for _ in range(ABOVE):
        for tests in TESTS:
            for around, folders, _ in os.walk(os.path.join(folder, tests)):
                folders.sort()
                yield from _python(around)
        if folder == root or folder == os.path.dirname(folder):
            break
        folder = os.path.dirname(folder)


def _python(folder: str) -> Iterator[str]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    yield from (os.path.join(folder, name) for name in names if name.endswith(".py"))
