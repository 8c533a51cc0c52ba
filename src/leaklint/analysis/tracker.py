"""The engine: obligations walked through a graph until each is discharged, transferred or leaks.

Nodes are left in reverse post order, so that all ways to a node have arrived, and merged, before any goes on.

At a node, obligations of equal state and aliases merge and keep the guards that they have in common; beyond
`MAX_ALIAS_SETS` alias sets at one node the sets are intersected, and confidence drops a step. The parent chain of the
first arrival is the witness path.

Example. For ``f = open(p)`` / ``work(f)`` / ``f.close()`` the obligation of ``open`` starts behind the call. At
``work(f)`` it takes the normal edge, and, because ``f`` is an argument, the exception edge to the function's raise
exit: one `Ending` there, caused by ``work(f)``. On the normal way ``f.close()`` discharges it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from leaklint.analysis.events import event_of
from leaklint.analysis.facts import Event, LeakExit
from leaklint.analysis.guards import guards_after
from leaklint.analysis.obligation import Context, Departure, Obligation, Outcome, Result
from leaklint.analysis.transfer import at_raise, at_return, step
from leaklint.flow import ops
from leaklint.flow.cfg import ENTRY, RAISE, RETURN, Cfg, EdgeKind

MAX_ALIAS_SETS = 8
BUDGET = 60_000
"""obligation states per acquisition"""

_DEPARTURES = {Event.T0: Departure.T0, Event.T1: Departure.T1, Event.T2: Departure.WEAK, Event.T3: Departure.WEAK}


class BudgetExceeded(Exception):
    """An acquisition has more states than the budget allows: its function is not analysed."""


@dataclass(frozen=True, slots=True)
class Ending:
    """One way on which an obligation stays open. Nodes are numbers of the graph.

    `trigger` is the node of the weakest event by which the path departs (of equal ones the first), `weakest` its class;
    `path` holds the nodes of the way, first to last; `last` is the node at which it ends.
    """

    exit: LeakExit
    event: Event
    trigger: int | None
    weakest: Departure
    path: tuple[int, ...]
    last: int
    doubt: int
    doubted: tuple[int, ...] = ()
    """nodes of the path behind which it is less sure who holds the resource, first to last"""


@dataclass(slots=True)
class Walk:
    """All that becomes of one acquisition."""

    endings: list[Ending] = field(default_factory=list)
    released: bool = False
    released_plainly: bool = False
    """on a path that no event has turned aside"""
    transferred: bool = False
    transferred_plainly: bool = False
    returned: set[str] = field(default_factory=set)
    """which parts of the function's result hold the resource"""
    returned_plainly: bool = False
    kept: set[str] = field(default_factory=set)
    """places that hold it when the function has returned"""
    states: int = 0
    settled: dict[tuple[int, Outcome], None] = field(default_factory=dict)
    """where and how paths end well: the node that releases it or gives it away"""


@dataclass(slots=True)
class _State:
    node: int
    obligation: Obligation
    parent: int
    event: Event = Event.NONE
    """of the edge by which it came, when that is an exception's"""
    superseded: bool = False
    """another arrival merged with it before it was left"""


def must_guards(cfg: Cfg) -> dict[int, frozenset[tuple[str, bool]]]:
    """For each reachable node, the conditions that hold on all ways to it."""
    known: dict[int, frozenset[tuple[str, bool]]] = {ENTRY: frozenset()}
    order = cfg.order
    work = [(0, ENTRY)]
    while work:
        node = heappop(work)[1]
        after = guards_after(cfg.ops[node], known[node], cfg)
        if after is None:
            continue
        for kind, target in cfg.successors[node]:
            arriving = after if kind is EdgeKind.NORMAL else known[node]
            before = known.get(target)
            merged = arriving if before is None else before & arriving
            if merged != before:
                known[target] = merged
                heappush(work, (order[target], target))
    return known


def walk(cfg: Cfg, starts: Iterable[tuple[int, Obligation]], context: Context) -> Walk:
    """Walk obligations from `starts` (the nodes at which they are open) to their ends. Raises BudgetExceeded."""
    return _Walker(cfg, context).run(starts)


class _Walker:
    def __init__(self, cfg: Cfg, context: Context) -> None:
        self.cfg = cfg
        self.context = context
        self.states: list[_State] = []
        self.seen: dict[tuple[object, ...], int] = {}
        self.alias_sets: dict[tuple[int, Departure], set[frozenset[str]]] = {}
        self.work: list[tuple[int, int]] = []
        self.result = Walk()
        self.found: dict[tuple[LeakExit, Event, int | None], int] = {}

    def run(self, starts: Iterable[tuple[int, Obligation]]) -> Walk:
        for node, obligation in starts:
            self.arrive(node, obligation, -1, Event.NONE)
        while self.work:
            self.leave(heappop(self.work)[1])
        self.result.states = len(self.states)
        return self.result

    def arrive(self, node: int, obligation: Obligation, parent: int, event: Event) -> None:
        key, obligation = self._key(node, obligation)
        known = self.seen.get(key)
        if known is not None:
            merged = self.states[known].obligation.guards & obligation.guards
            if merged == self.states[known].obligation.guards:
                return
            obligation = replace(obligation, guards=merged)
            parent, event = self.states[known].parent, self.states[known].event
            self.states[known].superseded = True
        if len(self.states) >= BUDGET:
            raise BudgetExceeded
        self.states.append(_State(node, obligation, parent, event))
        self.seen[key] = len(self.states) - 1
        heappush(self.work, (self.cfg.order[node], len(self.states) - 1))

    def _key(self, node: int, state: Obligation) -> tuple[tuple[object, ...], Obligation]:
        sets = self.alias_sets.setdefault((node, state.departure), set())
        if state.aliases not in sets:
            if len(sets) >= MAX_ALIAS_SETS:
                common = frozenset.intersection(state.aliases, *sets)
                # An empty intersection would be a lost handle that nobody lost: keep what arrived first.
                aliases = common or min(sets, key=len)
                state = replace(state, aliases=aliases, derived=frozenset(), doubt=min(2, state.doubt + 1))
            sets.add(state.aliases)
        doubt = min(2, state.doubt)
        if doubt != state.doubt:
            state = replace(state, doubt=doubt)
        key = (
            node, state.aliases, state.derived, state.closers, state.done, state.departure, state.dormant, doubt
        )  # fmt: skip
        return key, state

    def leave(self, index: int) -> None:
        state = self.states[index]
        if state.superseded:
            return
        node, obligation = state.node, state.obligation
        if node == RETURN:
            self._returned(index)
            return
        if node == RAISE:
            if at_raise(obligation, self.context) is Outcome.TRANSFERRED:
                self._settle(index, Outcome.TRANSFERRED)
            elif not obligation.dormant:
                self._leak(index, LeakExit.RAISE)
            return
        op = self.cfg.ops[node]
        for kind, target in self.cfg.successors[node]:
            event = Event.NONE
            if kind is not EdgeKind.NORMAL:
                event = event_of(op, obligation, kind, self.context)
                if event is Event.NONE:
                    continue
            outcome = step(op, obligation, kind, self.context)
            self._take(index, target, outcome, op, event)

    def _take(self, index: int, target: int, outcome: Result, op: ops.Op, event: Event) -> None:
        if isinstance(outcome, Obligation):
            again = isinstance(op, ops.Raise) and op.again
            if event is not Event.NONE and not again:
                departure = _DEPARTURES[event]
                if departure.value > outcome.departure.value:
                    outcome = replace(outcome, departure=departure)
            self.arrive(target, outcome, index, Event.NONE if again else event)
        elif outcome is Outcome.DISCHARGED or outcome is Outcome.TRANSFERRED:
            self._settle(index, outcome)
        elif outcome is Outcome.LOST:
            self._leak(index, LeakExit.LOST)

    def _returned(self, index: int) -> None:
        obligation = self.states[index].obligation
        outcome = at_return(obligation, self.context)
        if outcome is Outcome.RETURNED:
            self._settle(index, outcome)
            for place in obligation.aliases:
                if ops.within(place, ops.RESULT):
                    self.result.returned.add(place[len(ops.RESULT) :])
                    self.result.returned_plainly |= obligation.departure is Departure.NONE
        elif outcome is Outcome.TRANSFERRED:
            self._settle(index, outcome)
        elif isinstance(outcome, Obligation) and not outcome.dormant:
            self.states[index].obligation = outcome
            self.result.kept |= outcome.aliases
            self._leak(index, LeakExit.RETURN if outcome.aliases or outcome.closers else LeakExit.LOST)

    def _settle(self, index: int, outcome: Outcome) -> None:
        """Note how a path ends, and where: at the last op that the text of the function shows."""
        plainly = self.states[index].obligation.departure is Departure.NONE
        if outcome is Outcome.DISCHARGED:
            self.result.released = True
            self.result.released_plainly |= plainly
        else:
            self.result.transferred = True
            self.result.transferred_plainly |= plainly and outcome is Outcome.TRANSFERRED
        node = self.states[index].node
        if node in (RETURN, RAISE):
            while index >= 0 and _is_hidden(self.cfg.ops[self.states[index].node]):
                index = self.states[index].parent
            node = self.states[index].node if index >= 0 else node
        self.result.settled[node, outcome] = None

    def _leak(self, index: int, exit: LeakExit) -> None:
        path: list[int] = []
        doubted: list[int] = []
        event, trigger = Event.NONE, None
        at = index
        while at >= 0:
            state = self.states[at]
            path.append(state.node)
            # Of several events the weakest counts, and of equal ones the first.
            if state.event is not Event.NONE and (
                trigger is None or _DEPARTURES[state.event].value >= _DEPARTURES[event].value
            ):
                event, trigger = state.event, self.states[state.parent].node
            if state.parent >= 0 and state.obligation.doubt > self.states[state.parent].obligation.doubt:
                doubted.append(self.states[state.parent].node)
            at = state.parent
        path.reverse()
        if trigger is not None:
            exit = LeakExit.RAISE
        obligation = self.states[index].obligation
        key = (exit, event, trigger)
        ending = Ending(
            exit, event, trigger, obligation.departure, tuple(path), path[-1], obligation.doubt, tuple(doubted[::-1])
        )
        known = self.found.get(key)
        if known is None:
            self.found[key] = len(self.result.endings)
            self.result.endings.append(ending)
        elif self._better(ending, self.result.endings[known]):
            self.result.endings[known] = ending

    @staticmethod
    def _better(one: Ending, other: Ending) -> bool:
        return (one.weakest.value, one.doubt) < (other.weakest.value, other.doubt)


def _is_hidden(op: ops.Op) -> bool:
    """Whether an op stands for nothing that is written where it happens."""
    return getattr(op, "node", None) is None or isinstance(op, ops.Leave | ops.Forget | ops.Join)


__all__ = ["BUDGET", "BudgetExceeded", "Ending", "Walk", "must_guards", "walk"]
