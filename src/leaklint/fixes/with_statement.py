"""``f = open(p)`` ... ``f.close()`` becomes ``with open(p) as f:`` ...; the close goes.

Preconditions: the acquisition is the whole of an assignment to one variable; leaving the ``with`` (or
``contextlib.closing``) does exactly what the release of the code did, or the code has none; the variable and all that
needs the resource stay in the block (`leaklint.fixes.region`). Without a release the block ends with the last use.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from leaklint.edit import Edit, Fix
from leaklint.fixes import rewrite
from leaklint.fixes.code import Code, Refused
from leaklint.fixes.keeper import Form
from leaklint.fixes.situation import Situation

_SPACE = re.compile(r"(?:[ \t]|\\(?:\r\n?|\n))*")
"""what may stand between two parts of a statement: a line that goes on after a backslash becomes one with the next"""


def build(at: Situation) -> Fix:
    """The fix. Raises Refused."""
    if not at.handle.plain or at.keeper.form is Form.FINALLY or at.guarded:
        raise Refused("it is not assigned to a variable alone")
    if not at.releases_first_way:
        raise Refused("it is released in another way than by a `with`")
    at.check_lines()
    code, statement = at.code, at.acquisition
    closing, edits = at.heading()
    inner = at.inner_releases()
    edits = [*edits, *inner.edits, *head(at, statement, closing)]
    if at.has_body:
        edits += rewrite.blank(code, rewrite.last_line(statement) + 1, at.first_line - 1)
        edits += rewrite.indent(code, at.first_line, at.last_line, at.step, inner.lines)
    else:
        edits.append(rewrite.lines_after(code, rewrite.last_line(statement), [f"{at.indentation}{at.step}pass"]))
    edits += rewrite.remove(code, at.region.release, at.step)
    keyword = at.keeper.head("...", "closing")
    return at.fix(f"Open it in `{at.keeper.keyword} {keyword}`", edits)


def head(at: Situation, statement: ast.stmt, closing: str) -> list[Edit]:
    """The edits that turn the assignment into the head of a ``with``."""
    code = at.code
    assert isinstance(statement, ast.Assign)
    span = code.span(statement)
    equals = code.text.index("=", code.span(statement.targets[0]).end)
    # Parentheses around the target end behind it: the sign is the first one outside of them.
    space = _SPACE.match(code.text, equals + 1)
    start = space.end() if space else equals + 1
    before, after = f"{at.keeper.keyword} ", f" as {at.handle.name}:"
    if at.keeper.form is Form.CLOSING:
        before, after = f"{before}{closing}(", f"){after}"
    moved = code.lines.position(span.start)[1] + len(before) - code.lines.position(start)[1]
    return [Edit(span.start, start, before), *_aligned(code, statement, moved), Edit(span.end, span.end, after)]


def _aligned(code: Code, statement: ast.Assign, moved: int) -> Iterator[Edit]:
    """The edits that move lines under the first argument of a call by as many columns as that."""
    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    arguments: list[ast.expr | ast.keyword] = [*value.args, *value.keywords] if isinstance(value, ast.Call) else []
    places = sorted((argument.lineno, argument.col_offset) for argument in arguments)
    if not places or places[0][0] != value.lineno or not moved:
        return
    column = code.lines.position(code.lines.offset(*places[0]))[1]
    for line in range(value.lineno + 1, rewrite.last_line(statement) + 1):
        text = code.lines.line(line)
        if line not in code.in_strings and len(text) - len(text.lstrip(" ")) >= column - 1 and text.strip():
            start = code.lines.starts[line - 1]
            yield Edit(start, start + max(0, -moved), " " * max(0, moved))
