"""``fd = os.open(p, flags)`` ... ``os.close(fd)``: a ``try`` around what uses it, and a ``finally`` that releases.

For what no ``with`` releases: raw descriptors, other names of the release, releases of several steps, connections that
a pool gets back, resources that may be None (the ``finally`` asks). Preconditions: the acquisition is a statement of
the block; the variable is not bound again or deleted; all that needs the resource stays in the block. A release that
the code has moves into the ``finally`` with its text; nothing is released twice where that raises.
"""

from __future__ import annotations

import ast

from leaklint.edit import Edit, Fix
from leaklint.fixes import imports, rewrite
from leaklint.fixes.code import Code, Refused
from leaklint.fixes.situation import Situation


def build(at: Situation) -> Fix:
    """The fix. Raises Refused."""
    at.check_lines()
    code, region = at.code, at.region
    if not at.has_body:
        if region.release:
            raise Refused("nothing stands between acquisition and release")
        lines, more = release_lines(at, at.indentation)
        after = rewrite.lines_after(code, rewrite.last_line(at.acquisition), lines)
        return at.fix(f"Call `{lines[-1].strip()}`", [*more, after])
    edits: list[Edit] = []
    only = region.statements[0]
    if len(region.statements) == 1 and isinstance(only, ast.Try) and not (only.finalbody or region.release):
        lines, more = release_lines(at, at.indentation + at.step)
        clause = rewrite.lines_after(code, at.last_line, [f"{at.indentation}finally:", *lines])
        edits += at.inner_releases(deeper=False).edits
        return at.fix("Give the `try` a `finally` that releases it", [*edits, *more, clause])
    line = at.first_line
    inner = at.inner_releases()
    edits += inner.edits
    edits.append(rewrite.lines_before(code, line, [f"{at.indentation}try:"]))
    edits += rewrite.indent(code, line, at.last_line, at.step, inner.lines)
    if region.release:
        if at.guarded:
            raise Refused("it may be None where it is released")
        first = rewrite.first_line(region.release[0])
        edits.append(rewrite.lines_before(code, first, [f"{at.indentation}finally:"]))
        edits += rewrite.indent(code, first, rewrite.last_line(region.release[-1]), at.step)
        return at.fix("Release it in a `finally`", edits)
    lines, more = release_lines(at, at.indentation + at.step)
    edits += more
    edits.append(rewrite.lines_after(code, at.last_line, [f"{at.indentation}finally:", *lines]))
    return at.fix(f"Call `{lines[-1].strip()}` in a `finally`", edits)


def release_lines(at: Situation, indentation: str) -> tuple[list[str], list[Edit]]:
    """The lines that release the resource, and the edits that import what they need. Raises Refused."""
    code = at.code
    root = at.handle.owner.partition(".")[0]
    if root and _bound_in(code, root, at.region.statements):
        raise Refused(f"`{root}` is bound again inside")
    lines, edits = imports.release(code, at.acquisition, at.keeper.release, at.handle.text, at.handle.owner)
    lines = [f"{indentation}{line}" for line in lines]
    if at.guarded:
        lines = [f"{indentation}if {at.handle.name} is not None:", *(f"{at.step}{line}" for line in lines)]
    return lines, edits


def _bound_in(code: Code, name: str, statements: list[ast.stmt]) -> bool:
    return any(
        isinstance(n, ast.Name) and n.id == name and not isinstance(n.ctx, ast.Load)
        for statement in statements
        for n in ast.walk(statement)
    )
