"""From a TOML table to a catalogue entry: every field is checked, and every complaint names file, entry and field.

The tables have the field names of the classes in `leaklint.catalogue.model`, with ``with`` for ``with_`` and ``is``
for ``is_``. A release is a list of alternatives; each is one step, or a list of steps that are all owed. A step is
written as the code that makes it: ``close``, ``connection_pool.disconnect``, ``await aclose``, ``os.close(_)`` (a free
function that gets the resource), ``await owner.release(_)`` (a method of the resource's owner).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar

from leaklint.catalogue.model import (
    KINDS,
    Advice,
    Cache,
    Condition,
    Effect,
    Exit,
    Function,
    Resource,
    Step,
    Tier,
    Value,
)
from leaklint.config.problems import meant

E = TypeVar("E", bound=Enum)
Converter = Callable[[Any], Any]

_NAME = r"[^\W\d]\w*"
_IDENTIFIER = re.compile(_NAME)
_DOTTED = re.compile(rf"{_NAME}(?:\.{_NAME})*")
_FUNCTION_NAME = re.compile(rf"(?:\*\.)?{_NAME}(?:\.{_NAME})*")
_ID = re.compile(r"[A-Za-z0-9_][\w.-]*")
_ARGUMENT = re.compile(rf"{_NAME}|\d+|{_NAME}/\d+")
_EFFECT_ARGUMENT = re.compile(rf"{_NAME}|\d+|{_NAME}/\d+|\*")
_PART = re.compile(rf"(?:\[\d+\]|\['{_NAME}'\]|\.{_NAME})?")
_RANGE = re.compile(r"(?:<|<=|>|>=)\d+\.\d+(?:,(?:<|<=|>|>=)\d+\.\d+)*")
_STEP = re.compile(rf"(?P<awaited>await )?(?P<call>{_NAME}(?:\.{_NAME})*)(?P<given>\(_\))?")
_TESTS = frozenset({"true", "false", "present", "absent", "made", "paired", "pipe", "memory", "not-memory", "string"})
_TESTS_WITH_TEXT = ("contains:", "equals:")
EVIDENCE = ("measured", "measured-stub", "source-read", "docs")


class CatalogueError(ValueError):
    """An entry of the catalogue is wrong; the message names the file, the entry and the field.

    ``label`` is the entry's id or type, ``field`` the field, each empty where the message is about no single one.
    """

    def __init__(self, message: str, label: str = "", field: str = "") -> None:
        super().__init__(message)
        self.label = label
        self.field = field


def parse_resource(table: Mapping[str, Any], source: str) -> Resource:
    """Return the resource that ``table`` describes; ``source`` names its file in complaints.

    Raises CatalogueError for an unknown, missing or malformed field, and for an entry that contradicts itself.
    """
    where = _where("resource", table, "id", source)
    resource: Resource = Resource(**_fields(table, _RESOURCE, REQUIRED, where))
    _check_consistency(resource, where)
    return resource


def parse_function(table: Mapping[str, Any], source: str) -> Function:
    """Return the callables that ``table`` describes. Raises CatalogueError as `parse_resource` does."""
    return Function(**_fields(table, _FUNCTION, ("names", "effect"), _where("function", table, "effect", source)))


def parse_value(table: Mapping[str, Any], source: str) -> Value:
    """Return the type that ``table`` describes. Raises CatalogueError as `parse_resource` does."""
    return Value(**_fields(table, _VALUE, ("type", "made_by"), _where("value", table, "type", source)))


def _where(kind: str, table: object, label: str, source: str) -> str:
    if not isinstance(table, Mapping):
        raise CatalogueError(f"{source}: {kind}: expected a table, got {table!r}")
    return f"{source}: {kind} {table.get(label, '(unnamed)')!r}"


def _wrong(where: str, field: str, problem: str) -> CatalogueError:
    return CatalogueError(f"{where}: field {field!r}: {problem}", field=field)


def _fields(
    table: Mapping[str, Any], converters: Mapping[str, tuple[str, Converter]], required: tuple[str, ...], where: str
) -> dict[str, Any]:
    """Convert the fields that are there; the dataclass supplies the defaults of those that are not."""
    arguments: dict[str, Any] = {}
    for key, value in table.items():
        known = converters.get(key)
        if known is None:
            hint = meant(key, converters) or f"; known are {', '.join(sorted(converters))}"
            raise _wrong(where, key, f"unknown{hint}")
        name, convert = known
        try:
            arguments[name] = convert(value)
        except ValueError as problem:
            raise _wrong(where, key, str(problem)) from None
    for key in required:
        if key not in table:
            raise _wrong(where, key, "missing")
    return arguments


def _check_consistency(resource: Resource, where: str) -> None:
    if not resource.acquire:
        raise _wrong(where, "acquire", "empty, so nothing acquires it")
    if not resource.parts:
        raise _wrong(where, "parts", "empty, so no part of the result is a resource")
    if resource.argument and resource.parts != ("",):
        raise _wrong(where, "parts", "'argument' says that the result is no resource")
    if not (resource.release or resource.with_.releases or resource.async_with.releases):
        raise _wrong(where, "release", "empty, and neither 'with' nor 'async_with' releases")
    if resource.hint and not any("." in name for name in resource.acquire):
        raise _wrong(where, "hint", "only an acquisition by a method has a receiver")
    for steps in resource.release:
        for step in steps:
            if step.form == "owner" and not (resource.owner or resource.argument):
                problem = f"{step.call!r} is a method of the owner, but 'owner' is missing"
                raise _wrong(where, "release", problem)
    alone = {steps[0].call for steps in resource.release if len(steps) == 1}
    for field, names in (("looks_like", resource.looks_like), ("finishes", resource.finishes)):
        both = alone.intersection(names)
        if both:
            raise _wrong(where, field, f"{min(both)!r} is a release of its own")


# Converters: each returns the value of a field or raises ValueError saying what is wrong with it.


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected a string, got {value!r}")
    return value


def _filled(value: object) -> str:
    if not _text(value):
        raise ValueError("expected a string that is not empty")
    return str(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"expected a count, got {value!r}")
    return value


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    fits = pattern.fullmatch

    def convert(value: object) -> str:
        if not isinstance(value, str) or fits(value) is None:
            raise ValueError(f"expected {what}, got {value!r}")
        return value

    return convert


def _one_of(allowed: frozenset[str] | tuple[str, ...]) -> Callable[[object], str]:
    def convert(value: object) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"expected one of {', '.join(sorted(allowed))}, got {value!r}")
        return value

    return convert


def _member(kind: type[E]) -> Callable[[object], E]:
    by_value = {member.value: member for member in kind}

    def convert(value: object) -> E:
        if not isinstance(value, str) or value not in by_value:
            raise ValueError(f"expected one of {', '.join(by_value)}, got {value!r}")
        return by_value[value]

    return convert


def _list(convert: Converter) -> Converter:
    def convert_all(value: object) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise ValueError(f"expected a list, got {value!r}")
        items = tuple(convert(item) for item in value)
        if len(set(items)) != len(items):
            raise ValueError(f"the same item twice in {value!r}")
        return items

    return convert_all


def _table(converters: Mapping[str, tuple[str, Converter]], required: tuple[str, ...], build: Converter) -> Converter:
    """A converter of a table inside an entry; its complaints name the inner field."""

    def convert(value: object) -> Any:
        if not isinstance(value, Mapping):
            raise ValueError(f"expected a table, got {value!r}")
        arguments: dict[str, Any] = {}
        for key, item in value.items():
            if key not in converters:
                raise ValueError(f"{key!r} is unknown; known are {', '.join(sorted(converters))}")
            name, convert_item = converters[key]
            try:
                arguments[name] = convert_item(item)
            except ValueError as problem:
                raise ValueError(f"{key!r}: {problem}") from None
        for key in required:
            if key not in value:
                raise ValueError(f"{key!r} is missing")
        return build(arguments)

    return convert


def _test(value: object) -> str:
    text = _text(value)
    if text in _TESTS or any(text.startswith(prefix) and text != prefix for prefix in _TESTS_WITH_TEXT):
        return text
    raise ValueError(f"expected one of {', '.join(sorted(_TESTS))}, contains:TEXT or equals:TEXT, got {text!r}")


def _step(value: object) -> Step:
    match = _STEP.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"expected a step like 'close', 'await close', 'os.close(_)' or 'owner.putconn(_)', got {value!r}"
        )
    call, awaited = match["call"], match["awaited"] is not None
    if match["given"] is None:
        return Step(call, "method", awaited)
    if call.startswith("owner."):
        return Step(call.removeprefix("owner."), "owner", awaited)
    return Step(call, "function", awaited)


def _steps(value: object) -> tuple[Step, ...]:
    if not isinstance(value, list | tuple):
        return (_step(value),)
    if not value:
        raise ValueError("an alternative without a step")
    return tuple(_step(item) for item in value)


def _receivers(value: object) -> tuple[str, ...]:
    """Receivers are known by their last name: ``self.conn`` and ``conn`` are one."""
    names = _list(_matching(_DOTTED, "the name of a receiver"))(value)
    return tuple(dict.fromkeys(name.rpartition(".")[2] for name in names))


def _tiers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a table, got {value!r}")
    tier = _member(Tier)
    for versions, name in value.items():
        if _RANGE.fullmatch(versions) is None:
            raise ValueError(f"expected a range of Python versions like '<3.11', got {versions!r}")
        tier(name)
    return dict(value)


_identifier = _matching(_IDENTIFIER, "a name")
_dotted = _matching(_DOTTED, "a dotted name")
_maker = _matching(re.compile(rf"{_DOTTED.pattern}(?:\.\*)?"), "a dotted name, or a type and '.*'")
_optional_dotted = _matching(re.compile(rf"(?:{_DOTTED.pattern})?"), "a dotted name or an empty string")
_condition = _table(
    {
        "argument": ("argument", _matching(_ARGUMENT, "a keyword, a position or keyword/position")),
        "is": ("is_", _test),
        "default": ("default", _flag),
    },
    ("argument", "is"),
    lambda arguments: Condition(**arguments),
)
_cache = _table(
    {
        "advice": ("advice", _member(Advice)),
        "why": ("why", _text),
        "heals": ("heals", _list(_filled)),
        "bounds": ("bounds", _list(_filled)),
        "loop": ("loop", _flag),
        "reopens": ("reopens", _flag),
    },
    ("advice",),
    lambda arguments: Cache(**arguments),
)

REQUIRED = ("id", "kind", "noun", "package", "type", "acquire", "release")
_RESOURCE: dict[str, tuple[str, Converter]] = {
    "id": ("id", _matching(_ID, "an id of letters, digits, '.', '-' and '_'")),
    "kind": ("kind", _one_of(KINDS)),
    "noun": ("noun", _filled),
    "package": ("package", _dotted),
    "type": ("type", _optional_dotted),
    "acquire": ("acquire", _list(_matching(_FUNCTION_NAME, "a dotted name, or '*.' and the name of a method"))),
    "release": ("release", _list(_steps)),
    "also": ("also", _list(_dotted)),
    "awaited": ("awaited", _flag),
    "when": ("when", _list(_condition)),
    "beside": ("beside", _flag),
    "argument": ("argument", _matching(_ARGUMENT, "a keyword, a position or keyword/position")),
    "runs": ("runs", _flag),
    "asked_by": ("asked_by", _list(_identifier)),
    "parts": ("parts", _list(_matching(_PART, "a part like '', '[0]', '.name' or \"['Body']\""))),
    "starts": ("starts", _list(_identifier)),
    "owns": ("owns", _list(_matching(_ARGUMENT, "a keyword, a position or keyword/position"))),
    "owner": ("owner", _dotted),
    "owner_releases": ("owner_releases", _flag),
    "with": ("with_", _member(Exit)),
    "async_with": ("async_with", _member(Exit)),
    "with_also": ("with_also", _filled),
    "enter": ("enter", _dotted),
    "again": ("again", _one_of(("ok", "raises"))),
    "looks_like": ("looks_like", _list(_dotted)),
    "alive": ("alive", _list(_dotted)),
    "finishes": ("finishes", _list(_dotted)),
    "finishes_read": ("finishes_read", _list(_dotted)),
    "tier": ("tier", _member(Tier)),
    "server": ("server", _flag),
    "lazy": ("lazy", _flag),
    "finishes_raising": ("finishes_raising", _flag),
    "threads": ("threads", _flag),
    "descriptors": ("descriptors", _count),
    "data_loss": ("data_loss", _flag),
    "write_when": ("write_when", _list(_condition)),
    "cache": ("cache", _cache),
    "hint": ("hint", _receivers),
    "tiers": ("tiers", _tiers),
    "evidence": ("evidence", _one_of(EVIDENCE)),
    "version": ("version", _filled),
    "note": ("note", _filled),
}
_FUNCTION: dict[str, tuple[str, Converter]] = {
    "names": ("names", _list(_matching(_FUNCTION_NAME, "a dotted name, or '*.' and the name of a method"))),
    "effect": ("effect", _member(Effect)),
    "argument": ("argument", _matching(_EFFECT_ARGUMENT, "a keyword, a position, keyword/position or '*'")),
    "note": ("note", _filled),
}
_VALUE: dict[str, tuple[str, Converter]] = {
    "type": ("type", _dotted),
    "made_by": ("made_by", _list(_maker)),
    "also": ("also", _list(_dotted)),
    "operators": ("operators", _flag),
}
