"""SARIF 2.1.0, as its schema and GitHub's code scanning want it.

Addresses are relative to the root of the repository (``%SRCROOT%``, whose own address is left to the consumer, so that
the document is the same on every machine). Findings that a comment suppresses are results with a suppression.
Fingerprints are ours; ``primaryLocationLineHash`` is left to GitHub's uploader, which computes it from the source and
warns about any other value. There is no ``security-severity``: a leak is a matter of reliability.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from leaklint import __version__
from leaklint.edit import Applicability, Fix
from leaklint.finding import Finding, Location, Severity
from leaklint.report.places import Places
from leaklint.report.plain import printer
from leaklint.report.spans import Text, replacements
from leaklint.result import Failed, Report
from leaklint.rules import RULES, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

_ROOT = "%SRCROOT%"
_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
_NOT_ANALYSED = "not-analysed"
_UNKNOWN = "A file, or a part of it, could not be analysed. Nothing is known of leaks in it; leaklint exits with 2."

_INDEX = {rule.code: index for index, rule in enumerate(RULES)}
_printable = printer("utf-8")


def render(report: Report, *, places: Places) -> Iterator[str]:
    """Yield the lines of the document. It is ASCII."""
    texts = {path: Text(source) for path, source in report.sources.items()}
    suppressed = report.suppressed
    results = [_result(finding, places, texts) for finding in report.findings]
    if suppressed:
        # Where one result says whether it is suppressed, the specification wants all to.
        results = [{**result, "suppressions": []} for result in results]
        results += [_suppressed(finding, places, texts) for finding in suppressed]
    run = {
        "tool": {"driver": _driver()},
        "invocations": [
            {
                "executionSuccessful": not report.not_analysed,
                "toolExecutionNotifications": [_notification(failed, places) for failed in report.not_analysed],
            }
        ],
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    yield from json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2).split("\n")


def _driver() -> dict[str, Any]:
    return {
        "name": "leaklint",
        "version": __version__,
        "semanticVersion": __version__,
        "shortDescription": {"text": "Finds what a warm AWS Lambda never gives back."},
        "rules": [_rule(rule) for rule in RULES],
        "notifications": [
            {
                "id": _NOT_ANALYSED,
                "name": "NotAnalysed",
                "shortDescription": {"text": "A file, or a part of it, could not be analysed."},
                "fullDescription": {"text": _UNKNOWN},
                "help": {"text": _UNKNOWN, "markdown": _UNKNOWN},
                "defaultConfiguration": {"level": "error"},
            }
        ],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    page = rule.page.strip()
    body = page.partition("\n")[2].strip() if page.startswith("# ") else page
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.summary[:1].upper()}{rule.summary[1:]}."},
        "fullDescription": {"text": _first_paragraph(body)},
        "help": {"text": body, "markdown": body},
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["reliability", "resource-leak", "aws-lambda"]},
    }


def _first_paragraph(page: str) -> str:
    paragraphs = (part for part in re.split(r"\n\s*\n|^#.*\n", page, flags=re.M) if part.strip())
    return " ".join(next(paragraphs).split())


def _result(finding: Finding, places: Places, texts: dict[str, Text]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": _INDEX[finding.rule],
        "level": _LEVELS[finding.severity],
        "message": _message(_sentence(finding.message) + (f" {_sentence(finding.help)}" if finding.help else "")),
        "locations": [{**_place(finding.location, places), "logicalLocations": [_scope(finding.function)]}],
        "partialFingerprints": {"leaklint/v1": finding.fingerprint},
        "properties": {
            "severity": finding.severity.value,
            "confidence": finding.confidence.value,
            "resource": finding.resource or None,
            "handler": finding.handler,
        },
    }
    if finding.steps:
        steps = [{**_place(s.location, places), "message": _message(_sentence(s.message))} for s in finding.steps]
        result["relatedLocations"] = [{"id": number, **step} for number, step in enumerate(steps, 1)]
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": step} for step in steps]}]}]
    text = texts.get(finding.location.path)
    if finding.fix is not None and text is not None:
        result["fixes"] = [_fix(finding.fix, finding.location.path, places, text)]
    return result


def _suppressed(finding: Finding, places: Places, texts: dict[str, Text]) -> dict[str, Any]:
    """The result of a finding that is to stay as it is: without a fix, which nobody asked for and nobody validated."""
    return {**_result(replace(finding, fix=None), places, texts), "suppressions": [{"kind": "inSource"}]}


def _scope(function: str) -> dict[str, Any]:
    name = _printable(function)
    return {"fullyQualifiedName": name, "kind": "module" if function == "<module>" else "function"}


def _fix(fix: Fix, path: str, places: Places, text: Text) -> dict[str, Any]:
    safe = fix.applicability is Applicability.SAFE
    changes = [
        {
            "deletedRegion": {
                "startLine": replacement.start[0],
                "startColumn": replacement.start[1],
                "endLine": replacement.end[0],
                "endColumn": replacement.end[1],
            },
            "insertedContent": {"text": replacement.text},
        }
        for replacement in replacements(fix, text)
    ]
    return {
        "description": _message(_sentence(fix.title if safe else f"{fix.title} (unsafe: look at it first)")),
        "artifactChanges": [{"artifactLocation": _artifact(path, places), "replacements": changes}],
        "properties": {"applicability": fix.applicability.value},
    }


def _place(location: Location, places: Places) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": _artifact(location.path, places),
            "region": {
                "startLine": location.line,
                "startColumn": location.column,
                "endLine": location.end_line,
                "endColumn": location.end_column,
            },
        }
    }


def _artifact(path: str, places: Places) -> dict[str, str]:
    uri, relative = places.uri(path)
    return {"uri": uri, "uriBaseId": _ROOT} if relative else {"uri": uri}


def _notification(failed: Failed, places: Places) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": _artifact(failed.path, places)}
    if failed.line:
        place["region"] = {"startLine": failed.line}
    return {
        "descriptor": {"id": _NOT_ANALYSED, "index": 0},
        "level": "error",
        "message": _message(_sentence(f"Not analysed: {failed.reason}")),
        "locations": [{"physicalLocation": place}],
    }


def _sentence(text: str) -> str:
    text = _printable(text)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")


def _message(text: str) -> dict[str, str]:
    """A message in which nothing is taken for a link: ``[text](1)`` would lead to a related location."""
    return {"text": re.sub(r"\[(?=[^\[\]]*\]\()", r"\\[", text)}
