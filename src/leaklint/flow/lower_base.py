"""What every part of lowering shares: positions in the graph, fresh places, names, and the dispatch by node class.

A lowering is one object for one function, put together from the classes of the ``lower_*`` modules: each adds the nodes
of one kind, and `value` (an expression) or `statement` finds the method ``_<class of the node>``.

Example: for ``f = open(p)`` the statement's method asks ``value`` for the call; that places ``%1 = open(p)`` at the
cursor, with an edge to where an exception goes from here, and returns the place ``%1``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

import libcst as cst

from leaklint.catalogue.model import Catalogue
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg, EdgeKind
from leaklint.flow.frames import ANY, CANCELLED, Unwinder
from leaklint.flow.ops import Place
from leaklint.flow.scope import Scope

Position = int | None
"""the node that control comes from, None where it never comes"""


class Lowering:
    """The state of lowering one function."""

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
        if not root:
            return ""
        full = ".".join([root, *reversed(parts)])
        followed = self.scope.follow(full)
        variable = self.scope.variable(full) if followed == full and "." in full else ""
        # A name that stands for a part of the variable's value is no path from the variable.
        length = variable.count(".") - root.count(".") + 1
        if not variable or length < 1:
            return followed
        self.cfg.foreign[".".join([node.value, *reversed(parts)][:length])] = variable
        return ""

    def written(self, node: cst.BaseExpression) -> str:
        """A chain of names as it is written, or an empty string."""
        parts: list[str] = []
        while isinstance(node, cst.Attribute):
            parts.append(node.attr.value)
            node = node.value
        return ".".join([node.value, *reversed(parts)]) if isinstance(node, cst.Name) else ""

    def value(self, node: cst.BaseExpression) -> Place:
        """Lower an expression; the place of its value."""
        method = getattr(self, f"_{type(node).__name__}", None)
        result: Place = method(node) if method is not None else ""
        return result

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
