"""``f = open(p); text = f.read(); f.close()``: statements on one line get lines of their own, where a fix needs it.

A template that meets such a statement says so (`SharesLine`); then its line is split and the template asked again. The
edits are those of the file as it is: what splits a line is part of the fix. A body on the line of its head
(``if x: a; b``) moves below the head. Preconditions: the result is the same tree; comments stay behind the last
statement of their line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import replace

from leaklint.analysis.facts import Site
from leaklint.edit import Edit, Fix, Span, apply
from leaklint.fixes import rewrite
from leaklint.fixes.code import Code, Refused, SharesLine
from leaklint.syntax.lines import Lines

MOST_SPLITS = 20
"""lines that are split for one fix at most"""


def build(code: Code, site: Site, template: Callable[[Code, Site, bool], Fix]) -> Fix:
    """What a template gives, with lines split where it needs them. Raises Refused.

    The template is told whether a line can still be split for it.
    """
    try:
        return template(code, site, True)
    except SharesLine as shared:
        statement = shared.statement
    done, at = code, site
    origins = list(range(len(code.text)))
    for _ in range(MOST_SPLITS):
        edits = list(_split(done, statement)) if _is_near(done, at, statement) else []
        text = apply(done.text, edits)
        tree = _parsed(text)
        if not edits or tree is None or ast.dump(tree) != ast.dump(done.tree):
            break
        origins = _moved(origins, edits)
        done, at = Code(text, tree, Lines(text), code.catalogue, code.dotted), _shifted(at, edits)
        try:
            fix = template(done, at, True)
        except SharesLine as shared:
            statement = shared.statement
        except Refused:
            break
        else:
            return replace(fix, edits=tuple(_edits(code.text, origins, text, fix)))
    # Why it refuses the text with its lines split names other lines than the file's.
    return template(code, site, False)


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def _is_near(code: Code, site: Site, statement: ast.stmt) -> bool:
    """Whether a statement is one of the function in which the resource is opened, and no import."""
    here = code.scope(statement) is code.scope(code.call_at(site.span))
    return here and not isinstance(statement, ast.Import | ast.ImportFrom)


def _split(code: Code, statement: ast.stmt) -> Iterator[Edit]:
    """The edits that give the statements on the lines of one their own; none where that is not simple."""
    place = code.place(statement)
    if place.name in ("handlers", "cases"):
        return
    first = last = place.index
    block = place.block
    while first > 0 and block[first - 1].end_lineno == block[first].lineno:
        first -= 1
    while last < len(block) - 1 and block[last].end_lineno == block[last + 1].lineno:
        last += 1
    start = code.lines.starts[block[first].lineno - 1]
    before = code.text[start : code.span(block[first]).start]
    newline = code.newline(start)
    own = before
    if before.strip(" \t"):
        owner = place.owner
        if first > 0 or not isinstance(owner, ast.stmt | ast.ExceptHandler | ast.match_case):
            return
        line = code.lines.line(owner.pattern.lineno if isinstance(owner, ast.match_case) else owner.lineno)
        own = line[: len(line) - len(line.lstrip(" \t"))] + _step(code)
        head = before.rstrip(" \t")
        if not head.endswith(":"):
            return
        yield Edit(start + len(head), start + len(before), newline + own)
    for one, other in zip(block[first:last], block[first + 1 : last + 1], strict=True):
        end, begin = code.span(one).end, code.span(other).start
        if code.text[end:begin].strip(" \t") != ";":
            return
        yield Edit(end, begin, newline + own)
    end = code.span(block[last]).end
    rest = code.text[end : rewrite.line_end(code, rewrite.last_line(block[last]))]
    if rest.lstrip(" \t").startswith(";"):
        yield Edit(end, end + rest.index(";") + 1, "")


def _step(code: Code) -> str:
    """One step of indentation as the file has it."""
    for node in ast.walk(code.tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.stmt) and isinstance(body, list) and body[0].lineno != node.lineno:
            outer, inner = (_leading(code, n) for n in (node, body[0]))
            if inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer) :]
    return "    "


def _leading(code: Code, statement: ast.stmt) -> str:
    line = code.lines.line(rewrite.first_line(statement))
    return line[: len(line) - len(line.lstrip(" \t"))]


# where the pieces of one text are in another


def _moved(origins: list[int], edits: list[Edit]) -> list[int]:
    """For each character of the text after edits where it comes from; -1 for what is new."""
    made: list[int] = []
    position = 0
    for edit in sorted(edits, key=lambda e: e.start):
        made += origins[position : edit.start]
        made += [-1] * len(edit.text)
        position = edit.end
    return made + origins[position:]


def _shifted(site: Site, edits: list[Edit]) -> Site:
    """The site in the text after edits, none of which is inside of its spans."""

    def shift(span: Span) -> Span:
        moved = sum(len(e.text) - (e.end - e.start) for e in edits if e.end <= span.start)
        return Span(span.start + moved, span.end + moved)

    return replace(
        site,
        span=shift(site.span),
        uncalled=shift(site.uncalled) if site.uncalled else None,
        with_exit=shift(site.with_exit) if site.with_exit else None,
    )


def _edits(before: str, origins: list[int], split: str, fix: Fix) -> Iterator[Edit]:
    """The edits that make of the file as it is what the fix makes of the one with its lines split."""
    after = apply(split, fix.edits)
    position, new = 0, ""
    for origin, character in zip(_moved(origins, list(fix.edits)), after, strict=True):
        if origin < 0:
            new += character
            continue
        if origin > position or new:
            yield Edit(position, origin, new)
        position, new = origin + 1, ""
    if position < len(before) or new:
        yield Edit(position, len(before), new)
