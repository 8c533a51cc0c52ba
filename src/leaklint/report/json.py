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
        "findings": [finding(each) for each in report.findings],
        "not_analysed": [_failed(failed) for failed in report.not_analysed],
        "suppressed": len(report.suppressed),
    }
    yield from json.dumps(document, indent=2).split("\n")


def finding(finding: Finding) -> dict[str, Any]:
    """A finding as it stands in the document."""
    return {
        "rule": finding.rule,
        "name": finding.name,
        "message": text(finding.message),
        **_place(finding.location),
        "severity": finding.severity.value,
        "confidence": finding.confidence.value,
        "resource": finding.resource or None,
        "function": text(finding.function),
        "handler": finding.handler,
        "steps": [{**_place(step.location), "message": text(step.message)} for step in finding.steps],
        "help": text(finding.help) or None,
        "fix": None if finding.fix is None else _fix(finding.fix),
        "refused": text(finding.refused) or None,
        "fingerprint": finding.fingerprint,
    }


def _place(location: Location) -> dict[str, Any]:
    return {
        "path": text(location.path),
        "line": location.line,
        "column": location.column,
        "end_line": location.end_line,
        "end_column": location.end_column,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    return {
        "applicability": fix.applicability.value,
        "title": text(fix.title),
        "edits": [{"start": edit.start, "end": edit.end, "text": text(edit.text)} for edit in fix.edits],
    }


def _failed(failed: Failed) -> dict[str, Any]:
    return {"path": text(failed.path), "line": failed.line or None, "reason": text(failed.reason)}


def text(text: str) -> str:
    """``text`` without lone surrogates, which no JSON reader has to accept: they are written ``\\udcff``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
