"""The cheap test behind the byte gate: which scopes of a file are worth being parsed by libcst, told from its ast.

A scope is a candidate when it calls something that the catalogue may know as an acquisition, or a function of the
project that may return one (to a fixed point): too many rather than too few.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from leaklint.catalogue.model import HANDLER_KINDS, SILENT_KINDS, Catalogue, Resource
from leaklint.syntax.names import Names, dotted
from leaklint.syntax.outline import MODULE, Outline


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may acquire in this file: methods of types whose package it imports, and what is believed by a name."""

    names: Names
    catalogue: Catalogue
    follow: Callable[[str], str]
    methods: Mapping[str, tuple[Resource, ...]]
    hinted: Mapping[str, frozenset[str]]

    def of(self, call: ast.Call, calls: list[ast.Call]) -> tuple[str, list[Resource]]:
        """The dotted name that a call among the `calls` of its scope calls, and what it may acquire."""
        name = self.names.dotted(call.func)
        return name, [r for r in self.resources(call.func, name) if _possible(r, call) and _paired(r, call, calls)]

    def resources(self, func: ast.expr, name: str) -> tuple[Resource, ...]:
        """What a call of `func`, with this dotted name, may acquire: too much rather than too little."""
        if isinstance(func, ast.Name):
            return self.catalogue.acquirers.get(self.follow(name), ()) if name else self.methods.get("__call__", ())
        if not isinstance(func, ast.Attribute):
            return self.methods.get("__call__", ())
        found = self.catalogue.acquirers.get(self.follow(name), ()) if name else ()
        if found or func.attr in self.methods:
            return found or self.methods[func.attr]
        hints = self.hinted.get(func.attr)
        if hints and dotted(func.value).rpartition(".")[2] in hints:
            return self.catalogue.hints[func.attr]
        return ()


@dataclass(frozen=True, slots=True)
class Candidates:
    """Scopes by the name of their outermost function, or ``<module>``."""

    leaking: frozenset[str]
    """in which something may be acquired that a ``with`` does not close"""
    giving: frozenset[str]
    """which may give a value of a type that the catalogue knows to their callers; `leaking` is a part of it"""
    owning: frozenset[str]
    """classes, by qualified name, whose objects may hold something that their methods acquire"""


def candidates(
    wanted: Wanted,
    outline: Outline,
    gives_elsewhere: Callable[[str], bool],
    has_handlers: Callable[[], bool],
) -> Candidates:
    """Select the scopes that are worth being lowered.

    `gives_elsewhere` knows functions of its other modules that may give a
    resource, `has_handlers` says whether the file has any, and is asked where a kind matters in their code alone.
    """
    names = wanted.names
    defined = {function.node.name for function in outline.functions.values()}

    def speaks(resource: Resource) -> bool:
        return resource.kind not in SILENT_KINDS and (resource.kind not in HANDLER_KINDS or has_handlers())

    leaking: set[str] = set()
    giving: set[str] = set()
    waiting: dict[str, set[str]] = {}
    for scope, calls in outline.calls.items():
        for call in calls:
            name, resources = wanted.of(call, calls)
            if not resources and _is_kept_callable(call.func, defined):
                resources = list(wanted.methods.get("__call__", ()))
            if resources:
                giving.add(scope)
            if any(map(speaks, resources)) and not _managed(call, resources, outline):
                leaking.add(scope)
                break
            if not resources and name and gives_elsewhere(name):
                leaking.add(scope)
                break
        else:
            waiting[scope] = {name for call in calls for name in _local_names(call.func, scope, outline)}
    bases = {
        name: [names.dotted(base) or dotted(base) for base in node.bases] for name, node in outline.classes.items()
    }
    inheriting = {name for name, found in bases.items() if any(base and gives_elsewhere(base) for base in found)}
    known = fresh = inheriting.union(name for scope in leaking for name in _names(scope, outline))
    while fresh:
        reached = {scope for scope, called in waiting.items() if called & fresh}
        for scope in reached:
            del waiting[scope]
        leaking |= reached
        known = known | fresh
        heirs = {name for name, found in bases.items() if not known.isdisjoint(found)}
        fresh = heirs.union(name for scope in reached for name in _names(scope, outline)) - known
    return Candidates(frozenset(leaking), frozenset(giving | leaking), frozenset(known.intersection(bases)))


def acquired(names: Names, outline: Outline, catalogue: Catalogue) -> dict[str, tuple[Resource, ...]]:
    """What each scope may acquire by calls of its own, released or not: by outermost function, in their order."""
    wanted = wanted_of(names, catalogue, lambda name: name)
    found: dict[str, list[Resource]] = {}
    for scope, calls in outline.calls.items():
        for call in calls:
            named = wanted.resources(call.func, names.dotted(call.func))
            possible = (r for r in named if r.kind not in SILENT_KINDS and _possible(r, call))
            found.setdefault(scope, []).extend(islice(possible, 1))
    return {scope: tuple(resources) for scope, resources in found.items()}


def _is_kept_callable(func: ast.expr, defined: set[str]) -> bool:
    """Whether what is called is kept in an attribute (``self.Session()``) and is no method of this module."""
    if not isinstance(func, ast.Attribute) or func.attr in defined:
        return False
    return isinstance(func.value, ast.Name) and func.value.id in ("self", "cls")


def _managed(call: ast.Call, resources: list[Resource], outline: Outline) -> bool:
    """Whether the call is the context expression of a ``with`` that releases: closed, whatever happens inside."""
    asynchronous = outline.managed.get(call)
    if asynchronous is None:
        return False
    return all((r.async_with if asynchronous else r.with_).releases and r.parts == ("",) for r in resources)


def _paired(resource: Resource, call: ast.Call, calls: list[ast.Call]) -> bool:
    """Whether the scope also releases the receiver of a call that acquires only then."""
    if resource.argument != "receiver":
        return True
    releases = {step.call for steps in resource.release for step in steps}
    receiver = dotted(call.func.value) if isinstance(call.func, ast.Attribute) and not call.args else ""
    others = (other.func for other in calls if isinstance(other.func, ast.Attribute) and other.func.attr in releases)
    return bool(receiver) and any(dotted(other.value) == receiver for other in others)


def _possible(resource: Resource, call: ast.Call) -> bool:
    """Whether the arguments as written leave room for every condition of the resource."""
    if any(isinstance(arg, ast.Starred) for arg in call.args) or any(k.arg is None for k in call.keywords):
        return True
    for condition in resource.when:
        given: ast.expr | None = None
        for name in condition.argument.split("/"):
            if name.isdigit():
                given = given or (call.args[int(name)] if int(name) < len(call.args) else None)
            else:
                given = given or next((k.value for k in call.keywords if k.arg == name), None)
        if given is None:
            if not (condition.default or condition.is_ == "absent") or condition.is_ == "present":
                return False
        elif condition.is_ == "absent" or _contradicts(condition.is_, given):
            return False
    return True


def _contradicts(test: str, given: ast.expr) -> bool:
    return test in _TRUTH and isinstance(given, ast.Constant) and bool(given.value) is not _TRUTH[test]


_TRUTH = {"true": True, "false": False}


def _names(scope: str, outline: Outline) -> tuple[str, ...]:
    """How calls name a function: by its last name, which a method has behind any value too, and a method by its class,
    whose objects may own a resource."""
    function = outline.functions.get(scope)
    if function is None:
        return ()
    name = function.node.name
    if not function.owner:
        return (name,)
    return (name, f".{name}", function.owner) if function.stores else (name, f".{name}")


def _local_names(func: ast.expr, scope: str, outline: Outline) -> tuple[str, ...]:
    """How a function is named by a call that may reach one of this module."""
    if isinstance(func, ast.Name):
        function = outline.functions.get(scope) if func.id == "cls" else None
        return (function.owner if function is not None else func.id,)
    if isinstance(func, ast.Attribute):
        receiver = func.value.id if isinstance(func.value, ast.Name) else ""
        own = receiver in ("self", "cls") or receiver in outline.classes
        return (func.attr,) if own else (f".{func.attr}",)
    return ()


def wanted_of(names: Names, catalogue: Catalogue, follow: Callable[[str], str]) -> Wanted:
    """What may acquire in a file of these names; `follow` resolves re-exports of the project."""
    roots = {meaning.lstrip(".").partition(".")[0] for meanings in names.meanings.values() for meaning in meanings}
    roots |= {star.lstrip(".").partition(".")[0] for star in names.stars}
    methods: dict[str, tuple[Resource, ...]] = {}
    for method, packages, resources in _method_acquirers(catalogue):
        if packages is None or not roots.isdisjoint(packages):
            methods[method] = methods.get(method, ()) + resources
    hinted = {
        method: frozenset(hint for resource in resources for hint in resource.hint)
        for method, resources in catalogue.hints.items()
    }
    return Wanted(names, catalogue, follow, methods, hinted)


_ACQUIRERS: dict[int, list[tuple[str, frozenset[str] | None, tuple[Resource, ...]]]] = {}


def _method_acquirers(catalogue: Catalogue) -> list[tuple[str, frozenset[str] | None, tuple[Resource, ...]]]:
    """(method, packages that lead to its type or None for any, resources), made once for a catalogue."""
    known = _ACQUIRERS.get(id(catalogue))
    if known is None:
        known = _ACQUIRERS[id(catalogue)] = []
        for name, resources in catalogue.acquirers.items():
            prefix, _, method = name.rpartition(".")
            kind = catalogue.types.get(prefix)
            if prefix == "*":
                known.append((method, None, resources))
            elif kind is not None:
                known.append((method, catalogue.roots.get(kind, frozenset()), resources))
    return known


__all__ = ["MODULE", "Candidates", "Wanted", "candidates", "wanted_of"]
