"""``path = tempfile.mkstemp()[1]`` becomes ``descriptor, path = tempfile.mkstemp()``, and ``os.close(descriptor)``.

Preconditions: the assignment takes another element of a pair than the one that is to be released, and is a statement of
its own; a function releases that one; the new name is in no use.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import imports, rewrite
from leaklint.fixes.code import Code, Refused


def build(code: Code, site: Site) -> Fix:
    """The fix. Raises Refused."""
    call = code.call_at(site.span)
    taken = code.parent(call)
    steps = site.resource.release[0] if site.resource.release else ()
    if site.part != "[0]" or len(steps) != 1 or steps[0].form != "function":
        raise Refused("only a part of what the call returns is to be released")
    if not (isinstance(taken, ast.Subscript) and isinstance(taken.slice, ast.Constant) and taken.slice.value == 1):
        raise Refused("only a part of what the call returns is to be released")
    statement = code.parent(taken)
    if not (isinstance(statement, ast.Assign) and statement.value is taken and len(statement.targets) == 1):
        raise Refused("its descriptor is dropped in the middle of an expression")
    target = statement.targets[0]
    if not isinstance(target, ast.Name) or isinstance(code.scope(statement), ast.ClassDef):
        raise Refused("its descriptor is dropped where no new name can be")
    rewrite.own_lines(code, [statement])
    module, _, function = steps[0].call.rpartition(".")
    spelled, edits = imports.module(code, statement, module)
    name = code.fresh(statement, "descriptor", "fd")
    start, span, whole = code.span(statement).start, code.span(call), code.span(taken)
    edits = [*edits, Edit(start, start, f"{name}, "), Edit(span.end, whole.end, "")]
    release = f"{rewrite.indentation(code, statement)}{spelled}.{function}({name})"
    edits.append(rewrite.lines_after(code, rewrite.last_line(statement), [release]))
    return Fix(f"Call `{release.strip()}`", rewrite.merged(edits), Applicability.SAFE)
