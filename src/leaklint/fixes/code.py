"""The file that a fix rewrites: its text, its ast, and what stands around a node."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaklint.catalogue.model import Catalogue, Function
from leaklint.edit import Span
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import children, walk

if TYPE_CHECKING:
    from leaklint.syntax.lines import Lines

ScopeNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef | ast.Module
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.Module)
LOOPS = (ast.For, ast.AsyncFor, ast.While)
_LOOKING = frozenset({"locals", "vars", "exec", "eval", "dir", "globals"})
"""functions that find variables by their names"""
_BLOCKS = ("body", "orelse", "finalbody")


class Refused(Exception):
    """There is no fix: the text says why, as a clause ("`f` is returned")."""


class SharesLine(Refused):
    """A statement does not begin, or not end, with its line: there may be a fix once it does."""

    def __init__(self, statement: ast.stmt) -> None:
        super().__init__("it shares its line with another statement")
        self.statement = statement


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands: ``block[index]``, of the field ``name`` of ``owner``."""

    owner: ast.AST
    name: str
    block: list[ast.stmt]
    index: int


@dataclass(eq=False, slots=True)
class Code:
    """One file. ``dotted`` resolves an expression to the dotted name behind it, or an empty string."""

    text: str
    tree: ast.Module
    lines: Lines
    catalogue: Catalogue
    dotted: Callable[[ast.expr], str]
    _parents: dict[ast.AST, ast.AST] = field(default_factory=dict)
    _calls: dict[Span, ast.Call] = field(default_factory=dict)
    _identifiers: set[str] = field(default_factory=set)
    _in_strings: set[int] | None = None

    def __post_init__(self) -> None:
        stack: list[ast.AST] = [self.tree]
        while stack:
            node = stack.pop()
            for child in children(node):
                # Contexts and operators are shared between nodes: they have no parent.
                if not isinstance(child, ast.expr_context | ast.operator | ast.boolop | ast.unaryop | ast.cmpop):
                    self._parents[child] = node
                    stack.append(child)
            if isinstance(node, ast.Call):
                self._calls[self.span(node)] = node
            else:
                self._identifiers.update(_bound_by(node))

    def span(self, node: ast.AST) -> Span:
        """The span of an expression or statement."""
        assert isinstance(node, ast.expr | ast.stmt | ast.ExceptHandler)
        last = node.end_lineno or node.lineno
        return Span(self.lines.offset(node.lineno, node.col_offset), self.lines.offset(last, node.end_col_offset or 0))

    def source(self, node: ast.AST) -> str:
        """The text of a node."""
        span = self.span(node)
        return self.text[span.start : span.end]

    def call_at(self, span: Span) -> ast.Call:
        """The call with this span. Raises Refused."""
        found = self._calls.get(span)
        if found is None:
            raise Refused("what opens it is no call of its own")
        return found

    def parent(self, node: ast.AST) -> ast.AST:
        """The node around a node; the module has none (KeyError)."""
        return self._parents[node]

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes around a node, from the inside."""
        while node in self._parents:
            node = self._parents[node]
            yield node

    def statement(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that a node is (part of)."""
        while not isinstance(node, ast.stmt):
            node = self._parents[node]
        return node

    def scope(self, node: ast.AST) -> ScopeNode:
        """The function, class or module in whose body a node stands."""
        found = next(a for a in self.ancestors(node) if isinstance(a, SCOPES))
        return found

    def place(self, statement: ast.stmt) -> Place:
        """Where a statement stands."""
        owner = self._parents[statement]
        for name in (*_BLOCKS, "handlers", "cases"):
            block = getattr(owner, name, None)
            if isinstance(block, list):
                for index, known in enumerate(block):
                    if known is statement:
                        return Place(owner, name, block, index)
        raise Refused("it stands in no block")

    def loops(self, node: ast.AST) -> list[ast.AST]:
        """The loops around a node in its own scope, from the inside."""
        found: list[ast.AST] = []
        for ancestor in self.ancestors(node):
            if isinstance(ancestor, SCOPES):
                break
            if isinstance(ancestor, LOOPS):
                found.append(ancestor)
        return found

    def effect(self, node: ast.Call) -> Function | None:
        """What the catalogue knows of a called function."""
        known = self.catalogue.functions.get(self.dotted(node.func))
        if known is None and isinstance(node.func, ast.Attribute):
            known = self.catalogue.functions.get(f"*.{node.func.attr}")
        return known

    def is_free(self, name: str) -> bool:
        """Whether nothing in the file has a name."""
        return name not in self._identifiers

    def fresh(self, node: ast.AST, *wishes: str) -> str:
        """A name that nothing in the function around a node has (nothing in the file, at module level): a wish if one
        is free."""
        scope = self.scope(node)
        taken = self._identifiers
        if isinstance(scope, FunctionNode):
            taken = {name for inner in walk(scope) for name in _bound_by(inner)}
        for wish in wishes:
            if wish not in taken:
                return wish
        number = 2
        while f"{wishes[0]}_{number}" in taken:
            number += 1
        return f"{wishes[0]}_{number}"

    def newline(self, offset: int) -> str:
        """The line end that the line at an offset has, or the file's."""
        for text in (self.lines.line(self.lines.position(offset)[0]), self.text):
            for end in ("\r\n", "\n", "\r"):
                if text.endswith(end) if text is not self.text else end in text:
                    return end
        return "\n"

    @property
    def in_strings(self) -> set[int]:
        """The 1-based lines that begin inside of a string."""
        if self._in_strings is None:
            self._in_strings = set(lines_in_strings(self.text))
        return self._in_strings


def lines_in_strings(text: str) -> Iterator[int]:
    """The 1-based lines that begin inside of a string."""
    import io
    import tokenize

    depth = first = 0
    for token in tokenize.generate_tokens(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n")).readline):
        name = tokenize.tok_name[token.type]
        if name in ("FSTRING_START", "TSTRING_START"):
            first = first if depth else token.start[0]
            depth += 1
        elif name in ("FSTRING_END", "TSTRING_END"):
            depth -= 1
            if not depth:
                yield from range(first + 1, token.end[0] + 1)
        elif token.type == tokenize.STRING:
            yield from range(token.start[0] + 1, token.end[0] + 1)


def _bound_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
        yield node.name or ""
    elif isinstance(node, ast.MatchMapping):
        yield node.rest or ""
    elif isinstance(node, ast.Global | ast.Nonlocal):
        yield from node.names


def own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of functions and classes inside."""
    stack = list(children(scope))
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda):
            stack.extend(children(node))


def check_names(code: Code, nodes: Iterable[ast.AST]) -> None:
    """Refuse code that may find a variable by its name. Raises Refused."""
    for node in nodes:
        if isinstance(node, ast.Call) and code.dotted(node.func) in _LOOKING:
            raise Refused(f"`{code.dotted(node.func)}` may reach it by its name")


def leaves(block: list[ast.stmt]) -> bool:
    """Whether a block never runs off its end."""
    match block[-1]:
        case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="sys"), attr="exit"))):
            return True
        case ast.If(body=body, orelse=orelse):
            return bool(orelse) and leaves(body) and leaves(orelse)
        case ast.With(body=body) | ast.AsyncWith(body=body):
            return leaves(body)
        case ast.Try() as node:
            if node.finalbody and leaves(node.finalbody):
                return True
            return leaves(node.orelse or node.body) and all(leaves(handler.body) for handler in node.handlers)
        case ast.While(test=ast.Constant(value=True)) as loop:
            return not any(isinstance(node, ast.Break) for node in walk(loop))
        case _:
            return False
