"""Writing to the standard streams and to files, so that a closed pipe ends quietly and a full disk is an error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

import click


def emit(lines: Iterable[str]) -> None:
    """Write lines to standard output. A reader that went away is no error: the rest is dropped.

    Raises click.ClickException when the stream cannot take them for another reason.
    """
    stream = sys.stdout
    if stream is None:
        return
    try:
        for line in lines:
            stream.write(line + "\n")
        stream.flush()
    except BrokenPipeError:
        _silence(stream.fileno())
    except OSError as error:
        _silence(stream.fileno())
        raise click.ClickException(f"cannot write to standard output: {error.strerror or error}") from error


def save(lines: Iterable[str], path: str) -> None:
    """Write lines to the file ``path`` as UTF-8. Raises click.ClickException when that is not possible."""
    try:
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
    except OSError as error:
        raise click.ClickException(f"cannot write {click.format_filename(path)}: {error.strerror or error}") from error


def say(text: str) -> None:
    """Write a line to standard error, if it is still there."""
    try:
        click.echo(text, err=True)
    except OSError:
        if sys.stderr is not None:
            _silence(sys.stderr.fileno())


def output_encoding() -> str:
    """The encoding of standard output, ``ascii`` when it is not known."""
    return getattr(sys.stdout, "encoding", None) or "ascii"


def colours() -> bool:
    """Whether standard output is to be coloured."""
    from leaklint.report.colour import wanted

    return sys.stdout is not None and wanted(os.environ, terminal=sys.stdout.isatty())


def _silence(descriptor: int) -> None:
    """Let what is still buffered for ``descriptor`` go nowhere, so that no flush at exit fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
