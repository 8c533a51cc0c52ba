"""Every handler of a project in one list: declared ones, code in templates, and what the modules themselves show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Catalogue, Resource
from leaklint.config import Settings
from leaklint.handlers import conventions, frameworks, in_module
from leaklint.handlers.locate import parsed
from leaklint.handlers.model import Declared, Note
from leaklint.handlers.project import collect
from leaklint.handlers.tree import Tree
from leaklint.syntax import gate
from leaklint.syntax.names import module_names
from leaklint.syntax.outline import Outline, outline

_WORDS = re.compile(b"(?i)handler|event|evt|" + b"|".join(map(re.escape, frameworks.WORDS)))


@dataclass(frozen=True, slots=True)
class Listed:
    """A handler, the other functions of its module that it reaches by calls, by name, and what all of them open."""

    handler: Declared
    reaches: tuple[str, ...] = ()
    acquires: tuple[str, ...] = ()
    """the nouns of the resources, released or not"""
    inline: bool = False
    """whether the code stands in the template"""


def listing(root: str, settings: Settings | None = None) -> tuple[tuple[Listed, ...], tuple[Note, ...]]:
    """The handlers of the project in the folder ``root``, by file and line, and what could not be followed.

    ``settings`` may name handlers, say that they are all there are, and know resources. A function that several places
    declare stands there once for each; what a module shows by itself counts only for functions that nothing declares.
    """
    tree = Tree.walk(root)
    settings = settings or Settings()
    found = collect(tree, settings.handlers, templates=settings.handler_discovery)
    catalogue = load(settings.resources)
    listed: list[Listed] = []
    for path in tree.ending(".py"):
        declared = found.of(path)
        data = tree.read(path)
        if declared or (settings.handler_discovery and _WORDS.search(data)):
            module = parsed(data)
            known = {one.function for one in declared}
            shown = () if module is None or not settings.handler_discovery else _shown(path, module, known)
            calls = _Calls.of(module, catalogue)
            listed.extend(calls.listed(one) for one in (*declared, *shown))
    for code in found.inline:
        listed.append(_Calls.of(parsed(code.text), catalogue).listed(code.declared, inline=True))
    listed.sort(key=lambda one: (one.handler.path, one.handler.line))
    return tuple(listed), found.notes


def _shown(path: str, module: ast.Module, known: set[str]) -> Iterator[Declared]:
    root = path.rpartition("/")[0] or "."
    for entry in in_module(module):
        if entry.function not in known:
            yield Declared(path, entry.function, entry.node.lineno, entry.source, entry.reason, code_root=root)
    for adapter in frameworks.adapters(module):
        if adapter.function not in known:
            yield Declared(path, adapter.function, adapter.line, "adapter", adapter.reason, code_root=root)


@dataclass(frozen=True, slots=True)
class _Calls:
    """What the functions of a module call; nothing when it cannot be parsed."""

    module: ast.Module | None
    outline: Outline | None
    acquired: Mapping[str, tuple[Resource, ...]]

    @classmethod
    def of(cls, module: ast.Module | None, catalogue: Catalogue) -> _Calls:
        """The calls of a module."""
        if module is None:
            return cls(None, None, {})
        try:
            outlined = outline(module)
            names = module_names(module, outlined.imports, catalogue.prefixes.__contains__)
            return cls(module, outlined, gate.acquired(names, outlined, catalogue))
        except RecursionError:  # nested more deeply than any code that people write
            return cls(None, None, {})

    def listed(self, handler: Declared, *, inline: bool = False) -> Listed:
        """The handler with what it reaches."""
        if self.module is None or self.outline is None:
            return Listed(handler, inline=inline)
        reached = conventions.reachable(self.module, [handler.function])
        functions = self.outline.functions.items()
        scopes = {info.outermost for name, info in functions if name.replace(".<locals>", "") in reached}
        nouns = {resource.noun for scope in scopes for resource in self.acquired.get(scope, ())}
        return Listed(handler, tuple(sorted(reached - {handler.function})), tuple(sorted(nouns)), inline)
