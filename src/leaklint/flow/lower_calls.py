"""Calls: what is called, with what, and what a call of a container's method does to the container.

Example, ``files.append(open(p))``: ``open`` is a name behind which the scope knows a dotted one, so it is the callee;
``files`` is a variable, so it is the receiver and ``append`` the method::

    %1 = open(p)
    %2 = files.append(%1)
    files[] = %1            an element of the list may be the file now
    escape files[]          and belongs to whoever holds the list
"""

from __future__ import annotations

import libcst as cst

from leaklint.catalogue.model import Effect
from leaklint.flow import ops
from leaklint.flow.cfg import EdgeKind
from leaklint.flow.frames import CANCELLED
from leaklint.flow.lower_targets import Targets
from leaklint.flow.ops import ADDING, UNKNOWN, Arg, Place

_MERGING = frozenset({"extend", "update", "extendleft"})
_TAKING = frozenset({"pop", "popleft", "get", "get_nowait", "popitem"})
_VIEWING = {"values": "[]", "items": "[][1]", "copy": "[]"}
_CONTAINERS = frozenset({"list", "dict", "set", "tuple", "collections.deque", "collections.defaultdict", "sorted"})


class Calls(Targets):
    """Everything about calls."""

    def call(self, node: cst.Call, *, awaited: bool = False, discarded: bool = False) -> Place:
        """Lower a call; the place of its result. `discarded` says that nothing looks at it."""
        callee = self.dotted(node.func)
        receiver = method = name = ""
        if not callee:
            receiver, method, name = self._callee(node.func)
        args = tuple(self._argument(index, argument) for index, argument in enumerate(node.args))
        result = self.temporary()
        call = ops.Call(result, callee, receiver, method, name, args, node, awaited, discarded)
        self._emit_call(call)
        return result

    _Call = call

    def _callee(self, func: cst.BaseExpression) -> tuple[Place, str, str]:
        if isinstance(func, cst.Attribute):
            receiver = self.value(func.value)
            return receiver, func.attr.value, f"{receiver}.{func.attr.value}" if receiver else ""
        place = self.value(func)
        return place, "__call__", place

    def _argument(self, index: int, argument: cst.Arg) -> Arg:
        place = self.value(argument.value)
        if argument.star:
            return Arg(argument.star, place)
        key = argument.keyword.value if argument.keyword is not None else str(index)
        value: object = UNKNOWN
        node = argument.value
        if isinstance(node, cst.Name) and node.value in ("None", "True", "False"):
            value = {"None": None, "True": True, "False": False}[node.value]
        elif isinstance(node, cst.Integer | cst.SimpleString):
            value = node.evaluated_value
        elif isinstance(node, cst.Dict):
            keys = (e.key for e in node.elements if isinstance(e, cst.DictElement))
            value = tuple(str(key.evaluated_value) for key in keys if isinstance(key, cst.SimpleString))
        return Arg(key, place, value, self.dotted(node), self._known_text(node))

    def _known_text(self, node: cst.BaseExpression) -> str:
        if isinstance(node, cst.Name):
            return self.scope.text(node.value)
        if isinstance(node, cst.FormattedString):
            return "\0".join(part.value for part in node.parts if isinstance(part, cst.FormattedStringText))
        found = node.evaluated_value if isinstance(node, cst.SimpleString | cst.ConcatenatedString) else None
        return found if isinstance(found, str) else ""

    def _emit_call(self, call: ops.Call) -> None:
        function = self.catalogue.functions.get(call.callee) if call.callee else None
        effect = function.effect if function is not None else None
        if effect is Effect.ENDS_PROCESS:
            self.place(call)
            self.cursor = None
        elif effect is Effect.NEVER_RETURNS:
            node = self.place(call)
            self.cfg.connect(node, self.unwinder.exception(self.unwinder.frames, CANCELLED), EdgeKind.CANCEL)
            self.cursor = None
        elif effect in (Effect.QUIET, Effect.SPELLS, Effect.UNIQUE):
            self.place(call)
        else:
            self.act(call, cancel=call.awaited)
        if self.cursor is None:
            return
        if call.callee in _CONTAINERS:
            self.place(ops.Bind(call.dst, none=False, container=True))
            for arg in call.args[:1]:
                if arg.place:
                    self.place(ops.Bind(f"{call.dst}[]", f"{arg.place}[]"))
        elif call.receiver:
            self._container_call(call)

    def _container_call(self, call: ops.Call) -> None:
        method, receiver = call.method, call.receiver
        if method in ADDING:
            kept = [a for a in call.args if a.key == str(ADDING[method]) and a.place]
            for arg in kept:
                self.place(ops.Bind(f"{receiver}[]", arg.place))
                self.place(ops.Escape(f"{receiver}[]", ops.How.ELEMENT, call.node))
        elif method in _MERGING:
            for arg in call.args:
                if arg.place:
                    self.place(ops.Bind(f"{receiver}[]", f"{arg.place}[]"))
                    self.place(ops.Escape(f"{receiver}[]", ops.How.ELEMENT, call.node))
        elif method in _TAKING:
            self.place(ops.Bind(call.dst, f"{receiver}[]", weak=True, node=call.node))
        elif method in _VIEWING:
            self.place(ops.Bind(f"{call.dst}{_VIEWING[method]}", f"{receiver}[]"))
