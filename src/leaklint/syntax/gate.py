"""The cheap tests before libcst: whether a file can acquire anything, and which of its scopes may.

`passes` looks at the bytes of a file alone. `candidates` looks at the ast: a scope is a candidate when it calls
something that the catalogue may know as an acquisition, or a function of the module that may return one (to a fixed
point). Both may say yes too often, never no where there is something to find.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from leaklint.catalogue.model import Catalogue, Resource
from leaklint.syntax.names import Names, dotted
from leaklint.syntax.outline import MODULE, Outline

_WORDS = bytes(c if (chr(c).isalnum() and c < 128) or c == ord("_") or c >= 128 else ord(" ") for c in range(256))
"""maps all that cannot be part of a name to a space"""


def passes(data: bytes, index: Mapping[bytes, tuple[frozenset[bytes], ...]]) -> bool:
    """Whether the words of a file are enough for some acquisition of the index."""
    words = frozenset(data.translate(_WORDS).split())
    return any(companions <= words for word in index.keys() & words for companions in index[word])


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What may acquire in this file: methods of types whose package it imports, and what is believed by a name."""

    names: Names
    catalogue: Catalogue
    methods: Mapping[str, tuple[Resource, ...]]
    hinted: Mapping[str, frozenset[str]]

    def resources(self, call: ast.Call) -> tuple[Resource, ...]:
        """What the catalogue says that the call may acquire: too much rather than too little."""
        func = call.func
        if isinstance(func, ast.Name):
            resolved = self.names.resolve(func.id)
            found = self.catalogue.acquirers.get(resolved, ())
            return found if resolved else self.methods.get("__call__", ())
        if not isinstance(func, ast.Attribute):
            return self.methods.get("__call__", ())
        found = self.catalogue.acquirers.get(self.names.dotted(func), ())
        if found or func.attr in self.methods:
            return found or self.methods[func.attr]
        hints = self.hinted.get(func.attr)
        if hints and dotted(func.value).rpartition(".")[2] in hints:
            return self.catalogue.hints[func.attr]
        return ()


def candidates(names: Names, outline: Outline, catalogue: Catalogue) -> frozenset[str]:
    """The outermost functions, and ``<module>``, in which something may be acquired that a ``with`` does not close."""
    wanted = _wanted(names, catalogue)
    found: set[str] = set()
    waiting: dict[str, set[str]] = {}
    for scope, calls in outline.calls.items():
        if any(_may_leak(call, wanted, outline) for call in calls):
            found.add(scope)
        else:
            waiting[scope] = {last for call in calls if (last := _last(call.func))}
    givers = {scope.rpartition(".")[2] for scope in found if scope != MODULE}
    fresh = givers
    while fresh:
        reached = {scope for scope, called in waiting.items() if called & fresh}
        for scope in reached:
            del waiting[scope]
        found |= reached
        fresh = {scope.rpartition(".")[2] for scope in reached if scope != MODULE} - givers
        givers |= fresh
    return frozenset(found)


def _may_leak(call: ast.Call, wanted: _Wanted, outline: Outline) -> bool:
    resources = wanted.resources(call)
    if not resources:
        return False
    asynchronous = outline.managed.get(call)
    if asynchronous is not None:
        # The context expression of a ``with`` that releases is closed on every path, whatever happens inside.
        return not all((r.async_with if asynchronous else r.with_).releases and r.parts == ("",) for r in resources)
    return True


def _last(func: ast.expr) -> str:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else ""


def _wanted(names: Names, catalogue: Catalogue) -> _Wanted:
    roots = {meaning.lstrip(".").partition(".")[0] for meanings in names.meanings.values() for meaning in meanings}
    roots |= {star.lstrip(".").partition(".")[0] for star in names.stars}
    methods: dict[str, tuple[Resource, ...]] = {}
    for name, resources in catalogue.acquirers.items():
        prefix, _, method = name.rpartition(".")
        if prefix in catalogue.types and any(
            r.package.partition(".")[0] in roots or prefix.partition(".")[0] in roots for r in resources
        ):
            methods[method] = methods.get(method, ()) + resources
    hinted = {
        method: frozenset(hint for resource in resources for hint in resource.hint)
        for method, resources in catalogue.hints.items()
    }
    return _Wanted(names, catalogue, methods, hinted)


__all__ = ["MODULE", "candidates", "passes"]
