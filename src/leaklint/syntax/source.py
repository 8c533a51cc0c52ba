"""The source of one file, and the only door to libcst: scopes as trees, spans of their nodes.

A function's slice starts at the line of its ``def``; behind an ``if 1:`` line where it is indented. The module's own
code is one scope, in which the bodies of functions are blanked to ``0`` and spaces of the same length, and large
literals without calls are masked. Offsets are code points of the untranslated text.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import libcst as cst
from libcst._nodes.internal import CodegenState

from leaklint.edit import Span
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import children, walk

MAX_DEPTH = 160
"""nesting of expressions beyond which a scope is not analysed: libcst's visitors and parser overflow further on"""
MASKED_FROM = 2_000
"""length in code points from which a literal without calls is masked"""


class TooDeep(Exception):
    """A scope nests too deeply to be parsed; ``line`` is 1-based."""

    def __init__(self, line: int) -> None:
        super().__init__(f"expression nested more than {MAX_DEPTH} levels deep")
        self.line = line


@dataclass(slots=True)
class Lines:
    """Where lines start, and the translation between ast positions and offsets."""

    text: str
    starts: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        starts, position = [0], 0
        text = self.text
        # Python's tokenizer ends lines at \n, \r\n and \r only; str.splitlines would also split at form feeds.
        for position in _line_ends(text):
            starts.append(position)
        self.starts = starts

    def line(self, number: int) -> str:
        """The text of a 1-based line, its end included."""
        start = self.starts[number - 1]
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[start:end]

    def offset(self, line: int, column: int) -> int:
        """The offset of an ast position: 1-based line, column in UTF-8 bytes."""
        start = self.starts[line - 1]
        text = self.line(line)
        if text.isascii():
            return start + column
        return start + len(text.encode("utf-8", "surrogatepass")[:column].decode("utf-8", "replace"))

    def position(self, offset: int) -> tuple[int, int]:
        """(line, column) of an offset, both 1-based; columns count code points."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1


def _line_ends(text: str) -> Iterator[int]:
    position = -1
    if "\r" not in text:
        while (position := text.find("\n", position + 1)) != -1:
            yield position + 1
        return
    for index, char in enumerate(text):
        if char == "\n" or (char == "\r" and text[index + 1 : index + 2] != "\n"):
            yield index + 1


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


@dataclass(slots=True)
class Source:
    """A file's decoded text and the scopes parsed from it so far."""

    text: str
    tree: ast.Module
    lines: Lines = field(init=False)
    _module: ScopeTree | None = None
    _functions: dict[FunctionNode, ScopeTree] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = Lines(self.text)

    def function(self, node: FunctionNode) -> ScopeTree:
        """The function as a libcst tree. Raises TooDeep, or libcst's ParserSyntaxError."""
        known = self._functions.get(node)
        if known is not None:
            return known
        start = self.lines.starts[node.lineno - 1]
        end = self.lines.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
        head = self.text[start : self.lines.offset(node.lineno, node.col_offset)]
        # A form feed starts the line anew: what stands before it is no indentation.
        start += head.rfind("\f") + 1
        prefix = f"if 1:{self._newline()}" if head.rpartition("\f")[2] else ""
        masked = self._masked(start, end, node, functions=False)
        text = prefix + masked
        module = cst.parse_module(text)
        found = module.body[0]
        if prefix:
            assert isinstance(found, cst.If)
            found = found.body.body[0]  # type: ignore[assignment]
        assert isinstance(found, cst.FunctionDef)
        scope = ScopeTree(found, module, start, text, node, len(prefix))
        self._functions[node] = scope
        return scope

    def module(self) -> ScopeTree:
        """The module's own code as a libcst tree. Raises TooDeep, or libcst's ParserSyntaxError."""
        if self._module is None:
            text = self._masked(0, len(self.text), self.tree, functions=True)
            module = cst.parse_module(text)
            self._module = ScopeTree(module, module, 0, text, self.tree)
        return self._module

    def _newline(self) -> str:
        return "\r\n" if "\r\n" in self.text[:10_000] else "\n"

    def _masked(self, start: int, end: int, root: ast.AST, *, functions: bool) -> str:
        pieces: list[str] = []
        position = start
        for hidden in sorted(self._hidden(root, functions=functions)):
            if hidden.start < position:
                continue
            pieces.append(self.text[position : hidden.start])
            body = self.text[hidden.start : hidden.end]
            pieces.append("0" + "".join(c if c in "\r\n" and functions else " " for c in body[1:]))
            position = hidden.end
        pieces.append(self.text[position:end])
        return "".join(pieces)

    def _hidden(self, root: ast.AST, *, functions: bool) -> Iterator[Span]:
        """What to mask below `root`. Raises TooDeep when the rest nests beyond what libcst is known to survive."""
        stack: list[tuple[ast.AST, int]] = [(root, 0)]
        while stack:
            node, depth = stack.pop()
            if isinstance(node, ast.expr):
                depth += 1
                if depth > MAX_DEPTH:
                    raise TooDeep(node.lineno)
                if isinstance(node, _LARGE) and node.end_lineno is not None:
                    lines = node.end_lineno - node.lineno
                    if (lines > 10 or (node.end_col_offset or 0) - node.col_offset > MASKED_FROM) and self._masks(node):
                        yield self._span(node, node)
                        continue
            elif functions and node is not root and isinstance(node, FunctionNode):
                yield self._span(node.body[0], node.body[-1])
                stack.extend((d, 0) for d in (*node.decorator_list, node.args))
                continue
            stack += [(child, depth) for child in children(node)]

    def _masks(self, node: ast.expr) -> bool:
        span = self._span(node, node)
        return span.end - span.start >= MASKED_FROM and _without_calls(node)

    def _span(self, first: ast.AST, last: ast.AST) -> Span:
        assert isinstance(first, ast.expr | ast.stmt)
        assert isinstance(last, ast.expr | ast.stmt)
        line = first.lineno
        column = first.col_offset
        if isinstance(first, FunctionNode | ast.ClassDef) and first.decorator_list:
            decorator = first.decorator_list[0]
            line = decorator.lineno
            column = len(self.lines.line(line)) - len(self.lines.line(line).lstrip())
        start = self.lines.offset(line, column)
        return Span(start, self.lines.offset(last.end_lineno or last.lineno, last.end_col_offset or 0))


_LARGE = (ast.List, ast.Dict, ast.Tuple, ast.Set, ast.BinOp, ast.JoinedStr, ast.Constant)


def _without_calls(node: ast.AST) -> bool:
    return not any(
        isinstance(n, ast.Call | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda | ast.comprehension)
        for n in walk(node)
    )
