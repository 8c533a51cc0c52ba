"""Which variables of handler code hold data of the event: seen without regard to order, followed through calls.

The event of a handler is where it starts. A variable that is bound to an expression with such a variable in it holds
data of the event, too, and so does a parameter that receives one. Example::

    def handler(event, context):
        for record in event["Records"]:       record
            remember(record["id"])

    def remember(key):                        key
        seen[key] = True
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from leaklint.analysis.lasting import Code, nodes_of
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk


def influenced(code: Code) -> Mapping[str, frozenset[str]]:
    """The variables that hold data of the event, by function."""
    known: dict[str, set[str]] = {name: set() for name in code.reached & code.functions.keys()}
    waiting = []
    for entry in code.entries & known.keys():
        known[entry].update(parameters(code.functions[entry])[:1])
        waiting.append(entry)
    while waiting:
        name = waiting.pop()
        node = code.functions[name]
        _spread(node, known[name])
        for called, given in _passed(code, name, known[name]):
            if called in known and not given <= known[called]:
                known[called] |= given
                waiting.append(called)
    return {name: frozenset(found) for name, found in known.items()}


def parameters(node: FunctionNode) -> list[str]:
    """The names of the positional parameters of a function."""
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]


def mentions(node: ast.AST | None, names: set[str] | frozenset[str]) -> bool:
    """Whether an expression reads one of the variables."""
    return node is not None and any(isinstance(inner, ast.Name) and inner.id in names for inner in walk(node))


def _spread(node: FunctionNode, names: set[str]) -> None:
    bindings = list(_bindings(node))
    before = -1
    while before != len(names):
        before = len(names)
        for target, value in bindings:
            if mentions(value, names):
                names.update(n.id for n in walk(target) if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load))


def _bindings(scope: FunctionNode) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in nodes_of(scope):
        match node:
            case ast.Assign():
                for target in node.targets:
                    yield target, node.value
            case ast.AugAssign() | ast.NamedExpr():
                yield node.target, node.value
            case ast.AnnAssign() if node.value is not None:
                yield node.target, node.value
            case ast.For() | ast.AsyncFor() | ast.comprehension():
                yield node.target, node.iter
            case ast.withitem() if node.optional_vars is not None:
                yield node.optional_vars, node.context_expr


def _passed(code: Code, name: str, names: set[str]) -> Iterator[tuple[str, set[str]]]:
    """(function of the module, its parameters that receive data of the event) for each call in a function."""
    for node in nodes_of(code.functions[name]):
        if not isinstance(node, ast.Call):
            continue
        target, bound = called(code, name, node.func)
        if not target:
            continue
        accepting = parameters(code.functions[target])[1 if bound else 0 :]
        given = {accepting[i] for i, a in enumerate(node.args) if i < len(accepting) and mentions(a, names)}
        given |= {k.arg for k in node.keywords if k.arg and mentions(k.value, names)}
        yield target, given


def called(code: Code, name: str, func: ast.expr) -> tuple[str, bool]:
    """The function of the module behind a call, and whether its first parameter is given by the receiver."""
    if isinstance(func, ast.Name):
        scope = name
        while scope:
            if f"{scope}.{func.id}" in code.functions:
                return f"{scope}.{func.id}", False
            scope = scope.rpartition(".")[0]
        return (func.id, False) if func.id in code.functions else ("", False)
    if isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
        owner = name.rpartition(".")[0] if func.value.id in ("self", "cls") else func.value.id
        method = f"{owner}.{func.attr}"
        return (method, func.value.id in ("self", "cls")) if method in code.functions else ("", False)
    return "", False
