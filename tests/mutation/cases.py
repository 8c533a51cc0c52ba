"""The correct functions: each with its module's imports and helpers, its acquiring calls and releases marked."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

CORRECT = Path(__file__).parent / "correct"
ACQUIRE = re.compile(r"# acquire: (\S+)( with-keeps)?$")
RELEASE = re.compile(r"# release: (\w+)$")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Case:
    """One correct function as a module. Marked nodes carry an attribute: ``acquires`` (the name that the resource gets,
    or empty) and ``keeps`` on calls, ``releases`` (that name) on statements."""

    name: str
    tree: ast.Module

    @property
    def source(self) -> str:
        """The module's text."""
        return ast.unparse(self.tree) + "\n"


def cases() -> list[Case]:
    """All correct functions, by file and place in it."""
    return [case for path in sorted(CORRECT.glob("*.py")) for case in _of_file(path)]


def _of_file(path: Path) -> list[Case]:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    marked = [_mark(node, text.splitlines()) for node in tree.body]
    shared = [node for node, marks in zip(tree.body, marked, strict=True) if not marks]
    found = []
    for node, marks in zip(tree.body, marked, strict=True):
        if marks:
            assert isinstance(node, Function)
            found.append(Case(f"{path.stem}.{node.name}", ast.Module([*shared, node], [])))
    return found


def _mark(top: ast.stmt, lines: list[str]) -> int:
    """Set the attributes of the nodes below ``top`` from the comments; the number of acquiring calls."""
    acquiring = 0
    for node in ast.walk(top):
        line = lines[node.lineno - 1] if isinstance(node, (ast.Call, ast.stmt)) else ""
        acquire, release = ACQUIRE.search(line), RELEASE.search(line)
        if acquire and isinstance(node, ast.Call) and ast.unparse(node.func) == acquire[1]:
            node.acquires = _label(top, node)  # type: ignore[attr-defined]
            node.keeps = bool(acquire[2])  # type: ignore[attr-defined]
            acquiring += 1
        elif release and isinstance(node, ast.Expr):
            node.releases = release[1]  # type: ignore[attr-defined]
    return acquiring


def _label(top: ast.stmt, call: ast.Call) -> str:
    """The name that the result of ``call`` gets, through awaits and wrappers; of a tuple the name that is released."""
    for node in ast.walk(top):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign) and any(n is call for n in ast.walk(node.value)):
            targets = node.targets
        elif isinstance(node, ast.withitem) and any(n is call for n in ast.walk(node.context_expr)):
            targets = [node.optional_vars] if node.optional_vars else []
        for target in targets:
            if isinstance(target, ast.Tuple):
                streams = len(target.elts) == 2 and ast.unparse(call.func).endswith("open_connection")
                target = target.elts[1 if streams else 0]
            assert isinstance(target, ast.Name)
            return target.id
    return ""
