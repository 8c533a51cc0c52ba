"""Handlers by their signature, and what they reach by calls inside of their module.

Of real projects a quarter declares no handler in any template, so the signature has to speak: two parameters named
like (event, context), or a function named ``handler``, ``lambda_handler`` or ``*_handler``. Reachability goes by names
alone: it is a guess that raises a severity and never hides a finding.

Qualified names are dotted without more: ``Class.method``, ``outer.inner``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from leaklint.syntax.nodes import children

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

_EVENTS = frozenset({"event", "events", "evt", "lambda_event", "aws_event", "event_data", "unused_event"})
_CONTEXTS = frozenset({"context", "ctx", "cxt", "contxt", "lambda_context", "aws_context", "unused_context"})
_NAMES = frozenset({"handler", "lambda_handler"})
_SUFFIX = "_handler"
_DISPLAYS = (ast.Dict, ast.List, ast.Tuple, ast.Set)
_CONSTRUCTION = ("__new__", "__init__", "__post_init__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__call__")


@dataclass(frozen=True, slots=True)
class Entry:
    """A function that looks like a handler: its name, why, its definition, and what kind of sign says so."""

    function: str
    reason: str
    node: FunctionNode
    source: str = "signature"


def handlers(tree: ast.Module) -> tuple[Entry, ...]:
    """The functions at module level (methods are none) that look like Lambda handlers, in their order."""
    found: list[Entry] = []
    for node in statements(tree.body):
        if isinstance(node, FunctionNode):
            reason = _reason(node)
            if reason:
                found.append(Entry(node.name, reason, node))
    return tuple(found)


def is_firm(entry: Entry) -> bool:
    """Whether more than the ending of its name says that a function is a handler: ``signal_handler(number, frame)``."""
    return entry.source != "signature" or entry.node.name in _NAMES or not entry.reason.startswith("it is named")


def event_name(node: FunctionNode) -> str:
    """The name of the parameter that carries the event of a handler; empty when it takes none."""
    positional = [*node.args.posonlyargs, *node.args.args]
    return positional[0].arg if positional else ""


def reachable(tree: ast.Module, entries: Iterable[str]) -> frozenset[str]:
    """The qualified names of the module's functions that ``entries`` reach, themselves included.

    A function is reached when one that is reached calls it by name, hands it to a call (``pool.map(work, items)``), or
    names it in a table, or such a table of the module (``ROUTES[event["route"]](event)``).
    ``self.method`` is looked up in the class and in its bases of this module, ``Class()`` reaches what construction and
    a ``with`` run, and methods of a variable are found when it was bound to ``Class()``.
    """
    index = _Index.of(tree)
    waiting = [name for name in entries if name in index.functions]
    reached = set(waiting)
    while waiting:
        for name in index.calls(waiting.pop()):
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return frozenset(reached)


def _reason(node: FunctionNode) -> str:
    positional = [*node.args.posonlyargs, *node.args.args]
    required = len(positional) - len(node.args.defaults)
    takes_two = required <= 2 <= len(positional) or (len(positional) < 2 and node.args.vararg is not None)
    takes_two = takes_two and all(default is not None for default in node.args.kw_defaults)
    if takes_two and len(positional) >= 2:
        first, second = positional[0].arg, positional[1].arg
        if _plain(first) in _EVENTS and (_plain(second) in _CONTEXTS or not second.strip("_")):
            return f"its parameters are named ({first}, {second})"
    if node.name in _NAMES or (takes_two and node.name.endswith(_SUFFIX)):
        return f"it is named {node.name}"
    return ""


def _plain(name: str) -> str:
    return name.strip("_").lower()


def statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement that runs when the module (or class) body runs: not those inside of functions and classes."""
    waiting = list(body)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, FunctionNode | ast.ClassDef):
            continue
        waiting.extend(child for child in reversed(list(_children(node))))


def _children(node: ast.AST) -> Iterator[ast.stmt]:
    for child in children(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body


@dataclass(slots=True)
class _Index:
    """The functions and classes of a module by qualified name, and which names stand for which."""

    functions: dict[str, list[FunctionNode]] = field(default_factory=dict)
    """every definition of a name: a fallback in another branch, a property and its setter"""
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)
    instances: dict[str, str] = field(default_factory=dict)
    """module-level variables that are bound to an instance of a class of the module"""
    tables: dict[str, list[ast.expr]] = field(default_factory=dict)
    """what stands in the displays that module-level variables are bound to: ``ROUTES = {"GET": read}``"""

    @classmethod
    def of(cls, tree: ast.Module) -> _Index:
        """Index ``tree``; nesting is walked with a stack of its own, so depth is no limit."""
        index = cls()
        waiting: list[tuple[ast.stmt, str]] = [(node, "") for node in tree.body]
        while waiting:
            node, prefix = waiting.pop()
            if isinstance(node, FunctionNode | ast.ClassDef):
                name = f"{prefix}{node.name}"
                if isinstance(node, ast.ClassDef):
                    index.classes.setdefault(name, node)
                else:
                    index.functions.setdefault(name, []).append(node)
                waiting.extend((child, f"{name}.") for child in node.body)
            else:
                waiting.extend((child, prefix) for child in _children(node))
        index.instances = dict(index.bindings(statements(tree.body), ""))
        for node in statements(tree.body):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                inside = list(_displayed(node.value))
                named = node.targets if isinstance(node, ast.Assign) else [node.target]
                index.tables.update((target.id, inside) for target in named if inside and isinstance(target, ast.Name))
        return index

    def calls(self, name: str) -> Iterator[str]:
        """The functions of the module that function ``name`` calls by name, hands to a call, or looks up in a table."""
        body = [node for function in self.functions[name] for node in _own_nodes(function)]
        instances = {**self.instances, **dict(self.bindings(body, name))}
        for node in body:
            if isinstance(node, ast.Call):
                for target in (node.func, *node.args, *(keyword.value for keyword in node.keywords)):
                    yield from self.targets(target, name, instances)
            elif isinstance(node, ast.withitem):
                yield from self.targets(node.context_expr, name, instances)
            elif isinstance(node, _DISPLAYS):
                for target in _displayed(node):
                    yield from self.targets(target, name, instances)
            elif isinstance(node, ast.Name) and node.id in self.tables:
                for target in self.tables[node.id]:
                    yield from self.targets(target, "", self.instances)

    def bindings(self, nodes: Iterable[ast.AST], scope: str) -> Iterator[tuple[str, str]]:
        """(variable, class) for each ``variable = Class()`` and ``with Class() as variable`` among ``nodes``."""
        for node in nodes:
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                targets, value = [node.target], node.value
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                targets, value = [node.optional_vars], node.context_expr
            else:
                continue
            made = self.visible(_called(value), scope, self.classes)
            if made:
                yield from ((target.id, made) for target in targets if isinstance(target, ast.Name))

    def targets(self, node: ast.expr, scope: str, instances: Mapping[str, str]) -> Iterator[str]:
        """The functions that ``node`` stands for in function ``scope``."""
        if isinstance(node, ast.Name):
            function = self.visible(node.id, scope, self.functions)
            made = self.visible(node.id, scope, self.classes)
            if function:
                yield function
            elif made:
                for method in _CONSTRUCTION:
                    yield from self.method(made, method)
        elif isinstance(node, ast.Attribute):
            owner = self.owner(node.value, scope, instances)
            if owner:
                yield from self.method(owner, node.attr)

    def owner(self, node: ast.expr, scope: str, instances: Mapping[str, str]) -> str:
        """The class whose method an attribute of ``node`` is, or an empty string."""
        if isinstance(node, ast.Call):
            name = _called(node)
            return self.enclosing_class(scope) if name == "super" else self.visible(name, scope, self.classes)
        if not isinstance(node, ast.Name):
            return ""
        if node.id in ("self", "cls"):
            return self.enclosing_class(scope)
        return instances.get(node.id) or self.visible(node.id, scope, self.classes)

    def enclosing_class(self, scope: str) -> str:
        """The innermost class around function ``scope``, or an empty string."""
        while scope:
            scope = scope.rpartition(".")[0]
            if scope in self.classes:
                return scope
        return ""

    def visible(self, name: str, scope: str, among: Mapping[str, object]) -> str:
        """The qualified name behind ``name`` in function ``scope``: nested first, class bodies are skipped."""
        while scope:
            if scope not in self.classes and f"{scope}.{name}" in among:
                return f"{scope}.{name}"
            scope = scope.rpartition(".")[0]
        return name if name in among else ""

    def method(self, owner: str, name: str) -> Iterator[str]:
        """Method ``name`` of class ``owner`` or of the nearest base class in this module that has it."""
        waiting, seen = [owner], {owner}
        while waiting:
            current = waiting.pop(0)
            if f"{current}.{name}" in self.functions:
                yield f"{current}.{name}"
                return
            for base in self.classes[current].bases:
                known = self.visible(base.id, current, self.classes) if isinstance(base, ast.Name) else ""
                if known and known not in seen:
                    seen.add(known)
                    waiting.append(known)


def _displayed(node: ast.expr) -> Iterator[ast.expr]:
    """The names and attributes that stand in a display, nested ones included."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if isinstance(current, ast.Dict):
            waiting.extend(current.values)
        elif isinstance(current, ast.List | ast.Tuple | ast.Set):
            waiting.extend(current.elts)
        elif current is not node and isinstance(current, ast.Name | ast.Attribute):
            yield current


def _own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """Every node of a function's body, without the bodies of functions and classes nested in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, FunctionNode | ast.ClassDef):
            waiting.extend(node.decorator_list)
        else:
            waiting.extend(children(node))


def _called(node: ast.expr) -> str:
    """The name that ``node`` calls, or an empty string."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
