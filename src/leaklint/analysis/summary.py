"""Summaries on demand: what a function does with its parameters, what it returns, whether it may raise.

A parameter is a resource acquired at entry: the walk that finds leaks also tells the fate of an argument, for the very
resource that the caller passes. Everything is memoised by function, place and resource; a function that is being
summarised already (recursion) counts as one that closes its argument, returns nothing fresh and may raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from leaklint.analysis import ownership
from leaklint.analysis.acquired import Found, Returned
from leaklint.analysis.arguments import constants, may_return, parameter_of
from leaklint.analysis.beliefs import Beliefs
from leaklint.analysis.facts import LeakExit
from leaklint.analysis.fields import CONSTRUCTING
from leaklint.analysis.obligation import Context, Effects, Fate, Obligation, Outcome
from leaklint.analysis.ownership import Owners, own_object
from leaklint.analysis.project import Module, Project, Target
from leaklint.analysis.raising import DEPTH, Raising
from leaklint.analysis.sketches import Sketches
from leaklint.analysis.tracker import BudgetExceeded, Walk, must_guards, walk
from leaklint.analysis.types import Acquisition, Places, Types, infer
from leaklint.catalogue.model import Catalogue, Effect, Resource
from leaklint.flow import ops
from leaklint.flow.cfg import ENTRY, RETURN, Cfg, EdgeKind
from leaklint.flow.ops import Place

_KEEPING_DECORATORS = frozenset({Effect.CACHES, Effect.GIVES_BACK, Effect.RESUMES})
"""what they decorate keeps what it gives"""


@dataclass(eq=False, slots=True)
class Memo:
    """What is known of the functions of one module; it goes when the module goes."""

    places: dict[str, Places] = field(default_factory=dict)
    sketches: dict[str, Types] = field(default_factory=dict)
    found: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    walks: dict[tuple[str, object, str, str], tuple[Walk, Context]] = field(default_factory=dict)
    fates: dict[tuple[str, Place, str], Fate] = field(default_factory=dict)
    guards: dict[str, Mapping[int, frozenset[tuple[str, bool]]]] = field(default_factory=dict)
    targets: dict[tuple[str, str, str, str], Target | None] = field(default_factory=dict)
    classes: ownership.Memo = field(default_factory=ownership.Memo)


@dataclass(eq=False, slots=True)
class Summaries:
    """The summaries of a run, and the questions that rules and callers ask of functions."""

    catalogue: Catalogue
    project: Project
    states: int = 0
    raising: Raising = field(init=False)
    owners: Owners = field(init=False)
    sketches: Sketches = field(init=False)
    incomplete: int = 0
    """answers given while what they rest on was still being found out: what was made of them is not kept"""
    _active: set[tuple[object, ...]] = field(default_factory=set)
    _beliefs: Beliefs = field(default_factory=Beliefs)

    def __post_init__(self) -> None:
        self.raising = Raising(self._resolve)
        self.owners = Owners(self)
        self.sketches = Sketches(self.catalogue, self.project, lambda module: self.memo(module).sketches)

    def memo(self, module: Module) -> Memo:
        """What is known of a module's functions and classes."""
        if not isinstance(module.memo, Memo):
            module.memo = Memo()
        return module.memo

    def classes(self, module: Module) -> ownership.Memo:
        """What is known of a module's classes."""
        return self.memo(module).classes

    def _resolve(self, call: ops.Call, module: Module, caller: str, places: Places | None = None) -> Target | None:
        """The project function that a call in `caller` reaches; `places` are those of the caller while they grow."""
        key = (caller, call.callee, call.name, call.method)
        targets = self.memo(module).targets
        if key not in targets:
            targets[key] = self.project.resolve(call, module, caller)
        target = targets[key]
        if target is None and call.receiver:
            places = places or self.memo(module).places.get(caller)
            target = self._method(places, call) if places is not None else None
        return target

    def _method(self, places: Places, call: ops.Call) -> Target | None:
        """The method of a project's class that a call on an instance of it reaches."""
        instances = self.sketches.instances
        classes = [instances[kind] for kind in places.of(call.receiver) if kind in instances]
        return self.project.method(*classes[0], call.method) if len(classes) == 1 else None

    # places

    def places(self, module: Module, cfg: Cfg) -> Places:
        """The types and relations of a function's places; module-level and enclosing names included."""
        key = (module, cfg.name)
        known = self.memo(module).places.get(cfg.name)
        if known is not None:
            return known
        if ("places", *key) in self._active:
            return Places(self.catalogue)
        self._active.add(("places", *key))
        around: dict[Place, frozenset[str]] = {}
        outer, separator, _ = cfg.name.rpartition(".<locals>.")
        enclosing = outer if separator else "<module>" if cfg.name != "<module>" else ""
        if enclosing and (separator or cfg.uses(module.variables)):
            graph = module.graph(enclosing)
            if graph is not None:
                around.update({p: k for p, k in self.places(module, graph).types.items() if p[0] not in "%#"})
        around.update(self.sketches.around(module, cfg))
        places = infer(cfg, self.catalogue, around, partial(self._returned_types, module, cfg), self.sketches.attribute)
        self._active.discard(("places", *key))
        self.memo(module).places[cfg.name] = places
        return places

    def _returned_types(self, module: Module, cfg: Cfg, call: ops.Call, places: Places) -> Mapping[str, frozenset[str]]:
        target = self._resolve(call, module, cfg.name, places)
        if target is not None and target.constructor and target.home is not None:
            return self.sketches.instance(target.home, target.constructor)
        if target is None or not self._may_give(target) or len(self._active) + len(self._beliefs.held) > DEPTH:
            return {}
        graph = target.module.graph(target.function)
        if graph is None:
            return {}
        kinds: dict[str, frozenset[str]] = {}
        for place, found in self.places(target.module, graph).types.items():
            if place.startswith(ops.RESULT):
                kinds[place[len(ops.RESULT) :]] = found
        return kinds

    # acquisitions

    def acquisitions(self, module: Module, cfg: Cfg) -> tuple[Found, ...]:
        """Every acquisition of a function, by the catalogue and by helpers that return a fresh resource."""
        key = (module, cfg.name)
        known = self.memo(module).found.get(cfg.name)
        if known is not None:
            return known
        if ("found", *key) in self._active:
            return ()
        self._active.add(("found", *key))
        incomplete = self.incomplete
        places = self.places(module, cfg)
        positions: dict[object, list[int]] = {}
        for position, op in enumerate(cfg.ops):
            if isinstance(op, ops.Call) and position in cfg.entered and position not in cfg.expected:
                positions.setdefault(op.node, []).append(position)
        found: list[Found] = []
        for node, where in positions.items():
            call = cfg.ops[where[0]]
            assert isinstance(call, ops.Call)
            for acquisition in places.acquisitions(call):
                found.append(Found(acquisition, node, tuple(where)))
            if not found or found[-1].node is not node:
                for returned in self._fresh(module, cfg, call):
                    acquisition = Acquisition(returned.resource, returned.part, returned.by_name)
                    found.append(Found(acquisition, node, tuple(where), returned))
        self._active.discard(("found", *key))
        if incomplete == self.incomplete:
            self.memo(module).found[cfg.name] = tuple(found)
        return tuple(found)

    def _fresh(self, module: Module, cfg: Cfg, call: ops.Call) -> tuple[Returned, ...]:
        target = self._resolve(call, module, cfg.name) or self._closure(module, cfg, call)
        if target is not None and target.constructor and target.home is not None:
            return self.owners.made(target.home, target.constructor, call)
        if target is None or not self._may_give(target) or len(self._active) + len(self._beliefs.held) > DEPTH:
            return ()
        graph = target.module.graph(target.function)
        if graph is None or (graph.asynchronous and call.discarded and not call.awaited):
            return ()
        returned = self.returns(target.module, graph)
        values = constants(target, graph, call) if returned else {}
        unique: dict[tuple[str, str], Returned] = {}
        for one in returned:
            if may_return(graph, values, one):
                unique.setdefault((one.resource.id, one.part), one)
        return tuple(unique.values())

    def _may_give(self, target: Target) -> bool:
        return not target.constructor and target.function.partition(".<locals>")[0] in target.module.gives()

    def returns(self, module: Module, cfg: Cfg) -> tuple[Returned, ...]:
        """The fresh resources that a function gives to its caller."""
        info = module.functions.get(cfg.name)
        if info is not None and (info.generator or self._decorated(info.decorators)):
            return ()
        returned: list[Returned] = []
        for found in self.acquisitions(module, cfg):
            try:
                result, _ = self.walk(module, cfg, found)
            except BudgetExceeded:
                continue
            if result.transferred_plainly and not result.returned_plainly:
                # It keeps what it opens, and only gives it away unkept when something has failed on the way.
                continue
            returning = frozenset(node for node, how in result.settled if how is Outcome.RETURNED)
            returned += [
                Returned(found.acquisition.resource, part, cfg.name, module, found, returning)
                for part in sorted(result.returned)
            ]
        return tuple(returned)

    def _decorated(self, decorators: tuple[str, ...]) -> bool:
        effects = (self.catalogue.functions.get(name) for name in decorators)
        return any(f is not None and f.effect in _KEEPING_DECORATORS for f in effects)

    def runs_once(self, module: Module, cfg: Cfg) -> bool:
        """Whether a decorator runs the function once and gives its callers what it kept."""
        info = module.functions.get(cfg.name)
        effects = (self.catalogue.functions.get(name) for name in (info.decorators if info is not None else ()))
        return any(function is not None and function.effect is Effect.CACHES for function in effects)

    # walks

    def context(self, module: Module, cfg: Cfg, resource: Resource, receiver: Place = "", own: Place = "") -> Context:
        """What the transfer function needs for obligations of `resource` in a function.

        `own` is the place of the method's own object when what is stored on it is to be followed.
        """
        places = self.places(module, cfg)
        owner: Resource | None = None
        if resource.owner and resource.owner_releases and receiver:
            kinds = [self.catalogue.by_type[k] for k in sorted(places.of(receiver)) if k in self.catalogue.by_type]
            owner = kinds[0] if kinds else self.catalogue.by_type.get(resource.owner)

        def effects_of(call: ops.Call, place: Place, kind: Resource) -> Effects | None:
            return self._effects(module, cfg, call, place, kind)

        def captured_fate(define: ops.Define, name: str) -> Fate:
            graph = cfg.nested.get(define.function)
            return self.fate(module, graph, name, resource) if graph is not None else Fate.BORROWS

        return Context(
            resource,
            places,
            cfg,
            effects_of,
            captured_fate,
            places.same(receiver) if receiver else frozenset(),
            owner,
            own,
            cfg.name.rpartition(".")[2] in CONSTRUCTING,
        )

    def walk(self, module: Module, cfg: Cfg, found: Found) -> tuple[Walk, Context]:
        """What becomes of an acquisition, and what was noted on the way. Raises BudgetExceeded."""
        acquisition = found.acquisition
        key = (cfg.name, found.node, acquisition.resource.id, acquisition.part)
        known = self.memo(module).walks.get(key)
        if known is not None:
            return known
        if (module, *key) in self._active:
            return Walk(), self.context(module, cfg, acquisition.resource)
        self._active.add((module, *key))
        incomplete = self.incomplete
        try:
            guards = self.memo(module).guards.get(cfg.name)
            if guards is None:
                guards = self.memo(module).guards[cfg.name] = must_guards(cfg)
            call = cfg.ops[found.positions[0]]
            assert isinstance(call, ops.Call)
            # What somebody else has made and the function opens and closes is the function's to close.
            own = own_object(module, cfg) if acquisition.resource.argument != "receiver" else ""
            context = self.context(module, cfg, acquisition.resource, call.receiver, own)
            starts = []
            for position in found.positions:
                call = cfg.ops[position]
                assert isinstance(call, ops.Call)
                if position not in guards:
                    continue
                born = Obligation(
                    frozenset((acquisition.place(call),)),
                    guards=guards[position],
                    dormant=bool(acquisition.resource.starts),
                )
                starts += [(t, born) for kind, t in cfg.successors[position] if kind is EdgeKind.NORMAL]
            result = walk(cfg, starts, context)
        finally:
            self._active.discard((module, *key))
        self.states += result.states
        if incomplete == self.incomplete:
            self.memo(module).walks[key] = (result, context)
        return result, context

    # effects of project functions

    def _effects(self, module: Module, cfg: Cfg, call: ops.Call, place: Place, resource: Resource) -> Effects | None:
        target = self._resolve(call, module, cfg.name) or self._closure(module, cfg, call)
        if target is None or len(self._active) + len(self._beliefs.held) > DEPTH:
            return None
        if not place:
            info = target.module.functions.get(target.function)
            returns = info is None or not info.never_returns
            return Effects(Fate.BORROWS, self.raising.target(target), returns)
        may_raise = self.raising.target(target)
        info = target.module.functions.get(target.function)
        if info is not None and info.abstract:
            # Whatever overrides it may keep what it gets: a static method does not get the object that it is called on.
            given = not info.static or any(ops.within(place, arg.place) for arg in call.args if arg.place)
            return Effects(Fate.STORES if given else Fate.BORROWS, may_raise)
        if target.constructor and not target.function:
            return Effects(Fate.STORES, may_raise)
        graph = target.module.graph(target.function)
        if graph is None:
            return None
        parameter = parameter_of(target, graph, call, place)
        if parameter is None:
            return Effects(Fate.STORES, may_raise)
        fate = self.fate(target.module, graph, parameter, resource)
        if target.constructor and fate is Fate.STORES and self.owners.holds(target, graph, parameter, resource):
            fate = Fate.HOLDS
        info = target.module.functions.get(target.function)
        if info is not None and info.generator and fate is not Fate.STORES:
            # A generator that is handed the resource works with it when it is iterated.
            fate = Fate.RETURNS if fate is Fate.BORROWS else fate
        return Effects(fate, may_raise)

    def _closure(self, module: Module, cfg: Cfg, call: ops.Call) -> Target | None:
        """The nested function or lambda that a variable holds."""
        if call.method != "__call__":
            return None
        define = self.places(module, cfg).closures.get(call.receiver)
        return Target(module, define.function) if define is not None else None

    def fate(self, module: Module, cfg: Cfg, name: Place, resource: Resource) -> Fate:
        """What a function does with a resource of this kind in a parameter or captured name. Raises BudgetExceeded."""
        key = (cfg.name, name, resource.id)
        known = self.memo(module).fates.get(key)
        if known is not None:
            return known
        find = partial(self._fate, module, cfg, name, resource)
        fate, final = self._beliefs.fate((module, *key), find)
        if final:
            self.memo(module).fates[key] = fate
        return fate

    def _fate(self, module: Module, cfg: Cfg, name: Place, resource: Resource) -> Fate:
        return _judge(
            self._given(cfg, name, self.context(module, cfg, resource)), resource.runs and RETURN in cfg.entered
        )

    def stored(self, module: Module, cfg: Cfg, name: Place, resource: Resource, own: Place) -> set[str]:
        """The attributes of the method's own object on which it stores a resource that it is given.

        Raises BudgetExceeded.
        """
        context = self.context(module, cfg, resource, own=own)
        self._given(cfg, name, context)
        return context.notes.fields

    def _given(self, cfg: Cfg, name: Place, context: Context) -> Walk:
        """What becomes of a resource that the function is given at `name`."""
        # Who is given the object that carries the resource in an attribute may be given the resource itself, too.
        parts = (part for part in context.resource.parts if part.startswith("."))
        names = frozenset((name, *(f"{name}{part}" for part in parts)))
        starts = [(t, Obligation(names)) for _, t in cfg.successors[ENTRY]]
        return walk(cfg, starts, context)


def _judge(result: Walk, waits: bool) -> Fate:
    normal = [e for e in result.endings if e.exit is LeakExit.RETURN]
    raising = [e for e in result.endings if e.exit is LeakExit.RAISE]
    if result.returned:
        return Fate.RETURNS
    if result.transferred:
        return Fate.STORES
    if not result.released:
        # What returns, and never while the work goes on, has waited for its end: ``while child.is_alive(): ...``.
        return Fate.BORROWS if len(raising) < len(result.endings) or not waits else Fate.CLOSES_NORMALLY
    if not normal:
        return Fate.CLOSES_NORMALLY if raising else Fate.CLOSES
    return Fate.CLOSES_SOMETIMES


__all__ = ["Found", "Returned", "Summaries"]
