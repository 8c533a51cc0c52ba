"""Summaries on demand: what a function does with its parameters, what it returns, whether it may raise.

A parameter is a resource acquired at entry: the walk that finds leaks also tells the fate of an argument, for the very
resource that the caller passes. Everything is memoised by function, place and resource; a function that is being
summarised already (recursion) counts as one that closes its argument, returns nothing fresh and may raise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leaklint.analysis.facts import LeakExit
from leaklint.analysis.obligation import Context, Effects, Fate, Obligation
from leaklint.analysis.project import Module, Project, Target
from leaklint.analysis.tracker import BudgetExceeded, Walk, must_guards, walk
from leaklint.analysis.types import Acquisition, Places, infer
from leaklint.catalogue.model import Catalogue, Effect, Resource
from leaklint.flow import ops
from leaklint.flow.cfg import ENTRY, RAISE, Cfg, EdgeKind
from leaklint.flow.ops import Place

_DEPTH = 24
"""calls of calls that are followed"""


@dataclass(frozen=True, slots=True)
class Returned:
    """A fresh resource that a function returns in `part` of its result, and where it is acquired."""

    resource: Resource
    part: str
    function: str
    node: object
    module: Module
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One acquisition in a function: the call's nodes in the graph (copies of a finally repeat it)."""

    acquisition: Acquisition
    node: object
    positions: tuple[int, ...]
    helper: Returned | None = None


@dataclass(eq=False, slots=True)
class _Memo:
    """What is known of the functions of one module; it goes when the module goes."""

    places: dict[str, Places] = field(default_factory=dict)
    found: dict[str, tuple[Found, ...]] = field(default_factory=dict)
    walks: dict[tuple[str, object, str, str], tuple[Walk, Context]] = field(default_factory=dict)
    fates: dict[tuple[str, Place, str], Fate] = field(default_factory=dict)
    raises: dict[str, bool] = field(default_factory=dict)
    guards: dict[str, Mapping[int, frozenset[tuple[str, bool]]]] = field(default_factory=dict)
    targets: dict[tuple[str, str, str, str], Target | None] = field(default_factory=dict)


def _memo(module: Module) -> _Memo:
    if not isinstance(module.memo, _Memo):
        module.memo = _Memo()
    return module.memo


@dataclass(eq=False, slots=True)
class Summaries:
    """The summaries of a run, and the questions that rules and callers ask of functions."""

    catalogue: Catalogue
    project: Project
    states: int = 0
    _active: set[tuple[object, ...]] = field(default_factory=set)
    _assumed: dict[tuple[object, ...], Fate] = field(default_factory=dict)
    """what is believed of the functions that are being summarised"""
    _leaned_on: set[tuple[object, ...]] = field(default_factory=set)
    """beliefs that somebody used: what rests on them is not final"""

    def _resolve(self, call: ops.Call, module: Module, caller: str) -> Target | None:
        key = (caller, call.callee, call.name, call.method)
        targets = _memo(module).targets
        if key not in targets:
            targets[key] = self.project.resolve(call, module, caller)
        return targets[key]

    # places

    def places(self, module: Module, cfg: Cfg) -> Places:
        """The types and relations of a function's places; module-level and enclosing names included."""
        key = (module, cfg.name)
        known = _memo(module).places.get(cfg.name)
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
        places = infer(cfg, self.catalogue, around, lambda call: self._returned_types(module, cfg, call))
        self._active.discard(("places", *key))
        _memo(module).places[cfg.name] = places
        return places

    def _returned_types(self, module: Module, cfg: Cfg, call: ops.Call) -> Mapping[str, frozenset[str]]:
        target = self._resolve(call, module, cfg.name)
        if target is None or not self._may_give(target) or len(self._active) + len(self._assumed) > _DEPTH:
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
        known = _memo(module).found.get(cfg.name)
        if known is not None:
            return known
        if ("found", *key) in self._active:
            return ()
        self._active.add(("found", *key))
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
        _memo(module).found[cfg.name] = tuple(found)
        return tuple(found)

    def _fresh(self, module: Module, cfg: Cfg, call: ops.Call) -> tuple[Returned, ...]:
        target = self._resolve(call, module, cfg.name) or self._closure(module, cfg, call)
        if target is None or not self._may_give(target) or len(self._active) + len(self._assumed) > _DEPTH:
            return ()
        graph = target.module.graph(target.function)
        if graph is None or (graph.asynchronous and call.discarded and not call.awaited):
            return ()
        return self.returns(target.module, graph)

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
            resource = found.acquisition.resource
            for part in sorted(result.returned):
                returned.append(Returned(resource, part, cfg.name, found.node, module, found.acquisition.by_name))
        unique = {(r.resource.id, r.part): r for r in reversed(returned)}
        return tuple(reversed(unique.values()))

    def _decorated(self, decorators: tuple[str, ...]) -> bool:
        effects = (self.catalogue.functions.get(name) for name in decorators)
        return any(f is not None and f.effect in (Effect.CACHES, Effect.GIVES_BACK) for f in effects)

    # walks

    def context(self, module: Module, cfg: Cfg, resource: Resource, receiver: Place = "") -> Context:
        """What the transfer function needs for obligations of `resource` in a function."""
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
        )

    def walk(self, module: Module, cfg: Cfg, found: Found) -> tuple[Walk, Context]:
        """What becomes of an acquisition, and what was noted on the way. Raises BudgetExceeded."""
        acquisition = found.acquisition
        key = (cfg.name, found.node, acquisition.resource.id, acquisition.part)
        known = _memo(module).walks.get(key)
        if known is not None:
            return known
        if (module, *key) in self._active:
            return Walk(), self.context(module, cfg, acquisition.resource)
        self._active.add((module, *key))
        try:
            guards = _memo(module).guards.get(cfg.name)
            if guards is None:
                guards = _memo(module).guards[cfg.name] = must_guards(cfg)
            call = cfg.ops[found.positions[0]]
            assert isinstance(call, ops.Call)
            context = self.context(module, cfg, acquisition.resource, call.receiver)
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
        _memo(module).walks[key] = (result, context)
        return result, context

    # effects of project functions

    def _effects(self, module: Module, cfg: Cfg, call: ops.Call, place: Place, resource: Resource) -> Effects | None:
        target = self._resolve(call, module, cfg.name) or self._closure(module, cfg, call)
        if target is None or len(self._active) + len(self._assumed) > _DEPTH:
            return None
        if not place:
            info = target.module.functions.get(target.function)
            returns = info is None or not info.never_returns
            return Effects(Fate.BORROWS, self._target_raises(target), returns)
        may_raise = self._target_raises(target)
        info = target.module.functions.get(target.function)
        if info is not None and info.abstract:
            return Effects(Fate.STORES, may_raise)
        if target.constructor and not target.function:
            return Effects(Fate.STORES, may_raise)
        graph = target.module.graph(target.function)
        if graph is None:
            return None
        parameter = _parameter(target, graph, call, place)
        if parameter is None:
            return Effects(Fate.STORES, may_raise)
        fate = self.fate(target.module, graph, parameter, resource)
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
        known = _memo(module).fates.get(key)
        if known is not None:
            return known
        asked = ("fate", module, *key)
        if asked in self._assumed:
            self._leaned_on.add(asked)
            return self._assumed[asked]
        # A recursive call is first believed to release: the paths that end decide. Where they do not, it borrows.
        for assumption in (Fate.CLOSES, Fate.BORROWS):
            self._assumed[asked] = assumption
            self._leaned_on.discard(asked)
            try:
                fate = self._fate(module, cfg, name, resource)
            finally:
                del self._assumed[asked]
            if asked not in self._leaned_on or fate in (Fate.CLOSES, Fate.CLOSES_NORMALLY):
                break
        self._leaned_on.discard(asked)
        if not self._leaned_on:
            _memo(module).fates[key] = fate
        return fate

    def _fate(self, module: Module, cfg: Cfg, name: Place, resource: Resource) -> Fate:
        context = self.context(module, cfg, resource)
        # Who is given the object that carries the resource in an attribute may be given the resource itself, too.
        names = frozenset((name, *(f"{name}{part}" for part in resource.parts if part.startswith("."))))
        starts = [(t, Obligation(names)) for _, t in cfg.successors[ENTRY]]
        return _judge(walk(cfg, starts, context), name)

    def may_raise(self, module: Module, cfg: Cfg) -> bool:
        """Whether an exception can leave the function."""
        key = (module, cfg.name)
        known = _memo(module).raises.get(cfg.name)
        if known is not None:
            return known
        if ("raises", *key) in self._active:
            return True
        self._active.add(("raises", *key))
        seen = {ENTRY}
        stack = [ENTRY]
        while stack and RAISE not in seen:
            node = stack.pop()
            for kind, target in cfg.successors[node]:
                if target in seen or (kind is not EdgeKind.NORMAL and not self._raising(module, cfg, cfg.ops[node])):
                    continue
                seen.add(target)
                stack.append(target)
        self._active.discard(("raises", *key))
        _memo(module).raises[cfg.name] = RAISE in seen
        return RAISE in seen

    def _raising(self, module: Module, cfg: Cfg, op: ops.Op) -> bool:
        if isinstance(op, ops.Event):
            return op.use is not ops.Use.ITERATE and op.use is not ops.Use.YIELD
        if not isinstance(op, ops.Call):
            return True
        if op.method in ("close", "aclose"):
            return False
        target = self._resolve(op, module, cfg.name)
        return target is None or self._target_raises(target)

    def _target_raises(self, target: Target) -> bool:
        info = target.module.functions.get(target.function)
        if info is not None and info.quiet is not None:
            return not info.quiet
        graph = target.module.graph(target.function) if target.function and len(self._active) <= _DEPTH else None
        return graph is None or self.may_raise(target.module, graph)


def _judge(result: Walk, name: Place) -> Fate:
    normal = [e for e in result.endings if e.exit is LeakExit.RETURN]
    raising = [e for e in result.endings if e.exit is LeakExit.RAISE]
    if result.returned:
        return Fate.RETURNS
    if result.transferred:
        return Fate.STORES
    if not result.released:
        return Fate.BORROWS
    if not normal:
        return Fate.CLOSES_NORMALLY if raising else Fate.CLOSES
    return Fate.CLOSES_SOMETIMES


def _parameter(target: Target, cfg: Cfg, call: ops.Call, place: Place) -> Place | None:
    """The place in the function that receives `place`: a parameter or an element of a starred one; None when it
    cannot be told."""
    for arg in call.args:
        if arg.place != place:
            continue
        if arg.key.isdigit():
            index = int(arg.key) + target.bound
            return cfg.parameters[index] if index < cfg.positional else _element(cfg.rest[0])
        if arg.key in cfg.parameters:
            return arg.key
        return _element(cfg.rest[1]) if arg.key not in ("*", "**") else None
    return None


def _element(name: str) -> Place | None:
    return f"{name}[]" if name else None


__all__ = ["Found", "Returned", "Summaries"]
