"""The only door to libcst: a scope as a tree, and the spans of its nodes in the file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import libcst as cst
from libcst._nodes.internal import CodegenState

from leaklint.edit import Span
from leaklint.syntax.lines import Lines
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk


class _SpanState(CodegenState):
    """Generates code and notes where each node begins and ends."""

    def __init__(self, default_indent: str, default_newline: str) -> None:
        super().__init__(default_indent=default_indent, default_newline=default_newline)
        self.offset = 0
        self.spans: dict[cst.CSTNode, tuple[int, int]] = {}

    def add_indent_tokens(self) -> None:
        self.tokens.extend(self.indent_tokens)
        self.offset += sum(map(len, self.indent_tokens))

    def add_token(self, value: str) -> None:
        self.tokens.append(value)
        self.offset += len(value)

    @contextmanager
    def record_syntactic_position(
        self,
        node: cst.CSTNode,
        *,
        start_node: cst.CSTNode | None = None,
        end_node: cst.CSTNode | None = None,
    ) -> Iterator[None]:
        start = self.offset
        yield
        end = self.offset
        if start_node is not None and start_node in self.spans:
            start = self.spans[start_node][0]
        if end_node is not None and end_node in self.spans:
            end = self.spans[end_node][1]
        self.spans[node] = (start, end)


@dataclass(slots=True)
class ScopeTree:
    """One scope as a libcst tree; spans of its nodes are computed when first asked for."""

    node: cst.FunctionDef | cst.Module
    module: cst.Module
    start: int
    """offset of the slice in the file"""
    slice: str
    tree: FunctionNode | ast.Module
    prefix: int = 0
    """length of the ``if 1:`` line in front of the slice"""
    exact: bool = True
    """the generated text equals the slice: fixes may be offered"""
    _spans: dict[cst.CSTNode, Span] | None = None

    def functions(self) -> dict[cst.FunctionDef, FunctionNode]:
        """The functions defined inside, by their libcst node: both trees hold them in the order of the text.

        The module's own code has none: the bodies of its functions are blanked.
        """
        if isinstance(self.tree, ast.Module):
            return {}
        theirs = [n for n in walk(self.tree) if isinstance(n, FunctionNode) and n is not self.tree]
        if not theirs:
            return {}
        theirs.sort(key=lambda n: (n.lineno, n.col_offset))
        ours = [n for n in _preorder(self.node) if isinstance(n, cst.FunctionDef) and n is not self.node]
        return dict(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) else {}

    def span(self, node: object, lines: Lines) -> Span:
        """The span of a node of this tree in the file."""
        if self._spans is None:
            self._spans = self._locate(lines)
        assert isinstance(node, cst.CSTNode)
        found = self._spans.get(node)
        if found is None:
            return Span(self.start, self.start)
        return found

    def _locate(self, lines: Lines) -> dict[cst.CSTNode, Span]:
        state = _SpanState(self.module.default_indent, self.module.default_newline)
        self.module._codegen(state)
        generated = "".join(state.tokens)
        shift = self.start - self.prefix
        if generated == self.slice:
            return {node: Span(shift + start, shift + end) for node, (start, end) in state.spans.items()}
        self.exact = False
        return self._from_ast(state.spans, lines)

    def _from_ast(self, spans: dict[cst.CSTNode, tuple[int, int]], lines: Lines) -> dict[cst.CSTNode, Span]:
        """libcst drops some white space: the n-th call, statement and expression of one kind is the n-th of ast's."""
        located: dict[cst.CSTNode, Span] = {}
        for ours, theirs in _KINDS:
            nodes = sorted((n for n in spans if isinstance(n, ours)), key=lambda n: (spans[n][0], -spans[n][1]))
            found = []
            for other in walk(self.tree):
                if isinstance(other, theirs) and other is not self.tree:
                    start = lines.offset(other.lineno, other.col_offset)
                    end = lines.offset(other.end_lineno or other.lineno, other.end_col_offset or other.col_offset)
                    found.append((start, -end))
            found.sort()
            if len(nodes) == len(found):
                for node, (start, negative_end) in zip(nodes, found, strict=True):
                    located[node] = Span(start, -negative_end)
        return located


_KINDS: tuple[tuple[type[cst.CSTNode], type[ast.expr] | type[ast.stmt]], ...] = (
    (cst.Call, ast.Call),
    (cst.Return, ast.Return),
    (cst.Raise, ast.Raise),
    (cst.Await, ast.Await),
    (cst.Attribute, ast.Attribute),
)


def _preorder(root: cst.CSTNode) -> Iterator[cst.CSTNode]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def function(text: str, start: int, node: FunctionNode, prefix: int) -> ScopeTree:
    """The function in a text that begins with a prefix of so many characters (an ``if 1:`` line) or with none.

    ``start`` is the offset in the file of what follows the prefix. Raises libcst's ParserSyntaxError.
    """
    module = cst.parse_module(text)
    found = module.body[0]
    if prefix:
        assert isinstance(found, cst.If)
        found = found.body.body[0]  # type: ignore[assignment]
    assert isinstance(found, cst.FunctionDef)
    return ScopeTree(found, module, start, text, node, prefix)


def module(text: str, tree: ast.Module) -> ScopeTree:
    """A module's own code. Raises libcst's ParserSyntaxError."""
    parsed = cst.parse_module(text)
    return ScopeTree(parsed, parsed, 0, text, tree)
