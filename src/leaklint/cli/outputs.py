"""``--output-format`` and ``--output-file``: which formats are written, where each goes, and how it is rendered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli.output import Terminal, emit, save, say
from leaklint.config.settings import FORMATS

if TYPE_CHECKING:
    from leaklint.result import Report

    _ParamType = click.ParamType[Any]
else:
    _ParamType = click.ParamType

FOR_PEOPLE = ("text", "concise")
_COUNTED = ("text", "concise", "json")
"""the formats that ``--statistics`` has"""
_STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Output:
    """One format and the file that it is written to; None is standard output."""

    format: str
    path: str | None = None


class OutputType(_ParamType):
    """``FORMAT`` or ``FORMAT=FILE``."""

    name = "output format"

    def get_metavar(self, param: click.Parameter, *args: Any, **kwargs: Any) -> str:
        """How ``--help`` writes a value."""
        return "FORMAT[=FILE]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Output:
        """The output that a value names. Fails as usage error for an unknown format or an empty file name."""
        if isinstance(value, Output):
            return value
        name, equals, path = str(value).partition("=")
        if name not in FORMATS:
            self.fail(f"{name!r} is not one of {', '.join(FORMATS)}", param, ctx)
        if equals and not path:
            self.fail(f"{name}= names no file", param, ctx)
        return Output(name, path if equals and path != _STDOUT else None)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        """The formats, for completion in a shell."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


def resolve(
    outputs: Sequence[Output], output_file: str | None, *, default: str = "text", statistics: bool = False
) -> tuple[Output, ...]:
    """The outputs of a run; ``default`` to standard output unless something else is asked for.

    Raises click.UsageError when two would go to the same place, or when a format cannot count findings.
    """
    chosen = tuple(outputs) or (Output(default),)
    if output_file is not None and output_file != _STDOUT:
        if all(output.path is not None for output in chosen):
            raise click.UsageError("--output-file is for a format without a file of its own")
        chosen = tuple(replace(o, path=output_file) if o.path is None else o for o in chosen)
    places = [None if output.path is None else os.path.abspath(output.path) for output in chosen]
    if len(set(places)) < len(places):
        twice = next(o.path for o, place in zip(chosen, places, strict=True) if places.count(place) > 1)
        where = "standard output" if twice is None else click.format_filename(twice)
        raise click.UsageError(f"two formats cannot both be written to {where}; --output-format takes FORMAT=FILE")
    if statistics:
        for output in chosen:
            if output.format not in _COUNTED:
                raise click.UsageError(f"--statistics is for {', '.join(_COUNTED)}, not for {output.format}")
    return chosen


def for_people(outputs: Sequence[Output]) -> bool:
    """Whether no program reads standard output as far as the outputs say."""
    return all(output.path is not None or output.format in FOR_PEOPLE for output in outputs)


def write(
    report: Report, outputs: Sequence[Output], *, statistics: bool, aside: bool = False
) -> list[click.ClickException]:
    """Write the report in every format asked for; what could not be written is returned, and hides no other.

    ``aside`` says that standard output holds something else: what would go there goes to standard error.
    """
    errors: list[click.ClickException] = []
    for output in outputs:
        target = Terminal() if output.path is not None else Terminal.of_errors() if aside else Terminal.of_output()
        lines = (_statistics if statistics else _rendered)(report, output.format, target)
        try:
            if output.path is None and aside:
                for line in lines:
                    say(line)
            elif output.path is None:
                emit(lines)
            else:
                save(lines, output.path)
        except click.ClickException as error:
            errors.append(error)
    return errors


def _rendered(report: Report, output_format: str, target: Terminal) -> Iterator[str]:
    if output_format in FOR_PEOPLE:
        return _for_people(report, output_format, target)
    if output_format == "json":
        from leaklint.report import json

        return json.render(report)
    if output_format == "junit":
        from leaklint.report import junit

        return junit.render(report)
    if output_format == "rdjson":
        from leaklint.report import rdjson

        return rdjson.render(report)
    from leaklint.report.places import around

    places = around(os.curdir)
    if output_format == "github":
        from leaklint.report import github

        return github.render(report, places=places, encoding=target.encoding)
    if output_format == "gitlab":
        from leaklint.report import gitlab

        return gitlab.render(report, places=places)
    if output_format == "markdown":
        from leaklint.report import markdown

        return markdown.render(report, places=places, base=_page(os.environ), encoding=target.encoding)
    from leaklint.report import sarif

    return sarif.render(report, places=places)


def _for_people(report: Report, output_format: str, target: Terminal) -> Iterator[str]:
    if not report.findings:
        return iter(())
    from leaklint.report import colour, concise, text

    paint = colour.painter() if target.coloured else colour.plain
    link = colour.linker(os.curdir) if target.linked else colour.unlinked
    if output_format == "concise":
        return concise.render(report, encoding=target.encoding, paint=paint, link=link)
    return text.render(report, encoding=target.encoding, paint=paint, link=link, cells=target.cells)


def _page(environment: Any) -> str:
    """The address of the files of the commit that a workflow of GitHub Actions runs on; empty elsewhere."""
    server, repository, commit = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    return f"{server}/{repository}/blob/{commit}" if server and repository and commit else ""


def _statistics(report: Report, output_format: str, target: Terminal) -> Iterator[str]:
    from leaklint.report.summary import statistics

    rows = statistics(report)
    if output_format == "json":
        import json

        keys = ("count", "rule", "name")
        yield from json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2).split("\n")
        return
    width = max((len(str(count)) for count, _, _ in rows), default=0)
    for count, code, name in rows:
        yield f"{count:>{width}}\t{code}\t{name}"
