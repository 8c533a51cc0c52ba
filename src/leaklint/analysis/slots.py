"""Slots: places that outlive a call, the expressions by which functions of a module reach them, and what they hold.

A slot is spelled as places are (`leaklint.flow.ops`): ``conn``, ``cache['db']``, ``Store.conn`` for an attribute of a
class, ``get#connect`` for the variable ``connect`` of the function ``get``. What a slot holds goes by other names, too:
variables that only ever get it, parameters that are given it, calls of functions that return it. Example::

    conn = None

    def get():
        global conn
        if conn is None:
            conn = connect()
        return conn             get() holds the slot `conn`

    def handler(event, context):
        db = get()              db holds it
        use(db)                 and so does the parameter of `use`
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from leaklint.analysis.influence import called, parameters
from leaklint.analysis.lasting import Code, nodes_of
from leaklint.analysis.places import names_one
from leaklint.syntax.names import Bindings, FunctionNode, function_bindings


@dataclass(eq=False)
class Module:
    """A module, as this analysis sees it: `owners` are the classes of its methods, `dotted` resolves names."""

    code: Code
    owners: Mapping[str, str]
    dotted: Callable[[ast.expr], str]
    _bindings: dict[str, Bindings] = field(default_factory=dict)
    _parents: dict[str, dict[ast.AST, ast.AST]] = field(default_factory=dict)

    def bindings(self, function: str) -> Bindings:
        """What a function binds."""
        if function not in self._bindings:
            self._bindings[function] = function_bindings(self.code.functions[function])
        return self._bindings[function]

    def parents(self, function: str) -> dict[ast.AST, ast.AST]:
        """The parent of every node of a function."""
        known = self._parents.get(function)
        if known is None:
            known = self._parents[function] = {}
            for node in ast.walk(self.code.functions[function]):
                for child in ast.iter_child_nodes(node):
                    known[child] = node
        return known

    @cached_property
    def classes(self) -> frozenset[str]:
        """The classes of the module's own code, and those around methods."""
        found = {node.name for node in nodes_of(self.code.tree) if isinstance(node, ast.ClassDef)}
        return frozenset(found.union(filter(None, self.owners.values())))

    @cached_property
    def flags(self) -> frozenset[str]:
        """The global names that functions write: a function may note in one that it has run."""
        return frozenset().union(*(self.bindings(name).globals for name in self.code.functions))

    @cached_property
    def mentioning(self) -> Mapping[str, frozenset[str]]:
        """By a name, an attribute or a text: the functions in which it stands."""
        found: dict[str, set[str]] = {}
        for name, function in self.code.functions.items():
            for node in nodes_of(function):
                word = getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "value", None)
                if isinstance(word, str):
                    found.setdefault(word, set()).add(name)
        return {word: frozenset(functions) for word, functions in found.items()}

    @cached_property
    def callers(self) -> Mapping[str, tuple[tuple[ast.Call, str], ...]]:
        """By a function: its calls, with the function that makes them (the module's own code has no name)."""
        found: dict[str, list[tuple[ast.Call, str]]] = {}
        for name in ("", *self.code.functions):
            for call, target in self.calls(name):
                found.setdefault(target, []).append((call, name))
        return {target: tuple(calls) for target, calls in found.items()}

    @cached_property
    def bound(self) -> dict[str, list[tuple[str, ast.expr | None]]]:
        """By a function: the variables that it binds, with the values."""
        return {}

    def bindings_of(self, function: str) -> list[tuple[str, ast.expr | None]]:
        """(variable, value) of each binding in a function; no value where none is written down."""
        if function not in self.bound:
            self.bound[function] = list(_bound(self.code.functions[function]))
        return self.bound[function]

    def variable(self, name: str, function: str) -> str:
        """The place of a variable: the function that binds it stands in front of a local one."""
        scope = function
        while scope:
            if scope in self.code.functions:
                bound = self.bindings(scope)
                if name in bound.globals:
                    return name
                if name in bound.names:
                    return f"{scope}#{name}"
            scope = scope.rpartition(".")[0]
        return name

    def place(self, node: ast.expr, function: str) -> str:
        """The place that an expression names; empty for one that names none."""
        match node:
            case ast.Name(name):
                owner = self.owners.get(function, "")
                return owner if owner and name in ("self", "cls") else self.variable(name, function)
            case ast.Attribute(value, "__class__"):
                return self.place(value, function)
            case ast.Attribute(value, attribute):
                base = self.place(value, function)
                return f"{base}.{attribute}" if base else ""
            case ast.Subscript(ast.Call(ast.Name("globals")), ast.Constant(str() as name)):
                return name
            case ast.Subscript(value, key):
                base = self.place(value, function)
                return f"{base}[{_key(key)}]" if base else ""
            case ast.Call(ast.Name("type"), [value]):
                return self.place(value, function)
            case ast.Call(ast.Name("getattr"), [value, ast.Constant(str() as attribute), *_]):
                base = self.place(value, function)
                return f"{base}.{attribute}" if base else ""
            case ast.Call(ast.Attribute(value, "get" | "setdefault" | "pop"), [key, *_]):
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "globals":
                    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else ""
                base = self.place(value, function)
                return f"{base}[{_key(key)}]" if base else ""
        return ""

    def calls(self, function: str) -> Iterator[tuple[ast.Call, str]]:
        """The calls of a function (the module's own code has no name), with the function that each reaches."""
        for node in nodes_of(self.code.functions[function] if function else self.code.tree):
            if isinstance(node, ast.Call):
                target = called(self.code, function, node.func)[0]
                if target:
                    yield node, target


def parsed(place: str) -> ast.expr | None:
    """The expression of a place as ops spell it, None where it is none."""
    try:
        return ast.parse(place.replace("[]", "[...]"), mode="eval").body
    except SyntaxError:
        return None


def _key(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and node.value is not ...:
        return repr(node.value)
    return ""


@dataclass(eq=False, slots=True)
class Holders:
    """Who holds what is in a slot: seen without regard to order."""

    module: Module
    slot: str
    names: set[str] = field(default_factory=set)
    """places that hold it, the slot among them"""
    getters: set[str] = field(default_factory=set)
    """functions that return it"""
    functions: set[str] = field(default_factory=set)
    """functions that may do something with it"""
    _waiting: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.slot:
            self.names.add(self.slot)
        waiting = {*self._asking(self.slot), *(name for getter in self.getters for name in self._asking(getter))}
        waiting.update(name.partition("#")[0] for name in self.names if "#" in name)
        waiting &= self.module.code.functions.keys()
        while waiting:
            self._waiting = set()
            name = waiting.pop()
            self.functions.add(name)
            self._spread(name, self.module.code.functions[name])
            waiting |= self._waiting & self.module.code.functions.keys()

    def _asking(self, place: str) -> frozenset[str]:
        """The functions that may mention a slot, or call a function."""
        parts = place.replace("[", ".").replace("]", "").replace("#", ".").split(".")
        words = {part.strip("'\"") for part in parts} - {""}
        known = [self.module.mentioning.get(word, frozenset()) for word in words]
        return frozenset().union(*known)

    def _add(self, place: str) -> None:
        if place not in self.names:
            self.names.add(place)
            # Functions inside of the one that binds it may read it, too.
            scope = place.partition("#")[0]
            inner = {n for n in self._asking(place.partition("#")[2]) if n.startswith(f"{scope}.")}
            self._waiting |= {scope, *inner}

    def _spread(self, name: str, node: FunctionNode) -> None:
        bound = self.module.bindings_of(name)
        for variable in {target for target, _ in bound}:
            place = self.module.variable(variable, name)
            if "#" not in place or place in self.names:
                continue
            values = [value for target, value in bound if target == variable]
            held = [value is not None and self.holds(value, name) for value in values]
            if any(held) and all(h or _is_none(v) for h, v in zip(held, values, strict=True)):
                self._add(place)
        for inner in nodes_of(node):
            if isinstance(inner, ast.Return | ast.Yield) and inner.value is not None:
                if name not in self.getters and self.holds(inner.value, name):
                    self.getters.add(name)
                    self._waiting |= {name, *self._asking(name.rpartition(".")[2])}
            elif isinstance(inner, ast.Call):
                self._pass(name, inner)

    def _pass(self, name: str, call: ast.Call) -> None:
        target, bound = called(self.module.code, name, call.func)
        if not target:
            return
        accepting = parameters(self.module.code.functions[target])[1 if bound else 0 :]
        for index, argument in enumerate(call.args[: len(accepting)]):
            if self.holds(argument, name):
                self._add(f"{target}#{accepting[index]}")
        for keyword in call.keywords:
            if keyword.arg and self.holds(keyword.value, name):
                self._add(f"{target}#{keyword.arg}")

    def holds(self, node: ast.expr, function: str) -> bool:
        """Whether the value of an expression is what the slot holds, as far as it is anything."""
        match node:
            case ast.Await(value) | ast.NamedExpr(_, value):
                return self.holds(value, function)
            case ast.IfExp(_, body, orelse):
                return self.holds(body, function) or self.holds(orelse, function)
            case ast.BoolOp(_, values):
                return any(self.holds(value, function) for value in values)
            case ast.Call(func) if called(self.module.code, function, func)[0] in self.getters:
                return True
        place = self.module.place(node, function)
        return bool(place) and names_one(self.names, place)

    def mentions(self, node: ast.AST, function: str) -> bool:
        """Whether an expression asks for what the slot holds, or for what it is an element or attribute of."""
        root = self.slot.partition(".")[0].partition("[")[0]
        for inner in ast.walk(node):
            if not isinstance(inner, ast.expr):
                continue
            if isinstance(inner, ast.Constant) and inner.value in (root, self.slot.rpartition(".")[2]):
                return True
            if self.holds(inner, function) or (root != self.slot and self.module.place(inner, function) == root != ""):
                return True
        return False

    def is_store(self, target: ast.expr, function: str) -> bool:
        """Whether an assignment to `target` gives the slot another value."""
        place = self.module.place(target, function)
        return bool(place and self.slot) and names_one((self.slot,), place)


def _is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _bound(scope: FunctionNode) -> Iterator[tuple[str, ast.expr | None]]:
    """(variable, value) of each binding of a variable in a function; no value where it is none that is written down."""
    for node in nodes_of(scope):
        targets: list[tuple[ast.expr, ast.expr | None]] = []
        match node:
            case ast.Assign():
                targets = [(target, node.value) for target in node.targets]
            case ast.AnnAssign() if node.value is not None:
                targets = [(node.target, node.value)]
            case ast.NamedExpr():
                targets = [(node.target, node.value)]
            case ast.For() | ast.AsyncFor():
                targets = [(node.target, None)]
            case ast.With() | ast.AsyncWith():
                targets = [(item.optional_vars, item.context_expr) for item in node.items if item.optional_vars]
        for target, value in targets:
            if isinstance(target, ast.Name):
                yield target.id, value
            else:
                for inner in ast.walk(target):
                    if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                        yield inner.id, None


__all__ = ["Holders", "Module", "parsed"]
