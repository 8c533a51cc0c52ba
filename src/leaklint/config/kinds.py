"""The kinds of values that keys take: how each is read, and how a JSON schema says it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from leaklint.config.problems import Wrong, meant, unknown_rule

Table = Mapping[str, Any]


class Knowledge(Protocol):
    """What values are judged by that configuration does not know itself."""

    def rules(self) -> Mapping[str, str]:
        """The names of all rules by their codes."""

    def check_resources(self, tables: Sequence[Table]) -> None:
        """Raise Wrong for tables that describe no resources."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a key takes."""

    words: str
    """as messages and pages call it"""
    read: Callable[[Any, str, Knowledge], Any]
    """(value as TOML gives it, folder from which paths count, knowledge) -> value; raises Wrong"""
    schema: Callable[[Knowledge], dict[str, Any]]
    write: Callable[[Any], Any] = lambda value: value
    """what `read` returned as a file could have said it, of which lists and tables can be added up"""


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{value}`" if isinstance(value, str | int | float) else _CALLED.get(type(value), type(value).__name__)


_CALLED: dict[type, str] = {list: "a list", dict: "a table"}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"expected a string, got {_shown(value)}")
    if not value:
        raise Wrong("expected a string that is not empty")
    if "\0" in value:
        raise Wrong("expected a string without NUL")
    return value


def _texts(value: object) -> list[str]:
    if not isinstance(value, list):
        raise Wrong(f"expected a list of strings, got {_shown(value)}")
    for number, item in enumerate(value):
        try:
            _text(item)
        except Wrong as problem:
            raise Wrong(str(problem), number) from None
    return value


def _flag(value: object, base: str, knowledge: Knowledge) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"expected true or false, got {_shown(value)}")
    return value


def _count(value: object, base: str, knowledge: Knowledge) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Wrong(f"expected a number of 1 or more, got {_shown(value)}")
    return value


def _path(value: object, base: str, knowledge: Knowledge) -> str:
    return os.path.join(base, os.path.expanduser(_text(value)))


def _selectors(value: object, base: str, knowledge: Knowledge) -> tuple[str, ...]:
    found = []
    for number, item in enumerate(_texts(value)):
        selector = item.strip().upper()
        rules = knowledge.rules()
        if selector != "ALL" and not (selector and any(code.startswith(selector) for code in rules)):
            raise Wrong(unknown_rule(item, rules), number)
        found.append("" if selector == "ALL" else selector)
    return tuple(found)


def _selectors_schema(knowledge: Knowledge) -> dict[str, Any]:
    codes = knowledge.rules()
    prefixes = sorted({code[:length] for code in codes for length in range(2, len(code) + 1)})
    return {"type": "array", "items": {"type": "string", "enum": ["ALL", *prefixes]}}


def _patterns(value: object, base: str, knowledge: Knowledge) -> tuple[tuple[str, str], ...]:
    """Each pattern with the folder from which it counts."""
    return tuple((base, _pattern(item, number)) for number, item in enumerate(_texts(value)))


def _pattern(pattern: str, *within: str | int) -> str:
    from leaklint.config.globs import Globs

    try:
        Globs(os.sep, [pattern.removeprefix("!")])
    except re.error as problem:
        raise Wrong(f"`{pattern}` is no pattern: {problem.msg}", *within) from None
    return pattern


def _ignored_in(value: object, base: str, knowledge: Knowledge) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise Wrong(f"expected a table of lists of rules by patterns, got {_shown(value)}")
    found = []
    for pattern, selectors in value.items():
        try:
            found.append((base, _pattern(pattern), _selectors(selectors, base, knowledge)))
        except Wrong as problem:
            raise Wrong(str(problem), pattern, *problem.within) from None
    return tuple(found)


_HANDLER = re.compile(r"[^:]+\.py:[^\W\d]\w*(?:\.[^\W\d]\w*)*|[^\W\d]\w*(?:\.[^\W\d]\w*)+")


def _handlers(value: object, base: str, knowledge: Knowledge) -> tuple[str, ...]:
    for number, item in enumerate(_texts(value)):
        if _HANDLER.fullmatch(item) is None:
            raise Wrong(f"expected `path.py:function` or `module.function`, got `{item}`", number)
    return tuple(_texts(value))


def _resources(value: object, base: str, knowledge: Knowledge) -> tuple[Table, ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Wrong(f"expected tables [[resource]], got {_shown(value)}")
    knowledge.check_resources(value)
    return tuple(value)


_COMPARISON = re.compile(r"(==|!=|>=|<=|~=|>|<)?\s*(\d+(?:\.\d+)*)(\.\*)?")


def _version(value: object, base: str, knowledge: Knowledge) -> str:
    for part in _text(value).split(","):
        match = _COMPARISON.fullmatch(part.strip())
        if match is None or (match[3] and match[1] not in ("==", "!=")) or (match[1] == "~=" and "." not in match[2]):
            raise Wrong(f"expected a version or comparisons like `>=0.1,<1`, got `{value}`")
    return _text(value)


def satisfied(requirement: str, version: str) -> bool:
    """Whether ``version``, numbers with dots, meets the comma list of comparisons ``requirement``."""
    return all(_meets(part.strip(), _numbers(version)) for part in requirement.split(","))


def _meets(comparison: str, version: tuple[int, ...]) -> bool:
    match = _COMPARISON.fullmatch(comparison)
    assert match is not None, comparison
    wanted = _numbers(match[2])
    written = match[2].count(".") + 1
    if match[1] == "~=":
        return version >= wanted and version[: written - 1] == wanted[: written - 1]
    if match[3]:
        wanted = wanted[:written]
        version = version[:written]
    return {
        "==": version == wanted,
        "!=": version != wanted,
        ">=": version >= wanted,
        "<=": version <= wanted,
        ">": version > wanted,
        "<": version < wanted,
    }[match[1] or "=="]


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a release, padded so that ``1`` and ``1.0.0`` are equal; what follows them does not count."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = tuple(map(int, match[0].split("."))) if match is not None else ()
    return (*numbers, 0, 0, 0, 0)[: max(4, len(numbers))]


FLAG = Kind("`true` or `false`", _flag, lambda _: {"type": "boolean"})
COUNT = Kind("a number of 1 or more", _count, lambda _: {"type": "integer", "minimum": 1})
PATH = Kind("a path", _path, lambda _: {"type": "string", "minLength": 1})
SELECTORS = Kind(
    "a list of rule codes, prefixes of codes, or `ALL`",
    _selectors,
    _selectors_schema,
    lambda value: [selector or "ALL" for selector in value],
)
PATTERNS = Kind(
    "a list of patterns",
    _patterns,
    lambda _: {"type": "array", "items": {"type": "string", "minLength": 1}},
    lambda value: [pattern for _, pattern in value],
)
IGNORED_IN = Kind(
    "a table of lists of rule codes by patterns",
    _ignored_in,
    lambda knowledge: {"type": "object", "additionalProperties": _selectors_schema(knowledge)},
    lambda value: {pattern: [selector or "ALL" for selector in selectors] for _, pattern, selectors in value},
)
HANDLERS = Kind(
    "a list of `path.py:function` or `module.function`",
    _handlers,
    lambda _: {"type": "array", "items": {"type": "string", "pattern": f"^(?:{_HANDLER.pattern})$"}},
    list,
)
RESOURCES = Kind("tables", _resources, lambda _: {"type": "array", "items": {"$ref": "#/definitions/resource"}}, list)
VERSION = Kind("a version, or comparisons with commas", _version, lambda _: {"type": "string", "minLength": 1})


def choice(values: Sequence[str], kind: type[Enum] | None = None) -> Kind:
    """One of ``values``, made into a member of ``kind`` if one is given."""

    def read(value: object, base: str, knowledge: Knowledge) -> Any:
        if _text(value) not in values:
            raise Wrong(f"expected {_or(values)}, got `{value}`{meant(str(value), values)}")
        return kind(value) if kind is not None else value

    return Kind(
        _or(values),
        read,
        lambda _: {"type": "string", "enum": list(values)},
        lambda value: value.value if isinstance(value, Enum) else value,
    )


def _or(values: Sequence[str]) -> str:
    *most, last = (f"`{value}`" for value in values)
    return f"{', '.join(most)} or {last}"
