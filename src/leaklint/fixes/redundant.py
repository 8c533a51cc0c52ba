"""Releases inside of a block that its guard makes again: they go where that surely changes nothing.

Preconditions: it is the very call that the guard makes; from there the block is left by its end, a ``return``, a
``raise``, a ``break`` or a ``continue``, and on the way nothing happens that could see the resource open; no handler
inside of the block stands around it, which would get what the release raises (a flush that fails). Where a second
release raises all have to go: then the release itself is taken not to.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from leaklint.edit import Edit
from leaklint.fixes import rewrite
from leaklint.fixes.code import LOOPS, Code, Refused

_PLAIN = (
    ast.Constant, ast.Name, ast.Dict, ast.List, ast.Tuple, ast.UnaryOp, ast.expr_context, ast.unaryop,
    ast.JoinedStr, ast.FormattedValue,
)  # fmt: skip
_LOOKING = frozenset({"str", "repr", "len", "json.dumps"})
"""functions that look at what they are given and do nothing else"""
_FIELDS = ("body", "orelse", "finalbody", "handlers", "cases")


@dataclass(slots=True)
class Removal:
    """Edits that drop releases, and the 1-based lines that are not to be indented as the rest of the block is."""

    edits: list[Edit] = field(default_factory=list)
    lines: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Block:
    """The statements that the guard holds, the releases in them, and the names that need the resource."""

    code: Code
    statements: Sequence[ast.stmt]
    releases: Sequence[ast.stmt]
    needs: Container[str]
    step: str

    def without_releases(self, *, every: bool) -> Removal:
        """What drops the releases that surely change nothing; with `every` all of them. Raises Refused."""
        neutral = [unit for unit in map(self._unit, self.releases) if self._is_neutral(unit, every)]
        if every and len(neutral) < len(self.releases):
            raise Refused("a second release would raise")
        removal = Removal()
        blocks: dict[int, tuple[ast.AST, str, list[ast.stmt]]] = {}
        for unit in neutral:
            owner, name, block = self._place(unit)
            blocks[id(block)] = owner, name, block
        for owner, name, block in blocks.values():
            gone = [statement for statement in block if statement in neutral]
            try:
                self._drop(owner, name, block, gone, removal, every=every)
            except Refused:
                if every:
                    raise
        return removal

    def _place(self, node: ast.AST) -> tuple[ast.AST, str, list[ast.stmt]]:
        owner = self.code.parent(node)
        for name in _FIELDS:
            block = getattr(owner, name, None)
            if isinstance(block, list) and any(known is node for known in block):
                return owner, name, block
        raise Refused("it stands in no block")

    def _unit(self, release: ast.stmt) -> ast.stmt:
        """The release, or the ``if`` around it that does nothing else."""
        unit = release
        while unit not in self.statements:
            around = self.code.parent(unit)
            if not (isinstance(around, ast.If) and around.body == [unit] and not around.orelse):
                break
            if not self._asks_for_it(around.test) or self.code.text.startswith("elif", self.code.span(around).start):
                break
            unit = around
        return unit

    def _asks_for_it(self, test: ast.expr) -> bool:
        """Whether a test only asks whether the resource is there: ``f``, ``f is not None``, ``not f.closed``."""
        match test:
            case ast.Name(id=name):
                return name in self.needs
            case ast.Compare(left=ast.Name(), ops=[ast.IsNot()], comparators=[ast.Constant(value=None)]):
                return True
            case ast.UnaryOp(op=ast.Not(), operand=ast.Attribute(value=ast.Name(id=name), attr="closed")):
                return name in self.needs
            case _:
                return False

    # whether nothing sees the difference

    def _is_neutral(self, unit: ast.stmt, handled: bool) -> bool:
        """Whether the block is left from here with nothing in between; `handled` allows for handlers around it."""
        node: ast.AST = unit
        way: str | None = ""
        only_branches = False
        while True:
            owner, name, block = self._place(node)
            inside = any(node is statement for statement in self.statements)
            if not way and name not in ("handlers", "cases"):
                run = list(self.statements) if inside else block
                way = self._way(run[run.index(node) + 1 :])  # type: ignore[arg-type]
                if way is None:
                    return False
            if inside:
                return True
            if only_branches and not isinstance(owner, ast.If):
                return False
            if not self._passes(owner, name, unit, handled and way != "raise"):
                return False
            # What leaves a ``try`` by its ``finally`` may be an exception: what stands further out would see it.
            only_branches = only_branches or name == "finalbody"
            if isinstance(owner, LOOPS) and name == "body":
                if way in ("", "continue"):
                    return False
                way = "" if way == "break" else way
            node = owner

    def _way(self, following: Sequence[ast.stmt]) -> str | None:
        """How statements are left that do nothing: an empty string for their end; None when they do something."""
        for statement in following:
            match statement:
                case _ if isinstance(statement, ast.Pass) or any(self._unit(r) is statement for r in self.releases):
                    continue
                case ast.Return(value=value) if value is None or self._is_quiet(value):
                    return "return"
                case ast.Raise(exc=exc, cause=cause) if self._is_quiet_exception(exc) and self._is_quiet(cause):
                    return "raise"
                case ast.Break():
                    return "break"
                case ast.Continue():
                    return "continue"
                case _:
                    return None
        return ""

    def _passes(self, owner: ast.AST, name: str, unit: ast.stmt, handled: bool) -> bool:
        """Whether leaving a statement by one of its blocks does nothing."""
        match owner:
            case ast.Try():
                if name == "body" and owner.handlers and not handled:
                    return False
                return name == "finalbody" or self._way(owner.finalbody) == ""
            case ast.With() | ast.AsyncWith():
                return self._is_closed_before(owner, unit)
            case ast.If() | ast.ExceptHandler() | ast.match_case() | ast.Match():
                return True
            case _:
                return isinstance(owner, LOOPS)

    def _is_closed_before(self, owner: ast.With | ast.AsyncWith, unit: ast.stmt) -> bool:
        """Whether all that a ``with`` holds has been closed right before a statement: leaving it does nothing then."""
        _, _, block = self._place(unit)
        closed = set()
        for statement in reversed(block[: block.index(unit)]):
            match statement:
                case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="close"), args=[])):
                    closed.add(name)
                case _:
                    break
        names = [item.optional_vars for item in owner.items]
        return all(isinstance(target, ast.Name) and target.id in closed for target in names)

    def _is_quiet(self, node: ast.expr | None) -> bool:
        """Whether evaluating an expression touches no resource: names, texts, and what is made of them."""
        match node:
            case None:
                return True
            case ast.Name(id=name):
                return name not in self.needs
            case ast.Call(func=func, args=args, keywords=keywords):
                known = self.code.dotted(func).removeprefix("builtins.") in _LOOKING
                constant = all(isinstance(keyword.value, ast.Constant) for keyword in keywords)
                return known and constant and all(map(self._is_quiet, args))
            case _ if isinstance(node, _PLAIN):
                parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
                return all(map(self._is_quiet, parts))
            case _:
                return False

    def _is_quiet_exception(self, node: ast.expr | None) -> bool:
        match node:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
                known = getattr(builtins, name, None)
                made = isinstance(known, type) and issubclass(known, BaseException) and self.code.dotted(node.func)
                return bool(made) and all(map(self._is_quiet, args))
            case ast.Call():
                return False
            case _:
                return self._is_quiet(node)

    # edits

    def _drop(
        self, owner: ast.AST, name: str, block: list[ast.stmt], gone: list[ast.stmt], removal: Removal, *, every: bool
    ) -> None:
        """Drop statements of one block, and what is left of the statement around it when they are all. Raises Refused.

        A refusal leaves `removal` as it is.
        """
        code = self.code
        for statement in gone:
            rewrite.own_lines(code, [statement])
        left = [s for s in block if s not in gone and not isinstance(s, ast.Pass)]
        if all(s in gone for s in self.statements):
            raise Refused("nothing would be left of the block")
        if left:
            self._remove(gone, removal)
        elif name == "finalbody" and isinstance(owner, ast.Try) and self._drop_finally(owner, removal):
            pass
        elif every or isinstance(owner, ast.ExceptHandler):
            first, *rest = gone
            span = code.span(first)
            removal.edits.append(Edit(span.start, span.end, "pass"))
            self._remove(rest, removal)
        else:
            raise Refused("nothing would be left of its branch")

    def _remove(self, gone: Sequence[ast.stmt], removal: Removal) -> None:
        removal.edits += rewrite.remove(self.code, gone, self.step)
        for statement in gone:
            removal.lines.update(range(rewrite.first_line(statement), rewrite.last_line(statement) + 1))

    def _drop_finally(self, owner: ast.Try, removal: Removal) -> bool:
        """Drop a ``finally``, and the ``try`` as well where it has no handlers; False where comments stand in it."""
        code = self.code
        first, last = rewrite.last_line((owner.orelse or owner.body)[-1]), rewrite.last_line(owner.finalbody[-1])
        if owner.handlers:
            first = max(first, rewrite.last_line(owner.handlers[-1].body[-1]))
        keyword = next((n for n in range(first + 1, last) if code.lines.line(n).strip() == "finally:"), 0)
        if not keyword or any("#" in code.lines.line(n) for n in range(keyword, last + 1)):
            return False
        if any(code.lines.line(n).strip() for n in range(first + 1, keyword)):
            return False
        begin = rewrite.first_line(owner)
        if not owner.handlers:
            own, inner = rewrite.indentation(code, owner), rewrite.indentation(code, owner.body[0])
            if code.lines.line(begin).strip() != "try:" or inner != own + self.step:
                return False
            removal.edits.append(Edit(code.lines.starts[begin - 1], code.lines.starts[begin], ""))
            removal.lines.update(range(begin, keyword))
        removal.edits.append(Edit(code.lines.starts[keyword - 1], rewrite.line_end(code, last), ""))
        removal.lines.update(range(keyword, last + 1))
        return True
