"""The source of one file, cut into the scopes that libcst is given to parse; it is imported with the first of them.

A function's slice starts at the line of its ``def``; behind an ``if 1:`` line where it is indented. The module's own
code is one scope, in which the bodies of functions are blanked to ``0`` and spaces of the same length, and large
literals without calls are masked. Offsets are code points of the untranslated text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaklint.edit import Span
from leaklint.syntax.lines import Lines
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import children, walk

if TYPE_CHECKING:
    from leaklint.syntax.scopes import ScopeTree

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
        from leaklint.syntax import scopes

        scope = self._functions[node] = scopes.function(prefix + masked, start, node, len(prefix))
        return scope

    def module(self) -> ScopeTree:
        """The module's own code as a libcst tree. Raises TooDeep, or libcst's ParserSyntaxError."""
        if self._module is None:
            text = self._masked(0, len(self.text), self.tree, functions=True)
            from leaklint.syntax import scopes

            self._module = scopes.module(text, self.tree)
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
                body = self._span(node.body[0], node.body[-1])
                # A semicolon behind the last statement stood alone on its line if it were left.
                after = _SEMICOLON.match(self.text, body.end)
                yield Span(body.start, after.end()) if after else body
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


_SEMICOLON = re.compile(r"[ \t\f]*;")
_LARGE = (ast.List, ast.Dict, ast.Tuple, ast.Set, ast.BinOp, ast.JoinedStr, ast.Constant)


def _without_calls(node: ast.AST) -> bool:
    return not any(
        isinstance(n, ast.Call | ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr | ast.Lambda | ast.comprehension)
        for n in walk(node)
    )
