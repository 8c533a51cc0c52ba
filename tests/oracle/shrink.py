"""Makes a failing program small: deletes statements and lifts bodies of blocks for as long as it keeps failing."""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

BLOCKS = ("body", "orelse", "finalbody")


def shrink(source: str, fails: Callable[[str], bool], attempts: int = 1500) -> str:
    """The smallest program found for which ``fails`` still holds; ``source`` itself must fail. Comments are lost."""
    current = ast.parse(source)
    tried, position = 0, 0
    while tried < attempts:
        # Candidates are numbered; behind a deletion the search goes on where it was, until a whole round fails.
        candidates = list(_smaller(current))
        order = [*candidates[position:], *candidates[:position]]
        for offset, candidate in enumerate(order):
            tried += 1
            text = ast.unparse(ast.fix_missing_locations(candidate)) + "\n"
            if _valid(text) and fails(text):
                position = (position + offset) % len(candidates)
                current = ast.parse(text)
                break
        else:
            break
    return ast.unparse(current) + "\n"


def _valid(text: str) -> bool:
    """Whether the text compiles and still has the function under test."""
    try:
        tree = ast.parse(text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            compile(text, "<candidate>", "exec")
    except SyntaxError:
        return False
    return any(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)) and n.name == "target" for n in ast.walk(tree))


def _smaller(tree: ast.Module) -> Iterator[ast.Module]:
    """Copies of ``tree`` with one thing less, outermost and largest deletions first."""
    positions = [(path, name) for path, node in _nodes(tree) for name in (*BLOCKS, "handlers", "cases", "items")
                 if isinstance(getattr(node, name, None), list)]  # fmt: skip
    for path, name in positions:
        count = len(getattr(_at(tree, path), name))
        for index in range(count):
            yield _without(tree, path, name, index)
            inner = getattr(_at(tree, path), name)[index]
            if name in BLOCKS and any(getattr(inner, b, None) for b in BLOCKS) and not isinstance(inner, ast.ClassDef):
                for block in BLOCKS:
                    if getattr(inner, block, None):
                        yield _lifted(tree, path, name, index, block)


def _nodes(tree: ast.AST, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], ast.AST]]:
    yield path, tree
    for name in (*BLOCKS, "handlers", "cases"):
        for index, child in enumerate(getattr(tree, name, None) or ()):
            if isinstance(child, ast.AST):
                yield from _nodes(child, (*path, (name, index)))


def _at(tree: ast.AST, path: tuple[Any, ...]) -> Any:
    node: Any = tree
    for name, index in path:
        node = getattr(node, name)[index]
    return node


def _without(tree: ast.Module, path: tuple[Any, ...], name: str, index: int) -> ast.Module:
    made = copy.deepcopy(tree)
    items = getattr(_at(made, path), name)
    if len(items) == 1 and name == "body":
        items[index] = ast.Pass()
    else:
        del items[index]
    return made


def _lifted(tree: ast.Module, path: tuple[Any, ...], name: str, index: int, block: str) -> ast.Module:
    made = copy.deepcopy(tree)
    items = getattr(_at(made, path), name)
    items[index : index + 1] = getattr(items[index], block)
    return made
