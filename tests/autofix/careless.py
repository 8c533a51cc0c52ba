"""Fixers that do not look: what they break shows that the traps and the harness see it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import Any

ACQUIRES = re.compile(r"(\bopen|connect|\bsocket|socketpair|File|Directory|Popen|create_connection|Redis|connect)\(")
BLOCKS = ("body", "orelse", "finalbody")
Fixer = Callable[[bytes], bytes]


def _blocks(tree: ast.AST) -> Iterator[list[Any]]:
    for node in ast.walk(tree):
        for name in BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _acquired(statement: ast.stmt) -> str | None:
    """The name that an acquisition is assigned to."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
        if isinstance(statement.value, ast.Call) and ACQUIRES.match(ast.unparse(statement.value.func) + "("):
            return statement.targets[0].id
        if isinstance(statement.value, ast.Call) and ACQUIRES.search(
            ast.unparse(statement.value.func).split(".")[-1] + "("
        ):
            return statement.targets[0].id
    return None


def _mentions(statement: ast.stmt, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement))


def _closes(statement: ast.stmt, name: str) -> bool:
    return isinstance(statement, ast.Expr) and ast.unparse(statement) in (
        f"{name}.close()",
        f"{name}.cleanup()",
        f"{name}.close",
    )


def to_the_last_mention(source: bytes) -> bytes:
    """``with`` up to the last statement of the block that spells the name; the closes go."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index in range(len(block) - 1, -1, -1):
            name = _acquired(block[index])
            if name is not None:
                rest = block[index + 1 :]
                last = max((i for i, s in enumerate(rest) if _mentions(s, name)), default=-1)
                inside = [s for s in rest[: last + 1] if not _closes(s, name)] or [ast.Pass()]
                item = ast.withitem(block[index].value, block[index].targets[0])
                block[index:] = [ast.With([item], inside), *rest[last + 1 :]]
    return _written(tree)


def to_the_end(source: bytes) -> bytes:
    """``with`` over all that follows in the block; the closes stay."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index in range(len(block) - 1, -1, -1):
            if _acquired(block[index]) is not None:
                item = ast.withitem(block[index].value, block[index].targets[0])
                block[index:] = [ast.With([item], block[index + 1 :] or [ast.Pass()])]
    return _written(tree)


def close_before_the_end(source: bytes) -> bytes:
    """A try/finally that closes, around what follows; the closes stay, so that there are two."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index in range(len(block) - 1, -1, -1):
            name = _acquired(block[index])
            if name is not None:
                close = ast.parse(f"{name}.close()").body
                block[index + 1 :] = [ast.Try(block[index + 1 :] or [ast.Pass()], [], [], close)]
    return _written(tree)


def delete_unused(source: bytes) -> bytes:
    """An acquisition whose name is never read goes, and an anonymous one too."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index in range(len(block) - 1, -1, -1):
            statement = block[index]
            name = _acquired(statement)
            anonymous = isinstance(statement, ast.Expr) and ast.unparse(statement).startswith("open(")
            if anonymous or (name is not None and not any(_mentions(s, name) for s in block[index + 1 :])):
                block[index] = ast.Pass()
    return _written(tree)


class _Hoist(ast.NodeTransformer):
    """Takes each inline ``open`` out of its statement."""

    def __init__(self) -> None:
        self.items: list[ast.withitem] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "open":
            name = f"f{len(self.items) or ''}"
            self.items.append(ast.withitem(node, ast.Name(name, ast.Store())))
            return ast.Name(name, ast.Load())
        return node


def hoist_inline(source: bytes) -> bytes:
    """``json.load(open(p))`` becomes ``with open(p) as f: json.load(f)``, whatever else the statement does."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index, statement in enumerate(block):
            if isinstance(statement, (ast.Assign, ast.Expr, ast.Return, ast.If, ast.While, ast.Assert, ast.For)):
                hoist = _Hoist()
                if isinstance(statement, (ast.If, ast.While)):
                    statement.test = hoist.visit(statement.test)
                elif isinstance(statement, ast.For):
                    statement.iter = hoist.visit(statement.iter)
                elif _acquired(statement) is None:
                    statement = hoist.visit(statement)
                if hoist.items:
                    block[index] = ast.With(hoist.items, [statement])
    return _written(tree)


def closing_everywhere(source: bytes) -> bytes:
    """``with closing(...)`` over what follows, and in any ``with`` of a connection; imported on the first line."""
    tree = ast.parse(source)
    for block in list(_blocks(tree)):
        for index in range(len(block) - 1, -1, -1):
            statement = block[index]
            if isinstance(statement, ast.With):
                for item in statement.items:
                    if ".connect(" in ast.unparse(item.context_expr):
                        item.context_expr = ast.Call(ast.Name("closing"), [item.context_expr], [])
            elif _acquired(statement) is not None:
                item = ast.withitem(ast.Call(ast.Name("closing"), [statement.value], []), statement.targets[0])
                block[index:] = [ast.With([item], block[index + 1 :] or [ast.Pass()])]
    return b"from contextlib import closing\n" + _written(tree)


def by_lines(source: bytes) -> bytes:
    """A search and replace over lines, as if all files were UTF-8 with LF: the lines up to the close are indented."""
    lines = source.decode("utf-8-sig", "replace").splitlines()
    made: list[str] = []
    while lines:
        line = lines.pop(0)
        found = re.match(r"^(\s*)(\w+) = ((?:\w+\.)*\w+\(.*\))", line)
        if found is None or not ACQUIRES.search(found[3].split("(")[0] + "("):
            made.append(line)
            continue
        indent, name, call = found.groups()
        made.append(f"{indent}with {call} as {name}:")
        while lines and (lines[0].startswith(indent) or not lines[0].strip()):
            inner = lines.pop(0)
            if inner.strip().startswith(f"{name}.close()"):
                break
            made.append("    " + inner)
    return ("\n".join(made) + "\n").encode()


def _written(tree: ast.Module) -> bytes:
    return (ast.unparse(ast.fix_missing_locations(tree)) + "\n").encode()


CARELESS: dict[str, Fixer] = {
    fixer.__name__: fixer
    for fixer in (
        to_the_last_mention,
        to_the_end,
        close_before_the_end,
        delete_unused,
        hoist_inline,
        closing_everywhere,
        by_lines,
    )
}
