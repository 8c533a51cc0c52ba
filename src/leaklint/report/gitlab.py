"""The code quality report of GitLab: one JSON array, of which the merge request's widget compares fingerprints."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from leaklint.finding import Finding, Severity
from leaklint.report.places import Places
from leaklint.report.plain import printer
from leaklint.result import Failed, Report

_SEVERITIES = {Severity.HIGH: "critical", Severity.MEDIUM: "major", Severity.LOW: "minor"}
"""of GitLab's scale info, minor, major, critical, blocker; blocker is a file that could not be analysed"""

_printable = printer("utf-8")


def render(report: Report, *, places: Places) -> Iterator[str]:
    """Yield the lines of the document; paths are from the root of the repository."""
    issues = [_finding(finding, places) for finding in report.findings]
    issues += [_failed(failed, places) for failed in report.not_analysed]
    yield from json.dumps(issues, indent=2).split("\n")


def _finding(finding: Finding, places: Places) -> dict[str, Any]:
    where = finding.location
    return {
        "description": f"{finding.rule} {_printable(finding.message)}",
        "check_name": f"{finding.rule} {finding.name}",
        "fingerprint": finding.fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {
            "path": _printable(places.path(where.path)),
            "lines": {"begin": where.line, "end": where.end_line},
        },
    }


def _failed(failed: Failed, places: Places) -> dict[str, Any]:
    path = places.path(failed.path)
    key = "\0".join(("not-analysed", path, failed.reason))
    return {
        "description": f"not analysed: {_printable(failed.reason)}",
        "check_name": "not-analysed",
        "fingerprint": hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "severity": "blocker",
        "location": {"path": _printable(path), "lines": {"begin": failed.line or 1}},
    }
