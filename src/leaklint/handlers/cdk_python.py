"""CDK apps in Python: functions whose handler and code are literals, read from the syntax tree; nothing runs.

An app is what a ``cdk.json`` marks: paths that are not made of ``__file__`` are seen from its folder.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaklint.handlers import images
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.model import UNKNOWN, Facts
from leaklint.handlers.tree import join
from leaklint.syntax.names import dotted

_MARK = b"aws_cdk"
_ROOT = "\0"
"""begins a path that is known from the project's root on"""
_ASSETS = ("from_asset", "AssetCode", "from_image_asset", "from_docker_build", "asset")
_INLINE = ("from_inline", "InlineCode", "inline")
_PYTHON_FUNCTION = "PythonFunction"
_LAYER = "LayerVersion"
_ON = "ON_PUBLISHED_VERSIONS"
_WARM = "provisioned_concurrent_executions"
_SECONDS = {"seconds": 1, "minutes": 60}
_DEPTH = 12


def read(collector: Collector) -> None:
    """Read every module of a CDK app, and the templates that the CDK has written."""
    tree = collector.tree
    for path in tree.ending(".py"):
        app = tree.around(path, "cdk.json")
        if app and _MARK in tree.read(path):
            module = collector.locator.parsed(path)
            if module is not None:
                _Module(collector, path, app, module, dict(_constants(module))).read()


def _constants(module: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """The names that one assignment binds, wherever it is, and its value."""
    seen: dict[str, ast.expr | None] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            name = dotted(node.targets[0])
            if name:
                seen[name] = None if name in seen else node.value
    return ((name, value) for name, value in seen.items() if value is not None)


@dataclass(frozen=True, slots=True)
class _Module:
    collector: Collector
    path: str
    app: str
    module: ast.Module
    constants: Mapping[str, ast.expr]

    def read(self) -> None:
        calls = [node for node in ast.walk(self.module) if isinstance(node, ast.Call)]
        calls.sort(key=lambda call: (call.lineno, call.col_offset))
        made = {id(value): name for name, value in self.constants.items()}
        warm = dict(self._warm(calls))
        for call in calls:
            name = dotted(call.func).rpartition(".")[2]
            arguments = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
            if name.endswith(_LAYER):
                self._layer(arguments)
            elif "handler" in arguments or name.endswith(_PYTHON_FUNCTION) or name == "DockerImageFunction":
                self._function(call, name, arguments, warm.get(made.get(id(call), "")))

    def _function(self, call: ast.Call, name: str, arguments: Mapping[str, ast.expr], warm: int | None) -> None:
        collector = self.collector
        identity = self.text(call.args[1]) if len(call.args) > 1 else None
        line = arguments["handler"].lineno if "handler" in arguments else call.lineno
        place = Place("cdk-python", self.path, line, f"{name} {identity or ''}".rstrip())
        facts = self._facts(arguments, warm)
        handler = self.text(arguments.get("handler"))
        code = self.behind(arguments.get("code"))
        if "entry" in arguments:
            index = self.text(arguments.get("index")) or "index.py"
            roots = list(self.folders(arguments["entry"]))
            module = index.removesuffix(".py")
            collector.declare(place, f"{module}.{handler or 'handler'}", roots, self.app, facts)
        elif isinstance(code, ast.Call):
            kind = dotted(code.func).rpartition(".")[2]
            first = code.args[0] if code.args else next((k.value for k in code.keywords if k.arg != "cmd"), None)
            if name == "DockerImageFunction" or kind in ("from_image_asset", "from_asset_image"):
                self._image(place, code, first, facts)
            elif handler and kind in _INLINE and first is not None:
                self._inline(place, first, handler, facts)
            elif handler and kind in _ASSETS and first is not None:
                text = self.text(first) or ""
                hints = [posixpath.basename(text).removesuffix(".zip")] if text.endswith(".zip") else []
                collector.declare(place, handler, list(self.folders(first)), self.app, facts, hints)
        elif handler and "code" not in arguments:
            # a construct of the project's own: the folder is what names one
            texts = [value for value in arguments.values() if self.text(value)]
            roots = [f for value in texts for f in self.folders(value, exact=True) if collector.tree.holds_python(f)]
            if roots:
                collector.declare(place, handler, roots, self.app, facts)

    def _image(self, place: Place, code: ast.Call, first: ast.expr | None, facts: Facts) -> None:
        keywords = {keyword.arg: self.behind(keyword.value) for keyword in code.keywords}
        command = keywords.get("cmd")
        handler = self.text(command.elts[0]) if isinstance(command, ast.List) and command.elts else None
        for folder in self.folders(first) if first is not None else ():
            file = self.text(keywords.get("file")) or "Dockerfile"
            image = images.image(self.collector.tree, join(folder, file))
            named = handler or (image.handler if image is not None else "")
            if named:
                roots = image.roots if image is not None else (folder,)
                self.collector.declare(place, named, roots, folder, facts)
                return

    def _inline(self, place: Place, first: ast.expr, handler: str, facts: Facts) -> None:
        node = self.behind(first)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            lines = self.collector.tree.read(self.path).decode("utf-8", "replace").splitlines()
            whole = (node.end_lineno or node.lineno) - node.lineno == node.value.count("\n")
            self.collector.code(place, [(node.value, node.lineno, whole)], handler, lines, facts)

    def _layer(self, arguments: Mapping[str, ast.expr]) -> None:
        code = self.behind(arguments.get("code"))
        if isinstance(code, ast.Call) and code.args and dotted(code.func).rpartition(".")[2] in _ASSETS:
            for folder in self.folders(code.args[0]):
                self.collector.layer(folder)
        elif "entry" in arguments:
            for folder in self.folders(arguments["entry"]):
                self.collector.import_root(folder)

    def _facts(self, arguments: Mapping[str, ast.expr], warm: int | None) -> Facts:
        runtime = dotted(self.behind(arguments["runtime"]) or arguments["runtime"]) if "runtime" in arguments else ""
        snapstart = dotted(arguments["snap_start"]) if "snap_start" in arguments else ""
        return Facts(
            runtime=runtime_of(runtime.rpartition(".")[2]),
            memory=self._number(arguments.get("memory_size")),
            timeout=self._seconds(arguments.get("timeout")),
            provisioned=warm,
            reserved=self._number(arguments.get("reserved_concurrent_executions")),
            snapstart=snapstart.endswith(_ON),
        )

    def _warm(self, calls: list[ast.Call]) -> Iterator[tuple[str, int]]:
        """Provisioned concurrency by the name that the function is assigned to."""
        for call in calls:
            arguments = {keyword.arg: keyword.value for keyword in call.keywords}
            amount = self._number(arguments.get(_WARM))
            if amount is None:
                continue
            version = self.behind(arguments.get("version")) or call.func
            function = dotted(version).rpartition(".")[0]
            if function:
                yield function, amount

    def _number(self, node: ast.expr | None) -> int | None:
        if node is None:
            return None
        value = self.behind(node)
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, int) else UNKNOWN

    def _seconds(self, node: ast.expr | None) -> int | None:
        value = self.behind(node)
        if isinstance(value, ast.Call) and value.args:
            factor = _SECONDS.get(dotted(value.func).rpartition(".")[2])
            number = self._number(value.args[0])
            return number * factor if factor and number is not None and number != UNKNOWN else UNKNOWN
        return None if node is None else UNKNOWN

    def behind(self, node: ast.expr | None) -> ast.expr | None:
        """The expression behind a name that is assigned once."""
        for _ in range(_DEPTH):
            name = dotted(node) if node is not None else ""
            if not name or name not in self.constants:
                break
            node = self.constants[name]
        return node

    def folders(self, node: ast.expr, *, exact: bool = False) -> Iterator[str]:
        """The folders that a path may be, or may be in unless it has to be ``exact``."""
        text = self.text(node)
        if not text:
            return
        if text.startswith(_ROOT):
            found = [join(".", text[2:])]
        else:
            found = [join(self.app, text), join(posixpath.dirname(self.path), text)]
        for path in dict.fromkeys(filter(None, found)):
            if path in self.collector.tree.folders:
                yield path
            elif not exact:
                yield posixpath.dirname(path) or "."

    def text(self, node: ast.expr | None, depth: int = 0) -> str | None:
        """The text of a literal, or of a path that is put together of literals and ``__file__``."""
        if node is None or depth > _DEPTH:
            return None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name | ast.Attribute):
            return self._named(node, depth)
        if isinstance(node, ast.JoinedStr):
            parts = [self.text(v.value if isinstance(v, ast.FormattedValue) else v, depth + 1) for v in node.values]
            return None if None in parts else "".join(filter(None, parts))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
            left, right = self.text(node.left, depth + 1), self.text(node.right, depth + 1)
            if left is None or right is None:
                return None
            return left + right if isinstance(node.op, ast.Add) else posixpath.join(left, right)
        return self._called(node, depth) if isinstance(node, ast.Call) else None

    def _named(self, node: ast.Name | ast.Attribute, depth: int) -> str | None:
        if isinstance(node, ast.Name) and node.id == "__file__":
            return f"{_ROOT}/{self.path}"
        name = dotted(node)
        if name in self.constants:
            return self.text(self.constants[name], depth + 1)
        if isinstance(node, ast.Attribute) and node.attr == "parent":
            path = self.text(node.value, depth + 1)
            return posixpath.dirname(path) if path else None
        return None

    def _called(self, node: ast.Call, depth: int) -> str | None:
        parts = [self.text(argument, depth + 1) for argument in node.args]
        known = [part for part in parts if part is not None]
        method = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        if len(known) < len(parts):
            return None
        if method == "join" and dotted(node.func) != "str.join" and known:
            return posixpath.join(*known)
        if method == "dirname" and len(known) == 1:
            return posixpath.dirname(known[0])
        if method in ("abspath", "realpath", "normpath", "str", "fspath", "Path", "PurePath") and len(known) == 1:
            return known[0]
        if method == "getcwd" and not known:
            return f"{_ROOT}/{self.app}"
        if isinstance(node.func, ast.Attribute) and method in ("resolve", "absolute", "as_posix", "joinpath"):
            owner = self.text(node.func.value, depth + 1)
            return posixpath.join(owner, *known) if owner else None
        return None


def runtime_of(constant: str) -> str:
    """The platform's name of a runtime by the CDK's: ``PYTHON_3_12`` is ``python3.12``."""
    name, _, version = constant.partition("_")
    return f"{name.lower()}{version.replace('_', '.').lower()}" if constant.isupper() else ""
