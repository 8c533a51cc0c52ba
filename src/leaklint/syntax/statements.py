"""Which lines belong to the statement around a line: a suppression on any of them counts, and so does a change."""

from __future__ import annotations

import ast


class Statements:
    """The statements of a file by their lines, all 1-based."""

    def __init__(self, tree: ast.Module) -> None:
        self._by_line = _innermost(tree)

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """The first and the last line of the innermost simple statement (or header) around the lines of a span."""
        node = self._by_line.get(first)
        if node is not None:
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or last
            first, last = min(first, node.lineno), max(last, end)
        return first, last


def _innermost(tree: ast.Module) -> dict[int, ast.stmt]:
    """The innermost statement of each line."""
    found: dict[int, ast.stmt] = {}
    stack: list[ast.AST] = list(reversed(tree.body))
    while stack:
        node = stack.pop()
        if isinstance(node, ast.stmt):
            start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found.update(dict.fromkeys(range(start, (node.end_lineno or node.lineno) + 1), node))
        elif not isinstance(node, ast.ExceptHandler | ast.match_case):
            continue
        for name in ("body", "handlers", "cases", "orelse", "finalbody"):
            stack.extend(getattr(node, name, ()))
    return found
