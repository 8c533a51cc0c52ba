"""JUnit XML: a test suite per file, in which the analysis and each finding are test cases.

The attributes are those of the schemas that Jenkins reads strictly (``junit-10.xsd`` of its xUnit plugin). Names of
test cases hold no line, so that a consumer that compares builds sees the same failure when lines are inserted above it.
The document is ASCII.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from leaklint.finding import Finding
from leaklint.report.plain import printer
from leaklint.result import Failed, Outcome, Report, Skipped

_printable = printer("ascii")


def render(report: Report) -> Iterator[str]:
    """Yield the lines of the document; paths are as the user gave them, from the working directory."""
    suites = [(outcome, list(_cases(outcome))) for outcome in report.outcomes]
    tests = sum(len(cases) for _, cases in suites)
    failures = len(report.findings)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield f'<testsuites name="leaklint" tests="{tests}" failures="{failures}" errors="{len(report.not_analysed)}">'
    for outcome, cases in suites:
        path = quoteattr(_printable(outcome.path))
        found = 0 if isinstance(outcome, Skipped) else len(outcome.findings)
        failed, skipped = int(isinstance(outcome, Failed)), int(isinstance(outcome, Skipped))
        yield (
            f'  <testsuite name={path} tests="{len(cases)}" failures="{found}" errors="{failed}" '
            f'skipped="{skipped}" time="0" file={path}>'
        )
        for case in cases:
            yield from case
        yield "  </testsuite>"
    yield "</testsuites>"


def _cases(outcome: Outcome) -> Iterator[list[str]]:
    name = _class(outcome.path)
    if isinstance(outcome, Skipped):
        yield _case(name, "analysis", f"<skipped message={quoteattr(_printable(outcome.reason))}/>")
        return
    if isinstance(outcome, Failed):
        line = f"line {outcome.line}: " if outcome.line else ""
        reason = quoteattr(_printable(f"{line}{outcome.reason}"))
        yield _case(name, "analysis", f'<error type="not-analysed" message={reason}/>')
    else:
        yield _case(name, "analysis")
    seen: Counter[str] = Counter()
    for finding in outcome.findings:
        case = f"{finding.rule} {finding.name} in {finding.function}"
        seen[case] += 1
        number = f" ({seen[case]})" if seen[case] > 1 else ""
        yield _case(name, case + number, *_failure(finding))


def _case(class_name: str, name: str, *inner: str) -> list[str]:
    head = f'    <testcase name={quoteattr(_printable(name))} classname={quoteattr(class_name)} time="0"'
    return [f"{head}>", *(f"      {line}" for line in inner), "    </testcase>"] if inner else [f"{head}/>"]


def _failure(finding: Finding) -> Iterator[str]:
    message, kind = quoteattr(_printable(finding.message)), quoteattr(f"{finding.severity.level} {finding.rule}")
    where = finding.location
    yield f"<failure type={kind} message={message}>"
    yield escape(f"{_printable(where.path)}:{where.line}:{where.column}: {_printable(finding.message)}")
    for step in finding.steps:
        at = step.location
        yield escape(f"{_printable(at.path)}:{at.line}:{at.column}: {_printable(step.message)}")
    if finding.help:
        yield escape(f"help: {_printable(finding.help)}")
    yield "</failure>"


def _class(path: str) -> str:
    """A path as consumers split class names: dots between folders, the last part is the class."""
    parts = [part for part in re.split(r"[/\\]", path.removesuffix(".py")) if part not in ("", ".", "..")]
    return ".".join(_printable(part).replace(".", "_") for part in parts) or "leaklint"
