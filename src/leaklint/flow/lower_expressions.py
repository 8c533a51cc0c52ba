"""The other expressions, in the order in which Python evaluates them: names, displays, operators, strings, suspension.

The place of a value is empty when it can hold no resource.

Example, ``[open(p), 1]``: the display is a temporary, its elements are places in it::

    %1 = a container
    %2 = open(p)
    %1[0] = %2          the literal 1 has no place
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.cfg import EdgeKind
from leaklint.flow.frames import ANY, CANCELLED
from leaklint.flow.lower_base import Position
from leaklint.flow.lower_comprehensions import Comprehensions
from leaklint.flow.ops import Place, Test, Use


class Expressions(Comprehensions):
    """Everything else about expressions."""

    def discard(self, node: cst.BaseExpression) -> None:
        """Lower an expression statement."""
        if isinstance(node, cst.Call):
            self.call(node, discarded=True)
        elif isinstance(node, cst.Await) and isinstance(node.expression, cst.Call):
            self.call(node.expression, awaited=True, discarded=True)
        elif isinstance(node, cst.Attribute):
            base = self.value(node.value)
            if base:
                self.place(ops.Mention(base, node.attr.value, node))
        else:
            self.value(node)

    def _Name(self, node: cst.Name) -> Place:
        if node.value in ("None", "True", "False") or self.dotted(node):
            return ""
        return self.variable(node.value)

    def _Attribute(self, node: cst.Attribute) -> Place:
        if self.dotted(node):
            return ""
        base = self.value(node.value)
        if base:
            return f"{base}.{node.attr.value}"
        # ``database.pool``: the module is no value, what it keeps is.
        written = self.written(node)
        return written if written in self.cfg.foreign else ""

    def _Await(self, node: cst.Await) -> Place:
        if isinstance(node.expression, cst.Call):
            return self.call(node.expression, awaited=True)
        place = self.value(node.expression)
        self.act(ops.Event(Use.AWAIT, place, node), cancel=True)
        return place

    def _Yield(self, node: cst.Yield) -> Place:
        inner = node.value
        place = ""
        if isinstance(inner, cst.From):
            self.act(ops.Event(Use.ITERATE, self.value(inner.item), node))
        elif inner is not None:
            place = self.value(inner)
        if place and not self.scope.yields_back:
            self.place(ops.Escape(place, ops.How.YIELD, node))
        position = self.place(ops.Event(Use.YIELD, place, node))
        if self.scope.resumed:
            return ""
        frames = self.unwinder.frames
        if self.scope.yields_back:
            self.cfg.connect(position, self.unwinder.exception(frames, ANY), EdgeKind.EXCEPTION)
        self.cfg.connect(position, self.unwinder.exception(frames, CANCELLED), EdgeKind.CANCEL)
        return ""

    def _NamedExpr(self, node: cst.NamedExpr) -> Place:
        place = self.value(node.value)
        self.assign(node.target, place, node.value)
        return self.value(node.target)

    def _Tuple(self, node: cst.Tuple | cst.List | cst.Set) -> Place:
        result = self.temporary()
        self.place(ops.Bind(result, truth=bool(node.elements), none=False, container=True))
        indexed = not isinstance(node, cst.Set)
        for index, element in enumerate(node.elements):
            place = self.value(element.value)
            if isinstance(element, cst.StarredElement):
                indexed = False
                if place:
                    self.place(ops.Bind(f"{result}[]", f"{place}[]"))
            elif place:
                self.place(ops.Bind(f"{result}[{index if indexed else ''}]", place))
        return result

    _List = _Tuple

    _Set = _Tuple

    def _Dict(self, node: cst.Dict) -> Place:
        result = self.temporary()
        self.place(ops.Bind(result, truth=bool(node.elements), none=False, container=True))
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                key = self.key(element.key)
                self.value(element.key)
                place = self.value(element.value)
                if place:
                    self.place(ops.Bind(f"{result}[{key}]", place))
            else:
                place = self.value(element.value)
                if place:
                    self.place(ops.Bind(f"{result}[]", f"{place}[]"))
        return result

    def _UnaryOperation(self, node: cst.UnaryOperation) -> Place:
        self.value(node.expression)
        return ""

    def _BinaryOperation(self, node: cst.BinaryOperation) -> Place:
        # The left spine of a long sum is walked, not recursed into.
        spine: list[cst.BinaryOperation] = [node]
        while isinstance(spine[-1].left, cst.BinaryOperation):
            spine.append(spine[-1].left)
        left = self.value(spine[-1].left)
        for operation in reversed(spine):
            right = self.value(operation.right)
            if left or right:
                result = self.temporary()
                self.place(ops.Combine(result, left))
                if isinstance(operation.operator, cst.Add | cst.Multiply):
                    for side in filter(None, (left, right)):
                        self.place(ops.Bind(f"{result}[]", f"{side}[]"))
                left = result
        return left

    def _Comparison(self, node: cst.Comparison) -> Place:
        if len(node.comparisons) > 1:
            self.cursor = self.join(*self.chain(node))
            return ""
        self.value(node.left)
        self.value(node.comparisons[0].comparator)
        return ""

    def _BooleanOperation(self, node: cst.BooleanOperation) -> Place:
        result = self.temporary()
        taken_when = isinstance(node.operator, cst.Or)
        left = self.value(node.left)
        split = self.cursor
        self._assume_value(node.left, left, taken_when)
        self.place(ops.Bind(result, left))
        short = self.cursor
        self.cursor = split
        self._assume_value(node.left, left, not taken_when)
        right = self.value(node.right)
        self.place(ops.Bind(result, right))
        self.cursor = self.join(short, self.cursor)
        return result

    def _assume_value(self, node: cst.BaseExpression, place: Place, value: bool) -> None:
        if place:
            self.place(ops.Assume(Test.TRUTH, place, value, self.guard(node), node, value))

    def _IfExp(self, node: cst.IfExp) -> Place:
        result = self.temporary()
        taken, other = self.branch(node.test)
        ends: list[Position] = []
        for position, expression in ((taken, node.body), (other, node.orelse)):
            self.cursor = position
            if position is None:
                continue
            place = self.value(expression)
            truth, none = self.constant(expression)
            self.place(ops.Bind(result, place, truth, none))
            ends.append(self.cursor)
        self.cursor = self.join(*ends)
        return result

    def _FormattedString(self, node: cst.FormattedString) -> Place:
        return self._spelled(self._parts(node.parts))

    def _TemplatedString(self, node: cst.BaseExpression) -> Place:
        return self._spelled(self._parts(getattr(node, "parts", ())))

    def _parts(self, parts: Sequence[cst.CSTNode]) -> list[Place]:
        """Lower the expressions inside of a string; the places of their values."""
        places = []
        for part in parts:
            expression = getattr(part, "expression", None)
            if expression is not None:
                places.append(self.value(expression))
                self._parts(getattr(part, "format_spec", None) or ())
        return places

    def _ConcatenatedString(self, node: cst.ConcatenatedString) -> Place:
        return self._spelled([self.value(node.left), self.value(node.right)])

    def _spelled(self, places: list[Place]) -> Place:
        sources = tuple(filter(None, places))
        if not sources:
            return ""
        result = self.temporary()
        self.place(ops.Spell(result, sources))
        return result
