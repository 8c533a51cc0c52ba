"""Expressions to ops, in the order in which Python evaluates them.

`Expressions.value` lowers an expression and returns the place of its value, empty when it can hold no resource;
`Expressions.branch` lowers a condition and returns the two positions from which control goes on.
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
from leaklint.flow.scope import Scope


class Expressions(Comprehensions):
    """Everything else about expressions."""

    def discard(self, node: cst.BaseExpression) -> None:
        """Lower an expression statement."""
        if isinstance(node, cst.Call):
            self._Call(node, discarded=True)
        elif isinstance(node, cst.Await) and isinstance(node.expression, cst.Call):
            self._Call(node.expression, awaited=True, discarded=True)
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
        return f"{base}.{node.attr.value}" if base else ""

    def _Await(self, node: cst.Await) -> Place:
        if isinstance(node.expression, cst.Call):
            return self._Call(node.expression, awaited=True)
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
                key = self._key(element.key)
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
        self.value(node.left)
        for comparison in node.comparisons:
            self.value(comparison.comparator)
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
            self.place(ops.Assume(Test.TRUTH, place, value, self._guard(node), node, value))

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

    def _Lambda(self, node: cst.Lambda) -> Place:
        parameters = set(parameter_names(node.params))
        defaults = self.defaults(node.params)
        names: set[str] = set()
        stack: list[cst.CSTNode] = [node.body]
        while stack:
            child = stack.pop()
            if isinstance(child, cst.Name):
                names.add(child.value)
            elif isinstance(child, cst.Attribute | cst.Arg):
                stack.append(child.value)
            else:
                stack.extend(child.children)
        captured = sorted((names - parameters) & self._captives())
        result = self.temporary()
        inner = self._inner_scope("<lambda>", frozenset(parameters))
        function = self.lower_nested(node, inner)
        self.place(ops.Define(result, function, tuple(captured)))
        if defaults:
            self.place(ops.Derive(result, defaults, owns=True))
        return result

    def defaults(self, parameters: cst.Parameters) -> tuple[Place, ...]:
        """Lower the default arguments of a function; the places of their values, which the function keeps."""
        found = []
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params):
            if parameter.default is not None:
                found.append(self.value(parameter.default))
        return tuple(place for place in found if place)

    def _captives(self) -> frozenset[str]:
        if self.scope.module:
            return frozenset()
        return self.scope.locals | self.scope.outer | self.scope.nonlocals

    def _inner_scope(self, name: str, names: frozenset[str], **more: object) -> Scope:
        prefix = "" if self.scope.module else f"{self.scope.name}.<locals>."
        path = "".join(f"{p}." for p, _ in self.classes[-1:])
        return Scope(
            name=f"{prefix}{path}{name}",
            locals=names,
            outer=self._captives(),
            event="" if self.scope.event in names else self.scope.event,
            follow=self.scope.follow,
            resolve=self.scope.resolve if self.scope.module else self.scope.dotted,
            **more,  # type: ignore[arg-type]
        )


def parameter_names(parameters: cst.Parameters) -> list[str]:
    """The names of all parameters, starred ones last."""
    found = [p.name.value for p in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)]
    stars = (parameters.star_arg, parameters.star_kwarg)
    return found + [star.name.value for star in stars if isinstance(star, cst.Param)]
