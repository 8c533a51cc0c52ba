"""``client.connect()`` ... ``client.close()`` gets a ``try`` and a ``finally`` around what stands between.

For what is opened by a method of an object that is there already. Preconditions: both calls are statements of one
block; nothing between binds the object again; nothing but what follows the release mentions it outside; what leaves
from between leaves with nothing that was made of it, or the fix is unsafe.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Fix
from leaklint.fixes import helpers, keeper, try_finally
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.fixes.handle import Handle, owner_of
from leaklint.fixes.keeper import Form, Keeper
from leaklint.fixes.region import Region
from leaklint.fixes.situation import Situation
from leaklint.syntax.names import dotted


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    call = code.call_at(site.span)
    statement = code.statement(call)
    text = owner_of(call)
    if not (isinstance(statement, ast.Expr) and statement.value is call and text):
        raise Refused("it is opened in the middle of an expression")
    place = code.place(statement)
    block, first = place.block, place.index + 1
    release = next((k for k in range(first, len(block)) if keeper.is_release(block[k], text, site.resource, code)), 0)
    if not release:
        raise Refused("no statement of its block releases it")
    between = block[first:release]
    root = text.partition(".")[0]
    opened = code.span(statement).start
    allowed = {id(n) for s in (statement, *block[first:]) for n in ast.walk(s)}
    for node in own_nodes(code.scope(statement)):
        if _text(node) == text and id(node) not in allowed:
            start = code.span(node).start
            if start > opened or code.loops(statement):
                raise Refused(f"`{text}` is used on line {code.lines.position(start)[0]}, outside of the block")
    applicability = Applicability.SAFE
    for node in (n for s in between for n in ast.walk(s)):
        if _text(node) in (root, text) and not isinstance(getattr(node, "ctx", None), ast.Load):
            raise Refused(f"`{text}` is bound again inside")
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            applicability = Applicability.UNSAFE
    inside = [n for s in between for n in ast.walk(s) if isinstance(n, ast.stmt)]
    inner = tuple(n for n in inside if keeper.is_release(n, text, site.resource, code))
    keep = Keeper(Form.FINALLY, site.resource.release[0], Applicability.SAFE, site.resource.again == "ok")
    held = Handle(text, text, statement, False, False, "", call)
    found = Region(block, first, release - 1, (block[release],), inner, applicability, needs=frozenset({root}))
    return try_finally.build(
        Situation(code, site, held, keep, found, statement, applicability=helpers.applicability(site))
    )


def _text(node: ast.AST) -> str:
    return dotted(node) if isinstance(node, ast.Name | ast.Attribute) else ""
