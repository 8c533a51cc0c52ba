"""The project around a file: its modules, read on demand, and what a file's names are in them.

Nothing here depends on which files were named on the command line: a file's findings are the same alone and with all
others.
"""

from __future__ import annotations

import gc
import os
import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from leaklint.catalogue._gate import GATE
from leaklint.deployment import Deployments
from leaklint.import_roots import ImportRoots
from leaklint.result import Work
from leaklint.syntax import words
from leaklint.syntax.words import HOPS

if TYPE_CHECKING:
    from leaklint.analysis.project import Module
    from leaklint.analysis.summary import Summaries
    from leaklint.catalogue.model import Catalogue
    from leaklint.config import Settings
    from leaklint.neighbours import Neighbours
    from leaklint.syntax.names import Names
    from leaklint.unit import Unit

WARM = 128
"""files that are kept parsed: memory stays bounded, and neighbours use each other most"""
COLLECT_EVERY = 2_000
"""files after which garbage is collected where that does not happen by itself"""
# Patterns are compiled when they are first used (and kept by `re`).
_IMPORT = rb"(?m)^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n#;]*)|import[ \t]+([\w., \t]+))"
_COMMENT = rb"#[^\n]*"
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
    import_roots: ImportRoots = field(init=False)
    _summaries: Summaries | None = None
    _neighbours: Neighbours | None = None
    _names: dict[str, Names | None] = field(default_factory=dict)
    _exported: dict[str, frozenset[str]] = field(default_factory=dict)
    _canonical: dict[tuple[str, str], str] = field(default_factory=dict)
    _kept: dict[str, frozenset[str]] = field(default_factory=dict)
    _variables: dict[tuple[str, str], str] = field(default_factory=dict)
    _gives: dict[tuple[str, str, int], bool] = field(default_factory=dict)
    _givers: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    _passing: dict[str, tuple[str, ...] | None] = field(default_factory=dict)
    """None for a file that passes the byte gate, else the modules that it imports"""
    _gate: Mapping[bytes, tuple[frozenset[bytes], ...]] | None = None
    _cold: list[Unit] = field(default_factory=list)
    _adopted: int = 0

    def __post_init__(self) -> None:
        self.import_roots = ImportRoots(
            lambda folder: self.deployments.import_roots(folder), lambda top: top in self.catalogue.prefixes
        )

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
        unit.names.exports = lambda star, name: name in self.exported(self.locate(real, star))
        unit.variable = lambda name: self.variable(real, name)
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
        if real not in self._names:
            unit = self.unit(real)
            self._names[real] = unit.names if unit is not None else None
        names = self._names[real]
        if names is None:
            return ""
        found = names.meanings.get(name)
        if found:
            return found[0]
        return names.starred(name) if name not in names.bound else ""

    def variable(self, real: str, name: str) -> str:
        """The beginning of a dotted name, seen from a file, that is a variable of another module in which something is
        kept that the catalogue or the project knows; an empty string where none is."""
        key = (real, name)
        if key not in self._variables:
            self._variables[key] = self._find_variable(real, name)
        return self._variables[key]

    def _find_variable(self, real: str, asked: str) -> str:
        name = asked
        for _ in range(_MAX_HOPS):
            module, rest = self._split(real, name)
            head, _, tail = rest.partition(".")
            if not module or module == real or not head:
                return ""
            if head in self.kept(module):
                return asked.removesuffix(f".{tail}") if tail else asked
            meaning = self.meaning(module, head)
            if not meaning:
                return ""
            real, name = module, f"{meaning}.{tail}" if tail else meaning
        return ""

    def kept(self, real: str) -> frozenset[str]:
        """The variables of a module in which its own code keeps what the catalogue knows, or an object of a class of
        the project's."""
        if real not in self._kept:
            unit = self.unit(real)
            found = unit.kept(lambda name: self._is_class(real, name)) if unit is not None else ()
            self._kept[real] = frozenset(found)
        return self._kept[real]

    def _is_class(self, real: str, name: str) -> bool:
        module, rest = self._split(real, name)
        unit = self.unit(module) if module and rest else None
        return unit is not None and rest in unit.outline.classes

    def exported(self, real: str) -> frozenset[str]:
        """The names that a module gives to those that import all of it, with what it has in that way itself."""
        from leaklint.syntax.names import exported_names

        known = self._exported.get(real)
        if known is None:
            names: set[str] = set()
            seen, waiting = {""}, [real]
            while waiting:
                module = waiting.pop()
                unit = self.unit(module) if module not in seen else None
                seen.add(module)
                if unit is not None:
                    names |= exported_names(unit.source.tree)
                    waiting.extend(self.locate(module, star) for star in unit.names.stars)
            known = self._exported[real] = frozenset(names)
        return known

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
        """The real path of the module with this dotted name, seen from a file, or an empty string."""
        return self.import_roots.locate(real, name, near=near)

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
            known = self._gives[key] = bool(rest) and (
                rest.rpartition(".")[2] in self.givers(module, hops) or bool(self.variable(real, name))
            )
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
                # Whoever makes an object of a class may call its methods.
                names.add(outlined.owner.rpartition(".")[2] or function)
        names.update(owner.rpartition(".")[2] for owner in candidates.owning)
        names |= self.kept(real)
        for local, meanings in unit.names.meanings.items():
            if any(m in unit.catalogue.acquirers or self.gives(real, m, hops - 1) for m in meanings):
                names.add(local)
        for star in filter(None, (self.locate(real, star) for star in unit.names.stars)):
            names |= self.givers(star, hops - 1)
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
        seen: set[str] = {""}
        for match in re.finditer(_IMPORT, data):
            if match[1]:
                module = match[1].decode("ascii", "replace")
                found = self.locate(real, module, near=near)
                # What is imported from a package, with or without a file of its own, may be a module of it.
                package = not found or os.path.basename(found) == "__init__.py"
                start = module if module.endswith(".") else f"{module}."
                below = (self.locate(real, f"{start}{name}", near=near) for name in _named(match[2].strip(b"()")))
                located = [found, *(below if package else ())]
            else:
                located = [self.locate(real, name, near=near) for name in _named(match[3])]
            for found in located:
                if found not in seen:
                    seen.add(found)
                    yield found


def _named(text: bytes) -> Iterator[str]:
    """The names in what follows an import, without what they are called here."""
    for part in re.sub(_COMMENT, b"", text).split(b","):
        words = part.split()
        if words:
            yield words[0].decode("ascii", "replace")
