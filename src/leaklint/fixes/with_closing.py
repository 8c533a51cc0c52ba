"""``with sqlite3.connect(p) as c:`` becomes ``with closing(sqlite3.connect(p)) as c, c:``: the transaction stays.

Preconditions: the connection is an item of the ``with`` itself, and ``c`` is what it is; ``close`` releases it and may
be called twice; nothing reads ``c``, or what needs it, after the block.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import imports, region, rewrite
from leaklint.fixes.code import Code, Refused


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    call = code.call_at(site.span)
    around = code.parent(call)
    value: ast.expr = call
    if isinstance(around, ast.Await):
        value, around = around, code.parent(around)
    if not isinstance(around, ast.withitem):
        raise Refused("it is not opened by the `with` itself")
    statement = code.parent(around)
    assert isinstance(statement, ast.With | ast.AsyncWith)
    if isinstance(statement, ast.AsyncWith):
        raise Refused("it is left by an `async with`")
    steps = site.resource.release[0] if site.resource.release else ()
    if [(s.call, s.form, s.awaited) for s in steps] != [("close", "method", False)]:
        raise Refused("`closing` does not release it")
    if site.resource.enter != "self":
        raise Refused("the `with` binds something else")
    target = around.optional_vars
    if target is None:
        name = code.fresh(statement, "conn", "connection", "db")
    elif isinstance(target, ast.Name):
        name = target.id
    else:
        raise Refused("the `with` binds no plain name")
    span = code.span(value)
    end = code.span(target).end if target is not None else span.end
    place = code.place(statement)
    applicability, doubt = Applicability.SAFE, ""
    if target is not None:
        found = region.find(code, site, name, place.block, place.index, statement)
        if found.last > place.index:
            raise Refused(f"`{name}`, or what needs it, is used after the block")
        if found.inner and site.resource.again != "ok":
            raise Refused("a second release would raise")
        applicability, doubt = found.applicability, found.doubt
    spelled, edits = imports.spelling(code, statement, "contextlib", "closing")
    edits = [*edits, Edit(span.start, span.start, f"{spelled}("), Edit(span.end, span.end, ")")]
    edits.append(Edit(end, end, f", {name}" if target is not None else f" as {name}, {name}"))
    title = "Close it with `closing(...)`" + (f", though {doubt}" if doubt else "")
    return Fix(title, rewrite.merged(edits), applicability)
