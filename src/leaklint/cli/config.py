"""``leaklint config``: the keys of the configuration, and the settings of a file with where each comes from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli.options import configuration, configured
from leaklint.cli.output import emit, output_encoding

if TYPE_CHECKING:
    from leaklint.config.resolve import Resolved
    from leaklint.config.settings import Settings


def _keys(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The keys, for completion in a shell."""
    from leaklint.config.keys import KEYS

    return [key.name for key in KEYS if key.name.startswith(incomplete)]


@click.command("config", short_help="Explain the configuration.", context_settings={"auto_envvar_prefix": "LEAKLINT"})
@click.argument("key", required=False, shell_complete=_keys)
@click.option("--show", metavar="FILE", help="Show the settings of this file, or folder, and where each comes from.")
@click.option("--schema", is_flag=True, help="Print a JSON schema for editors.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    allow_from_autoenv=False,
    help="How keys and settings are written.",
)
@configured
def command(key: str | None, show: str | None, schema: bool, output_format: str, **overrides: Any) -> int:
    """Explain KEY of leaklint.toml or [tool.leaklint], or list all keys.

    With --show, the options below and the LEAKLINT_ variables override the configuration as they do for check.
    """
    if sum((key is not None, show is not None, schema)) > 1:
        raise click.UsageError("KEY, --show and --schema exclude each other")
    if schema:
        import json

        from leaklint import configure

        emit(json.dumps(configure.schema(), indent=2).split("\n"))
        return 0
    machine = output_format == "json"
    if show is not None:
        lines = _shown(show, overrides, machine)
    elif key is not None:
        lines = _explained(key, machine)
    else:
        lines = _listed(machine)
    encoding = output_encoding()
    emit(line.encode(encoding, "backslashreplace").decode(encoding) for line in lines)
    return 0


def _listed(machine: bool) -> Iterator[str]:
    from leaklint.config.keys import KEYS

    if machine:
        yield from _document([_plain(key) for key in KEYS])
        return
    width = max(len(key.name) for key in KEYS)
    for key in KEYS:
        yield f"{key.name:<{width}}  {re.split(r'[.:;](?: |$)', key.help.replace('`', ''))[0]}"


def _explained(name: str, machine: bool) -> Iterator[str]:
    from leaklint.config.keys import BY_NAME
    from leaklint.config.pages import page
    from leaklint.config.problems import meant

    key = BY_NAME.get(name)
    if key is None:
        raise click.UsageError(f"unknown key `{name}`{meant(name, BY_NAME)}")
    return _document(_plain(key)) if machine else iter(page(key).rstrip("\n").split("\n"))


def _plain(key: Any) -> dict[str, Any]:
    return {
        "key": key.name,
        "takes": key.kind.words,
        "default": None if key.default == "none" else key.default,
        "help": key.help,
        "example": key.example,
        "option": key.option or None,
    }


def _shown(path: str, overrides: dict[str, Any], machine: bool) -> Iterator[str]:
    from leaklint.config.problems import ConfigurationError

    chosen = configuration(**overrides)
    try:
        if os.path.isdir(path):
            found = chosen.of_folder(os.path.realpath(path))
            settings = found.settings
        else:
            place = chosen.place(path)
            found = chosen.of_folder(os.path.dirname(place))
            settings = found.settings_of(place)
    except ConfigurationError as problem:
        raise click.ClickException(str(problem)) from None
    return _settings(found, settings, machine)


def _settings(found: Resolved, settings: Settings, machine: bool) -> Iterator[str]:
    from leaklint.config.pages import shown, toml
    from leaklint.rules import RULES
    from leaklint.select import on, selected

    running = [rule.code for rule in on(RULES, settings) if selected(rule.code, settings)]
    if machine:
        values = {
            key.name: {"value": value if origins else None, "default": key.default, "origins": origins}
            for key, value, origins in shown(found.stack)
        }
        yield from _document({"settings": values, "rules": running})
        return
    for key, value, origins in shown(found.stack):
        if origins:
            yield f"{key.name} = {toml(value)}  # {', '.join(origins)}"
        elif key.default == "none":
            yield f"# {key.name} is not set"
        else:
            yield f"{key.name} = {key.default}  # default"
    yield f"# rules that run: {', '.join(running) or 'none'}"


def _document(value: Any) -> Iterator[str]:
    import json

    return iter(json.dumps(value, indent=2).split("\n"))
