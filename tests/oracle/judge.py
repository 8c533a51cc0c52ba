"""Compares the truth about a program with the lines that a checker reports."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.oracle.execute import Truth, explore
from tests.oracle.grammar import Program
from tests.oracle.world import Limits

Checker = Callable[[str], frozenset[int]]
"""lines of a source that leak in the checker's view; raises NotAnalysed"""


class NotAnalysed(Exception):
    """The checker gave up on the program."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one program. ``missed`` and ``false`` are lines; ``failed``: why there is no answer."""

    program: Program
    truth: Truth
    reported: frozenset[int] = frozenset()
    missed: frozenset[int] = frozenset()
    false: frozenset[int] = frozenset()
    decided: bool = True
    failed: str = ""

    @property
    def wrong(self) -> bool:
        """Whether the program shows a defect of the checker."""
        return bool(self.missed or self.false or self.failed)


def leaklint_lines(source: str) -> frozenset[int]:
    """The lines on which leaklint reports a leak in a function, at every confidence.

    Raises NotAnalysed when the outcome is not a checked file.
    """
    from leaklint.check import check_source
    from leaklint.config import Settings
    from leaklint.finding import Confidence
    from leaklint.result import Checked

    outcome = check_source(source.encode(), "program.py", Settings(min_confidence=Confidence.LOW))
    if not isinstance(outcome, Checked):
        raise NotAnalysed(f"{type(outcome).__name__}: {outcome.reason}")
    return frozenset(f.location.line for f in outcome.findings if f.rule.startswith("LL1") and f.rule != "LL107")


def judge(program: Program, checker: Checker, limits: Limits) -> Verdict:
    """Execute ``program`` and compare. Lines reported beyond the truth are tried with more faults."""
    truth = explore(program.source, limits)
    if not truth.complete:
        return Verdict(program, truth, decided=False)
    try:
        reported = checker(program.source)
    except NotAnalysed as reason:
        return Verdict(program, truth, failed=str(reason))
    missed, false = truth.leaks - reported, reported - truth.leaks - truth.soft
    if false:
        wide = explore(program.source, replace(limits, faults=limits.faults + 2, runs=limits.runs * 10))
        # A line that no run reaches proves nothing: helpers that are never called, branches that exclude each other.
        false = (false - wide.leaks - wide.soft) & (truth.acquired | wide.acquired)
        if false and not wide.complete and not missed:
            return Verdict(program, truth, reported, decided=False)
    return Verdict(program, truth, reported, frozenset(missed), frozenset(false))


@dataclass(slots=True)
class Row:
    """Counts of the programs that contain one construct."""

    programs: int = 0
    sites: int = 0
    leaks: int = 0
    missed: int = 0
    false: int = 0


@dataclass(slots=True)
class Table:
    """All verdicts, counted."""

    total: Row
    rows: dict[str, Row]
    undecided: int
    reported: int
    failed: int

    @property
    def false_share(self) -> float:
        """False alarms among the reported lines."""
        return self.total.false / self.reported if self.reported else 0.0

    @property
    def passed(self) -> bool:
        """Nothing missed, nothing given up on, and false alarms below 2 %."""
        return not self.total.missed and not self.failed and self.false_share < 0.02

    def lines(self) -> list[str]:
        """The table, for people."""
        decided = self.total.programs
        text = [
            f"{decided} decided, {self.undecided} undecided, {self.failed} not analysed; "
            f"{self.total.sites} acquiring lines, {self.total.leaks} leak, {self.reported} reported, "
            f"{self.total.missed} missed, {self.total.false} false alarms ({self.false_share:.2%} of what is reported)",
            f"{'construct':<22}{'programs':>9}{'lines':>7}{'leaks':>7}{'missed':>8}{'false':>7}",
        ]
        for name, row in sorted(self.rows.items()):
            text.append(f"{name:<22}{row.programs:>9}{row.sites:>7}{row.leaks:>7}{row.missed:>8}{row.false:>7}")
        return text


def tabulate(verdicts: Iterable[Verdict]) -> Table:
    """Count ``verdicts`` in all and by construct; undecided programs count nowhere else."""
    table = Table(Row(), {}, 0, 0, 0)
    for verdict in verdicts:
        if verdict.failed:
            table.failed += 1
        elif not verdict.decided:
            table.undecided += 1
        else:
            table.reported += len(verdict.reported)
            for row in (table.total, *(table.rows.setdefault(tag, Row()) for tag in verdict.program.tags)):
                row.programs += 1
                row.sites += len(verdict.truth.acquired)
                row.leaks += len(verdict.truth.leaks)
                row.missed += len(verdict.missed)
                row.false += len(verdict.false)
    return table
