"""A class that keeps a connection gets a ``close``, an ``__enter__`` and an ``__exit__``.

Unsafe, since it adds to what the class offers, and whoever makes an object of it owes the release from then on. What
would stay open is reported there, and mended by the other templates.

Preconditions: the class and all that it inherits from in this file have none of these names, and inherit from nothing
else; nothing but acquisitions of one kind and None is ever stored in the attribute; the constructor always opens it, or
stores None first, so that the release can ask; the release is a call on what is stored, or of a function with it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from leaklint.analysis.facts import Site
from leaklint.catalogue.model import Step
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import class_shape, imports, rewrite
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk

_MOST_FIELDS = 3
"""attributes up to which a chain of ``finally`` clauses is read with ease"""


def build(code: Code, sites: Sequence[Site]) -> Fix:
    """The fix for all that one class keeps: ``sites`` are its acquisitions, the first is the finding's.

    Raises Refused.
    """
    kept = sites[0].kept_by
    assert kept is not None
    owner = class_shape.find(code, kept.owner)
    class_shape.check(code, owner)
    fields: dict[str, list[Site]] = {}
    for site in sorted(sites, key=lambda site: site.span):
        if site.kept_by is not None:
            fields.setdefault(site.kept_by.name, []).append(site)
    if len(fields) > _MOST_FIELDS:
        raise Refused(f"`{kept.owner}` keeps {len(fields)} resources")
    awaits = _is_awaited(sites[0])
    if any(_is_awaited(site) != awaits for site in sites):
        raise Refused("some of what the class keeps is released with `await`, and some without")
    rewrite.own_lines(code, [owner.body[0]], [owner.body[-1]])
    step = rewrite.unit(code, owner.body[0])
    parts: list[list[str]] = []
    edits: list[Edit] = []
    for name, held in reversed(fields.items()):
        lines, more = _release(code, owner, name, held)
        parts.append(lines)
        edits += [edit for edit in more if edit not in edits]
    own = rewrite.indentation(code, owner.body[0])
    methods = [own + line if line else "" for line in _methods(owner, kept.owner, _chained(parts, step), step, awaits)]
    edits.append(rewrite.lines_after(code, _last_line(code, owner, own), methods))
    names = ("aclose", "__aenter__", "__aexit__") if awaits else ("close", "__enter__", "__exit__")
    article = "an" if awaits else "a"
    return Fix(
        f"Give `{kept.owner}` {article} `{names[0]}`, which whoever makes an object of it owes from then on",
        rewrite.merged(edits),
        Applicability.UNSAFE,
        gained=tuple(f"{kept.owner}.{name}" for name in names),
    )


def _last_line(code: Code, owner: ast.ClassDef, own: str) -> int:
    """The last line of the body of a class, with the comments that belong to its last statement."""
    last = rewrite.last_line(owner.body[-1])
    for line in range(last + 1, len(code.lines.starts) + 1):
        text = code.lines.line(line)
        if text.strip() and not (text.lstrip().startswith("#") and text.startswith((own + " ", own + "\t"))):
            break
        if text.strip():
            last = line
    return last


# what it keeps


def _steps(site: Site) -> tuple[Step, ...]:
    return site.resource.release[0] if site.resource.release else ()


def _is_awaited(site: Site) -> bool:
    return any(step.awaited for step in _steps(site))


def _release(code: Code, owner: ast.ClassDef, name: str, sites: Sequence[Site]) -> tuple[list[str], list[Edit]]:
    """The lines that release what the attribute ``name`` holds, and the edits that import what they need.

    Raises Refused.
    """
    site, kept = sites[0], sites[0].kept_by
    steps, handle = _steps(site), f"self.{name}"
    if not steps or any(_steps(other) != steps for other in sites):
        raise Refused(f"no single call releases what `{handle}` holds")
    if kept is not None and kept.finaliser and site.resource.again != "ok":
        raise Refused("`__del__` releases it too, and a second release would raise")
    if site.resource.again != "ok" and (line := _reached(code, owner, name)):
        raise Refused(f"`{name}` may be released on line {line}, and a second release would raise")
    lines, edits = imports.release(code, owner, steps, handle, "")
    if _may_be_none(code, owner, name, sites):
        own = rewrite.unit(code, owner.body[0])
        lines = [f"if {handle} is not None:", *(f"{own}{line}" for line in [*lines, f"{handle} = None"])]
    return lines, edits


def _reached(code: Code, owner: ast.ClassDef, name: str) -> int:
    """The first line on which an attribute of this name is read from outside of the class, or 0."""
    lineage = class_shape.lineage(code, owner)
    lines = [
        node.lineno
        for node in walk(code.tree)
        if isinstance(node, ast.Attribute) and node.attr == name and _of_class(code, node.value) not in lineage
    ]
    return min(lines, default=0)


def _may_be_none(code: Code, owner: ast.ClassDef, name: str, sites: Sequence[Site]) -> bool:
    """Whether the attribute may hold None instead of the resource. Raises Refused where it may hold anything else, or
    may not be there."""
    if class_shape.is_field(code, owner, name) or class_shape.has_method(code, owner, name):
        raise Refused(f"`self.{name}` may also hold something else")
    opened = {id(code.call_at(site.span)) for site in sites}
    always = empty = somewhere_empty = False
    for target in _stores(code, owner, name):
        value = _stored(code, target)
        sure = _is_surely_run(code, owner, target)
        if isinstance(value, ast.Constant) and value.value is None:
            somewhere_empty, empty = True, empty or sure
        elif id(value) in opened:
            always = always or sure
        else:
            raise Refused(f"`self.{name}` may also hold something else")
    if not (always or empty):
        raise Refused(f"`self.{name}` may not be there when it is to be released")
    return somewhere_empty or not always


def _stores(code: Code, owner: ast.ClassDef, name: str) -> Iterator[ast.expr]:
    """Where an attribute of this name is bound: in the body of the class, or on any object that may be of it."""
    lineage = class_shape.lineage(code, owner)
    for node in walk(code.tree):
        if isinstance(node, ast.Call) and _may_store(node, name):
            raise Refused(f"`{code.source(node.func)}` may store something else in `self.{name}`")
        stored = isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Attribute) and stored and _of_class(code, node.value) in (None, *lineage):
            yield node
    for node in own_nodes(owner):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            yield node


def _may_store(node: ast.Call, name: str) -> bool:
    """Whether a call sets an attribute that has a name, or one of a name that is not known."""
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in ("setattr", "delattr", "__setattr__", "__delattr__"):
        return False
    return not any(isinstance(argument, ast.Constant) and argument.value != name for argument in node.args[:2])


def _of_class(code: Code, node: ast.expr) -> ast.AST | None:
    """The class whose method has this expression as its own object, if it is one."""
    function = code.scope(node)
    if not (isinstance(function, FunctionNode) and isinstance(node, ast.Name)):
        return None
    arguments = [*function.args.posonlyargs, *function.args.args]
    around = code.parent(function)
    return around if isinstance(around, ast.ClassDef) and arguments and arguments[0].arg == node.id else None


def _stored(code: Code, target: ast.expr) -> ast.expr | None:
    """The value that an assignment gives to a target: of a call that gives several, the call. None for other ways."""
    around = code.parent(target)
    if isinstance(around, ast.Tuple | ast.List):
        around = code.parent(around)
    elif isinstance(around, ast.Assign) and len(around.targets) > 1:
        return None
    value = around.value if isinstance(around, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Await):
        value = value.value
    return value


def _is_surely_run(code: Code, owner: ast.ClassDef, target: ast.expr) -> bool:
    """Whether every object comes by a statement: in the body of the class, or of its constructor before any return."""
    place = code.place(code.statement(target))
    if place.owner is owner:
        return True
    earlier = place.block[: place.index]
    if any(isinstance(node, ast.Return) for statement in earlier for node in walk(statement)):
        return False
    return class_shape.is_made_by(code, owner, place.owner)


# what it gets


def _chained(parts: Sequence[list[str]], step: str) -> list[str]:
    """The parts one behind the other, each whatever the ones before it raise."""
    if len(parts) == 1:
        return parts[0]
    rest = _chained(parts[1:], step)
    return ["try:", *(step + line for line in parts[0]), "finally:", *(step + line for line in rest)]


def _methods(owner: ast.ClassDef, name: str, body: list[str], step: str, awaits: bool) -> list[str]:
    """The lines of the methods, annotated where those of the class are."""
    typed = any(isinstance(node, FunctionNode) and node.returns is not None for node in owner.body)
    define, prefix, close = ("async def", "__a", "aclose") if awaits else ("def", "__", "close")
    nothing, itself, anything = (" -> None", f' -> "{name}"', ": object") if typed else ("", "", "")
    call = f"await self.{close}()" if awaits else f"self.{close}()"
    return [
        "",
        f"{define} {close}(self){nothing}:",
        *(step + line for line in body),
        "",
        f"{define} {prefix}enter__(self){itself}:",
        f"{step}return self",
        "",
        f"{define} {prefix}exit__(self, *exc{anything}){nothing}:",
        f"{step}{call}",
    ]
