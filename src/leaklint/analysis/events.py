"""What may raise while a resource is open, and how much a leak on that edge is believed.

The graph has an exception edge behind everything that Python allows to raise; the policy here says which of them an
obligation takes. Example, while ``f`` is open::

    work(f)      the resource is an argument: T1
    prepare()    any other call: T2
    logger.info  no event: the path does not exist
    g.close()    releases another resource: no event either, else no two could ever be released
    raise Error  T0
"""

from __future__ import annotations

from leaklint.analysis.calls import ENTERING, READING, fates, owned, says_release
from leaklint.analysis.facts import Event
from leaklint.analysis.obligation import Context, Fate, Obligation, holds, is_release, read_through, says_alive, uses
from leaklint.analysis.places import names_one
from leaklint.catalogue.model import Effect
from leaklint.flow import ops
from leaklint.flow.cfg import EdgeKind
from leaklint.flow.ops import ADDING, Op, Use

_SURE = frozenset(
    {
        Effect.QUIET, Effect.SPELLS, Effect.UNIQUE, Effect.STACK, Effect.MEMORY, Effect.CLOSER, Effect.FINALIZER,
        Effect.DERIVES, Effect.WRAPS, Effect.STACK_CALLBACK, Effect.STACK_POP, Effect.SUPPRESSES, Effect.EXPECTS,
        Effect.HOLDS,
    }
)  # fmt: skip
"""effects of callables that do not raise in practice"""
_READING = frozenset({Effect.DRAINS, Effect.EXHAUSTS, Effect.PARSER})
_NUMBER = frozenset({"numbers.Number"})
_HANDING_OVER = frozenset({Effect.KEEPS, Effect.PASSES, Effect.STACK_ENTER})


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
                finishes = context.resource.finishes_raising and read_through(op.place, state)
                return Event.T1 if uses(op.place, state, context) and not finishes else Event.NONE
            if op.use is Use.YIELD:
                return Event.T1
            return Event.T1 if uses(op.place, state, context) else Event.T2
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
    if effect is Effect.ENDS_PROCESS:
        return Event.NONE
    if effect in _SURE or op.method in ENTERING or _releases_another(op, context):
        return Event.NONE
    if op.method in READING and names_one(state.aliases, op.receiver):
        # What reads while it is iterated raises while it is iterated.
        return Event.NONE
    given = any(holds(a.place, state) for a in op.args)
    if given and (effect in _HANDING_OVER or op.method in ADDING or owned(op, state, context)):
        # Handing over is one step: what the new owner does when it raises is its own affair.
        return Event.NONE
    if op.receiver and op.receiver in context.places.private and not uses(op.receiver, state, context):
        return Event.NONE
    if kind is EdgeKind.CANCEL:
        return Event.T3
    if op.receiver and says_alive(f"{op.receiver}.{op.method}", state, context):
        return Event.NONE
    if given and context.resource.finishes_raising and effect in _READING:
        return Event.NONE
    if effect is Effect.PARSER:
        return Event.NONE if _is_of_a_number(op, context) else Event.T1
    if given and says_release(op, context):
        return Event.NONE
    if effect is Effect.EXHAUSTS and not given:
        return Event.NONE
    if given or uses(op.receiver, state, context) or any(uses(a.place, state, context) for a in op.args):
        summaries = fates(op, state, context)
        handed_over = any(s.fate in (Fate.STORES, Fate.RETURNS) for s in summaries)
        quiet = bool(summaries) and not any(s.may_raise for s in summaries)
        return Event.NONE if handed_over or quiet else Event.T1
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
        return op.callee in catalogue.release_functions and op.callee not in catalogue.removals
    if op.method in ("close", "aclose"):
        return True
    if op.method not in catalogue.release_methods:
        return False
    return any(
        is_release(op.method, catalogue.by_type[kind])
        for kind in context.places.of(op.receiver)
        if kind in catalogue.by_type
    )


def _is_of_a_number(op: ops.Call, context: Context) -> bool:
    """Whether what is parsed is a number already: ``int(time.time())``."""
    return len(op.args) == 1 and context.places.of(op.args[0].place) == _NUMBER
