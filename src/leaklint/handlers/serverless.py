"""The Serverless Framework: ``functions`` of a ``serverless.yml``, and of the files that it includes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from leaklint.handlers import documents, images
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.documents import Node, Unreadable
from leaklint.handlers.model import UNKNOWN, Facts
from leaklint.handlers.tree import join

_KEYS = tuple(re.compile(rb"^[\"' \t]*%s[\"']?[ \t]*:" % key, re.MULTILINE) for key in (b"provider", b"functions"))
_VARIABLE = re.compile(r"\$\{\s*(\w*)\s*(?::([^{},]*))?(?:,([^{}]*))?\}")
_FILE = re.compile(r"\$\{\s*file\(([^)]+)\)\s*(?::([\w.-]+))?[^}]*\}")
_WSGI = "wsgi_handler.handler"
"""the handler that the plugin serverless-wsgi brings along"""
_ROUNDS = 6
_LONGEST = 1024
"""characters of a value in which variables are replaced"""


def read(collector: Collector) -> None:
    """Read every service of the project."""
    tree = collector.tree
    for path in tree.ending(".yml", ".yaml", "serverless.json"):
        data = tree.read(path)
        if all(key.search(data) for key in _KEYS):
            for document in _documents(collector, path):
                if document.get("provider") is not None and document.get("functions") is not None:
                    _Service(collector, path, document).read()


def _documents(collector: Collector, path: str) -> list[Node]:
    try:
        return documents.parse(collector.tree.read(path), json=path.endswith(".json"))
    except Unreadable as problem:
        collector.note(path, problem.line, f"not read: {problem.message}")
        return []


@dataclass(frozen=True, slots=True)
class _Service:
    collector: Collector
    path: str
    document: Node

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path) or "."

    def read(self) -> None:
        for file, name, function in self._functions():
            if function.is_mapping:
                self._function(file, name, function)
        layers = self.document.get("layers")
        for _, layer in layers.items() if layers is not None else ():
            folder = join(self.folder, self.text(layer.get("path")))
            if folder:
                self.collector.layer(folder)

    def _functions(self) -> Iterator[tuple[str, str, Node]]:
        """(file, name, function) of the service's own functions and of those in files that it names."""
        functions = self.document.get("functions")
        assert functions is not None
        for node in [functions, *functions.elements()]:
            yield from ((self.path, name, function) for name, function in node.items())
            match = _FILE.fullmatch(node.text.strip())
            file = join(self.folder, match[1].strip()) if match else ""
            if match is None or file not in self.collector.tree.files:
                continue
            for document in _documents(self.collector, file):
                keys = match[2].split(".") if match[2] else []
                found = document.get(*keys)
                if found is not None:
                    yield from ((file, name, function) for name, function in found.items())

    def _function(self, file: str, name: str, function: Node) -> None:
        facts = self._facts(function)
        place = Place("serverless", file, function.key_line("handler"), f"handler of {name}")
        handler = self.text(function.get("handler"))
        if handler == _WSGI:
            application = self.text(self.document.get("custom", "wsgi", "app"))
            if application:
                self.collector.declare(place, application, [self.folder], self.folder, facts)
        elif handler:
            module = self.text(function.get("module"))
            roots = [join(self.folder, module), self.folder] if module else [self.folder]
            self.collector.declare(place, handler, [root for root in roots if root], self.folder, facts)
        else:
            self._image(place, function, facts)

    def _image(self, place: Place, function: Node, facts: Facts) -> None:
        node = function.get("image")
        if node is None:
            return
        name = node.value("name") or node.text
        described = self.document.get("provider", "ecr", "images", name) if name else None
        context = described.value("path") or described.text if described is not None else ""
        folder = join(self.folder, context or ".")
        dockerfile = (described.value("file") if described is not None else "") or "Dockerfile"
        image = images.image(self.collector.tree, join(folder, dockerfile)) if folder else None
        command = node.get("command")
        first = next(command.elements(), None) if command is not None else None
        handler = self.text(first) or (image.handler if image is not None else "")
        if handler:
            roots = image.roots if image is not None else (folder,)
            self.collector.declare(place, handler, [root for root in roots if root], self.folder, facts)

    def _facts(self, function: Node) -> Facts:
        provider = self.document.get("provider")
        return Facts(
            runtime=self.text(function.get("runtime")) or self.text(provider.get("runtime") if provider else None),
            memory=self.number(function.get("memorySize"), provider.get("memorySize") if provider else None),
            timeout=self.number(function.get("timeout"), provider.get("timeout") if provider else None),
            provisioned=self.number(function.get("provisionedConcurrency")),
            reserved=self.number(function.get("reservedConcurrency")),
            snapstart=self.text(function.get("snapStart")).lower() == "true",
        )

    def number(self, *nodes: Node | None) -> int | None:
        """The number of the first present node; `UNKNOWN` when it is not known."""
        for node in nodes:
            if node is not None and not node.is_null:
                text = self.text(node)
                return int(text) if text.isdecimal() else UNKNOWN
        return None

    def text(self, node: Node | None) -> str:
        """The text of a value, variables replaced as far as the file says them; empty when one stays unknown."""
        text = node.text.strip() if node is not None else ""
        for _ in range(_ROUNDS):
            if "${" not in text or len(text) > _LONGEST:
                break
            text = _VARIABLE.sub(self._variable, text)
        return "" if "${" in text or "\0" in text else text

    def _variable(self, match: re.Match[str]) -> str:
        if match[1] == "self" and match[2]:
            value = self.document.value(*match[2].strip().split("."))
            if value:
                return value
        if match[3] is not None:
            return match[3].strip().strip("'\"")
        return "\0"
