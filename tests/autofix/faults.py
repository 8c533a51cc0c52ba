"""Faults: every call of a program passes a recorder, which counts it and makes a chosen one raise."""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

FRAME = frozenset({"super", "locals", "vars", "globals", "eval", "exec", "dir"})
"""look at the frame that calls them, so no wrapper may stand between"""
RELEASES = frozenset(
    {".close", ".aclose", ".cleanup", ".quit", ".terminate", ".shutdown", ".disconnect", ".wait_closed", "close"}
)
"""calls that a fix may drop, add or move: the block's exit makes them"""
WRAPPERS = frozenset(
    {"closing", ".closing", "aclosing", ".aclosing", "ExitStack", ".ExitStack", ".enter_context", ".wait"}
)
"""calls that a fix may add"""
QUIET = frozenset(
    {"print", "len", "str", "isinstance", ".append", ".info", ".warning", ".debug", ".fdopen", ".TextIOWrapper"}
)
"""calls that the contract takes not to raise, or to have taken over what they were given when they do"""


PROGRAM = "program"
"""the module as which a program runs"""


class Fault(Exception):
    """An exception that no narrow handler names."""


class Stop(BaseException):
    """An exception that ``except Exception`` does not catch."""


@dataclass(frozen=True, slots=True)
class Point:
    """The call at which a run fails: the ``number``-th, from 1, of those that are written like ``key``."""

    key: str
    number: int
    kind: type[BaseException]

    def __str__(self) -> str:
        return f"{self.kind.__name__} at call {self.number} of {self.key}"


@dataclass(slots=True)
class Recorder:
    """Follows the calls of one run.

    With ``hold`` it keeps what they return and can be closed, so that nothing is closed for being dropped; but no
    cursors, whose open statements keep even a closed connection's descriptor, and no objects of the program's classes,
    whose ``__del__`` is the program's own.
    """

    point: Point | None = None
    hold: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    held: list[object] = field(default_factory=list)

    def __call__(self, key: str, function: Callable[..., Any]) -> Callable[..., Any]:
        self.counts[key] += 1
        point = self.point
        if point is not None and (point.key, point.number) == (key, self.counts[key]):
            return _failing(point.kind)
        return self._holding(function) if self.hold else function

    def _holding(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            own = type(result).__module__ == PROGRAM
            if hasattr(result, "close") and not hasattr(result, "fetchone") and not own:
                self.held.append(result)
            return result

        return call


def _failing(kind: type[BaseException]) -> Callable[..., NoReturn]:
    def fail(*_: object, **__: object) -> NoReturn:
        raise kind("injected")

    return fail


class _Instrument(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.Call:
        key = written(node.func)
        self.generic_visit(node)
        if key not in FRAME:
            recorder = ast.Name("_call_", ast.Load())
            node.func = ast.Call(recorder, [ast.Constant(key), node.func], [])
        return node


def written(callee: ast.expr) -> str:
    """What a callee is called: the last attribute after a dot, or the name."""
    if isinstance(callee, ast.Attribute):
        return "." + callee.attr
    return callee.id if isinstance(callee, ast.Name) else type(callee).__name__


def instrumented(source: bytes, filename: str) -> Any:
    """The code of a program whose calls go through ``_call_``.

    Raises SyntaxError when it does not compile.
    """
    tree = _Instrument().visit(ast.parse(source, filename))
    return compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)


def kinds_of(source: bytes) -> tuple[type[BaseException], ...]:
    """The exceptions to inject: two that no narrow handler names, and each built-in one that a handler does."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            named |= {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.Call) and written(node.func).lstrip(".") == "suppress":
            named |= {a.id for a in node.args if isinstance(a, ast.Name)}
    found = [getattr(builtins, name, None) for name in sorted(named)]
    usual = [kind for kind in found if isinstance(kind, type) and issubclass(kind, Exception) and kind is not Exception]
    return (Fault, Stop, *(kind for kind in usual if kind is not UnicodeDecodeError))
