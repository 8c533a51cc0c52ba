"""The acquisition stays as it is, and ``with f:`` goes around the rest.

For acquisitions that cannot become the head of a ``with``: annotated or unpacked, in branches that all acquire, in a
``try`` whose handlers all leave. Preconditions: as for `leaklint.fixes.with_statement`; the variable is the resource
(not None, not a standard stream) on every way that reaches the block; nothing stands between.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Fix
from leaklint.fixes import helpers, region, rewrite, try_finally
from leaklint.fixes.code import Code, Refused, leaves
from leaklint.fixes.handle import Handle
from leaklint.fixes.keeper import Form, Keeper
from leaklint.fixes.situation import Situation


def build(at: Situation) -> Fix:
    """The fix. Raises Refused."""
    if at.keeper.form in (Form.FINALLY, Form.ASYNC_WITH) or at.guarded or at.site.resource.starts:
        raise Refused("it takes a `finally` to release it")
    if not at.releases_first_way:
        raise Refused("it is released in another way than by a `with`")
    if not at.has_body:
        raise Refused("nothing follows that a block could hold")
    at.check_lines()
    code = at.code
    closing, edits = at.heading()
    line = at.first_line
    head = f"{at.indentation}{at.keeper.keyword} {at.keeper.head(at.handle.text, closing)}:"
    inner = at.inner_releases()
    edits = [*edits, *inner.edits, rewrite.lines_before(code, line, [head])]
    edits += rewrite.indent(code, line, at.last_line, at.step, inner.lines)
    edits += rewrite.remove(code, at.region.release, at.step)
    return at.fix(f"Put `{at.keeper.keyword} {at.keeper.head(at.handle.text, 'closing')}` around the rest", edits)


def behind(code: Code, site: Site, held: Handle, keep: Keeper) -> Fix:
    """The fix for an acquisition that ends a branch or a ``try``, around what follows that. Raises Refused."""
    statement: ast.stmt = held.statement
    place = code.place(statement)
    if place.index != len(place.block) - 1:
        raise Refused("more follows in the branch that opens it")
    owner = place.owner
    if isinstance(owner, ast.If):
        while isinstance(code.parent(owner), ast.If) and [owner] == getattr(code.parent(owner), "orelse", None):
            owner = code.parent(owner)
        assert isinstance(owner, ast.If)
        _every_branch(code, site, held.name, owner)
    elif isinstance(owner, ast.Try) and place.name == "body":
        if owner.orelse or owner.finalbody or not all(leaves(handler.body) for handler in owner.handlers):
            raise Refused("a way around its acquisition goes on behind the `try`")
    else:
        raise Refused("it is opened inside of another block")
    around = code.place(owner)
    found = region.find(code, site, held.name, around.block, around.index + 1, owner)
    at = Situation(code, site, held, keep, found, owner, applicability=helpers.applicability(site))
    try:
        return build(at)
    except Refused:
        if not at.has_body:
            raise
        return try_finally.build(at)


def _every_branch(code: Code, site: Site, name: str, branch: ast.If) -> None:
    """Refuse branches that go on without a resource of the same kind in the variable."""
    if not branch.orelse:
        raise Refused("it is opened on one branch only")
    for block in (branch.body, branch.orelse):
        last = block[-1]
        if leaves(block):
            continue
        if isinstance(last, ast.If):
            _every_branch(code, site, name, last)
            continue
        value = last.value if isinstance(last, ast.Assign) and len(last.targets) == 1 else None
        target = last.targets[0] if isinstance(last, ast.Assign) else None
        if not (isinstance(value, ast.Call) and isinstance(target, ast.Name) and target.id == name):
            raise Refused("not every branch opens it")
        others = code.catalogue.acquirers.get(code.dotted(value.func), ())
        if not others or any((o.with_, o.release, o.again) != _facts(site) for o in others):
            raise Refused("not every branch opens the same kind")


def _facts(site: Site) -> tuple[object, ...]:
    resource = site.resource
    return resource.with_, resource.release, resource.again
