"""What a call does to an obligation: it releases the resource, takes it over, holds it, or only works with it.

Asked in this order: does the call release the resource; does it acquire something that owns it; does the catalogue know
the effect of the callee; is the callee a function of the project, whose summary knows the fate of its argument; and, of
a callee that nothing is known about, is it one of those that may have taken it.

Example, with the obligation of ``f = open(p)``::

    stack.enter_context(f)    an effect of the catalogue: ``stack`` becomes a closer
    work(f)                   a project function whose summary says that it borrows: nothing changes
    Reader(f)                 a constructor of which nothing is known: it may own ``f`` now, which is a doubt
    f.close()                 released: DISCHARGED, on the exception edge of the call too
"""

from __future__ import annotations

from dataclasses import replace

from leaklint.analysis.obligation import (
    Context,
    Effects,
    Fate,
    Mark,
    Obligation,
    Outcome,
    Result,
    bind,
    captured,
    holds,
    is_release,
    read_through,
)
from leaklint.analysis.places import names_one, relative
from leaklint.analysis.telling import tells_release
from leaklint.catalogue.model import Effect, Function, Step
from leaklint.flow import ops
from leaklint.flow.cfg import EdgeKind
from leaklint.flow.ops import Place, root_of

_KEEPING = ("set", "attach", "register", "bind")
"""how methods begin that make another object keep what they get"""
_CLASS = ("_class", "_cls")
"""how the names of variables end that hold a class"""
_STREAMS = frozenset({"fp", "raw"})
"""attributes by which a response gives what it reads from"""
_FINISHING = frozenset({"read", "__iter__"})
READING = frozenset({"iter_bytes", "iter_chunks", "iter_content", "iter_lines", "iter_raw", "iter_text", "stream"})
"""methods whose result reads the resource while it is iterated"""
ENTERING = ("__enter__", "__aenter__")


def call(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    """The obligation after the call is left by `edge`, or how it ended."""
    released = _released(op, state, edge, context)
    if released is not state:
        return released
    through = _through_receiver(op, state, edge, context)
    if through is not state:
        return through
    if any(_read_whole(place, state, context) for place in (op.receiver, *(a.place for a in op.args))):
        # What is given was read before the call was made.
        return Outcome.DISCHARGED
    if edge is not EdgeKind.NORMAL:
        if not any(summary.fate is Fate.CLOSES for summary in fates(op, state, context)):
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
    if function is not None and function.effect is Effect.ENDS_PROCESS:
        return Outcome.INFEASIBLE
    if op.method in ENTERING and names_one(state.aliases, op.receiver) and context.resource.enter == "self":
        return bind(op.dst, op.receiver, state, context)
    given = [a.place for a in op.args if holds(a.place, state)]
    bound = bind(op.dst, "", state, context)
    if not isinstance(bound, Obligation):
        return bound
    state = bound
    if op.method in READING and names_one(state.aliases, op.receiver):
        return replace(state, derived=state.derived | {Mark.READS + op.dst})
    if given and op.callee in context.resource.alive:
        return replace(state, derived=state.derived | {Mark.TELLS + op.dst})
    if given and not context.resource.is_path and owned(op, state, context):
        return Outcome.TRANSFERRED
    # A method that is known by its name alone (``*.error``) is what the project's own class makes of it.
    if function is not None and not (given and summary is not None):
        known = _effect(op, function, state, given, context)
        if known is not None:
            return known
    if not given:
        if _release_given(op, state, context):
            # Who is given the release is meant to call it.
            return Outcome.TRANSFERRED
        # ``trace.set_writer(f.write)``: what keeps a method keeps its object.
        keeps = (
            op.receiver and op.method.startswith(_KEEPING) and any(_reaches(a.place, state, context) for a in op.args)
        )
        return Outcome.TRANSFERRED if keeps else state
    return _passed(op, state, given, context)


def _through_receiver(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    """The obligation after a method of the object that holds the resource in an attribute.

    What nobody knows of the method's own object may have done anything to what is stored there.
    """
    if context.own and edge is EdgeKind.NORMAL and any(arg.place == context.own for arg in op.args):
        return Outcome.TRANSFERRED if any(root_of(alias) == context.own for alias in state.aliases) else state
    held = [a for a in state.aliases if op.receiver and "." in a and (relative(a, op.receiver) or "").startswith(".")]
    for alias in sorted(held):
        summary = context.effects_of(op, alias, context.resource)
        if summary is None:
            # A method of what is stored there is no method of the object.
            foreign = op.receiver == context.own and edge is EdgeKind.NORMAL
            return Outcome.TRANSFERRED if foreign else state
        match summary.fate:
            case Fate.CLOSES:
                return Outcome.DISCHARGED
            case Fate.CLOSES_NORMALLY if edge is EdgeKind.NORMAL:
                return Outcome.DISCHARGED
            case Fate.STORES if edge is EdgeKind.NORMAL:
                return Outcome.TRANSFERRED
            case Fate.RETURNS if edge is EdgeKind.NORMAL:
                return bind(op.dst, alias, state, context, weak=True)
            case Fate.CLOSES_SOMETIMES:
                context.notes.released = True
                return replace(state, doubt=state.doubt + 1)
            case _:
                pass
    return state


def _read_whole(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is an attribute whose value takes reading the resource to its end (``response.text``)."""
    base, _, attribute = place.rpartition(".")
    return attribute in context.resource.finishes_read and names_one(state.aliases, base)


def _released(op: ops.Call, state: Obligation, edge: EdgeKind, context: Context) -> Result:
    resource = context.resource
    if op.receiver:
        if names_one(state.closers, op.receiver) and op.method in ("close", "aclose", "__exit__", "__aexit__"):
            return Outcome.DISCHARGED
        if context.owner is not None and op.receiver in context.owners and is_release(op.method, context.owner):
            return Outcome.DISCHARGED
        looks = op.method in resource.looks_like and names_one(state.aliases, op.receiver)
        if looks and context.notes.looks_released is None:
            context.notes.looks_released = (op.node, op.method)
        if op.method in resource.finishes and names_one(state.aliases, op.receiver):
            return Outcome.DISCHARGED if edge is EdgeKind.NORMAL or resource.finishes_raising else state
        if op.method in ("__exit__", "__aexit__") and names_one(state.aliases, op.receiver) and resource.with_.releases:
            return Outcome.DISCHARGED
        if names_one((d[1:] for d in state.derived if d[0] == Mark.WRAPS), op.receiver) and is_release(
            op.method, resource
        ):
            # Closing a wrapper of unknown class probably closes what it wraps.
            return Outcome.DISCHARGED
    if context.owner is not None and any(a.place in context.owners for a in op.args):
        passed = (context.effects_of(op, a.place, context.owner) for a in op.args if a.place in context.owners)
        if any(summary is not None and summary.fate is Fate.CLOSES for summary in passed) or says_release(op, context):
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
    if op.method != method or (context.resource.is_path and method == "replace" and len(op.args) != 1):
        # The ``replace`` of a path moves the file, that of a text takes two arguments.
        return False
    if one.form == "owner":
        return any(names_one(state.aliases, a.place) for a in op.args)
    receiver = op.receiver
    if path:
        if not receiver.endswith(f".{path}"):
            return False
        receiver = receiver[: -len(path) - 1]
    carriers = (f"{receiver}{part}" for part in context.resource.parts if part.startswith("."))
    if not names_one(state.aliases, receiver) and not any(names_one(state.aliases, place) for place in carriers):
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
        reached = any(_reaches(a.place, state, context) for a in op.args)
        return Outcome.TRANSFERRED if given or reached or _release_given(op, state, context) else state
    if effect is Effect.SPELLS and context.resource.is_path:
        spelled = bool(given) or names_one(state.aliases, op.receiver)
        return replace(state, aliases=state.aliases | {op.dst}) if spelled else state
    if effect is Effect.DRAINS and not _FINISHING.isdisjoint(context.resource.finishes):
        # ``shutil.copyfileobj(response.raw, f)``
        streams = (a.place.rpartition(".") for a in op.args)
        if any(names_one(state.aliases, base) and attribute in _STREAMS for base, _, attribute in streams):
            return Outcome.DISCHARGED
    if not given:
        # ``Thread(target=server.serve_forever)``: what keeps a method keeps its object.
        kept = effect is Effect.KEEPS and any(_reaches(a.place, state, context) for a in op.args)
        return Outcome.TRANSFERRED if kept else None
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
            return bind(op.dst, given[0], state, context)
        case Effect.EXHAUSTS:
            read = any(read_through(place, state) for place in given)
            return Outcome.DISCHARGED if read and "__iter__" in context.resource.finishes else None
        case Effect.WRAPS:
            return replace(state, derived=state.derived | {Mark.WRAPS + op.dst})
        case Effect.DERIVES:
            return replace(state, derived=state.derived | {Mark.READS + op.dst})
        case Effect.KEEPS:
            return Outcome.TRANSFERRED
        case Effect.PARSER | Effect.DRAINS if sure and "read" in context.resource.finishes:
            # ``json.load(body)`` reads to the end.
            return Outcome.DISCHARGED
        case Effect.BORROWS | Effect.QUIET | Effect.SPELLS | Effect.UNIQUE | Effect.PARSER | Effect.DRAINS:
            return state
        case _:
            return None


def _reaches(place: Place, state: Obligation, context: Context) -> bool:
    """Whether a place is a method of the resource, or a function that captured it."""
    base, _, method = place.rpartition(".")
    return bool(method and base and names_one(state.aliases, base)) or bool(captured(place, state, context))


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
        if base and names_one(state.aliases, base) and is_release(attribute, context.resource):
            return True
        if Mark.CALLS + arg.place in state.derived:
            return True
        if _captured_fates(arg.place, state, context) & {Fate.CLOSES, Fate.CLOSES_NORMALLY}:
            return True
    return False


def _captured_fates(place: Place, state: Obligation, context: Context) -> set[Fate]:
    names = captured(place, state, context)
    return {context.captured_fate(context.places.closures[place], name) for name in names}


def owned(op: ops.Call, state: Obligation, context: Context) -> bool:
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
    for summary in fates(op, state, context):
        match summary.fate:
            case Fate.CLOSES | Fate.CLOSES_NORMALLY:
                return Outcome.DISCHARGED
            case Fate.STORES:
                return Outcome.TRANSFERRED
            case Fate.RETURNS:
                return bind(op.dst, given[0], state, context)
            case Fate.HOLDS:
                return replace(state, derived=state.derived | {Mark.WRAPS + op.dst})
            case Fate.CLOSES_SOMETIMES:
                context.notes.released = True
                return replace(state, doubt=state.doubt + 1)
            case Fate.BORROWS:
                return state
    if says_release(op, context):
        return Outcome.DISCHARGED
    if op.receiver and op.method.startswith(_KEEPING):
        # ``handler.setStream(f)``: another object is told to use it from now on.
        return Outcome.TRANSFERRED
    name = (op.callee or op.name).rpartition(".")[2]
    if (name[:1].isupper() or name.endswith(_CLASS)) and not context.places.acquisitions(op):
        # A constructor that nothing is known about may have taken ownership.
        return replace(state, derived=state.derived | {Mark.WRAPS + op.dst}, doubt=state.doubt + 1)
    if any(not names_one(state.aliases, place) for place in given):
        # A container that holds the resource, or something derived: the callee may release what is inside.
        return replace(state, derived=state.derived | {Mark.MAYBE + op.dst}, doubt=state.doubt + 1)
    return replace(state, derived=state.derived | {Mark.MAYBE + op.dst})


def fates(op: ops.Call, state: Obligation, context: Context) -> list[Effects]:
    """The summaries of the called project function for each argument that holds the resource."""
    places = {a.place for a in op.args if holds(a.place, state)}
    found = (context.effects_of(op, place, context.resource) for place in sorted(places))
    return [summary for summary in found if summary is not None]


def says_release(op: ops.Call, context: Context) -> bool:
    """Whether nothing is known of the callee but that its name says that it releases what it is given."""
    if not op.args or not tells_release((op.callee or op.name).rpartition(".")[2], context.resource):
        return False
    if context.places.of(op.receiver) or context.places.function(op) is not None:
        return False
    return context.effects_of(op, "", context.resource) is None
