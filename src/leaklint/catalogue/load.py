"""The catalogue, read from the TOML files beside this module (or what was made of them) and checked as a whole.

Reading is strict: a catalogue that contradicts itself is refused with a `CatalogueError` that names file, entry and
field.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

from leaklint.catalogue.model import Catalogue, Function, Resource, Value
from leaklint.catalogue.schema import CatalogueError, parse_function, parse_resource, parse_value

__all__ = ["CatalogueError", "build", "load", "read", "tables"]

FOLDER = Path(__file__).parent
TABLES = FOLDER / "_tables.json"
"""what the TOML files say, written by `leaklint.catalogue.index`: reading it takes a twentieth of the time"""
EXTRA = "configuration"


@dataclass(frozen=True, slots=True)
class Entries:
    """Parsed entries with the file each came from, in reading order."""

    resources: tuple[tuple[Resource, str], ...] = ()
    functions: tuple[tuple[Function, str], ...] = ()
    values: tuple[tuple[Value, str], ...] = ()


def load(extra: Sequence[Mapping[str, Any]] = ()) -> Catalogue:
    """Return the catalogue, with the resources that the tables ``extra`` describe.

    An extra resource with the id of a built-in one replaces it. Each catalogue is built once.
    Raises CatalogueError when an entry is malformed or two entries contradict each other.
    """
    if not extra:
        return _built_in()
    key = repr(extra)
    known = _EXTENDED.get(key)
    if known is None:
        known = _EXTENDED[key] = _extended(extra)
    return known


_EXTENDED: dict[str, Catalogue] = {}
"""by the tables that extend them"""


def _extended(extra: Sequence[Mapping[str, Any]]) -> Catalogue:
    known = _entries()
    added = tuple((parse_resource(table, EXTRA), EXTRA) for table in extra)
    replaced = {resource.id for resource, _ in added}
    kept = tuple((resource, source) for resource, source in known.resources if resource.id not in replaced)
    return build(Entries(added + kept, known.functions, known.values))


@functools.cache
def _built_in() -> Catalogue:
    return build(_entries())


@functools.cache
def _entries() -> Entries:
    paths = sorted(FOLDER.glob("*.toml"))
    known = json.loads(TABLES.read_bytes()) if TABLES.is_file() else {}
    if {name: each["made_of"] for name, each in known.items()} == checksums(paths):
        return _parsed({name: each["tables"] for name, each in known.items()})
    return read(paths)


def checksums(paths: Iterable[Path]) -> dict[str, int]:
    """The CRC-32 of each file by its name: `TABLES` is passed over when a TOML file is not the one it was made of."""
    return {path.name: crc32(path.read_bytes()) for path in paths}


def tables(paths: Iterable[Path]) -> dict[str, Any]:
    """The documents of the TOML files ``paths`` by their names. Raises CatalogueError when one is no TOML."""
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    found = {}
    for path in paths:
        try:
            found[path.name] = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as problem:
            raise CatalogueError(f"{path.name}: {problem}") from None
    return found


def read(paths: Iterable[Path]) -> Entries:
    """Return the entries of the TOML files ``paths``. Raises CatalogueError when one is malformed."""
    return _parsed(tables(paths))


def _parsed(documents: Mapping[str, Any]) -> Entries:
    resources: list[tuple[Resource, str]] = []
    functions: list[tuple[Function, str]] = []
    values: list[tuple[Value, str]] = []
    for source, document in documents.items():
        for kind, entries in document.items():
            if not isinstance(entries, list):
                raise CatalogueError(f"{source}: field {kind!r}: expected tables [[{kind}]]")
            if kind == "resource":
                resources.extend((parse_resource(table, source), source) for table in entries)
            elif kind == "function":
                functions.extend((parse_function(table, source), source) for table in entries)
            elif kind == "value":
                values.extend((parse_value(table, source), source) for table in entries)
            else:
                raise CatalogueError(f"{source}: field {kind!r}: unknown; known are resource, function, value")
    return Entries(tuple(resources), tuple(functions), tuple(values))


def build(entries: Entries) -> Catalogue:
    """Index ``entries``.

    Raises CatalogueError when two entries have one id, acquire by one name without a condition to tell them apart,
    spell one type for two, or name an owner that is no known type.
    """
    types = _types(entries)
    resources: dict[str, Resource] = {}
    acquirers: dict[str, list[Resource]] = {}
    by_type: dict[str, Resource] = {}
    hints: dict[str, list[Resource]] = {}
    methods: set[str] = set()
    functions: set[str] = set()
    removals: set[str] = set()
    for resource, source in entries.resources:
        if resource.id in resources:
            raise _complaint(source, "resource", resource.id, "id", "another entry has the same id")
        if resource.owner and resource.owner not in types:
            raise _complaint(source, "resource", resource.id, "owner", f"{resource.owner!r} is no known type")
        resources[resource.id] = resource
        for name in resource.acquire:
            acquirers.setdefault(name, []).append(resource)
            if resource.hint:
                hints.setdefault(name.rpartition(".")[2], []).append(resource)
        if resource.type and _describes(resource, by_type.get(resource.type)):
            by_type[resource.type] = resource
        for steps in resource.release:
            for step in steps:
                if step.form == "function":
                    functions.add(step.call)
                    if resource.is_path:
                        removals.add(step.call)
                else:
                    methods.add(step.call.rpartition(".")[2])
    described = _functions(entries)
    makers = _makers(entries)
    return Catalogue(
        resources=dict(sorted(resources.items())),
        acquirers=_ranked(acquirers, entries),
        functions=described,
        types=types,
        by_type=by_type,
        makers=makers,
        operators=frozenset(value.type for value, _ in entries.values if value.operators),
        hints={method: tuple(dict.fromkeys(found)) for method, found in hints.items()},
        release_methods=frozenset(methods),
        release_functions=frozenset(functions),
        removals=frozenset(removals),
        asking=frozenset(name for resource, _ in entries.resources for name in resource.asked_by),
        roots=_roots(entries, types),
        prefixes=frozenset(_beginnings((*acquirers, *described, *makers))),
    )


def _roots(entries: Entries, types: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Top-level packages by type: of its spellings, of its package, of what acquires or makes it, and of those whose
    methods do."""
    found: dict[str, set[str]] = {}
    for spelling, canonical in types.items():
        found.setdefault(canonical, set()).add(spelling.partition(".")[0])
    makers: dict[str, set[str]] = {}
    for resource, _ in entries.resources:
        if resource.type:
            found[resource.type].add(resource.package.partition(".")[0])
            makers.setdefault(resource.type, set()).update(resource.acquire)
    for value, _ in entries.values:
        makers.setdefault(value.type, set()).update(value.made_by)
    for _ in range(3):
        for canonical, names in makers.items():
            for name in names:
                owner = types.get(name.rpartition(".")[0])
                found[canonical] |= found.get(owner, set()) if owner else {name.partition(".")[0]}
    return {canonical: frozenset(roots) for canonical, roots in found.items()}


def _beginnings(names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield name
        end = name.rfind(".")
        while end > 0:
            yield name[:end]
            end = name.rfind(".", 0, end)


def _complaint(source: str, kind: str, label: str, field: str, problem: str) -> CatalogueError:
    return CatalogueError(f"{source}: {kind} {label!r}: field {field!r}: {problem}", label, field)


def _describes(resource: Resource, so_far: Resource | None) -> bool:
    """Whether ``resource`` tells more of a value of its type than ``so_far``: it has no owner and is acquired whole.

    Among equals the first one read stands.
    """

    def rank(entry: Resource) -> tuple[bool, bool]:
        return bool(entry.owner), entry.parts != ("",)

    return so_far is None or rank(resource) < rank(so_far)


def _types(entries: Entries) -> dict[str, str]:
    spelled: list[tuple[str, str, str, str, str]] = []
    types: dict[str, str] = {}
    for resource, source in entries.resources:
        if resource.type:
            types[resource.type] = resource.type
        elif resource.also:
            raise _complaint(source, "resource", resource.id, "also", "other spellings of no type")
        spelled.extend((spelling, resource.type, source, "resource", resource.id) for spelling in resource.also)
    described: set[str] = set()
    for value, source in entries.values:
        if value.type in described:
            raise _complaint(source, "value", value.type, "type", "another entry describes the same type")
        described.add(value.type)
        types[value.type] = value.type
        spelled.extend((spelling, value.type, source, "value", value.type) for spelling in value.also)
    for spelling, canonical, source, kind, label in spelled:
        if types.setdefault(spelling, canonical) != canonical:
            raise _complaint(source, kind, label, "also", f"{spelling!r} is a spelling of {types[spelling]!r} as well")
    return types


def _ranked(acquirers: Mapping[str, list[Resource]], entries: Entries) -> dict[str, tuple[Resource, ...]]:
    """Entries with conditions first; at most one has none."""
    sources = {resource.id: source for resource, source in entries.resources}
    ranked: dict[str, tuple[Resource, ...]] = {}
    for name, found in acquirers.items():
        plain = [resource for resource in found if not (resource.when or resource.beside)]
        if len(plain) > 1:
            first, second = plain[:2]
            problem = f"{name!r} acquires {first.id!r} as well, and neither entry has a condition"
            raise _complaint(sources[second.id], "resource", second.id, "acquire", problem)
        ranked[name] = tuple(sorted(found, key=lambda resource: not resource.when))
    return ranked


def _functions(entries: Entries) -> dict[str, Function]:
    functions: dict[str, Function] = {}
    for function, source in entries.functions:
        for name in function.names:
            if name in functions:
                raise _complaint(source, "function", function.effect.value, "names", f"{name!r} is described twice")
            functions[name] = function
    return functions


def _makers(entries: Entries) -> dict[str, str]:
    makers: dict[str, str] = {}
    for value, source in entries.values:
        for name in value.made_by:
            if makers.setdefault(name, value.type) != value.type:
                raise _complaint(source, "value", value.type, "made_by", f"{name!r} makes {makers[name]!r} as well")
    return makers
