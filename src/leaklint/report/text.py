"""The report for people: a frame per finding with what happened on the way, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.edit import Applicability
from leaklint.finding import Confidence, Finding, Severity
from leaklint.report.colour import Link, Paint, Style, plain, unlinked
from leaklint.report.frame import Mark, frame, gutter, lines
from leaklint.report.plain import printer
from leaklint.result import Report

_EMPHASIS = {Severity.HIGH: Style.ERROR, Severity.MEDIUM: Style.WARNING, Severity.LOW: Style.NOTICE}


def render(
    report: Report, *, encoding: str = "utf-8", paint: Paint = plain, link: Link = unlinked, cells: int = 0
) -> Iterator[str]:
    """Yield the lines of the report, without line ends; findings are separated by an empty line.

    ``cells`` is the width that frames have to fit in, 0 when it does not matter.
    """
    sources = report.sources
    path, source = "", [""]
    for index, finding in enumerate(report.findings):
        if finding.location.path != path:
            path = finding.location.path
            source = lines(sources.get(path, ""))
        if index:
            yield ""
        yield from _finding(finding, source, encoding, paint, link, cells)


def _finding(finding: Finding, source: list[str], encoding: str, paint: Paint, link: Link, cells: int) -> Iterator[str]:
    printable = printer(encoding)
    emphasis = _EMPHASIS[finding.severity]
    where = finding.location
    head = f"{finding.severity.level}[{finding.rule} {finding.name}]"
    yield f"{paint(head, emphasis)}{paint(f': {printable(finding.message)}', Style.STRONG)}"

    marks = _marks(finding)
    indent = " " * gutter(max(mark.line for mark in marks))
    scope = "at module level" if finding.function == "<module>" else f"in `{printable(finding.function)}`"
    kind = " (Lambda handler)" if finding.handler else ""
    place = link(f"{printable(where.path)}:{where.line}:{where.column}", where.path)
    yield f"{indent}{paint('-->', Style.FRAME)} {place} {scope}{kind}"
    if any(source):
        yield from frame(source, marks, emphasis=emphasis, encoding=encoding, paint=paint, cells=cells)
    for step in finding.steps:
        at = step.location
        if at.path != where.path:
            place = link(f"{printable(at.path)}:{at.line}:{at.column}", at.path)
            yield _note(indent, "note", f"{printable(step.message)} at {place}", paint)
    if finding.confidence.rank < Confidence.HIGH.rank:
        yield _note(indent, "note", f"{finding.confidence.value} confidence", paint)
    if finding.help:
        yield _note(indent, "help", printable(finding.help), paint)
    if finding.fix is not None:
        options = "--fix" if finding.fix.applicability is Applicability.SAFE else "--fix --unsafe-fixes"
        yield _note(indent, "fix", f"{printable(finding.fix.title)} ({options})", paint)
    elif finding.refused:
        yield _note(indent, "note", f"no fix: {printable(finding.refused)}", paint)


def _marks(finding: Finding) -> list[Mark]:
    """The spans of this file; the one that the finding stands on is primary, with the label of its step."""
    where = finding.location
    marks = [Mark(where.line, where.column, _end(where.line, where.end_line, where.end_column), "", primary=True)]
    for step in finding.steps:
        at = step.location
        if at.path == where.path:
            marks.append(Mark(at.line, at.column, _end(at.line, at.end_line, at.end_column), step.message))
    return marks


def _end(line: int, end_line: int, end_column: int) -> int:
    return end_column if end_line == line else 0


def _note(indent: str, kind: str, text: str, paint: Paint) -> str:
    return f"{indent} {paint('=', Style.FRAME)} {paint(f'{kind}:', Style.STRONG)} {text}"
