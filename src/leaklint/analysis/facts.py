"""What rules read: the facts of one module, free of syntax trees.

One `Site` stands for one acquired part at one acquiring call (or the call of a helper that returns a fresh resource).
Its `leaks` are the ways on which it stays open; how it fares elsewhere is summed up in flags. Spans are code-point
offsets into the decoded text.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from enum import Enum

from leaklint.catalogue.model import Resource
from leaklint.edit import Span
from leaklint.finding import Confidence, Location
from leaklint.flow.ops import How


class LeakExit(Enum):
    """How an obligation left its function unreleased."""

    RETURN = "return"  # the function returned (or the module ended)
    RAISE = "raise"  # an exception left it
    LOST = "lost"  # the last name for it was rebound, deleted or never existed


class Event(Enum):
    """What makes a path leave: the classes of the design's table of what may raise."""

    T0 = "T0"  # an explicit raise, return, break, continue, sys.exit
    T1 = "T1"  # a call on the resource or with it, a parser, a subscript of the handler's event
    T2 = "T2"  # any other call
    T3 = "T3"  # cancellation at await, an abandoned generator
    NONE = "none"  # the plain way to the end


@dataclass(frozen=True, slots=True)
class Trigger:
    """The expression at which the path departs: its text on one line, shortened to 60 characters; ``iterated`` when a
    loop over it does."""

    event: Event
    text: str
    span: Span
    iterated: bool = False


@dataclass(frozen=True, slots=True)
class Leak:
    """One way on which the resource stays open.

    ``path`` are the branches taken from acquisition to exit, as (span, what) in order: ``(span, "`done` is false")``;
    ``end`` is where it leaves: the return, the raise, the end of the function, the rebinding.
    """

    exit: LeakExit
    trigger: Trigger | None
    end: Span
    confidence: Confidence
    path: tuple[tuple[Span, str], ...] = ()
    lost_by: str = ""
    """for LOST: ``discarded`` | ``rebound`` | ``deleted`` | ``anonymous``"""
    because: tuple[str, ...] = ()
    """what the confidence rests on, and what lowered it"""
    turn: tuple[Span, str] | None = None
    """the branch of ``path`` behind which nothing releases it or gives it away, where before it something could"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource that a class keeps in the attribute `name` of its objects, and that no method of it releases."""

    owner: str
    name: str
    finaliser: bool
    """``__del__`` releases it"""
    foreign: bool
    """a base class that is not the project's, or code outside of the class, may release it"""


@dataclass(frozen=True, slots=True)
class Budget:
    """Descriptors that a call loses for good, and when: ``per invocation``, ``per turn of the loop``, ``each time``."""

    descriptors: int
    per: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a function puts what it acquired, to outlive the call: `how` it gets there, and the place as ops spell it
    (empty for what a decorator keeps)."""

    how: How
    place: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """Code that closes what is kept, and leaves it where the next invocation finds it."""

    span: Span
    function: str
    sure: bool
    """a handler of the module reaches it"""


@dataclass(frozen=True, slots=True)
class Cached:
    """A resource that is kept for the next invocations."""

    where: str
    """what keeps it, in words: ``the global `conn```"""
    lazily: bool
    """opened by a function, at its first use"""
    closed_each_time: bool = False
    """the code that uses it closes it, and opens it anew the next time"""
    maybe_closed: bool = False
    """a function that nothing here calls does so"""
    replaces: str = ""
    """when the acquisition takes the place of one that may be open, as a clause"""
    closings: tuple[Closing, ...] = ()
    loop: Span | None = None
    """the call that runs a new event loop with each invocation"""
    sure: bool = True
    mitigations: tuple[str, ...] = ()
    """mitigations of the catalogue found in the code that uses it"""


@dataclass(frozen=True, slots=True)
class Site:
    """One acquired part, and all that becomes of it."""

    resource: Resource
    part: str
    span: Span
    """the acquiring call"""
    function: str
    """qualified name, ``<module>`` at module level"""
    place: str
    """the first name that it got, or empty"""
    leaks: tuple[Leak, ...]
    released: bool
    """some path releases it"""
    transferred: bool
    """some path gives it to another owner"""
    with_exit: Span | None = None
    """a ``with`` over it that does not release"""
    uncalled: Span | None = None
    """a release that is not called (``f.close``) or not awaited"""
    looks_released: tuple[Span, str] | None = None
    """a call that looks like a release and is none, with the method's name"""
    in_loop: bool = False
    writes: bool = False
    handler: bool = False
    """in handler code: a handler, or reachable from one in this module"""
    repeats: bool = False
    """in handler code that every invocation runs again: reached from what is surely a handler, and neither run once in
    a sandbox nor behind a question of what is there already"""
    waited_for: bool = False
    """an executor in a function that asks for the results of what it has submitted"""
    module_level: bool = False
    script: bool = False
    """in a module without handlers whose own code does its work"""
    kept_as: str = ""
    """module-level: the global name that still holds it when the module has run"""
    used_by_functions: bool = False
    """``kept_as`` is read by a function of the module"""
    receiver_by_name: bool = False
    """the type was believed by the receiver's name only"""
    helper: tuple[str, Span | None] | None = None
    """for a call of a helper: the helper's qualified name, and the span of the acquisition inside it in this module"""
    origin: Location | None = None
    """where the helper acquires, when it is of another module"""
    provisioned: bool = False
    """in code of a function whose sandboxes provisioned concurrency keeps alive"""
    unreached: bool = False
    """in a file that no handler of the project is deployed with"""
    budget: Budget | None = None
    """what the call loses for good on every path; None where that is not certain"""
    mitigations: tuple[str, ...] = ()
    """mitigations of the catalogue found in the acquiring call, and in the code that uses what is kept"""
    kept_by: Kept | None = None
    """the class that has no way to release it"""
    stored: tuple[Stored, ...] = ()
    """where it outlives the call of its function"""
    proxied: bool = False
    """a literal names an endpoint of RDS Proxy"""
    cached: Cached | None = None
    """what keeps it for the next invocations"""


@dataclass(frozen=True, slots=True)
class History:
    """An acquired part, also one of which nothing leaks, and where its paths end well."""

    site: Site
    settled: tuple[tuple[Span, str], ...]
    """what releases it or gives it away, and in which way: ``released``, ``given to another owner``, ``returned``"""


@dataclass(frozen=True, slots=True)
class Restored:
    """The module's sandboxes are restored from a snapshot that was taken after its import (SnapStart)."""

    template: str
    line: int
    """of the template, where it declares the function"""
    function: str
    sure: bool
    """the module holds that function; else it is deployed beside it, and probably imported by it"""
    renewed: frozenset[str]
    """names that the module's hooks around the snapshot deal with"""


@dataclass(frozen=True, slots=True)
class Unused:
    """A suppression that suppressed nothing: where it stands, and why (``LL101 matches no finding``)."""

    span: Span
    detail: str


@dataclass(frozen=True, slots=True)
class Growth:
    """A module-level container that handler code only ever grows."""

    name: str
    kind: str
    """``list``, ``dict``, ``set`` or ``deque``"""
    made: Span
    """the statement that makes it"""
    grown: tuple[Span, ...]
    """the expressions that add to it, the surest first"""
    function: str
    """that adds"""
    key: str
    """what it keeps an entry for, in words; empty when every addition is one more"""
    confidence: Confidence


@dataclass(frozen=True, slots=True)
class ModuleFacts:
    """All facts of one module."""

    path: str
    sites: tuple[Site, ...] = ()
    lines: tuple[int, ...] = (0,)
    """offset at which each line starts; messages name lines"""
    numbers: tuple[int, ...] = ()
    """how messages number these lines, where the code is a part of another file; empty when they count from 1"""
    growths: tuple[Growth, ...] = ()
    restored: Restored | None = None
    unused: tuple[Unused, ...] = ()
    """known only when every other rule has run and its findings met the comments"""

    def line(self, span: Span) -> int:
        """The 1-based line on which ``span`` starts."""
        line = bisect_right(self.lines, span.start)
        return self.numbers[min(line, len(self.numbers)) - 1] if self.numbers else line
