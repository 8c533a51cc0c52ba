"""Writing to the standard streams and to files, so that a closed pipe ends quietly and a full disk is an error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import click

_DEVICES = ("/dev/", "/proc/")
"""what is below is never replaced, also where it leads to a regular file, as /dev/stdout may"""


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
        silence(stream.fileno())
    except OSError as error:
        silence(stream.fileno())
        raise click.ClickException(f"cannot write to standard output: {error.strerror or error}") from error


def save(lines: Iterable[str], path: str) -> None:
    """Write lines to the file ``path`` as UTF-8, whole or not at all: a regular file is replaced, keeping its mode.

    A link is followed; a pipe or a device is written to. Raises click.ClickException when that is not possible.
    """
    try:
        if os.path.abspath(path).startswith(_DEVICES) or (os.path.exists(path) and not os.path.isfile(path)):
            with open(path, "a", encoding="utf-8", newline="\n") as stream:
                stream.writelines(line + "\n" for line in lines)
        else:
            from leaklint.files import replace

            replace(path, "".join(line + "\n" for line in lines).encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise click.ClickException(f"cannot write {click.format_filename(path)}: {reason}") from error


def say(text: str) -> None:
    """Write a line to standard error, if it is still there."""
    try:
        click.echo(text, err=True)
    except OSError:
        if sys.stderr is not None:
            silence(sys.stderr.fileno())


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a report is written for: its encoding, whether it takes colours and links, and its width in cells.

    A file is UTF-8 with none of them; 0 is no width.
    """

    encoding: str = "utf-8"
    coloured: bool = False
    linked: bool = False
    cells: int = 0

    @classmethod
    def of_output(cls) -> Terminal:
        """Standard output."""
        terminal = sys.stdout is not None and sys.stdout.isatty()
        if not colours():
            return cls(output_encoding(), cells=_width() if terminal else 0)
        from leaklint.report.colour import links

        linked = links(os.environ, terminal=terminal)
        return cls(output_encoding(), True, linked, _width() if terminal else 0)

    @classmethod
    def of_errors(cls) -> Terminal:
        """Standard error, without colours."""
        return cls(getattr(sys.stderr, "encoding", None) or "ascii")


def _width() -> int:
    """The width of the terminal, for which COLUMNS has the first word."""
    from shutil import get_terminal_size

    return get_terminal_size().columns


def output_encoding() -> str:
    """The encoding of standard output, ``ascii`` when it is not known."""
    return getattr(sys.stdout, "encoding", None) or "ascii"


def colours() -> bool:
    """Whether standard output is to be coloured."""
    from leaklint.report.colour import wanted

    return sys.stdout is not None and wanted(os.environ, terminal=sys.stdout.isatty())


def silence(descriptor: int) -> None:
    """Let what is still buffered for ``descriptor`` go nowhere, so that no flush at exit fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
    finally:
        os.close(nowhere)
