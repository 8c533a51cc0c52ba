"""``leaklint handlers``: which functions are handlers, and why they are thought to be."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli.output import emit, output_encoding, say

if TYPE_CHECKING:
    from leaklint.handlers.listing import Listed
    from leaklint.handlers.model import Note

SCHEMA_VERSION = 1
"""grows when a key changes its meaning or goes; new keys may come without"""

_HEADINGS = ("HANDLER", "WHERE", "RUNTIME", "MEMORY", "PROVISIONED", "RESERVED", "SNAPSTART", "REACHES", "FOUND")


@click.command("handlers", short_help="List the Lambda handlers of a project.")
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=str))
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to list them."
)
@click.option("-q", "--quiet", is_flag=True, help="Do not say what could not be followed.")
def command(paths: tuple[str, ...], output_format: str, quiet: bool) -> int:
    """List the handlers in PATHS, files or folders (the current folder if none is given).

    What declares them is looked for in the whole project around PATHS, whose configuration may name more of them, or
    say that those are all. A path that is missing exits with 2.
    """
    listed, notes = _collect(paths or (".",))
    if output_format == "json":
        import json

        emit(json.dumps(_document(listed, notes), indent=2).split("\n"))
    else:
        encoding = output_encoding()
        emit(line.encode(encoding, "backslashreplace").decode(encoding) for line in _table(listed))
    if not quiet:
        if not listed:
            say("no handlers found")
        for path, note in notes:
            say(f"{path}:{note.line}: {note.message}" if note.line else f"{path}: {note.message}")
    return 0


def _collect(paths: Sequence[str]) -> tuple[list[tuple[str, Listed]], list[tuple[str, Note]]]:
    """The handlers and notes of the projects around ``paths``, each with the root of its project."""
    from leaklint.cli.options import configuration
    from leaklint.config.problems import ConfigurationError
    from leaklint.handlers.listing import listing
    from leaklint.handlers.root import project_root

    chosen = configuration()

    asked: dict[str, list[str]] = {}
    for path in paths:
        asked.setdefault(project_root(path), []).append(os.path.realpath(path))
    listed: list[tuple[str, Listed]] = []
    notes: list[tuple[str, Note]] = []
    for root, inside in asked.items():
        try:
            found, said = listing(root, chosen.of_folder(root).settings)
        except ConfigurationError as problem:
            raise click.ClickException(str(problem)) from None
        listed.extend((root, one) for one in found if _below(os.path.join(root, one.handler.path), inside))
        notes.extend((_shown(root, note.path), note) for note in said)
    return listed, notes


def _below(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(os.path.join(folder, "")) for folder in folders)


def _shown(root: str, path: str) -> str:
    """A path of a project as it is to be opened from here."""
    here = os.path.join(root, *path.split("/")) if path != "." else root
    try:
        return os.path.relpath(here)
    except ValueError:  # another drive
        return here


def _table(listed: Sequence[tuple[str, Listed]]) -> Iterator[str]:
    if not listed:
        return
    rows = [_HEADINGS, *(_row(root, one) for root, one in listed)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    used = [column for column in range(len(_HEADINGS)) if any(row[column] for row in rows[1:])]
    for row in rows:
        yield "  ".join(f"{row[column]:<{widths[column]}}" for column in used).rstrip()


def _row(root: str, one: Listed) -> tuple[str, ...]:
    handler = one.handler
    return (
        handler.function,
        f"{_shown(root, handler.path)}:{handler.line}",
        handler.runtime,
        _number(handler.memory, " MB"),
        _number(handler.provisioned),
        _number(handler.reserved),
        "yes" if handler.snapstart else "",
        ", ".join(one.acquires),
        handler.reason,
    )


def _number(number: int | None, unit: str = "") -> str:
    """A number of a template: nothing where none is said, ``?`` where an expression says it."""
    if number is None:
        return ""
    return f"{number}{unit}" if number >= 0 else "?"


def _document(listed: Sequence[tuple[str, Listed]], notes: Sequence[tuple[str, Note]]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "handlers": [_plain(root, one) for root, one in listed],
        "notes": [
            {"path": _text(path), "line": note.line or None, "message": _text(note.message)} for path, note in notes
        ],
    }


def _plain(root: str, one: Listed) -> dict[str, Any]:
    handler = one.handler
    return {
        "function": _text(handler.function),
        "path": _text(_shown(root, handler.path)),
        "line": handler.line,
        "source": handler.source,
        "reason": _text(handler.reason),
        "template": _text(_shown(root, handler.template)) if handler.template else None,
        "template_line": handler.template_line or None,
        "inline": one.inline,
        "code_root": _text(_shown(root, handler.code_root)),
        "runtime": _text(handler.runtime) or None,
        "memory": _known(handler.memory),
        "timeout": _known(handler.timeout),
        "provisioned": _known(handler.provisioned),
        "reserved": _known(handler.reserved),
        "snapstart": handler.snapstart,
        "reaches": list(one.reaches),
        "acquires": list(one.acquires),
    }


def _known(number: int | None) -> int | str | None:
    return "unknown" if number is not None and number < 0 else number


def _text(text: str) -> str:
    """``text`` without lone surrogates, which no reader of JSON has to accept."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
