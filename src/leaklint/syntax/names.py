"""Names from ast: what imports and simple aliases mean, and what each scope binds.

`Names` answers, for a module, which dotted name stands behind a name (``pg`` -> ``psycopg2``); relative imports keep
their dots. Several imports of one name (try / except ImportError) keep every meaning, the first known one is taken.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

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
    known: Callable[[str], bool] = lambda name: False
    """whether the catalogue (or project) knows a dotted name or a prefix of one"""

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
        for star in self.stars:
            if self.known(f"{star}.{name}"):
                return f"{star}.{name}"
        return name if name in _BUILTINS else ""

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
                names.stars.append(full.removesuffix(".*"))
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
    return names


class _Binder(ast.NodeVisitor):
    def __init__(self) -> None:
        self.names: set[str] = set()
        self.globals: set[str] = set()
        self.nonlocals: set[str] = set()
        self.imports: dict[str, str] = {}
        self.yields = False

    def _function(self, node: FunctionNode) -> None:
        self.names.add(node.name)
        for expression in (*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)):
            self.visit(expression)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.names.add(node.name)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        return

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.names.add(node.id)

    def visit_Import(self, node: ast.Import) -> None:
        self.imports.update(import_bindings(node))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.imports.update(import_bindings(node))

    def visit_Global(self, node: ast.Global) -> None:
        self.globals.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocals.update(node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self.names.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self.names.add(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self.names.add(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self.names.add(node.rest)
        self.generic_visit(node)

    def visit_Yield(self, node: ast.Yield) -> None:
        self.yields = True
        self.generic_visit(node)

    def visit_YieldFrom(self, node: ast.YieldFrom) -> None:
        self.yields = True
        self.generic_visit(node)


def bound_names(body: list[ast.stmt]) -> set[str]:
    """Names that the statements bind in their own scope, imports not among them."""
    binder = _Binder()
    for statement in body:
        binder.visit(statement)
    return binder.names - binder.globals - binder.nonlocals


@dataclass(frozen=True, slots=True)
class Bindings:
    """What one function binds, and how."""

    names: frozenset[str]
    parameters: tuple[str, ...]
    globals: frozenset[str]
    nonlocals: frozenset[str]
    imports: dict[str, str]
    yields: bool


def function_bindings(node: FunctionNode | ast.Lambda) -> Bindings:
    """Collect the bindings of a function's own scope."""
    binder = _Binder()
    body: list[ast.stmt] = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
    for statement in body:
        binder.visit(statement)
    arguments = node.args
    parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    parameters += [a.arg for a in (arguments.vararg, arguments.kwarg) if a]
    names = (binder.names | set(parameters)) - binder.globals - binder.nonlocals
    return Bindings(
        frozenset(names),
        tuple(parameters),
        frozenset(binder.globals),
        frozenset(binder.nonlocals),
        binder.imports,
        binder.yields,
    )
