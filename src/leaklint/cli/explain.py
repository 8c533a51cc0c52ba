"""``leaklint explain FILE:LINE``: why a line is or is not reported."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli.options import configuration, configured
from leaklint.cli.output import emit, output_encoding

if TYPE_CHECKING:
    from leaklint.explanation import Acquired, Explanation, Judged


@click.command("explain", short_help="Say why a line is or is not reported.")
@click.argument("place", metavar="FILE:LINE")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How it is written."
)
@configured
def command(place: str, output_format: str, **overrides: Any) -> int:
    """Say why LINE of FILE is or is not reported: what it opens, what becomes of that, and what was made of it."""
    from leaklint.config.problems import ConfigurationError
    from leaklint.explanation import NoLine, explain
    from leaklint.run import deep

    path, line = _place(place)
    try:
        with open(path, "rb") as stream:
            data = stream.read()
        settings = configuration(**overrides).of_file(path)
        with deep():
            found = explain(data, path, line, settings)
    except OSError as error:
        raise click.ClickException(f"cannot read {click.format_filename(path)}: {error.strerror}") from None
    except (ConfigurationError, NoLine) as problem:
        named = "" if isinstance(problem, ConfigurationError) else f"{click.format_filename(path)}: "
        raise click.ClickException(f"{named}{problem}") from None
    emit(_json(found) if output_format == "json" else _text(found))
    return 0


def _place(text: str) -> tuple[str, int]:
    """The file and the line of ``FILE:LINE`` or ``FILE:LINE:COLUMN``, as reports print it. Raises click.UsageError."""
    head, _, last = text.rpartition(":")
    path, _, line = head.rpartition(":")
    if path and line.isdecimal() and last.isdecimal() and not os.path.exists(head):
        head, last = path, line
    if not head or not (last.isascii() and last.isdecimal()):
        raise click.UsageError(f"{text!r} is no FILE:LINE")
    return head, int(last)


def _text(found: Explanation) -> Iterator[str]:
    from leaklint.report.plain import printer

    printable = printer(output_encoding())
    for line in _lines(found):
        yield printable(line)


def _lines(found: Explanation) -> Iterator[str]:
    where = f"in `{found.function}`" if found.function else "at module level"
    handler = f" (handler code: {found.handler})" if found.handler else ""
    yield f"{found.path}:{found.line} {where}{handler}"
    yield f"  {found.text.strip()}"
    for acquired in found.acquired:
        yield ""
        yield from _acquired(acquired)
    for judged in found.others:
        yield ""
        yield from _judged(judged, "")
    if found.passing:
        yield ""
        for finding, message in found.passing:
            at = finding.location
            yield f"On the path of {finding.rule} on line {at.line}: {message}."
    if found.acquired:
        return
    yield ""
    yield "Nothing on this line is a known acquisition."
    for call, why in found.calls:
        yield f"  {call}: {why}"
    if found.nearest:
        yield "The nearest are:"
        for line, subject in found.nearest:
            yield f"  line {line}: {subject}"


def _acquired(acquired: Acquired) -> Iterator[str]:
    yield f"Opens {acquired.subject} ({acquired.resource}), column {acquired.location.column}"
    yield f"  known by: {acquired.recognised}"
    yield f"  facts: {'; '.join(acquired.facts)}"
    for at, text, how in acquired.settled:
        yield f"  {how}: line {at.line}, `{text}`"
    if acquired.silent:
        yield f"  not reported: {acquired.silent}"
    for judged in acquired.findings:
        yield from _judged(judged, "  ")


def _judged(judged: Judged, indent: str) -> Iterator[str]:
    finding = judged.finding
    yield f"{indent}{finding.rule} {finding.name}: {judged.status}"
    yield f"{indent}  {finding.message}"
    yield f"{indent}  severity {finding.severity.value}{_because(judged.severity)}"
    yield f"{indent}  confidence {finding.confidence.value}{_because(judged.confidence)}"
    for step in finding.steps:
        at = step.location
        other = f"{at.path}:" if at.path != finding.location.path else "line "
        yield f"{indent}  {other}{at.line}: {step.message}"


def _because(reasons: tuple[str, ...]) -> str:
    return f": {'; '.join(reasons)}" if reasons else ""


def _json(found: Explanation) -> Iterator[str]:
    import json

    from leaklint.report.json import finding as as_json
    from leaklint.report.json import text

    def judged(each: Judged) -> dict[str, Any]:
        return {
            **as_json(each.finding),
            "status": each.status,
            "severity_reasons": list(each.severity),
            "confidence_reasons": [text(reason) for reason in each.confidence],
        }

    document = {
        "schema_version": 1,
        "path": text(found.path),
        "line": found.line,
        "function": text(found.function) or None,
        "handler": found.handler or None,
        "acquired": [
            {
                "resource": acquired.resource,
                "subject": text(acquired.subject),
                "line": acquired.location.line,
                "column": acquired.location.column,
                "recognised": text(acquired.recognised),
                "facts": [text(fact) for fact in acquired.facts],
                "settled": [{"line": at.line, "code": text(code), "how": how} for at, code, how in acquired.settled],
                "silent": text(acquired.silent) or None,
                "findings": [judged(each) for each in acquired.findings],
            }
            for acquired in found.acquired
        ],
        "others": [judged(each) for each in found.others],
        "passing": [{"finding": as_json(each), "message": text(message)} for each, message in found.passing],
        "calls": [{"call": text(call), "why": text(why)} for call, why in found.calls],
        "nearest": [{"line": line, "subject": text(subject)} for line, subject in found.nearest],
    }
    yield from json.dumps(document, indent=2).split("\n")
