"""Resources that a function of the project gives out: whether it may give None, or something else, instead."""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.analysis.fields import MAKING
from leaklint.edit import Applicability
from leaklint.fixes import known
from leaklint.fixes.code import Code, Refused, leaves, own_nodes
from leaklint.syntax.names import FunctionNode

_CALLING_THROUGH = known.words(
    """
    abstractmethod asynccontextmanager capture capture_async capture_method classmethod contextmanager final
    on_exception on_predicate override retry staticmethod timed timer timing trace traced wraps
    """
)
"""the last names of decorators that call the function each time"""
_RESULTS = (ast.Name, ast.Call, ast.Await, ast.NamedExpr)


def applicability(site: Site) -> Applicability:
    """A helper of another file may change without this one: what it gives is not known for sure."""
    return Applicability.UNSAFE if site.helper is not None and site.origin is not None else Applicability.SAFE


def check(code: Code, site: Site) -> None:
    """Refuse a helper that gives other things besides, or may give out again what it gave out before: one that an
    unknown function has wrapped. Raises Refused."""
    for function in _functions(code, site):
        for decorator in function.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if ast.unparse(called).rpartition(".")[2] not in _CALLING_THROUGH:
                raise Refused(f"`@{ast.unparse(called)}` may make `{function.name}` give the same one again")
        for value in _results(function):
            if value is not None and not _is_none(value) and not isinstance(value, (*_RESULTS, ast.Tuple)):
                raise Refused(f"`{function.name}` also returns something else")


def may_give_none(code: Code, site: Site) -> bool:
    """Whether the helper returns None on some way, or is not known; a class gives its object."""
    assert site.helper is not None
    if site.helper[0].rpartition(".")[2] in MAKING:
        return False
    functions = _functions(code, site)
    return not functions or any(
        not leaves(function.body) or any(value is None or _is_none(value) for value in _results(function))
        for function in functions
    )


def _functions(code: Code, site: Site) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    assert site.helper is not None
    if site.origin is not None:
        return []
    last = site.helper[0].rpartition(".")[2]
    return [node for node in ast.walk(code.tree) if isinstance(node, FunctionNode) and node.name == last]


def _results(function: ast.AST) -> list[ast.expr | None]:
    return [node.value for node in own_nodes(function) if isinstance(node, ast.Return)]


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None
