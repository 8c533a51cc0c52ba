"""Facts made by hand, for tests of what judges them."""

from __future__ import annotations

from typing import Any

from leaklint.analysis.facts import Event, Leak, LeakExit, ModuleFacts, Site, Trigger
from leaklint.catalogue.model import Resource, Step
from leaklint.edit import Span
from leaklint.finding import Confidence

LINES = tuple(range(0, 2000, 100))
"""Line n starts at offset (n - 1) * 100."""


def at(line: int, column: int = 0, length: int = 5) -> Span:
    """A span on ``line`` (1-based)."""
    start = (line - 1) * 100 + column
    return Span(start, start + length)


def resource(**changes: Any) -> Resource:
    """A plain file, or what ``changes`` make of it."""
    fields: dict[str, Any] = {
        "id": "file",
        "kind": "file",
        "noun": "file",
        "package": "builtins",
        "type": "io.TextIOWrapper",
        "acquire": ("open",),
        "release": ((Step("close", "method"),),),
    }
    return Resource(**{**fields, **changes})


def leak(
    exit: LeakExit = LeakExit.RETURN,
    event: Event = Event.NONE,
    text: str = "",
    line: int = 9,
    confidence: Confidence = Confidence.HIGH,
    **changes: Any,
) -> Leak:
    """A way on which a resource stays open: it departs on ``line`` and leaves the function on line 12."""
    trigger = None if event is Event.NONE else Trigger(event, text, at(line))
    return Leak(exit, trigger, at(12), confidence, **changes)


def returned(**changes: Any) -> Leak:
    """Open on the plain way to the end."""
    return leak(LeakExit.RETURN, **{"confidence": Confidence.CERTAIN, **changes})


def early(text: str = "return None", **changes: Any) -> Leak:
    """Open at an early return."""
    return leak(LeakExit.RETURN, Event.T0, text, **changes)


def raised(text: str = "raise ValueError", **changes: Any) -> Leak:
    """Open when a raise of the function leaves it."""
    return leak(LeakExit.RAISE, Event.T0, text, **changes)


def may_raise(text: str = "f.read()", event: Event = Event.T1, **changes: Any) -> Leak:
    """Open when an expression raises."""
    return leak(LeakExit.RAISE, event, text, **changes)


def lost(by: str = "discarded", **changes: Any) -> Leak:
    """Open when the last name goes."""
    return leak(LeakExit.LOST, **{"confidence": Confidence.CERTAIN, "lost_by": by, **changes})


def site(*leaks: Leak, **changes: Any) -> Site:
    """A resource `f` opened on line 5 of a function, with these leaks."""
    fields: dict[str, Any] = {
        "resource": resource(),
        "part": "",
        "span": at(5),
        "function": "work",
        "place": "f",
        "leaks": leaks,
        "released": False,
        "transferred": False,
    }
    return Site(**{**fields, **changes})


def facts(*sites: Site, **changes: Any) -> ModuleFacts:
    """A module with these sites."""
    return ModuleFacts("module.py", sites, lines=LINES, **changes)
