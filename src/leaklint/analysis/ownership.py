"""Classes that own: which attributes of their objects hold a fresh resource, and what releases them.

A class that stores a fresh resource on ``self`` and has a method that releases it is a resource itself: whoever makes
an object of it owes that method. Example::

    class Database:
        def __init__(self):
            self.conn = psycopg2.connect(DSN)       a field: ``conn``
        def close(self):
            self.conn.close()                       releases it, so ``Database()`` acquires and ``close`` releases
        def __exit__(self, *exc):
            self.close()                            so does leaving a ``with``

Without such a method nobody can give the connection back, and the class is to blame. What an object is given (a
parameter stored on ``self``) is borrowed: it stays with whoever acquired it. An attribute may hold what opens nothing
before it is told to (an ``SSHClient``, an object that connects at its first query): then the methods that tell it open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

from leaklint.analysis.acquired import Found, Returned
from leaklint.analysis.facts import Kept
from leaklint.analysis.fields import (
    ENTERING,
    EXITS,
    FINALISER,
    MAKING,
    Field,
    FieldFate,
    Owner,
    avoidable,
    is_kept,
    plain,
)
from leaklint.analysis.obligation import Context, Fate
from leaklint.analysis.project import Ancestor, FunctionInfo, Module, Project, Target
from leaklint.analysis.tracker import BudgetExceeded, Walk
from leaklint.catalogue.model import Exit, Resource, Step
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.ops import Place

_WITH = " with its "
_RELEASING = frozenset({Fate.CLOSES, Fate.CLOSES_NORMALLY, Fate.CLOSES_SOMETIMES})
_LEAKING_AWAY = frozenset({Fate.RETURNS, Fate.STORES})


@dataclass(eq=False, slots=True)
class Memo:
    """What is known of the classes of one module."""

    fields: dict[str, tuple[Field, ...]] = field(default_factory=dict)
    fates: dict[tuple[str, str, str], FieldFate] = field(default_factory=dict)
    """by class, field and resource"""
    owners: dict[str, Owner | None] = field(default_factory=dict)


class Functions(Protocol):
    """What is asked of functions: `leaklint.analysis.summary` answers."""

    project: Project
    incomplete: int

    def classes(self, module: Module) -> Memo:
        """What is known of the classes of a module."""

    def acquisitions(self, module: Module, cfg: Cfg) -> tuple[Found, ...]:
        """The acquisitions of a function."""

    def walk(self, module: Module, cfg: Cfg, found: Found) -> tuple[Walk, Context]:
        """What becomes of one. Raises BudgetExceeded."""

    def fate(self, module: Module, cfg: Cfg, name: Place, resource: Resource) -> Fate:
        """What a function does with a resource in a place. Raises BudgetExceeded."""

    def stored(self, module: Module, cfg: Cfg, name: Place, resource: Resource, own: Place) -> set[str]:
        """The attributes of its own object on which a method stores what it is given. Raises BudgetExceeded."""


def instance_type(module: Module, owner: str) -> str:
    """The type that instances of a project's class have in places."""
    return f"{module.name}:{owner}"


def own_object(module: Module, cfg: Cfg) -> Place:
    """The first parameter of an instance method, an empty string for other functions."""
    info = module.functions.get(cfg.name)
    if info is None or not info.owner or not cfg.parameters or not cfg.positional:
        return ""
    return "" if info.static or "classmethod" in info.decorators else cfg.parameters[0]


@dataclass(eq=False, slots=True)
class Owners:
    """The questions about classes; answers are kept with the module of the class."""

    functions: Functions
    _active: set[tuple[Module, str]] = field(default_factory=set)

    # what a class has

    def fields(self, module: Module, owner: str) -> tuple[Field, ...]:
        """The attributes that methods of a class, or of its base classes, fill with what they acquire."""
        memo = self.functions.classes(module).fields
        known = memo.get(owner)
        if known is not None:
            return known
        if (module, owner) in self._active:
            self.functions.incomplete += 1
            return ()
        self._active.add((module, owner))
        incomplete = self.functions.incomplete
        try:
            found = tuple(f for a in self.functions.project.lineage(module, owner) for f in self._of_methods(a))
        finally:
            self._active.discard((module, owner))
        if incomplete == self.functions.incomplete:
            memo[owner] = found
        return found

    def _of_methods(self, ancestor: Ancestor) -> Iterable[Field]:
        module, gives = ancestor.module, ancestor.module.gives()
        for method in sorted(ancestor.info.methods):
            name = f"{ancestor.info.name}.{method}"
            graph = module.graph(name) if name in gives else None
            if graph is None or not own_object(module, graph):
                continue
            for found in self.functions.acquisitions(module, graph):
                try:
                    _, context = self.functions.walk(module, graph, found)
                except BudgetExceeded:
                    continue
                conditional, fields = avoidable(graph, found.positions), context.notes.fields
                for attribute in plain(fields | context.notes.dormant):
                    yield Field(attribute, module, name, found, conditional, attribute not in fields)

    def field_fate(self, module: Module, owner: str, name: str, resource: Resource) -> FieldFate:
        """What the methods of a class and its bases do with what the attribute `name` holds."""
        memo = self.functions.classes(module).fates
        key = (owner, name, resource.id)
        known = memo.get(key)
        if known is None:
            known = memo[key] = self._field_fate(module, owner, name, resource)
        return known

    def _field_fate(self, module: Module, owner: str, name: str, resource: Resource) -> FieldFate:
        methods = self._methods(module, owner)
        releasing: list[str] = []
        wanted, shared = {name}, False
        waiting = {m: (home, info) for m, (home, info) in methods.items() if m not in MAKING}
        while reached := [m for m, (_, info) in waiting.items() if info.attributes & wanted]:
            for method in reached:
                home, info = waiting.pop(method)
                fate = self._fate(home, info, name, resource)
                # What a base class calls may be overridden: ``self.close()`` is that of the class in question.
                if fate in _RELEASING or not info.attributes.isdisjoint(releasing):
                    releasing.append(method)
                    wanted.add(method)
                else:
                    shared |= fate in _LEAKING_AWAY
        methods_of_use = sorted((m for m in releasing if m != FINALISER), key=_order)
        return FieldFate(tuple(methods_of_use), FINALISER in releasing, shared)

    def _methods(self, module: Module, owner: str) -> dict[str, tuple[Module, FunctionInfo]]:
        """The methods that objects of a class have, each the nearest of its name."""
        found: dict[str, tuple[Module, FunctionInfo]] = {}
        for ancestor in self.functions.project.lineage(module, owner):
            for method in sorted(ancestor.info.methods):
                info = ancestor.module.functions.get(f"{ancestor.info.name}.{method}")
                if info is not None:
                    found.setdefault(method, (ancestor.module, info))
        return found

    def _fate(self, module: Module, info: FunctionInfo, name: str, resource: Resource) -> Fate:
        graph = module.graph(info.name)
        own = own_object(module, graph) if graph is not None else ""
        if graph is None or not own:
            return Fate.BORROWS
        try:
            return self.functions.fate(module, graph, f"{own}.{name}", resource)
        except BudgetExceeded:
            return Fate.STORES

    # the class as a resource

    def made(self, module: Module, owner: str, call: ops.Call) -> tuple[Returned, ...]:
        """What a call of the class gives: an object that has to be released, or nothing to care for."""
        found = self.owner(module, owner)
        if found is None or (found.conditional and call.args):
            return ()
        main = found.fields[0]
        return (Returned(found.resource, "", main.method, main.module, main.found),)

    def owner(self, module: Module, owner: str) -> Owner | None:
        """The class as a resource; None when its objects own nothing that a method of theirs releases."""
        memo = self.functions.classes(module).owners
        if owner in memo:
            return memo[owner]
        incomplete = self.functions.incomplete
        found = self._owner(module, owner)
        if incomplete == self.functions.incomplete:
            memo[owner] = found
        return found

    def _owner(self, module: Module, owner: str) -> Owner | None:
        if self._hands_itself_out(module, owner):
            return None
        owed = [f for f in self.fields(module, owner) if is_kept(f.resource)]
        fates = {f: self.field_fate(module, owner, f.name, f.resource) for f in owed}
        owed = sorted((f for f in owed if fates[f].methods), key=lambda f: f.weight)
        opening = {f.opener for f in owed if not f.dormant}
        waking = {m for f in owed if f.dormant for m in self._waking(module, owner, f.name, f.resource)}
        owed = [f for f in owed if not f.dormant or waking]
        if not owed or opening | waking <= ENTERING:
            return None
        common = set.intersection(*(set(fates[f].methods) for f in owed))
        releasing = [m for m in fates[owed[0]].methods if m in common] or list(fates[owed[0]].methods)
        resource = self._resource(module, owner, owed, releasing)
        made = [f for f in owed if f.opener in MAKING]
        if all(f.dormant for f in made):
            resource = replace(resource, starts=tuple(sorted(self._starting(module, owner, opening | waking))))
        return Owner(resource, tuple(owed), bool(made) and all(f.conditional for f in made))

    def _hands_itself_out(self, module: Module, owner: str) -> bool:
        """Whether a constructor gives the object, or a method of it, to somebody who may keep it and release it."""
        methods = self._methods(module, owner)
        for name in MAKING & methods.keys():
            home, info = methods[name]
            graph = home.graph(info.name)
            own = own_object(home, graph) if graph is not None else ""
            if graph is None or not own:
                continue
            handed = {own, *(f"{own}.{method}" for method in methods)}
            for op in graph.ops:
                if isinstance(op, ops.Call) and op.method not in MAKING and any(a.place in handed for a in op.args):
                    return True
        return False

    def _resource(self, module: Module, owner: str, owed: list[Field], releasing: list[str]) -> Resource:
        main = owed[0].resource
        methods = self._methods(module, owner)
        steps: list[tuple[Step, ...]] = [
            (Step(m, "method", methods[m][1].asynchronous),) for m in releasing if m not in EXITS
        ]
        if len({f.name for f in owed}) == 1:
            steps += [
                tuple(replace(step, call=f"{owed[0].name}.{step.call}") for step in alternative)
                for alternative in main.release
                if all(step.form == "method" for step in alternative)
            ]
        noun = f"`{owner}`{_WITH}{main.noun.rpartition(_WITH)[2]}"
        return Resource(
            id=f"{main.id.partition('@')[0]}@{instance_type(module, owner)}",
            kind=main.kind,
            noun=noun,
            package=main.package,
            type=instance_type(module, owner),
            acquire=(),
            release=tuple(steps),
            with_=_exit("__exit__", releasing, methods),
            async_with=_exit("__aexit__", releasing, methods),
            with_also="does what its `__exit__` does",
            again="raises",
            tier=min((f.resource.tier for f in owed), key=lambda tier: tier.value),
            server=main.server,
            threads=main.threads,
            descriptors=main.descriptors,
            runs=main.runs,
            cache=main.cache,
        )

    def _waking(self, module: Module, owner: str, name: str, resource: Resource) -> set[str]:
        """The methods that make what the attribute `name` holds open something."""
        found: set[str] = set()
        for method, (home, info) in self._methods(module, owner).items():
            graph = home.graph(info.name) if name in info.attributes else None
            place = f"{own_object(home, graph)}.{name}" if graph is not None else ""
            for op in graph.ops if graph is not None else ():
                if isinstance(op, ops.Call) and op.receiver == place and op.method in resource.starts:
                    found.add(method)
        return found

    def _starting(self, module: Module, owner: str, opening: set[str]) -> set[str]:
        """The methods that open a field, themselves or by calling another method that does."""
        found = set(opening)
        methods = self._methods(module, owner)
        while more := {m for m, (_, info) in methods.items() if m not in found and info.attributes & found}:
            found |= more
        return found

    # what a class keeps

    def holds(self, target: Target, graph: Cfg, parameter: Place, resource: Resource) -> bool:
        """Whether a constructor only stores what it is given, in a class none of whose methods releases it."""
        if target.home is None:
            return False
        own = own_object(target.module, graph)
        lineage = self.functions.project.lineage(target.home, target.constructor)
        if not own or any(a.foreign for a in lineage):
            return False
        names = self.functions.stored(target.module, graph, parameter, resource, own)
        fates = [self.field_fate(target.home, target.constructor, name, resource) for name in plain(names)]
        return len(fates) == len(names) > 0 and not any(v.methods or v.finaliser or v.shared for v in fates)

    def keeps(self, module: Module, cfg: Cfg, walk: Walk, context: Context) -> Kept | None:
        """What a method stores on its object where no method of the class gives it back; None when one does."""
        info, resource = module.functions.get(cfg.name), context.resource
        notes = context.notes
        if info is None or walk.released or not notes.fields | notes.dormant or not is_kept(resource):
            return None
        foreign = any(a.foreign for a in self.functions.project.lineage(module, info.owner))
        for name in plain(notes.fields | notes.dormant):
            if name not in notes.fields and not self._waking(module, info.owner, name, resource):
                continue
            found = self.field_fate(module, info.owner, name, resource)
            if not found.methods and not found.shared:
                return Kept(info.owner, name, found.finaliser, foreign)
        return None


def _order(method: str) -> tuple[bool, bool, str]:
    """``close`` before other names, and exits last."""
    return method in EXITS, method not in ("close", "aclose"), method


def _exit(name: str, releasing: list[str], methods: dict[str, tuple[Module, FunctionInfo]]) -> Exit:
    if name in releasing:
        return Exit.RELEASES
    return Exit.NOTHING if name in methods else Exit.UNSUPPORTED
