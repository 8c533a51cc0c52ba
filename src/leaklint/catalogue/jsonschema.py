"""The JSON schema of a resource's table, made from the class that it becomes and from what its fields may be."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

from leaklint.catalogue.model import KINDS, Cache, Condition, Resource
from leaklint.catalogue.schema import EVIDENCE, REQUIRED

_WRITTEN = {"with_": "with", "is_": "is"}
_STEPS = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_SPECIAL: dict[str, dict[str, Any]] = {
    "kind": {"type": "string", "enum": sorted(KINDS)},
    "again": {"type": "string", "enum": ["ok", "raises"]},
    "evidence": {"type": "string", "enum": list(EVIDENCE)},
    "release": {"type": "array", "items": {"anyOf": [{"type": "string"}, _STEPS]}},
    "descriptors": {"type": "integer", "minimum": 0},
}
"""fields of which the class does not tell all"""


def resource_schema() -> dict[str, Any]:
    """The JSON schema of ``[[resource]]``."""
    return _table(Resource, REQUIRED)


def _table(kind: type, required: tuple[str, ...]) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    properties = {
        _WRITTEN.get(field.name, field.name): _SPECIAL.get(field.name) or _schema(hints[field.name])
        for field in fields(kind)
    }
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _schema(hint: Any) -> dict[str, Any]:
    if hint is Condition:
        return _table(Condition, ("argument", "is"))
    if hint is Cache:
        return _table(Cache, ("advice",))
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"type": "string", "enum": [member.value for member in hint]}
    if typing.get_origin(hint) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(hint)[0]), "uniqueItems": True}
    if typing.get_origin(hint) is Mapping:
        return {"type": "object", "additionalProperties": _schema(typing.get_args(hint)[1])}
    return {"type": {str: "string", bool: "boolean"}[hint]}
