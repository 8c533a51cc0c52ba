"""What each op does to an obligation: the transfer function.

Example, ``f = open(p)`` / ``g = f`` / ``with g: ...``::

    %1 = open(p)    the obligation is born with the alias %1
    f = %1          aliases %1, f
    forget          aliases f
    g = f           aliases f, g
    leave g         leaving this ``with`` releases a file: DISCHARGED
"""

from __future__ import annotations

from dataclasses import replace

from leaklint.analysis.calls import call
from leaklint.analysis.guards import guards_after
from leaklint.analysis.obligation import (
    Context,
    Departure,
    Mark,
    Obligation,
    Outcome,
    Result,
    bind,
    escape_derived,
    holds,
    is_release,
    kill,
    read_through,
    says_alive,
)
from leaklint.analysis.places import names_one, relative
from leaklint.catalogue.model import Exit
from leaklint.flow import ops
from leaklint.flow.cfg import EdgeKind
from leaklint.flow.ops import RESULT, How, Op, Place, Test, root_of, within


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
            return call(op, state, edge, context)
        case ops.Bind() if context.resource.is_path and op.dst.endswith("[]") and names_one(state.aliases, op.src[:-2]):
            # A slice, or the right side of a sum: what is made of the characters of a path.
            return replace(state, aliases=state.aliases | {op.dst[:-2]})
        case ops.Bind():
            return bind(op.dst, op.src, state, context, weak=op.weak or op.dst.endswith("[]"))
        case ops.Next():
            return bind(op.dst, f"{op.src}[]", state, context)
        case ops.Exhausted():
            if "__iter__" in context.resource.finishes and read_through(op.src, state):
                return Outcome.DISCHARGED
            inside = any(relative(a, f"{op.src}[]") is not None for a in state.aliases)
            if inside and not any(within(a, op.dst) for a in state.aliases):
                return Outcome.INFEASIBLE
            return state
        case ops.Forget():
            return kill(state, lambda place: place[0] == "%")
        case ops.Unbind():
            return kill(state, lambda place: within(place, op.place))
        case ops.Derive():
            if any(holds(source, state) for source in op.srcs):
                mark = Mark.WRAPS if op.owns else Mark.READS
                return replace(state, derived=state.derived | {mark + op.dst})
            return state
        case ops.Join() if op.doubt:
            return replace(state, doubt=state.doubt + op.doubt)
        case ops.Combine() | ops.Spell() if context.resource.is_path:
            sources = op.srcs if isinstance(op, ops.Spell) else (op.left,)
            spelled = any(names_one(state.aliases, source) for source in sources)
            return replace(state, aliases=state.aliases | {op.dst}) if spelled else state
        case ops.Escape():
            return _escape(op.place, op.how, state, context)
        case ops.Enter():
            return _enter(op, state, context)
        case ops.Leave():
            return _leave(op, state, context)
        case ops.Assume():
            return _assume(op, state, context)
        case ops.Mention():
            if names_one(state.aliases, op.place) and is_release(op.attribute, context.resource):
                context.notes.uncalled = op.node
            return state
        case _:
            return state


def at_return(state: Obligation, context: Context) -> Result:
    """The obligation when the function has returned: what the result holds belongs to the caller, and what the
    method's own object holds to that object."""
    fields = _fields(state, context)
    if fields:
        (context.notes.dormant if state.dormant else context.notes.fields).update(fields)
        return Outcome.TRANSFERRED
    if any(within(place, RESULT) for place in (*state.aliases, *state.closers)):
        return Outcome.RETURNED
    return escape_derived(RESULT, state, context)


def at_raise(state: Obligation, context: Context) -> Result:
    """The obligation when an exception has left the function.

    The method's own object has what was stored on it, unless the object was being made and something that surely
    may raise did: then nobody has the object.
    """
    if _fields(state, context) and not (context.constructing and state.departure in (Departure.T0, Departure.T1)):
        return Outcome.TRANSFERRED
    return state


def _fields(state: Obligation, context: Context) -> set[Place]:
    """The attributes of the method's own object that hold the resource, as paths from it."""
    if not context.own:
        return set()
    return {alias[len(context.own) + 1 :] for alias in state.aliases if root_of(alias) == context.own}


def _escape(place: Place, how: How, state: Obligation, context: Context) -> Result:
    if how is How.ATTRIBUTE and context.own and place.rpartition(".")[0] == context.own and place in state.aliases:
        # It belongs to the object when the method ends.
        return state
    if how in (How.ELEMENT, How.ATTRIBUTE) and root_of(place) in context.places.private:
        return state
    if any(relative(known, place) is not None for known in (*state.aliases, *state.closers)):
        return Outcome.TRANSFERRED
    return escape_derived(place, state, context)


def _enter(op: ops.Enter, state: Obligation, context: Context) -> Result:
    result: Result = bind(op.dst, "", state, context)
    if not isinstance(result, Obligation):
        return result
    if names_one(state.aliases, op.place):
        same = context.resource.enter == "self" or op.place in context.places.managers
        return replace(result, aliases=result.aliases | {op.dst}) if same else result
    if op.dst and context.resource.is_path:
        # The resource is a part of what is entered, which binds itself or that part.
        parts = {rest for alias in state.aliases if (rest := relative(alias, op.place))}
        itself = context.resource.enter == "self"
        result = replace(result, aliases=result.aliases | {f"{op.dst}{rest}" if itself else op.dst for rest in parts})
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
        elif op.place in context.owners and "[]" not in op.place and _denies(op):
            # What came of it is there, and so is the owner.
            return Outcome.INFEASIBLE
        elif op.value is (op.test is Test.NONE) and op.test in (Test.TRUTH, Test.NONE):
            container = any(a.startswith(f"{op.place}[") for a in state.aliases)
            if container or says_alive(op.place, state, context) or Mark.TELLS + op.place in state.derived:
                return Outcome.INFEASIBLE
    return state if guards is state.guards else replace(state, guards=guards)


def _denies(op: ops.Assume) -> bool:
    """Whether a condition says of an object that there is none, or that it is closed."""
    return op.value is (op.test is not Test.TRUTH) and op.test in (Test.TRUTH, Test.NONE, Test.CLOSED)
