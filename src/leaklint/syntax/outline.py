"""The outline of a module: one pass over its ast collects everything that is asked before libcst is.

Imports of all scopes, functions and classes by qualified name with what can be told of them without lowering, and the
calls of each outermost function and of the module's own code.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import FIELDS

MODULE = "<module>"


@dataclass(slots=True)
class Function:
    """A function of the module.

    `outermost` is the qualified name of the function at module or class level around it (itself, mostly), `owner` the
    class around it. `raises`: a call, raise or await stands in its own scope; `handles`: a try or with does, so that an
    exception may not leave.
    """

    name: str
    node: FunctionNode
    owner: str
    outermost: str
    generator: bool = False
    raises: bool = False
    handles: bool = False
    returns: bool = False
    attributes: set[str] = field(default_factory=set)
    """attributes of ``self`` that it mentions, nested functions not counted"""
    stores: bool = False
    """it binds one of them"""

    @property
    def quiet(self) -> bool | None:
        """True when nothing in it raises, False when something may and nothing catches, None when a handler decides."""
        if not self.raises:
            return True
        return None if self.handles else False

    @property
    def never_returns(self) -> bool:
        """Whether it ends in a raise and holds no return."""
        return isinstance(self.node.body[-1], ast.Raise) and not self.returns and not self.generator

    @property
    def abstract(self) -> bool:
        """Whether it is there to be overridden: it does nothing, or raises NotImplementedError."""
        last = self.node.body[-1]
        if len(self.node.body) > 2 or not self.owner:
            return False
        if isinstance(last, ast.Raise) and last.exc is not None:
            raised = last.exc.func if isinstance(last.exc, ast.Call) else last.exc
            return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
        return isinstance(last, ast.Pass) or (isinstance(last, ast.Expr) and isinstance(last.value, ast.Constant))


@dataclass(slots=True)
class Outline:
    """Functions (``outer.<locals>.inner``, ``Class.method``) and classes by qualified name, in the order of the text.

    A function that is defined again gets ``#`` and a number behind its name; calls reach the first.
    """

    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    calls: dict[str, list[ast.Call]] = field(default_factory=dict)
    """by outermost function, and of the module's own code (decorators and defaults among it)"""
    managed: dict[ast.expr, bool] = field(default_factory=dict)
    """context expressions of ``with`` items; True for ``async with``"""
    read: set[str] = field(default_factory=set)
    """names that functions read"""


@dataclass(eq=False, slots=True)
class _Scope:
    prefix: str
    owner: str
    outermost: str
    function: Function | None
    calls: list[ast.Call]


_LEAVES = frozenset(
    {ast.Constant, ast.Pass, ast.Break, ast.Continue, ast.Load, ast.Store, ast.Del, ast.Global, ast.Nonlocal}
)
_FUNCTIONS = frozenset({ast.FunctionDef, ast.AsyncFunctionDef})
_WITHS = frozenset({ast.With, ast.AsyncWith})
_IMPORTS = frozenset({ast.Import, ast.ImportFrom})


def outline(tree: ast.Module) -> Outline:
    """Collect the outline of a module."""
    found = Outline()
    calls = found.calls[MODULE] = []
    functions: list[tuple[_Scope, FunctionNode, _Scope]] = []
    stack: list[tuple[ast.AST, _Scope]] = [(node, _Scope("", "", "", None, calls)) for node in tree.body]
    while stack:
        node, scope = stack.pop()
        kind = type(node)
        function = scope.function
        if kind is ast.Name:
            if function is not None:
                found.read.add(node.id)  # type: ignore[attr-defined]
            continue
        if kind is ast.Attribute and function is not None:
            assert isinstance(node, ast.Attribute)
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                function.attributes.add(node.attr)
                function.stores |= isinstance(node.ctx, ast.Store)
        elif kind is ast.Call:
            scope.calls.append(node)  # type: ignore[arg-type]
            if function is not None and not _closes(node):
                function.raises = True
        elif kind in _FUNCTIONS:
            assert isinstance(node, FunctionNode)
            inner = _function_scope(node, scope)
            functions.append((scope, node, inner))
            stack.extend((child, inner) for child in node.body)
            stack.extend((child, scope) for child in (node.args, *node.decorator_list))
            continue
        elif kind is ast.ClassDef:
            assert isinstance(node, ast.ClassDef)
            qualified = f"{scope.prefix}{node.name}"
            found.classes.setdefault(qualified, node)
            inside = _Scope(f"{qualified}.", qualified, scope.outermost, None, scope.calls)
            stack.extend((child, inside) for child in node.body)
            stack.extend((child, scope) for child in (*node.bases, *node.keywords, *node.decorator_list))
            continue
        elif kind is ast.Lambda:
            scope = _Scope(scope.prefix, scope.owner, scope.outermost, _nobody(scope), scope.calls)
        elif kind in _WITHS:
            assert isinstance(node, ast.With | ast.AsyncWith)
            for item in node.items:
                found.managed[item.context_expr] = kind is ast.AsyncWith
            if function is not None:
                function.handles = True
        elif kind in _IMPORTS:
            assert isinstance(node, ast.Import | ast.ImportFrom)
            found.imports.append(node)
            continue
        elif function is not None and kind in _TELLING:
            setattr(function, _TELLING[kind], True)
        for name in FIELDS[kind]:
            value = getattr(node, name, None)
            if value.__class__ is list:
                for child in value:
                    if child.__class__ not in _LEAVES and isinstance(child, ast.AST):
                        stack.append((child, scope))
            elif value.__class__ not in _LEAVES and isinstance(value, ast.AST):
                stack.append((value, scope))
    _name(functions, found)
    found.imports.sort(key=lambda node: (node.lineno, node.col_offset))
    return found


def _closes(call: ast.AST) -> bool:
    """A release does not raise in practice."""
    func = getattr(call, "func", None)
    return isinstance(func, ast.Attribute) and func.attr in ("close", "aclose")


_TELLING: dict[type[ast.AST], str] = {
    ast.Yield: "generator",
    ast.YieldFrom: "generator",
    ast.Raise: "raises",
    ast.Await: "raises",
    ast.Try: "handles",
    ast.Return: "returns",
} | ({ast.TryStar: "handles"} if hasattr(ast, "TryStar") else {})


def _nobody(scope: _Scope) -> Function | None:
    """A function record for the body of a lambda, which says nothing of the function around it."""
    if scope.function is None:
        return None
    return Function("", scope.function.node, "", scope.outermost)


def _function_scope(node: FunctionNode, around: _Scope) -> _Scope:
    name = f"{around.prefix}{node.name}"
    outermost = around.outermost or name
    calls = around.calls if around.outermost else []
    function = Function(name, node, around.owner, outermost)
    return _Scope(f"{name}.<locals>.", "", outermost, function, calls)


def _name(functions: list[tuple[_Scope, FunctionNode, _Scope]], found: Outline) -> None:
    functions.sort(key=lambda each: (each[1].lineno, each[1].col_offset))
    for around, _, inner in functions:
        function = inner.function
        assert function is not None
        if function.name in found.functions:
            again = f"{function.name}#{len(found.functions)}"
            if not around.outermost:
                function.outermost = again
            function.name = again
        found.functions[function.name] = function
        if function.outermost == function.name:
            found.calls[function.name] = inner.calls


__all__ = ["MODULE", "Function", "Outline", "outline"]
