"""The cheap tests before libcst: whether a file can acquire anything, and which of its scopes may.

`passes` looks at the bytes of a file alone. `candidates` looks at the ast: a scope is a candidate when it calls
something that the catalogue may know as an acquisition, or a function of the module that may return one (to a fixed
point). Both may say yes too often, never no where there is something to find.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from leaklint.catalogue.model import Catalogue
from leaklint.syntax.names import FunctionNode, Names, dotted
from leaklint.syntax.outline import Outline

_WORDS = bytes(c if chr(c).isalnum() and c < 128 or c == ord("_") or c >= 128 else ord(" ") for c in range(256))
"""maps all that cannot be part of a name to a space"""

MODULE = "<module>"


def passes(data: bytes, index: Mapping[bytes, tuple[frozenset[bytes], ...]]) -> bool:
    """Whether the words of a file are enough for some acquisition of the index."""
    words = frozenset(data.translate(_WORDS).split())
    return any(companions <= words for word in index.keys() & words for companions in index[word])


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What may acquire in this file: dotted names, and methods of types whose package it imports."""

    names: Collection[str]
    methods: frozenset[str]
    hinted: Mapping[str, frozenset[str]]
    instances: bool
    """some imported type is called itself (``Session = sessionmaker(); Session()``)"""


def candidates(tree: ast.Module, names: Names, outline: Outline, catalogue: Catalogue) -> frozenset[str]:
    """The outermost functions, and ``<module>``, in which something may be acquired."""
    wanted = _wanted(tree, names, catalogue)
    scopes = dict(_scopes(tree, outline))
    found: set[str] = set()
    givers: set[str] = set()
    again = True
    while again:
        again = False
        for scope, calls in scopes.items():
            if scope in found:
                continue
            if any(_may_acquire(call, names, wanted, givers) for call in calls):
                found.add(scope)
                last = scope.rpartition(".")[2]
                if scope != MODULE and last not in givers:
                    givers.add(last)
                    again = True
    return frozenset(found)


def _wanted(tree: ast.Module, names: Names, catalogue: Catalogue) -> _Wanted:
    roots = {meaning.lstrip(".").partition(".")[0] for meanings in names.meanings.values() for meaning in meanings}
    roots |= {star.lstrip(".").partition(".")[0] for star in names.stars}
    methods: set[str] = set()
    instances = False
    for name, resources in catalogue.acquirers.items():
        prefix, _, method = name.rpartition(".")
        if prefix not in catalogue.types:
            continue
        if any(r.package.partition(".")[0] in roots or prefix.partition(".")[0] in roots for r in resources):
            instances = instances or method == "__call__"
            methods.add(method)
    hinted: dict[str, frozenset[str]] = {}
    for method, resources in catalogue.hints.items():
        hinted[method] = frozenset(hint for resource in resources for hint in resource.hint)
    return _Wanted(catalogue.acquirers.keys(), frozenset(methods), hinted, instances)


def _scopes(tree: ast.Module, outline: Outline) -> Iterator[tuple[str, list[ast.Call]]]:
    for name, function in outline.functions.items():
        if function.outermost == name:
            yield name, [n for n in ast.walk(function.node) if isinstance(n, ast.Call)]
    calls: list[ast.Call] = []
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Call):
            calls.append(node)
        if isinstance(node, FunctionNode):
            stack.extend((*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)))
        else:
            stack.extend(ast.iter_child_nodes(node))
    yield MODULE, calls


def _may_acquire(call: ast.Call, names: Names, wanted: _Wanted, givers: set[str]) -> bool:
    func = call.func
    if isinstance(func, ast.Name):
        if func.id in givers or names.resolve(func.id) in wanted.names:
            return True
        return wanted.instances and (func.id in names.bound or not names.resolve(func.id))
    if not isinstance(func, ast.Attribute):
        return wanted.instances
    if func.attr in givers or func.attr in wanted.methods:
        return True
    if names.dotted(func) in wanted.names:
        return True
    hints = wanted.hinted.get(func.attr)
    if not hints:
        return False
    receiver = dotted(func.value)
    return receiver.rpartition(".")[2] in hints
