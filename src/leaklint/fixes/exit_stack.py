"""``f = open(p) if p else sys.stdin`` becomes ``f = stack.enter_context(open(p)) if p else sys.stdin``.

A ``with`` over an ``ExitStack`` around it holds what was opened to the last use.

For resources that only some ways acquire, or that a comprehension acquires many of. Preconditions: leaving a ``with``
over the resource (or ``closing``) releases it; it is not acquired again and again by a loop, which would keep all of
them open; what needs it stays in the block; releases inside stay, so a second one must do no harm.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import handle, helpers, imports, keeper, region, rewrite
from leaklint.fixes.code import LOOPS, SCOPES, Code, Place, Refused
from leaklint.fixes.keeper import Form
from leaklint.syntax.nodes import walk


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    call = code.call_at(site.span)
    if site.part or site.resource.starts or isinstance(code.parent(call), ast.Await):
        raise Refused("it takes a `finally` to release it")
    if isinstance(code.scope(call), ast.Lambda | ast.ClassDef):
        raise Refused("it is opened inside of a lambda or class")
    keep = keeper.choose(site.resource, code, call)
    if keep.form not in (Form.WITH, Form.CLOSING):
        raise Refused("no `with` releases it")
    if site.helper is not None and helpers.may_give_none(code, site):
        raise Refused("the helper may give None")
    for node in code.ancestors(call):
        if isinstance(node, ast.GeneratorExp | ast.Lambda):
            raise Refused("it is opened when a generator expression gets there")
        if isinstance(node, ast.JoinedStr):
            raise Refused("it is opened inside of an f-string")
        if isinstance(node, ast.stmt):
            break
    held = handle.find(code, site)
    own = code.statement(call)
    if isinstance(own, ast.While | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        raise Refused("it is opened in the middle of a loop or definition")
    # What has a name and needs no block further out would have become a `with` in its own.
    statement = own if held is None else _outer(code, own)
    first = Refused("it stands in no other block")
    while statement is not None:
        try:
            return _around(code, site, held, keep, call, statement)
        except Refused as refused:
            first = refused
        statement = _outer(code, statement)
    raise first


def _outer(code: Code, statement: ast.stmt) -> ast.stmt | None:
    """The statement around a statement in its own scope, unless that is a loop."""
    outer = code.parent(statement)
    while not isinstance(outer, ast.stmt) and not isinstance(outer, SCOPES):
        outer = code.parent(outer)
    return None if isinstance(outer, (*SCOPES, *LOOPS)) or not isinstance(outer, ast.stmt) else outer


def _around(
    code: Code, site: Site, held: handle.Handle | None, keep: keeper.Keeper, call: ast.Call, statement: ast.stmt
) -> Fix:
    place = code.place(statement)
    if held is not None:
        found = region.around(code, site, held.name, place.block, place.index)
        last, applicability, doubt = found.last, found.applicability, found.doubt
        inner = bool(found.inner)
    else:
        last, applicability, doubt = region.inline(code, site, call, place.block, place.index)
        inner = False
    if inner and not keep.again:
        raise Refused("a second release would raise")
    final = place.block[last]
    rewrite.own_lines(code, [statement, final])
    known = _stack_of(code, place, last)
    edits: list[Edit] = []
    if known is not None:
        name = known.name
    else:
        stack, edits = imports.spelling(code, statement, "contextlib", "ExitStack")
        name = code.fresh(statement, "stack", "exit_stack")
    before, after = f"{name}.enter_context(", ")"
    if keep.form is Form.CLOSING:
        closing, more = imports.spelling(code, statement, "contextlib", "closing")
        edits, before, after = imports.together([*edits, *more]), f"{before}{closing}(", "))"
    own, step = rewrite.indentation(code, statement), rewrite.unit(code, statement)
    span = code.span(call)
    line, end = rewrite.first_line(statement), rewrite.last_line(final)
    edits = [*edits, Edit(span.start, span.start, before), Edit(span.end, span.end, after)]
    if known is None:
        edits.append(rewrite.lines_before(code, line, [f"{own}with {stack}() as {name}:"]))
    elif known.line:
        head, end = code.lines.line(known.line), known.line - 1
        edits.append(rewrite.lines_before(code, line, [head.strip("\r\n")]))
        edits.append(Edit(code.lines.starts[known.line - 1], rewrite.line_end(code, known.line), ""))
    if known is None or known.line:
        edits += rewrite.indent(code, line, end, step)
    unsafe = Applicability.UNSAFE in (keep.applicability, applicability, helpers.applicability(site))
    return Fix(
        f"Let an `ExitStack` hold it, though {doubt}" if doubt else "Let an `ExitStack` hold it",
        rewrite.merged(edits),
        Applicability.UNSAFE if unsafe else Applicability.SAFE,
    )


@dataclass(frozen=True, slots=True)
class _Stack:
    """A stack that is there already; ``line`` is that of its head where it must move up, else 0."""

    name: str
    line: int


def _stack_of(code: Code, place: Place, last: int) -> _Stack | None:
    """A stack that is left where a region ends, and may hold more: around its block, or around its last statement."""
    around = _opened(code, place.owner)
    if around and last == len(place.block) - 1:
        return _Stack(around, 0)
    final = place.block[last]
    inner = _opened(code, final)
    if not inner or last == place.index:
        return None
    earlier = (node for statement in place.block[place.index : last] for node in walk(statement))
    line = code.lines.line(rewrite.first_line(final)).rstrip()
    if any(isinstance(n, ast.Name) and n.id == inner for n in earlier) or not line.endswith(f" as {inner}:"):
        return None
    return _Stack(inner, rewrite.first_line(final))


def _opened(code: Code, node: ast.AST) -> str:
    """The name of the stack that a ``with`` opens and that is only ever given more to hold; else an empty string."""
    match node:
        case ast.With(items=[ast.withitem(context_expr=ast.Call(args=[], keywords=[]) as call, optional_vars=target)]):
            if not isinstance(target, ast.Name) or code.dotted(call.func) != "contextlib.ExitStack":
                return ""
        case _:
            return ""
    uses = [n for n in walk(code.scope(node)) if isinstance(n, ast.Name) and n.id == target.id and n is not target]
    for use in uses:
        around = code.parent(use)
        if not (isinstance(around, ast.Attribute) and around.attr in ("enter_context", "callback", "push")):
            return ""
        if not (isinstance(code.parent(around), ast.Call) and node in code.ancestors(use)):
            return ""
    return target.id
