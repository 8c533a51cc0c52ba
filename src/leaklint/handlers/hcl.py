"""Terraform's language, read into blocks of attributes whose expressions stay tokens until somebody asks.

A reader of our own: python-hcl2 with its parser generator and regular expressions takes 5.5 MB, 85 ms to import and 57
ms for an average file, of which it refuses some that Terraform accepts; here a few blocks and literals are all that is
wanted. What is not understood is passed over to the end of its line or its bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from textwrap import dedent

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\f\ufeff]+|\#[^\n]*|//[^\n]*|/\*(?s:.*?)(?:\*/|\Z))
      |(?P<line>\n)
      |(?P<heredoc><<-?(?P<mark>[A-Za-z_][\w-]*)[ \t\r]*\n)
      |(?P<quote>")
      |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      |(?P<name>[A-Za-z_][\w-]*)
      |(?P<mark_>==|!=|<=|>=|&&|\|\||=>|\.\.\.|[^\s\w"])
      |(?P<other>.)""",
    re.VERBOSE,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")
_DEPTH = 100


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    NUMBER = "number"
    STRING = "string"
    """the text between the quotes, escapes and ``${}`` as they are written"""
    MARK = "mark"
    LINE = "line"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and its line, from 1."""

    kind: Kind
    text: str
    line: int
    heredoc: bool = False
    """whether it is a string of whole lines that begins on the next line"""

    def is_(self, *marks: str) -> bool:
        """Whether it is one of these marks."""
        return self.kind is Kind.MARK and self.text in marks


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name = expression``."""

    tokens: tuple[Token, ...]
    line: int


@dataclass(slots=True)
class Block:
    """``kind "label" "label" { ... }``."""

    kind: str
    labels: tuple[str, ...]
    line: int
    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)

    def below(self, kind: str) -> Iterator[Block]:
        """The blocks of this kind directly inside."""
        return (block for block in self.blocks if block.kind == kind)


def tokens(text: str, line: int = 1) -> list[Token]:
    """The tokens of a text; nothing is refused."""
    found: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            break
        start, position = position, match.end()
        if match["line"] is not None:
            found.append(Token(Kind.LINE, "\n", line))
        elif match["quote"] is not None:
            position = _string_end(text, match.end())
            found.append(Token(Kind.STRING, text[match.end() : position - 1], line))
        elif match["heredoc"] is not None:
            end = re.compile(rf"^[ \t]*{re.escape(match['mark'])}[ \t\r]*$", re.MULTILINE).search(text, position)
            body = text[position : end.start() if end is not None else len(text)]
            found.append(Token(Kind.STRING, dedent(body) if text[start + 2] == "-" else body, line, heredoc=True))
            position = end.end() if end is not None else len(text)
        elif match["number"] is not None:
            found.append(Token(Kind.NUMBER, match["number"], line))
        elif match["name"] is not None:
            found.append(Token(Kind.NAME, match["name"], line))
        elif match["mark_"] is not None:
            found.append(Token(Kind.MARK, match["mark_"], line))
        line += text.count("\n", start, position)
    return found


def _string_end(text: str, position: int) -> int:
    """The position behind the quote that ends the string which begins at ``position``."""
    braces: list[bool] = []
    """for each open brace whether a string of the template stands around it"""
    inside = True
    while position < len(text):
        char = text[position]
        if inside:
            if char == "\\":
                position += 1
            elif char == '"':
                if not braces:
                    return position + 1
                inside = False
            elif char == "\n" and not braces:
                return position  # an unclosed string: the line is lost, not the file
            elif text.startswith(("${", "%{"), position) and text[position - 1] != char:
                braces.append(True)
                inside = False
                position += 1
        elif char == '"':
            inside = True
        elif char == "{":
            braces.append(False)
        elif char == "}" and braces:
            inside = braces.pop()
        position += 1
    return len(text) + 1


def parse(text: str) -> Block:
    """The body of a file, as a block without a kind."""
    top = Block("", (), 1)
    stack = [top]
    found = tokens(text)
    position = 0
    while position < len(found):
        token = found[position]
        if token.is_("}"):
            if len(stack) > 1:
                stack.pop()
            position += 1
        elif token.kind in (Kind.NAME, Kind.STRING):
            position = _statement(found, position, stack)
        else:
            position += 1
    return top


def _statement(found: list[Token], position: int, stack: list[Block]) -> int:
    """Read the attribute or the head of a block at ``position``; the position behind it."""
    head = found[position]
    labels = []
    position += 1
    while position < len(found) and found[position].kind in (Kind.NAME, Kind.STRING):
        labels.append(found[position].text)
        position += 1
    if position >= len(found):
        return position
    token = found[position]
    if token.is_("{"):
        block = Block(head.text, tuple(labels), head.line)
        stack[-1].blocks.append(block)
        if len(stack) < _DEPTH:
            stack.append(block)
        return position + 1
    if token.is_("=") and not labels:
        end = expression_end(found, position + 1)
        stack[-1].attributes[head.text] = Attribute(tuple(found[position + 1 : end]), head.line)
        return end
    return position


def expression_end(found: list[Token], position: int) -> int:
    """Where the expression at ``position`` ends: a line's end, or a closing bracket that it did not open."""
    depth = 0
    while position < len(found):
        token = found[position]
        if token.kind is Kind.LINE and depth == 0:
            return position
        if token.kind is Kind.MARK:
            if token.text in _OPEN:
                depth += 1
            elif token.text in _CLOSE:
                if depth == 0:
                    return position
                depth -= 1
        position += 1
    return position
