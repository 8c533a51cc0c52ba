"""Executes a program on every bounded combination of faults and branches: the truth about its leaks."""

from __future__ import annotations

import ast
import asyncio
import builtins
import contextlib
import gc
import inspect
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.oracle.resources import Event, Sink, Toggle
from tests.oracle.standins import Library
from tests.oracle.world import FILENAME, Abort, Fault, Limits, Run, World

NARROW: dict[str, type[BaseException]] = {"ValueError": ValueError, "KeyError": KeyError, "OSError": OSError}
"""exceptions that programs name in narrow handlers"""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the runs showed, by line of the acquiring call.

    ``soft`` are lines that leak only on runs with a soft event; ``complete`` is whether every combination ran.
    """

    acquired: frozenset[int]
    leaks: frozenset[int]
    soft: frozenset[int]
    runs: int
    complete: bool
    spontaneous: bool
    """whether some run was soft: raised what nobody injected"""
    behaviours: frozenset[tuple[tuple[object, ...], ...]]
    """the events of each run"""


class Unrunnable(Exception):
    """The program's module level raises."""


class _Instrument(ast.NodeTransformer):
    """Adds the calls by which the world follows a program: helpers, handlers, finally bodies, loops; no line moves."""

    def __init__(self) -> None:
        self.depth = 0

    def _function(self, node: Any) -> Any:
        tested = node.name == "target"
        node = self.generic_visit(node)
        if not tested:
            node.decorator_list.append(ast.copy_location(ast.Name("_adopt_", ast.Load()), node))
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Lambda(self, node: ast.Lambda) -> ast.expr:
        self.generic_visit(node)
        return ast.copy_location(ast.Call(ast.Name("_adopt_", ast.Load()), [node], []), node)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        node.body.insert(0, self._seen(node.body[0]))
        return node

    def _try(self, node: Any) -> Any:
        self.generic_visit(node)
        if node.finalbody:
            node.finalbody.insert(0, self._seen(node.finalbody[0]))
        return node

    visit_Try = visit_TryStar = _try

    def _loop(self, node: Any) -> Any:
        self.generic_visit(node)
        tick = ast.Call(ast.Name("_tick_", ast.Load()), [], [])
        node.body.insert(0, ast.copy_location(ast.If(tick, [ast.Break()], []), node))
        return node

    visit_For = visit_AsyncFor = visit_While = _loop

    @staticmethod
    def _seen(at: ast.stmt) -> ast.Expr:
        return ast.copy_location(ast.Expr(ast.Call(ast.Name("_seen_", ast.Load()), [], [])), at)


def kinds_of(tree: ast.Module) -> tuple[type[BaseException], ...]:
    """The exceptions to inject: one that no narrow handler names, and each that one does."""
    named: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            named |= {n.id for n in ast.walk(node.type) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "suppress":
            named |= {n.id for a in node.args for n in ast.walk(a) if isinstance(n, ast.Name)}
    return (Fault, *(NARROW[name] for name in sorted(named & set(NARROW))))


def explore(source: str, limits: Limits) -> Truth:
    """Run ``source`` on every combination of choices within ``limits``.

    Raises SyntaxError when it does not compile, Unrunnable when it cannot be imported.
    """
    tree = ast.parse(source)
    world = World(limits, kinds_of(tree))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # programs return from finally blocks on purpose
        code = compile(ast.fix_missing_locations(_Instrument().visit(tree)), FILENAME, "exec")
    library = Library(world)
    names: dict[str, Any] = {
        "__name__": "program",
        "__builtins__": vars(builtins)
        | {"open": library.open_file, "print": _silent, "__import__": _importer(library)},
        "_adopt_": world.adopt,
        "_seen_": world.seen,
        "_tick_": world.tick,
    }
    try:
        exec(code, names)  # programs are written by the grammar
    except Exception as error:
        raise Unrunnable from error
    initial = {name for name in names if name not in ("HELD", "KEPT")}
    acquired: set[int] = set()
    leaks: set[int] = set()
    soft: set[int] = set()
    behaviours: set[tuple[tuple[object, ...], ...]] = set()
    script: list[int] = []
    runs, complete, spontaneous = 0, False, False
    collecting = gc.isenabled()
    gc.disable()
    try:
        while runs < limits.runs and not complete:
            run = world.run = Run(script)
            runs += 1
            sure, unsure = _once(world, names, initial)
            acquired |= {r.line for r in run.records}
            leaks |= sure
            soft |= unsure
            behaviours.add(tuple(run.events))
            spontaneous = spontaneous or run.soft
            script = _next(run.trail)
            complete = not script
    finally:
        if collecting:
            gc.enable()
        gc.collect(1)
    return Truth(
        frozenset(acquired),
        frozenset(leaks),
        frozenset(soft - leaks),
        runs,
        complete,
        spontaneous,
        frozenset(behaviours),
    )


def _next(trail: list[tuple[int, int]]) -> list[int]:
    """The script of the next run, depth first; empty when all are done."""
    at = len(trail) - 1
    while at >= 0 and trail[at][0] + 1 >= trail[at][1]:
        at -= 1
    return [pick for pick, _ in trail[:at]] + [trail[at][0] + 1] if at >= 0 else []


def _once(world: World, names: dict[str, Any], initial: set[str]) -> tuple[set[int], set[int]]:
    """One run of ``target``; the lines that it leaks, soft leaks apart."""
    sink, bag = Sink(world), []  # type: ignore[var-annotated]
    names["HELD"] = None
    names["KEPT"] = []
    owner = names["Owner"]() if "Owner" in names else None
    target: Callable[..., Any] = owner.target if owner is not None else names["target"]
    stand: dict[str, Any] = {"sink": sink, "bag": bag, "event": Event(world), "context": None}
    arguments = [stand[p] if p in stand else Toggle(world) for p in inspect.signature(target).parameters]
    try:
        _drive(world, target(*arguments))
    except Abort:
        return set(), set()
    except BaseException as error:
        world.judge_exception(error)
        world.event("raised", type(error).__name__)
        error.__traceback__ = None
    for generator in world.run.generators:
        with contextlib.suppress(BaseException):
            generator.close()
    outside = [
        value for name, value in names.items() if name not in initial and not isinstance(value, types.ModuleType)
    ]
    return world.leaked([sink, bag, owner, *outside])


def _importer(library: Library) -> Callable[..., types.ModuleType]:
    """``__import__`` of a program: the modules of the world and no others."""
    modules = library.modules()
    return lambda name, *_: modules[name]


def _silent(*_: object) -> None:
    """``print`` of a program."""


def _close(world: World, generator: types.GeneratorType[Any, Any, Any]) -> None:
    """Abandon a generator; what it still returns has a taker. One that yields again makes the run soft."""
    while True:
        try:
            generator.throw(GeneratorExit())
            world.run.soft = True
        except StopIteration as stop:
            world.run.roots.append(stop.value)
            return
        except GeneratorExit:
            return


def _drive(world: World, result: Any) -> None:
    """Bring what ``target`` returned to its end: a plain value, a generator or a coroutine."""
    run = world.run
    if isinstance(result, types.GeneratorType):
        try:
            value = next(result)
            while True:
                run.roots.append(value)
                if world.choose(2):
                    _close(world, result)
                    return
                value = next(result)
        except StopIteration as stop:
            run.roots.append(stop.value)
    elif isinstance(result, types.CoroutineType):
        try:
            result.send(None)
            while True:
                if run.faults < world.limits.faults and world.choose(2):
                    run.faults += 1
                    result.throw(asyncio.CancelledError())
                else:
                    result.send(None)
        except StopIteration as stop:
            run.roots.append(stop.value)
    else:
        run.roots.append(result)
