"""The configuration as it is judged by the rules and the catalogue that there are."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from leaklint.config.problems import Wrong

if TYPE_CHECKING:
    from leaklint.catalogue.schema import CatalogueError


@functools.cache
def rules() -> Mapping[str, str]:
    """The names of all rules by their codes, told from the names of their modules.

    Importing the rules would take longer than checking a file that passes no gate.
    """
    import re
    from importlib.util import find_spec
    from pkgutil import iter_modules

    package = find_spec("leaklint.rules")
    names = [module.name for module in iter_modules(package.submodule_search_locations if package else None)]
    found = filter(None, (re.fullmatch(r"(ll\d{3})_(\w+)", name) for name in sorted(names)))
    return {match[1].upper(): match[2].replace("_", "-") for match in found}


def check_resources(tables: Sequence[Mapping[str, Any]]) -> None:
    """Raise Wrong for a table that describes no resource, or one that contradicts another or the catalogue."""
    from leaklint.catalogue.load import load
    from leaklint.catalogue.schema import CatalogueError, parse_resource

    for number, table in enumerate(tables):
        try:
            parse_resource(table, "")
        except CatalogueError as problem:
            raise Wrong(_said(problem), number, problem.field) from None
    try:
        load(tables)
    except CatalogueError as problem:
        number = next((n for n, table in enumerate(tables) if table.get("id") == problem.label), 0)
        raise Wrong(_said(problem), number, problem.field) from None


def _said(problem: CatalogueError) -> str:
    """A complaint of the catalogue without its beginning, the name of its file."""
    return str(problem).partition(": ")[2]


class _Knowledge:
    """See `leaklint.config.kinds.Knowledge`, which this is."""

    rules = staticmethod(rules)
    check_resources = staticmethod(check_resources)


KNOWLEDGE = _Knowledge()


def schema() -> dict[str, Any]:
    """The JSON schema of ``leaklint.toml``, which is also that of ``[tool.leaklint]``."""
    from leaklint.catalogue.jsonschema import resource_schema
    from leaklint.config.keys import KEYS
    from leaklint.config.layers import loads

    properties = {}
    for key in KEYS:
        properties[key.name] = {"description": key.help.replace("`", ""), **key.kind.schema(KNOWLEDGE)}
        if key.default != "none":
            properties[key.name]["default"] = loads(f"default = {key.default}")["default"]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "leaklint",
        "description": "leaklint.toml, or [tool.leaklint] of pyproject.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "definitions": {"resource": resource_schema()},
    }
