"""Code of handlers that runs once in a sandbox, or only after asking what an earlier invocation has left there.

What a handler adds on every invocation grows; what it adds behind a guard on state that lasts does not. A guard is a
test of something that functions of the module write and that outlives them: a global, a mutated module-level variable,
an attribute of a class, an attribute that is set behind the test. The code behind it, the code that is left over when
its branch returns, and the functions that are only called from such code make up the *once* regions.

Example. ``setup`` is called on every invocation, and adds one handler to the logger of a sandbox::

    def setup():
        global ready
        if ready:
            return
        logging.getLogger().addHandler(logging.StreamHandler())     once: the test of `ready` has been passed
        ready = True
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from leaklint.syntax.names import FunctionNode, function_bindings
from leaklint.syntax.nodes import children, walk

_JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LOOKS = frozenset({"hasattr", "getattr"})
_LOOKUPS = frozenset({"get", "keys", "items", "values", "count", "index"})
GROWING = frozenset({"add", "append", "appendleft", "extend", "extendleft", "insert", "setdefault", "update"})
"""methods by which Python's own containers grow"""
SHRINKING = frozenset(
    {"clear", "difference_update", "discard", "intersection_update", "pop", "popitem", "popleft", "remove"}
)
"""methods by which they shrink"""


@dataclass(frozen=True, slots=True)
class Code:
    """A module as this analysis sees it. Functions go by their qualified names: ``Class.method``, ``outer.inner``."""

    tree: ast.Module
    functions: Mapping[str, FunctionNode]
    variables: frozenset[str]
    """names that the module's own code assigns"""
    reached: frozenset[str]
    """functions that a handler reaches, itself included"""
    entries: frozenset[str]
    """the handlers"""
    cached: frozenset[str]
    """functions that run once and keep their result"""
    asking: frozenset[str]
    """attributes and methods that tell what is registered already"""


@dataclass(slots=True)
class Lasting:
    """The once regions of a module."""

    functions: set[str] = field(default_factory=set)
    """functions that run once, from their first line to their last"""
    regions: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """statements behind a guard, by function"""

    def covers(self, function: str, line: int) -> bool:
        """Whether a line of a function runs once."""
        if function in self.functions:
            return True
        return any(s.lineno <= line <= (s.end_lineno or s.lineno) for s in self.regions.get(function, ()))


def lasting(code: Code, *, keyed: bool = True) -> Lasting:
    """The once regions of the functions that a handler reaches.

    Without `keyed`, asking whether a container has a key is no guard: what stands behind it runs once for every key.
    """
    written = frozenset(_written(code))
    found = Lasting(set(code.cached & code.reached))
    for name in code.reached & code.functions.keys():
        node = code.functions[name]
        if _asks(node, code.asking):
            found.functions.add(name)
            continue
        guard = _Guard(written - own_names(code, name), _set_attributes(node), keyed)
        found.regions[name] = list(behind(node.body, guard.tests))
    asked = code.reached - code.entries - found.functions
    mentioned = _mentioned(code) if asked else {}
    calls = {name: list(_calls(mentioned, name)) for name in asked}
    changed = True
    while changed:
        changed = False
        for name, places in calls.items():
            if name in found.functions or not places:
                continue
            if all(caller == "" or found.covers(caller, line) for caller, line in places):
                found.functions.add(name)
                changed = True
    return found


def behind(body: list[ast.stmt], tests: Callable[[ast.expr], bool]) -> Iterator[ast.stmt]:
    """The statements of a block that a guard protects: in the branches of its ``if``, and behind one that jumps."""
    for index, statement in enumerate(body):
        if isinstance(statement, ast.If) and tests(statement.test):
            yield from (*statement.body, *statement.orelse)
            branches = (statement.body, statement.orelse)
            if any(branch and isinstance(branch[-1], _JUMPS) for branch in branches):
                yield from body[index + 1 :]
                return
        elif isinstance(statement, ast.While) and tests(statement.test):
            yield from statement.body
        else:
            for block in _blocks(statement):
                yield from behind(block, tests)


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    if isinstance(statement, FunctionNode | ast.ClassDef):
        return
    for field_name in ("body", "orelse", "finalbody"):
        yield getattr(statement, field_name, [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body


@dataclass(frozen=True, slots=True)
class _Guard:
    """What a function may ask: global names that functions write, and attributes that it sets itself."""

    names: frozenset[str]
    attributes: frozenset[str]
    keyed: bool

    def tests(self, test: ast.expr) -> bool:
        """Whether a condition asks for state that lasts."""
        for node in walk(test) if self.keyed else unkeyed(test):
            if isinstance(node, ast.Name) and node.id in self.names:
                return True
            if isinstance(node, ast.Attribute) and ast.unparse(node) in self.attributes:
                return True
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _LOOKS:
                return True
        return False


def unkeyed(test: ast.expr) -> Iterator[ast.AST]:
    """The nodes of a condition, without the containers of which it only asks for a key."""
    waiting: list[ast.AST] = [test]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            waiting.append(node.left)
        elif isinstance(node, ast.Subscript):
            waiting.append(node.slice)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _LOOKUPS:
            waiting.extend(node.args)
        else:
            waiting.extend(children(node))


def _written(code: Code) -> Iterator[str]:
    """The module-level names that a function binds anew, or changes in place."""
    for name, node in code.functions.items():
        bindings = function_bindings(node)
        own = own_names(code, name)
        declared = bindings.globals & code.variables
        for inner in walk(node):
            if isinstance(inner, ast.Name) and not isinstance(inner.ctx, ast.Load) and inner.id in declared:
                yield inner.id
            target = _changed(inner)
            if target is not None and target.id in code.variables and target.id not in own:
                yield target.id


def _changed(node: ast.AST) -> ast.Name | None:
    """The variable whose value is changed in place: by a method of a container, or by an assignment to a part."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return root(node.func.value) if node.func.attr in GROWING | SHRINKING else None
    if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
        return root(node.value)
    return None


def root(node: ast.expr) -> ast.Name | None:
    """The variable that a chain of subscripts and attributes starts from."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _set_attributes(node: FunctionNode) -> frozenset[str]:
    return frozenset(
        ast.unparse(inner)
        for inner in walk(node)
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
    )


def own_names(code: Code, name: str) -> frozenset[str]:
    """The names that a function, or one around it, binds for itself."""
    own: set[str] = set()
    while name:
        node = code.functions.get(name)
        if node is not None:
            own |= function_bindings(node).names
        name = name.rpartition(".")[0]
    return frozenset(own)


def _asks(node: FunctionNode, asking: Collection[str]) -> bool:
    asked = {inner for inner in walk(node) if isinstance(inner, ast.Attribute) and inner.attr in asking}
    # A module may have the same name: ``logging.handlers.MemoryHandler`` asks nothing.
    modules = {n.value for n in walk(node) if isinstance(n, ast.Attribute) and n.attr[:1].isupper()}
    return bool(asked - modules)


def _calls(mentioned: Mapping[str, list[tuple[str, int]]], name: str) -> Iterator[tuple[str, int]]:
    """(function, line) of each place that refers to a function by its last name; the module's own code has no name."""
    owner, _, last = name.rpartition(".")
    for wanted in {last, owner.rpartition(".")[2]} if last.startswith("__") else {last}:
        yield from mentioned.get(wanted, ())


def _mentioned(code: Code) -> dict[str, list[tuple[str, int]]]:
    """(function, line) of each place by the last name that is mentioned there."""
    found: dict[str, list[tuple[str, int]]] = {}
    for caller, nodes in _scopes(code):
        for inner in nodes:
            if isinstance(inner, ast.Name | ast.Attribute):
                name = inner.id if isinstance(inner, ast.Name) else inner.attr
                found.setdefault(name, []).append((caller, inner.lineno))
    return found


def _scopes(code: Code) -> Iterator[tuple[str, Iterator[ast.AST]]]:
    """The nodes of each function that a handler reaches and of the module's own code."""
    yield "", nodes_of(code.tree)
    for name in code.reached & code.functions.keys():
        yield name, nodes_of(code.functions[name])


def nodes_of(scope: FunctionNode | ast.Module) -> Iterator[ast.AST]:
    """The nodes of a scope, without the bodies of functions inside."""
    waiting = list(children(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, FunctionNode):
            waiting.extend(node.decorator_list)
        else:
            waiting.extend(children(node))


__all__ = ["GROWING", "SHRINKING", "Code", "Lasting", "behind", "lasting", "nodes_of", "own_names", "root", "unkeyed"]
