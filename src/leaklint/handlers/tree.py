"""The files of a project that say something about handlers, found in one walk, and questions about them.

Paths are relative to the root, written with ``/``, and normal: no ``.`` and no ``..`` in them; the root is ``.``.
"""

from __future__ import annotations

import os
import posixpath
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leaklint import discovery

LIMIT = 2 * 1024 * 1024
"""bytes; CloudFormation takes templates of up to 1 MB, and what is larger is data"""

DISTRIBUTIONS = ("pyproject.toml", "setup.cfg", "setup.py")
"""what stands at the top of a folder that is installed as a distribution"""
_NAMES = frozenset(
    {"cdk.json", "config.json", "serverless.json", "template.json", "zappa_settings.json", *DISTRIBUTIONS}
)
_ENDINGS = (".py", ".yml", ".yaml", ".template.json", ".template", ".tf", ".ts")


class TooMany(Exception):
    """The folder holds too many files for a walk that somebody waits for."""


def wanted(name: str) -> bool:
    """Whether a file of this name can say something about handlers."""
    return name.endswith(_ENDINGS) or name in _NAMES or is_dockerfile(name)


def is_dockerfile(name: str) -> bool:
    """Whether a file of this name describes an image."""
    lower = name.lower()
    return lower.startswith(("dockerfile", "containerfile")) or lower.endswith(".dockerfile")


def join(folder: str, path: str) -> str:
    """``path`` as seen from ``folder``; an empty string when it is absolute or leaves the root."""
    path = path.strip().replace("\\", "/")
    if path.startswith(("/", "~")) or "://" in path:
        return ""
    joined = posixpath.normpath(posixpath.join(folder or ".", path))
    return "" if joined == ".." or joined.startswith("../") else joined


@dataclass(slots=True)
class Tree:
    """The files of the project. Contents are read once and kept while discovery runs."""

    root: str
    """a real path"""
    files: frozenset[str]
    folders: frozenset[str] = frozenset()
    """every folder with one of the files somewhere below it"""
    _python: frozenset[str] = frozenset()
    """the folders with a Python file somewhere below them"""
    _sorted: list[str] = field(default_factory=list)
    _by_name: dict[str, list[str]] = field(default_factory=dict)
    _data: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def walk(cls, root: str, most: int = sys.maxsize) -> Tree:
        """Walk the folder ``root``, passing over what a check passes over. Raises TooMany when it has more files."""
        seen = 0

        def counted(name: str) -> bool:
            nonlocal seen
            seen += 1
            if seen > most:
                raise TooMany(f"more than {most:,} files")
            return wanted(name)

        found = discovery.discover((root,), wanted=counted)
        return cls.of(root, (path for path in found if isinstance(path, str)))

    @classmethod
    def of(cls, root: str, paths: Iterable[str]) -> Tree:
        """The tree of these files; paths are absolute or relative to ``root``, those outside of it do not count."""
        real = os.path.realpath(root)
        files = set()
        for path in paths:
            relative = os.path.relpath(os.path.join(root, path), root) if os.path.isabs(path) else path
            shown = join(".", relative.replace(os.sep, "/"))
            if shown:
                files.add(shown)
        python = [file for file in sorted(files) if file.endswith(".py")]
        tree = cls(real, frozenset(files), _folders(files), _python=_folders(python) if python else frozenset())
        tree._sorted = sorted(files, key=_order)
        for file in python:
            tree._by_name.setdefault(posixpath.basename(file), []).append(file)
        return tree

    @classmethod
    def alone(cls, name: str, data: bytes) -> Tree:
        """The tree of one file, which need not be anywhere."""
        tree = cls("", frozenset({name}), frozenset({"."}))
        tree._sorted = [name]
        tree._data[name] = data
        return tree

    def absolute(self, path: str) -> str:
        """The path for the operating system."""
        return os.path.join(self.root, *path.split("/"))

    def read(self, path: str) -> bytes:
        """The bytes of a file; none when it cannot be read or is larger than `LIMIT`."""
        data = self._data.get(path)
        if data is None:
            try:
                with open(self.absolute(path), "rb") as stream:
                    data = stream.read(LIMIT + 1)
            except (OSError, ValueError):
                data = b""
            self._data[path] = data = b"" if len(data) > LIMIT else data
        return data

    def ending(self, *endings: str) -> Iterator[str]:
        """The files whose names end like that, by folder and name."""
        return (path for path in self._sorted if path.endswith(endings))

    def named(self, *names: str) -> Iterator[str]:
        """The files of these names, by folder and name."""
        return (path for path in self._sorted if posixpath.basename(path) in names)

    def suffixed(self, suffix: str, folder: str) -> list[str]:
        """The Python files below ``folder`` whose paths end with the path ``suffix``."""
        below = "" if folder == "." else f"{folder}/"
        return [
            path
            for path in self._by_name.get(posixpath.basename(suffix), ())
            if path.startswith(below) and (path == suffix or path.endswith(f"/{suffix}"))
        ]

    def holds_python(self, folder: str) -> bool:
        """Whether a Python file is anywhere below ``folder``."""
        return folder in self._python

    def folder_like(self, path: str) -> str:
        """The only folder whose path ends with the names of ``path``, at least two; an empty string if there is none.

        For paths that are relative to a folder that is not known.
        """
        names = "/".join(part for part in path.split("/") if part not in ("", ".", ".."))
        if "/" not in names:
            return ""
        found = [folder for folder in self.folders if folder == names or folder.endswith(f"/{names}")]
        return found[0] if len(found) == 1 else ""

    def synthesised(self, project: str) -> list[str]:
        """The templates that the CDK has written for the app in ``project``; a check passes over their folder."""
        return self._listed(join(project, "cdk.out"), ".template.json")

    def copies(self, asset: str) -> list[str]:
        """The Python files at the top of ``asset``, a copy of deployed code that a check passes over."""
        return self._listed(asset, ".py")

    def _listed(self, folder: str, ending: str) -> list[str]:
        try:
            names = os.listdir(self.absolute(folder)) if folder else []
        except (OSError, ValueError):
            return []
        return [join(folder, name) for name in sorted(names) if name.endswith(ending)]

    def around(self, path: str, name: str) -> str:
        """The nearest folder around ``path`` that has a file ``name``, or an empty string."""
        folder = path
        while folder not in ("", "."):
            folder = posixpath.dirname(folder) or "."
            if (name if folder == "." else f"{folder}/{name}") in self.files:
                return folder
        return ""


def _folders(files: Iterable[str]) -> frozenset[str]:
    """The root and every folder around one of ``files``."""
    folders = {"."}
    for file in files:
        folder = posixpath.dirname(file)
        while folder and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return frozenset(folders)


def _order(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name
