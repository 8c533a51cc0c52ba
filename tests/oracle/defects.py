"""Defects to seed into leaklint's core: each replaces one function by a wrong one, and the oracle must notice."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from leaklint.analysis import calls, events, guards, obligation, raising, summary, transfer
from leaklint.analysis.facts import Event
from leaklint.analysis.obligation import Fate, Outcome
from leaklint.analysis.places import names_one
from leaklint.catalogue.model import Effect
from leaklint.flow import frames, lower_statements, ops
from leaklint.flow.cfg import RAISE, RETURN, EdgeKind

Wrong = Callable[[Any], Any]
"""from the right function to the wrong one"""


@dataclass(frozen=True, slots=True)
class Defect:
    """One defect: the module or class and the name of what is replaced, and by what."""

    name: str
    owner: Any
    attribute: str
    wrong: Wrong
    tags: frozenset[str] = frozenset()
    """constructs of which a program needs one to show the defect; empty: any program may"""

    def places(self) -> list[Any]:
        """The owner, and every module of leaklint that imported the function by name."""
        right = getattr(self.owner, self.attribute)
        modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("leaklint.")]
        return [self.owner, *(m for m in modules if m is not self.owner and vars(m).get(self.attribute) is right)]

    @contextlib.contextmanager
    def seeded(self) -> Iterator[None]:
        """Within the block leaklint has the defect. Raises AttributeError when what it replaces is gone."""
        places, right = self.places(), getattr(self.owner, self.attribute)
        replacement = self.wrong(right)
        try:
            for place in places:
                setattr(place, self.attribute, replacement)
            yield
        finally:
            for place in places:
                setattr(place, self.attribute, right)


def _no_event(ignored: Callable[[Any, Any], bool]) -> Wrong:
    """No exceptional edge for the ops and kinds of edge that are ignored."""

    def wrong(right: Any) -> Any:
        def event_of(op: Any, state: Any, kind: Any, context: Any) -> Any:
            return Event.NONE if ignored(op, kind) else right(op, state, kind, context)

        return event_of

    return wrong


def _events_without(event: Event) -> Wrong:
    def wrong(right: Any) -> Any:
        def event_of(op: Any, state: Any, kind: Any, context: Any) -> Any:
            found = right(op, state, kind, context)
            return Event.NONE if found is event else found

        return event_of

    return wrong


def _constant(value: Any) -> Wrong:
    return lambda right: lambda *args, **kwargs: value


def _unchanged(position: int) -> Wrong:
    """Returns one of its arguments: the state as it was."""
    return lambda right: lambda *args, **kwargs: args[position]


def _exception_leaves(right: Any) -> Any:
    """After the copy of a finally an exception leaves the function, past all frames outside."""

    def copy(self: Any, top: Any, rest: Any, key: Any, onward: Any) -> Any:
        falls = isinstance(top, frames.Finally) and isinstance(key, frames.Thrown)
        return right(self, top, rest, key, (lambda: RAISE) if falls else onward)

    return copy


def _falls_through(right: Any) -> Any:
    """After the copy of a finally control goes on as if nothing had been raised."""

    def copy(self: Any, top: Any, rest: Any, key: Any, onward: Any) -> Any:
        falls = isinstance(top, frames.Finally) and isinstance(key, frames.Thrown)
        return right(self, top, rest, key, (lambda: RETURN) if falls else onward)

    return copy


def _past_finally(right: Any) -> Any:
    """Exceptions do not run finally blocks."""

    def exception(self: Any, around: Any, thrown: Any) -> Any:
        return right(self, tuple(f for f in around if not isinstance(f, frames.Finally)), thrown)

    return exception


def _jump_past(kind: type) -> Wrong:
    """Returns, breaks and continues run no frames of this kind."""

    def wrong(right: Any) -> Any:
        def jump(self: Any, around: Any, way: Any) -> Any:
            return right(self, tuple(f for f in around if not isinstance(f, kind)), way)

        return jump

    return wrong


def _no_aliases(right: Any) -> Any:
    """Copying a variable copies no resource."""

    def rebound(dst: Any, src: Any, known: Any, **options: Any) -> Any:
        return right(dst, src if src[:1] in ("%", "#") or dst[:1] in ("%", "#") else "", known, **options)

    return rebound


def _no_return(right: Any) -> Any:
    def at_return(state: Any, context: Any) -> Any:
        return state

    return at_return


def _never_lost(right: Any) -> Any:
    """A handle whose last name is rebound counts as released."""

    def unless_lost(after: Any, before: Any) -> Any:
        found = right(after, before)
        return Outcome.DISCHARGED if found is Outcome.LOST else found

    return unless_lost


def _only_normal_releases(right: Any) -> Any:
    """A release that raises has released nothing, and raises."""

    def released(op: Any, state: Any, edge: Any, context: Any) -> Any:
        return right(op, state, edge, context) if edge is EdgeKind.NORMAL else state

    return released


def _without_effect(effect: Effect) -> Wrong:
    def wrong(right: Any) -> Any:
        def apply(op: Any, function: Any, *rest: Any) -> Any:
            return None if function.effect is effect else right(op, function, *rest)

        return apply

    return wrong


def _loop_once(right: Any) -> Any:
    """The end of a loop's body does not lead back to its head, and neither does continue."""

    def loop_body(self: Any, body: Any, broken: Any, again: Any) -> None:
        right(self, body, broken, broken)

    return loop_body


def _known_fate(fate: Fate) -> Wrong:
    return lambda right: lambda self, *rest: fate


def _false_narrow(right: Any) -> Any:
    """A narrow handler catches everything."""

    def catches(name: Any, thrown: Any) -> Any:
        found = right(name, thrown)
        return frames.Catches.YES if found is frames.Catches.MAYBE else found

    return catches


def _cancel_caught(right: Any) -> Any:
    """``except Exception`` catches cancellation."""

    def catches(name: Any, thrown: Any) -> Any:
        return frames.Catches.YES if name == "Exception" else right(name, thrown)

    return catches


def _unguarded(right: Any) -> Any:
    """No branch contradicts an earlier one."""

    def guards_after(op: Any, known: Any, cfg: Any) -> Any:
        return known

    return guards_after


def _sticky_guards(right: Any) -> Any:
    """Guards survive when their variable is bound again."""

    def without(place: Any, known: Any, cfg: Any) -> Any:
        return known

    return without


def _blind_tests(right: Any) -> Any:
    """Tests of the resource itself (``is None``, truth, ``closed``) are not understood."""

    def assume(op: Any, state: Any, context: Any) -> Any:
        return state if op.place in state.aliases else right(op, state, context)

    return assume


def _awaits_nothing(right: Any) -> Any:
    """A release that nobody awaits counts."""

    def performs(op: Any, one: Any, state: Any, context: Any) -> Any:
        if one.awaited and op.method == one.call and names_one(state.aliases, op.receiver):
            return True
        return right(op, one, state, context)

    return performs


def _is_call(op: Any, kind: Any) -> bool:
    return isinstance(op, ops.Call)


def _is_cancel(op: Any, kind: Any) -> bool:
    return kind is EdgeKind.CANCEL


def _is_yield(op: Any, kind: Any) -> bool:
    return isinstance(op, ops.Event) and op.use is ops.Use.YIELD


def _is_raise(op: Any, kind: Any) -> bool:
    return isinstance(op, ops.Raise)


STATEMENTS = lower_statements.Statements
GENERATORS = frozenset({"(generator)"})
SUSPENDING = frozenset({"(generator)", "(async)"})
RAISED = frozenset({"raised"})
PAUSED = frozenset({"paused"})

DEFECTS: tuple[Defect, ...] = (
    Defect("calls do not raise", events, "event_of", _no_event(_is_call)),
    Defect("calls without the resource do not raise", events, "event_of", _events_without(Event.T2)),
    Defect("uses of the resource do not raise", events, "event_of", _events_without(Event.T1), RAISED),
    Defect("raise statements are passed over", events, "event_of", _no_event(_is_raise), RAISED),
    Defect("nothing is cancelled or abandoned", events, "event_of", _no_event(_is_cancel), SUSPENDING),
    Defect("generators are not abandoned at a yield", events, "event_of", _no_event(_is_yield), GENERATORS),
    Defect("finally falls through", frames.Unwinder, "_copy", _falls_through),
    Defect("after finally an exception leaves at once", frames.Unwinder, "_copy", _exception_leaves),
    Defect("exceptions pass finally", frames.Unwinder, "exception", _past_finally),
    Defect("jumps pass finally", frames.Unwinder, "jump", _jump_past(frames.Finally)),
    Defect("jumps pass with", frames.Unwinder, "jump", _jump_past(frames.With), frozenset({"jumped"})),
    Defect("narrow handlers catch everything", frames, "_catches", _false_narrow, frozenset({"narrow"})),
    Defect("except Exception catches cancellation", frames, "_catches", _cancel_caught, SUSPENDING),
    Defect("suppress swallows nothing", STATEMENTS, "_swallows", _constant(None), frozenset({"suppressed"})),
    Defect("loops run once", STATEMENTS, "_loop_body", _loop_once, frozenset({"replaced"})),
    Defect("aliases are ignored", obligation, "_rebound", _no_aliases),
    Defect("guards do not correlate", guards, "guards_after", _unguarded),
    Defect("guards outlive their variable", guards, "_without", _sticky_guards),
    Defect("tests of the resource are ignored", transfer, "_assume", _blind_tests),
    Defect("leaving a with releases nothing", transfer, "_leave", _unchanged(1)),
    Defect("a return transfers nothing", transfer, "at_return", _no_return),
    Defect("storing transfers nothing", transfer, "_escape", _unchanged(2)),
    Defect("rebinding loses nothing", obligation, "_unless_lost", _never_lost),
    Defect("a release counts on its normal edge only", calls, "_released", _only_normal_releases),
    Defect("a release that is not awaited counts", calls, "_performs", _awaits_nothing, frozenset({"unawaited"})),
    Defect("what a callee does is ignored", calls, "_passed", _unchanged(1)),
    Defect("every callee releases", summary.Summaries, "fate", _known_fate(Fate.CLOSES)),
    Defect("no callee releases", summary.Summaries, "fate", _known_fate(Fate.BORROWS)),
    Defect("helpers return nothing fresh", summary.Summaries, "_fresh", _constant(())),
    Defect("project functions do not raise", raising.Raising, "target", _constant(False), PAUSED),
    Defect("closing() is unknown", calls, "_effect", _without_effect(Effect.CLOSER)),
    Defect("enter_context is unknown", calls, "_effect", _without_effect(Effect.STACK_ENTER)),
    Defect("callbacks of stacks are unknown", calls, "_effect", _without_effect(Effect.STACK_CALLBACK)),
    Defect("atexit.register is unknown", calls, "_effect", _without_effect(Effect.FINALIZER)),
)  # fmt: skip
