"""The stack of frames around a statement, and how control unwinds it.

A jump (an exception, a return, a break, a continue) walks the frames outward. At each ``finally`` and each ``with`` it
runs a *copy* of what leaving means, lowered for this way of leaving, as CPython's compiler does; copies are memoised by
the frame and the destination. From the third ``finally`` inside of a ``finally`` body on, all ways share one copy:
paths then mix, which can cost precision and never a leak.

Example. In ``for x in y: try: return g(x) finally: h()`` the frames are (loop, finally). The return asks
``Unwinder.jump(frames, RETURN)``: the finally frame gives a copy of ``h()`` that goes on to ``jump((loop,), RETURN)``,
the loop frame has nothing to run, and the bottom is the function's exit. An exception of ``g`` asks
``Unwinder.exception(frames, ANY)`` and gets another copy of ``h()``, which goes on raising.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from leaklint.flow import ops
from leaklint.flow.cfg import RAISE, RETURN, Cfg, EdgeKind

SHARED_FROM_DEPTH = 2
"""nesting of finally inside finally bodies from which on all ways share one copy"""


@dataclass(frozen=True, slots=True)
class Thrown:
    """An exception on its way: whether ``except Exception`` catches it, and its dotted class name when known."""

    kind: EdgeKind
    name: str = ""


ANY = Thrown(EdgeKind.EXCEPTION)
CANCELLED = Thrown(EdgeKind.CANCEL)


_USUAL = frozenset({"OSError", "IOError", "EnvironmentError", "Error", "error", "DatabaseError", "RequestException"})
"""class names that stand for all that a library or the system raises"""


class Catches(Enum):
    """Whether a handler catches an exception."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@dataclass(eq=False, slots=True)
class Handler:
    """One ``except`` clause: its classes (dotted names; empty for a bare one) and the node where its body starts."""

    classes: tuple[str, ...]
    entry: int

    @property
    def expects_the_usual(self) -> bool:
        """Whether it takes the errors of the system, or the base class of a library's errors."""
        return any(name.rpartition(".")[2] in _USUAL for name in self.classes)

    def catches(self, thrown: Thrown) -> Catches:
        """Judge by the built-in hierarchy; a class of unknown descent may catch."""
        if not self.classes:
            return Catches.YES
        verdicts = {_catches(name, thrown) for name in self.classes}
        if Catches.YES in verdicts:
            return Catches.YES
        return Catches.MAYBE if Catches.MAYBE in verdicts else Catches.NO


def _builtin(name: str) -> type[BaseException] | None:
    found = __builtins__.get(name) if isinstance(__builtins__, dict) else getattr(__builtins__, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def cancels(name: str) -> bool:
    """Whether the class with this dotted name is one that ``except Exception`` does not catch."""
    known = _builtin(name)
    if known is not None:
        return not issubclass(known, Exception)
    return name.rpartition(".")[2] == "CancelledError"


def _catches(name: str, thrown: Thrown) -> Catches:
    if name == "BaseException":
        return Catches.YES
    if thrown.name and thrown.name == name:
        return Catches.YES
    if thrown.kind is EdgeKind.CANCEL:
        return Catches.MAYBE if cancels(name) and not thrown.name else Catches.NO
    if name == "Exception":
        return Catches.YES
    if cancels(name):
        return Catches.NO
    handler, raised = _builtin(name), _builtin(thrown.name)
    if handler is not None and raised is not None:
        return Catches.YES if issubclass(raised, handler) else Catches.NO
    return Catches.MAYBE


@dataclass(eq=False, slots=True)
class Try:
    """The protected part of a ``try`` with handlers."""

    handlers: list[Handler]
    several: bool = False
    """``except*``: several handlers may run, and what none took goes on"""


@dataclass(eq=False, slots=True)
class Finally:
    """A ``try`` with a ``finally``; `lower` emits one copy of its body at the current position."""

    lower: Callable[[], None]


@dataclass(eq=False, slots=True)
class With:
    """One item of a ``with``; what `suppresses` catches goes on at its entry, behind the block."""

    leave: ops.Leave
    suppresses: Handler | None = None


@dataclass(eq=False, slots=True)
class Loop:
    """A loop: where ``break`` and ``continue`` go; `hidden` is the iterator that dies with it."""

    broken: int
    again: int


Frame = Try | Finally | With | Loop
Frames = tuple[Frame, ...]
"""outermost first"""


class Way(Enum):
    """Jumps that are no exceptions."""

    RETURN = "return"
    BREAK = "break"
    CONTINUE = "continue"


@dataclass(slots=True)
class Unwinder:
    """Builds and remembers the copies. `cursor` is the position of the lowering: the node that control comes from, or
    None where control never comes; `frames` and `cursor` are saved and restored around each copy."""

    cfg: Cfg
    frames: Frames = ()
    cursor: int | None = 0
    depth: int = 0
    _copies: dict[tuple[Frame, object], int] = field(default_factory=dict)
    _shared: dict[Frame, tuple[int, int | None]] = field(default_factory=dict)

    def exception(self, frames: Frames, thrown: Thrown) -> int:
        """The node where an exception goes from inside of `frames`."""
        while frames and isinstance(frames[-1], Loop):
            frames = frames[:-1]
        if not frames:
            return RAISE
        top, rest = frames[-1], frames[:-1]
        known = self._copies.get((top, thrown))
        if known is not None:
            return known
        if isinstance(top, Try):
            return self._dispatch(top, rest, thrown)
        assert not isinstance(top, Loop)
        return self._copy(top, rest, thrown, lambda: self.exception(rest, thrown))

    def jump(self, frames: Frames, way: Way) -> int:
        """The node where a return, break or continue goes from inside of `frames`."""
        while frames and isinstance(frames[-1], Try):
            frames = frames[:-1]
        if not frames:
            return RETURN
        top, rest = frames[-1], frames[:-1]
        if isinstance(top, Loop):
            if way is Way.RETURN:
                return self.jump(rest, way)
            return top.broken if way is Way.BREAK else top.again
        known = self._copies.get((top, way))
        if known is not None:
            return known
        assert not isinstance(top, Try)
        return self._copy(top, rest, way, lambda: self.jump(rest, way))

    def _dispatch(self, top: Try, rest: Frames, thrown: Thrown) -> int:
        entry = self.cfg.add(ops.Join("except"))
        self._copies[top, thrown] = entry
        for handler in top.handlers:
            verdict = handler.catches(thrown)
            if verdict is not Catches.NO:
                self.cfg.connect(entry, handler.entry)
            if verdict is Catches.YES and not top.several:
                return entry
        if not any(h.catches(thrown) is Catches.YES for h in top.handlers):
            onward = entry
            if thrown == ANY and any(h.expects_the_usual for h in top.handlers):
                # The handlers take what this code is known to raise: anything else would be a surprise.
                onward = self.cfg.add(ops.Join("unexpected", doubt=2))
                self.cfg.connect(entry, onward)
            self.cfg.connect(onward, self.exception(rest, thrown))
        return entry

    def _copy(self, top: Finally | With, rest: Frames, key: object, onward: Callable[[], int]) -> int:
        if isinstance(top, Finally) and self.depth >= SHARED_FROM_DEPTH:
            return self._shared_copy(top, rest, key, onward)
        entry = self.cfg.add(ops.Join("finally" if isinstance(top, Finally) else "with exit"))
        self._copies[top, key] = entry
        end = self._lower(top, rest, entry)
        if end is not None:
            swallowed = Catches.NO
            if isinstance(top, With) and top.suppresses is not None and isinstance(key, Thrown):
                swallowed = top.suppresses.catches(key)
                if swallowed is not Catches.NO:
                    self.cfg.connect(end, top.suppresses.entry)
            if swallowed is not Catches.YES:
                self.cfg.connect(end, onward())
        return entry

    def fall_through(self, top: Finally) -> None:
        """Run the copy of a ``finally`` by which control goes on behind the statement."""
        if self.depth < SHARED_FROM_DEPTH:
            top.lower()
            return
        entry, end = self._share(top, self.frames)
        assert self.cursor is not None
        self.cfg.connect(self.cursor, entry)
        self.cursor = None
        if end is not None:
            self.cursor = self.cfg.add(ops.Join())
            self.cfg.connect(end, self.cursor)

    def _share(self, top: Finally, rest: Frames) -> tuple[int, int | None]:
        if top not in self._shared:
            entry = self.cfg.add(ops.Join("finally, shared"))
            self._shared[top] = (entry, None)
            self._shared[top] = (entry, self._lower(top, rest, entry))
        return self._shared[top]

    def _shared_copy(self, top: Finally, rest: Frames, key: object, onward: Callable[[], int]) -> int:
        entry, end = self._share(top, rest)
        self._copies[top, key] = entry
        if end is not None:
            self.cfg.connect(end, onward())
        return entry

    def _lower(self, top: Finally | With, rest: Frames, entry: int) -> int | None:
        frames, cursor = self.frames, self.cursor
        self.frames, self.cursor = rest, entry
        if isinstance(top, Finally):
            self.depth += 1
            top.lower()
            self.depth -= 1
        else:
            self.place(top.leave)
        end = self.cursor
        self.frames, self.cursor = frames, cursor
        return end

    def place(self, op: ops.Op) -> int:
        """Append `op` at the cursor and move there."""
        node = self.cfg.add(op)
        if self.cursor is not None:
            self.cfg.connect(self.cursor, node)
        self.cursor = node
        return node
