"""An obligation, and what each op does to it: the transfer function.

An obligation is born where a resource is acquired: something must release it. It travels alone through the graph. On
its way it gathers *aliases* (places through which it can be released), *derived* places (which keep it alive or read
from it; with the mark ``~`` what an unknown constructor made of it, with ``?`` what an unknown function did) and
*closers* (managers and stacks that will release it); conditions known to hold are its *guards*.

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
from leaklint.flow.ops import RESULT, How, Op, Place, Test, Use, root_of, within

_HOLDING = frozenset(
    "read readline readlines read1 readinto write writelines recv recv_into send sendall buffer raw file fp fileno "
    "__iter__ __next__ __enter__ __exit__".split()
)
"""attributes of the file and socket protocols whose value keeps the object alive"""


_MARKS = "?~"


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
    looks_released: tuple[object, str] | None = None


@dataclass(slots=True)
class Context:
    """What step() needs to know beside the op: the resource, its owner, the function around it, the summaries."""

    resource: Resource
    places: Places
    cfg: Cfg
    effects_of: Callable[[ops.Call, Place], Effects | None]
    """the summary of a called project function for an argument place (empty: for its ways out alone)"""
    closes_captured: Callable[[ops.Define, str], bool]
    """whether calling a nested function releases what the captured name holds"""
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
        case ops.Assume() if op.key:
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
            if isinstance(op, ops.Bind) and not op.src and not op.weak and op.dst in cfg.guards:
                if op.truth is not None:
                    kept |= {(op.dst, op.truth)}
                if op.none is not None and f"{op.dst} is None" in cfg.guards:
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
                return Event.T1 if _involved(op.place, state, context) else Event.NONE
            if op.use is Use.YIELD:
                return Event.T1
            return Event.T1 if _involved(op.place, state, context) else Event.T2
        case ops.Enter():
            if names_one(state.aliases, op.place) or names_one(state.closers, op.place):
                return Event.NONE
            return Event.T3 if kind is EdgeKind.CANCEL else Event.T2
        case _:
            return Event.NONE


def _call_event(op: ops.Call, state: Obligation, kind: EdgeKind, context: Context) -> Event:
    function = context.places.function(op)
    effect = function.effect if function is not None else None
    if effect is Effect.NEVER_RETURNS:
        return Event.T0
    if kind is EdgeKind.CANCEL:
        return Event.T3
    if effect in (Effect.QUIET, Effect.STACK, Effect.MEMORY, Effect.CLOSER, Effect.FINALIZER):
        return Event.NONE
    if effect in (Effect.STACK_CALLBACK, Effect.STACK_POP):
        return Event.NONE
    if effect in (Effect.KEEPS, Effect.PASSES, Effect.STACK_ENTER) or _owned(op, state, context):
        # Handing over is one step: what a constructor does with its argument when it raises is its own affair.
        if any(names_one(state.aliases, a.place) for a in op.args):
            return Event.NONE
    if effect is Effect.PARSER:
        return Event.T1
    if any(_involved(a.place, state, context) for a in op.args) or _involved(op.receiver, state, context):
        return Event.T1
    if effect is Effect.EXHAUSTS:
        return Event.NONE
    summary = context.effects_of(op, "")
    if summary is not None:
        return Event.T1 if summary.may_raise else Event.NONE
    return Event.T2


def _involved(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is the resource, holds it, or was made by it."""
    if not place:
        return False
    for known in (*state.aliases, *state.derived):
        if relative(known, place) is not None or within(place, known.lstrip(_MARKS)):
            return True
    ancestors = context.places.ancestors.get(place) or context.places.ancestors.get(root_of(place), frozenset())
    return any(names_one(state.aliases, a) for a in ancestors)


def step(op: Op, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    """The obligation after `op` is left by `edge`, or how it ended."""
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
            return _kill(state, lambda place: place[0] == "%", context)
        case ops.Unbind():
            return _kill(state, lambda place: within(place, op.place), context)
        case ops.Derive():
            if any(_holds(source, state) for source in op.srcs):
                return replace(state, derived=state.derived | {op.dst})
            return state
        case ops.Define():
            if any(root_of(a) in op.captured for a in state.aliases):
                return replace(state, derived=state.derived | {op.dst})
            return state
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


def at_return(state: Obligation) -> Result:
    """The obligation when the function has returned: what the result holds belongs to the caller."""
    if any(within(place, RESULT) for place in (*state.aliases, *state.closers)):
        return Outcome.RETURNED
    if any(within(place, RESULT) for place in state.derived):
        return Outcome.TRANSFERRED
    if any(within(place.lstrip(_MARKS), RESULT) for place in state.derived):
        return replace(state, doubt=state.doubt + 1)
    return state


def _bind(dst: Place, src: Place, state: Obligation, context: Context, *, weak: bool = False) -> Result:
    aliases = _rebound(dst, src, state.aliases, weak=weak)
    derived = _rebound(dst, src, state.derived, weak=weak)
    closers = _rebound(dst, src, state.closers, weak=weak)
    if src and "." in src and dst not in aliases:
        base, _, attribute = src.rpartition(".")
        if names_one(state.aliases, base) and (attribute in _HOLDING or _is_release(attribute, context.resource)):
            derived |= {dst}
    changed = replace(state, aliases=aliases, derived=derived, closers=closers)
    return _unless_lost(changed, state)


def _rebound(dst: Place, src: Place, known: frozenset[Place], *, weak: bool) -> frozenset[Place]:
    if not known:
        return known
    gained: set[Place] = set()
    if src:
        for place in known:
            mark = place[0] if place[0] in _MARKS else ""
            rest = relative(place.lstrip(_MARKS), src)
            if rest is not None and dst.count("[") + dst.count(".") + rest.count("[") + rest.count(".") < 6:
                gained.add(f"{mark}{dst}{rest}")
    if weak:
        return known | gained if gained else known
    kept = [p for p in known if not within(p.lstrip(_MARKS), dst)]
    if len(kept) == len(known) and not gained:
        return known
    return frozenset(kept) | gained


def _kill(state: Obligation, dies: Callable[[Place], bool], context: Context) -> Result:
    groups = []
    changed = False
    for group in (state.aliases, state.derived, state.closers):
        kept = frozenset(p for p in group if not dies(p.lstrip(_MARKS)))
        changed = changed or len(kept) != len(group)
        groups.append(kept)
    if not changed:
        return state
    return _unless_lost(replace(state, aliases=groups[0], derived=groups[1], closers=groups[2]), state)


def _unless_lost(after: Obligation, before: Obligation) -> Result:
    if after.aliases or after.closers or after.derived or not before.aliases | before.closers | before.derived:
        return after
    return Outcome.INFEASIBLE if after.dormant else Outcome.LOST


def _holds(place: Place, state: Obligation) -> bool:
    """Whether a place holds the resource, directly or inside of a container or something derived."""
    if not place:
        return False
    return any(relative(known.lstrip(_MARKS), place) is not None for known in (*state.aliases, *state.derived))


def _escape(place: Place, how: How, state: Obligation, context: Context) -> Result:
    if how in (How.ELEMENT, How.ATTRIBUTE) and root_of(place) in context.places.private:
        return state
    sure = (*state.aliases, *state.closers, *(d for d in state.derived if d[0] != "?"))
    if any(relative(known, place) is not None for known in sure):
        return Outcome.TRANSFERRED
    if any(relative(known[1:], place) is not None for known in state.derived if known[0] == "?"):
        return replace(state, doubt=state.doubt + 1)
    return state


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
        if op.place in state.aliases and "[]" not in op.place:
            impossible = {
                Test.TRUTH: not op.value and context.resource.kind != "response",
                Test.NONE: op.value,
                Test.CLOSED: op.value,
                Test.STANDARD: op.value,
                Test.NEGATIVE: op.value,
                Test.OPAQUE: False,
            }
            if impossible[op.test]:
                return Outcome.INFEASIBLE
        elif op.test is Test.TRUTH and not op.value and any(a.startswith(f"{op.place}[") for a in state.aliases):
            return Outcome.INFEASIBLE
    return state if guards is state.guards else replace(state, guards=guards)


# calls


def _is_release(method: str, resource: Resource) -> bool:
    return any(step.call.rpartition(".")[2] == method for steps in resource.release for step in steps)


def _call(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    released = _released(op, state, edge, context)
    if released is not state:
        return released
    if edge is not EdgeKind.NORMAL:
        closes = any(
            summary is not None and summary.fate is Fate.CLOSES
            for summary in (context.effects_of(op, a.place) for a in op.args if _holds(a.place, state))
        )
        return Outcome.DISCHARGED if closes else state
    if state.dormant and op.method in context.resource.starts and names_one(state.aliases, op.receiver):
        state = replace(state, dormant=False)
    function = context.places.function(op)
    given = [a.place for a in op.args if _holds(a.place, state)]
    bound = _bind(op.dst, "", state, context)
    if not isinstance(bound, Obligation):
        return bound
    state = bound
    if function is not None:
        known = _effect(op, function, state, given, context)
        if known is not None:
            return known
    if not given:
        return state
    if _owned(op, state, context):
        return Outcome.TRANSFERRED
    return _passed(op, state, given, context)


def _released(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    resource = context.resource
    if op.receiver:
        if names_one(state.closers, op.receiver) and op.method in ("close", "aclose", "__exit__", "__aexit__"):
            return Outcome.DISCHARGED
        if context.owner is not None and op.receiver in context.owners and _is_release(op.method, context.owner):
            return Outcome.DISCHARGED
        if op.method in resource.looks_like and names_one(state.aliases, op.receiver):
            if context.notes.looks_released is None:
                context.notes.looks_released = (op.node, op.method)
        if op.method in resource.finishes and names_one(state.aliases, op.receiver):
            return Outcome.DISCHARGED if edge is EdgeKind.NORMAL else state
        if op.method in ("__exit__", "__aexit__") and names_one(state.aliases, op.receiver) and resource.with_.releases:
            return Outcome.DISCHARGED
        if names_one((d[1:] for d in state.derived if d[0] == "~"), op.receiver) and _is_release(op.method, resource):
            # Closing a wrapper of unknown class probably closes what it wraps.
            return Outcome.DISCHARGED
    done = state.done
    for steps in resource.release:
        for one in steps:
            if _performs(op, one, state, context):
                done |= {one}
    if op.method == "__call__" and op.receiver in state.derived:
        closure = context.places.closures.get(op.receiver)
        if closure is None or any(
            context.closes_captured(closure, root_of(a)) for a in state.aliases if root_of(a) in closure.captured
        ):
            # A bound release method kept in a variable, or a nested function that releases what it captured.
            return Outcome.DISCHARGED
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
            return replace(state, closers=state.closers | {op.dst})
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
            return replace(state, derived=state.derived | {op.dst})
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
        closure = context.places.closures.get(arg.place)
        if closure is not None and any(
            root_of(a) in closure.captured and context.closes_captured(closure, root_of(a)) for a in state.aliases
        ):
            return True
    return False


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
    for place in given:
        summary = context.effects_of(op, place)
        if summary is None:
            continue
        match summary.fate:
            case Fate.CLOSES | Fate.CLOSES_NORMALLY:
                return Outcome.DISCHARGED
            case Fate.STORES:
                return Outcome.TRANSFERRED
            case Fate.RETURNS:
                return _bind(op.dst, place, state, context)
            case Fate.CLOSES_SOMETIMES:
                return replace(state, doubt=state.doubt + 1)
            case Fate.BORROWS:
                return state
    name = (op.callee or op.name).rpartition(".")[2]
    if name[:1].isupper() and not context.places.acquisitions(op):
        # A constructor that nothing is known about may have taken ownership.
        return replace(state, derived=state.derived | {f"~{op.dst}"}, doubt=state.doubt + 1)
    if any(not names_one(state.aliases, place) for place in given):
        # A container that holds the resource, or something derived: the callee may release what is inside.
        return replace(state, derived=state.derived | {f"?{op.dst}"}, doubt=state.doubt + 1)
    return replace(state, derived=state.derived | {f"?{op.dst}"})
