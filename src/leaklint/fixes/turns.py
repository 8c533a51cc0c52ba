"""What a loop brings round: a variable that still holds what an earlier turn opened, and that is closed by then."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence

from leaklint.fixes.code import LOOPS, SCOPES, Code, Refused, leaves
from leaklint.syntax.nodes import walk

Binds = Callable[[ast.stmt, str], bool]


def check(
    code: Code,
    names: Iterable[str],
    statements: Sequence[ast.stmt],
    acquisition: ast.stmt,
    binds: Binds,
    harmless: Callable[[ast.Name], bool],
) -> None:
    """Refuse statements of a loop that may read what an earlier turn left in one of the variables.

    The first of ``statements`` is, or contains, the acquisition. Raises Refused.
    """
    if not code.loops(statements[0]):
        return
    for name in names:
        if not _is_bound_anew(code, name, statements[0], binds):
            _check(code, name, statements, acquisition, harmless)


def _check(
    code: Code, name: str, statements: Sequence[ast.stmt], acquisition: ast.stmt, harmless: Callable[[ast.Name], bool]
) -> None:
    place = code.place(acquisition)
    behind = {id(node) for statement in place.block[place.index :] for node in walk(statement)}
    for node in (node for statement in statements for node in walk(statement) if id(node) not in behind):
        if not (isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)):
            continue
        if not harmless(node) and not _is_bound_right_before(code, node, statements):
            raise Refused(f"`{name}` may still be that of an earlier turn of the loop")


def _is_bound_right_before(code: Code, use: ast.Name, statements: Sequence[ast.stmt]) -> bool:
    """Whether a statement of the blocks around a use, inside of ``statements``, binds its variable first."""
    node: ast.AST = use
    while not any(node is statement for statement in statements):
        parent = code.parent(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and node in block:
                earlier = block[: block.index(node)]
                if any(isinstance(s, ast.Assign) and _assigns(s, use.id) for s in earlier):
                    return True
                if field == "body" and isinstance(parent, ast.For | ast.AsyncFor) and _stores(parent.target, use.id):
                    return True
        node = parent
    before = statements[: next(i for i, statement in enumerate(statements) if statement is node)]
    return any(isinstance(s, ast.Assign) and _assigns(s, use.id) for s in before)


def _assigns(statement: ast.Assign, name: str) -> bool:
    return any(_stores(target, name) for target in statement.targets)


def _stores(target: ast.expr, name: str) -> bool:
    """Whether a target is the variable, or unpacks into it."""
    return any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in walk(target))


def _is_bound_anew(code: Code, name: str, statement: ast.stmt, binds: Binds) -> bool:
    """Whether each turn of the loop binds the variable before the statement is left, and before it is read."""
    if _always_binds(statement, name, binds):
        return True
    node: ast.AST = statement
    while not isinstance(node, (*SCOPES, *LOOPS)):
        parent = code.parent(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            earlier = block[: block.index(node)] if isinstance(block, list) and node in block else []
            if any(_always_binds(known, name, binds) for known in earlier):
                return True
        node = parent
    return False


def _always_binds(statement: ast.stmt, name: str, binds: Binds) -> bool:
    if isinstance(statement, ast.If) and statement.orelse:
        return all(_block_binds(block, name, binds) for block in (statement.body, statement.orelse))
    if isinstance(statement, ast.Try):
        blocks = [statement.body, *(handler.body for handler in statement.handlers)]
        return all(_block_binds(block, name, binds) for block in blocks)
    return binds(statement, name)


def _block_binds(block: list[ast.stmt], name: str, binds: Binds) -> bool:
    """Whether a block binds the variable before it reads it, or is left without."""
    for statement in block:
        if _always_binds(statement, name, binds):
            return True
        if any(isinstance(node, ast.Name) and node.id == name for node in walk(statement)):
            return False
    return leaves(block)
