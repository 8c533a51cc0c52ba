"""What is said beside the findings: what could not be analysed, how the run ended, what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from leaklint.report.plain import printer
from leaklint.result import Checked, Report, Skipped


def failures(report: Report, *, encoding: str = "utf-8") -> Iterator[str]:
    """Yield a line for each file of which something was not analysed."""
    printable = printer(encoding)
    for failed in report.not_analysed:
        line = f":{failed.line}" if failed.line else ""
        yield f"error: {printable(failed.path)}{line}: {printable(failed.reason)} (not analysed)"


def summary(report: Report) -> str:
    """How the run ended, in a sentence or two. Nothing is called clean that was not analysed."""
    checked = sum(isinstance(outcome, Checked) for outcome in report.outcomes)
    skipped = sum(isinstance(outcome, Skipped) for outcome in report.outcomes)
    failed = len(report.not_analysed)
    findings = report.findings
    if not report.outcomes:
        return "warning: no Python files found"
    if findings:
        files = len({finding.location.path for finding in findings})
        text = f"Found {counted(len(findings), 'finding')} in {counted(files, 'file')}"
    elif checked:
        text = f"No leaks found in {counted(checked, 'file')}"
    else:
        text = "Nothing was analysed"
    suppressed = len(report.suppressed)
    aside = [f"{suppressed} suppressed"] if suppressed else []
    aside += [f"{number:,} {why}" for why, number in report.aside.items() if number]
    aside += [f"{counted(skipped, 'file')} skipped"] if skipped else []
    text += f" ({', '.join(aside)})" if aside else ""
    if failed:
        text += f"; {counted(failed, 'path')} could not be analysed"
    return text + "."


def fixable(report: Report) -> str:
    """How many findings can be mended, and with which options; empty when none can."""
    fixes = [finding.fix for finding in report.findings if finding.fix is not None]
    if not fixes:
        return ""
    from leaklint.edit import Applicability

    safe = sum(fix.applicability is Applicability.SAFE for fix in fixes)
    unsafe = len(fixes) - safe
    if not unsafe:
        return f"{safe:,} fixable with --fix."
    if not safe:
        return f"{unsafe:,} fixable with --fix --unsafe-fixes."
    return f"{safe:,} fixable with --fix, {unsafe:,} more with --unsafe-fixes."


def statistics(report: Report) -> list[tuple[int, str, str]]:
    """How many findings each rule has, as (count, code, name), the most first."""
    counts = Counter((finding.rule, finding.name) for finding in report.findings)
    return sorted(((count, code, name) for (code, name), count in counts.items()), key=lambda row: (-row[0], row[1]))


def work(report: Report, seconds: float) -> str:
    """The work counters in a line; ``seconds`` is the wall time of the run."""
    done = report.work
    return (
        f"work: {counted(done.files, 'file')}, {done.gated} gated out, {done.parsed} parsed; "
        f"{counted(done.scopes, 'scope')}, {counted(done.ops, 'op')}, {counted(done.states, 'state')}; {seconds:.3f} s"
    )


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 file", "2,000 files"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
