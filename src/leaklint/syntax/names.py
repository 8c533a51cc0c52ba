"""Names from ast: what imports and simple aliases mean, and what each scope binds.

`Names` answers, for a module, which dotted name stands behind a name (``pg`` -> ``psycopg2``); relative imports keep
their dots. Several imports of one name (try / except ImportError) keep every meaning, the first known one is taken.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from leaklint.syntax.nodes import children

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_BUILTINS = frozenset(dir(builtins))


def import_bindings(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, str]]:
    """(local name, dotted name) for each name that the statement binds; star imports bind ``*``."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, alias.name
            else:
                root = alias.name.partition(".")[0]
                yield root, root
        return
    module = "." * node.level + (node.module or "")
    for alias in node.names:
        separator = "" if not node.module else "."
        yield alias.asname or alias.name, f"{module}{separator}{alias.name}"


def dotted(node: ast.expr) -> str:
    """The text of a chain of names and attributes, or an empty string."""
    if isinstance(node, ast.Name):
        return node.id
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    parts.append(node.id)
    return ".".join(reversed(parts))


@dataclass(slots=True)
class Names:
    """The meanings of a module's global names."""

    meanings: dict[str, list[str]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    bound: frozenset[str] = frozenset()
    """names bound at module level by anything but an import"""
    texts: dict[str, str] = field(default_factory=dict)
    """the strings that names stand for which are bound once, at module level"""
    known: Callable[[str], bool] = lambda name: False
    """whether the catalogue knows a dotted name or a prefix of one"""
    exports: Callable[[str, str], bool] = lambda star, name: False
    """whether a module of the project gives a name to those that import all of it"""

    def resolve(self, name: str) -> str:
        """The dotted name behind a global name, a builtin's own name, or an empty string."""
        meanings = self.meanings.get(name)
        if meanings:
            for meaning in meanings:
                if self.known(meaning):
                    return meaning
            return meanings[0]
        if name in self.bound:
            return ""
        return self.starred(name) or (name if name in _BUILTINS else "")

    def starred(self, name: str) -> str:
        """The dotted name behind a name that a star import binds, the last one first, or an empty string."""
        for star in reversed(self.stars):
            full = f"{star}{name}" if star.endswith(".") else f"{star}.{name}"
            if self.known(full) or self.exports(star, name):
                return full
        return ""

    def dotted(self, node: ast.expr) -> str:
        """The resolved dotted name of a chain of names, or an empty string."""
        text = dotted(node)
        root, dot, rest = text.partition(".")
        resolved = self.resolve(root) if root else ""
        return f"{resolved}{dot}{rest}" if resolved else ""


def module_names(
    tree: ast.Module, imports: Iterable[ast.Import | ast.ImportFrom], known: Callable[[str], bool]
) -> Names:
    """The names of a module from the imports of all its scopes (a function-level import rarely means something else)
    and from module-level aliases such as ``connect = psycopg2.connect``."""
    names = Names(known=known)
    for node in imports:
        for local, full in import_bindings(node):
            if local == "*":
                names.stars.append(full.removesuffix(".*") if full.strip(".*") else full.removesuffix("*"))
            elif full not in names.meanings.setdefault(local, []):
                names.meanings[local].append(full)
    names.bound = frozenset(bound_names(tree.body)) - names.meanings.keys()
    assigned: dict[str, list[ast.expr]] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(statement.value)
    for name, values in assigned.items():
        if name not in names.meanings and len(values) == 1:
            full = names.dotted(values[0])
            if "." in full:
                names.meanings[name] = [full]
            elif isinstance(values[0], ast.Constant) and isinstance(values[0].value, str):
                names.texts[name] = values[0].value
    if names.texts:
        nested = (s for s in tree.body if isinstance(s, ast.If | ast.Try | ast.For | ast.While | ast.With))
        again = (node.id for s in nested for node in ast.walk(s) if isinstance(node, ast.Name) and _binds(node))
        for name in again:
            names.texts.pop(name, None)
    return names


def _binds(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


@dataclass(slots=True)
class _Bound:
    names: set[str] = field(default_factory=set)
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)


def _collect(body: Iterable[ast.AST]) -> _Bound:
    """What the nodes bind in their own scope; walked with a stack, since elif chains nest thousands deep."""
    found = _Bound()
    stack = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, FunctionNode):
            found.names.add(node.name)
            stack.extend((*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)))
            continue
        if isinstance(node, ast.ClassDef):
            found.names.add(node.name)
            stack.extend((*node.decorator_list, *node.bases, *node.keywords))
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                found.names.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.imports.update(import_bindings(node))
        elif isinstance(node, ast.Global):
            found.globals.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            found.nonlocals.update(node.names)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.names.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.names.add(node.rest)
        stack.extend(children(node))
    return found


def assignments(body: Iterable[ast.AST]) -> Iterator[ast.Assign]:
    """The assignments among the statements and in the blocks of their own scope."""
    for node in body:
        if isinstance(node, ast.Assign):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from assignments(child for child in children(node) if isinstance(child, ast.stmt | ast.ExceptHandler))
        elif isinstance(node, ast.ExceptHandler):
            yield from assignments(node.body)


def exported_names(tree: ast.Module) -> frozenset[str]:
    """What ``from module import *`` gives of the module, but for what that one has from star imports of its own."""
    listed: list[ast.expr | None] = []
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
            listed.append(node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None)
    if len(listed) == 1 and isinstance(listed[0], ast.List | ast.Tuple):
        return frozenset(e.value for e in listed[0].elts if isinstance(e, ast.Constant) and isinstance(e.value, str))
    found = _collect(tree.body)
    return frozenset(name for name in found.names | found.imports.keys() if name != "*" and not name.startswith("_"))


def bound_names(body: Iterable[ast.AST]) -> set[str]:
    """Names that the statements bind in their own scope, imports not among them."""
    found = _collect(body)
    return found.names - found.globals - found.nonlocals


@dataclass(frozen=True, slots=True)
class Bindings:
    """What one function binds, and how."""

    names: frozenset[str]
    parameters: tuple[str, ...]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    imports: dict[str, str]


def literal_defaults(node: FunctionNode) -> dict[str, object]:
    """The parameters of a function whose default is a literal, and its value."""
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    pairs += [(name, value) for name, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if value]
    return {name.arg: value.value for name, value in pairs if isinstance(value, ast.Constant)}


def function_bindings(node: FunctionNode) -> Bindings:
    """Collect the bindings of a function's own scope."""
    found = _collect(node.body)
    arguments = node.args
    parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    parameters += [a.arg for a in (arguments.vararg, arguments.kwarg) if a]
    names = (found.names | set(parameters)) - found.globals - found.nonlocals
    return Bindings(
        frozenset(names), tuple(parameters), frozenset(found.globals), frozenset(found.nonlocals), found.imports
    )
