"""The world in which a generated program runs: choice points, and the records of what was acquired."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

FILENAME = "<program>"
MARKED = ("injected", "own")
"""first argument of the exceptions that the world injects and that programs raise themselves"""


class Abort(BaseException):
    """The run made more choices than allowed: it is thrown away."""


class Fault(Exception):
    """An exception that no narrow handler names."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a program's behaviour is enumerated."""

    runs: int = 3000
    faults: int = 2
    loops: int = 2
    choices: int = 120


@dataclass(eq=False, slots=True)
class Record:
    """One acquired resource: where, and what became of it."""

    line: int
    open: bool = True
    moved: bool = False


@dataclass(slots=True)
class Run:
    """One execution: the choices it is told to make, those it made, and what it acquired."""

    script: list[int]
    trail: list[tuple[int, int]] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    roots: list[object] = field(default_factory=list)
    """what outlives the function: returned, yielded and registered values"""
    generators: list[Any] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    events: list[tuple[object, ...]] = field(default_factory=list)
    """what the program did that can be seen from outside, in order"""
    faults: int = 0
    turns: int = 0
    soft: bool = False
    iterated: Record | None = None
    """a resource whose iteration raised: leaks of others are soft then"""


class Recorded:
    """Base of all resources of the world."""

    record: Record


class World:
    """Holds the current run; everything that a program calls asks it what to do."""

    def __init__(self, limits: Limits, kinds: tuple[type[BaseException], ...]) -> None:
        self.limits = limits
        self.kinds = kinds
        self.run = Run([])

    # choice points

    def choose(self, alternatives: int) -> int:
        """The number of the alternative to take, as the script says, else the first."""
        run = self.run
        at = len(run.trail)
        if at >= self.limits.choices:
            raise Abort
        pick = run.script[at] if at < len(run.script) else 0
        run.trail.append((pick, alternatives))
        return pick

    def point(self, values: tuple[Any, ...] = (None,)) -> Any:
        """Return one of ``values`` or raise one of the kinds of fault."""
        run = self.run
        faults = self.kinds if run.faults < self.limits.faults else ()
        alternatives = len(values) + len(faults)
        pick = self.choose(alternatives) if alternatives > 1 else 0
        if pick < len(values):
            return values[pick]
        run.faults += 1
        raise faults[pick - len(values)]("injected")

    def repeat(self, name: str) -> bool:
        """Count one more turn of the loop test ``name``; whether the bound is reached."""
        turns = self.run.counts.get(name, 0)
        self.run.counts[name] = turns + 1
        return turns >= self.limits.loops

    def tick(self) -> bool:
        """Count one turn of any loop; whether to break out of it, since the run goes on for ever."""
        self.run.turns += 1
        return self.endless

    @property
    def endless(self) -> bool:
        """Whether the run looped more than bounded loops can: it is thrown away."""
        return self.run.turns > self.limits.choices

    def event(self, name: str, *details: object) -> None:
        """Something that can be seen from outside happens; of the details numbers, names and truths are kept."""
        kept = (d for d in details if isinstance(d, (int, str)) and not isinstance(d, Recorded))
        self.run.events.append((name, *kept))

    # the program's own exceptions

    def seen(self) -> None:
        """Called at the start of each handler and finally: a spontaneous exception makes the run soft."""
        self.judge_exception(sys.exc_info()[1])

    def judge_exception(self, error: BaseException | None) -> None:
        if error is None or isinstance(error, (SystemExit, GeneratorExit, asyncio.CancelledError, Abort)):
            return
        parts = getattr(error, "exceptions", None)
        if parts is not None:
            for part in parts:
                self.judge_exception(part)
        elif not error.args or error.args[0] not in MARKED:
            self.run.soft = True

    # resources

    def acquired(self) -> Record:
        """A record for the line of the program that is executing; the acquisition itself may raise."""
        line = program_line()
        self.point()
        record = Record(line)
        self.run.records.append(record)
        return record

    def adopt(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a helper of the program: what it acquires and returns belongs to the line that called it."""
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                made = function(*args, **kwargs)
                self.run.generators.append(made)
                return made

            return generator
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                line, known = program_line(), len(self.run.records)
                return self._relabel(await function(*args, **kwargs), line, known)

            return coroutine

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            line, known = program_line(), len(self.run.records)
            return self._relabel(function(*args, **kwargs), line, known)

        return plain

    def _relabel(self, result: Any, line: int, known: int) -> Any:
        fresh = self.run.records[known:]
        if fresh:
            for record in reachable([result]):
                if any(record is f for f in fresh):
                    record.line = line
        return result

    def hand_over(self, roots: Iterable[object]) -> None:
        """What these objects reach has another owner from now on."""
        for record in reachable(roots):
            record.moved = True

    def leaked(self, roots: Iterable[object]) -> tuple[set[int], set[int]]:
        """Lines whose resources are open and held by nothing that outlives the function; those of soft leaks apart."""
        self.hand_over([*roots, *self.run.roots])
        sure: set[int] = set()
        soft: set[int] = set()
        for record in self.run.records:
            if record.open and not record.moved:
                certain = not self.run.soft and self.run.iterated in (None, record)
                (sure if certain else soft).add(record.line)
        return sure, soft


def program_line() -> int:
    """The line of the program that is executing, seen from inside of the world; 0 when the world itself calls in."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != FILENAME:
        frame = frame.f_back
    return 0 if frame is None else frame.f_lineno


OPAQUE = (World, types.ModuleType, type, types.FrameType, types.CodeType, types.TracebackType)


def reachable(roots: Iterable[object]) -> list[Record]:
    """The records of all resources that can be reached from ``roots``, through containers, closures and generators."""
    found: list[Record] = []
    stack = list(roots)
    visited: set[int] = set()
    keep: list[object] = []
    while stack:
        item = stack.pop()
        if id(item) in visited or isinstance(item, OPAQUE):
            continue
        visited.add(id(item))
        keep.append(item)
        if isinstance(item, Recorded):
            found.append(item.record)
        elif isinstance(item, types.FunctionType):
            stack.extend(item.__closure__ or ())
            stack.extend(item.__defaults__ or ())
        else:
            stack.extend(gc.get_referents(item))
    return found
