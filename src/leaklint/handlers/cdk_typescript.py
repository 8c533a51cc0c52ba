"""CDK apps in TypeScript, read by regular expressions: ``new ...Function(...)`` with literal handler and folder.

No parser of TypeScript is asked for this little: what is not a literal is passed over.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaklint.handlers import images
from leaklint.handlers.cdk_python import runtime_of
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.model import Facts
from leaklint.handlers.tree import join

_MARKS = (b"aws-lambda", b"aws_lambda", b"PythonFunction", b"lambda.Function")
_NEW = re.compile(r"\bnew\s+([\w.]*(?:Function|LayerVersion))\s*\(")
_STRING = r"""(?:'[^'\n]*'|"[^"\n]*"|`[^`]*`)"""
_ID = re.compile(rf"\(\s*[\w.]+\s*,\s*({_STRING})")
_PATH = rf"(?:(?:path\.)?(?:join|resolve)\s*\((?:[^()]|\(\))*\)|__dirname\s*\+\s*{_STRING}|{_STRING}|[A-Za-z_]\w*)"
_CODE = re.compile(rf"\b(fromAsset|fromImageAsset|fromDockerBuild|fromAssetImage)\s*\(\s*({_PATH})")
_COMMAND = re.compile(rf"\bcmd\s*:\s*\[\s*({_STRING})")
_CONSTANT = re.compile(rf"\b(?:const|readonly)\s+(\w+)(?:\s*:\s*string)?\s*=\s*({_PATH})\s*[;\n]")
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*(?s:.*?)\*/")
_DURATION = re.compile(r"\btimeout\s*:\s*(?:\w+\.)*Duration\.(seconds|minutes)\s*\(\s*(\d+)\s*\)")
_RUNTIME = re.compile(r"\bruntime\s*:\s*(?:\w+\.)*Runtime\.([A-Z][A-Z0-9_]*)")
_SECONDS = {"seconds": 1, "minutes": 60}
_ROOT = "\0"


def read(collector: Collector) -> None:
    """Read every module of a CDK app in TypeScript."""
    tree = collector.tree
    for path in tree.ending(".ts"):
        if path.endswith((".d.ts", ".test.ts", ".spec.ts")):
            continue
        app = tree.around(path, "cdk.json")
        if app:
            data = tree.read(path)
            if any(mark in data for mark in _MARKS):
                _read(collector, path, app, data.decode("utf-8", "replace"))


def _read(collector: Collector, path: str, app: str, text: str) -> None:
    text = _COMMENT.sub(lambda match: match[1] or re.sub(r"[^\n]", " ", match[0]), text)
    constants = {match[1]: match[2] for match in _CONSTANT.finditer(text)}
    for match in _NEW.finditer(text):
        end = _closing(text, match.end())
        line = text.count("\n", 0, match.start()) + 1
        _Construct(collector, path, app, constants, match[1], text[match.end() - 1 : end], line).read()


def _closing(text: str, position: int) -> int:
    """Where the bracket closes whose content begins at ``position``; strings are passed over."""
    depth, quote = 1, ""
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"`":
            quote = char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
            if not depth:
                return position
        position += 1
    return len(text)


@dataclass(frozen=True, slots=True)
class _Construct:
    collector: Collector
    path: str
    app: str
    constants: Mapping[str, str]
    name: str
    text: str
    line: int

    def read(self) -> None:
        code = _CODE.search(self.text)
        if self.name.endswith("LayerVersion"):
            for folder in self.folders(code[2]) if code else self.folders(self._argument("entry") or ""):
                self.collector.layer(folder)
            return
        handler = self._literal("handler")
        entry = self._argument("entry")
        facts = self._facts()
        identity = _ID.match(self.text)
        what = f"{self.name.rpartition('.')[2]} {identity[1][1:-1] if identity else ''}".rstrip()
        place = Place("cdk-typescript", self.path, self.line, what)
        if code is not None and (code[1] != "fromAsset" or self.name.endswith("DockerImageFunction")):
            self._image(place, code[2], facts)
        elif entry is not None and "Python" in self.name:
            index = self._literal("index") or "index.py"
            if index.endswith(".py") and not (facts.runtime and not facts.runtime.startswith("python")):
                named = f"{index.removesuffix('.py')}.{handler or 'handler'}"
                self.collector.declare(place, named, list(self.folders(entry)), self.app, facts)
        elif code is not None and handler:
            self.collector.declare(place, handler, list(self.folders(code[2])), self.app, facts)

    def _image(self, place: Place, argument: str, facts: Facts) -> None:
        command = _COMMAND.search(self.text)
        file = self._literal("file") or "Dockerfile"
        for folder in self.folders(argument):
            image = images.image(self.collector.tree, join(folder, file))
            handler = command[1][1:-1] if command else image.handler if image is not None else ""
            if handler:
                roots = image.roots if image is not None else (folder,)
                self.collector.declare(place, handler, roots, folder, facts)
                return

    def _argument(self, key: str) -> str | None:
        match = re.search(rf"\b{key}\s*:\s*({_PATH})", self.text)
        return match[1] if match else None

    def _literal(self, key: str) -> str:
        match = re.search(rf"\b{key}\s*:\s*({_STRING})", self.text)
        return match[1][1:-1] if match and "${" not in match[1] else ""

    def _number(self, key: str) -> int | None:
        match = re.search(rf"\b{key}\s*:\s*(\d+)\b", self.text)
        return int(match[1]) if match else None

    def _facts(self) -> Facts:
        runtime = _RUNTIME.search(self.text)
        timeout = _DURATION.search(self.text)
        return Facts(
            runtime=runtime_of(runtime[1]) if runtime else "",
            memory=self._number("memorySize"),
            timeout=int(timeout[2]) * _SECONDS[timeout[1]] if timeout else None,
            reserved=self._number("reservedConcurrentExecutions"),
            snapstart=bool(re.search(r"\bsnapStart\s*:\s*[\w.]*ON_PUBLISHED_VERSIONS", self.text)),
        )

    def folders(self, argument: str) -> Iterator[str]:
        """The folders that a path may be, or may be in."""
        text = self._path(argument)
        if text.startswith(f"{_ROOT}/"):
            found = [join(".", text[2:])]
        elif text:
            found = [join(self.app, text), join(posixpath.dirname(self.path), text)]
        else:
            found = []
        for path in dict.fromkeys(filter(None, found)):
            yield path if path in self.collector.tree.folders else posixpath.dirname(path) or "."

    def _path(self, argument: str, depth: int = 0) -> str:
        """The path that an argument is; empty when it is made of more than literals and ``__dirname``."""
        if depth > 4:
            return ""
        if argument[:1] in ("'", '"', "`"):
            text = argument[1:-1].replace("${__dirname}", f"{_ROOT}/{posixpath.dirname(self.path) or '.'}")
            return "" if "${" in text else text
        if argument in self.constants:
            return self._path(self.constants[argument], depth + 1)
        opening = argument.find("(")
        inner = argument[opening + 1 : -1] if opening >= 0 else argument
        parts = []
        for part in re.split(r",|\+", inner):
            word = part.strip()
            if word == "__dirname":
                parts.append(f"{_ROOT}/{posixpath.dirname(self.path) or '.'}")
            elif word == "process.cwd()":
                parts.append(f"{_ROOT}/{self.app}")
            elif word:
                piece = self._path(word, depth + 1) if word[:1] in "'\"`" or word in self.constants else ""
                if not piece:
                    return ""
                parts.append(piece.lstrip("/") if parts else piece)
        return "/".join(parts)
