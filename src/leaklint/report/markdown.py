"""A summary in GitHub's Markdown: for ``$GITHUB_STEP_SUMMARY``, a comment on a pull request, a wiki."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

from leaklint.finding import Finding, Location
from leaklint.report import summary
from leaklint.report.places import Places
from leaklint.report.plain import printer
from leaklint.result import Failed, Report

LONGEST = 900_000
"""bytes of rows that are written: GitHub refuses a summary of more than 1 MiB"""

_CODE = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~!@&$]")
"""what Markdown, HTML or a mention could begin with"""


def render(report: Report, *, places: Places, base: str = "", encoding: str = "utf-8") -> Iterator[str]:
    """Yield the lines of the summary; ``base`` is the address of the repository's files, or empty."""
    yield "## leaklint"
    yield ""
    yield f"**{_text(summary.summary(report), encoding)}**"
    written = 0
    for failed in report.not_analysed:
        if not written:
            yield from ("", "| Not analysed | Why |", "|---|---|")
        row = _failed(failed, places, base, encoding)
        written += len(row.encode(encoding, "replace"))
        if written > LONGEST:
            yield from ("", "More files could not be analysed.")
            return
        yield row
    for number, finding in enumerate(report.findings):
        if not number:
            yield from ("", "| | Where | What | Rule |", "|---|---|---|---|")
        row = _finding(finding, places, base, encoding)
        written += len(row.encode(encoding, "replace"))
        if written > LONGEST:
            yield from ("", f"{len(report.findings) - number} more are not listed.")
            return
        yield row


def _finding(finding: Finding, places: Places, base: str, encoding: str) -> str:
    where = finding.location
    what = [_text(finding.message, encoding)]
    for step in finding.steps:
        at = step.location
        place = f"line {at.line}" if at.path == where.path else _link(at, places, base, encoding)
        what.append(f"{place}: {_text(step.message, encoding)}")
    if finding.help:
        what.append(f"help: {_text(finding.help, encoding)}")
    place = _link(where, places, base, encoding)
    return f"| {finding.severity.level} | {place} | {'<br>'.join(what)} | {finding.rule} {finding.name} |"


def _failed(failed: Failed, places: Places, base: str, encoding: str) -> str:
    place = _link(Location(failed.path, failed.line, 1, failed.line, 1), places, base, encoding)
    return f"| {place} | {_text(failed.reason, encoding)} |"


def _link(location: Location, places: Places, base: str, encoding: str) -> str:
    """The place as code, linked to the repository's page of it where there is one."""
    line = f":{location.line}" if location.line else ""
    shown = _code(printer(encoding)(places.path(location.path)) + line)
    uri, relative = places.uri(location.path)
    if not base or not relative:
        return shown
    anchor = f"#L{location.line}" if location.line else ""
    return f"[{shown}]({quote(base, safe=':/')}/{uri}{anchor})"


def _text(text: str, encoding: str) -> str:
    """A sentence as the cell of a table: what stands in backticks stays code, all else is text."""
    text = printer(encoding)(text)
    pieces: list[str] = []
    position = 0
    for match in _CODE.finditer(text):
        pieces += [_escaped(text[position : match.start()]), _code(match[1])]
        position = match.end()
    return "".join(pieces) + _escaped(text[position:])


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text)


def _code(text: str) -> str:
    """Text as code; as HTML where a backtick or a pipe, which ends a cell even inside of code, would break it."""
    return f"<code>{_escaped(text)}</code>" if re.search(r"[`|\\]", text) or text != text.strip() else f"`{text}`"
