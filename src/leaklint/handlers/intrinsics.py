"""What the values of a CloudFormation template can be, as far as the template itself says it.

A value is a tuple of texts: none when it is not known, several when a condition decides. Parameters stand for their
defaults. Both ways of writing a function are read: ``!Sub x`` and ``{"Fn::Sub": x}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from leaklint.handlers.documents import Node
from leaklint.handlers.model import UNKNOWN

_DEPTH = 8
_MOST = 8
"""values of one expression"""
_PLACEHOLDER = re.compile(r"\$\{(!?)\s*([^}]*?)\s*\}")


def function(node: Node) -> tuple[str, Node | None]:
    """(name, argument) of an intrinsic function, without ``Fn::``; an empty name for a plain value."""
    if node.tag:
        return node.tag, node
    if node.is_mapping:
        items = list(node.items())
        if len(items) == 1:
            name, argument = items[0]
            if name == "Ref" or name.startswith("Fn::"):
                return name.removeprefix("Fn::"), argument
    return "", None


@dataclass(frozen=True, slots=True)
class Values:
    """The parameters and mappings of one template."""

    template: Node

    def texts(self, node: Node | None, depth: int = 0) -> tuple[str, ...]:
        """Everything that the value can be; ``AWS::NoValue`` and what is not known are left out."""
        if node is None or depth > _DEPTH:
            return ()
        name, argument = function(node)
        if not name:
            return (node.text,) if node.text else ()
        if argument is None:
            return ()
        if name == "Ref":
            return self._parameter(argument.text)
        if name == "If":
            branches = list(argument.elements())[1:3]
            return tuple(dict.fromkeys(text for branch in branches for text in self.texts(branch, depth + 1)))[:_MOST]
        if name == "Sub":
            return self._substituted(argument, depth)
        if name == "Join":
            return self._joined(argument, depth)
        if name == "FindInMap":
            return self._mapped(argument, depth)
        return ()

    def text(self, *nodes: Node | None) -> str:
        """The first text that the first of ``nodes`` that has one can be, or an empty string."""
        return next((text for node in nodes for text in self.texts(node)), "")

    def number(self, *nodes: Node | None) -> int | None:
        """The number that the first present of ``nodes`` is; `UNKNOWN` when it is present and not known."""
        for node in nodes:
            if node is None or node.is_null:
                continue
            texts = self.texts(node)
            if not texts:
                return UNKNOWN
            return int(texts[0]) if texts[0].strip().isdecimal() else UNKNOWN
        return None

    def reference(self, node: Node | None) -> str:
        """The logical id that ``!Ref``, ``!GetAtt`` or ``!Sub ${Id}`` names, or an empty string."""
        if node is None:
            return ""
        name, argument = function(node)
        if argument is None:
            return ""
        if name == "Ref":
            return argument.text
        if name == "GetAtt":
            first = next(argument.elements(), None)
            return first.text if first is not None else argument.text.partition(".")[0]
        if name == "Sub":
            match = _PLACEHOLDER.fullmatch(argument.text)
            return match[2].partition(".")[0] if match and not match[1] else ""
        return ""

    def source(self, node: Node | None, depth: int = 0) -> list[tuple[str, Node]]:
        """Pieces of (text, where it stands) of code that may be put together by functions; placeholders stay."""
        if node is None or depth > _DEPTH:
            return []
        name, argument = function(node)
        if not name:
            return [(node.text, node)] if node.text else []
        if argument is None:
            return []
        if name == "Sub":
            first = next(argument.elements(), argument)
            return [(first.text, first)] if first.text else []
        if name == "If":
            return next((found for b in list(argument.elements())[1:3] if (found := self.source(b, depth + 1))), [])
        if name == "Join":
            parts = list(argument.elements())
            if len(parts) != 2:
                return []
            pieces = [(self._piece(part), part) for part in parts[1].elements()]
            return [(text + parts[0].text * (i < len(pieces) - 1), part) for i, (text, part) in enumerate(pieces)]
        return []

    def _piece(self, node: Node) -> str:
        if function(node)[0]:
            return self.text(node) or f"${{{self.reference(node) or 'Value'}}}"
        return node.text

    def _parameter(self, name: str) -> tuple[str, ...]:
        default = self.template.get("Parameters", name, "Default")
        return (default.text,) if default is not None and default.text else ()

    def _substituted(self, argument: Node, depth: int) -> tuple[str, ...]:
        parts = list(argument.elements())
        own: Mapping[str, Node] = dict(parts[1].items()) if len(parts) == 2 else {}
        text = parts[0].text if parts else argument.text
        complete = True

        def value(match: re.Match[str]) -> str:
            nonlocal complete
            if match[1]:
                return f"${{{match[2]}}}"
            known = self.texts(own[match[2]], depth + 1) if match[2] in own else self._parameter(match[2])
            complete = complete and bool(known)
            return known[0] if known else ""

        substituted = _PLACEHOLDER.sub(value, text)
        return (substituted,) if complete and substituted else ()

    def _joined(self, argument: Node, depth: int) -> tuple[str, ...]:
        parts = list(argument.elements())
        if len(parts) != 2 or not parts[1].is_sequence:
            return ()
        pieces = []
        for element in parts[1].elements():
            known = self.texts(element, depth + 1)
            if not known:
                return ()
            pieces.append(known[0])
        return (parts[0].text.join(pieces),)

    def _mapped(self, argument: Node, depth: int) -> tuple[str, ...]:
        keys = [self.texts(element, depth + 1) for element in argument.elements()][:3]
        if len(keys) < 3 or not keys[0] or not keys[2]:
            return ()
        table = self.template.get("Mappings", keys[0][0])
        rows = [] if table is None else [row for name, row in table.items() if not keys[1] or name in keys[1]]
        return tuple(dict.fromkeys(text for row in rows if (text := row.value(keys[2][0]))))[:_MOST]
