"""YAML and JSON documents as nodes that know their lines. No object is ever constructed from what a file says.

The nodes are those that PyYAML composes: tags (``!Sub``) are plain text on them, so no tag can be unknown and none can
run anything. JSON is read as the YAML that it is. An alias is the node that it names, so a document of many aliases
stays small as long as nobody walks all of it: ask for keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_DEPTH = 1000
"""levels of nesting; the composer's recursion over more could end the process"""
_OPENERS = re.compile(rb"[\[{]|[-?][ \t]")
_SURROGATES = re.compile(rb"(?<!\\)(?:\\u[dD][89a-fA-F][0-9a-fA-F]{2})+")
_STANDARD = "tag:yaml.org,2002:"
_MERGES = 8


class Unreadable(Exception):
    """The file is no YAML: `line` is 1-based or 0."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document. What is asked of a node of another kind has an empty answer."""

    yaml: Any
    """a node of PyYAML: its three kinds have no common interface but ``id``"""

    @property
    def line(self) -> int:
        """The line on which the value begins, from 1."""
        return int(self.yaml.start_mark.line) + 1

    @property
    def tag(self) -> str:
        """The document's own tag without its ``!``; an empty string when there is none."""
        tag = self.yaml.tag or ""
        return "" if tag.startswith(_STANDARD) else tag.lstrip("!")

    @property
    def is_mapping(self) -> bool:
        """Whether it has keys."""
        return bool(self.yaml.id == "mapping")

    @property
    def is_sequence(self) -> bool:
        """Whether it is a list."""
        return bool(self.yaml.id == "sequence")

    @property
    def is_null(self) -> bool:
        """Whether nothing, or ``null``, is written."""
        return bool(self.yaml.tag == f"{_STANDARD}null")

    @property
    def text(self) -> str:
        """The text of a scalar, numbers and booleans as they are written."""
        return str(self.yaml.value) if self.yaml.id == "scalar" and not self.is_null else ""

    @property
    def style(self) -> str:
        """How a scalar is written: ``|``, ``>``, a quote, or an empty string."""
        return str(self.yaml.style or "") if self.yaml.id == "scalar" else ""

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last line that the value takes, from 1."""
        end = self.yaml.end_mark
        return self.line, end.line + (1 if end.column else 0)

    def get(self, *keys: str) -> Node | None:
        """The value below ``keys``; None when one of them is missing."""
        node: Node | None = self
        for key in keys:
            node = node._below(key) if node is not None else None
        return node

    def _below(self, key: str) -> Node | None:
        """The value of a key: of a repeated key the last holds, as loaders have it."""
        if self.is_mapping:
            for name, value in reversed(self.yaml.value):
                if name.id == "scalar" and name.value == key and name.tag != f"{_STANDARD}merge":
                    return Node(value)
        return next((value for name, value in self.items() if name == key), None)

    def value(self, *keys: str) -> str:
        """The text below ``keys``, or an empty string."""
        node = self.get(*keys)
        return node.text if node is not None else ""

    def key_line(self, key: str) -> int:
        """The line of a key; that of the mapping when it has no such key."""
        if self.is_mapping:
            for name, _ in reversed(self.yaml.value):
                if name.id == "scalar" and name.value == key:
                    return int(name.start_mark.line) + 1
        return self.line

    def items(self) -> Iterator[tuple[str, Node]]:
        """The keys that are text and their values; what ``<<`` merges comes last, so the first of a name holds."""
        return self._items(_MERGES)

    def _items(self, merges: int) -> Iterator[tuple[str, Node]]:
        if not self.is_mapping:
            return
        merged: list[Any] = []
        for name, value in self.yaml.value:
            if name.tag == f"{_STANDARD}merge":
                merged.extend(value.value if value.id == "sequence" else [value])
            elif name.id == "scalar":
                yield name.value, Node(value)
        if merges:
            for other in merged[:_MERGES]:
                yield from Node(other)._items(merges - 1)

    def elements(self) -> Iterator[Node]:
        """The elements of a list."""
        if self.is_sequence:
            yield from (Node(value) for value in self.yaml.value)


def parse(data: bytes, *, json: bool = False) -> list[Node]:
    """The documents of a file that have keys. Raises Unreadable."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if json:  # a string of JSON holds no bare tab, and YAML takes none between tokens nor pairs of surrogates
        data = _SURROGATES.sub(rb"\\ufffd", data.replace(b"\t", b" "))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"not UTF-8: byte 0x{data[error.start]:02x}", data.count(b"\n", 0, error.start) + 1) from None
    try:
        if len(_OPENERS.findall(data)) > _DEPTH:
            _measure(text, loader)
        return [node for node in map(Node, yaml.compose_all(text, Loader=loader)) if node.is_mapping]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Unreadable(error.problem or error.context or "no YAML", mark.line + 1 if mark else 0) from None
    except yaml.YAMLError as error:
        raise Unreadable(str(error).splitlines()[0] if str(error) else "no YAML") from None
    except (RecursionError, ValueError):
        raise Unreadable("nests too deeply") from None


def _measure(text: str, loader: Any) -> None:
    """Raise Unreadable when the document nests too deeply to be composed: events come without recursion."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEPTH:
                raise Unreadable("nests too deeply", event.start_mark.line + 1 if event.start_mark else 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
