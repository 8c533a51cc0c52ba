"""Comprehensions and generator expressions: loops inside of an expression, with variables of their own.

``[open(p) for p in ps]`` is a loop whose body puts each element into the list: the files are elements ``%1[]`` of it. A
generator expression runs when somebody iterates it, nearly always the call around it: it is lowered where it stands.
"""

from __future__ import annotations

from collections.abc import Callable

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_base import Position
from leaklint.flow.lower_calls import Calls
from leaklint.flow.ops import Place, Use


class Comprehensions(Calls):
    """Everything about comprehensions."""

    def _ListComp(self, node: cst.ListComp | cst.SetComp) -> Place:
        result = self.temporary()
        self.place(ops.Bind(result, none=False, container=True))

        def element() -> None:
            place = self.value(node.elt)
            if place:
                self.place(ops.Bind(f"{result}[]", place))

        self._loops(node.for_in, element)
        return result

    _SetComp = _ListComp

    def _DictComp(self, node: cst.DictComp) -> Place:
        result = self.temporary()
        self.place(ops.Bind(result, none=False, container=True))

        def element() -> None:
            self.value(node.key)
            place = self.value(node.value)
            if place:
                self.place(ops.Bind(f"{result}[]", place))

        self._loops(node.for_in, element)
        return result

    def _GeneratorExp(self, node: cst.GeneratorExp) -> Place:
        # Its body runs when somebody iterates: nearly always the call around it. It is lowered where it stands.
        result = self.temporary()
        sources: list[Place] = []

        def element() -> None:
            place = self.value(node.elt)
            if place:
                self.place(ops.Bind(f"{result}[]", place))

        self._loops(node.for_in, element, sources)
        if sources:
            self.place(ops.Derive(result, tuple(sources)))
        return result

    def _loops(self, comp: cst.CompFor, element: Callable[[], None], sources: list[Place] | None = None) -> None:
        source = self.value(comp.iter)
        if source and sources is not None:
            sources.append(source)
        iterator, item = self.hidden(), self.hidden()
        self.place(ops.Bind(iterator, source))
        asynchronous = comp.asynchronous is not None
        start = len(self.cfg.ops)
        head = self.place(ops.Join("comprehension"))
        self.act(ops.Event(Use.ITERATE, iterator, comp.iter), cancel=asynchronous)
        turn = self.cursor
        self.place(ops.Next(item, iterator))
        self.comprehensions.append({name: f"{name}@{self.counter}" for name in _target_names(comp.target)})
        self.assign(comp.target, item)
        skips: list[Position] = []
        for condition in comp.ifs:
            taken, other = self.branch(condition.test)
            skips.append(other)
            self.cursor = taken
            if taken is None:
                break
        if self.cursor is not None:
            if comp.inner_for_in is not None:
                self._loops(comp.inner_for_in, element, sources)
            else:
                element()
        self.comprehensions.pop()
        back = self.join(self.cursor, *skips)
        if back is not None:
            self.cfg.connect(back, head)
        self.cfg.loops.update(range(start, len(self.cfg.ops)))
        self.cursor = turn
        self.place(ops.Exhausted(item, iterator))
        self.place(ops.Unbind(item))
        self.place(ops.Unbind(iterator))


def _target_names(target: cst.BaseExpression) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, cst.StarredElement):
        return _target_names(target.value)
    if isinstance(target, cst.Tuple | cst.List):
        return [name for element in target.elements for name in _target_names(element.value)]
    return []
