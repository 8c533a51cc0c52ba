"""What depends on a resource: which names need it, and where it goes that no block can follow.

Every name gets a *taint*: data that needs the resource no more; what an unknown function made of it; what surely reads
from it (an alias, a cursor, a lazy iterator). Nothing here looks at paths: an assignment anywhere counts everywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from leaklint.catalogue.model import Effect, Resource
from leaklint.fixes import known
from leaklint.fixes.borrowing import Loan, loan, reads_later
from leaklint.fixes.code import Code, own_nodes
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import children, walk


class Taint(IntEnum):
    """How a value depends on the resource; the order is that of strength."""

    DATA = 0
    MAYBE = 1
    NEEDS = 2


_LAZY = frozenset(
    {Effect.DERIVES, Effect.WRAPS, Effect.PASSES, Effect.HOLDS, Effect.CLOSER, Effect.KEEPS, Effect.STACK_ENTER}
)
_EAGER = frozenset({Effect.EXHAUSTS, Effect.QUIET, Effect.PARSER})
_TEXTS = known.words("format join replace strip lstrip rstrip lower upper encode decode splitlines split")
"""methods of texts whose result is a text with the same in it"""


@dataclass(slots=True)
class Uses:
    """The taints of names, and what became of tainted values, in some statements."""

    code: Code
    resource: Resource
    taints: dict[str, Taint]
    rows: set[str] = field(default_factory=set)
    """names that are iterated for data"""
    origin: ast.expr | None = None
    """the acquisition itself, where it has no name yet"""
    _generators: dict[str, bool] = field(default_factory=dict)
    _lazy: dict[str, bool] = field(default_factory=dict)

    @property
    def is_path(self) -> bool:
        """Whether the name of the file goes with the resource: a text made of it is as good as the handle."""
        return self.resource.kind in ("temporary", "temp-path") and not self.resource.id.endswith("-kept")

    def follow(self, statements: Iterable[ast.stmt]) -> None:
        """Spread the taints through the statements until nothing changes."""
        nodes = list(nodes_of(statements))
        before: tuple[dict[str, Taint], set[str]] | None = None
        while before != (self.taints, self.rows):
            before = dict(self.taints), set(self.rows)
            for node in nodes:
                self._spread(node)

    def tainted(self, node: ast.AST) -> bool:
        """Whether a node mentions a name that needs the resource, or may."""
        return any(n is self.origin or (isinstance(n, ast.Name) and n.id in self.taints) for n in walk(node))

    # taints

    def _spread(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                self._bind(target, node.value)
        elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
            if node.value is not None:
                self._bind(node.target, node.value)
        elif isinstance(node, ast.For | ast.AsyncFor):
            self._taint(node.target, self.elements(node.iter))
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                if item.optional_vars is not None:
                    self._bind(item.optional_vars, item.context_expr)
        elif isinstance(node, ast.Match):
            taint = self.of(node.subject)
            for case in node.cases:
                for pattern in walk(case.pattern):
                    if isinstance(pattern, ast.MatchAs | ast.MatchStar) and pattern.name:
                        self._raise(pattern.name, taint)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = self.arguments(node)
            root = root_of(node.func.value)
            if given and root and root not in self.taints and not self.borrows(node) and self.is_local(root, node):
                self._raise(root, given)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name) and self.gives_rows(value):
            self.rows.add(target.id)
        self._taint(target, self.of(value))

    def _taint(self, target: ast.expr, taint: Taint) -> None:
        if not taint:
            return
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._taint(element, taint)
            return
        if isinstance(target, ast.Starred):
            self._taint(target.value, taint)
        elif root := root_of(target):
            self._raise(root, taint)

    def _raise(self, name: str, taint: Taint) -> None:
        if name and self.taints.get(name, Taint.DATA) < taint:
            self.taints[name] = taint

    def of(self, node: ast.expr | None) -> Taint:
        """How the value of an expression depends on the resource."""
        if node is not None and node is self.origin:
            return Taint.NEEDS
        match node:
            case None | ast.Constant() | ast.Compare():
                return Taint.DATA
            case ast.JoinedStr():
                return max(map(self.of, node.values), default=Taint.DATA) if self.is_path else Taint.DATA
            case ast.FormattedValue():
                return self.of(node.value)
            case ast.Name():
                return self.taints.get(node.id, Taint.DATA)
            case ast.Attribute():
                data = node.attr in known.DATA_ATTRIBUTES and not (self.is_path and node.attr in ("name", "filename"))
                return Taint.DATA if data else self.of(node.value)
            case ast.Subscript() | ast.Starred() | ast.Await() | ast.NamedExpr():
                return self.of(node.value)
            case ast.Call():
                return self._call(node)
            case ast.UnaryOp():
                return Taint.DATA if isinstance(node.op, ast.Not) else self.of(node.operand)
            case ast.BinOp():
                return max(self.of(node.left), self.of(node.right))
            case ast.BoolOp():
                return max(map(self.of, node.values))
            case ast.IfExp():
                return max(self.of(node.body), self.of(node.orelse))
            case ast.Tuple() | ast.List() | ast.Set():
                return max(map(self.of, node.elts), default=Taint.DATA)
            case ast.Dict():
                return max(map(self.of, (*filter(None, node.keys), *node.values)), default=Taint.DATA)
            case ast.ListComp() | ast.SetComp():
                return self._comprehension(node.generators, [node.elt])
            case ast.DictComp():
                return self._comprehension(node.generators, [node.key, node.value])
            case _:
                return Taint.NEEDS if self.tainted(node) else Taint.DATA

    def elements(self, node: ast.expr) -> Taint:
        """How what iterating the expression gives depends on the resource."""
        return Taint.DATA if self.gives_rows(node) else self.of(node)

    def gives_rows(self, node: ast.expr) -> bool:
        """Whether iterating the expression gives data."""
        if node is self.origin:
            return self.resource.kind in known.ROW_KINDS
        if isinstance(node, ast.Await):
            node = node.value
        if isinstance(node, ast.Name):
            return node.id in self.rows
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr in known.ROW_METHODS:
            return True
        effect = self.code.effect(node)
        if effect is None or effect.effect not in (Effect.DERIVES, Effect.EXHAUSTS):
            return False
        return all(not self.of(a) or self.gives_rows(a) or isinstance(a, ast.Lambda) for a in node.args)

    def _comprehension(self, generators: list[ast.comprehension], results: list[ast.expr]) -> Taint:
        shadowed = {name: self.taints.get(name) for g in generators for name in _names(g.target)}
        for name in shadowed:
            self.taints.pop(name, None)
        for generator in generators:
            self._taint(generator.target, self.elements(generator.iter))
        found = max(map(self.of, results))
        for name, taint in shadowed.items():
            self.taints.pop(name, None)
            if taint is not None:
                self.taints[name] = taint
        return found

    def arguments(self, node: ast.Call) -> Taint:
        """The strongest taint of what a call is given."""
        values = [*node.args, *(k.value for k in node.keywords)]
        if isinstance(node.func, ast.Attribute) and node.func.attr in ("extend", "update", "extendleft"):
            values = [value for value in values if not self.gives_rows(value)]
        return max(map(self.of, values), default=Taint.DATA)

    def _call(self, node: ast.Call) -> Taint:
        given = self.arguments(node)
        receiver = self.of(node.func.value) if isinstance(node.func, ast.Attribute) else self.of(node.func)
        if receiver and isinstance(node.func, ast.Attribute):
            attribute = node.func.attr
            if self.is_path and attribute in _TEXTS:
                return receiver
            if attribute.startswith("fetch") and self.resource.package in ("oracledb", "cx_Oracle"):
                return Taint.MAYBE  # a large object in a row is read by the connection, later
            of_project = ":" in self.resource.type
            if attribute in known.DATA_METHODS and not (of_project and self._is_lazy(attribute)):
                return Taint.DATA
            later = attribute in known.OPENING_METHODS or self._is_lazy(attribute) or self._is_unawaited(node)
            return Taint.NEEDS if receiver and later else Taint.MAYBE
        if receiver:
            return receiver
        if not given:
            return Taint.DATA
        name = self.code.dotted(node.func)
        effect = self.code.effect(node)
        if self.is_path and (name in ("str", "repr", "format") or (effect and effect.effect is Effect.SPELLS)):
            return given
        if effect is not None and effect.effect is Effect.SPELLS:
            return Taint.DATA
        if name.startswith("pandas.read_") and not _is_lazy_read(node):
            return Taint.DATA
        if name in known.DATA_FUNCTIONS or (effect is not None and effect.effect in _EAGER):
            return Taint.DATA
        plain = known.DATA_METHODS | known.BORROWING_METHODS
        plain = plain - _TEXTS if self.is_path else plain
        if isinstance(node.func, ast.Attribute) and node.func.attr in plain:
            return Taint.DATA
        if (effect is not None and effect.effect in _LAZY) or name in self.code.catalogue.acquirers:
            return Taint.NEEDS
        called = name or ast.unparse(node.func)
        last = called.rpartition(".")[2]
        if last[:1].isupper() or self._is_generator(last):
            return Taint.NEEDS
        if all(self.loan_of(node, a) is Loan.RETURNED for a in self.given(node)):
            return Taint.DATA
        return Taint.MAYBE

    def given(self, node: ast.Call) -> list[ast.expr]:
        """The arguments that need the resource, or may."""
        return [a for a in (*node.args, *(k.value for k in node.keywords)) if self.of(a)]

    def loan_of(self, node: ast.Call, argument: ast.expr) -> Loan:
        """What the called function does with an argument."""
        return loan(self.code, node, argument)

    def _is_generator(self, name: str) -> bool:
        """Whether a function of this name in this file runs later than it is called."""
        if name not in self._generators:
            self._generators[name] = any(
                isinstance(node, FunctionNode)
                and node.name == name
                and (isinstance(node, ast.AsyncFunctionDef) or any(_yields(n) for n in walk(node)))
                for node in walk(self.code.tree)
            )
        return self._generators[name]

    def _is_unawaited(self, node: ast.Call) -> bool:
        """Whether a call only makes a coroutine of a method of this file, for which its statement does not wait."""
        assert isinstance(node.func, ast.Attribute)
        name = node.func.attr
        makes = any(
            isinstance(known_function, ast.AsyncFunctionDef)
            and known_function.name == name
            and isinstance(self.code.parent(known_function), ast.ClassDef)
            for known_function in walk(self.code.tree)
        )
        return makes and not any(
            isinstance(around, ast.Await) for around in self.code.ancestors(node) if isinstance(around, ast.expr)
        )

    def _is_lazy(self, method: str) -> bool:
        """Whether a method of this name gives what reads from its object later."""
        if method not in self._lazy:
            self._lazy[method] = reads_later(self.code, method)
        return self._lazy[method]

    def borrows(self, node: ast.Call) -> bool:
        """Whether the called function is known to use what it is given and to keep nothing of it."""
        if isinstance(node.func, ast.Attribute) and node.func.attr in known.KEEPING_METHODS:
            return False
        effect = self.code.effect(node)
        if self.code.dotted(node.func) in known.DATA_FUNCTIONS:
            return True
        if effect is not None and effect.effect in _EAGER | {
            Effect.BORROWS,
            Effect.DERIVES,
            Effect.DRAINS,
            Effect.SPELLS,
        }:
            return True
        if self.code.dotted(node.func).startswith("pandas.read_"):
            return True
        if not isinstance(node.func, ast.Attribute):
            return False
        return node.func.attr in known.BORROWING_METHODS or node.func.attr.startswith("assert")

    def is_made_here(self, name: str, node: ast.AST) -> bool:
        """Whether all that a variable holds is made in this function: a display, or what a class makes."""
        stores = [
            inner
            for inner in own_nodes(self.code.scope(node))
            if isinstance(inner, ast.Name) and inner.id == name and not isinstance(inner.ctx, ast.Load)
        ]
        return bool(stores) and all(self._is_made(self.code.parent(store)) for store in stores)

    def _is_made(self, binding: ast.AST) -> bool:
        value = binding.value if isinstance(binding, ast.Assign | ast.AnnAssign) else None
        if isinstance(binding, ast.withitem):
            value = binding.context_expr
        match value:
            case ast.List() | ast.Dict() | ast.Set() | ast.ListComp() | ast.DictComp() | ast.SetComp():
                return True
            case ast.Call(func=func):
                last = ast.unparse(func).rpartition(".")[2]
                effect = self.code.effect(value)
                reads = effect is not None and effect.effect is Effect.DERIVES
                made = reads or bool(self.of(value)) or self.code.dotted(func) in self.code.catalogue.acquirers
                return (
                    made or last[:1].isupper() or last in ("list", "dict", "set", "deque", "defaultdict", "bytearray")
                )
            case _:
                return False

    def is_local(self, name: str, node: ast.AST) -> bool:
        """Whether a name is a variable of the function around a node that no parameter or import binds."""
        scope = self.code.scope(node)
        return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in own_nodes(scope))


def _is_lazy_read(node: ast.Call) -> bool:
    return any(keyword.arg in ("chunksize", "iterator", None) for keyword in node.keywords)


def root_of(node: ast.expr) -> str:
    """The variable in which a chain of attributes and subscripts begins, or an empty string."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _names(target: ast.expr) -> Iterator[str]:
    for node in walk(target):
        if isinstance(node, ast.Name):
            yield node.id


def _yields(node: ast.AST) -> bool:
    return isinstance(node, ast.Yield | ast.YieldFrom)


def nodes_of(statements: Iterable[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes of statements in the order of the text, without those of functions and classes inside."""
    stack: list[ast.AST] = list(reversed(list(statements)))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            stack.extend(reversed(children(node)))
