"""``f.close`` becomes ``f.close()``, and ``client.aclose()`` in an async function ``await client.aclose()``.

Preconditions: it is a statement of its own; nothing reads the variable after it.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.syntax.names import dotted


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    if site.uncalled is None:
        raise Refused("its release is not found")
    statement = next(
        (node for node in ast.walk(code.tree) if isinstance(node, ast.Expr) and code.span(node.value) == site.uncalled),
        None,
    )
    if statement is None:
        raise Refused("its release is part of a larger expression")
    value = statement.value
    scope = code.scope(statement)
    end = code.span(statement).end
    name = (dotted(value.func) if isinstance(value, ast.Call) else dotted(value)).partition(".")[0]
    if not name:
        raise Refused("its release is part of a larger expression")
    for node in own_nodes(scope):
        if isinstance(node, ast.Name) and node.id == name and code.span(node).start > end:
            line = code.lines.position(code.span(node).start)[0]
            raise Refused(f"`{name}` is named on line {line}, after its release")
    if isinstance(value, ast.Attribute):
        awaited = any(step.awaited for step in site.resource.release[0]) if site.resource.release else False
        if awaited and not isinstance(scope, ast.AsyncFunctionDef):
            raise Refused("its release must be awaited, and the function is not async")
        edits = [Edit(end, end, "()")]
        if awaited:
            edits.insert(0, Edit(code.span(value).start, code.span(value).start, "await "))
        return Fix(f"Call `{code.source(value)}()`", tuple(edits), Applicability.SAFE)
    if not isinstance(scope, ast.AsyncFunctionDef):
        raise Refused("its release must be awaited, and the function is not async")
    start = code.span(value).start
    return Fix(f"Await `{code.source(value)}`", (Edit(start, start, "await "),), Applicability.SAFE)
