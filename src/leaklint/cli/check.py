"""``leaklint check``: find leaks in files and folders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from leaklint.cli import outputs, selectors
from leaklint.cli.output import say
from leaklint.cli.progress import watched
from leaklint.config import Settings
from leaklint.finding import Confidence, Severity

if TYPE_CHECKING:
    from leaklint.result import Report

_STDIN = "-"


@click.command("check", short_help="Find leaks in files and folders.")
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@click.option(
    "--output-format",
    "formats",
    type=outputs.OutputType(),
    multiple=True,
    help=f"How findings are written, and to which file: {', '.join(outputs.FORMATS)}. May be repeated.",
)
@click.option(
    "--output-file", type=click.Path(dir_okay=False), help="Write findings to this file, not to standard output."
)
@click.option("--select", multiple=True, callback=selectors.parse, help="Rules to run: codes or prefixes, with commas.")
@click.option("--ignore", multiple=True, callback=selectors.parse, help="Rules to leave out: codes or prefixes.")
@click.option(
    "--min-severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Settings().min_severity.value,
    show_default=True,
    help="Show findings of at least this severity.",
)
@click.option(
    "--min-confidence",
    type=click.Choice([confidence.value for confidence in Confidence]),
    default=Settings().min_confidence.value,
    show_default=True,
    help="Show findings of at least this confidence.",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when something is found.")
@click.option("--statistics", is_flag=True, help="Count the findings per rule instead of showing them.")
@click.option("--stdin-filename", help="The name of what is read from standard input.")
@click.option("-v", "--verbose", is_flag=True, help="Say on standard error what work was done.")
@click.option("-q", "--quiet", is_flag=True, help="Write nothing but findings and errors.")
def command(
    paths: tuple[str, ...],
    formats: tuple[outputs.Output, ...],
    output_file: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    min_severity: str,
    min_confidence: str,
    exit_zero: bool,
    statistics: bool,
    stdin_filename: str | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Find leaks in PATHS, files or folders (the current folder if none is given; - reads standard input).

    Exits with 0 when everything was analysed and nothing found, 1 when something was found, and 2 when something could
    not be done: a path is missing, a file cannot be read or parsed.
    """
    from time import perf_counter

    from leaklint.report import summary

    started = perf_counter()
    settings = Settings(
        select=select or Settings().select,
        ignore=ignore,
        min_severity=Severity(min_severity),
        min_confidence=Confidence(min_confidence),
    )
    wanted = outputs.resolve(formats, output_file, statistics=statistics)
    report = _analyse(paths, stdin_filename, settings, quiet=quiet or not outputs.for_people(wanted))
    errors = outputs.write(report, wanted, statistics=statistics)
    for line in summary.failures(report, encoding=getattr(sys.stderr, "encoding", None) or "ascii"):
        say(line)
    if not quiet:
        say(summary.summary(report))
    if verbose:
        say(summary.work(report, perf_counter() - started))
    for error in errors:
        error.show()
    return 2 if errors else report.exit_code(exit_zero=exit_zero)


def _analyse(paths: tuple[str, ...], stdin_filename: str | None, settings: Settings, *, quiet: bool) -> Report:
    from leaklint.result import Report
    from leaklint.run import check_data, run

    if paths == (_STDIN,) or (stdin_filename is not None and not paths):
        data = sys.stdin.buffer.read() if sys.stdin is not None else b""
        return Report([check_data(data, stdin_filename or "<stdin>", settings)])
    if _STDIN in paths:
        raise click.UsageError("- cannot be checked together with other paths")
    if stdin_filename is not None:
        raise click.UsageError("--stdin-filename is for reading standard input, not for checking paths")
    from leaklint.discovery import discover

    return run(watched(discover(paths or (".",)), quiet=quiet), settings)
