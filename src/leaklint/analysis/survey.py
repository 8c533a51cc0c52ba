"""From walks to facts: one `Site` per acquired part of a function, with every way on which it stays open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from leaklint.analysis.facts import History, Kept, Leak, LeakExit, Site, Stored, Trigger
from leaklint.analysis.obligation import Context, Departure, Outcome
from leaklint.analysis.ownership import own_object
from leaklint.analysis.project import Module
from leaklint.analysis.summary import Found, Summaries
from leaklint.analysis.tracker import Ending, Walk
from leaklint.catalogue.model import Effect, Resource, Tier
from leaklint.edit import Span
from leaklint.finding import Confidence, Location
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg, EdgeKind

_TEXT = 60
_PATCHING = frozenset({"mocker", "monkeypatch"})
"""fixtures by which a test replaces functions of the program"""
_WAITING = frozenset({"concurrent.futures.as_completed", "concurrent.futures.wait"})
PROXY = ".proxy-"
"""what the host names of RDS Proxy have behind the proxy's own name"""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a survey must know of the module: spans and text of nodes, which functions are handler code, which global
    names functions read."""

    span: Callable[[Module, str, object], Span]
    text: Callable[[Span], str]
    in_handler: Callable[[str], bool]
    read_by_functions: Callable[[str], bool]
    origin: Callable[[Module, str, object], Location | None]
    """where a helper of another module acquires; None for one of this module"""
    closed_outside: Callable[[str], bool]
    """whether code of the module releases what the attribute of another object holds (``db.conn.close()``)"""


def sites(module: Module, cfg: Cfg, summaries: Summaries, around: Surroundings) -> Iterator[Site]:
    """The sites of one function (or of the module) that may leak. Raises BudgetExceeded."""
    for surveyor, kept in _surveyed(module, cfg, summaries, around):
        if surveyor.walk.endings or kept is not None or surveyor.stored:
            yield surveyor.site(kept)


def histories(module: Module, cfg: Cfg, summaries: Summaries, around: Surroundings) -> Iterator[History]:
    """Everything that one function (or the module) acquires. Raises BudgetExceeded."""
    for surveyor, kept in _surveyed(module, cfg, summaries, around):
        nodes = ((_node(cfg.ops[node]), how.value) for node, how in surveyor.walk.settled)
        # An iteration that runs out releases, too, and is written nowhere.
        settled = ((surveyor.span(node), how) for node, how in nodes if node is not None)
        yield History(surveyor.site(kept), tuple(sorted(dict.fromkeys(settled))))


def _surveyed(
    module: Module, cfg: Cfg, summaries: Summaries, around: Surroundings
) -> Iterator[tuple[_Surveyor, Kept | None]]:
    """Each acquisition, with the class that keeps it and has no way to release it."""
    holds = summaries.places(module, cfg).holds
    for found in summaries.acquisitions(module, cfg):
        walk, context = summaries.walk(module, cfg, found)
        kept = summaries.owners.keeps(module, cfg, walk, context)
        if kept is not None and around.closed_outside(kept.name):
            kept = replace(kept, foreign=True)
        if found.acquisition.resource.argument == "receiver" and not _is_pair(module, cfg, found, walk, context):
            continue
        runs_once = summaries.runs_once(module, cfg)
        stored = tuple(_stored(cfg, walk, context, runs_once))
        yield _Surveyor(module, cfg, around, found, walk, context, holds, stored), kept


def _is_pair(module: Module, cfg: Cfg, found: Found, walk: Walk, context: Context) -> bool:
    """Whether a function that opens and closes what it was given owes the release.

    What is only released before it is connected again, or only when something fails, is meant to stay open; and what a
    method opens of its own object belongs to the object.
    """
    call = cfg.ops[found.positions[0]]
    assert isinstance(call, ops.Call)
    return (walk.released_plainly or context.notes.released) and call.receiver != own_object(module, cfg)


def _stored(cfg: Cfg, walk: Walk, context: Context, runs_once: bool) -> Iterator[Stored]:
    """The ways by which a resource outlives the call that acquired it."""
    for node, outcome in walk.settled:
        op = cfg.ops[node]
        if outcome is Outcome.TRANSFERRED and isinstance(op, ops.Escape):
            place = op.place
            if place[0] == "%":
                # ``globals()["conn"] = ...``, ``type(self).conn = ...``
                base = next((c for c in cfg.ops if isinstance(c, ops.Call) and c.dst == ops.root_of(place)), None)
                given = ", ".join(arg.place for arg in base.args) if base is not None else ""
                place = f"{base.name or base.callee}({given}){place[len(base.dst) :]}" if base is not None else ""
            if place:
                yield Stored(op.how, place)
        elif outcome is Outcome.RETURNED and runs_once:
            yield Stored(ops.How.DECORATOR)
    for name in sorted(context.notes.fields):
        yield Stored(ops.How.ATTRIBUTE, f"{context.own}.{name}")


@dataclass(slots=True)
class _Surveyor:
    module: Module
    cfg: Cfg
    around: Surroundings
    found: Found
    walk: Walk
    context: Context
    holds: Callable[..., bool]
    stored: tuple[Stored, ...]

    def span(self, node: object) -> Span:
        return self.around.span(self.module, self.cfg.name, node)

    def site(self, kept_by: Kept | None) -> Site:
        resource = self.found.acquisition.resource
        call = self.cfg.ops[self.found.positions[0]]
        assert isinstance(call, ops.Call)
        notes = self.context.notes
        module_level = self.cfg.name == "<module>"
        kept = sorted(p for p in self.walk.kept if p[0] not in "%#") if module_level else []
        helper, origin = None, None
        if (given := self.found.helper) is not None:
            origin = self.around.origin(given.module, given.function, given.node)
            span = self.around.span(given.module, given.function, given.node) if origin is None else None
            helper = (_plain(given.function), span)
        looks = notes.looks_released
        return Site(
            resource=resource,
            part=self.found.acquisition.part,
            span=self.span(self.found.node),
            function=_plain(self.cfg.name),
            place=self._first_name(),
            leaks=tuple(self._leak(ending, resource) for ending in self.walk.endings),
            released=self.walk.released or notes.released,
            transferred=self.walk.transferred,
            with_exit=self.span(notes.with_exit) if notes.with_exit is not None else None,
            uncalled=self.span(notes.uncalled) if notes.uncalled is not None else None,
            looks_released=(self.span(looks[0]), looks[1]) if looks is not None else None,
            in_loop=any(position in self.cfg.loops for position in self.found.positions),
            writes=any(self.holds(condition, call) for condition in resource.write_when),
            handler=self.around.in_handler(self.cfg.name),
            waited_for=resource.kind == "executor" and any(map(_waits, self.cfg.ops)),
            module_level=module_level,
            kept_as=kept[0] if kept else "",
            used_by_functions=any(self.around.read_by_functions(name) for name in kept),
            receiver_by_name=self.found.acquisition.by_name,
            helper=helper,
            origin=origin,
            mitigations=tuple(_mitigations(call, resource)),
            kept_by=kept_by,
            stored=self.stored,
            proxied=any(isinstance(arg.value, str) and PROXY in arg.value for arg in call.args),
        )

    def _first_name(self) -> str:
        """The first variable that the acquired value is bound to."""
        for position in self.found.positions:
            call = self.cfg.ops[position]
            assert isinstance(call, ops.Call)
            holder = self.found.acquisition.place(call)
            if holder[:1] not in ("%", "#"):
                return holder
            at = position
            for _ in range(12):
                following = [t for kind, t in self.cfg.successors[at] if kind.value == "normal"]
                if not following:
                    break
                at = following[0]
                op = self.cfg.ops[at]
                if isinstance(op, ops.Bind) and op.src and ops.within(holder, op.src):
                    holder = op.dst + holder[len(op.src) :]
                elif isinstance(op, ops.Enter) and op.dst and ops.within(holder, op.place):
                    entered = self.found.acquisition.resource.enter
                    holder = op.dst + holder[len(op.place) :] if entered == "self" else op.dst
                if holder[0] not in "%#":
                    return holder
        return ""

    def _leak(self, ending: Ending, resource: Resource) -> Leak:
        trigger = None
        if ending.trigger is not None:
            cause = self.cfg.ops[ending.trigger]
            span = self.span(_node(cause))
            iterated = isinstance(cause, ops.Event) and cause.use is ops.Use.ITERATE
            trigger = Trigger(ending.event, self._text(span), span, iterated)
        confidence, because = _confidence(ending.weakest, resource)
        for node in ending.doubted:
            confidence = confidence.lowered()
            because += (f"lowered: who holds it after `{self._code(node)}` is not sure",)
        confidence = confidence.lowered(ending.doubt - len(ending.doubted))
        if self.walk.transferred and not self.walk.released and ending.weakest in (Departure.T1, Departure.WEAK):
            # A factory that fails while it sets up what it opened gives its caller nothing to use: people who judge
            # such code call it correct.
            confidence = confidence.lowered(2)
            because += ("lowered: the function hands it on in the end, and only fails while setting it up",)
        if self._skips_owner(ending):
            confidence = Confidence.LOW
            because += ("lowered: a loop gives it to another owner, and hardly makes no turn",)
        if self.found.acquisition.by_name:
            confidence = confidence.lowered()
            because += ("lowered: its type is believed by the receiver's name alone",)
        if self.found.helper is not None and self._is_patched():
            confidence = confidence.lowered(2)
            because += ("lowered: the test may have replaced what it is opened with",)
        if ending.exit is LeakExit.RAISE and resource.data_loss and not resource.descriptors:
            confidence = confidence.lowered(2)
            because += ("lowered: it opens nothing before it is closed, and what it would write is lost anyway",)
        lost_by, end = self._end(ending)
        path = tuple(self._branches(ending.path))
        return Leak(ending.exit, trigger, end, confidence, path, lost_by, because, self._turn(ending))

    def _code(self, node: int) -> str:
        """The text of the op at a node of the graph, as far as it has one."""
        op = _node(self.cfg.ops[node])
        return self._text(self.span(op)) if op is not None else "this"

    def _skips_owner(self, ending: Ending) -> bool:
        """Whether the path makes no turn of a loop whose turns give the resource to another owner: workers, say."""
        given = [
            node for node, outcome in self.walk.settled if outcome is Outcome.TRANSFERRED and node in self.cfg.loops
        ]
        passed = set(ending.path) if given else ()
        for end in passed:
            op = self.cfg.ops[end]
            if not isinstance(op, ops.Exhausted):
                continue
            turn = next(n for n in range(end, -1, -1) if self.cfg.ops[n] == ops.Next(op.dst, op.src))
            inside = range(turn, end)
            if turn not in passed and any(node in inside for node in given):
                return self.found.positions[0] not in inside
        return False

    def _is_patched(self) -> bool:
        """Whether the function is a test that replaces functions of the program."""
        info = self.module.functions.get(self.cfg.name)
        known = self.module.catalogue.functions
        effects = (known[name].effect for name in (info.decorators if info is not None else ()) if name in known)
        return Effect.PATCHES in effects or not _PATCHING.isdisjoint(self.cfg.parameters)

    def _text(self, span: Span) -> str:
        text = " ".join(self.around.text(span).split())
        return text if len(text) <= _TEXT else text[: _TEXT - 3] + "..."

    def _end(self, ending: Ending) -> tuple[str, Span]:
        """How the handle was lost, and where the path ends."""
        op = self.cfg.ops[ending.last]
        if ending.exit is LeakExit.LOST:
            if isinstance(op, ops.Unbind) and op.place[0] != "#":
                return "deleted", self.span(op.node) if op.node is not None else self.span(self.found.node)
            if isinstance(op, ops.Unbind | ops.Forget | ops.Join):
                call = self.cfg.ops[self.found.positions[0]]
                assert isinstance(call, ops.Call)
                again = self._rebinding(ending)
                if again is not None:
                    return "rebound", self.span(again)
                return "discarded" if call.discarded else "anonymous", self.span(self.found.node)
            node = _node(op)
            return "rebound", self.span(node) if node is not None else self.span(self.found.node)
        for node_number in reversed(ending.path):
            node = _node(self.cfg.ops[node_number])
            if node is not None and not isinstance(self.cfg.ops[node_number], ops.Assume | ops.Leave | ops.Forget):
                return "", self.span(node)
        return "", self.span(self.found.node)

    def _rebinding(self, ending: Ending) -> object | None:
        """What binds its first name again, where something that was made of it was all that held it in the end."""
        name = self._first_name()
        bound = [op for n in ending.path if isinstance(op := self.cfg.ops[n], ops.Bind) and op.dst == name != ""]
        return _node(bound[-1]) if len(bound) > 1 else None

    def _turn(self, ending: Ending) -> tuple[Span, str] | None:
        """The branch by which the path leaves the ways that release the resource or give it away."""
        if ending.exit is not LeakExit.RETURN or not self.walk.settled:
            return None
        ahead = self._ways_out()
        for number, following in zip(reversed(ending.path[:-1]), reversed(ending.path[1:]), strict=True):
            if number in ahead:
                return next(self._branches((following,)), None)
        return None

    def _ways_out(self) -> set[int]:
        """The nodes from which something that releases it or gives it away can be reached and nothing raises."""
        before: dict[int, list[int]] = {}
        for node in self.cfg.entered:
            for kind, target in self.cfg.successors[node]:
                if kind is EdgeKind.NORMAL:
                    before.setdefault(target, []).append(node)
        found = {node for node, _ in self.walk.settled}
        stack = list(found)
        while stack:
            for node in before.get(stack.pop(), ()):
                if node not in found:
                    found.add(node)
                    stack.append(node)
        return found

    def _branches(self, path: Iterable[int]) -> Iterator[tuple[Span, str]]:
        for number in path:
            op = self.cfg.ops[number]
            if isinstance(op, ops.Assume) and op.node is not None:
                span = self.span(op.node)
                if span.start == span.end:
                    continue  # libcst changed the text: nothing can be quoted
                yield span, f"`{self._text(span)}` is {'true' if op.holds else 'false'}"


def _waits(op: ops.Op) -> bool:
    """Whether an op waits for work that was submitted."""
    return isinstance(op, ops.Call) and (op.callee in _WAITING or op.method == "result")


def _plain(function: str) -> str:
    """A function's name as people write it."""
    return function.replace(".<locals>", "").partition("#")[0]


def _node(op: ops.Op) -> object:
    return getattr(op, "node", None)


def _confidence(weakest: Departure, resource: Resource) -> tuple[Confidence, tuple[str, ...]]:
    """How sure a leak is whose weakest event is of this class, and why."""
    if weakest is Departure.NONE:
        return Confidence.CERTAIN, ("the path needs nothing to happen",)
    if weakest is Departure.T0:
        return Confidence.HIGH, ("the code leaves on purpose: a raise, or a call that never returns",)
    if weakest is Departure.T1:
        return Confidence.HIGH, ("what raises works with the resource, or with data that may be wrong",)
    if resource.tier is not Tier.G3 or resource.server:
        return Confidence.MEDIUM, ("any call may raise, and the resource matters while it stays open",)
    return Confidence.LOW, ("any call may raise, and the resource is reclaimed promptly",)


def _mitigations(call: ops.Call, resource: Resource) -> Iterator[str]:
    for name in (*resource.cache.heals, *resource.cache.bounds):
        for arg in call.args:
            nested = isinstance(arg.value, tuple) and name in arg.value
            if nested or arg.key == name or (arg.name and arg.name.rpartition(".")[2] == name):
                yield name
                break
