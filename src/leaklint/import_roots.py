"""Where a module stands that a file imports: found as Python would find it from where the file stands.

Import roots of a file are its own folder and the folders above up to the project's root (at most `LEVELS`), each also
with ``src`` and ``python`` (Lambda layers) below, and then what the project deploys with it: layers elsewhere, the
folder of its function. The latter cost a look at the whole project, so files that name no resource are spared it
unless they look like code of a handler.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LEVELS = 6
"""folders above a file that are looked at where no root marks the project"""
MARKERS = ("leaklint.toml", "pyproject.toml", ".git")
BELOW = ("", "src", "python")


@dataclass(eq=False, slots=True)
class ImportRoots:
    """The import roots of folders, and the modules below them, as far as they were looked at.

    `deployed` gives the further import roots of a folder's files, which only the project's templates tell; `foreign`
    knows packages that are no project's.
    """

    deployed: Callable[[str], tuple[str, ...]]
    foreign: Callable[[str], bool]
    _listings: dict[str, frozenset[str]] = field(default_factory=dict)
    _roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _deployed_roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _located: dict[tuple[str, str, bool, bool], str] = field(default_factory=dict)

    def locate(self, real: str, name: str, *, near: bool = False) -> str:
        """The real path of the module with this dotted name (leading dots for a relative one), or an empty string.

        What is only looked for `near` the file costs no look at the whole project.
        """
        folder, file = os.path.split(real)
        # A module is never what it imports itself: ``json.py`` that imports json sees another one than its neighbours.
        key = (folder, name, file == f"{name.rpartition('.')[2]}.py", near)
        known = self._located.get(key)
        if known is None:
            known = self._located[key] = self._locate(real, name, near)
        return known

    def _locate(self, real: str, name: str, near: bool) -> str:
        stripped = name.lstrip(".")
        level = len(name) - len(stripped)
        folder = os.path.dirname(real)
        if level:
            for _ in range(level - 1):
                folder = os.path.dirname(folder)
            return self._below(folder, stripped) if stripped else self._file(folder, "__init__")
        top = stripped.partition(".")[0]
        file = f"{top}.py"
        for root in self.roots(folder):
            listing = self._listing(root)
            if top in listing or file in listing:
                found = self._below(root, stripped)
                if found and found != real:
                    return found
        if near or top in sys.stdlib_module_names or self.foreign(top):
            return ""
        for root in self.deployed_roots(folder):
            found = self._below(root, stripped)
            if found and found != real:
                return found
        return ""

    def _below(self, root: str, name: str) -> str:
        *packages, last = name.split(".")
        for package in packages:
            if package not in self._listing(root):
                return ""
            root = os.path.join(root, package)
        if f"{last}.py" in self._listing(root):
            return os.path.join(root, f"{last}.py")
        if last in self._listing(root):
            return self._file(os.path.join(root, last), "__init__")
        return ""

    def _file(self, folder: str, name: str) -> str:
        return os.path.join(folder, f"{name}.py") if f"{name}.py" in self._listing(folder) else ""

    def roots(self, folder: str) -> tuple[str, ...]:
        """The import roots of files in a folder, nearest first."""
        known = self._roots.get(folder)
        if known is None:
            known = self._roots[folder] = tuple(self._climb(folder))
        return known

    def deployed_roots(self, folder: str) -> tuple[str, ...]:
        """The further import roots of files in a folder, which only the project's templates tell."""
        known = self._deployed_roots.get(folder)
        if known is None:
            known = self._deployed_roots[folder] = self.deployed(folder)
        return known

    def _climb(self, folder: str) -> Iterator[str]:
        for _ in range(LEVELS):
            listing = self._listing(folder)
            for below in BELOW:
                if not below or below in listing:
                    yield os.path.join(folder, below) if below else folder
            parent = os.path.dirname(folder)
            if parent == folder or any(marker in listing for marker in MARKERS):
                return
            folder = parent

    def _listing(self, folder: str) -> frozenset[str]:
        known = self._listings.get(folder)
        if known is None:
            try:
                known = frozenset(os.listdir(folder))
            except OSError:
                known = frozenset()
            self._listings[folder] = known
        return known
