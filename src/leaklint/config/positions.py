"""On which line of a TOML file each key and each item stands: tomllib does not tell.

The text has been read by tomllib before, so it is known to be valid; what is left is to follow its structure. Strings,
comments, arrays and inline tables are passed over as TOML defines them, and keys are decoded by tomllib itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Path = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|[\w-]+|[ \t.])+")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'"
)
_BARE = re.compile(r"[^,\]}#\r\n]*")


def positions(text: str, decode: Callable[[str], dict[str, Any]]) -> dict[Path, int]:
    """The 1-based lines of all keys and items of valid TOML, by their paths: ``("tool", "leaklint", "select", 0)``.

    ``decode`` is `tomllib.loads`.
    """
    return _Reader(text, decode).read()


class _Reader:
    def __init__(self, text: str, decode: Callable[[str], dict[str, Any]]) -> None:
        self.text = text
        self.decode = decode
        self.at = 0
        self.found: dict[Path, int] = {}
        self._counted, self._line = 0, 1

    def read(self) -> dict[Path, int]:
        table: Path = ()
        arrays: dict[Path, int] = {}
        while self._skip(_SPACE) < len(self.text):
            if self.text[self.at] != "[":
                self._pair(table)
                continue
            double = self.text.startswith("[[", self.at)
            self.at += 2 if double else 1
            line = self.line()
            keys = self._keys()
            table = ()
            for number, key in enumerate(keys, 1):
                table = (*table, key)
                if table in arrays and not (double and number == len(keys)):
                    table = (*table, arrays[table])
            if double:
                arrays[table] = arrays.get(table, -1) + 1
                self.found.setdefault(table, line)
                table = (*table, arrays[table])
            self.found.setdefault(table, line)
            self.at += 2 if double else 1
        return self.found

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match is not None else self.at
        return self.at

    def _keys(self) -> tuple[str, ...]:
        """The parts of the dotted key that begins here."""
        self._skip(_BLANK)
        start = self.at
        value: Any = self.decode(f"{self.text[start : self._skip(_KEY)]} = 0")
        keys = []
        while isinstance(value, dict):
            ((key, value),) = value.items()
            keys.append(key)
        return tuple(keys)

    def _pair(self, table: Path) -> None:
        line = self.line()
        for key in self._keys():
            table = (*table, key)
            self.found.setdefault(table, line)
        self.at += 1  # the sign of equality
        self._value(table)

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self.at += 1
            index = 0
            while self._skip(_SPACE) < len(self.text) and self.text[self.at] != "]":
                if self.text[self.at] == ",":
                    self.at += 1
                    continue
                self.found[(*path, index)] = self.line()
                self._value((*path, index))
                index += 1
            self.at += 1
        elif first == "{":
            self.at += 1
            while self._skip(_SPACE) < len(self.text) and self.text[self.at] != "}":
                if self.text[self.at] == ",":
                    self.at += 1
                else:
                    self._pair(path)
            self.at += 1
        elif first in ("'", '"'):
            self._skip(_STRING)
        else:
            self._skip(_BARE)
