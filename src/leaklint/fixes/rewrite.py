"""Edits of lines: a run of statements put into a block, with every byte outside of what must move left alone.

Lines that begin inside of a string are never indented; comments and blank lines keep their text.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Sequence

from leaklint.edit import Edit
from leaklint.fixes.code import Code, Refused, SharesLine


def indentation(code: Code, statement: ast.stmt) -> str:
    """The white space in front of a statement that begins its line. Raises Refused."""
    start = code.lines.starts[first_line(statement) - 1]
    if getattr(statement, "decorator_list", None):
        return _leading(code, statement)
    before = code.text[start : code.lines.offset(statement.lineno, statement.col_offset)]
    if before.strip(" \t"):
        raise SharesLine(statement)
    if isinstance(statement, ast.If) and code.text.startswith("elif", start + len(before)):
        raise Refused("it is an `elif`")
    return before


def unit(code: Code, statement: ast.stmt) -> str:
    """One step of indentation, as the code around a statement has it."""
    own = indentation(code, statement)
    for ancestor in code.ancestors(statement):
        if isinstance(ancestor, ast.stmt | ast.match_case):
            outer = _leading(code, ancestor if isinstance(ancestor, ast.stmt) else ancestor.pattern)
            if own.startswith(outer) and len(own) > len(outer):
                return own[len(outer) :]
            break
    for node in ast.walk(code.tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.stmt) and isinstance(body, list) and body[0].lineno != node.lineno:
            outer, inner = _leading(code, node), _leading(code, body[0])
            if inner.startswith(outer) and len(inner) > len(outer):
                return inner[len(outer) :]
    return "\t" if own.startswith("\t") else "    "


def _leading(code: Code, statement: ast.stmt | ast.pattern) -> str:
    line = code.lines.line(first_line(statement))
    return line[: len(line) - len(line.lstrip(" \t"))]


def first_line(statement: ast.stmt | ast.pattern) -> int:
    """The 1-based line on which a statement begins, its decorators included."""
    decorators = getattr(statement, "decorator_list", None)
    lines: list[int] = [statement.lineno, *(d.lineno for d in decorators or ())]
    return min(lines)


def last_line(statement: ast.stmt) -> int:
    """The 1-based line on which a statement ends."""
    return statement.end_lineno or statement.lineno


def comment_after(code: Code, statement: ast.stmt) -> str:
    """The comment behind a statement on its last line, or an empty string. Raises Refused when more follows."""
    end = code.span(statement).end
    line = last_line(statement)
    stop = code.lines.starts[line] if line < len(code.lines.starts) else len(code.text)
    rest = code.text[end:stop].strip()
    if rest and not rest.startswith("#"):
        raise SharesLine(statement)
    return rest


def line_end(code: Code, line: int) -> int:
    """The offset behind a 1-based line, its end included."""
    return code.lines.starts[line] if line < len(code.lines.starts) else len(code.text)


def own_lines(code: Code, *runs: Sequence[ast.stmt]) -> None:
    """Refuse runs of statements that do not begin and end with their lines."""
    for run in runs:
        if run:
            indentation(code, run[0])
            comment_after(code, run[-1])


def indent(code: Code, first: int, last: int, step: str, besides: Container[int] = ()) -> list[Edit]:
    """Indent the 1-based lines from ``first`` to ``last`` by a step, ``besides`` excepted."""
    edits = []
    for line in range(first, last + 1):
        text = code.lines.line(line)
        if line in code.in_strings or line in besides or not text.strip():
            continue
        start = code.lines.starts[line - 1]
        if "\f" in text[: len(text) - len(text.lstrip())]:
            raise Refused("a form feed stands in its indentation")
        edits.append(Edit(start, start, step))
    return edits


def blank(code: Code, first: int, last: int) -> list[Edit]:
    """Delete the blank lines from ``first`` to ``last`` (1-based): a block does not begin with them."""
    if first > last or any(code.lines.line(line).strip() for line in range(first, last + 1)):
        return []
    return [Edit(code.lines.starts[first - 1], line_end(code, last), "")]


def remove(code: Code, statements: Sequence[ast.stmt], step: str = "") -> list[Edit]:
    """Delete statements that stand on lines of their own; a comment behind one stays, indented by a step more."""
    edits = []
    for statement in statements:
        comment = comment_after(code, statement)
        start = code.lines.starts[first_line(statement) - 1]
        own = indentation(code, statement)
        if comment:
            span = code.span(statement)
            keep = code.text.index("#", span.end)
            edits.append(Edit(start, keep, own + step))
        else:
            edits.append(cut(code, first_line(statement), last_line(statement)))
    return edits


def cut(code: Code, first: int, last: int) -> Edit:
    """Delete the 1-based lines from ``first`` to ``last``, with the blank ones before them when a blank one or none
    follows."""
    follows = code.lines.line(last + 1) if last < len(code.lines.starts) else ""
    line = first
    while not follows.strip() and line > 1 and not code.lines.line(line - 1).strip(" \t\r\n"):
        line -= 1
    return Edit(code.lines.starts[line - 1], line_end(code, last), "")


def lines_after(code: Code, line: int, texts: Sequence[str]) -> Edit:
    """Put lines behind a 1-based line."""
    end = line_end(code, line)
    newline = code.newline(code.lines.starts[line - 1])
    text = "".join(f"{t}{newline}" for t in texts)
    if not code.lines.line(line).endswith(("\n", "\r")):
        text = newline + text.removesuffix(newline)
    return Edit(end, end, text)


def lines_before(code: Code, line: int, texts: Sequence[str]) -> Edit:
    """Put lines before a 1-based line."""
    start = code.lines.starts[line - 1]
    newline = code.newline(start)
    return Edit(start, start, "".join(f"{t}{newline}" for t in texts))


def merged(edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """The edits in order, those at one place as one. Raises Refused when two overlap."""
    found: list[Edit] = []
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if found and edit.start < found[-1].end:
            raise Refused("its parts overlap")
        if found and found[-1].end == edit.start and (found[-1].start == found[-1].end or edit.start == edit.end):
            known = found.pop()
            # A line that goes needs no indentation: it would be the next one's.
            goes = not edit.text and edit.end > edit.start and not known.text.strip(" \t")
            edit = edit if goes else Edit(known.start, edit.end, known.text + edit.text)
        found.append(edit)
    return tuple(found)
