"""What a class is, as far as a release can be added to it: where it stands, what it is derived from and what from it,
and whether anything but whoever makes an object of it may hold that object."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence

from leaklint.analysis.fields import MAKING
from leaklint.fixes import known
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.syntax.names import FunctionNode, bound_names, import_bindings
from leaklint.syntax.nodes import walk

_PLAIN_BASES = frozenset({"object", "builtins.object", "abc.ABC", "typing.Generic"})
_PLAIN_DECORATORS = frozenset({"dataclass", "dataclasses.dataclass", "final", "typing.final"})
_RELEASING = known.words("close aclose __enter__ __exit__ __aenter__ __aexit__")
"""names that say that objects of the class can be released"""
_ANSWERING = known.words("__getattr__ __getattribute__ __setattr__ __delattr__ __new__ __init_subclass__")
"""methods by which a class answers to any name, or does not make its objects itself"""
_LOOKING = known.words("dir vars inspect.getmembers")
_ABSTRACT = known.words(
    """
    contextlib.AbstractContextManager contextlib.AbstractAsyncContextManager typing.runtime_checkable
    typing.ContextManager typing.AsyncContextManager typing_extensions.runtime_checkable
    """
)
"""types whose members are told by their methods"""
_BORROWING = known.words(
    "filter format hash id isinstance issubclass iter len map max min next print repr sorted str sum super type"
)
"""functions that keep no object that they are given longer than whoever holds their result"""


def find(code: Code, owner: str) -> ast.ClassDef:
    """The class of a qualified name. Raises Refused."""
    block: list[ast.stmt] = code.tree.body
    found: ast.ClassDef | None = None
    for name in owner.split("."):
        same = [node for node in block if isinstance(node, ast.ClassDef) and node.name == name]
        if len(same) != 1:
            raise Refused(f"`{owner}` is not defined in plain sight")
        found, block = same[0], same[0].body
    assert found is not None
    return found


def check(code: Code, owner: ast.ClassDef) -> None:
    """Refuse a class to which a release cannot be added without changing what it does."""
    related = lineage(code, owner)
    for relative in related:
        if relative.keywords:
            raise Refused(f"a metaclass may make something else of `{relative.name}`")
        for decorator in relative.decorator_list:
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if code.dotted(called) not in _PLAIN_DECORATORS:
                raise Refused(f"`@{code.source(called)}` may make something else of `{relative.name}`")
        offered = _offered(relative)
        if taken := _RELEASING & offered:
            raise Refused(f"`{relative.name}` has `{min(taken)}` already")
        if taken := _ANSWERING & offered:
            raise Refused(f"`{relative.name}` has `{min(taken)}`, which may do something else with it")
    _check_held(code, related)
    for node in walk(code.tree):
        _check_seen(code, node, owner)


# what it is related to


def lineage(code: Code, owner: ast.ClassDef) -> list[ast.ClassDef]:
    """The class, the classes of this file that are derived from it, and the bases of all of them. Raises Refused."""
    classes = [node for node in walk(code.tree) if isinstance(node, ast.ClassDef)]
    found = [owner]
    for node in found:
        found += [
            one for one in classes if one not in found and any(_last_name(base) == node.name for base in one.bases)
        ]
    for node in found:
        for base in node.bases:
            plain = base.value if isinstance(base, ast.Subscript) else base
            if code.dotted(plain) in _PLAIN_BASES:
                continue
            same = [one for one in classes if one.name == _last_name(plain)]
            outer = plain.value.id if isinstance(plain, ast.Attribute) and isinstance(plain.value, ast.Name) else ""
            foreign = isinstance(plain, ast.Attribute) and not any(one.name == outer for one in classes)
            if len(same) != 1 or foreign:
                raise Refused(f"`{code.source(plain)}`, from which `{node.name}` is derived, may release it")
            found += [one for one in same if one not in found]
    return found


def _last_name(base: ast.expr) -> str:
    """The last name of a base class: ``A`` of ``outer.A[int]``."""
    plain = base.value if isinstance(base, ast.Subscript) else base
    return plain.attr if isinstance(plain, ast.Attribute) else plain.id if isinstance(plain, ast.Name) else ""


def derived(code: Code, owner: ast.ClassDef) -> list[ast.ClassDef]:
    """The classes of this file that inherit from a class, however far. Raises Refused."""
    names = {owner.name}
    found: list[ast.ClassDef] = []
    for _ in range(len(related := lineage(code, owner))):
        for node in related:
            inherits = any(_last_name(base) in names for base in node.bases)
            if node is not owner and node not in found and inherits:
                found.append(node)
                names.add(node.name)
    return found


def _offered(node: ast.ClassDef) -> set[str]:
    """The names that objects of a class have by its body, and those that it stores on them."""
    found = bound_names(node.body)
    for inner in own_nodes(node):
        if isinstance(inner, ast.Import | ast.ImportFrom):
            found.update(local for local, _ in import_bindings(inner))
        elif isinstance(inner, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__slots__" for t in inner.targets
        ):
            found.update(n.value for n in walk(inner.value) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    found.update(
        inner.attr for inner in walk(node) if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
    )
    return found


# who may see it


def _check_seen(code: Code, node: ast.AST, owner: ast.ClassDef) -> None:
    """Refuse a node that tells classes apart by the methods they have, changes them, or binds the class anew."""
    name = owner.name
    if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
        raise Refused(f"`{name}` is bound again")
    if isinstance(node, ast.alias) and name in (node.asname, node.name):
        raise Refused(f"`{name}` is bound again")
    if isinstance(node, ast.Attribute):
        stored = not isinstance(node.ctx, ast.Load)
        if node.attr in ("__dict__", "__new__") or (node.attr == "__class__" and stored):
            raise Refused(f"`{code.source(node)}` may make something else of `{name}`")
        if node.attr in _RELEASING and stored:
            raise Refused(f"`{code.source(node)}` is set to something else")
    if isinstance(node, ast.Name | ast.Attribute) and code.dotted(node) in _ABSTRACT:
        raise Refused(f"`{code.source(node)}` may tell objects by their methods")
    if isinstance(node, ast.Call):
        texts = {n.value for n in node.args if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        if taken := _RELEASING & texts:
            raise Refused(f"`{code.source(node.func)}` asks for `{min(taken)}`")
        if code.dotted(node.func) in _LOOKING:
            raise Refused(f"`{code.source(node.func)}` may list its methods")


def _check_held(code: Code, related: Sequence[ast.ClassDef]) -> None:
    """Refuse a class whose objects hand themselves, or their methods, to what may keep them longer than their maker."""
    plain: set[str] = set()
    methods: list[tuple[ast.FunctionDef | ast.AsyncFunctionDef, str]] = []
    for node in (node for relative in related for node in own_nodes(relative)):
        if not isinstance(node, FunctionNode):
            continue
        arguments = [*node.args.posonlyargs, *node.args.args]
        decorators = {code.source(decorator) for decorator in node.decorator_list}
        if not decorators:
            plain.add(node.name)
        if arguments and not decorators & {"staticmethod", "classmethod"}:
            methods.append((node, arguments[0].arg))
    for method, itself in methods:
        for inner in walk(method):
            if isinstance(inner, ast.Name) and inner.id == itself and isinstance(inner.ctx, ast.Load):
                held = _handed(code, inner, method, plain)
                if held is not None and not (isinstance(held, ast.expr) and _is_lent(code, held, itself)):
                    text = code.source(held) if isinstance(held, ast.Name | ast.Attribute) else ""
                    text = text or getattr(held, "name", "") or "lambda"
                    raise Refused(f"`{text}` may be kept, and used after the object is released")


def _handed(code: Code, node: ast.Name, method: ast.AST, methods: Collection[str]) -> ast.AST | None:
    """What holds the object of a method where that names it: a function inside, a method of it, or the object itself;
    None where it is only asked for an attribute."""
    inside = None
    for outer in code.ancestors(node):
        if outer is method:
            break
        if isinstance(outer, FunctionNode | ast.Lambda | ast.ClassDef):
            inside = outer
    if inside is not None:
        return inside
    around = code.parent(node)
    if not isinstance(around, ast.Attribute):
        return node
    called = code.parent(around)
    return around if around.attr in methods and not (isinstance(called, ast.Call) and called.func is around) else None


def _is_lent(code: Code, node: ast.expr, itself: str) -> bool:
    """Whether nothing keeps a value: it is compared, iterated, or given to what only looks at it; or the method returns
    the object."""
    around = code.parent(node)
    if isinstance(around, ast.keyword):
        around = code.parent(around)
    match around:
        case ast.Return():
            return isinstance(node, ast.Name) and node.id == itself
        case ast.Compare() | ast.FormattedValue():
            return True
        case ast.For() | ast.AsyncFor() | ast.comprehension():
            return around.iter is node
        case ast.Subscript():
            return around.value is node
        case ast.Call():
            name = around.func.attr if isinstance(around.func, ast.Attribute) else ""
            return code.dotted(around.func) in _BORROWING or name in ("sort", "sub") or name in MAKING
        case _:
            return False


# its constructor


def is_made_by(code: Code, owner: ast.ClassDef, function: ast.AST) -> bool:
    """Whether every object of the class, and of those derived from it, has gone through a method of it.

    Raises Refused.
    """
    if not isinstance(function, ast.FunctionDef) or function.name not in MAKING or code.parent(function) is not owner:
        return False
    own = {node.name for node in owner.body if isinstance(node, FunctionNode)}
    if function.name == "__post_init__" and ("__init__" in own or not _calls_post_init(owner)):
        return False
    return all(_calls_on(node) for node in derived(code, owner))


def _calls_post_init(owner: ast.ClassDef) -> bool:
    """Whether a decorator makes a constructor that calls ``__post_init__``."""
    settings = [k for d in owner.decorator_list if isinstance(d, ast.Call) for k in d.keywords]
    return bool(owner.decorator_list) and not any(setting.arg in ("init", None) for setting in settings)


def _calls_on(node: ast.ClassDef) -> bool:
    """Whether the constructors of a derived class, if it has any, call that of the base class before they return."""
    for method in node.body:
        if isinstance(method, FunctionNode) and method.name in MAKING:
            calls = [
                index
                for index, statement in enumerate(method.body)
                if isinstance(statement, ast.Expr)
                and isinstance(statement.value, ast.Call)
                and isinstance(statement.value.func, ast.Attribute)
                and statement.value.func.attr == method.name
            ]
            if not calls or any(isinstance(n, ast.Return) for s in method.body[: calls[0]] for n in walk(s)):
                return False
    return True


def is_field(code: Code, owner: ast.ClassDef, name: str) -> bool:
    """Whether a parameter of a constructor that a decorator makes fills an attribute. Raises Refused."""
    return any(
        isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name
        for relative in lineage(code, owner)
        if relative.decorator_list
        for node in relative.body
    )


def has_method(code: Code, owner: ast.ClassDef, name: str) -> bool:
    """Whether a function of the class, or of one that it is related to, has a name: a property. Raises Refused."""
    return any(
        isinstance(node, FunctionNode) and node.name == name
        for relative in lineage(code, owner)
        for node in own_nodes(relative)
    )
