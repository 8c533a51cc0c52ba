"""What the functions of a module do with a slot: give it another value, and what they ask before; close what it holds.

Example::

    if conn is None or conn.closed:     asks whether what is in `conn` still works
        conn = connect()                a store, guarded by that
    conn.close()                        a close; the slot keeps what is closed now
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from leaklint.analysis.lasting import nodes_of
from leaklint.analysis.slots import Holders, Module
from leaklint.catalogue.model import Resource

_MISSING = frozenset({"NameError", "UnboundLocalError", "KeyError", "AttributeError", "LookupError"})
"""exceptions which say that there is nothing in a slot"""
_MAKING = frozenset({"__init__", "__new__", "__post_init__"})
_SELECT = "execute('SELECT 1')"
_JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


class Guard(Enum):
    """What has been asked before a slot gets another value."""

    NONE = "nothing"
    ABSENT = "that there is nothing in it"
    DEAD = "whether it still works"
    FAILED = "whether it has failed"


@dataclass(frozen=True, slots=True)
class Store:
    """A store into the slot: the value that it gets, or the statement that empties it."""

    node: ast.AST
    function: str
    empties: bool
    guard: Guard


@dataclass(frozen=True, slots=True)
class Close:
    """A release of what the slot holds; `on_error` where it stands in the handler of an exception."""

    node: ast.expr
    function: str
    on_error: bool


@dataclass(eq=False)
class Uses:
    """The uses of the slot that `holders` knows. `closes_argument` knows callables that make a closer of their
    argument."""

    holders: Holders
    closes_argument: Callable[[str], bool]
    _asked: set[str] = field(default_factory=set)

    @property
    def module(self) -> Module:
        """The module whose functions are asked."""
        return self.holders.module

    def _holds(self, node: ast.expr, function: str) -> bool:
        return self.holders.holds(node, function)

    @cached_property
    def stores(self) -> tuple[Store, ...]:
        """The assignments that give the slot another value, or none."""
        # A constructor empties what it has just made.
        return tuple(s for s in self._stores() if not (s.empties and s.function.rpartition(".")[2] in _MAKING))

    def _stores(self) -> Iterator[Store]:
        for name in sorted(self.holders.functions):
            for node in nodes_of(self.module.code.functions[name]):
                empties, value = False, None
                match node:
                    case ast.Assign() if any(self.holders.is_store(t, name) for t in _targets(node)):
                        value = node.value
                    case ast.AnnAssign() if node.value is not None and self.holders.is_store(node.target, name):
                        value = node.value
                    case ast.NamedExpr() if self.holders.is_store(node.target, name):
                        value = node.value
                    case ast.Delete() if any(self.holders.is_store(t, name) for t in node.targets):
                        empties = True
                    case ast.Call(ast.Attribute(value=base, attr="clear" | "pop" | "cache_clear")):
                        root = self.holders.slot.partition("[")[0]
                        place = self.module.place(base, name)
                        empties = bool(place) and (place in (root, *self.holders.getters))
                if value is not None:
                    if isinstance(value, ast.Constant):
                        empties = True
                    yield Store(value, name, empties, Guard.NONE if empties else self.guard(value, name))
                elif empties:
                    yield Store(node, name, True, Guard.NONE)

    def closes(self, resource: Resource) -> Iterator[Close]:
        """The calls and blocks that release what the slot holds."""
        methods = {step.call for steps in resource.release for step in steps if step.form == "method"}
        given_back = {step.call for steps in resource.release for step in steps if step.form == "owner"}
        for name in sorted(self.holders.functions):
            for node in nodes_of(self.module.code.functions[name]):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    method, of = node.func.attr, node.func.value
                    held = method in methods and self._holds(of, name)
                    if held or (method in given_back and any(self._holds(a, name) for a in node.args)):
                        yield Close(node, name, self._on_error(node, name))
                elif isinstance(node, ast.With | ast.AsyncWith):
                    leaving = resource.async_with if isinstance(node, ast.AsyncWith) else resource.with_
                    for item in node.items:
                        made = item.context_expr
                        if isinstance(made, ast.Call) and self.closes_argument(self.module.dotted(made.func)):
                            closes = any(self._holds(given, name) for given in made.args)
                        else:
                            closes = leaving.releases and self._holds(made, name)
                        if closes:
                            yield Close(made, name, self._on_error(node, name))

    def _on_error(self, node: ast.AST, function: str) -> bool:
        return any(isinstance(around, ast.ExceptHandler) for around, _ in self._around(node, function))

    def _around(self, node: ast.AST, function: str) -> Iterator[tuple[ast.AST, ast.AST]]:
        """What a node stands in, innermost first, each with its child on the way."""
        parents = self.module.parents(function)
        while node in parents:
            yield parents[node], node
            node = parents[node]

    def mitigations(self, resource: Resource) -> Iterator[str]:
        """Tests in the code that were measured to heal the connection: those that reconnect, and those whose failure
        makes the code open another one."""
        heals = resource.cache.heals
        code = self.module.code
        asking = code.reached | self.holders.getters | {store.function for store in self.stores}
        for name in sorted(self.holders.functions & asking if code.entries else self.holders.functions):
            for node in nodes_of(code.functions[name]):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                if node.func.attr == "execute" and _SELECT in heals and _selects_one(node):
                    if self._is_test(node, name):
                        yield _SELECT
                    continue
                if not any(healing.startswith(f"{node.func.attr}(") for healing in heals):
                    continue
                given = (*node.args, *node.keywords)
                text = f"{node.func.attr}({', '.join(map(ast.unparse, given))})"
                sure = "econnect" in text or "True" in text
                if text in heals and self._holds(node.func.value, name) and (sure or self._is_test(node, name)):
                    yield text

    def _is_test(self, node: ast.AST, function: str) -> bool:
        """Whether the code gives the slot another value when a call fails, or the function that makes it says so."""
        for around, child in self._around(node, function):
            if isinstance(around, ast.Try) and child in around.body:
                inside = {inner for handler in around.handlers for inner in ast.walk(handler)}
                if any(store.node in inside for store in self.stores):
                    return True
        asking = {store.function for store in self.stores if store.guard is Guard.DEAD}
        return any(target == function for name in asking for _, target in self.module.calls(name))

    # guards

    def guard(self, node: ast.AST, function: str) -> Guard:
        """What has been asked of the slot on the way to a node."""
        if function.rpartition(".")[2] == "__getattr__":
            return Guard.ABSENT
        for around, child in self._around(node, function):
            found: Guard | None = None
            match around:
                case ast.If() | ast.While() | ast.IfExp() if child is not around.test:
                    inside = child is around.body or (isinstance(around.body, list) and child in around.body)
                    found = self._asks(around.test, inside, function)
                case ast.BoolOp(ast.Or(), values) if child is not values[0]:
                    found = self._asks(values[0], False, function)
                case ast.ExceptHandler():
                    found = self._caught(around, function)
            found = found or self._before(around, child, function)
            if found is not None:
                return found
        return self._by_callers(function)

    def _by_callers(self, function: str) -> Guard:
        """What all callers of a function ask before they call it; the module's own code calls it once."""
        if function.rpartition(".")[2] in _MAKING:
            return Guard.ABSENT
        if function in self.module.code.entries or function in self._asked:
            return Guard.NONE
        self._asked.add(function)
        callers = self.module.callers.get(function, ())
        asked = [self.guard(call, name) for call, name in callers if name]
        self._asked.discard(function)
        at_import = any(not name for _, name in callers)
        order = (Guard.NONE, Guard.FAILED, Guard.DEAD, Guard.ABSENT)
        return min(asked, key=order.index) if asked else Guard.ABSENT if at_import else Guard.NONE

    def _caught(self, handler: ast.ExceptHandler, function: str) -> Guard | None:
        attempt = self.module.parents(function).get(handler)
        if not isinstance(attempt, ast.Try) or not any(self.holders.mentions(s, function) for s in attempt.body):
            return None
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        missing = all(isinstance(kind, ast.Name) and kind.id in _MISSING for kind in kinds)
        return Guard.ABSENT if missing else Guard.FAILED

    def _before(self, around: ast.AST, child: ast.AST, function: str) -> Guard | None:
        """What the statements before one ask, when they leave where the slot is not empty."""
        for block in (getattr(around, name, None) for name in ("body", "orelse", "finalbody")):
            if not isinstance(block, list) or child not in block:
                continue
            for statement in reversed(block[: block.index(child)]):
                if isinstance(statement, ast.If) and isinstance(statement.body[-1], _JUMPS):
                    found = self._asks(statement.test, False, function)
                    if found is not None:
                        return found
                elif isinstance(statement, ast.Try) and isinstance(statement.body[-1], ast.Return):
                    found = self._caught(statement.handlers[0], function) if statement.handlers else None
                    if found is not None:
                        return found
        return None

    def _asks(self, test: ast.expr, truth: bool, function: str) -> Guard | None:
        """What is known of the slot when a test is `truth`; None when the test says nothing, or that it is full."""
        match test:
            case ast.UnaryOp(ast.Not(), operand):
                return self._asks(operand, not truth, function)
            case ast.BoolOp(_, values):
                found = {self._asks(value, truth, function) for value in values}
                return next((g for g in (Guard.DEAD, Guard.ABSENT) if g in found), None)
            case ast.Compare(left, [ast.Is() | ast.Eq()], [ast.Constant(None)]) if self._holds(left, function):
                return Guard.ABSENT if truth else None
            case ast.Compare(left, [ast.IsNot() | ast.NotEq()], [ast.Constant(None)]) if self._holds(left, function):
                return None if truth else Guard.ABSENT
            case ast.Compare(_, [ast.NotIn() | ast.In() as asked], _) if self.holders.mentions(test, function):
                return Guard.ABSENT if truth is isinstance(asked, ast.NotIn) else None
            case ast.Call(ast.Name("hasattr")) if self.holders.mentions(test, function):
                return None if truth else Guard.ABSENT
        if self._holds(test, function):
            return None if truth else Guard.ABSENT
        if self.holders.mentions(test, function):
            return Guard.DEAD
        names = {self.module.place(n, function) for n in ast.walk(test) if isinstance(n, ast.Name)}
        return None if names.isdisjoint(self.module.flags) else Guard.ABSENT


def _selects_one(node: ast.Call) -> bool:
    texts = (n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    return any(text.upper().strip("; \n") == "SELECT 1" for text in texts)


def _targets(node: ast.Assign) -> Iterator[ast.expr]:
    for target in node.targets:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else (target,)


__all__ = ["Close", "Guard", "Store", "Uses"]
