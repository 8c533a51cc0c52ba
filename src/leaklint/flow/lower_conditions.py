"""Conditions: the two positions from which control goes on, and what each way says of a place.

``if f is not None and not f.closed:`` asks one thing after the other: on the way on which both hold, ``f`` is not None
and open; the ways on which either fails meet again. A condition that reads variables and calls nothing has a *key*:
asked again before one of them is bound, it gives the same answer.
"""

from __future__ import annotations

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_base import Lowering, Position
from leaklint.flow.ops import Place, Test

_TESTS = frozenset({"isinstance", "issubclass", "hasattr", "callable"})
"""calls that give the same answer until a name is bound again"""
_NAMESPACES = frozenset({"locals", "globals", "vars", "dir"})
_SIDE = {cst.Is: "is", cst.IsNot: "is", cst.Equal: "==", cst.NotEqual: "==", cst.In: "in", cst.NotIn: "in"}
_STANDARD = frozenset(
    f"sys.{under}std{name}{under}{buffer}"
    for name in ("in", "out", "err")
    for under in ("", "__")
    for buffer in ("", ".buffer")
)


class Conditions(Lowering):
    """Everything about branches."""

    def branch(self, node: cst.BaseExpression) -> tuple[Position, Position]:
        """Lower a condition: the positions where it is true and where it is false."""
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Not):
            taken, other = self.branch(node.expression)
            return other, taken
        if isinstance(node, cst.BooleanOperation):
            taken, other = self.branch(node.left)
            if isinstance(node.operator, cst.And):
                self.cursor = taken
                if taken is None:
                    return None, other
                taken, second = self.branch(node.right)
                return taken, self.join(other, second)
            self.cursor = other
            if other is None:
                return taken, None
            second, other = self.branch(node.right)
            return self.join(taken, second), other
        truth, _ = self.constant(node)
        if truth is not None or (isinstance(node, cst.Name) and node.value == "__debug__"):
            return (self.cursor, None) if truth is not False else (None, self.cursor)
        if isinstance(node, cst.Comparison):
            return self._compare(node) if len(node.comparisons) == 1 else self.chain(node)
        if isinstance(node, cst.Attribute) and node.attr.value == "closed":
            base = self.value(node.value)
            return self._split(Test.CLOSED, base, True, self.guard(node), node)
        place = self.value(node)
        if self.cursor is None:
            return None, None
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
            # ``if conn.is_connected()``: the answer says something of the receiver.
            receiver = self._path(node.func.value)
            if receiver and node.func.attr.value in ("is_closed", "is_closing"):
                return self._split(Test.CLOSED, receiver, True, "", node)
            place = f"{receiver}.{node.func.attr.value}" if receiver else place
        return self._split(Test.TRUTH, place, True, self.guard(node), node)

    def _path(self, node: cst.BaseExpression) -> Place:
        """The place of a chain of names and attributes that start at a variable, without ops."""
        parts: list[str] = []
        while isinstance(node, cst.Attribute):
            parts.append(node.attr.value)
            node = node.value
        if not isinstance(node, cst.Name) or self.dotted(node):
            return ""
        return ".".join([self.variable(node.value), *reversed(parts)])

    def _split(self, test: Test, place: Place, value: bool, key: str, node: ops.Node) -> tuple[Position, Position]:
        if not place and not key:
            test = Test.OPAQUE
        split = self.cursor
        taken = self.place(ops.Assume(test, place, value, key, node))
        self.cursor = split
        other = self.place(ops.Assume(test, place, not value, key, node, holds=False))
        return taken, other

    def chain(self, node: cst.Comparison) -> tuple[Position, Position]:
        """Lower ``a < b < c``, which asks no further when ``a < b`` is false."""
        self.value(node.left)
        failed: Position = None
        for comparison in node.comparisons:
            self.value(comparison.comparator)
            if self.cursor is None:
                return None, failed
            self.cursor, other = self._split(Test.OPAQUE, "", True, "", node)
            failed = self.join(failed, other)
        return self.cursor, failed

    def _compare(self, node: cst.Comparison) -> tuple[Position, Position]:
        comparison = node.comparisons[0]
        operator, right_node = comparison.operator, comparison.comparator
        if isinstance(node.left, cst.Name) and node.left.value == "None":
            swapped = comparison.with_changes(comparator=node.left)
            node, right_node = node.with_changes(left=right_node, comparisons=[swapped]), node.left
        left = self.value(node.left)
        right = self.value(right_node)
        if self.cursor is None:
            return None, None
        negated = isinstance(operator, cst.IsNot | cst.NotEqual | cst.NotIn)
        equality = isinstance(operator, cst.Is | cst.IsNot | cst.Equal | cst.NotEqual)
        if equality and isinstance(right_node, cst.Name) and right_node.value == "None":
            subject = self.guard(node.left)
            key = f"{subject} is None" if subject else ""
            if key:
                self.cfg.guards[key] = self.cfg.guards[subject]
            return self._split(Test.NONE, left, not negated, key, node)
        asks = isinstance(operator, cst.In | cst.NotIn) and isinstance(right_node, cst.Call)
        if asks and isinstance(node.left, cst.SimpleString) and self._asks_namespace(right_node):
            # ``"conn" in locals()``: it has been bound.
            return self._split(Test.NONE, str(node.left.evaluated_value), negated, "", node)
        if equality and isinstance(node.left, cst.Attribute) and node.left.attr.value == "closed":
            truth, _ = self.constant(right_node)
            base = self._path(node.left.value)
            if truth is not None and base:
                return self._split(Test.CLOSED, base, truth is not negated, self.guard(node.left), node)
        if equality and self.dotted(right_node) in _STANDARD:
            return self._split(Test.STANDARD, left, not negated, "", node)
        if isinstance(operator, cst.Is | cst.IsNot) and left and right:
            return self._split(Test.SAME, left, not negated, right, node)
        if left:
            negative = self._negative(operator, right_node)
            if negative is not None:
                return self._split(Test.NEGATIVE, left, negative, "", node)
        name = _SIDE.get(type(operator))
        if name is None:
            return self._split(Test.OPAQUE, "", True, self.guard(node), node)
        sides = self.guard(node.left), self.guard(right_node, constants=True)
        key = f"{sides[0]} {name} {sides[1]}" if all(sides) else ""
        if key:
            self.cfg.guards[key] = self.cfg.guards[sides[0]] | self.cfg.guards.get(sides[1], frozenset())
        return self._split(Test.OPAQUE, "", not negated, key, node)

    def _asks_namespace(self, node: cst.BaseExpression) -> bool:
        return isinstance(node, cst.Call) and self.dotted(node.func) in _NAMESPACES

    def _negative(self, operator: cst.BaseCompOp, bound: cst.BaseExpression) -> bool | None:
        """Whether comparing with this bound says that the left side is a negative number."""
        text = _number(bound)
        if text == "-1":
            if isinstance(operator, cst.Equal):
                return True
            return False if isinstance(operator, cst.NotEqual | cst.GreaterThan) else None
        if text == "0":
            if isinstance(operator, cst.LessThan):
                return True
            return False if isinstance(operator, cst.GreaterThanEqual | cst.GreaterThan) else None
        return None

    def guard(self, node: cst.BaseExpression, *, constants: bool = False) -> str:
        """A key for a condition that gives the same answer until one of its variables is bound again, or ""."""
        names: set[str] = set()
        text = self._pure(node, names)
        if not text or (not names and not constants):
            return ""
        self.cfg.guards.setdefault(text, frozenset(names))
        self.cfg.guards.setdefault(f"{text} is None", frozenset(names))
        return text

    def _pure(self, node: cst.BaseExpression, names: set[str]) -> str:
        if isinstance(node, cst.Name):
            if node.value not in ("None", "True", "False"):
                names.add(self.variable(node.value))
            return self.variable(node.value)
        if isinstance(node, cst.Attribute):
            base = self._pure(node.value, names)
            return f"{base}.{node.attr.value}" if base else ""
        if isinstance(node, cst.Integer | cst.Float):
            return node.value
        if isinstance(node, cst.SimpleString):
            return repr(node.evaluated_value)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
            inner = self._pure(node.expression, names)
            return f"-{inner}" if inner else ""
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            left = self._pure(node.left, names)
            right = self._pure(node.comparisons[0].comparator, names)
            operator = type(node.comparisons[0].operator).__name__
            return f"{left} {operator} {right}" if left and right else ""
        if isinstance(node, cst.Tuple | cst.List | cst.Set):
            members = [self._pure(e.value, names) for e in node.elements]
            return f"({', '.join(members)})" if all(members) else ""
        if isinstance(node, cst.Call) and self.dotted(node.func) in _TESTS and not any(a.star for a in node.args):
            given = [self._pure(a.value, names) for a in node.args]
            return f"{self.dotted(node.func)}({', '.join(given)})" if all(given) else ""
        return ""


def _number(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        inner = _number(node.expression)
        return f"-{inner}" if inner else ""
    return node.value if isinstance(node, cst.Integer) else ""
