"""How the code holds what it acquired: under which name, and whether the acquisition is the whole assignment."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.fixes.code import Code, Refused

_APART = frozenset({"tempfile", "os", "pty", "socket", "ftplib"})
"""packages whose calls return data beside a resource"""


@dataclass(frozen=True, slots=True)
class Handle:
    """A resource in a variable.

    ``name`` is the variable, ``text`` the expression that is the resource (``response["Body"]``), ``statement`` the one
    that acquires. ``plain`` says that it is ``name = <acquisition>`` and nothing else: it can become the head of a
    ``with``. ``owner`` is the text of what gave it out, when that is a plain name.
    """

    name: str
    text: str
    statement: ast.stmt
    plain: bool
    awaited: bool
    owner: str
    call: ast.Call
    beside: tuple[str, ...] = ()
    """variables that the same call fills with what needs the resource as well: the reader beside a writer"""


def find(code: Code, site: Site) -> Handle | None:
    """The handle of a site; None when the acquisition is part of a larger expression. Raises Refused."""
    call = code.call_at(site.span)
    statement = code.statement(call)
    owner = owner_of(call)
    if (started := _started(statement, call, site)) is not None:
        return Handle(started, started, statement, False, False, owner, call)
    value, awaited = _whole(call, code, site.part)
    around = code.parent(value)
    if isinstance(around, ast.AnnAssign) and around.value is value:
        target: ast.expr = around.target
        plain = False
    elif isinstance(around, ast.Assign):
        if len(around.targets) != 1:
            raise Refused("it gets several names at once")
        target, plain = around.targets[0], True
    elif isinstance(around, ast.NamedExpr) and isinstance(around.target, ast.Name):
        raise Refused(f"`{around.target.id}` is bound in the middle of an expression")
    else:
        return None
    beside: tuple[str, ...] = ()
    rest = "" if value is not call and not isinstance(value, ast.Await) else site.part
    if isinstance(target, ast.Tuple | ast.List) and rest.startswith("[") and rest[1:-1].isdecimal():
        elements = target.elts
        index = int(rest[1:-1])
        if any(isinstance(e, ast.Starred) for e in elements) or index >= len(elements):
            raise Refused("it is unpacked in a way that gives it no plain name")
        if site.resource.package not in _APART and len(site.resource.parts) == 1:
            beside = tuple(e.id for e in elements if isinstance(e, ast.Name) and e is not elements[index])
        target, rest, plain = elements[index], "", False
    if isinstance(target, ast.Attribute | ast.Subscript):
        raise Refused(f"it is stored in `{code.source(target)}`")
    if not isinstance(target, ast.Name):
        raise Refused("it is unpacked in a way that gives it no plain name")
    name = target.id
    text = name
    if rest:
        if rest.startswith("['") or rest.startswith("."):
            text, plain = name + rest.replace("'", '"'), False
        elif rest[1:-1].isdecimal():
            text, plain = name + rest, False
        else:
            raise Refused("it has no plain name")
    return Handle(name, text, statement, plain, awaited, owner, call, beside)


def _whole(call: ast.Call, code: Code, part: str) -> tuple[ast.expr, bool]:
    """The call with the ``await`` around it, or the subscript that takes its part."""
    value: ast.expr = call
    awaited = False
    around = code.parent(value)
    if isinstance(around, ast.Await):
        value, awaited = around, True
        around = code.parent(value)
    if part and isinstance(around, ast.Subscript) and isinstance(around.slice, ast.Constant):
        taken = around.value is value and f"[{around.slice.value!r}]" == part
        return (around if taken else value), awaited
    return value, awaited


def _started(statement: ast.stmt, call: ast.Call, site: Site) -> str | None:
    """The variable whose method is the acquisition: ``client.connect()``."""
    func = call.func
    if not (isinstance(func, ast.Attribute) and func.attr in site.resource.starts):
        return None
    value = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(value, ast.Await):
        value = value.value
    if value is not call or not isinstance(func.value, ast.Name):
        raise Refused("it is opened in the middle of an expression")
    return func.value.id


def owner_of(call: ast.Call) -> str:
    """The text of what a method is called on, when that is a plain name; else an empty string."""
    node: ast.expr = call.func
    if not isinstance(node, ast.Attribute):
        return ""
    node = node.value
    text = []
    while isinstance(node, ast.Attribute):
        text.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id, *reversed(text)])
