"""Layers of configuration: what one file, one ``--config`` or the options set, each value with where it stands."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from leaklint import __version__
from leaklint.config.problems import ConfigurationError, Wrong, meant

if TYPE_CHECKING:
    from leaklint.config.kinds import Knowledge

OWN = "leaklint.toml"
PROJECT = "pyproject.toml"
_TABLE = ("tool", "leaklint")
_HEADER = rb"(?m)^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*leaklint[ \t]*\]"
_MAYBE = rb"(?m)^(?![ \t]*#).*\bleaklint\b[\"' \t]*[].=]"
"""what a file holds that has our table in another spelling, and few others do; compiled when there is a file"""


def _nowhere(*path: str | int) -> int:
    return 0


class Layer:
    """Values by key. ``source`` is the path of the file as messages name it, or what set them otherwise."""

    __slots__ = ("line_of", "names", "source", "values")

    def __init__(
        self,
        source: str,
        values: Mapping[str, Any],
        line_of: Callable[..., int] = _nowhere,
        names: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """``line_of`` tells the 1-based line of a key, or of a part of its value, 0 where there is none; ``names`` are
        origins of keys that have no place in a file."""
        self.source = source
        self.names = names
        self.values = values
        self.line_of = line_of

    def origin(self, key: str) -> str:
        """Where the value of a key stands: ``path:line``, or the option that says it."""
        line = self.line_of(key)
        return self.names.get(key) or (f"{self.source}:{line}" if line else self.source)


def closest(folder: str) -> str:
    """The configuration in ``folder`` itself: its ``leaklint.toml``, or ``pyproject.toml`` if that has our table.

    Empty when there is none. What cannot be read is found out by `file_layers`.
    """
    own = os.path.join(folder, OWN)
    if os.path.isfile(own):
        return own
    project = os.path.join(folder, PROJECT)
    return project if os.path.isfile(project) and _has_table(project) else ""


def _has_table(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:
        return False
    if re.search(_HEADER, data) is not None:
        return True  # and if the file is broken, that is for whoever reads it to say
    if re.search(_MAYBE, data) is None:
        return False
    try:
        return _table(loads(data.decode("utf-8"))) is not None
    except ValueError:
        return False


def file_layers(path: str, knowledge: Knowledge, base: str = "", _seen: tuple[str, ...] = ()) -> Iterator[Layer]:
    """The layers of a file, what it extends first.

    ``base`` is the folder from which its patterns count, its own unless given. Raises ConfigurationError.
    """
    shown = _shown(path)
    try:
        with open(path, "rb") as stream:
            text = stream.read().decode("utf-8-sig").replace("\r\n", "\n")
    except OSError as error:
        raise ConfigurationError(shown, 0, f"cannot read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(shown, line, "not UTF-8, as TOML must be") from None
    try:
        document = loads(text)
    except ValueError as error:
        raise ConfigurationError(shown, *_syntax(str(error), text)) from None
    prefix: tuple[str, ...] = ()
    table: Any = document
    if os.path.basename(path) == PROJECT:
        prefix, table = _TABLE, _table(document)
        if table is None:
            raise ConfigurationError(shown, 0, "has no [tool.leaklint]")
    lines = _Lines(text, prefix)
    home = os.path.dirname(os.path.realpath(path))
    yield from _layers(table, shown, lines, (home, base or home), knowledge, (*_seen, path))


def inline_layers(text: str, knowledge: Knowledge) -> Iterator[Layer]:
    """The layers of a TOML text given as an option; its paths count from the current folder.

    Raises ConfigurationError.
    """
    source = f"--config '{text}'"
    try:
        table = loads(text)
    except ValueError as error:
        raise ConfigurationError(source, 0, _syntax(str(error), text)[1]) from None
    here = os.path.realpath(os.curdir)
    yield from _layers(table, source, _nowhere, (here, here), knowledge, ())


def _layers(
    table: Any,
    source: str,
    lines: Callable[..., int],
    bases: tuple[str, str],
    knowledge: Knowledge,
    seen: tuple[str, ...],
) -> Iterator[Layer]:
    if not isinstance(table, dict):
        raise ConfigurationError(source, lines(), "expected a table")
    values = _values(table, source, lines, bases, knowledge)
    if "extend" in values:
        extended = os.path.normpath(values["extend"])
        if extended in map(os.path.normpath, seen):
            raise ConfigurationError(source, lines("extend"), "extends itself")
        if not os.path.isfile(extended):
            raise ConfigurationError(source, lines("extend"), f"extends {_shown(extended)}, which is no file")
        yield from file_layers(extended, knowledge, _seen=seen)
    yield Layer(source, values, lines)


def _values(
    table: Mapping[str, Any], source: str, lines: Callable[..., int], bases: tuple[str, str], knowledge: Knowledge
) -> dict[str, Any]:
    """The values of a table, each read by its kind; ``bases`` are the folders from which paths and patterns count.

    A version that is asked for comes first: keys may be those of another one.
    """
    from leaklint.config.keys import BY_NAME
    from leaklint.config.kinds import PATH

    values: dict[str, Any] = {}
    for name in sorted(table, key="required-version".__ne__):
        key = BY_NAME.get(name)
        if key is None:
            raise ConfigurationError(source, lines(name), f"unknown key `{name}`{meant(name, BY_NAME)}")
        try:
            values[name] = key.kind.read(table[name], bases[key.kind is not PATH], knowledge)
        except Wrong as problem:
            raise ConfigurationError(source, lines(name, *problem.within), f"`{name}`: {problem}") from None
        if name == "required-version":
            check_version(values[name], source, lines(name))
    return values


def check_version(requirement: str, source: str, line: int = 0) -> None:
    """Raise ConfigurationError unless this version of leaklint meets ``requirement``."""
    from leaklint.config.kinds import satisfied

    if not satisfied(requirement, __version__):
        raise ConfigurationError(source, line, f"asks for leaklint {requirement}; this is {__version__}")


class _Lines:
    """Lines of keys and items below a table, found when first asked for; of what has none, those of what is around."""

    def __init__(self, text: str, prefix: tuple[str, ...]) -> None:
        self._text = text
        self._prefix = prefix
        self._positions: Mapping[tuple[str | int, ...], int] | None = None

    def __call__(self, *path: str | int) -> int:
        if self._positions is None:
            from leaklint.config.positions import positions

            self._positions = positions(self._text, loads)
        whole = (*self._prefix, *path)
        return next((self._positions[whole[:n]] for n in range(len(whole), 0, -1) if whole[:n] in self._positions), 0)


def _table(document: Mapping[str, Any]) -> Any:
    """``[tool.leaklint]``, or None."""
    tool = document.get("tool")
    return tool.get("leaklint") if isinstance(tool, dict) else None


def loads(text: str) -> dict[str, Any]:
    """What a text of TOML says. Raises ValueError."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _syntax(message: str, text: str) -> tuple[int, str]:
    """The line that a complaint of tomllib names, and the complaint without it."""
    match = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if match is None:
        return 0, f"not TOML: {message}"
    return int(match[1] or text.count("\n") + 1), f"not TOML: {message[: match.start()]}"


def _shown(path: str) -> str:
    """A path as messages name it: from the current folder where it is below that."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if relative.startswith("..") else relative
