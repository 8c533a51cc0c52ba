"""What expressions of Terraform's language are, as far as the configuration says it: literals, templates, variables
with their defaults or arguments, locals, ``each``, conditions and the functions that shape names and paths.

A value is a text, number, truth value, None, list or dict; a `Reference` to something that a resource has; or
`NOT_KNOWN`. Paths made of ``path.module`` and the like begin with `ROOT`, which stands for the project's root.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from leaklint.handlers.hcl import Attribute, Kind, Token, tokens

ROOT: Final = "\0"
NOT_KNOWN: Final = object()
Value = Any

_DEPTH = 24
_TEMPLATE = re.compile(r"(\$\$\{|%%\{)|(\$\{|%\{)|\\(.)", re.DOTALL)
_SIMPLE = re.compile(r"(?:\[[^\[\]]+\]|\\?[\w. -])[+*]?|[\w -]+")
"""patterns of ``replace`` that no text can make slow"""
_LONGEST = 4096
"""characters of a text that is put together; names and paths are shorter"""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_HASHES = ("filebase64sha256", "filesha256", "filemd5", "filebase64sha512", "base64sha256", "file", "filebase64")
"""functions that tell something about the file that they are given: they stand for its path"""


@dataclass(frozen=True, slots=True)
class Reference:
    """``data.archive_file.code.output_path`` as its parts; indexes are left out."""

    parts: tuple[str, ...]


@dataclass(slots=True)
class Scope:
    """The names of one module as it is called: its folder, the folder Terraform runs in, and what its names are."""

    folder: str
    cwd: str
    variables: Mapping[str, Value]
    locals: Mapping[str, Attribute]
    each: tuple[Value, Value] = (NOT_KNOWN, NOT_KNOWN)
    _known: dict[str, Value] = field(default_factory=dict)

    def for_each(self, key: Value, value: Value) -> Scope:
        """This scope inside of one instance of a block."""
        return Scope(self.folder, self.cwd, self.variables, self.locals, (key, value), self._known)

    def value(self, attribute: Attribute | None) -> Value:
        """What the attribute is; `NOT_KNOWN` when it is missing, too."""
        return NOT_KNOWN if attribute is None else evaluate(attribute.tokens, self)

    def local(self, name: str, depth: int) -> Value:
        """What a local value is."""
        if name not in self._known:
            self._known[name] = NOT_KNOWN  # while it is evaluated: one that refers to itself is not known
            found = self.locals.get(name)
            self._known[name] = NOT_KNOWN if found is None else evaluate(found.tokens, self, depth + 1)
        return self._known[name]


def evaluate(found: Sequence[Token], scope: Scope, depth: int = 0) -> Value:
    """The value of an expression."""
    if depth > _DEPTH:
        return NOT_KNOWN
    reader = _Reader([token for token in found if token.kind is not Kind.LINE], scope, depth)
    try:
        value = reader.expression()
    except _NotUnderstood:
        return NOT_KNOWN
    return value if reader.at_end else NOT_KNOWN


def template(text: str, scope: Scope, depth: int) -> Value:
    """The value of a string with ``${}`` in it; one that is a single ``${}`` is what stands inside."""
    pieces: list[Value] = []
    position = 0
    for match in _TEMPLATE.finditer(text):
        if match.start() < position:
            continue
        pieces.append(text[position : match.start()])
        position = match.end()
        if match[1]:
            pieces.append(match[1][1:])
        elif match[3]:
            pieces.append(_ESCAPES.get(match[3], match[3]))
        else:
            end = _closing(text, position)
            if match[2] == "%{":
                return NOT_KNOWN
            pieces.append(evaluate(tokens(text[position:end].strip("~")), scope, depth + 1))
            position = end + 1
    pieces.append(text[position:])
    pieces = [piece for piece in pieces if piece != ""]
    if len(pieces) == 1:
        return pieces[0]
    if all(isinstance(piece, str | int | float) for piece in pieces):
        return _bounded("".join(map(text_of, pieces)))
    return NOT_KNOWN


def text_of(value: Value) -> str:
    """A scalar as text; an empty string for what is none."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""


def _closing(text: str, position: int) -> int:
    depth, quoted = 0, False
    for index in range(position, len(text)):
        char = text[index]
        if char == '"' and text[index - 1] != "\\":
            quoted = not quoted
        elif not quoted and char == "{":
            depth += 1
        elif not quoted and char == "}":
            if not depth:
                return index
            depth -= 1
    return len(text)


class _NotUnderstood(Exception):
    """The rest of the expression is none that is read here."""


class _Reader:
    def __init__(self, found: list[Token], scope: Scope, depth: int) -> None:
        self.found = found
        self.scope = scope
        self.depth = depth
        self.position = 0

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.found)

    def take(self, *marks: str) -> bool:
        """Step over one of these marks if it comes next."""
        if not self.at_end and self.found[self.position].is_(*marks):
            self.position += 1
            return True
        return False

    def need(self, mark: str) -> None:
        if not self.take(mark):
            raise _NotUnderstood

    def expression(self) -> Value:
        self.depth += 1
        if self.depth > _DEPTH:
            raise _NotUnderstood
        value = self.comparison()
        if self.take("?"):
            yes = self.expression()
            self.need(":")
            no = self.expression()
            if isinstance(value, bool):
                value = yes if value else no
            else:
                value = yes if yes is not NOT_KNOWN and yes not in ("", None) else no
        self.depth -= 1
        return value

    def comparison(self) -> Value:
        value = self.operand()
        while not self.at_end and self.found[self.position].is_(*"+-*/%<>", "==", "!=", "<=", ">=", "&&", "||"):
            mark = self.found[self.position].text
            self.position += 1
            other = self.operand()
            plain = isinstance(value, str | int | float) and isinstance(other, str | int | float)
            value = (value == other) == (mark == "==") if plain and mark in ("==", "!=") else NOT_KNOWN
        return value

    def operand(self) -> Value:
        if self.take("!", "-"):
            self.operand()
            return NOT_KNOWN
        value = self.primary()
        while not self.at_end:
            if self.take("."):
                value = self.attribute(value)
            elif self.take("["):
                if self.take("*"):
                    self.need("]")
                    continue
                index = self.expression()
                self.need("]")
                value = _item(value, index)
            else:
                break
        return value

    def attribute(self, value: Value) -> Value:
        token = self.next()
        if isinstance(value, Reference):
            return Reference((*value.parts, token.text)) if token.kind is Kind.NAME else value
        return _item(value, int(token.text) if token.text.isdecimal() else token.text)

    def next(self) -> Token:
        if self.at_end:
            raise _NotUnderstood
        self.position += 1
        return self.found[self.position - 1]

    def primary(self) -> Value:
        token = self.next()
        if token.kind is Kind.STRING:
            return template(token.text, self.scope, self.depth)
        if token.kind is Kind.NUMBER:
            return float(token.text) if not token.text.isdecimal() else int(token.text)
        if token.is_("("):
            value = self.expression()
            self.need(")")
            return value
        if token.is_("["):
            return self.list()
        if token.is_("{"):
            return self.object()
        if token.kind is not Kind.NAME:
            raise _NotUnderstood
        if token.text in ("true", "false"):
            return token.text == "true"
        if token.text == "null":
            return None
        return self.call(token.text) if self.take("(") else self.name(token.text)

    def name(self, name: str) -> Value:
        if name not in ("var", "local", "path", "each"):
            return Reference((name,))
        self.need(".")
        part = self.next().text
        if name == "var":
            return self.scope.variables.get(part, NOT_KNOWN)
        if name == "local":
            return self.scope.local(part, self.depth)
        if name == "path":
            folder = self.scope.folder if part == "module" else self.scope.cwd
            return f"{ROOT}/{folder}"
        return self.scope.each[0 if part == "key" else 1]

    def list(self) -> Value:
        if not self.at_end and self.found[self.position].text == "for" and self.found[self.position].kind is Kind.NAME:
            self.skip("]")
            return NOT_KNOWN
        values: list[Value] = []
        while not self.take("]"):
            values.append(self.expression())
            if not self.take(","):
                self.need("]")
                break
        return values

    def object(self) -> Value:
        if not self.at_end and self.found[self.position].text == "for" and self.found[self.position].kind is Kind.NAME:
            self.skip("}")
            return NOT_KNOWN
        values: dict[str, Value] = {}
        while not self.take("}"):
            if self.take("("):
                key = self.expression()
                self.need(")")
            else:
                token = self.next()
                key = template(token.text, self.scope, self.depth) if token.kind is Kind.STRING else token.text
            if not self.take("=", ":"):
                raise _NotUnderstood
            value = self.expression()
            if isinstance(key, str):
                values[key] = value
            self.take(",")
        return values

    def skip(self, closing: str) -> None:
        opening, depth = {"]": "[", "}": "{"}[closing], 1
        while depth:
            token = self.next()
            depth += token.is_(opening) - token.is_(closing)

    def call(self, name: str) -> Value:
        arguments: list[Value] = []
        while not self.take(")"):
            arguments.append(self.expression())
            self.take("...")
            if not self.take(","):
                self.need(")")
                break
        if name in _HASHES:
            return arguments[0] if arguments else NOT_KNOWN
        known = _FUNCTIONS.get(name)
        if known is None or any(argument is NOT_KNOWN for argument in arguments):
            return NOT_KNOWN
        try:
            return _bounded(known(*arguments))
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, StopIteration):
            return NOT_KNOWN


def _bounded(value: Value) -> Value:
    return NOT_KNOWN if isinstance(value, str) and len(value) > _LONGEST else value


def _item(value: Value, key: Value) -> Value:
    if isinstance(value, Reference):
        return value
    if isinstance(value, dict) and isinstance(key, str):
        return value.get(key, NOT_KNOWN)
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        return value[key]
    return NOT_KNOWN


def _replace(text: str, old: str, new: str) -> str:
    if len(old) > 1 and old.startswith("/") and old.endswith("/"):
        if not _SIMPLE.fullmatch(old[1:-1]):
            raise ValueError
        return re.sub(old[1:-1], lambda match: new, text)
    return text.replace(old, new)


def _format(pattern: str, *values: Value) -> str:
    waiting = [text_of(value) for value in values]
    return re.sub(r"%(.?)", lambda match: "%" if match[1] == "%" else _formatted(match[1], waiting), pattern)


def _formatted(verb: str, waiting: list[str]) -> str:
    if verb not in ("s", "v", "d"):
        raise ValueError
    return waiting.pop(0)


_FUNCTIONS: Mapping[str, Callable[..., Value]] = {
    "abspath": lambda path: path,
    "basename": lambda path: posixpath.basename(path.rstrip("/")),
    "coalesce": lambda *values: next(value for value in values if value not in ("", None)),
    "dirname": posixpath.dirname,
    "format": _format,
    "join": lambda separator, parts: separator.join(map(text_of, parts)),
    "keys": lambda table: sorted(table),
    "lookup": lambda table, key, default=NOT_KNOWN: table.get(key, default),
    "lower": lambda text: text.lower(),
    "merge": lambda *tables: {key: value for table in tables for key, value in table.items()},
    "pathexpand": lambda path: path,
    "replace": _replace,
    "tolist": list,
    "tomap": dict,
    "toset": list,
    "tostring": text_of,
    "trimspace": lambda text: text.strip(),
    "trimsuffix": lambda text, end: text.removesuffix(end),
    "upper": lambda text: text.upper(),
}
