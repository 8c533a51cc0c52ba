"""Places that are read and written: subscripts, and the targets of assignments.

``a, *rest = pair`` binds ``a`` to ``pair[0]`` and the elements of ``rest`` to any element of ``pair``; ``box.f = x``
binds the path ``box.f`` and says that ``x`` has another owner now, unless ``box`` is this function's own.
"""

from __future__ import annotations

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_conditions import Conditions
from leaklint.flow.ops import Place, Use


class Targets(Conditions):
    """Subscripts and assignment."""

    def _Subscript(self, node: cst.Subscript) -> Place:
        base = self.value(node.value)
        key = ""
        sliced = False
        for element in node.slice:
            if isinstance(element.slice, cst.Index):
                key = self.key(element.slice.value)
                self.value(element.slice.value)
            elif isinstance(element.slice, cst.Slice):
                sliced = True
                for bound in (element.slice.lower, element.slice.upper, element.slice.step):
                    if bound is not None:
                        self.value(bound)
        if not base:
            return ""
        if self.scope.event and ops.root_of(base) == self.scope.event:
            self.act(ops.Event(Use.SUBSCRIPT, base, node))
        if sliced:
            part = self.temporary()
            self.place(ops.Bind(f"{part}[]", f"{base}[]"))
            return part
        return f"{base}[{key if len(node.slice) == 1 else ''}]"

    def key(self, node: cst.BaseExpression) -> str:
        """The key of a subscript as it stands in a place: the text of a literal, empty for any."""
        if isinstance(node, cst.Integer):
            return node.value
        if isinstance(node, cst.SimpleString):
            return repr(node.evaluated_value)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.expression, cst.Integer):
            return ""
        return ""

    def assign(
        self, target: cst.BaseExpression, place: Place, value: cst.BaseExpression | None = None, node: ops.Node = None
    ) -> None:
        """Bind `target` to the value at `place`; `value` is its expression where there is one."""
        if isinstance(target, cst.Name):
            name = target.value
            if self.classes and not self.comprehensions:
                self.classes[-1][1].add(name)
            truth, none = self.constant(value) if value is not None else (None, None)
            bound = self.variable(name)
            self.place(ops.Bind(bound, place, truth, none, node=node))
            if place and name in self.scope.globals:
                self.place(ops.Escape(bound, ops.How.GLOBAL, node))
            elif place and name in self.scope.nonlocals:
                self.place(ops.Escape(bound, ops.How.NONLOCAL, node))
        elif isinstance(target, cst.Attribute):
            base = self.value(target.value)
            stored = f"{base}.{target.attr.value}" if base else ""
            if stored:
                self.place(ops.Bind(stored, place, node=node))
            if place:
                self.place(ops.Escape(stored or place, ops.How.ATTRIBUTE, node))
        elif isinstance(target, cst.Subscript) and isinstance(target.slice[0].slice, cst.Slice):
            base = self.value(target.value)
            limits = target.slice[0].slice
            for limit in (limits.lower, limits.upper, limits.step):
                if limit is not None:
                    self.value(limit)
            if base and place:
                self.place(ops.Bind(f"{base}[]", f"{place}[]", node=node))
                self.place(ops.Escape(f"{base}[]", ops.How.ELEMENT, node))
        elif isinstance(target, cst.Subscript):
            stored = self._Subscript(target)
            if stored:
                self.place(ops.Bind(stored, place, node=node))
            if place:
                self.place(ops.Escape(stored or place, ops.How.ELEMENT, node))
        elif isinstance(target, cst.Tuple | cst.List):
            starred = False
            for index, element in enumerate(target.elements):
                if isinstance(element, cst.StarredElement):
                    starred = True
                    part = self.temporary()
                    self.place(ops.Bind(part, container=True))
                    if place:
                        self.place(ops.Bind(f"{part}[]", f"{place}[]"))
                    self.assign(element.value, part, node=node)
                else:
                    source = f"{place}[{'' if starred else index}]" if place else ""
                    self.assign(element.value, source, node=node)
        elif isinstance(target, cst.StarredElement):
            self.assign(target.value, place, node=node)
