"""Annotations of GitHub Actions: a workflow command per finding, the most severe first.

A runner shows the first ten annotations of each level per step and logs the others, so all are written, with a notice
that counts those that are not shown. Data and properties are escaped as ``actions/toolkit`` does and the runner's
``ActionCommand`` undoes: nothing in a path or a message can end a line, a property or a command.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from leaklint.finding import Finding, Location, Severity
from leaklint.report.places import Places
from leaklint.report.plain import printer
from leaklint.result import Failed, Report

SHOWN = 10
"""annotations of a level that GitHub shows per step"""

_LEVELS = tuple(severity.level for severity in sorted(Severity, key=lambda severity: -severity.rank))
_NOTICE = Severity.LOW.level


def render(report: Report, *, places: Places, encoding: str = "utf-8") -> Iterator[str]:
    """Yield the commands, a line each; what could not be analysed counts as an error."""
    commands: dict[str, list[str]] = {level: [] for level in _LEVELS}
    commands[Severity.HIGH.level].extend(_failed(failed, places, encoding) for failed in report.not_analysed)
    for finding in report.findings:
        commands[finding.severity.level].append(_finding(finding, places, encoding))
    hidden = _hidden(Counter({level: len(found) for level, found in commands.items()}))
    if hidden:
        commands[_NOTICE].insert(0, _command(_NOTICE, {"title": "leaklint"}, hidden, encoding))
    for level in _LEVELS:
        yield from commands[level]


def _hidden(counts: Counter[str]) -> str:
    """What is not shown, in a sentence; the notice that says it takes the place of another."""
    if all(count <= SHOWN for count in counts.values()):
        return ""
    shown = {level: SHOWN - (level == _NOTICE) for level in _LEVELS}
    over = [(counts[level] - shown[level], level) for level in _LEVELS if counts[level] > shown[level]]
    words = [f"{number} more {level}{'s' if number > 1 else ''}" for number, level in over]
    verb = "is" if sum(number for number, _ in over) == 1 else "are"
    return f"{', '.join(words)} {verb} in the log of this step: GitHub annotates {SHOWN} of a kind"


def _finding(finding: Finding, places: Places, encoding: str) -> str:
    printable = printer(encoding)
    where = finding.location
    lines = [f"{printable(_place(where, places))}: {finding.rule} {printable(finding.message)}"]
    for step in finding.steps:
        at = step.location
        place = f"line {at.line}" if at.path == where.path else printable(_place(at, places))
        lines.append(f"{place}: {printable(step.message)}")
    if finding.help:
        lines.append(f"help: {printable(finding.help)}")
    properties = {"title": f"leaklint {finding.rule} {finding.name}", **_properties(where, places)}
    return _command(finding.severity.level, properties, "\n".join(lines), encoding)


def _failed(failed: Failed, places: Places, encoding: str) -> str:
    printable = printer(encoding)
    path = places.path(failed.path)
    properties = {"title": "leaklint: not analysed", "file": path} | ({"line": failed.line} if failed.line else {})
    line = f":{failed.line}" if failed.line else ""
    text = f"{printable(path)}{line}: {printable(failed.reason)} (not analysed)"
    return _command(Severity.HIGH.level, properties, text, encoding)


def _place(location: Location, places: Places) -> str:
    return f"{places.path(location.path)}:{location.line}:{location.column}"


def _properties(location: Location, places: Places) -> dict[str, str | int]:
    """Columns are only for spans of one line: GitHub takes no others."""
    properties: dict[str, str | int] = {"file": places.path(location.path), "line": location.line}
    if location.end_line == location.line:
        properties |= {"endLine": location.end_line, "col": location.column, "endColumn": location.end_column}
    else:
        properties |= {"endLine": location.end_line}
    return properties


def _command(name: str, properties: dict[str, str | int], data: str, encoding: str) -> str:
    escaped = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    command = f"::{name} {escaped}::{_data(data)}"
    return command.encode(encoding, "backslashreplace").decode(encoding)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
