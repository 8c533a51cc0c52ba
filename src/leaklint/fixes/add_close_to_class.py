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
from leaklint.fixes import imports, rewrite
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.fixes.helpers import MAKING
from leaklint.fixes.keeper import release_code
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk

_PLAIN_BASES = frozenset({"object", "builtins.object", "abc.ABC", "typing.Generic"})
_PLAIN_DECORATORS = frozenset({"dataclass", "dataclasses.dataclass", "final", "typing.final"})
_RESERVED = frozenset(
    {"close", "aclose", "__enter__", "__exit__", "__aenter__", "__aexit__", "__getattr__", "__getattribute__"}
)
"""names that say that objects of the class can be released, or may answer to any name"""
_MOST_FIELDS = 3
"""attributes up to which a chain of ``finally`` clauses is read with ease"""


def build(code: Code, sites: Sequence[Site]) -> Fix:
    """The fix for all that one class keeps: ``sites`` are its acquisitions, the first is the finding's.

    Raises Refused.
    """
    kept = sites[0].kept_by
    assert kept is not None
    owner = _class(code, kept.owner)
    _check(code, owner)
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
    edits.append(rewrite.lines_after(code, rewrite.last_line(owner.body[-1]), methods))
    names = ("aclose", "__aenter__", "__aexit__") if awaits else ("close", "__enter__", "__exit__")
    return Fix(
        f"Give `{kept.owner}` a `{names[0]}`, which whoever makes an object of it owes from then on",
        rewrite.merged(edits),
        Applicability.UNSAFE,
        gained=tuple(f"{kept.owner}.{name}" for name in names),
    )


def _class(code: Code, owner: str) -> ast.ClassDef:
    block: list[ast.stmt] = code.tree.body
    found: ast.ClassDef | None = None
    for name in owner.split("."):
        same = [node for node in block if isinstance(node, ast.ClassDef) and node.name == name]
        if len(same) != 1:
            raise Refused(f"`{owner}` is not defined in plain sight")
        found, block = same[0], same[0].body
    assert found is not None
    return found


# what the class is


def _check(code: Code, owner: ast.ClassDef) -> None:
    """Refuse a class to which a release cannot be added without changing what it does."""
    for decorator in owner.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if code.dotted(called) not in _PLAIN_DECORATORS:
            raise Refused(f"`@{code.source(called)}` may make something else of `{owner.name}`")
    for relative in _lineage(code, owner):
        if taken := _RESERVED & _offered(relative):
            raise Refused(f"`{relative.name}` has `{min(taken)}` already, which does something else")


def _lineage(code: Code, owner: ast.ClassDef) -> list[ast.ClassDef]:
    """The class, its bases and the classes derived from them, all of this file. Raises Refused."""
    classes = [node for node in walk(code.tree) if isinstance(node, ast.ClassDef)]
    by_name: dict[str, list[ast.ClassDef]] = {}
    for node in classes:
        by_name.setdefault(node.name, []).append(node)
    found = [owner]
    for node in found:
        if node.keywords:
            raise Refused(f"a metaclass may make something else of `{node.name}`")
        for base in node.bases:
            plain = base.value if isinstance(base, ast.Subscript) else base
            if code.dotted(plain) in _PLAIN_BASES:
                continue
            same = by_name.get(plain.id, []) if isinstance(plain, ast.Name) else []
            if len(same) != 1:
                raise Refused(f"`{code.source(plain)}`, from which `{node.name}` is derived, may release it")
            found += [one for one in same if one not in found]
    names = {owner.name}
    derived = [owner]
    for _ in classes:
        more = [
            node
            for node in classes
            if node not in derived and any(isinstance(b, ast.Name) and b.id in names for b in node.bases)
        ]
        if not more:
            break
        derived += more
        names |= {node.name for node in more}
    return [*found, *(node for node in derived if node not in found)]


def _offered(node: ast.ClassDef) -> set[str]:
    """The names that objects of a class have by its body, and those that it stores on them."""
    found: set[str] = set()
    for inner in own_nodes(node):
        if isinstance(inner, FunctionNode | ast.ClassDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
    found.update(
        inner.attr for inner in walk(node) if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
    )
    return found


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
    lines = release_code(steps, handle, "")
    edits: list[Edit] = []
    for index, step in enumerate(steps):
        if step.form == "function" and "." in step.call:
            module, _, function = step.call.rpartition(".")
            spelled, more = imports.module(code, owner, module)
            lines[index] = lines[index].replace(f"{module}.{function}", f"{spelled}.{function}")
            edits += more
    if _may_be_none(code, owner, name, sites):
        own = rewrite.unit(code, owner.body[0])
        lines = [f"if {handle} is not None:", *(f"{own}{line}" for line in [*lines, f"{handle} = None"])]
    return lines, edits


def _may_be_none(code: Code, owner: ast.ClassDef, name: str, sites: Sequence[Site]) -> bool:
    """Whether the attribute may hold None instead of the resource. Raises Refused where it may hold anything else, or
    may not be there."""
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
    lineage = _lineage(code, owner)
    for node in walk(code.tree):
        stored = isinstance(node, ast.Attribute) and node.attr == name and not isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.Attribute) and stored and _of_class(code, node.value) in (None, *lineage):
            yield node
    for node in own_nodes(owner):
        if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
            yield node


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
    if not (isinstance(place.owner, ast.FunctionDef) and place.owner.name in MAKING):
        return False
    earlier = place.block[: place.index]
    return code.parent(place.owner) is owner and not any(isinstance(n, ast.Return) for s in earlier for n in walk(s))


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
