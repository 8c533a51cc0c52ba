"""Module-level containers that handler code only ever grows: told from the ast alone.

A container counts when the module makes it, a function that a handler reaches adds to it, and nothing in the module
takes away: no ``clear``, ``pop`` or ``del``, no new value, no test of its size around the addition, nobody else who
might. Example::

    seen = []                                   made once per sandbox

    def handler(event, context):
        seen.append(event["id"])                one more with every invocation
        if event["id"] not in cache:
            cache[event["id"]] = load(event)    one for every key: as many as there are keys

How sure a finding is depends on what bounds the additions: nothing (high), the values of a key that comes from the
event (medium), or the values of some other key, which may well be few (low).
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from leaklint.analysis.facts import Growth
from leaklint.analysis.influence import influenced, mentions, parameters
from leaklint.analysis.lasting import GROWING, SHRINKING, Code, behind, lasting, own_names, root, unkeyed
from leaklint.edit import Span
from leaklint.finding import Confidence
from leaklint.syntax.nodes import children, walk

_MADE_BY = {
    "list": "list", "dict": "dict", "set": "set", "deque": "deque", "defaultdict": "dict", "OrderedDict": "dict",
    "Counter": "dict",
}  # fmt: skip
"""Python's own containers by the last name of what makes them"""
_DISPLAYS: tuple[tuple[type[ast.expr], str], ...] = (
    (ast.List, "list"), (ast.ListComp, "list"), (ast.Dict, "dict"), (ast.DictComp, "dict"), (ast.Set, "set"),
    (ast.SetComp, "set"),
)  # fmt: skip
_ORDERED = frozenset({"append", "appendleft", "extend", "extendleft", "insert"})
_NAMING = (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.Yield, ast.arguments, ast.Lambda)
"""what gives a value another name, or to somebody else"""
_BOUNDING = (ast.In, ast.NotIn, ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_BUILTINS = frozenset(dir(builtins))
_TEXT = 40


@dataclass(frozen=True, slots=True)
class _Addition:
    """One expression that adds; `key` is None when every addition is one more."""

    node: ast.expr | ast.stmt
    function: str
    key: ast.expr | None
    many: bool = False
    """`key` stands for as many keys as it has, which nobody knows"""
    part: str = ""
    """the text of the key at which hangs what grows: ``'items'`` for ``state["items"].append(x)``"""


@dataclass(slots=True)
class _Container:
    name: str
    kind: str
    made: ast.stmt
    additions: list[_Addition] = field(default_factory=list)
    shrinks: bool = False
    reset: set[str] = field(default_factory=set)
    """constant keys that get a new value"""
    handed: bool = False
    """what hangs at a key goes by another name, or to another function"""
    unsure: bool = False
    """another name or a function elsewhere may take away from it"""


def makes_containers(tree: ast.Module) -> bool:
    """Whether the module makes a container of its own."""
    return next(_containers(tree), None) is not None


def growths(code: Code, unique: Callable[[ast.expr], bool], span: Callable[[ast.AST], Span]) -> Iterator[Growth]:
    """The containers of a module that only grow. `unique` says whether an expression never has the same value twice."""
    containers = {c.name: c for c in _containers(code.tree)}
    if not containers or not code.entries:
        return
    _Uses(code, containers).collect()
    growing = [c for c in containers.values() if not c.shrinks and any(_lasts(a, c) for a in c.additions)]
    if not growing:
        return
    once = lasting(code, keyed=False)
    events = influenced(code)
    for container in growing:
        rated = [
            (_confidence(code, addition, container, events.get(addition.function, frozenset()), unique), addition)
            for addition in container.additions
            if _lasts(addition, container)
            and not once.covers(addition.function, addition.node.lineno)
            and not _guarded(code, addition, _asks_size(container))
        ]
        if rated:
            rated.sort(key=lambda each: (-each[0].rank, each[1].node.lineno, each[1].node.col_offset))
            confidence, first = rated[0]
            yield Growth(
                container.name,
                container.kind,
                span(container.made),
                tuple(span(addition.node) for _, addition in rated),
                first.function,
                _text(first),
                confidence,
            )


def _text(addition: _Addition) -> str:
    """What there is an entry for, as the message names it."""
    if addition.key is None:
        return ""
    key = " ".join(ast.unparse(addition.key).split())
    key = key if len(key) <= _TEXT else f"{key[: _TEXT - 3]}..."
    return f"key of `{key}`" if addition.many else f"`{key}`"


def _lasts(addition: _Addition, container: _Container) -> bool:
    """Whether what is added stays: the part that grows gets no new value."""
    return addition.part not in container.reset


def _confidence(
    code: Code,
    addition: _Addition,
    container: _Container,
    events: frozenset[str],
    unique: Callable[[ast.expr], bool],
) -> Confidence:
    if addition.many or (addition.key is not None and _guarded(code, addition, _asks_bound(addition.key, container))):
        return Confidence.LOW
    if addition.key is None or any(unique(n) for n in walk(addition.key) if isinstance(n, ast.expr)):
        sure = Confidence.HIGH
    else:
        sure = Confidence.MEDIUM if mentions(addition.key, events) else Confidence.LOW
    unsure = container.unsure or (container.handed and addition.part)
    return sure.lowered(2) if unsure else sure


# what a module makes


def _containers(tree: ast.Module) -> Iterator[_Container]:
    """The variables of a module whose every value is a container that its own code makes, in the first column."""
    values: dict[str, list[tuple[str, ast.stmt]]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            for target in statement.targets if isinstance(statement, ast.Assign) else [statement.target]:
                if isinstance(target, ast.Name):
                    values.setdefault(target.id, []).append((_kind(statement.value), statement))
    for name, made in values.items():
        if all(kind for kind, _ in made) and not name.startswith("__"):
            yield _Container(name, *made[0])


def _kind(value: ast.expr) -> str:
    """What a container is called, or an empty string for anything else; a deque with a length is none."""
    for display, kind in _DISPLAYS:
        if isinstance(value, display):
            return kind
    if not isinstance(value, ast.Call):
        return ""
    kind = _MADE_BY.get(ast.unparse(value.func).rpartition(".")[2], "")
    bounded = kind == "deque" and (len(value.args) > 1 or any(k.arg == "maxlen" for k in value.keywords))
    return "" if bounded else kind


# what its functions do with it


@dataclass(slots=True)
class _Uses:
    code: Code
    containers: Mapping[str, _Container]
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    names: dict[ast.AST, str] = field(default_factory=dict)
    """functions by their nodes"""
    hidden: dict[str, frozenset[str]] = field(default_factory=dict)

    def collect(self) -> None:
        """Sort every use of a container into additions, removals and what may be one."""
        self.names = {node: name for name, node in self.code.functions.items()}
        waiting: list[tuple[ast.AST, str]] = [(self.code.tree, "")]
        while waiting:
            node, function = waiting.pop()
            for child in children(node):
                self.parents[child] = node
                waiting.append((child, self.names.get(child, function)))
                if isinstance(child, ast.Name) and child.id in self.containers:
                    if function not in self.hidden:
                        self.hidden[function] = own_names(self.code, function)
                    if child.id not in self.hidden[function]:
                        self._use(child, self.containers[child.id], function)

    def _use(self, name: ast.Name, container: _Container, function: str) -> None:
        node: ast.expr = name
        parent = self.parents[node]
        keys: list[ast.expr] = []
        while isinstance(parent, ast.Subscript) and parent.value is node:
            if isinstance(parent.ctx, ast.Del) or (
                isinstance(parent.ctx, ast.Store) and isinstance(parent.slice, ast.Slice)
            ):
                container.shrinks = True
                return
            keys.append(parent.slice)
            node, parent = parent, self.parents[parent]
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            self._store(node, container, function, keys)
        elif isinstance(parent, ast.Attribute) and parent.value is node:
            self._method(parent, container, function, keys)
        elif isinstance(parent, ast.AugAssign) and parent.target is node:
            if isinstance(parent.op, ast.Add | ast.BitOr):
                if isinstance(parent.op, ast.BitOr):
                    self._add_all(container, parent, function, parent.value, keys)
                else:
                    self._add(container, parent, function, None, keys)
            else:
                container.shrinks = True
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            container.shrinks = container.shrinks or bool(function)
        elif isinstance(parent, ast.Call | ast.keyword | ast.Starred):
            self._given(node, parent, container)
        elif isinstance(parent, _NAMING) or (isinstance(parent, ast.Return) and function not in self.code.entries):
            if isinstance(node, ast.Name):
                container.unsure = True
            else:
                container.handed = True

    def _store(self, node: ast.Subscript, container: _Container, function: str, keys: list[ast.expr]) -> None:
        key = next((k for k in keys if not isinstance(k, ast.Constant)), None)
        augmented = isinstance(self.parents[node], ast.AugAssign)
        if container.kind in ("list", "deque") and len(keys) == 1:
            return
        if key is not None:
            self._add(container, node, function, key)
        elif not augmented and function:
            container.reset.add(ast.unparse(keys[-1]))

    def _method(self, node: ast.Attribute, container: _Container, function: str, keys: list[ast.expr]) -> None:
        call = self.parents[node]
        called = isinstance(call, ast.Call) and call.func is node
        if node.attr in SHRINKING:
            container.shrinks = True
        elif node.attr not in GROWING:
            return
        elif not called:
            container.unsure = True
        elif isinstance(call, ast.Call):
            outer = next((k for k in keys if not isinstance(k, ast.Constant)), None)
            if node.attr in _ORDERED:
                member = call.args[-1] if call.args and self._asked(call, container) else None
                self._add(container, call, function, member, keys)
            elif node.attr == "update":
                new = next((a for a in call.args if not _has_constant_keys(a)), None)
                self._add_all(container, call, function, new, keys)
            elif call.args and not isinstance(call.args[0], ast.Constant):
                self._add(container, call, function, call.args[0], keys)
            elif outer is not None:
                self._add(container, call, function, outer, keys)

    def _asked(self, node: ast.AST, container: _Container) -> bool:
        """Whether a test around an addition asks if the container has it already."""
        while not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            node = self.parents[node]
            if isinstance(node, ast.If) and any(
                isinstance(n, ast.Compare)
                and isinstance(n.ops[0], ast.NotIn | ast.In)
                and any(isinstance(c, ast.Name) and c.id == container.name for c in n.comparators)
                for n in walk(node.test)
            ):
                return True
        return False

    def _given(self, node: ast.expr, parent: ast.AST, container: _Container) -> None:
        """The container is an argument: of a function of the module it is known whether it takes away."""
        call = parent if isinstance(parent, ast.Call) else self.parents[parent]
        if not isinstance(call, ast.Call) or call.func is node or not isinstance(node, ast.Name):
            return
        if not isinstance(call.func, ast.Name) or call.func.id in _BUILTINS:
            return
        target = self.code.functions.get(call.func.id)
        if target is None:
            container.unsure = True
            return
        accepting = parameters(target)
        given = {accepting[i] for i, a in enumerate(call.args) if a is node and i < len(accepting)}
        given |= {k.arg for k in call.keywords if k.arg and k.value is node}
        if any(_takes_away(inner, given) for inner in walk(target)):
            container.shrinks = True

    def _add(
        self,
        container: _Container,
        node: ast.expr | ast.stmt,
        function: str,
        key: ast.expr | None,
        keys: Sequence[ast.expr] = (),
    ) -> None:
        if function in self.code.reached:
            part = ast.unparse(keys[-1]) if keys else ""
            container.additions.append(_Addition(node, function, key, part=part))

    def _add_all(
        self,
        container: _Container,
        node: ast.expr | ast.stmt,
        function: str,
        new: ast.expr | None,
        keys: Sequence[ast.expr],
    ) -> None:
        if function in self.code.reached and new is not None:
            part = ast.unparse(keys[-1]) if keys else ""
            container.additions.append(_Addition(node, function, new, many=True, part=part))


def _has_constant_keys(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and all(isinstance(key, ast.Constant) for key in node.keys)


def _takes_away(node: ast.AST, names: set[str]) -> bool:
    method = isinstance(node, ast.Attribute) and node.attr in SHRINKING
    part = isinstance(node, ast.Subscript) and (isinstance(node.ctx, ast.Del) or isinstance(node.slice, ast.Slice))
    if not isinstance(node, ast.Attribute | ast.Subscript) or not (method or part):
        return False
    variable = root(node.value)
    return variable is not None and variable.id in names


def _guarded(code: Code, addition: _Addition, asks: Callable[[ast.expr], bool]) -> bool:
    """Whether the addition stands behind a test that asks something."""
    line = addition.node.lineno
    body = code.functions[addition.function].body
    return any(s.lineno <= line <= (s.end_lineno or s.lineno) for s in behind(body, asks))


def _asks_size(container: _Container) -> Callable[[ast.expr], bool]:
    """A test of the container's size: behind it the container is filled once, or up to a bound."""
    return lambda test: any(isinstance(node, ast.Name) and node.id == container.name for node in unkeyed(test))


def _asks_bound(key: ast.expr, container: _Container) -> Callable[[ast.expr], bool]:
    """A test of the key itself, against a limit or among the members of something else: there are only so many."""
    text = ast.unparse(key)

    def asks(test: ast.expr) -> bool:
        return any(
            isinstance(node, ast.Compare)
            and isinstance(node.ops[0], _BOUNDING)
            and ast.unparse(node.left) == text
            and not any(isinstance(n, ast.Name) and n.id == container.name for n in walk(node))
            for node in walk(test)
        )

    return asks
