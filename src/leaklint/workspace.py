"""The project around a file: modules read on demand, found as Python would find them from where the file stands.

Import roots of a file are its own folder and the folders above up to the project's root (at most `LEVELS`), each also
with ``src`` and ``python`` (Lambda layers) below, and then what the project deploys with it: layers elsewhere, the
folder of its function. The latter cost a look at the whole project, so files that name no resource are spared it
unless they look like code of a handler. Nothing here depends on which files were named on the command line: a file's
findings are the same alone and with all others.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leaklint.catalogue._gate import GATE
from leaklint.deployment import Deployments
from leaklint.result import Work
from leaklint.syntax import words
from leaklint.syntax.words import HOPS

if TYPE_CHECKING:
    from leaklint.analysis.project import Module
    from leaklint.analysis.summary import Summaries
    from leaklint.catalogue.model import Catalogue
    from leaklint.config import Settings
    from leaklint.neighbours import Neighbours
    from leaklint.unit import Unit

WARM = 128
"""files that are kept parsed: memory stays bounded, and neighbours use each other most"""
COLLECT_EVERY = 2_000
"""files after which garbage is collected where that does not happen by itself"""
LEVELS = 6
"""folders above a file that are looked at where no root marks the project"""
MARKERS = ("leaklint.toml", "pyproject.toml", ".git")
BELOW = ("", "src", "python")
# Patterns are compiled when they are first used (and kept by `re`).
_IMPORT = rb"(?m)^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import|import[ \t]+([\w., \t]+))"
_HANDLER_LIKE = rb"(?i)def[ \t]+\w*handler\b|\(_*\w*(?:event|evt)\b"
_MAX_HOPS = 8


@dataclass(eq=False, slots=True)
class Workspace:
    """The modules read so far, and the summaries that they share."""

    resources: tuple[Mapping[str, Any], ...] = ()
    """tables of the resources that are known besides those of the catalogue"""
    deployments: Deployments = field(default_factory=Deployments)
    units: OrderedDict[str, Unit | None] = field(default_factory=OrderedDict)
    """the `WARM` files used last, by real path; None for what cannot be read or parsed"""
    _summaries: Summaries | None = None
    _neighbours: Neighbours | None = None
    _listings: dict[str, frozenset[str]] = field(default_factory=dict)
    _roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _deployed_roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _located: dict[tuple[str, str, bool, bool], str] = field(default_factory=dict)
    _meanings: dict[str, dict[str, str]] = field(default_factory=dict)
    _canonical: dict[tuple[str, str], str] = field(default_factory=dict)
    _gives: dict[tuple[str, str, int], bool] = field(default_factory=dict)
    _givers: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    _passing: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """None for a file that passes the byte gate, else the modules that it imports"""
    _gate: Mapping[bytes, tuple[frozenset[bytes], ...]] | None = None
    _cold: list[Unit] = field(default_factory=list)
    _adopted: int = 0

    @classmethod
    def under(cls, settings: Settings) -> Workspace:
        """A workspace for files of these settings."""
        return cls(settings.resources, Deployments(settings.handlers, settings.handler_discovery))

    @property
    def summaries(self) -> Summaries:
        """The summaries of all modules."""
        if self._summaries is None:
            from leaklint.analysis.project import Project
            from leaklint.analysis.summary import Summaries

            self._summaries = Summaries(self.catalogue, Project(self.load))
        return self._summaries

    @property
    def catalogue(self) -> Catalogue:
        """What is known of the world in this workspace."""
        from leaklint.catalogue.load import load

        return load(self.resources)

    @property
    def neighbours(self) -> Neighbours:
        """What stands around the files."""
        if self._neighbours is None:
            from leaklint.neighbours import Neighbours

            self._neighbours = Neighbours()
        return self._neighbours

    @property
    def gate(self) -> Mapping[bytes, tuple[frozenset[bytes], ...]]:
        """The byte gate's index of that catalogue."""
        if self._gate is None:
            self._gate = GATE
            if self.resources:
                from leaklint.catalogue.index import extended

                self._gate = extended(self.resources)
        return self._gate

    # units

    def adopt(self, unit: Unit, real: str) -> None:
        """Make the file at a real path part of the workspace."""
        self.units[real] = unit
        self.units.move_to_end(real)
        if len(self.units) > WARM:
            _, cold = self.units.popitem(last=False)
            if cold is not None:
                self._cold.append(cold)
        self._adopted += 1
        if self._adopted % COLLECT_EVERY == 0 and not gc.isenabled():
            gc.collect()
        unit.real = real
        unit.follow = lambda name: self.canonical(real, name)
        unit.gives_elsewhere = lambda name, hops: self.gives(real, name, hops)
        unit.used_by = lambda name: self.neighbours.using(real, name)
        unit.deployed = lambda: self.deployments.of(real)

    def checked(self, data: bytes, path: str, work: Work) -> Unit:
        """The file with these bytes, to be checked under the path as given. Raises NotAnalysed."""
        from leaklint.unit import Unit

        if len(self._cold) >= WARM:
            self._let_go()
        real = os.path.realpath(path)
        unit = self.units.get(real)
        if unit is None or unit.digest != hash(data):
            unit = Unit.open(data, path, work, self.catalogue)
            self.adopt(unit, real)
        else:
            work.add(unit.work)
            unit.path, unit.work = path, work
        return unit

    def _let_go(self) -> None:
        """Free what has gone cold. Only between files: while one is checked, its summaries lead anywhere.

        Summaries of the warm modules may lead to the cold ones, so they go too; their graphs stay.
        """
        for unit in self._cold:
            unit.dispose()
        self._cold.clear()
        for warm in self.units.values():
            if warm is not None:
                warm.module.memo = None

    def unit(self, real: str) -> Unit | None:
        """The file at a real path, opened when needed; None when it cannot be."""
        from leaklint.unit import NotAnalysed, Unit

        if real not in self.units:
            try:
                with open(real, "rb") as stream:
                    data = stream.read()
                self.adopt(Unit.open(data, real, Work(), self.catalogue), real)
            except (OSError, NotAnalysed):
                self.units[real] = None
        else:
            self.units.move_to_end(real)
        return self.units[real]

    def load(self, module: Module, name: str) -> Module | None:
        """The module of a dotted name, seen from a module; None when it is not the project's."""
        from leaklint.unit import Unit

        home = module.home
        found = self.locate(home.real, name) if isinstance(home, Unit) and home.real else ""
        unit = self.unit(found) if found else None
        return unit.module if unit is not None else None

    # names

    def canonical(self, real: str, name: str) -> str:
        """The dotted name behind re-exports of the project: ``ourdb.connect`` -> ``psycopg2.connect``."""
        key = (real, name)
        known = self._canonical.get(key)
        if known is None:
            known = self._canonical[key] = self._behind(real, name)
        return known

    def _behind(self, real: str, name: str) -> str:
        prefixes = self.catalogue.prefixes
        asked = name
        for _ in range(_MAX_HOPS):
            if name in prefixes:
                return name
            module, rest = self._split(real, name)
            head, dot, tail = rest.partition(".")
            meaning = self.meaning(module, head) if module and module != real and head else ""
            if not meaning:
                break
            real, name = module, f"{meaning}{dot}{tail}"
        # A name of the project's own is one from where it is asked: what it stands for elsewhere may be relative.
        return name if name in prefixes else asked

    def meaning(self, real: str, name: str) -> str:
        """What a module's imports make of a name, empty when they bind no such name."""
        if real not in self._meanings:
            unit = self.unit(real)
            meanings = unit.names.meanings if unit is not None else {}
            self._meanings[real] = {local: found[0] for local, found in meanings.items()}
        return self._meanings[real].get(name, "")

    def _split(self, real: str, name: str) -> tuple[str, str]:
        """(real path of the module, the name inside of it) for the longest beginning of `name` that is a module."""
        head, tail = name, ""
        while head.strip("."):
            found = self.locate(real, head)
            if found:
                return found, tail
            head, _, last = head.rpartition(".")
            tail = f"{last}.{tail}" if tail else last
        return "", ""

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
        if near or top in sys.stdlib_module_names or top in self.catalogue.prefixes:
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
            known = self._deployed_roots[folder] = self.deployments.import_roots(folder)
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

    # givers

    def gives(self, real: str, name: str, hops: int) -> bool:
        """Whether a dotted name, seen from a file, is a function of another module that may give a resource.

        `hops` bounds how many further modules it may have it from: so the answer is the same from wherever one asks,
        circles of imports included.
        """
        key = (real, name, hops)
        known = self._gives.get(key)
        if known is None:
            module, rest = self._split(real, name)
            known = self._gives[key] = bool(rest) and rest.rpartition(".")[2] in self.givers(module, hops)
        return known

    def givers(self, real: str, hops: int) -> frozenset[str]:
        """The last names of the functions of a module (re-exports among them) that may give a resource to a caller."""
        known = self._givers.get((real, hops))
        if known is None:
            known = self._givers[real, hops] = self._find_givers(real, hops) if hops >= 0 else frozenset()
        return known

    def _find_givers(self, real: str, hops: int) -> frozenset[str]:
        if real not in self._passing:
            try:
                with open(real, "rb") as stream:
                    data = stream.read()
            except OSError:
                data = b""
            self._passing[real] = None if words.passes(data, self.gate) else tuple(self._imported(data, real))
        imported = self._passing[real]
        if imported is not None and not any(self.givers(module, hops - 1) for module in imported):
            return frozenset()
        unit = self.unit(real)
        if unit is None:
            return frozenset()
        names = set()
        candidates = unit.candidates(hops)
        for function in candidates.giving:
            outlined = unit.outline.functions.get(function)
            if outlined is not None and (outlined.returns or outlined.generator):
                names.add(function.rpartition(".")[2])
        names.update(owner.rpartition(".")[2] for owner in candidates.owning)
        for local, meanings in unit.names.meanings.items():
            if any(m in unit.catalogue.acquirers or self.gives(real, m, hops - 1) for m in meanings):
                names.add(local)
        return frozenset(names)

    def comes_back(self, data: bytes, real: str) -> bool:
        """Whether a file that names no resource calls a function of the project that may give one."""
        present: frozenset[bytes] | None = None
        for module in self._imported(data, real):
            givers = self.givers(module, HOPS - 1)
            if givers:
                present = present if present is not None else words.words(data)
                if any(giver.encode() in present for giver in givers):
                    return True
        return False

    def _imported(self, data: bytes, real: str) -> Iterator[str]:
        """The project's modules that the file names in its imports, by real path."""
        if b"import" not in data:
            return
        near = re.search(_HANDLER_LIKE, data) is None
        seen: set[str] = set()
        for match in re.finditer(_IMPORT, data):
            for name in _modules(match):
                found = self.locate(real, name, near=near)
                if found and found not in seen:
                    seen.add(found)
                    yield found


def _modules(match: re.Match[bytes]) -> Iterator[str]:
    if match[1]:
        yield match[1].decode("ascii", "replace")
        return
    for part in match[2].split(b","):
        words = part.split()
        if words:
            yield words[0].decode("ascii", "replace")
