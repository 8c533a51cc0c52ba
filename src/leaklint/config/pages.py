"""What is said of the keys: their pages, and what the settings of a file are and where they come from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leaklint.config.keys import KEYS, Key
from leaklint.config.layers import Layer

ADDED_UP = frozenset({"ignore", "extend-select", "extend-ignore", "extend-exclude", "resource"})
"""keys of which the values of all layers count; those about rules only since the last ``select``"""
_ABOUT_RULES = frozenset({"select", "ignore", "extend-select", "extend-ignore"})


def page(key: Key) -> str:
    """The page of a key, as Markdown."""
    facts = [f"Takes {key.kind.words}.", f"Default: `{key.default}`." if key.default != "none" else "Default: none."]
    if key.option:
        variable = f"LEAKLINT_{key.option.removeprefix('--').upper().replace('-', '_')}"
        facts.append(f"Option: `{key.option}`, or the variable `{variable}`.")
    if key.of_run:
        facts.append("Read once for a run, from the configuration of the current folder.")
    return f"### `{key.name}`\n\n{key.help}\n\n{' '.join(facts)}\n\n```toml\n{key.example}\n```\n"


def shown(stack: Sequence[Layer]) -> Iterator[tuple[Key, Any, list[str]]]:
    """Each key with its value, as a file would say it, and where it comes from; of no value that nothing sets it."""
    since = max((number for number, layer in enumerate(stack) if "select" in layer.values), default=0)
    for key in KEYS:
        counted = stack[since:] if key.name in _ABOUT_RULES else stack
        saying = [layer for layer in counted if key.name in layer.values]
        if key.name not in ADDED_UP:
            saying = saying[-1:]
        value: Any = None
        for layer in saying:
            written = key.kind.write(layer.values[key.name])
            value = written if value is None else value + written
        yield key, value, [layer.origin(key.name) for layer in saying]


def toml(value: Any) -> str:
    """A value in one line of TOML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[\w-]+", key, re.ASCII) else toml(key)
