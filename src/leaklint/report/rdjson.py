"""The Reviewdog Diagnostic Format, as one JSON document (``reviewdog -f=rdjson``).

Columns count bytes of UTF-8, as reviewdog's ``proto/rdf/reviewdog.proto`` says, and ends are exclusive. A fix is one
suggestion: several would be alternatives, of which each alone must leave a whole program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from leaklint.edit import Applicability
from leaklint.finding import Finding, Location, Severity
from leaklint.report.plain import printer
from leaklint.report.spans import Replacement, Text, whole
from leaklint.result import Failed, Report

_SEVERITIES = {Severity.HIGH: "ERROR", Severity.MEDIUM: "WARNING", Severity.LOW: "INFO"}

_printable = printer("utf-8")


def render(report: Report) -> Iterator[str]:
    """Yield the lines of the document; paths are as the user gave them, from the working directory."""
    texts = {path: Text(source) for path, source in report.sources.items()}
    diagnostics = [_finding(finding, texts) for finding in report.findings]
    diagnostics += [_failed(failed) for failed in report.not_analysed]
    document = {"source": {"name": "leaklint"}, "diagnostics": diagnostics}
    yield from json.dumps(document, indent=2).split("\n")


def _finding(finding: Finding, texts: dict[str, Text]) -> dict[str, Any]:
    help_ = f"\nhelp: {_printable(finding.help)}" if finding.help else ""
    diagnostic: dict[str, Any] = {
        "message": _printable(finding.message) + help_,
        "location": _location(finding.location, texts),
        "severity": _SEVERITIES[finding.severity],
        "code": {"value": finding.rule},
    }
    text = texts.get(finding.location.path)
    if finding.fix is not None and text is not None:
        unsafe = " (unsafe: look at it first)" if finding.fix.applicability is Applicability.UNSAFE else ""
        diagnostic["message"] += f"\nfix: {_printable(finding.fix.title)}{unsafe}"
        diagnostic["suggestions"] = [_suggestion(whole(finding.fix, text), text)]
    if finding.steps:
        diagnostic["related_locations"] = [
            {"message": _printable(step.message), "location": _location(step.location, texts)} for step in finding.steps
        ]
    return diagnostic


def _suggestion(replacement: Replacement, text: Text) -> dict[str, Any]:
    start, end = (_position(*place, text) for place in (replacement.start, replacement.end))
    return {"range": {"start": start, "end": end}, "text": replacement.text}


def _location(location: Location, texts: dict[str, Text]) -> dict[str, Any]:
    text = texts.get(location.path)
    start, end = (
        _position(location.line, location.column, text),
        _position(location.end_line, location.end_column, text),
    )
    return {"path": _printable(location.path), "range": {"start": start, "end": end}}


def _position(line: int, column: int, text: Text | None) -> dict[str, int]:
    """A position; without the line's text its bytes cannot be counted, and the line alone is named."""
    before = None if text is None else text.bytes_before(line, column)
    return {"line": line} if before is None else {"line": line, "column": before + 1}


def _failed(failed: Failed) -> dict[str, Any]:
    location: dict[str, Any] = {"path": _printable(failed.path)}
    if failed.line:
        location["range"] = {"start": {"line": failed.line}}
    return {
        "message": f"not analysed: {_printable(failed.reason)}",
        "location": location,
        "severity": "ERROR",
        "code": {"value": "not-analysed"},
    }
