"""A ``try`` in which the resource is acquired gets a ``finally`` that releases it.

For handlers that use the resource (``conn.rollback()``), which no block inside of the ``try`` could serve.
Preconditions: the ``try`` has no ``finally``; the variable is set to None right before it in the same block, and bound
by the acquisition alone; what needs the resource stays in the ``try``. Releases inside of it stay where they are, so a
second one must do no harm.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Fix
from leaklint.fixes import helpers, keeper, region, rewrite, try_finally
from leaklint.fixes.code import SCOPES, Code, Refused
from leaklint.fixes.handle import Handle
from leaklint.fixes.situation import Situation


def build(code: Code, site: Site, held: Handle) -> Fix:
    """The fix. Raises Refused."""
    around = _try(code, held.statement)
    if around.finalbody:
        raise Refused("the `try` around it has a `finally`")
    keep = keeper.choose(site.resource, code, held.call, awaited=held.awaited)
    if not keep.release:
        raise Refused(f"nothing but its own `with` releases a {site.resource.noun}")
    if code.loops(held.statement) != code.loops(around):
        raise Refused("a loop in the `try` opens it")
    place = code.place(around)
    earlier = [s for s in place.block[: place.index] if region.stores(s, held.name)]
    if not earlier or not _is_none(earlier[-1], held.name):
        raise Refused(f"`{held.name}` is not set to None before the `try`")
    bound = [n for n in ast.walk(around) if isinstance(n, ast.Name) and n.id == held.name]
    if sum(not isinstance(n.ctx, ast.Load) for n in bound) != 1:
        raise Refused(f"`{held.name}` is bound again in the `try`")
    found = region.around(code, site, held.name, place.block, place.index)
    if found.inner and not keep.again:
        raise Refused("a second release would raise")
    at = Situation(code, site, held, keep, found, around, guarded=True, applicability=helpers.applicability(site))
    rewrite.own_lines(code, [around])
    lines, edits = try_finally.release_lines(at, at.indentation + at.step)
    clause = rewrite.lines_after(code, rewrite.last_line(around), [f"{at.indentation}finally:", *lines])
    return at.fix("Give the `try` a `finally` that releases it", [*edits, clause])


def _try(code: Code, statement: ast.stmt) -> ast.Try:
    node: ast.AST = statement
    for ancestor in code.ancestors(statement):
        if isinstance(ancestor, SCOPES):
            break
        if isinstance(ancestor, ast.Try):
            if node not in ancestor.body:
                break
            return ancestor
        node = ancestor
    raise Refused("no `try` stands around it")


def _is_none(statement: ast.stmt, name: str) -> bool:
    return (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and statement.value.value is None
        and any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)
    )
