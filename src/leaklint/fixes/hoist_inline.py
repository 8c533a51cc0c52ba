"""``rows = json.load(open(p))`` becomes ``with open(p) as file:`` around ``rows = json.load(file)``.

Preconditions: the acquisition is the first thing that its statement does, and it always does it (no branch, no
comprehension, no default argument); what the statement makes of it needs it no more, or stays in the block; the name is
new in the file. A loop over it moves into the block whole.
"""

from __future__ import annotations

import ast
import keyword
import re

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import handle, helpers, imports, keeper, region, rewrite
from leaklint.fixes.code import SCOPES, Code, Refused
from leaklint.fixes.keeper import Form, Keeper

NAMES = {
    "file": "file", "temporary": "file", "cursor": "cursor", "connection": "conn", "response": "response",
    "archive": "archive", "socket": "sock", "session": "session", "image": "image", "client": "client",
    "process": "process", "compressed": "file", "stream": "stream", "dataset": "dataset", "cache": "client",
}  # fmt: skip
"""what a new variable is called, by the kind of the resource"""
_SIMPLE = (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return)


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    call = code.call_at(site.span)
    value: ast.expr = call
    if isinstance(code.parent(call), ast.Await):
        value = code.parent(call)  # type: ignore[assignment]
    statement = code.statement(call)
    if site.part:
        raise Refused("only a part of what the call returns is to be released")
    if site.helper is not None and helpers.may_give_none(code, site):
        raise Refused("the helper may give None")
    keep = keeper.choose(site.resource, code, call, awaited=value is not call)
    if isinstance(code.scope(statement), ast.ClassDef):
        raise Refused("it stands in the body of a class")
    if isinstance(code.parent(value), ast.Expr):
        return _discarded(code, site, statement, keep, value)
    if not isinstance(statement, (*_SIMPLE, ast.For)):
        raise Refused(f"it is opened in the middle of `{_keyword(statement)}`")
    evaluated_first(code, value, statement)
    kind = site.resource.kind
    name = code.fresh(statement, _word(site) or NAMES.get(kind, "resource"), f"opened_{kind.replace('-', '_')}")
    return _hoisted(code, site, statement, keep, value, name)


def _word(site: Site) -> str:
    """The name of the project's class of which it is an object, as a variable is spelled; empty for other resources."""
    name = site.resource.type.partition(":")[2].rpartition(".")[2]
    word = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).strip("_").lower()
    return "" if keyword.iskeyword(word) else word


def _discarded(code: Code, site: Site, statement: ast.stmt, keep: Keeper, value: ast.expr) -> Fix:
    """``open(p, "w")`` alone: the file is made, and closed."""
    rewrite.own_lines(code, [statement])
    if keep.form is Form.FINALLY:
        raise Refused("it needs a name to be released by")
    own, step = rewrite.indentation(code, statement), rewrite.unit(code, statement)
    closing, edits = _closing(code, statement, keep)
    span = code.span(statement)
    before = f"{keep.keyword} " + (f"{closing}(" if closing else "")
    edits += [Edit(span.start, span.start, before), Edit(span.end, span.end, "):" if closing else ":")]
    edits.append(rewrite.lines_after(code, rewrite.last_line(statement), [f"{own}{step}pass"]))
    return Fix("Close what it opens", rewrite.merged(edits), keep.applicability)


def _closing(code: Code, statement: ast.stmt, keep: Keeper) -> tuple[str, list[Edit]]:
    if keep.form is not Form.CLOSING:
        return "", []
    spelled, edits = imports.spelling(code, statement, "contextlib", "closing")
    return spelled, list(edits)


def _hoisted(code: Code, site: Site, statement: ast.stmt, keep: Keeper, value: ast.expr, name: str) -> Fix:
    place = code.place(statement)
    last, applicability, doubt = region.inline(code, site, value, place.block, place.index)
    final = place.block[last]
    rewrite.own_lines(code, [statement, final])
    own, step = rewrite.indentation(code, statement), rewrite.unit(code, statement)
    closing, edits = _closing(code, statement, keep)
    span = code.span(value)
    text = code.text[span.start : span.end]
    first, end = rewrite.first_line(statement), rewrite.last_line(final)
    if keep.form is Form.FINALLY:
        owner = handle.owner_of(code.call_at(site.span))
        lines, more = imports.release(code, statement, keep.release, name, owner)
        edits += more
        head = [f"{own}{name} = {text}", f"{own}try:"]
        edits.append(rewrite.lines_after(code, end, [f"{own}finally:", *(f"{own}{step}{line}" for line in lines)]))
    else:
        head = [f"{own}{keep.keyword} {keep.head(text, closing)} as {name}:"]
    edits.append(rewrite.lines_before(code, first, head))
    edits += rewrite.indent(code, first, end, step)
    edits.append(Edit(span.start, span.end, name))
    edits = _without_inner(edits, span.start, span.end)
    unsafe = Applicability.UNSAFE in (keep.applicability, applicability)
    title = (
        f"Open it in `{keep.keyword} {keep.head('...', 'closing')}` first"
        if keep.form is not Form.FINALLY
        else "Release it in a `finally`"
    )
    title = f"{title}, though {doubt}" if doubt else title
    return Fix(title, rewrite.merged(edits), Applicability.UNSAFE if unsafe else Applicability.SAFE)


def _without_inner(edits: list[Edit], start: int, end: int) -> list[Edit]:
    """The edits without those inside of the text that moves."""
    return [e for e in edits if not (start < e.start and e.end <= end)]


def evaluated_first(code: Code, value: ast.expr, statement: ast.stmt) -> None:
    """Refuse an expression that is not the first thing that its statement does, or that it may leave out."""
    node: ast.AST = value
    while node is not statement:
        parent = code.parent(node)
        if isinstance(parent, SCOPES) and parent is not statement:
            raise Refused("it is opened inside of a lambda")
        if isinstance(parent, ast.keyword | ast.Await | ast.Starred | ast.Attribute | ast.FormattedValue):
            node = parent
            continue
        before: list[ast.AST]
        match parent:
            case ast.Call():
                before = [parent.func, *parent.args, *parent.keywords]
            case ast.Subscript() if parent.value is node:
                before = [node]
            case ast.BinOp():
                before = [parent.left, parent.right]
            case ast.Compare() if parent.left is node:
                before = [node]
            case ast.Tuple() | ast.List() | ast.Set():
                before = list(parent.elts)
            case ast.Dict():
                before = [n for pair in zip(parent.keys, parent.values, strict=True) for n in pair if n is not None]
            case ast.comprehension() if parent.iter is node:
                comprehension = code.parent(parent)
                if isinstance(comprehension, ast.GeneratorExp):
                    raise Refused("a generator expression reads it later")
                assert isinstance(comprehension, ast.ListComp | ast.SetComp | ast.DictComp)
                if comprehension.generators[0] is not parent:
                    raise Refused("a comprehension opens it again and again")
                node = comprehension
                continue
            case ast.JoinedStr():
                raise Refused("it is opened inside of an f-string")
            case ast.UnaryOp():
                before = [node]
            case ast.BoolOp() if parent.values[0] is node:
                before = [node]
            case ast.IfExp() if parent.test is node:
                before = [node]
            case ast.Expr() | ast.Return() | ast.Assign() | ast.AnnAssign():
                before = [node]
            case ast.For() if parent.iter is node:
                before = [node]
            case _:
                raise Refused("it is not opened on every way through its statement")
        for earlier in before[: next(i for i, n in enumerate(before) if n is node)]:
            if not all(
                isinstance(n, ast.Name | ast.Attribute | ast.Constant | ast.expr_context | ast.keyword)
                for n in ast.walk(earlier)
            ):
                raise Refused("something else is evaluated before it")
        node = parent


def _keyword(statement: ast.stmt) -> str:
    return type(statement).__name__.lower()
