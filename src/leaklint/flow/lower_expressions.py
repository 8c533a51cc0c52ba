"""Expressions to ops, in the order in which Python evaluates them.

`Expressions.value` lowers an expression and returns the place of its value, empty when it can hold no resource;
`Expressions.branch` lowers a condition and returns the two positions from which control goes on.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

import libcst as cst

from leaklint.catalogue.model import Catalogue, Effect
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg, EdgeKind
from leaklint.flow.frames import ANY, CANCELLED, Unwinder
from leaklint.flow.ops import ADDING, UNKNOWN, Arg, Place, Test, Use
from leaklint.flow.scope import Scope

_MERGING = frozenset({"extend", "update", "extendleft"})
_TAKING = frozenset({"pop", "popleft", "get", "get_nowait", "popitem"})
_VIEWING = {"values": "[]", "items": "[][1]", "copy": "[]"}
_CONTAINERS = frozenset({"list", "dict", "set", "tuple", "collections.deque", "collections.defaultdict", "sorted"})
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

Position = int | None


class Expressions:
    """The state of lowering one function, and everything about expressions."""

    def __init__(self, scope: Scope, catalogue: Catalogue, cfg: Cfg) -> None:
        self.scope = scope
        self.catalogue = catalogue
        self.cfg = cfg
        self.unwinder = Unwinder(cfg)
        self.counter = 0
        self.classes: list[tuple[str, set[str]]] = []
        """enclosing class bodies that are being run: their path and the names bound so far"""
        self.comprehensions: list[dict[str, Place]] = []
        """enclosing comprehensions: the places of the variables that they bind"""
        self.lower_nested: Callable[[cst.FunctionDef | cst.Lambda, Scope], str] = lambda node, scope: ""
        self.functions: dict[cst.FunctionDef, ast.FunctionDef | ast.AsyncFunctionDef] = {}

    # positions

    @property
    def cursor(self) -> Position:
        """Where control comes from, None where it never comes."""
        return self.unwinder.cursor

    @cursor.setter
    def cursor(self, position: Position) -> None:
        self.unwinder.cursor = position

    def place(self, op: ops.Op) -> int:
        """Append an op that cannot raise."""
        return self.unwinder.place(op)

    def act(self, op: ops.Op, *, cancel: bool = False) -> None:
        """Append an op that may raise, and (with `cancel`) be cancelled."""
        node = self.place(op)
        frames = self.unwinder.frames
        self.cfg.connect(node, self.unwinder.exception(frames, ANY), EdgeKind.EXCEPTION)
        if cancel:
            self.cfg.connect(node, self.unwinder.exception(frames, CANCELLED), EdgeKind.CANCEL)

    def join(self, *positions: Position) -> Position:
        """One position from which control goes on after any of `positions`."""
        live = [p for p in positions if p is not None]
        if len(live) < 2:
            return live[0] if live else None
        meeting = self.cfg.add(ops.Join())
        for position in live:
            self.cfg.connect(position, meeting)
        return meeting

    def temporary(self) -> Place:
        """A fresh temporary."""
        self.counter += 1
        return f"%{self.counter}"

    def hidden(self) -> Place:
        """A fresh hidden variable."""
        self.counter += 1
        return f"#{self.counter}"

    # names

    def variable(self, name: str) -> Place:
        """The place of a name: inside of a class body, of the attribute that it becomes; inside of a comprehension, of
        the variable of its own."""
        for names in reversed(self.comprehensions):
            if name in names:
                return names[name]
        for path, bound in reversed(self.classes):
            if name in bound:
                return f"{path}.{name}"
        return name

    def dotted(self, node: cst.BaseExpression) -> str:
        """The dotted name behind a chain of names that starts at an import or a builtin, or an empty string."""
        parts: list[str] = []
        while isinstance(node, cst.Attribute):
            parts.append(node.attr.value)
            node = node.value
        if not isinstance(node, cst.Name) or any(node.value in bound for _, bound in self.classes):
            return ""
        root = self.scope.dotted(node.value)
        return self.scope.follow(".".join([root, *reversed(parts)])) if root else ""

    # values

    def value(self, node: cst.BaseExpression) -> Place:
        """Lower an expression; the place of its value."""
        method = getattr(self, f"_{type(node).__name__}", None)
        result: Place = method(node) if method is not None else ""
        return result

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

    def constant(self, node: cst.BaseExpression) -> tuple[bool | None, bool | None]:
        """(truth, is None) of an expression where it is a literal or a display, else None."""
        if isinstance(node, cst.Name) and node.value in ("None", "True", "False"):
            return node.value == "True", node.value == "None"
        if isinstance(node, cst.Integer | cst.Float):
            return bool(node.evaluated_value), False
        if isinstance(node, cst.SimpleString):
            return bool(node.evaluated_value), False
        if isinstance(node, cst.List | cst.Tuple | cst.Set | cst.Dict):
            return bool(node.elements), False
        if isinstance(node, cst.Lambda | cst.ListComp | cst.FormattedString):
            return None, False
        return None, None

    def _Name(self, node: cst.Name) -> Place:
        if node.value in ("None", "True", "False") or self.dotted(node):
            return ""
        return self.variable(node.value)

    def _Attribute(self, node: cst.Attribute) -> Place:
        if self.dotted(node):
            return ""
        base = self.value(node.value)
        return f"{base}.{node.attr.value}" if base else ""

    def _Subscript(self, node: cst.Subscript) -> Place:
        base = self.value(node.value)
        key = ""
        sliced = False
        for element in node.slice:
            if isinstance(element.slice, cst.Index):
                key = self._key(element.slice.value)
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

    def _key(self, node: cst.BaseExpression) -> str:
        if isinstance(node, cst.Integer):
            return node.value
        if isinstance(node, cst.SimpleString):
            return repr(node.evaluated_value)
        if isinstance(node, cst.UnaryOperation) and isinstance(node.expression, cst.Integer):
            return ""
        return ""

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

    # comprehensions

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

    # functions

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

    # calls

    def _Call(self, node: cst.Call, *, awaited: bool = False, discarded: bool = False) -> Place:
        callee = self.dotted(node.func)
        receiver = method = name = ""
        if not callee:
            receiver, method, name = self._callee(node.func)
        args = tuple(self._argument(index, argument) for index, argument in enumerate(node.args))
        result = self.temporary()
        call = ops.Call(result, callee, receiver, method, name, args, node, awaited, discarded)
        self._emit_call(call)
        return result

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
        return Arg(key, place, value, self.dotted(node))

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

    # assignment

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

    # conditions

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
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            return self._compare(node)
        if isinstance(node, cst.Attribute) and node.attr.value == "closed":
            base = self.value(node.value)
            return self._split(Test.CLOSED, base, True, self._guard(node), node)
        place = self.value(node)
        if self.cursor is None:
            return None, None
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and not node.args:
            # ``if conn.is_connected()``: the answer says something of the receiver.
            receiver = self._path(node.func.value)
            if receiver and node.func.attr.value in ("is_closed", "is_closing"):
                return self._split(Test.CLOSED, receiver, True, "", node)
            place = f"{receiver}.{node.func.attr.value}" if receiver else place
        return self._split(Test.TRUTH, place, True, self._guard(node), node)

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
            subject = self._guard(node.left)
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
                return self._split(Test.CLOSED, base, truth is not negated, self._guard(node.left), node)
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
            return self._split(Test.OPAQUE, "", True, self._guard(node), node)
        sides = self._guard(node.left), self._guard(right_node, constants=True)
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

    def _guard(self, node: cst.BaseExpression, *, constants: bool = False) -> str:
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


def parameter_names(parameters: cst.Parameters) -> list[str]:
    """The names of all parameters, starred ones last."""
    found = [p.name.value for p in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)]
    stars = (parameters.star_arg, parameters.star_kwarg)
    return found + [star.name.value for star in stars if isinstance(star, cst.Param)]


def _target_names(target: cst.BaseExpression) -> list[str]:
    if isinstance(target, cst.Name):
        return [target.value]
    if isinstance(target, cst.StarredElement):
        return _target_names(target.value)
    if isinstance(target, cst.Tuple | cst.List):
        return [name for element in target.elements for name in _target_names(element.value)]
    return []


def _number(node: cst.BaseExpression) -> str:
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        inner = _number(node.expression)
        return f"-{inner}" if inner else ""
    return node.value if isinstance(node, cst.Integer) else ""
