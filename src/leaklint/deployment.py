"""How a project deploys its files: which functions are declared to be called, how they run, where imports look.

Everything is told by the project around a file, never by which files were named. A project's templates are read once,
when the first of its files asks; a file in which nothing is to be judged does not ask.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from leaklint import handlers
from leaklint.handlers.root import project_root

if TYPE_CHECKING:
    from leaklint.handlers.model import Declared, Discovery

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "e2e"})
_TEST_FILE = r"(?:test_.*|.*_test|conftest|setup|noxfile|tasks|fabfile)\.py"
_CONVENTIONAL = frozenset({".", "src"})
"""roots of imports that no template names"""
_PYTHON = r"python(\d+)\.(\d+)"


@dataclass(frozen=True)
class Deployment:
    """How one file is deployed. The one without arguments is that of a file of which no template says anything."""

    declared: tuple[Declared, ...] = ()
    """the functions of the file that the project declares, in the order in which the sources count"""
    beside: tuple[Declared, ...] = ()
    """the functions that are deployed from the same folder, for a file that is deployed as their helper"""
    layered: bool = False
    """it is deployed in a layer, beside functions that are not told apart here"""
    outside: bool = False
    """the project declares functions, and none of them can have the file: it stands in no folder that is deployed"""
    signatures: bool = True
    """whether functions that look like handlers are taken for ones"""

    @cached_property
    def running(self) -> tuple[Declared, ...]:
        """The declared functions in whose sandboxes the file runs."""
        return self.declared or self.beside

    @cached_property
    def pythons(self) -> frozenset[tuple[int, int]]:
        """The versions of Python on which it runs; empty when a template leaves one open."""
        found = [re.fullmatch(_PYTHON, one.runtime) for one in self.running]
        known = [(int(match[1]), int(match[2])) for match in found if match is not None]
        return frozenset(known) if len(known) == len(found) else frozenset()


ALONE = Deployment()


@dataclass(eq=False, slots=True)
class Deployments:
    """The projects met so far. ``configured`` are the handlers that the settings name; without ``discovery`` nothing
    else counts."""

    configured: tuple[str, ...] = ()
    discovery: bool = True
    _roots: dict[str, str] = field(default_factory=dict)
    """project root by folder"""
    _projects: dict[str, Discovery] = field(default_factory=dict)
    """by root"""

    def of(self, real: str) -> Deployment:
        """The deployment of the file at a real path."""
        found = self._around(os.path.dirname(real))
        path = _relative(found.root, real)
        declared = found.of(path)
        root = found.code_root(path)
        if root:
            tooling = _is_tooling(path)
            beside = () if tooling else tuple(one for one in found.declared if one.code_root == root)
            return Deployment(declared, beside, signatures=self.discovery)
        around = {folder for folder in found.import_roots if folder == "." or path.startswith(f"{folder}/")}
        layered = not around <= _CONVENTIONAL and not _is_tooling(path)
        # A distribution may be installed beside any function; what only marks the project's top is no distribution.
        installed = any(path.startswith(f"{folder}/") for folder in found.distributions)
        outside = not (around or installed) and found.complete and bool(found.declared) and self.discovery
        return Deployment(layered=layered, outside=outside, signatures=self.discovery)

    def import_roots(self, folder: str) -> tuple[str, ...]:
        """The folders from which files of a folder import beyond those around them, the nearest first: the folder that
        is deployed with them, layers, ``src``; then the distributions of the project, which are installed beside them,
        and what is laid out like a layer. What other functions are deployed from is none of theirs."""
        found = self._around(folder)
        path = _relative(found.root, os.path.join(folder, "_.py"))
        own = found.code_root(path)
        shared = [root for root in found.import_roots if root not in found.code_roots]
        shared.sort(key=lambda root: _distance(root, path))
        installed = [root for root in found.distributions if root not in found.code_roots]
        laid_out = sorted(found.layouts, key=lambda root: _distance(root, path))
        roots = dict.fromkeys([*([own] if own else []), *shared, *installed, *laid_out])
        return tuple(os.path.normpath(os.path.join(found.root, *root.split("/"))) for root in roots)

    def _around(self, folder: str) -> Discovery:
        root = self._roots.get(folder)
        if root is None:
            root = self._roots[folder] = project_root(folder)
        found = self._projects.get(root)
        if found is None:
            found = handlers.discover(root, configured=self.configured, templates=self.discovery)
            self._projects[root] = found
        return found


def _relative(root: str, real: str) -> str:
    return os.path.relpath(real, root).replace(os.sep, "/")


def _distance(root: str, path: str) -> int:
    """How much less of its way a root shares with a path than others do."""
    return -len(os.path.commonpath([root, path]))


def _is_tooling(path: str) -> bool:
    """Whether a file of this path is deployed by accident: tests and set-up lie in the folder and nobody calls them."""
    *folders, name = path.lower().split("/")
    return not _TEST_FOLDERS.isdisjoint(folders) or re.fullmatch(_TEST_FILE, name) is not None
