"""Where a path lies for the consumers of reports: below the root of the repository, or somewhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Places:
    """``folder`` is the absolute path that relative ones are meant from, ``root`` that of the repository around it."""

    folder: str
    root: str

    def path(self, path: str) -> str:
        """The path from the root, with ``/`` between its parts; absolute for a file outside of it."""
        relative = self._relative(path)
        return os.path.normpath(os.path.join(self.folder, path)) if relative is None else relative

    def uri(self, path: str) -> tuple[str, bool]:
        """The percent-encoded URI of a path, and whether it is relative to the root."""
        relative = self._relative(path)
        if relative is None:
            return Path(os.path.normpath(os.path.join(self.folder, path))).as_uri(), False
        return quote(os.fsencode(relative)), True

    def _relative(self, path: str) -> str | None:
        try:
            inner = os.path.relpath(os.path.join(self.folder, path), self.root).replace(os.sep, "/")
        except ValueError:  # on another drive
            return None
        return None if inner == ".." or inner.startswith("../") else inner


def around(folder: str) -> Places:
    """The places of a run in ``folder``: the root is the nearest folder with ``.git``, else ``folder`` itself."""
    start = os.path.abspath(folder)
    root = start
    while not os.path.lexists(os.path.join(root, ".git")):
        parent = os.path.dirname(root)
        if parent == root:
            return Places(start, start)
        root = parent
    return Places(start, root)
