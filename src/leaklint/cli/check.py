"""``leaklint check``: find leaks in files and folders."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli import outputs, targets
from leaklint.cli.fixing import Fixing
from leaklint.cli.narrowing import OptionalValue, narrowing, prepared
from leaklint.cli.options import configuration, configured, of_current_folder
from leaklint.cli.output import say
from leaklint.config.settings import FORMATS

if TYPE_CHECKING:
    from leaklint.result import Report


@click.command(
    "check",
    cls=OptionalValue,
    short_help="Find leaks in files and folders.",
    context_settings={"auto_envvar_prefix": "LEAKLINT"},
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=str))
@click.option(
    "--output-format",
    "formats",
    type=outputs.OutputType(),
    envvar="LEAKLINT_OUTPUT_FORMAT",
    multiple=True,
    help=f"How findings are written, and to which file: {', '.join(FORMATS)}. May be repeated.",
)
@click.option(
    "--output-file", type=click.Path(dir_okay=False), help="Write findings to this file, not to standard output."
)
@configured
@narrowing
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, and report what remains.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@click.option("--show-fixes", is_flag=True, help="List what was mended.")
@click.option("--exit-non-zero-on-fix", is_flag=True, help="Exit with 1 when something was mended.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even when something is found.")
@click.option("--statistics", is_flag=True, help="Count the findings per rule instead of showing them.")
@click.option(
    "--files-from", metavar="FILE|-", help="Check also the files that this file names, one a line or NUL-separated."
)
@click.option("--stdin-filename", help="The name of what is read from standard input.")
@click.option("-v", "--verbose", is_flag=True, help="Say on standard error what work was done.")
@click.option("-q", "--quiet", is_flag=True, help="Write nothing but findings and errors.")
def command(
    paths: tuple[str, ...],
    formats: tuple[outputs.Output, ...],
    output_file: str | None,
    baseline: str | None,
    write_baseline: str | None,
    diff_base: str | None,
    add_ignores: str | None,
    fix: bool,
    diff: bool,
    show_fixes: bool,
    exit_non_zero_on_fix: bool,
    exit_zero: bool,
    statistics: bool,
    files_from: str | None,
    stdin_filename: str | None,
    verbose: bool,
    quiet: bool,
    **overrides: Any,
) -> int:
    """Find leaks in PATHS, files or folders (the current folder if none is given; - reads standard input).

    Exits with 0 when everything was analysed and nothing found, 1 when something was found, and 2 when something could
    not be done: a path is missing, a file cannot be read or parsed.
    """
    from time import perf_counter

    from leaklint.report import summary

    started = perf_counter()
    chosen = configuration(**overrides)
    of_run = of_current_folder(chosen)
    default = of_run.output_format or FORMATS[0]
    wanted = outputs.resolve(formats, output_file, default=default, statistics=statistics)
    silent = quiet or not outputs.for_people(wanted)
    narrowed = prepared(
        paths,
        overrides,
        listed=files_from is not None or stdin_filename is not None,
        baseline=baseline if baseline is not None else of_run.settings.baseline,
        write_baseline=write_baseline,
        diff_base=diff_base,
        add_ignores=add_ignores,
    )
    fixing = Fixing(fix=fix, diff=diff, show=show_fixes, non_zero=exit_non_zero_on_fix, narrowed=narrowed)
    recording = write_baseline is not None or add_ignores is not None
    check = fixing.check([output.format for output in wanted], recording=recording)
    jobs = 1 if fix or diff else of_run.jobs
    report = targets.analyse(paths, files_from, stdin_filename, chosen, jobs=jobs, quiet=silent, check=check)
    narrowed.apply(report)
    if recording:
        _failures(report)
        return narrowed.record(report, write_baseline, add_ignores or "", quiet=quiet)
    aside = fixing.write(report, standard_input=targets.is_standard_input(paths, files_from, stdin_filename))
    errors = outputs.write(report, wanted, statistics=statistics, aside=aside)
    _failures(report)
    for line in fixing.say(report, quiet=quiet):
        say(line)
    if not quiet:
        for line in narrowed.notes(report):
            say(line)
        say(summary.summary(report))
        if mendable := summary.fixable(report):
            say(mendable)
    if verbose:
        say(summary.work(report, perf_counter() - started))
    for error in errors:
        error.show()
    return 2 if errors else fixing.exit_code(report.exit_code(exit_zero=exit_zero))


def _failures(report: Report) -> None:
    from leaklint.report.summary import failures

    for line in failures(report, encoding=getattr(sys.stderr, "encoding", None) or "ascii"):
        say(line)
