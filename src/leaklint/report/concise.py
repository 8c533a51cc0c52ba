"""One line per finding: ``path:line:column: CODE [level] message``."""

from __future__ import annotations

from collections.abc import Iterator

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
        yield f"{place}: {rule} [{finding.severity.level}] {printable(finding.message)}"
