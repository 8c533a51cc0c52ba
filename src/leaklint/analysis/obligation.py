"""An obligation: something must release this resource; and what can be asked of one, and done to its places.

An obligation is born where a resource is acquired, and travels alone through the graph (`leaklint.analysis.transfer`
says what each op does to it). On its way it gathers *aliases* (places through which it can be released), *derived*
places (each with a `Mark` in front that says how it depends on the resource) and *closers* (managers and stacks that
will release it); conditions known to hold are its *guards*.

Example, ``f = open(p)`` / ``rows = csv.reader(f)`` / ``shut = f.close``::

    %1 = open(p)            aliases %1
    f = %1, forget          aliases f
    rows = csv.reader(f)    derived =rows: it reads from the resource and cannot release it
    shut = f.close          derived =rows, !shut: calling ``shut`` releases it
    f = None                no alias is left, but ``shut`` can still release it: not lost
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum

from leaklint.analysis.places import names_one, relative
from leaklint.analysis.types import Places
from leaklint.catalogue.model import Resource, Step
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.ops import Place, root_of, within

_DEEP = 6
"""length of the longest path to a resource that is followed"""
_HOLDING = frozenset(
    {"read", "readline", "readlines", "read1", "readinto", "write", "writelines", "recv", "recv_into", "send"}
    | {"sendall", "buffer", "raw", "file", "fp", "fileno", "__iter__", "__next__", "__enter__", "__exit__"}
)
"""attributes of the file and socket protocols whose value keeps the object alive"""


class Mark:
    """How a derived place depends on the resource: the first character of its entry."""

    READS = "="
    """reads from it (``csv.reader(f)``, a generator expression): keeps it alive, cannot release it"""
    CALLS = "!"
    """is a bound release method"""
    WRAPS = "~"
    """what a constructor of unknown class made of it, which may own it now"""
    MAYBE = "?"
    """what an unknown function made of it"""
    TELLS = "+"
    """is true while the resource is open"""


class Outcome(Enum):
    """How an obligation ends."""

    DISCHARGED = "released"
    TRANSFERRED = "given to another owner"
    RETURNED = "returned"
    LOST = "lost"
    INFEASIBLE = "this path does not exist for it"


class Fate(Enum):
    """What a project function does with an argument."""

    CLOSES = "closes on all paths"
    CLOSES_NORMALLY = "closes on normal paths"
    CLOSES_SOMETIMES = "closes on some paths"
    STORES = "stores"
    HOLDS = "holds in an object whose class cannot release it"
    RETURNS = "returns"
    BORROWS = "borrows"


@dataclass(frozen=True, slots=True)
class Effects:
    """What the summary of a called project function says of an argument, and of its own ways out."""

    fate: Fate
    may_raise: bool
    returns: bool = True
    """False when every path of the function raises"""


class Departure(Enum):
    """The weakest event that the path has taken; the order is that of strength."""

    NONE = 0
    T0 = 1
    T1 = 2
    WEAK = 3


@dataclass(frozen=True, slots=True)
class Obligation:
    """One resource on its way. All sets hold places; `guards` are (condition, value)."""

    aliases: frozenset[Place]
    derived: frozenset[Place] = frozenset()
    closers: frozenset[Place] = frozenset()
    done: frozenset[Step] = frozenset()
    guards: frozenset[tuple[str, bool]] = frozenset()
    departure: Departure = Departure.NONE
    dormant: bool = False
    """acquired by a later call (``SSHClient().connect``): nothing is owed yet"""
    doubt: int = 0
    """steps by which confidence is lowered"""


@dataclass(slots=True)
class Notes:
    """What was seen on the way, for the rules: nodes of the ops."""

    with_exit: object = None
    uncalled: object = None
    released: bool = False
    """a callee releases it on some of its paths"""
    looks_released: tuple[object, str] | None = None
    fields: set[str] = field(default_factory=set)
    """attributes of the method's own object that hold it when the method returns"""
    dormant: set[str] = field(default_factory=set)
    """those that hold it when it has not been opened yet"""


@dataclass(slots=True)
class Context:
    """What step() needs to know beside the op: the resource, its owner, the function around it, the summaries."""

    resource: Resource
    places: Places
    cfg: Cfg
    effects_of: Callable[[ops.Call, Place, Resource], Effects | None]
    """the summary of a called project function for an argument place (empty: for its ways out alone)"""
    captured_fate: Callable[[ops.Define, str], Fate]
    """what calling a nested function does with what a captured name holds"""
    owners: frozenset[Place] = frozenset()
    """places that name the owner of the resource: the connection of a cursor"""
    owner: Resource | None = None
    own: Place = ""
    """the first parameter of a method: what is stored on its attributes belongs to the object when the method ends"""
    constructing: bool = False
    """the method makes the object: when it raises, nobody has the object"""
    notes: Notes = field(default_factory=Notes)


Result = Obligation | Outcome


# what is asked of an obligation


def is_release(method: str, resource: Resource) -> bool:
    """Whether a method of this name is a release of the resource, or a step of one."""
    return any(step.call.rpartition(".")[2] == method for steps in resource.release for step in steps)


def holds(place: Place, state: Obligation) -> bool:
    """Whether a place holds the resource, directly or inside of a container or something derived."""
    if not place:
        return False
    return any(relative(known, place) is not None for known in (*state.aliases, *state.closers)) or any(
        relative(known[1:], place) is not None for known in state.derived
    )


def read_through(place: Place, state: Obligation) -> bool:
    """Whether who reads what is at `place` to its end has read the resource to its end: itself, or a reader of it."""
    readers = (d[1:] for d in state.derived if d[0] in (Mark.READS, Mark.MAYBE))
    return names_one(state.aliases, place) or names_one(readers, place)


def captured(place: Place, state: Obligation, context: Context) -> frozenset[Place]:
    """The names by which a nested function at `place` reaches the resource: it reads them when it is called."""
    define = context.places.closures.get(place)
    if define is None:
        return frozenset()
    return frozenset(root_of(a) for a in state.aliases).intersection(define.captured)


def uses(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is the resource, a part of it, derived from it, or was made by one of its methods."""
    if not place:
        return False
    if any(relative(known, place) == "" or within(place, known) for known in state.aliases):
        return True
    if any(within(place, known[1:]) for known in state.derived) or captured(place, state, context):
        return True
    ancestors = context.places.ancestors.get(place) or context.places.ancestors.get(root_of(place), frozenset())
    return any(names_one(state.aliases, a) for a in ancestors)


def says_alive(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is an attribute (or method) of the resource that is true while it is open."""
    base, _, attribute = place.rpartition(".")
    if context.owner is not None and base in context.owners and attribute in context.owner.alive:
        return True
    return attribute in context.resource.alive and base in state.aliases


# what happens to its places


def bind(dst: Place, src: Place, state: Obligation, context: Context, *, weak: bool = False) -> Result:
    """The obligation after ``dst = src``; a `weak` binding adds a name and takes none away."""
    aliases = _rebound(dst, src, state.aliases, weak=weak)
    derived = _rebound(dst, src, state.derived, weak=weak, marked=True)
    closers = _rebound(dst, src, state.closers, weak=weak)
    if src and "." in src and dst not in aliases:
        base, _, attribute = src.rpartition(".")
        if names_one(state.aliases, base):
            if attribute in context.resource.finishes_read:
                return Outcome.DISCHARGED
            if is_release(attribute, context.resource):
                derived |= {Mark.CALLS + dst}
            elif attribute in _HOLDING:
                derived |= {Mark.READS + dst}
    changed = replace(state, aliases=aliases, derived=derived, closers=closers)
    return _unless_lost(changed, state)


def _rebound(dst: Place, src: Place, known: frozenset[Place], *, weak: bool, marked: bool = False) -> frozenset[Place]:
    if not known:
        return known
    start = 1 if marked else 0
    gained: set[Place] = set()
    if src:
        for place in known:
            rest = relative(place[start:], src)
            if rest is not None and dst.count("[") + dst.count(".") + rest.count("[") + rest.count(".") < _DEEP:
                gained.add(f"{place[:start]}{dst}{rest}")
    if weak:
        return known | gained if gained else known
    kept = [p for p in known if not within(p[start:], dst)]
    if len(kept) == len(known) and not gained:
        return known
    return frozenset(kept) | gained


def kill(state: Obligation, dies: Callable[[Place], bool]) -> Result:
    """The obligation without the places that die."""
    aliases = frozenset(p for p in state.aliases if not dies(p))
    closers = frozenset(p for p in state.closers if not dies(p))
    derived = frozenset(p for p in state.derived if not dies(p[1:]))
    if len(aliases) + len(closers) + len(derived) == len(state.aliases) + len(state.closers) + len(state.derived):
        return state
    return _unless_lost(replace(state, aliases=aliases, derived=derived, closers=closers), state)


def _unless_lost(after: Obligation, before: Obligation) -> Result:
    if after.aliases or after.closers or after.derived or not before.aliases | before.closers | before.derived:
        return after
    return Outcome.INFEASIBLE if after.dormant else Outcome.LOST


def escape_derived(place: Place, state: Obligation, context: Context) -> Result:
    """The obligation when what is at `place` gets another owner, and the resource itself is not there."""
    if captured(place, state, context):
        return Outcome.TRANSFERRED
    marks = {known[0] for known in state.derived if relative(known[1:], place) is not None}
    read = Mark.READS in marks and "__iter__" in context.resource.finishes
    if Mark.CALLS in marks or Mark.WRAPS in marks or read:
        # Who gets a reader of a response reads it to its end, which releases it.
        return Outcome.TRANSFERRED
    return replace(state, doubt=state.doubt + 1) if marks else state
