"""One line per finding: ``path:line:column: CODE [level] message``, with ``[*]`` before what ``--fix`` mends."""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.edit import Applicability
from leaklint.report.colour import Link, Paint, Style, plain, unlinked
from leaklint.report.plain import printer
from leaklint.result import Report


def render(report: Report, *, encoding: str = "utf-8", paint: Paint = plain, link: Link = unlinked) -> Iterator[str]:
    """Yield the lines of the report, without line ends."""
    printable = printer(encoding)
    for finding in report.findings:
        where = finding.location
        place = link(f"{printable(where.path)}:{where.line}:{where.column}", where.path)
        rule = paint(finding.rule, Style.STRONG)
        mark = "[*] " if finding.fix is not None and finding.fix.applicability is Applicability.SAFE else ""
        yield f"{place}: {rule} [{finding.severity.level}] {mark}{printable(finding.message)}"
