"""An obligation, and what each op does to it: the transfer function.

An obligation is born where a resource is acquired: something must release it. It travels alone through the graph. On
its way it gathers *aliases* (places through which it can be released), *derived* places (each with a `Mark` in front
that says how it depends on the resource) and *closers* (managers and stacks that will release it); conditions known to
hold are its *guards*.

Example, ``f = open(p)`` / ``g = f`` / ``with g: ...``::

    %1 = open(p)    the obligation is born with the alias %1
    f = %1          aliases %1, f
    forget          aliases f
    g = f           aliases f, g
    leave g         leaving this ``with`` releases a file: DISCHARGED
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum

from leaklint.analysis.facts import Event
from leaklint.analysis.types import Places
from leaklint.catalogue.model import Effect, Exit, Function, Resource, Step
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg, EdgeKind
from leaklint.flow.ops import ADDING, RESULT, How, Op, Place, Test, Use, root_of, within

_DEEP = 6
"""length of the longest path to a resource that is followed"""
_HOLDING = frozenset(
    {
        "read",
        "readline",
        "readlines",
        "read1",
        "readinto",
        "write",
        "writelines",
        "recv",
        "recv_into",
        "send",
        "sendall",
    }
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
    notes: Notes = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.notes = Notes()


Result = Obligation | Outcome


def relative(alias: Place, path: Place) -> str | None:
    """What is left of `alias` behind `path`; ``[]`` in either stands for any element. None when it does not match."""
    if alias.startswith(path):
        rest = alias[len(path) :]
        return rest if not rest or rest[0] in ".[" else None
    if "[" not in path or "[" not in alias:
        return None
    i = j = 0
    while j < len(path):
        if i >= len(alias):
            return None
        if alias[i] == "[" == path[j]:
            end_a, end_p = alias.find("]", i), path.find("]", j)
            if end_a < 0 or end_p < 0:
                return None
            a, p = alias[i + 1 : end_a], path[j + 1 : end_p]
            if a and p and a != p:
                return None
            i, j = end_a + 1, end_p + 1
        elif alias[i] == path[j]:
            i, j = i + 1, j + 1
        else:
            return None
    rest = alias[i:]
    return rest if not rest or rest[0] in ".[" else None


def names_one(places: Iterable[Place], place: Place) -> bool:
    """Whether `place` is one of `places`, or an element that may be."""
    if not place:
        return False
    return any(relative(known, place) == "" for known in places)


def guards_after(op: Op, guards: frozenset[tuple[str, bool]], cfg: Cfg) -> frozenset[tuple[str, bool]] | None:
    """The conditions known after an op, or None when it contradicts one."""
    match op:
        case ops.Assume() if op.key in cfg.asked:
            if (op.key, not op.value) in guards:
                return None
            known = {(op.key, op.value)}
            if op.test is Test.TRUTH and op.value:
                known.add((f"{op.key} is None", False))
            elif op.test is Test.NONE and op.value:
                known.add((op.key.removesuffix(" is None"), False))
            for key, value in known:
                if (key, not value) in guards:
                    return None
            return guards | known
        case ops.Bind() | ops.Next() | ops.Enter():
            if not op.dst:
                return guards
            kept = _without(op.dst, guards, cfg) if guards else guards
            if isinstance(op, ops.Bind) and not op.src and not op.weak and op.dst in cfg.asked:
                if op.truth is not None:
                    kept |= {(op.dst, op.truth)}
                if op.none is not None and f"{op.dst} is None" in cfg.asked:
                    kept |= {(f"{op.dst} is None", op.none)}
            return kept
        case ops.Unbind():
            return _without(op.place, guards, cfg) if guards else guards
        case _:
            return guards


def _without(place: Place, guards: frozenset[tuple[str, bool]], cfg: Cfg) -> frozenset[tuple[str, bool]]:
    root = root_of(place)
    return frozenset(
        (key, value) for key, value in guards if not any(root_of(n) == root for n in cfg.guards.get(key, ()))
    )


def event_of(op: Op, state: Obligation, kind: EdgeKind, context: Context) -> Event:
    """Why the op may be left by an edge of this kind while the obligation is open; NONE when it is not."""
    match op:
        case ops.Raise():
            return Event.T0
        case ops.Call():
            return _call_event(op, state, kind, context)
        case ops.Event():
            if op.use is Use.SUBSCRIPT:
                return Event.T1
            if kind is EdgeKind.CANCEL:
                return Event.T3
            if op.use is Use.ITERATE:
                return Event.T1 if _uses(op.place, state, context) else Event.NONE
            if op.use is Use.YIELD:
                return Event.T1
            return Event.T1 if _uses(op.place, state, context) else Event.T2
        case ops.Enter():
            if names_one(state.aliases, op.place) or names_one(state.closers, op.place):
                return Event.NONE
            return Event.T3 if kind is EdgeKind.CANCEL else Event.T2
        case _:
            return Event.NONE


_SURE = frozenset(
    {
        Effect.QUIET, Effect.STACK, Effect.MEMORY, Effect.CLOSER, Effect.FINALIZER, Effect.DERIVES,
        Effect.STACK_CALLBACK, Effect.STACK_POP, Effect.SUPPRESSES, Effect.EXPECTS, Effect.HOLDS,
    }
)  # fmt: skip
"""effects of callables that do not raise in practice"""
_KEEPING = ("set", "attach", "register", "bind")
"""how methods begin that make another object keep what they get"""
_ENTERING = ("__enter__", "__aenter__")
_HANDING_OVER = frozenset({Effect.KEEPS, Effect.PASSES, Effect.STACK_ENTER})


def _call_event(op: ops.Call, state: Obligation, kind: EdgeKind, context: Context) -> Event:
    function = context.places.function(op)
    effect = function.effect if function is not None else None
    if effect is Effect.NEVER_RETURNS:
        return Event.T0
    if effect in _SURE or op.method in _ENTERING or _releases_another(op, context):
        return Event.NONE
    given = any(_holds(a.place, state) for a in op.args)
    if given and (effect in _HANDING_OVER or op.method in ADDING or _owned(op, state, context)):
        # Handing over is one step: what the new owner does when it raises is its own affair.
        return Event.NONE
    if op.receiver and op.receiver in context.places.private and not _uses(op.receiver, state, context):
        return Event.NONE
    if kind is EdgeKind.CANCEL:
        return Event.T3
    if op.receiver and _says_alive(f"{op.receiver}.{op.method}", state, context):
        return Event.NONE
    if effect is Effect.PARSER:
        return Event.T1
    if given or _uses(op.receiver, state, context) or any(_uses(a.place, state, context) for a in op.args):
        summaries = _fates(op, state, context)
        handed_over = any(s.fate in (Fate.STORES, Fate.RETURNS) for s in summaries)
        quiet = bool(summaries) and all(s.fate is Fate.CLOSES and not s.may_raise for s in summaries)
        return Event.NONE if handed_over or quiet else Event.T1
    if effect is Effect.EXHAUSTS:
        return Event.NONE
    summary = context.effects_of(op, "", context.resource)
    if summary is None:
        return Event.T2
    if not summary.returns:
        return Event.T0
    return Event.T1 if summary.may_raise else Event.NONE


def _releases_another(op: ops.Call, context: Context) -> bool:
    """Whether the call releases some resource: the commonest thing between this one and its release."""
    catalogue = context.places.catalogue
    if op.callee:
        return op.callee in catalogue.release_functions
    if op.method in ("close", "aclose"):
        return True
    if op.method not in catalogue.release_methods:
        return False
    return any(
        _is_release(op.method, catalogue.by_type[kind])
        for kind in context.places.of(op.receiver)
        if kind in catalogue.by_type
    )


def _fates(op: ops.Call, state: Obligation, context: Context) -> list[Effects]:
    """The summaries of the called project function for each argument that holds the resource."""
    places = {a.place for a in op.args if _holds(a.place, state)}
    found = (context.effects_of(op, place, context.resource) for place in sorted(places))
    return [summary for summary in found if summary is not None]


def _uses(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is the resource, a part of it, derived from it, or was made by one of its methods."""
    if not place:
        return False
    if any(relative(known, place) == "" or within(place, known) for known in state.aliases):
        return True
    if any(within(place, known[1:]) for known in state.derived) or _captured(place, state, context):
        return True
    ancestors = context.places.ancestors.get(place) or context.places.ancestors.get(root_of(place), frozenset())
    return any(names_one(state.aliases, a) for a in ancestors)


def step(op: Op, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    """The obligation after `op` is left by `edge`, or how it ended."""
    if state.guards and isinstance(op, ops.Bind | ops.Next | ops.Enter | ops.Unbind):
        guards = guards_after(op, state.guards, context.cfg)
        if guards is not None and guards != state.guards:
            state = replace(state, guards=guards)
    elif isinstance(op, ops.Bind) and not op.src and (op.truth is not None or op.none is not None):
        state = replace(state, guards=guards_after(op, state.guards, context.cfg) or frozenset())
    match op:
        case ops.Call():
            return _call(op, state, edge, context)
        case ops.Bind():
            return _bind(op.dst, op.src, state, context, weak=op.weak or op.dst.endswith("[]"))
        case ops.Next():
            return _bind(op.dst, f"{op.src}[]", state, context)
        case ops.Exhausted():
            if "__iter__" in context.resource.finishes and names_one(state.aliases, op.src):
                return Outcome.DISCHARGED
            inside = any(relative(a, f"{op.src}[]") is not None for a in state.aliases)
            if inside and not any(within(a, op.dst) for a in state.aliases):
                return Outcome.INFEASIBLE
            return state
        case ops.Forget():
            return _kill(state, lambda place: place[0] == "%")
        case ops.Unbind():
            return _kill(state, lambda place: within(place, op.place))
        case ops.Derive():
            if any(_holds(source, state) for source in op.srcs):
                mark = Mark.WRAPS if op.owns else Mark.READS
                return replace(state, derived=state.derived | {mark + op.dst})
            return state
        case ops.Join() if op.doubt:
            return replace(state, doubt=state.doubt + op.doubt)
        case ops.Escape():
            return _escape(op.place, op.how, state, context)
        case ops.Enter():
            return _enter(op, state, context)
        case ops.Leave():
            return _leave(op, state, context)
        case ops.Assume():
            return _assume(op, state, context)
        case ops.Mention():
            if names_one(state.aliases, op.place) and _is_release(op.attribute, context.resource):
                context.notes.uncalled = op.node
            return state
        case _:
            return state


def at_return(state: Obligation, context: Context) -> Result:
    """The obligation when the function has returned: what the result holds belongs to the caller."""
    if any(within(place, RESULT) for place in (*state.aliases, *state.closers)):
        return Outcome.RETURNED
    return _escape_derived(RESULT, state, context)


def _escape_derived(place: Place, state: Obligation, context: Context) -> Result:
    """The obligation when what is at `place` gets another owner, and the resource itself is not there."""
    if _captured(place, state, context):
        return Outcome.TRANSFERRED
    marks = {known[0] for known in state.derived if relative(known[1:], place) is not None}
    if Mark.CALLS in marks or Mark.WRAPS in marks:
        return Outcome.TRANSFERRED
    return replace(state, doubt=state.doubt + 1) if marks else state


def _bind(dst: Place, src: Place, state: Obligation, context: Context, *, weak: bool = False) -> Result:
    aliases = _rebound(dst, src, state.aliases, weak=weak)
    derived = _rebound(dst, src, state.derived, weak=weak, marked=True)
    closers = _rebound(dst, src, state.closers, weak=weak)
    if src and "." in src and dst not in aliases:
        base, _, attribute = src.rpartition(".")
        if names_one(state.aliases, base):
            if _is_release(attribute, context.resource):
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


def _kill(state: Obligation, dies: Callable[[Place], bool]) -> Result:
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


def _holds(place: Place, state: Obligation) -> bool:
    """Whether a place holds the resource, directly or inside of a container or something derived."""
    if not place:
        return False
    return any(relative(known, place) is not None for known in (*state.aliases, *state.closers)) or any(
        relative(known[1:], place) is not None for known in state.derived
    )


def _captured(place: Place, state: Obligation, context: Context) -> frozenset[Place]:
    """The names by which a nested function at `place` reaches the resource: it reads them when it is called."""
    define = context.places.closures.get(place)
    if define is None:
        return frozenset()
    return frozenset(root_of(a) for a in state.aliases).intersection(define.captured)


def _escape(place: Place, how: How, state: Obligation, context: Context) -> Result:
    if how in (How.ELEMENT, How.ATTRIBUTE) and root_of(place) in context.places.private:
        return state
    if any(relative(known, place) is not None for known in (*state.aliases, *state.closers)):
        return Outcome.TRANSFERRED
    return _escape_derived(place, state, context)


def _enter(op: ops.Enter, state: Obligation, context: Context) -> Result:
    result: Result = _bind(op.dst, "", state, context)
    if not isinstance(result, Obligation):
        return result
    if names_one(state.aliases, op.place):
        same = context.resource.enter == "self" or op.place in context.places.managers
        return replace(result, aliases=result.aliases | {op.dst}) if same else result
    if names_one(state.closers, op.place):
        if context.places.is_stack(op.place):
            return replace(result, closers=result.closers | {op.dst})
        return replace(result, aliases=result.aliases | {op.dst})
    return result


def _leave(op: ops.Leave, state: Obligation, context: Context) -> Result:
    if names_one(state.closers, op.place):
        return Outcome.DISCHARGED
    if names_one(state.aliases, op.place):
        leaving = context.resource.async_with if op.asynchronous else context.resource.with_
        if leaving.releases or leaving is Exit.UNSUPPORTED:
            return Outcome.DISCHARGED
        context.notes.with_exit = op.node
        return state
    if op.place in context.owners and context.owner is not None:
        leaving = context.owner.async_with if op.asynchronous else context.owner.with_
        if leaving.releases or op.place in context.places.managers:
            return Outcome.DISCHARGED
    return state


def _assume(op: ops.Assume, state: Obligation, context: Context) -> Result:
    guards = guards_after(op, state.guards, context.cfg)
    if guards is None:
        return Outcome.INFEASIBLE
    if op.place:
        if op.test is Test.SAME and op.value and op.key in state.aliases and op.place not in state.aliases:
            return Outcome.INFEASIBLE
        if op.place in state.aliases and "[]" not in op.place:
            impossible = {
                Test.TRUTH: not op.value and context.resource.kind != "response",
                Test.NONE: op.value,
                Test.CLOSED: op.value,
                Test.STANDARD: op.value,
                Test.NEGATIVE: op.value,
                Test.SAME: op.value and op.key not in state.aliases,
                Test.OPAQUE: False,
            }
            if impossible[op.test]:
                return Outcome.INFEASIBLE
        elif op.value is (op.test is Test.NONE) and op.test in (Test.TRUTH, Test.NONE):
            container = any(a.startswith(f"{op.place}[") for a in state.aliases)
            if container or _says_alive(op.place, state, context):
                return Outcome.INFEASIBLE
    return state if guards is state.guards else replace(state, guards=guards)


def _says_alive(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is an attribute (or method) of the resource that is true while it is open."""
    base, _, attribute = place.rpartition(".")
    if context.owner is not None and base in context.owners and attribute in context.owner.alive:
        return True
    return attribute in context.resource.alive and base in state.aliases


# calls


def _is_release(method: str, resource: Resource) -> bool:
    return any(step.call.rpartition(".")[2] == method for steps in resource.release for step in steps)


def _call(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    released = _released(op, state, edge, context)
    if released is not state:
        return released
    if edge is not EdgeKind.NORMAL:
        if not any(summary.fate is Fate.CLOSES for summary in _fates(op, state, context)):
            return state
        # One of many in a loop: when releasing another one raises, this one may still be waiting for its turn.
        many = any("[]" in alias for alias in state.aliases)
        return replace(state, doubt=2) if many else Outcome.DISCHARGED
    summary = context.effects_of(op, "", context.resource)
    if summary is not None and not summary.returns:
        return Outcome.INFEASIBLE
    if state.dormant and op.method in context.resource.starts and names_one(state.aliases, op.receiver):
        state = replace(state, dormant=False)
    function = context.places.function(op)
    if op.method in _ENTERING and names_one(state.aliases, op.receiver) and context.resource.enter == "self":
        return _bind(op.dst, op.receiver, state, context)
    given = [a.place for a in op.args if _holds(a.place, state)]
    bound = _bind(op.dst, "", state, context)
    if not isinstance(bound, Obligation):
        return bound
    state = bound
    if given and _owned(op, state, context):
        return Outcome.TRANSFERRED
    if function is not None:
        known = _effect(op, function, state, given, context)
        if known is not None:
            return known
    if not given:
        return state
    return _passed(op, state, given, context)


def _released(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    resource = context.resource
    if op.receiver:
        if names_one(state.closers, op.receiver) and op.method in ("close", "aclose", "__exit__", "__aexit__"):
            return Outcome.DISCHARGED
        if context.owner is not None and op.receiver in context.owners and _is_release(op.method, context.owner):
            return Outcome.DISCHARGED
        looks = op.method in resource.looks_like and names_one(state.aliases, op.receiver)
        if looks and context.notes.looks_released is None:
            context.notes.looks_released = (op.node, op.method)
        if op.method in resource.finishes and names_one(state.aliases, op.receiver):
            return Outcome.DISCHARGED if edge is EdgeKind.NORMAL or resource.finishes_raising else state
        if op.method in ("__exit__", "__aexit__") and names_one(state.aliases, op.receiver) and resource.with_.releases:
            return Outcome.DISCHARGED
        if names_one((d[1:] for d in state.derived if d[0] == Mark.WRAPS), op.receiver) and _is_release(
            op.method, resource
        ):
            # Closing a wrapper of unknown class probably closes what it wraps.
            return Outcome.DISCHARGED
    if context.owner is not None and any(a.place in context.owners for a in op.args):
        passed = (context.effects_of(op, a.place, context.owner) for a in op.args if a.place in context.owners)
        if any(summary is not None and summary.fate is Fate.CLOSES for summary in passed):
            return Outcome.DISCHARGED
    done = state.done
    for steps in resource.release:
        for one in steps:
            if _performs(op, one, state, context):
                done |= {one}
    if op.method == "__call__":
        if Mark.CALLS + op.receiver in state.derived:
            return Outcome.DISCHARGED
        fates = _captured_fates(op.receiver, state, context)
        if Fate.CLOSES in fates or (Fate.CLOSES_NORMALLY in fates and edge is EdgeKind.NORMAL):
            return Outcome.DISCHARGED
        if Fate.CLOSES_SOMETIMES in fates:
            context.notes.released = True
    if done == state.done:
        return state
    if any(all(one in done for one in steps) for steps in resource.release):
        return Outcome.DISCHARGED
    return replace(state, done=done)


def _performs(op: ops.Call, one: Step, state: Obligation, context: Context) -> bool:
    if one.form == "function":
        return op.callee == one.call and any(names_one(state.aliases, a.place) for a in op.args)
    path, _, method = one.call.rpartition(".")
    if op.method != method:
        return False
    if one.form == "owner":
        return any(names_one(state.aliases, a.place) for a in op.args)
    receiver = op.receiver
    if path:
        if not receiver.endswith(f".{path}"):
            return False
        receiver = receiver[: -len(path) - 1]
    if not names_one(state.aliases, receiver):
        return False
    if one.awaited and op.discarded and not op.awaited:
        context.notes.uncalled = op.node
        return False
    return True


def _effect(op: ops.Call, function: Function, state: Obligation, given: list[Place], context: Context) -> Result | None:
    """The obligation after a callable of known effect; None when the effect says nothing about it."""
    effect = function.effect
    if effect is Effect.STACK_POP:
        if names_one(state.closers, op.receiver):
            # What was registered moves: the old stack closes nothing any more.
            return replace(state, closers=frozenset((op.dst,)))
        return state
    if effect is Effect.STACK_CALLBACK:
        return _callback(op, state, given, context)
    if effect is Effect.FINALIZER:
        if given or _release_given(op, state, context):
            return Outcome.TRANSFERRED
        return state
    if not given:
        return None
    sure = any(names_one((*state.aliases, *state.closers), place) for place in given)
    match effect:
        case Effect.CLOSER if sure:
            return replace(state, closers=state.closers | {op.dst})
        case Effect.STACK_ENTER if sure:
            managed = any(names_one(state.closers, place) for place in given)
            leaving = context.resource.with_, context.resource.async_with
            if not managed and not any(e.releases for e in leaving):
                context.notes.with_exit = op.node
                return replace(state, aliases=state.aliases | {op.dst})
            if not op.receiver or not _local_stack(op.receiver, context):
                return Outcome.TRANSFERRED
            same = context.resource.enter == "self" or managed
            return replace(
                state,
                closers=state.closers | context.places.same(root_of(op.receiver)),
                aliases=state.aliases | {op.dst} if same else state.aliases,
            )
        case Effect.PASSES:
            return _bind(op.dst, given[0], state, context)
        case Effect.EXHAUSTS:
            return Outcome.DISCHARGED if sure and "__iter__" in context.resource.finishes else None
        case Effect.DERIVES:
            return replace(state, derived=state.derived | {Mark.READS + op.dst})
        case Effect.KEEPS:
            return Outcome.TRANSFERRED
        case Effect.BORROWS | Effect.QUIET | Effect.PARSER:
            return state
        case _:
            return None


def _local_stack(receiver: Place, context: Context) -> bool:
    return context.places.is_stack(receiver) and root_of(receiver) not in context.cfg.parameters


def _callback(op: ops.Call, state: Obligation, given: list[Place], context: Context) -> Result:
    if not given and not _release_given(op, state, context):
        return state
    if not _local_stack(op.receiver, context):
        return Outcome.TRANSFERRED
    return replace(state, closers=state.closers | context.places.same(root_of(op.receiver)))


def _release_given(op: ops.Call, state: Obligation, context: Context) -> bool:
    """Whether an argument is a release method of the resource, or a function that releases it."""
    for arg in op.args:
        base, _, attribute = arg.place.rpartition(".")
        if base and names_one(state.aliases, base) and _is_release(attribute, context.resource):
            return True
        if Mark.CALLS + arg.place in state.derived:
            return True
        if _captured_fates(arg.place, state, context) & {Fate.CLOSES, Fate.CLOSES_NORMALLY}:
            return True
    return False


def _captured_fates(place: Place, state: Obligation, context: Context) -> set[Fate]:
    names = _captured(place, state, context)
    return {context.captured_fate(context.places.closures[place], name) for name in names}


def _owned(op: ops.Call, state: Obligation, context: Context) -> bool:
    """Whether the call acquires something that takes the ownership of this resource."""
    for acquisition in context.places.acquisitions(op):
        for spec in acquisition.resource.owns:
            for arg in op.args:
                if arg.key in spec.split("/") and names_one(state.aliases, arg.place):
                    return True
    return False


def _passed(op: ops.Call, state: Obligation, given: list[Place], context: Context) -> Result:
    """The resource is an argument of a project function, or of one that nothing is known about."""
    if _release_given(op, state, context):
        return Outcome.TRANSFERRED
    for summary in _fates(op, state, context):
        match summary.fate:
            case Fate.CLOSES | Fate.CLOSES_NORMALLY:
                return Outcome.DISCHARGED
            case Fate.STORES:
                return Outcome.TRANSFERRED
            case Fate.RETURNS:
                return _bind(op.dst, given[0], state, context)
            case Fate.CLOSES_SOMETIMES:
                context.notes.released = True
                return replace(state, doubt=state.doubt + 1)
            case Fate.BORROWS:
                return state
    if op.receiver and op.method.startswith(_KEEPING):
        # ``handler.setStream(f)``: another object is told to use it from now on.
        return Outcome.TRANSFERRED
    name = (op.callee or op.name).rpartition(".")[2]
    if name[:1].isupper() and not context.places.acquisitions(op):
        # A constructor that nothing is known about may have taken ownership.
        return replace(state, derived=state.derived | {Mark.WRAPS + op.dst}, doubt=state.doubt + 1)
    if any(not names_one(state.aliases, place) for place in given):
        # A container that holds the resource, or something derived: the callee may release what is inside.
        return replace(state, derived=state.derived | {Mark.MAYBE + op.dst}, doubt=state.doubt + 1)
    return replace(state, derived=state.derived | {Mark.MAYBE + op.dst})
