"""Modules, functions and what a call means: the interface by which summaries reach other functions.

A `Module` knows its functions and their graphs, lowered when first asked for. `resolve` finds the project function
behind a call: a function of the module, a nested one, a method through ``self``, ``cls`` or the class, a constructor.
Modules of other files come through `load`, an argument: this layer reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from leaklint.catalogue.model import Catalogue
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg

_MAX_HOPS = 8
"""re-exports that are followed"""


@dataclass(frozen=True, slots=True)
class FunctionInfo:
    """What is known of a function without lowering it: `decorators` are dotted, `owner` is the class around it."""

    name: str
    """qualified: ``Class.method``, ``outer.<locals>.inner``"""
    owner: str = ""
    decorators: tuple[str, ...] = ()
    asynchronous: bool = False
    generator: bool = False
    quiet: bool | None = None
    """whether it can be told without lowering that no exception leaves it (True) or that one may (False)"""
    never_returns: bool = False
    """every way through it ends in a raise"""
    abstract: bool = False
    """a method that is there to be overridden: what it does says nothing"""
    attributes: frozenset[str] = frozenset()
    """attributes of ``self`` that it mentions"""
    defaults: Mapping[str, object] = field(default_factory=dict)
    """parameters whose default is a literal, and its value"""

    @property
    def static(self) -> bool:
        """Whether it is a static method."""
        return "staticmethod" in self.decorators


_PLAIN = frozenset(
    {"object", "abc.ABC", "typing.Generic", "typing.Protocol", "typing_extensions.Protocol", "Exception"}
    | {"contextlib.AbstractContextManager", "contextlib.AbstractAsyncContextManager", "contextlib.ContextDecorator"}
)
"""bases that do nothing with what their subclasses store"""
_MAX_ANCESTORS = 16


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """A class of the module: its bases as dotted or local names, and its methods."""

    name: str
    bases: tuple[str, ...] = ()
    methods: frozenset[str] = frozenset()


@dataclass(eq=False, slots=True)
class Module:
    """One module. `lower` gives the graph of a function by its qualified name (``<module>`` for the module's own code)
    and may raise; failures are remembered in `failed` and the function counts as unknown."""

    name: str
    catalogue: Catalogue
    functions: Mapping[str, FunctionInfo]
    classes: Mapping[str, ClassInfo]
    lower: Callable[[str], Cfg]
    imports: Mapping[str, str] = field(default_factory=dict)
    """dotted meaning of the names it imports"""
    variables: frozenset[str] = frozenset()
    """names that the module's own code assigns"""
    gives: Callable[[], frozenset[str]] = frozenset
    """functions that may acquire something, or call one that does: only these can return a fresh resource"""
    starred: Callable[[str], str] = lambda name: ""
    """the dotted name behind a name that it has from a star import"""
    _graphs: dict[str, Cfg] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    home: object = None
    """whoever made the module: its file"""
    memo: object = None
    """summaries of its functions, kept by whoever makes them"""
    raises: dict[str, bool] = field(default_factory=dict)
    """whether an exception can leave a function, kept by whoever found out"""

    def graph(self, function: str) -> Cfg | None:
        """The graph of a function, None when it cannot be had."""
        known = self._graphs.get(function)
        if known is not None or function in self.failed:
            return known
        try:
            cfg = self.lower(function)
        except Exception as problem:
            self.failed[function] = problem
            return None
        self._graphs[function] = cfg
        for nested in cfg.walk_nested():
            self._graphs.setdefault(nested.name, nested)
        return cfg

    def forget(self) -> None:
        """Drop all graphs."""
        self._graphs.clear()
        self.failed.clear()

    @property
    def graphs(self) -> Iterable[Cfg]:
        """The graphs lowered so far."""
        return list(self._graphs.values())


@dataclass(frozen=True, slots=True)
class Target:
    """The project function behind a call; `bound` when its first parameter is already given (``self``)."""

    module: Module
    function: str
    bound: bool = False
    constructor: str = ""
    """the class, when the call makes an instance"""
    home: Module | None = None
    """the module of that class, which may have its constructor from another one"""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A class in a lineage; `foreign` when one of its bases is not the project's and may do anything."""

    module: Module
    info: ClassInfo
    foreign: bool


@dataclass(eq=False, slots=True)
class Project:
    """All modules of a run. `load` finds a module by its dotted name, seen from a module; None when it is not ours."""

    load: Callable[[Module, str], Module | None] = lambda module, name: None

    def resolve(self, call: ops.Call, module: Module, caller: str) -> Target | None:
        """The project function that a call in `caller` reaches, if it can be told."""
        if call.callee:
            return self._imported(call.callee, module)
        name = call.name
        if not name:
            return None
        if "." not in name:
            return self._local(name, module, caller)
        receiver, _, method = name.rpartition(".")
        info = module.functions.get(caller.partition(".<locals>")[0])
        if receiver in ("self", "cls") and info is not None and info.owner:
            return self.method(module, info.owner, method)
        return self._on_class(module, receiver, method) if receiver in module.classes else None

    def _on_class(self, module: Module, owner: str, method: str) -> Target | None:
        """``Class.method``: only a class method gets its first parameter from the class."""
        found = self.method(module, owner, method)
        if found is None:
            return None
        bound = "classmethod" in found.module.functions[found.function].decorators
        return Target(found.module, found.function, bound)

    def _local(self, name: str, module: Module, caller: str) -> Target | None:
        scope = caller
        while scope:
            nested = f"{scope}.<locals>.{name}"
            if nested in module.functions or any(g.name == nested for g in module.graphs):
                return Target(module, nested)
            scope = scope.rpartition(".<locals>.")[0]
        if name in module.functions:
            return Target(module, name)
        if name in module.classes:
            return self._constructor(module, name)
        info = module.functions.get(caller.partition(".<locals>")[0])
        if name == "cls" and info is not None and info.owner:
            return self._constructor(module, info.owner)
        return None

    def _constructor(self, module: Module, name: str) -> Target:
        """The constructor of a class; without one of our own (a dataclass, a foreign base) the function is empty."""
        found = self.method(module, name, "__init__")
        if found is None:
            return Target(module, "", True, name, module)
        return Target(found.module, found.function, True, name, module)

    def lineage(self, module: Module, owner: str) -> tuple[Ancestor, ...]:
        """A class and its base classes, itself first, as far as they are the project's."""
        found: list[Ancestor] = []
        waiting = [(module, owner)]
        while waiting and len(found) < _MAX_ANCESTORS:
            home, name = waiting.pop(0)
            info = home.classes.get(name)
            if info is None or any(a.module is home and a.info is info for a in found):
                continue
            foreign = False
            for base in info.bases:
                if base in home.classes:
                    waiting.append((home, base))
                elif (target := self._imported(base, home)) is not None and target.home is not None:
                    waiting.append((target.home, target.constructor))
                else:
                    foreign |= base not in _PLAIN
            found.append(Ancestor(home, info, foreign))
        return tuple(found)

    def method(self, module: Module, owner: str, method: str, depth: int = 0) -> Target | None:
        """The method of a class, or of the nearest base class that has it."""
        info = module.classes.get(owner)
        if info is None or depth > 8:
            return None
        if method in info.methods:
            name = f"{owner}.{method}"
            function = module.functions.get(name)
            return Target(module, name, bound=function is None or not function.static)
        for base in info.bases:
            found = self.method(module, base, method, depth + 1) or self._inherited(module, base, method, depth + 1)
            if found is not None:
                return found
        return None

    def _inherited(self, module: Module, base: str, method: str, depth: int) -> Target | None:
        """A method of a base class that another module defines."""
        path, _, name = base.rpartition(".")
        other = self.load(module, path) if path else None
        return self.method(other, name, method, depth) if other is not None and other is not module else None

    def variable(self, name: str, module: Module, hops: int = 0) -> tuple[Module, str] | None:
        """The module that has the variable behind a dotted name, through re-exports, and what it calls it there."""
        path, _, last = name.rpartition(".")
        other = self.load(module, path) if path.strip(".") else None
        if other is None or other is module or hops > _MAX_HOPS:
            return None
        if last in other.variables:
            return other, last
        meaning = other.imports.get(last) or other.starred(last)
        return self.variable(meaning, other, hops + 1) if meaning else None

    def _imported(self, callee: str, module: Module, hops: int = 0) -> Target | None:
        """The function behind a dotted name: of the longest beginning that is a module, through re-exports."""
        path, _, name = callee.rpartition(".")
        rest = [name]
        other = None
        while path.strip(".") or path:
            other = self.load(module, path)
            if other is not None or "." not in path.strip("."):
                break
            path, _, name = path.rpartition(".")
            rest.insert(0, name)
        if other is None or other is module or hops > _MAX_HOPS:
            return None
        if len(rest) == 1:
            found = self._local(rest[0], other, "")
            if found is not None:
                return found
        elif len(rest) == 2 and rest[0] in other.classes:
            return self._on_class(other, rest[0], rest[1])
        meaning = other.imports.get(rest[0]) or other.starred(rest[0])
        return self._imported(".".join([meaning, *rest[1:]]), other, hops + 1) if meaning else None
