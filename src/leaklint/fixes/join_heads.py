"""``with a:`` whose only statement is ``with b:`` becomes ``with a, b:``, where the fixes of one run made both.

Preconditions: both are plain or both ``async``; no head was in the file before; each head is a line of its own, with no
comment behind the outer one and nothing between; the new head fits into a line.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from leaklint.edit import Edit, apply
from leaklint.fixes.code import lines_in_strings
from leaklint.syntax.lines import Lines
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import children

WIDTH = 100
"""columns that a joined head has at most"""

_With = ast.With | ast.AsyncWith


def edits(before: str, after: str) -> list[Edit]:
    """The edits that join one pair of heads of ``after``; ``before`` is the file before its fixes. Empty for none."""
    tree = ast.parse(after)
    old = Counter(head for head, _ in _heads(ast.parse(before)))
    ours = []
    for head, node in _heads(tree):
        old[head] -= 1
        if old[head] < 0:
            ours.append(node)
    text = Lines(after)
    for outer in ours:
        inner = outer.body[0]
        if len(outer.body) == 1 and type(inner) is type(outer) and inner in ours:
            assert isinstance(inner, _With)
            found = list(_joined(text, outer, inner))
            if found and _is_same(after, found, tree, outer, inner):
                return found
    return []


def _heads(tree: ast.Module) -> Iterator[tuple[str, _With]]:
    """Each ``with``, and what tells it from others: its head and the names of the functions around it."""
    stack: list[tuple[str, ast.AST]] = [("", tree)]
    while stack:
        scope, node = stack.pop()
        if isinstance(node, FunctionNode | ast.ClassDef):
            scope = f"{scope}.{node.name}"
        elif isinstance(node, _With):
            yield f"{scope} {type(node).__name__} {', '.join(map(ast.unparse, node.items))}", node
        stack.extend((scope, child) for child in children(node))


def _joined(text: Lines, outer: _With, inner: _With) -> Iterator[Edit]:
    """The edits that join two heads; none where their lines do not allow it."""
    first, second = text.line(outer.lineno), text.line(inner.lineno)
    own, deeper = _leading(first), _leading(second)
    head, other = first.strip(), second.strip()
    if inner.lineno != outer.lineno + 1 or inner.body[0].lineno == inner.lineno or not deeper.startswith(own):
        return
    if not head.endswith(":") or "#" in head or len(own) + len(head) + len(_items(other)) + 1 > WIDTH:
        return
    step = deeper[len(own) :]
    strings = set(lines_in_strings(text.text))
    yield Edit(_start(text, outer.lineno) + len(own) + len(head) - 1, _start(text, inner.lineno) + len(deeper), ", ")
    keyword = len(other) - len(_items(other))
    begin = _start(text, inner.lineno) + len(deeper)
    yield Edit(begin, begin + keyword, "")
    for number in range(inner.lineno + 1, _last(text, inner) + 1):
        line = text.line(number)
        if number in strings or not line.strip():
            continue
        start = _start(text, number)
        if not line.startswith(step):
            return
        yield Edit(start, start + len(step), "")


def _last(text: Lines, inner: _With) -> int:
    """The last line of a block: comments as deep as its statements belong to it."""
    body = _leading(text.line(inner.body[0].lineno))
    last = number = inner.end_lineno or inner.lineno
    while number < len(text.starts):
        number += 1
        line = text.line(number)
        if line.strip() and not (line.startswith(body) and line.strip().startswith("#")):
            break
        last = number if line.strip() else last
    return last


def _items(head: str) -> str:
    """The text of a head behind its ``with``."""
    return head.partition("with")[2].lstrip(" \t")


def _leading(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _start(text: Lines, number: int) -> int:
    return text.starts[number - 1]


def _is_same(after: str, found: list[Edit], tree: ast.Module, outer: _With, inner: _With) -> bool:
    """Whether the result is the tree with the two statements made one."""
    items, body = outer.items, outer.body
    try:
        result = ast.dump(ast.parse(apply(after, found)))
        outer.items, outer.body = [*items, *inner.items], inner.body
        return result == ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError):
        return False
    finally:
        outer.items, outer.body = items, body
