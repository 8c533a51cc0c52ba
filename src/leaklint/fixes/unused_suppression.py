"""A suppression that suppresses nothing goes, or the codes of it that are not needed.

Preconditions: none; a comment is no code. A directive with a reason goes with its reason up to the next ``#``.
"""

from __future__ import annotations

import re

from leaklint.edit import Applicability, Edit, Fix, Span
from leaklint.fixes.code import Code, Refused


def build(code: Code, where: Span, codes: tuple[str, ...] | None) -> Fix:
    """The fix for the directive at a span, of which ``codes`` are not needed (all when it names none).

    ``codes`` is None for a directive that is misspelt. Raises Refused.
    """
    if codes is None:
        raise Refused("it is misspelt: whoever wrote it meant something by it")
    line = code.lines.position(where.start)[0]
    text = code.lines.line(line)
    begin = code.lines.starts[line - 1]
    content = begin + len(text.rstrip("\r\n"))
    directive = code.text[where.start : where.end]
    named = re.search(r"\[([^\]]*)\]|:\s*([A-Za-z]+[0-9]+(?:[\s,]+[A-Za-z]+[0-9]+)*)\s*$", directive)
    written = re.findall(r"[A-Za-z]+[0-9]+", named[1] or named[2] or "") if named else []
    kept = [name for name in written if name.upper() not in codes] if codes else []
    if kept and named is not None:
        group = 1 if named[1] is not None else 2
        start = where.start + named.start(group)
        end = where.start + named.end(group)
        return Fix("Drop the codes that are not needed", (Edit(start, end, ", ".join(kept)),), Applicability.SAFE)
    if not directive.lstrip().startswith("#"):
        raise Refused("the directive stands inside of another comment")
    following = code.text.find("#", where.end, content)
    end = following if following >= 0 else content
    start = where.start
    if following < 0:
        start -= len(code.text[begin:start]) - len(code.text[begin:start].rstrip(" \t"))
        if start == begin:
            end = begin + len(text)
    return Fix("Delete the comment", (Edit(start, end, ""),), Applicability.SAFE)
