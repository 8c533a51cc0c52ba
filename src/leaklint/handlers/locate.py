"""From the handler string of a template to the function in a file of the project.

``src/orders.app.handler`` is function ``handler`` of module ``src/orders/app``: looked for below each folder that may
be deployed, then, as archives and images are often put together by scripts, for the only module of that name near the
template, which counts when it has the function. Assignments and imports are followed to the function behind them.
"""

from __future__ import annotations

import ast
import posixpath
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from leaklint.handlers.conventions import FunctionNode, statements
from leaklint.handlers.tree import Tree, join

_HANDLER = re.compile(r"(?P<module>[\w./ -]*[\w-])\.(?P<function>[A-Za-z_]\w*)")
_HOPS = 5
_EMPTY_WORDS = frozenset(
    {"", "app", "build", "code", "dist", "function", "lambda", "lambda_function", "package", "src"}
)
"""names of archives that say nothing of what is in them"""


@dataclass(frozen=True, slots=True)
class Found:
    """A function: the file and line of its definition, and the folder from which its module is imported."""

    path: str
    function: str
    line: int
    code_root: str


@dataclass(slots=True)
class Locator:
    """Finds functions in the files of one project."""

    tree: Tree
    _asts: dict[str, ast.Module | None] = field(default_factory=dict)

    def locate(self, handler: str, roots: Sequence[str], near: str, hints: Sequence[str] = ()) -> Found | None:
        """The function that ``handler`` names, below one of ``roots`` or else below the folder ``near``, or None.

        Roots that hold no Python of the project (archives, folders made by a build) rule nothing out. Of several
        functions the one counts whose folder is called as one of ``hints`` (an archive, a function) ends.
        """
        match = _HANDLER.fullmatch(handler.strip())
        if match is None:
            return None
        folder, _, dotted = match["module"].replace("\\", "/").rpartition("/")
        relative = posixpath.normpath(posixpath.join(folder, dotted.replace(".", "/"))).lstrip("/")
        known = [root for root in dict.fromkeys(roots) if self.tree.holds_python(root)]
        for root in known:
            for path in self._modules(root, relative):
                found = self.definition(path, match["function"], root)
                if found is not None:
                    return found
        return self._only(relative, match["function"], known or [near, "."], hints)

    def module(self, path: str, function: str, root: str = "") -> Found | None:
        """``function`` of the file ``path``, which must define it; its folder is the root unless one is given."""
        return self.definition(path, function, root or posixpath.dirname(path) or ".")

    def definition(self, path: str, function: str, root: str, hops: int = _HOPS) -> Found | None:
        """Where the module-level name ``function`` of the file ``path`` is defined; None when nothing binds it."""
        data = self.tree.read(path)
        match = re.search(rb"^(?:async[ \t]+)?def[ \t]+%s[ \t]*\(" % re.escape(function.encode()), data, re.MULTILINE)
        if match is not None:
            return Found(path, function, data.count(b"\n", 0, match.start()) + 1, root)
        if function.encode() not in data and b"import *" not in data:
            return None
        module = self.parsed(path)
        bound = next(self._bindings(path, module, function, root, hops), None) if module is not None else None
        return bound

    def parsed(self, path: str) -> ast.Module | None:
        """The parsed file; None when it cannot be parsed."""
        if path not in self._asts:
            self._asts[path] = parsed(self.tree.read(path))
        return self._asts[path]

    def _modules(self, root: str, relative: str) -> Iterator[str]:
        for name in (f"{relative}.py", f"{relative}/__init__.py"):
            path = join(root, name)
            if path in self.tree.files:
                yield path

    def _only(self, relative: str, function: str, folders: Sequence[str], hints: Sequence[str]) -> Found | None:
        """The only function of this name in a module whose path ends with ``relative``, in the first such folder."""
        if relative.startswith(".."):
            relative = relative.replace("../", "")
        for folder in folders:
            found = []
            for suffix in (f"{relative}.py", f"{relative}/__init__.py"):
                for path in self.tree.suffixed(suffix, folder):
                    here = self.definition(path, function, path[: -len(suffix)].rstrip("/") or ".")
                    found.extend([here] if here is not None else [])
            if found:
                own = _words(posixpath.basename(relative))
                return found[0] if len(found) == 1 else _hinted(found, {*map(_words, hints)} - _EMPTY_WORDS - {own})
        return None

    def _bindings(self, path: str, module: ast.Module, name: str, root: str, hops: int) -> Iterator[Found]:
        for node in statements(module.body):
            if isinstance(node, FunctionNode | ast.ClassDef):
                if node.name == name:
                    yield Found(path, name, node.lineno, root)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if node.value is not None and any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    yield self._behind(path, node.value, name, root, hops) or Found(path, name, node.lineno, root)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        behind = self._imported(path, node, alias.name, root, hops)
                        yield behind or Found(path, name, node.lineno, root)
                    elif alias.name == "*":
                        behind = self._imported(path, node, name, root, hops)
                        yield from [behind] if behind is not None else []

    def _behind(self, path: str, value: ast.expr, name: str, root: str, hops: int) -> Found | None:
        """The function that an assigned value stands for: another name, or what is handed to a decorator."""
        names = [value]
        if isinstance(value, ast.Call):
            names = [*value.args, *(keyword.value for keyword in value.keywords)]
        for node in names:
            if hops and isinstance(node, ast.Name) and node.id != name:
                found = self.definition(path, node.id, root, hops - 1)
                module = self.parsed(found.path) if found is not None else None
                if module is not None and any(
                    isinstance(n, FunctionNode) and found is not None and n.name == found.function
                    for n in statements(module.body)
                ):
                    return found
        return None

    def _imported(self, path: str, node: ast.ImportFrom, name: str, root: str, hops: int) -> Found | None:
        folder = posixpath.dirname(path) or "."
        bases = [root, folder]
        if node.level:
            bases = [join(folder, "../" * (node.level - 1)) or "."]
        relative = (node.module or "").replace(".", "/")
        for base in bases:
            for module in self._modules(base, relative) if relative else [join(base, "__init__.py")]:
                if hops and module in self.tree.files and module != path:
                    found = self.definition(module, name, root, hops - 1)
                    if found is not None:
                        return found
        return None


def parsed(text: str | bytes) -> ast.Module | None:
    """The ast of Python code; None when it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _hinted(found: Sequence[Found], hints: set[str]) -> Found | None:
    """The one whose folder is called as a hint is or, longest first, as it ends; None when it is not one."""
    best: list[Found] = []
    longest = 0
    for one in found:
        name = _words(posixpath.basename(one.code_root))
        if name and any(words == name or words.endswith(f"_{name}") for words in hints):
            if len(name) > longest:
                best, longest = [], len(name)
            best.extend([one] if len(name) == longest else [])
    return best[0] if len(best) == 1 else None


def _words(name: str) -> str:
    return re.sub(r"[\W_]+", "_", name).lower().strip("_")
