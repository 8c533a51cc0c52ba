"""SAM and CloudFormation templates, those that the CDK writes among them.

A function is code from a folder (``CodeUri``, ``Code`` as a path) with a ``Handler``, code in the template itself, or
an image with a command. Layers add roots of imports. Provisioned concurrency of plain CloudFormation stands on a
version or an alias of the function.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaklint.handlers import documents, images
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.documents import Node, Unreadable
from leaklint.handlers.intrinsics import Values, function
from leaklint.handlers.model import Facts
from leaklint.handlers.tree import Tree, join

_SAM = "AWS::Serverless::Function"
_PLAIN = "AWS::Lambda::Function"
_LAYERS = ("AWS::Serverless::LayerVersion", "AWS::Lambda::LayerVersion")
_MARKS = (_SAM.encode(), _PLAIN.encode(), *(layer.encode() for layer in _LAYERS))
_KEEPS_WARM = ("AWS::Lambda::Version", "AWS::Lambda::Alias")


def read(collector: Collector) -> None:
    """Read every YAML or JSON file of the project that has a function of Lambda in it."""
    for path in collector.tree.ending(".yml", ".yaml", ".json", ".template"):
        data = collector.tree.read(path)
        if any(mark in data for mark in _MARKS):
            _read(collector, path, data)


def read_all_synthesised(collector: Collector) -> None:
    """Read the templates that the CDK has written for each of its apps."""
    for app in collector.tree.named("cdk.json"):
        project = posixpath.dirname(app) or "."
        for path in collector.tree.synthesised(project):
            data = collector.tree.read(path)
            if any(mark in data for mark in _MARKS):
                _read(collector, path, data, project)


def _read(collector: Collector, path: str, data: bytes, project: str = "") -> None:
    try:
        found = documents.parse(data, json=data.lstrip()[:1] == b"{")
    except Unreadable as problem:
        collector.note(path, problem.line, f"not read: {problem.message}")
        return
    for document in found:
        resources = document.get("Resources") or document.get("resources", "Resources")
        if resources is not None:
            lines = data.decode("utf-8-sig", "replace").splitlines()
            near = project or posixpath.dirname(path) or "."
            _Template(collector, path, document, resources, Values(document), lines, near).read()


@dataclass(frozen=True, slots=True)
class _Template:
    collector: Collector
    path: str
    document: Node
    resources: Node
    values: Values
    lines: list[str]
    near: str
    """the folder below which modules are looked for when the template does not say where they are"""

    @property
    def folder(self) -> str:
        return posixpath.dirname(self.path) or "."

    def read(self) -> None:
        warm = self._warm()
        for name, resource in self.resources.items():
            kind = resource.value("Type")
            if kind in (_SAM, _PLAIN):
                _Function(self, name, resource, sam=kind == _SAM).read(warm)
            elif kind in _LAYERS:
                content = resource.get("Properties", "ContentUri") or resource.get("Properties", "Content")
                for text in self.values.texts(content):
                    folder = join(self.folder, text)
                    if folder:
                        self.collector.layer(folder)

    def _warm(self) -> Mapping[str, int]:
        """Provisioned concurrency by the function's logical id."""
        warm: dict[str, int] = {}
        for _, resource in self.resources.items():
            if resource.value("Type") in _KEEPS_WARM:
                amount = self.values.number(
                    resource.get("Properties", "ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions")
                )
                function = self.values.reference(resource.get("Properties", "FunctionName"))
                if function and amount is not None:
                    warm[function] = amount
        return warm


@dataclass(frozen=True, slots=True)
class _Function:
    template: _Template
    name: str
    resource: Node
    sam: bool

    def get(self, *keys: str) -> Node | None:
        """A property of the function, else of the template's ``Globals``."""
        own = self.resource.get("Properties", *keys)
        if own is None and self.sam:
            return self.template.document.get("Globals", "Function", *keys)
        return own

    def read(self, warm: Mapping[str, int]) -> None:
        collector, values = self.template.collector, self.template.values
        facts = self._facts(warm)
        inline = values.source(self.get("InlineCode") if self.sam else self.get("Code", "ZipFile"))
        handlers = values.texts(self.get("Handler"))
        if values.text(self.get("PackageType")) == "Image" or (not handlers and self.get("ImageConfig") is not None):
            self._image(facts)
        elif inline:
            for handler in handlers[:1]:
                key = "InlineCode" if self.sam else "ZipFile"
                pieces = [(text, *_literal(node)) for text, node in inline]
                collector.code(self._place(key), pieces, handler, self.template.lines, facts)
        else:
            roots, hints = list(self._roots()), list(self._archives())
            for handler in handlers:
                collector.declare(self._place("Handler"), handler, roots, self.template.near, facts, hints)
            for root in roots if facts.runtime.startswith("python") else ():
                collector.import_root(root)

    def _place(self, key: str) -> Place:
        properties = self.resource.get("Properties")
        line = self.resource.line
        for node in (properties, properties.get("Code") if properties is not None else None):
            if node is not None and node.get(key) is not None:
                line = node.key_line(key)
        source = "sam" if self.sam else "cloudformation"
        return Place(source, self.template.path, line, f"{key} of {self.name}")

    def _facts(self, warm: Mapping[str, int]) -> Facts:
        values = self.template.values
        runtimes = values.texts(self.get("Runtime"))
        provisioned = values.number(self.get("ProvisionedConcurrencyConfig", "ProvisionedConcurrentExecutions"))
        return Facts(
            runtime=next((r for r in runtimes if r.startswith("python")), next(iter(runtimes), "")),
            memory=values.number(self.get("MemorySize")),
            timeout=values.number(self.get("Timeout")),
            provisioned=provisioned if provisioned is not None else warm.get(self.name),
            reserved=values.number(self.get("ReservedConcurrentExecutions")),
            snapstart="PublishedVersions" in values.texts(self.get("SnapStart", "ApplyOn")),
        )

    def _roots(self) -> Iterator[str]:
        """The folders that the code may come from."""
        tree, values, folder = self.template.collector.tree, self.template.values, self.template.folder
        asset = self.resource.value("Metadata", "aws:asset:path")
        if asset:
            yield from _originals(tree, self.template.near, join(folder, asset))
            return
        code = self.get("CodeUri") if self.sam else self.get("Code")
        if code is None and self.sam:
            yield folder
        for text in values.texts(code):
            path = join(folder, text)
            if path:
                yield path if path in tree.folders else posixpath.dirname(path) or "."

    def _archives(self) -> Iterator[str]:
        """The names of archives, without ending and folder, that hold the code."""
        keys = [self.get("Code", "S3Key"), self.get("CodeUri", "Key"), self.get("CodeUri"), self.get("Code")]
        for node in keys:
            name, argument = function(node) if node is not None else ("", None)
            texts = [argument.text] if name == "Sub" and argument is not None else self.template.values.texts(node)
            yield from (text.rpartition("/")[2].removesuffix(".zip") for text in texts if text.endswith(".zip"))

    def _image(self, facts: Facts) -> None:
        collector, values = self.template.collector, self.template.values
        context = join(self.template.folder, values.text(self.resource.get("Metadata", "DockerContext")) or ".")
        name = values.text(self.resource.get("Metadata", "Dockerfile")) or "Dockerfile"
        image = images.image(collector.tree, join(context, name)) if context else None
        command = self.get("ImageConfig", "Command")
        first = next(command.elements(), None) if command is not None else None
        handlers = values.texts(first)
        if not handlers and image is not None:
            handlers = (image.handler,) if image.handler else ()
        roots = image.roots if image is not None else (context,) if context else ()
        line = first.line if first is not None else self.resource.line
        source = "sam" if self.sam else "cloudformation"
        for handler in handlers:
            place = Place(source, self.template.path, line, f"image of {self.name}")
            collector.declare(place, handler, roots, self.template.near, facts)


def _literal(node: Node) -> tuple[int, bool]:
    """(line on which the text of a scalar begins, whether its lines are lines of the template)."""
    first, last = node.span
    if node.style == "|":
        return first + 1, True
    return first, first == last and node.style != ">" and "\n" not in node.text


def _originals(tree: Tree, project: str, asset: str) -> Iterator[str]:
    """The folders of the project of which a folder of ``cdk.out`` is a copy.

    A copy is known by a Python file at its top that is, byte by byte, one of the project.
    """
    for path in tree.copies(asset):
        data = tree.read(path)
        for original in tree.suffixed(posixpath.basename(path), project):
            if data and tree.read(original) == data:
                yield posixpath.dirname(original) or "."
