"""Every handler of a project in one list: declared ones, code in templates, and what the modules themselves show."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leaklint.handlers import conventions, frameworks, in_module
from leaklint.handlers.locate import parsed
from leaklint.handlers.model import Declared, Note
from leaklint.handlers.project import collect
from leaklint.handlers.tree import Tree

_WORDS = re.compile(b"(?i)handler|event|evt|" + b"|".join(map(re.escape, frameworks.WORDS)))


@dataclass(frozen=True, slots=True)
class Listed:
    """A handler, and the other functions of its module that it reaches by calls, by name."""

    handler: Declared
    reaches: tuple[str, ...] = ()
    inline: bool = False
    """whether the code stands in the template"""


def listing(root: str, configured: Sequence[str] = ()) -> tuple[tuple[Listed, ...], tuple[Note, ...]]:
    """The handlers of the project in the folder ``root``, by file and line, and what could not be followed.

    A function that several places declare stands there once for each; what a module shows by itself counts only for
    functions that nothing declares.
    """
    tree = Tree.walk(root)
    found = collect(tree, configured)
    listed: list[Listed] = []
    for path in tree.ending(".py"):
        declared = found.of(path)
        data = tree.read(path)
        if declared or _WORDS.search(data):
            module = parsed(data)
            known = {one.function for one in declared}
            shown = () if module is None else _shown(path, module, known)
            listed.extend(Listed(one, _reached(module, one.function)) for one in (*declared, *shown))
    for code in found.inline:
        module = parsed(code.text)
        listed.append(Listed(code.declared, _reached(module, code.declared.function), inline=True))
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


def _reached(module: ast.Module | None, function: str) -> tuple[str, ...]:
    if module is None:
        return ()
    return tuple(sorted(conventions.reachable(module, [function]) - {function}))
