"""Where values go that need a resource: returned, stored, handed to what keeps them. No block can follow them there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from leaklint.catalogue.model import Effect
from leaklint.fixes import known
from leaklint.fixes.borrowing import Loan
from leaklint.fixes.uses import Taint, Uses, nodes_of, root_of
from leaklint.syntax.nodes import walk

_RELEASING = frozenset({Effect.STACK_CALLBACK, Effect.STACK_ENTER, Effect.FINALIZER, Effect.CLOSER})
"""effects of what releases its argument later"""


@dataclass(slots=True)
class Outlets:
    """What becomes, in some statements, of the values that ``uses`` found to need the resource."""

    uses: Uses
    problems: list[tuple[ast.AST, str]] = field(default_factory=list)
    """where a value goes that no block can follow, and how, as a clause"""
    doubts: list[tuple[ast.AST, str]] = field(default_factory=list)
    """where an unknown function may keep it"""
    lasting: str = ""
    """the call whose effect lasts as long as the resource is open: a lock, a port that is taken"""

    def look(self, statements: Iterable[ast.stmt]) -> None:
        """Note where the statements take what needs the resource."""
        for node in nodes_of(statements):
            self._judge(node)

    def _judge(self, node: ast.AST) -> None:
        match node:
            case ast.Return():
                self._goes(node, node.value, "returned")
            case ast.Yield():
                self._goes(node, node.value, "yielded")
            case ast.YieldFrom():
                if self.uses.of(node.value) and not self.uses.gives_rows(node.value):
                    self._goes(node, node.value, "yielded")
            case ast.Raise():
                self._goes(node, node.exc, "raised with an exception")
            case ast.Assign() | ast.AnnAssign():
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if self.uses.of(node.value):
                        self._stored(node, target)
            case ast.Call():
                self._passed(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                if name := next((n for n in self._captured(node)), ""):
                    self.problems.append((node, f"`{name}` is captured by `{node.name}`"))
            case ast.Global() | ast.Nonlocal():
                for name in node.names:
                    if name in self.uses.taints:
                        self.problems.append((node, f"`{name}` is a variable of another scope"))
            case ast.Delete():
                for target in node.targets:
                    if isinstance(target, ast.Name) and target.id in self.uses.taints:
                        self.problems.append((node, f"`{target.id}` is deleted"))

    def _goes(self, node: ast.AST, value: ast.expr | None, how: str) -> None:
        taint = self.uses.of(value)
        if taint:
            assert value is not None
            needs = "needs" if taint is Taint.NEEDS else "may need"
            text = f"`{value.id}` is {how}" if isinstance(value, ast.Name) else f"what {needs} it is {how}"
            (self.problems if taint is Taint.NEEDS else self.doubts).append((node, text))

    def _stored(self, node: ast.AST, target: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            for element in target.elts:
                self._stored(node, element)
        elif isinstance(target, ast.Attribute | ast.Subscript):
            root = root_of(target)
            if not root or not self.uses.is_local(root, node):
                self.problems.append((node, f"it is stored in `{self.uses.code.source(target)}`"))

    def _passed(self, node: ast.Call) -> None:
        self._ends_otherwise(node)
        given = self.uses.arguments(node)
        if not given:
            return
        effect = self.uses.code.effect(node)
        name = self.uses.code.dotted(node.func)
        attribute = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if self.uses.borrows(node):
            return
        root = root_of(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        if root and root in self.uses.taints and self.uses.is_made_here(root, node):
            return
        if (
            attribute in known.KEEPING_METHODS
            or name in ("setattr", "builtins.setattr")
            or attribute == "__setattr__"
            or (effect is not None and effect.effect in (Effect.FINALIZER, Effect.STACK_CALLBACK, Effect.KEEPS))
        ):
            self.problems.append((node, f"it is handed to `{ast.unparse(node.func)}`, which keeps it"))
        elif all(self.uses.loan_of(node, a) is Loan.RETURNED for a in self.uses.given(node)):
            return
        elif root in ("self", "cls"):
            self.problems.append((node, f"`{ast.unparse(node.func)}` may keep it"))
        elif effect is None and name not in self.uses.code.catalogue.acquirers:
            self.doubts.append((node, f"`{ast.unparse(node.func)}` may keep it"))

    def _ends_otherwise(self, node: ast.Call) -> None:
        """Note calls after which closing is not what it was: the handle gives its file away, or holds something."""
        uses = self.uses
        called = uses.code.source(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) and uses.of(node.func.value) else ""
        effect = uses.code.effect(node)
        if method == "detach":
            self.problems.append((node, f"`{called}` gives away what is to be closed"))
        elif method in ("bind", "listen") or (
            uses.code.dotted(node.func) in known.LOCKS and any(uses.tainted(a) for a in node.args)
        ):
            self.lasting = called
        elif self._is_handed_over(node):
            self.problems.append((node, f"`{called}` takes it over"))
        elif effect is not None and effect.effect is Effect.PASSES and self._is_left_alone(node):
            self.problems.append((node, f"`{called}` starts what needs it later"))

    def _is_left_alone(self, node: ast.Call) -> bool:
        """Whether nothing holds what the call made of the resource, and so nothing waits for it."""
        return bool(self.uses.arguments(node)) and isinstance(self.uses.code.parent(node), ast.Expr)

    def _is_handed_over(self, node: ast.Call) -> bool:
        """Whether the call makes something that releases the resource itself, where a second release would raise."""
        if self.uses.resource.again == "ok" or not self.uses.arguments(node):
            return False
        effect = self.uses.code.effect(node)
        if effect is not None and effect.effect in _RELEASING:
            return True
        code = self.uses.code
        return any(resource.owns for resource in code.catalogue.acquirers.get(code.dotted(node.func), ()))

    def _captured(self, node: ast.AST) -> Iterator[str]:
        for inner in walk(node):
            if isinstance(inner, ast.Name) and inner.id in self.uses.taints:
                yield inner.id
