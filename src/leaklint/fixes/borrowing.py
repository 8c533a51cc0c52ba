"""What a function of the same file does with an argument: whether it surely gives it back untouched, or keeps it."""

from __future__ import annotations

import ast
from enum import Enum

from leaklint.catalogue.model import Effect
from leaklint.fixes import known
from leaklint.fixes.code import Code, own_nodes
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk


class Loan(Enum):
    """What becomes of an argument."""

    RETURNED = "only used while the function runs"
    KEPT = "kept, or handed on to what may keep it"
    UNKNOWN = "the function is not of this file"


def loan(code: Code, call: ast.Call, argument: ast.expr) -> Loan:
    """What the called function does with an argument of the call."""
    functions = _functions(code, call)
    if not functions:
        return Loan.UNKNOWN
    for function in functions:
        name = _parameter(function, call, argument)
        if not name or not _only_used(code, function, name):
            return Loan.KEPT
    return Loan.RETURNED


def _functions(code: Code, call: ast.Call) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    func = call.func
    if isinstance(func, ast.Attribute):
        if not (isinstance(func.value, ast.Name) and func.value.id in ("self", "cls")):
            return []
        name, methods = func.attr, True
    elif isinstance(func, ast.Name):
        name, methods = func.id, False
    else:
        return []
    return [
        node
        for node in ast.walk(code.tree)
        if isinstance(node, FunctionNode)
        and node.name == name
        and isinstance(code.scope(node), ast.ClassDef) == methods
    ]


def _parameter(function: ast.FunctionDef | ast.AsyncFunctionDef, call: ast.Call, argument: ast.expr) -> str:
    arguments = function.args
    positional = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if isinstance(call.func, ast.Attribute) and not any(
        isinstance(d, ast.Name) and d.id == "staticmethod" for d in function.decorator_list
    ):
        positional = positional[1:]
    for keyword in call.keywords:
        if keyword.value is argument:
            known_names = {*positional, *(a.arg for a in arguments.kwonlyargs)}
            return keyword.arg if keyword.arg in known_names and keyword.arg is not None else ""
    if any(isinstance(a, ast.Starred) for a in call.args):
        return ""
    for index, value in enumerate(call.args):
        if value is argument and index < len(positional):
            return positional[index]
    return ""


def _only_used(code: Code, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    """Whether the function does nothing with a parameter but call methods that return data, and functions that do."""
    if isinstance(function, ast.AsyncFunctionDef) or function.decorator_list:
        return False
    own = list(own_nodes(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
        return False
    found = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
    return all(id(node) in set(map(id, own)) and _is_plain_use(code, node) for node in found)


def _is_plain_use(code: Code, node: ast.Name) -> bool:
    parent = code.parent(node)
    if not isinstance(node.ctx, ast.Load):
        return False
    match parent:
        case ast.Attribute() as attribute:
            around = code.parent(attribute)
            called = isinstance(around, ast.Call) and around.func is attribute
            if called and isinstance(code.parent(around), ast.Expr):
                return attribute.attr not in known.KEEPING_METHODS
            return attribute.attr in (known.DATA_METHODS if called else known.DATA_ATTRIBUTES)
        case ast.Call():
            return code.dotted(parent.func) in known.DATA_FUNCTIONS
        case ast.For() | ast.comprehension():
            return parent.iter is node
        case ast.Compare() | ast.If():
            return True
        case _:
            return False


_ITERATORS = frozenset({"enumerate", "filter", "iter", "map", "reversed", "zip"})
_DEPTH = 4
"""methods that call methods of the same object are followed so far"""


def reads_later(code: Code, name: str, depth: int = _DEPTH) -> bool:
    """Whether a method of this name, of a class of this file, gives what reads from its object later: a generator, an
    iterator over what the object holds, or the object itself."""
    return any(
        _reads_later(code, node, depth)
        for node in walk(code.tree)
        if isinstance(node, FunctionNode) and node.name == name and isinstance(code.parent(node), ast.ClassDef)
    )


def _reads_later(code: Code, method: ast.FunctionDef | ast.AsyncFunctionDef, depth: int) -> bool:
    own = list(own_nodes(method))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own):
        return True
    names = {argument.arg for argument in (*method.args.posonlyargs, *method.args.args)[:1]}
    before: set[str] = set()
    while before != names:
        before = set(names)
        for node in own:
            if isinstance(node, ast.Assign) and _is_reader(code, node.value, names, depth):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return any(
        isinstance(node, ast.Return) and node.value is not None and _is_reader(code, node.value, names, depth)
        for node in own
    )


def _is_reader(code: Code, value: ast.expr, names: set[str], depth: int) -> bool:
    """Whether a value is one of the ``names``, or reads later from what they hold."""
    match value:
        case ast.Name():
            return value.id in names
        case ast.Await() | ast.Starred() | ast.NamedExpr():
            return _is_reader(code, value.value, names, depth)
        case ast.Tuple() | ast.List():
            return any(_is_reader(code, element, names, depth) for element in value.elts)
        case ast.IfExp():
            return any(_is_reader(code, branch, names, depth) for branch in (value.body, value.orelse))
        case ast.BoolOp():
            return any(_is_reader(code, operand, names, depth) for operand in value.values)
        case ast.GeneratorExp():
            return _names_any(value, names)
        case ast.Call():
            effect = code.effect(value)
            lazy = code.dotted(value.func) in _ITERATORS or (effect is not None and effect.effect is Effect.DERIVES)
            if lazy and any(_names_any(argument, names) for argument in value.args):
                return True
            receiver = value.func.value if isinstance(value.func, ast.Attribute) else None
            own = isinstance(receiver, ast.Name) and receiver.id in names
            return own and depth > 0 and reads_later(code, ast.unparse(value.func).rpartition(".")[2], depth - 1)
        case _:
            return False


def _names_any(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(inner, ast.Name) and inner.id in names for inner in walk(node))
