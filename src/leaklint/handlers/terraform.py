"""Terraform: ``aws_lambda_function`` and the module that most people use for it.

Each folder of ``*.tf`` files is a module. Those that no other calls are read as they stand, with the defaults of their
variables; the ones that they call by a local path with the arguments of the call. The code of a function is followed
from its archive to the folder that the archive is made of.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from leaklint.handlers import hcl
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.hcl import Attribute, Block, Token
from leaklint.handlers.hcl_values import NOT_KNOWN, ROOT, Reference, Scope, Value, text_of
from leaklint.handlers.model import UNKNOWN, Facts
from leaklint.handlers.tree import join

_FUNCTION = "aws_lambda_function"
_LAYER = "aws_lambda_layer_version"
_WARM = "aws_lambda_provisioned_concurrency_config"
_ALIAS = "aws_lambda_alias"
_ARCHIVE = "archive_file"
_OBJECTS = ("aws_s3_object", "aws_s3_bucket_object")
_USUAL = re.compile(r"terraform-aws-modules/(?:terraform-aws-)?lambda\b")
_MARKS = re.compile(rb"\"aws_lambda_(?:function|layer_version)\"|terraform-aws-modules/(?:terraform-aws-)?lambda")
_OTHERS = re.compile(
    r"^(?:(?:resource|data)[ \t]+\"(?!aws_lambda_|archive_file|aws_s3_(?:bucket_)?object\b)\w+\"|output\b|provider\b)"
    r"[^\n]*\{[ \t]*\n(?s:.{0,20000}?)^\}",
    re.MULTILINE,
)
"""blocks, laid out as the formatter does, that say nothing here: most of a configuration"""
_LOCAL_SOURCE = re.compile(rb"""source\s*=\s*"(\.\.?/[^"]*)""")
_CODE = ("filename", "source_code_hash", "s3_key", "image_uri", "source_path", "local_existing_package")
_DEPTH = 6
_INSTANCES = 2000
"""modules that are read in all: calls of calls of calls multiply"""
_EACH = 200


@dataclass(slots=True)
class _Module:
    """A folder: its blocks, each with the file that it stands in."""

    blocks: list[tuple[str, Block]] = field(default_factory=list)
    variables: dict[str, Attribute] = field(default_factory=dict)
    locals: dict[str, Attribute] = field(default_factory=dict)

    def resource(self, kind: str, name: str) -> Block | None:
        """The resource or data source of this type and name."""
        return next((block for _, block in self.blocks if block.labels == (kind, name)), None)


@dataclass(frozen=True, slots=True)
class _Call:
    """How a module is reached: the folder Terraform runs in, the modules on the way, and the last call."""

    cwd: str
    path: tuple[str, ...] = ()
    place: Place | None = None


def read(collector: Collector) -> None:
    """Read every module of the project that has something to do with Lambda."""
    _Project(collector).read()


@dataclass(slots=True)
class _Project:
    collector: Collector
    folders: dict[str, list[str]] = field(default_factory=dict)
    modules: dict[str, _Module] = field(default_factory=dict)
    relevant: set[str] = field(default_factory=set)
    instances: int = 0

    def read(self) -> None:
        tree = self.collector.tree
        calls: dict[str, set[str]] = {}
        for path in tree.ending(".tf"):
            folder = posixpath.dirname(path) or "."
            self.folders.setdefault(folder, []).append(path)
            data = tree.read(path)
            if _MARKS.search(data) or (b"handler" in data and b"runtime" in data):
                self.relevant.add(folder)
            for match in _LOCAL_SOURCE.finditer(data):
                calls.setdefault(folder, set()).add(join(folder, match[1].decode("utf-8", "replace")))
        waiting = True
        while waiting:
            callers = {folder for folder, called in calls.items() if called & self.relevant}
            waiting = not callers <= self.relevant
            self.relevant |= callers
        called = {folder for caller, targets in calls.items() for folder in targets if folder != caller}
        tops = [folder for folder in self.folders if folder in self.relevant and folder not in called]
        visited: set[str] = set()
        for folder in [*tops, *sorted(self.relevant)]:
            if folder not in visited:
                self.instance(folder, {}, _Call(folder), visited)

    def module(self, folder: str) -> _Module:
        """The blocks of a folder."""
        if folder not in self.modules:
            module = self.modules[folder] = _Module()
            for path in self.folders.get(folder, ()):
                text = self.collector.tree.read(path).decode("utf-8", "replace")
                text = _OTHERS.sub(lambda match: "\n" * match[0].count("\n"), text)
                for block in hcl.parse(text).blocks:
                    module.blocks.append((path, block))
                    if block.kind == "variable" and block.labels and "default" in block.attributes:
                        module.variables[block.labels[0]] = block.attributes["default"]
                    elif block.kind == "locals":
                        module.locals.update(block.attributes)
        return self.modules[folder]

    def instance(self, folder: str, arguments: Mapping[str, Value], call: _Call, visited: set[str]) -> None:
        """Read a module as it is called with ``arguments``."""
        self.instances += 1
        if folder in call.path or len(call.path) > _DEPTH or self.instances > _INSTANCES:
            return
        visited.add(folder)
        module = self.module(folder)
        cwd = call.cwd
        plain = Scope(folder, cwd, {}, {})
        variables = {name: plain.value(default) for name, default in module.variables.items()}
        variables.update((name, value) for name, value in arguments.items() if value is not NOT_KNOWN)
        scope = Scope(folder, cwd, variables, module.locals)
        warm = _warm(module, scope)
        for file, block in module.blocks:
            if block.kind == "module":
                for each in _instances(block, scope):
                    self._called(block, file, each, call, visited)
            elif block.kind == "resource" and len(block.labels) == 2:
                for each in _instances(block, scope):
                    code = _Code(self.collector, module, each)
                    if block.labels[0] == _FUNCTION:
                        what = f"{_FUNCTION} {block.labels[1]}"
                        place = Place("terraform", file, _line(block), what)
                        if call.place is not None and not _is_literal(block.attributes.get("handler")):
                            place = call.place
                        _declare(code, block, file, place, warm.get(block.labels[1]))
                    elif block.labels[0] == _LAYER:
                        root = next(filter(self.collector.tree.holds_python, code.roots(block)), "")
                        if root:
                            self.collector.layer(root)

    def _called(self, block: Block, file: str, scope: Scope, call: _Call, visited: set[str]) -> None:
        source = scope.value(block.attributes.get("source"))
        if not isinstance(source, str) or not block.labels:
            return
        place = Place("terraform", file, _line(block), f"module {block.labels[0]}")
        if source.startswith(("./", "../")):
            target = join(scope.folder, source)
            if target in self.relevant:
                arguments = {name: scope.value(attribute) for name, attribute in block.attributes.items()}
                self.instance(target, arguments, _Call(call.cwd, (*call.path, scope.folder), place), visited)
        elif _USUAL.search(source) or {"handler", "runtime"} <= block.attributes.keys():
            code = _Code(self.collector, self.module(scope.folder), scope)
            amount = _setting(block, "provisioned_concurrent_executions", scope)
            _declare(code, block, file, place, amount if amount and amount > 0 else None)


def _instances(block: Block, scope: Scope) -> Iterator[Scope]:
    """The scope of the block for each element of its ``for_each``."""
    each = scope.value(block.attributes.get("for_each"))
    if isinstance(each, dict):
        yield from (scope.for_each(key, value) for key, value in list(each.items())[:_EACH])
    elif isinstance(each, list):
        yield from (scope.for_each(value, value) for value in each[:_EACH])
    else:
        yield scope


def _warm(module: _Module, scope: Scope) -> dict[str, int]:
    """Provisioned concurrency by the name of the function's resource."""
    warm: dict[str, int] = {}
    for _, block in module.blocks:
        if block.labels[:1] == (_WARM,):
            function = scope.value(block.attributes.get("function_name"))
            if isinstance(function, Reference) and function.parts[:1] == (_ALIAS,) and len(function.parts) > 1:
                alias = module.resource(_ALIAS, function.parts[1])
                function = scope.value(alias.attributes.get("function_name")) if alias is not None else NOT_KNOWN
            amount = _number(scope.value(block.attributes.get("provisioned_concurrent_executions")))
            if isinstance(function, Reference) and function.parts[:1] == (_FUNCTION,) and len(function.parts) > 1:
                warm[function.parts[1]] = UNKNOWN if amount is None else amount
    return warm


def _is_literal(attribute: Attribute | None) -> bool:
    return attribute is not None and len(attribute.tokens) == 1 and "${" not in attribute.tokens[0].text


def _line(block: Block) -> int:
    """The line of what says the handler."""
    return block.attributes["handler"].line if "handler" in block.attributes else block.line


def _declare(code: _Code, block: Block, file: str, place: Place, warm: int | None) -> None:
    scope = code.scope
    runtime = scope.value(block.attributes.get("runtime"))
    facts = Facts(
        runtime=runtime if isinstance(runtime, str) else "",
        memory=_setting(block, "memory_size", scope),
        timeout=_setting(block, "timeout", scope),
        provisioned=warm,
        reserved=_setting(block, "reserved_concurrent_executions", scope),
        snapstart=_snapstart(block, scope),
    )
    handler = scope.value(block.attributes.get("handler"))
    if not isinstance(handler, str):
        commands = [scope.value(image.attributes.get("command")) for image in block.below("image_config")]
        commands.append(scope.value(block.attributes.get("image_config_command")))
        handler = next((c[0] for c in commands if isinstance(c, list) and c and isinstance(c[0], str)), "")
    if not handler:
        return
    written = code.written(block, handler)
    if written is not None:
        lines = code.collector.tree.read(file).decode("utf-8", "replace").splitlines()
        code.collector.code(place, [(written.text, written.line + 1, True)], handler, lines, facts)
    else:
        code.collector.declare(place, handler, list(code.roots(block)), scope.folder, facts, list(code.hints(block)))


def _setting(block: Block, name: str, scope: Scope) -> int | None:
    attribute = block.attributes.get(name)
    if attribute is None:
        return None
    value = scope.value(attribute)
    return None if value is None else _number(value)


def _number(value: Value) -> int | None:
    """The number; None when nothing is said, `UNKNOWN` when an expression says it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    return None if value is None else UNKNOWN


def _snapstart(block: Block, scope: Scope) -> bool:
    value = scope.value(block.attributes.get("snap_start"))
    return value is True or any(
        scope.value(inner.attributes.get("apply_on")) == "PublishedVersions" for inner in block.below("snap_start")
    )


@dataclass(frozen=True, slots=True)
class _Code:
    """Where the code of a block comes from."""

    collector: Collector
    module: _Module
    scope: Scope

    def roots(self, block: Block) -> Iterator[str]:
        """The folders that the code may come from, the surest first."""
        for name in _CODE:
            value = self.scope.value(block.attributes.get(name))
            yield from self._folders(value, _DEPTH)

    def written(self, block: Block, handler: str) -> Token | None:
        """The text of the handler's module when the archive is made of texts in the configuration."""
        archive = self._referred(self.scope.value(block.attributes.get("filename")))
        if archive is None or archive.labels[0] != _ARCHIVE:
            return None
        for source in [*archive.below("source"), archive]:
            name = source.attributes.get("filename" if source.kind == "source" else "source_content_filename")
            content = source.attributes.get("content" if source.kind == "source" else "source_content")
            if content is not None and len(content.tokens) == 1 and content.tokens[0].heredoc:
                module = f"{handler.rpartition('.')[0].replace('.', '/')}.py"
                if text_of(self.scope.value(name)) == module:
                    return content.tokens[0]
        return None

    def hints(self, block: Block) -> Iterator[str]:
        """The names of archives and of the function."""
        for name in (*_CODE, "function_name"):
            text = text_of(self.scope.value(block.attributes.get(name)))
            if text:
                yield posixpath.basename(text).removesuffix(".zip")

    def _folders(self, value: Value, depth: int) -> Iterator[str]:
        if isinstance(value, list):
            for element in value:
                yield from self._folders(element.get("path") if isinstance(element, dict) else element, depth)
        elif isinstance(value, str):
            yield from self._of_path(value, depth)
        elif depth:
            block = self._referred(value)
            if block is not None and block.labels[0] == _ARCHIVE:
                yield from self._archived(block, depth - 1)
            elif block is not None and block.labels[0] in _OBJECTS:
                yield from self._folders(self.scope.value(block.attributes.get("source")), depth - 1)

    def _referred(self, value: Value) -> Block | None:
        """The resource or data source that a reference names."""
        if not isinstance(value, Reference):
            return None
        parts = value.parts[1:] if value.parts[0] == "data" else value.parts
        return self.module.resource(parts[0], parts[1]) if len(parts) > 2 else None

    def _archived(self, block: Block, depth: int) -> Iterator[str]:
        """The folders that an archive is made of."""
        for name in ("source_dir", "source_file"):
            yield from self._folders(self.scope.value(block.attributes.get(name)), depth)
        for source in block.below("source"):
            yield from self._folders(self.scope.value(source.attributes.get("content")), depth)

    def _of_path(self, value: str, depth: int) -> Iterator[str]:
        """The folder that a path is; of an archive, what this module makes it of, then the folders it may be of."""
        tree = self.collector.tree
        paths = list(self.paths(value))
        like = "" if any(path in tree.folders or path in tree.files for path in paths) else tree.folder_like(value)
        if like and not value.startswith(ROOT):
            yield like
        for path in paths:
            if path in tree.folders:
                yield path
            elif path.endswith(".zip"):
                if depth:
                    for _, block in self.module.blocks:
                        if block.labels[:1] == (_ARCHIVE,):
                            output = self.scope.value(block.attributes.get("output_path"))
                            if isinstance(output, str) and path in self.paths(output):
                                yield from self._archived(block, depth - 1)
                yield path.removesuffix(".zip")
                yield posixpath.dirname(path) or "."
            elif path in tree.files:
                yield posixpath.dirname(path) or "."

    def paths(self, value: str) -> Iterator[str]:
        """What a path may be: relative ones are seen from where Terraform runs, or meant from the module."""
        if value.startswith(f"{ROOT}/"):
            found = [join(".", value[2:])]
        else:
            found = [join(self.scope.cwd, value), join(self.scope.folder, value)]
        return iter(dict.fromkeys(path for path in found if path))
