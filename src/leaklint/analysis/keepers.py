"""What keeps a resource when the call that opened it is over: the slot that a store fills, told from the ast.

Example. ``cls._conn = connect()`` in a method of ``Store`` fills the slot ``Store._conn``; ``self.conn = connect()``
fills ``Store.conn`` where there is only one object of the class, and keeps nothing longer than its object elsewhere.
"""

from __future__ import annotations

import ast

from leaklint.analysis.facts import Stored
from leaklint.analysis.lasting import nodes_of
from leaklint.analysis.slots import Module, parsed
from leaklint.flow.ops import How

NOWHERE = ("", "", False)


def keeper(module: Module, stored: Stored, function: str) -> tuple[str, str, bool]:
    """The slot in which a store keeps something, in words too, and how sure that is; no words where it keeps
    nothing beyond the objects of a call."""
    code = module.code
    if stored.how is How.DECORATOR:
        node = code.functions.get(function)
        instance = node is not None and any("property" in ast.unparse(d) for d in node.decorator_list)
        if instance and not _is_single(module, module.owners.get(function, "")):
            return NOWHERE
        return "", f"the cache of `{function}()`", True
    named = parsed(stored.place)
    slot = module.place(named, function) if named is not None else ""
    root = slot.partition(".")[0].partition("[")[0]
    if not slot:
        return NOWHERE
    if stored.how is How.NONLOCAL:
        outer, _, name = slot.rpartition("#")
        kept = outer in code.functions and _outlives(module, outer, function)
        return (slot, f"`{name}` of `{outer}()`", False) if kept else NOWHERE
    if "#" in slot:
        # A variable of a function.
        return NOWHERE
    if root in module.classes:
        return _on_class(module, slot, stored.place, root, function)
    # An attribute of some object of the module is kept as long as that is, which is seldom less than for good.
    return slot, f"the global `{root if stored.how is How.ELEMENT else slot}`", stored.how is not How.ATTRIBUTE


def _on_class(module: Module, slot: str, place: str, owner: str, function: str) -> tuple[str, str, bool]:
    """A store on a class, or on an object of which there is one."""
    own = module.code.functions.get(function)
    first = own.args.args[0].arg if own is not None and own.args.args else ""
    is_object = place.partition(".")[0] == first and first != "cls" and module.owners.get(function) == owner
    if place.startswith((f"{first}.__class__.", "type(")) or not is_object:
        return slot, f"the class attribute `{slot}`", True
    if _is_single(module, owner):
        return slot, f"the only object of `{owner}`", True
    name = _instance(module, owner) if function.rpartition(".")[2] != "__init__" else ""
    return (slot, f"the global `{name}`, an object of `{owner}`", True) if name else NOWHERE


def _is_single(module: Module, owner: str) -> bool:
    """Whether a class makes one object only: by its ``__new__``, its metaclass or a decorator that says so."""
    node = next((n for n in module.code.tree.body if isinstance(n, ast.ClassDef) and n.name == owner), None)
    if node is None:
        return False
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__new__" and _keeps_on_class(inner):
            return True
    metaclass = next((k.value for k in node.keywords if k.arg == "metaclass"), None)
    if metaclass is not None:
        made = ast.unparse(metaclass)
        kind = next((n for n in module.code.tree.body if isinstance(n, ast.ClassDef) and n.name == made), None)
        calls = [i for i in kind.body if isinstance(i, ast.FunctionDef) and i.name == "__call__"] if kind else []
        if any(map(_keeps_on_class, calls)) or "singleton" in made.lower():
            return True
    return any("singleton" in ast.unparse(decorator).lower() for decorator in node.decorator_list)


def _keeps_on_class(function: ast.FunctionDef) -> bool:
    first = function.args.args[0].arg if function.args.args else ""
    return any(
        isinstance(n, ast.Attribute | ast.Subscript)
        and isinstance(n.ctx, ast.Store)
        and any(isinstance(i, ast.Attribute) and ast.unparse(i.value) == first for i in ast.walk(n))
        for n in ast.walk(function)
    )


def _instance(module: Module, owner: str) -> str:
    """The module's own variable that holds an object of the class."""
    for node in nodes_of(module.code.tree):
        match node:
            case ast.Assign([ast.Name(name), *_], ast.Call(ast.Name(called))) if called == owner:
                return name
    return ""


def _outlives(module: Module, outer: str, inner: str) -> bool:
    """Whether a function gives its caller the nested one."""
    name = inner.rpartition(".")[2]
    return any(
        isinstance(node, ast.Return) and node.value is not None and any(
            isinstance(i, ast.Name) and i.id == name for i in ast.walk(node.value)
        )
        for node in nodes_of(module.code.functions[outer])
    )  # fmt: skip


__all__ = ["keeper"]
