"""What a run checks: paths, lists of paths, standard input."""

from __future__ import annotations

import errno
import os
import sys
from typing import TYPE_CHECKING

import click

from leaklint.cli.progress import watch

if TYPE_CHECKING:
    from leaklint.config.resolve import Configuration
    from leaklint.result import Outcome, Report
    from leaklint.run import Check

_STDIN = "-"


def analyse(
    paths: tuple[str, ...],
    files_from: str | None,
    stdin_filename: str | None,
    chosen: Configuration,
    *,
    jobs: int,
    quiet: bool,
    check: Check | None = None,
) -> Report:
    """Check ``paths`` and those that the file ``files_from`` names, standard input, or else the current folder.

    ``jobs`` and ``check`` are those of `leaklint.run.run`. Who waits at a terminal is shown how far it is, unless
    ``quiet``.

    Raises click.UsageError for what cannot be meant together, and click.ClickException for a list that cannot be read.
    """
    from leaklint.result import Report
    from leaklint.run import run

    named = (*paths, *_listed(files_from, paths)) if files_from is not None else paths
    if is_standard_input(paths, files_from, stdin_filename):
        return Report([_standard_input(stdin_filename, chosen, check)])
    if _STDIN in paths:
        raise click.UsageError("- cannot be checked together with other paths")
    if stdin_filename is not None:
        raise click.UsageError("--stdin-filename is for reading standard input, not for checking paths")
    from leaklint.discovery import discover
    from leaklint.handlers.templates import is_checked, with_code

    if not named and files_from is None:
        named = (os.curdir,)
    with watch(quiet=quiet) as heard:
        files = with_code(discover(named, chosen.of_folder, is_checked), named)
        return run(files, chosen.of_file, check, jobs=jobs, heard=heard)


def is_standard_input(paths: tuple[str, ...], files_from: str | None, stdin_filename: str | None) -> bool:
    """Whether what is checked is standard input, and nothing else."""
    return files_from is None and (paths == (_STDIN,) or (stdin_filename is not None and not paths))


def _listed(files_from: str, paths: tuple[str, ...]) -> list[str]:
    """The paths in a file, one a line or, if there is a NUL in it, NUL-separated."""
    if files_from == _STDIN and _STDIN in paths:
        raise click.UsageError("--files-from - reads from standard input what - would check")
    try:
        if files_from == _STDIN:
            data = read_input()
        else:
            with open(files_from, "rb") as stream:
                data = stream.read()
    except OSError as error:
        raise click.ClickException(f"cannot read {click.format_filename(files_from)}: {error.strerror}") from None
    names = data.split(b"\0") if b"\0" in data else data.splitlines()
    return [os.fsdecode(name) for name in names if name]


def _standard_input(name: str | None, chosen: Configuration, check: Check | None) -> Outcome:
    """The outcome of what is read, under the configuration of the file for which it stands."""
    from leaklint.config.problems import ConfigurationError
    from leaklint.result import Failed, Skipped
    from leaklint.run import check_data

    place = chosen.place(name or "")
    try:
        found = chosen.of_folder(os.path.dirname(place))
    except ConfigurationError as problem:
        return Failed(problem.path, problem.message, problem.line)
    if name is not None and found.force_exclude and found.covered(place):
        return Skipped(name, "excluded")
    try:
        data = read_input()
    except OSError as error:
        return Failed(name or "<stdin>", f"cannot read: {error.strerror}")
    return check_data(data, name or "<stdin>", found.settings_of(place) if name is not None else found.settings, check)


def read_input() -> bytes:
    """All of standard input. Raises OSError when it cannot be read, or is closed."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer.read()
