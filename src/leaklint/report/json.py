"""The report for programs; docs/json.md describes it. Always ASCII, so that any stream and any reader takes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from leaklint.edit import Fix
from leaklint.finding import Finding, Location
from leaklint.result import Failed, Report

SCHEMA_VERSION = 1
"""grows when a key changes its meaning or goes; new keys may come without"""


def render(report: Report) -> Iterator[str]:
    """Yield the lines of the document, without line ends."""
    document = {
        "schema_version": SCHEMA_VERSION,
        "findings": [_finding(finding) for finding in report.findings],
        "not_analysed": [_failed(failed) for failed in report.not_analysed],
        "suppressed": len(report.suppressed),
    }
    yield from json.dumps(document, indent=2).split("\n")


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "name": finding.name,
        "message": _text(finding.message),
        **_place(finding.location),
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "resource": finding.resource or None,
        "function": _text(finding.function),
        "handler": finding.handler,
        "steps": [{**_place(step.location), "message": _text(step.message)} for step in finding.steps],
        "help": _text(finding.help) or None,
        "fix": None if finding.fix is None else _fix(finding.fix),
        "refused": _text(finding.refused) or None,
        "fingerprint": finding.fingerprint,
    }


def _place(location: Location) -> dict[str, Any]:
    return {
        "path": _text(location.path),
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability.value,
        "title": _text(fix.title),
        "edits": [{"start": edit.start, "end": edit.end, "text": _text(edit.text)} for edit in fix.edits],
    }


def _failed(failed: Failed) -> dict[str, Any]:
    return {"path": _text(failed.path), "line": failed.line or None, "reason": _text(failed.reason)}


def _text(text: str) -> str:
    """``text`` without lone surrogates, which no JSON reader has to accept: they are written ``\\udcff``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
