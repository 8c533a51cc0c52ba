"""What a place may hold, seen without regard to order: types, identities, and what is private to the function.

Types are canonical dotted names of the catalogue. They come from acquisitions, from makers of known values, from
annotations and from project functions, and spread along bindings until nothing changes. *Twins* are places that may
name one object; *ancestors* are the places whose methods made a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from leaklint.catalogue.model import Catalogue, Condition, Effect, Function, Resource
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.ops import UNKNOWN, Place, root_of

MEMORY = "<memory>"
"""the type of an in-memory buffer"""
_FILES = frozenset({"file", "temporary", "compressed", "archive-member", "response", "stream"})
_ROUNDS = 12

Types = Mapping[Place, frozenset[str]]
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Acquisition:
    """A call acquires `part` of its result as `resource`; `by_name` when only the receiver's name says so."""

    resource: Resource
    part: str
    by_name: bool = False

    def place(self, call: ops.Call) -> Place:
        """The place of the resource when the call has returned; empty for an argument without one."""
        if not self.resource.argument:
            return call.dst + self.part
        if self.resource.argument == "receiver":
            return call.receiver
        given = call.argument(self.resource.argument)
        return given.place if given is not None else ""


@dataclass(slots=True)
class Places:
    """The flow-insensitive facts of one function."""

    catalogue: Catalogue
    types: dict[Place, frozenset[str]] = field(default_factory=dict)
    twins: dict[Place, frozenset[Place]] = field(default_factory=dict)
    ancestors: dict[Place, frozenset[Place]] = field(default_factory=dict)
    managers: frozenset[Place] = frozenset()
    """places that hold what ``contextlib.closing`` returned"""
    private: frozenset[Place] = frozenset()
    """variables that only ever hold containers or plain objects made in this function"""
    closures: dict[Place, ops.Define] = field(default_factory=dict)
    made: frozenset[Place] = frozenset()
    """places that only ever hold an object that a constructor, called here, has made"""
    attribute: Callable[[str, str], frozenset[str]] = lambda kind, name: _NONE
    """the types of an attribute of a project's object"""
    called: frozenset[tuple[Place, str]] = frozenset()
    """the receivers of this function and the methods that it calls on them"""

    def of(self, place: Place) -> frozenset[str]:
        """The types of a place; of an attribute also what makers say of its base."""
        found = self.types.get(place, _NONE)
        if found or "." not in place:
            return found
        base, _, attribute = place.rpartition(".")
        made = frozenset(made for kind in self.of(base) if (made := self.catalogue.made(f"{kind}.{attribute}")))
        return made | self._kept(base, attribute)

    def _kept(self, base: Place, attribute: str) -> frozenset[str]:
        """The types of what an object of the project's keeps in an attribute."""
        return _NONE.union(*(self.attribute(kind, attribute) for kind in self.types.get(base, _NONE)))

    def same(self, place: Place) -> frozenset[Place]:
        """The places that may name the object that `place` names, itself included."""
        return self.twins.get(place) or frozenset((place,))

    def is_stack(self, place: Place) -> bool:
        """Whether the place may hold an exit stack."""
        found = (self.catalogue.functions.get(kind) for kind in self.of(place))
        return any(function is not None and function.effect is Effect.STACK for function in found)

    def function(self, call: ops.Call) -> Function | None:
        """The catalogue's entry for a callable whose effect is known."""
        functions = self.catalogue.functions
        if call.callee:
            value, _, method = call.callee.rpartition(".")
            found = functions.get(call.callee)
            if found is None and "." in value.lstrip("."):
                # ``module.value.method``: something that another module made (a logger).
                found = functions.get(f"*.{method}")
            return found
        for kind in self.of(call.receiver) if call.receiver else ():
            found = functions.get(f"{kind}.{call.method}")
            if found is not None:
                return found
        return functions.get(f"*.{call.method}") if call.method else None

    def names(self, call: ops.Call) -> Iterable[str]:
        """The dotted names under which the catalogue may know the callee."""
        if call.callee:
            return (call.callee,)
        if not call.receiver:
            return ()
        # ``self.Session()`` may be no method: what is kept there is called.
        kept = self.types.get(f"{call.receiver}.{call.method}") or self._kept(call.receiver, call.method)
        called = [f"{kind}.__call__" for kind in sorted(kept)]
        return [f"{kind}.{call.method}" for kind in sorted(self.of(call.receiver))] + called

    def acquisitions(self, call: ops.Call) -> tuple[Acquisition, ...]:
        """What the call acquires by the catalogue: of the entries that fit the first, and those that come beside it."""
        known = False
        for name in (*self.names(call), f"*.{call.method}"):
            known = known or name[0] != "*"
            fitting = [r for r in self.catalogue.acquirers.get(name, ()) if self._acquires(r, call)]
            if fitting:
                first = next((r for r in fitting if not r.beside), None)
                chosen = [r for r in fitting if r.beside or r is first]
                return tuple(Acquisition(r, part, r.argument == "receiver") for r in chosen for part in r.parts)
        if not known and call.receiver and call.method in self.catalogue.hints:
            name = call.receiver.rpartition(".")[2]
            for resource in self.catalogue.hints[call.method]:
                if name in resource.hint and self._acquires(resource, call):
                    return tuple(Acquisition(resource, part, by_name=True) for part in resource.parts)
        return ()

    def _acquires(self, resource: Resource, call: ops.Call) -> bool:
        if resource.awaited and not call.awaited and call.discarded:
            return False
        return all(
            self._paired(resource, call) if condition.is_ == "paired" else self.holds(condition, call)
            for condition in resource.when
        )

    def _paired(self, resource: Resource, call: ops.Call) -> bool:
        """Whether the function also releases the receiver of the call, of which nothing else is known."""
        if call.args or not call.receiver or self.of(call.receiver):
            return False
        return any((call.receiver, step.call) in self.called for steps in resource.release for step in steps)

    def holds(self, condition: Condition, call: ops.Call) -> bool:
        """Whether a condition on the arguments of the call holds."""
        arg = call.argument(condition.argument)
        test = condition.is_
        if test == "present":
            return arg is not None
        if test == "absent":
            return arg is None
        if arg is None:
            return condition.default
        if test == "made":
            return arg.place in self.made
        if test in ("true", "false"):
            return condition.default if arg.value is UNKNOWN else bool(arg.value) is (test == "true")
        if test == "pipe":
            return arg.name.rpartition(".")[2] == "PIPE"
        if test in ("memory", "not-memory"):
            kinds = self.of(arg.place) if arg.place else _NONE
            memory = bool(kinds) and all(kind == MEMORY or self._is_file(kind) for kind in kinds)
            return memory is (test == "memory")
        if test == "string":
            return isinstance(arg.value, str)
        wanted = test.partition(":")[2]
        if isinstance(arg.value, str):
            return wanted in arg.value if test.startswith("contains:") else wanted == arg.value
        if test.startswith("contains:") and wanted in arg.text:
            return True
        if arg.name and test.startswith("equals:"):
            return arg.name == wanted or arg.name.endswith(f".{wanted}")
        return condition.default

    def _is_file(self, kind: str) -> bool:
        resource = self.catalogue.by_type.get(kind)
        return resource is not None and resource.kind in _FILES


@dataclass(slots=True)
class _Inference:
    cfg: Cfg
    places: Places
    returned: Callable[[ops.Call, Places], Mapping[str, frozenset[str]]]
    changed: bool = False
    paths: dict[Place, set[Place]] = field(default_factory=dict)
    """typed paths (``pair[0]``, ``self.conn``) by the variable that they start from"""

    def __post_init__(self) -> None:
        for place in self.places.types:
            self._index(place)

    def _index(self, place: Place) -> None:
        root = root_of(place)
        if root != place:
            self.paths.setdefault(root, set()).add(place)

    def add(self, place: Place, kinds: Iterable[str]) -> None:
        if not place:
            return
        before = self.places.types.get(place, _NONE)
        after = before.union(kinds)
        if after != before:
            self.places.types[place] = after
            self.changed = True
            self._index(place)

    def copy(self, dst: Place, src: Place) -> None:
        self.add(dst, self.places.of(src))
        for place in sorted(self.paths.get(root_of(src), ())):
            if len(place) > len(src) and place.startswith(src) and place[len(src)] in ".[":
                self.add(dst + place[len(src) :], self.places.types[place])

    def call(self, op: ops.Call) -> None:
        places, catalogue = self.places, self.places.catalogue
        acquired = places.acquisitions(op)
        for acquisition in acquired:
            if acquisition.resource.type:
                self.add(op.dst + acquisition.part, (acquisition.resource.type,))
        for name in places.names(op):
            made = catalogue.made(name)
            if made:
                self.add(op.dst, (made,))
        function = places.function(op)
        if function is not None:
            if function.effect is Effect.MEMORY:
                self.add(op.dst, (MEMORY,))
            elif function.effect is Effect.STACK:
                self.add(op.dst, (op.callee,))
            elif function.effect in (Effect.PASSES, Effect.CLOSER, Effect.STACK_ENTER):
                given = op.argument(function.argument if function.argument != "*" else "0")
                if given is not None and given.place:
                    self.copy(op.dst, given.place)
            elif function.effect is Effect.STACK_POP:
                self.copy(op.dst, op.receiver)
        if not acquired:
            for part, kinds in self.returned(op, places).items():
                self.add(op.dst + part, kinds)

    def enter(self, op: ops.Enter) -> None:
        for kind in self.places.of(op.place):
            resource = self.places.catalogue.by_type.get(kind)
            entered = kind if resource is None or resource.enter == "self" else resource.enter
            self.add(op.dst, (self.places.catalogue.types.get(entered, entered),))


def infer(
    cfg: Cfg,
    catalogue: Catalogue,
    known: Types,
    returned: Callable[[ops.Call, Places], Mapping[str, frozenset[str]]],
    attribute: Callable[[str, str], frozenset[str]] = lambda kind, name: _NONE,
) -> Places:
    """The places of a function, given the types of names around it, of results, and of attributes of objects."""
    places = Places(catalogue, attribute=attribute)
    for name, kinds in known.items():
        if root_of(name) not in cfg.locals or root_of(name) in cfg.parameters or cfg.name == "<module>":
            places.types[name] = kinds
    for parameter, annotation in cfg.annotations.items():
        kind = catalogue.types.get(annotation)
        if kind:
            places.types[parameter] = frozenset((kind,))
    places.called = frozenset((op.receiver, op.method) for op in cfg.ops if isinstance(op, ops.Call) and op.receiver)
    inference = _Inference(cfg, places, returned)
    for _ in range(_ROUNDS):
        inference.changed = False
        for op in cfg.ops:
            match op:
                case ops.Call():
                    inference.call(op)
                case ops.Bind() if op.src:
                    inference.copy(op.dst, op.src)
                case ops.Enter() if op.dst:
                    inference.enter(op)
                case ops.Next():
                    inference.copy(op.dst, f"{op.src}[]")
                case ops.Combine() if op.left:
                    inference.add(op.dst, places.of(op.left) & catalogue.operators)
        if not inference.changed:
            break
    _relations(cfg, places)
    return places


def _relations(cfg: Cfg, places: Places) -> None:
    groups: dict[Place, set[Place]] = {}

    def unite(a: Place, b: Place) -> None:
        left, right = groups.setdefault(a, {a}), groups.setdefault(b, {b})
        if left is not right:
            left |= right
            for place in right:
                groups[place] = left

    parents: dict[Place, set[Place]] = {}
    managers: set[Place] = set()
    bound: dict[Place, bool] = {}
    defines: list[ops.Define] = []
    for op in cfg.ops:
        match op:
            case ops.Bind():
                if op.src and not op.weak:
                    unite(op.dst, op.src)
                elif op.src:
                    parents.setdefault(op.dst, set()).add(op.src)
                if not op.weak and not op.dst.endswith("]"):
                    made_here = op.container or bool(op.src and bound.get(op.src)) or op.none is True
                    temporary = op.dst[0] == "%"
                    bound[op.dst] = made_here if temporary else bound.get(op.dst, True) and made_here
            case ops.Enter() if op.dst:
                unite(op.dst, op.place)
            case ops.Next():
                parents.setdefault(op.dst, set()).add(op.src)
                bound[op.dst] = False
            case ops.Define():
                defines.append(op)
            case ops.Call():
                if op.receiver:
                    parents.setdefault(op.dst, set()).add(op.receiver)
                for acquisition in places.acquisitions(op):
                    if acquisition.part.startswith("["):
                        # What comes together belongs together: the reader of (reader, writer) uses the writer.
                        for sibling in ("[0]", "[1]"):
                            parents.setdefault(op.dst + sibling, set()).add(op.dst + acquisition.part)
                function = places.function(op)
                given = op.args[0].place if op.args else ""
                if function is not None and function.effect is Effect.CLOSER and given:
                    unite(op.dst, given)
                    managers.add(op.dst)
                elif function is not None and function.effect is Effect.PASSES and given:
                    unite(op.dst, given)
                bound[op.dst] = function is not None and function.effect is Effect.HOLDS
    places.twins = {place: frozenset(group) for place, group in groups.items()}
    places.managers = frozenset(twin for m in managers for twin in _forward(cfg, m))
    outside = set(cfg.parameters)
    places.made = _made(cfg, places)
    places.private = frozenset(p for p, here in bound.items() if here and p not in outside and p in _own(cfg, p))
    for define in defines:
        for twin in places.same(define.dst):
            places.closures[twin] = define
    places.ancestors = _close(parents, places)


def _made(cfg: Cfg, places: Places) -> frozenset[Place]:
    """Temporaries and variables of this function whose every value a call of a capitalised name makes."""
    constructed = {
        op.dst for op in cfg.ops if isinstance(op, ops.Call) and (op.callee or op.name).rpartition(".")[2][:1].isupper()
    }
    foreign = {
        op.dst
        for op in cfg.ops
        if (isinstance(op, ops.Bind) and op.none is not True and not _within(cfg, op.src))
        or isinstance(op, ops.Next)
        or (isinstance(op, ops.Call) and op.dst not in constructed)
    }
    return frozenset(
        place
        for start in constructed
        for place in places.same(start)
        if _within(cfg, place) and not foreign.intersection(places.same(place))
    )


def _within(cfg: Cfg, place: Place) -> bool:
    """Whether a place is a temporary, or a variable of this function that is no parameter."""
    return place[:1] == "%" or (place in cfg.locals and place not in cfg.parameters)


def _own(cfg: Cfg, place: Place) -> frozenset[Place]:
    if place[0] in "%#" or place in cfg.locals:
        return frozenset((place,))
    return _NONE


def _forward(cfg: Cfg, start: Place) -> set[Place]:
    """The places that `start` is bound to, directly or through others."""
    reached = {start}
    for _ in range(3):
        for op in cfg.ops:
            if isinstance(op, ops.Bind) and op.src in reached:
                reached.add(op.dst)
    return reached


def _close(parents: Mapping[Place, set[Place]], places: Places) -> dict[Place, frozenset[Place]]:
    """Ancestors of each place whose value a method made, through bindings and further methods."""
    closed: dict[Place, frozenset[Place]] = {}
    for start in parents:
        reached: set[Place] = set()
        stack = [start]
        while stack and len(reached) < 64:
            for twin in places.same(stack.pop()):
                for parent in parents.get(twin, ()):
                    if parent not in reached:
                        reached |= places.same(parent)
                        stack.append(parent)
        for twin in places.same(start):
            closed[twin] = closed.get(twin, _NONE) | reached
    return closed
