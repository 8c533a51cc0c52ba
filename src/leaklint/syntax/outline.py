"""The outline of a module from ast: its functions and classes by qualified name, without looking inside of them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from leaklint.syntax.names import FunctionNode, Names, dotted


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the module. `outermost` is the qualified name of the function at module or class level around it."""

    name: str
    node: FunctionNode
    owner: str
    outermost: str
    decorators: tuple[str, ...]
    generator: bool
    quiet: bool | None
    """True when nothing in it can raise, False when something can and nothing catches; None when a handler decides"""
    never_returns: bool
    """it ends in a raise and holds no return"""


@dataclass(slots=True)
class Outline:
    """Functions (``outer.<locals>.inner``, ``Class.method``) and classes (bases, method names) by qualified name."""

    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, tuple[tuple[str, ...], frozenset[str]]] = field(default_factory=dict)


def outline(tree: ast.Module, names: Names) -> Outline:
    """Collect the outline of a module."""
    found = Outline()
    _collect(tree.body, "", "", "", names, found)
    return found


def _collect(body: list[ast.stmt], prefix: str, owner: str, outermost: str, names: Names, found: Outline) -> None:
    for node in _definitions(body):
        name = f"{prefix}{node.name}"
        if isinstance(node, ast.ClassDef):
            bases = tuple(filter(None, (names.dotted(base) or dotted(base) for base in node.bases)))
            methods = frozenset(n.name for n in _definitions(node.body) if isinstance(n, FunctionNode))
            found.classes[name] = (bases, methods)
            _collect(node.body, f"{name}.", name, outermost, names, found)
            continue
        decorators = tuple(filter(None, (_decorator(d, names) for d in node.decorator_list)))
        generator, quiet, never = _nature(node)
        if name in found.functions:
            # Defined again (a fallback, a setter): calls reach the first, both are analysed.
            name = f"{name}#{len(found.functions)}"
        found.functions[name] = Function(name, node, owner, outermost or name, decorators, generator, quiet, never)
        _collect(node.body, f"{name}.<locals>.", "", outermost or name, names, found)


def _decorator(node: ast.expr, names: Names) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return names.dotted(called) or dotted(called)


def _definitions(body: list[ast.stmt]) -> Iterator[FunctionNode | ast.ClassDef]:
    """Definitions of this scope, also those inside of if, try, with and loops, in the order of the text."""
    stack: list[ast.AST] = list(reversed(body))
    while stack:
        node = stack.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            yield node
        elif isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
            stack.extend(reversed([c for c in ast.iter_child_nodes(node) if not isinstance(c, ast.expr)]))


def _nature(function: FunctionNode) -> tuple[bool, bool | None, bool]:
    """(is a generator, is quiet, never returns) of a function's own scope."""
    generator = raises = handles = returns = False
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Yield | ast.YieldFrom):
            generator = True
        elif isinstance(node, ast.Call | ast.Raise | ast.Await):
            raises = True
        elif isinstance(node, ast.Try | ast.With | ast.AsyncWith):
            handles = True
        elif isinstance(node, ast.Return):
            returns = True
        if not isinstance(node, FunctionNode | ast.Lambda | ast.ClassDef):
            stack.extend(ast.iter_child_nodes(node))
    never = isinstance(function.body[-1], ast.Raise) and not returns and not generator
    return generator, True if not raises else None if handles else False, never
