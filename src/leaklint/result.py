"""The outcome of a file is a sum type; the outcome of a run is a Report, the only place that decides the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from leaklint.finding import Finding


@dataclass(slots=True)
class Work:
    """What was done, counted: printed under ``--verbose``, asserted by tests."""

    files: int = 0
    gated: int = 0
    """files that the byte gate or the selection of scopes let go without libcst"""
    parsed: int = 0
    """files of which at least one scope was parsed by libcst"""
    scopes: int = 0
    """scopes (functions and module bodies) parsed by libcst and lowered"""
    ops: int = 0
    """ops lowered"""
    states: int = 0
    """obligation states visited by the tracker"""

    def add(self, other: Work) -> None:
        """Add the counts of ``other`` to these."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Checked:
    """The file was analysed whole.

    ``suppressed`` are the findings that a comment suppresses. ``source`` is the decoded text when there are findings
    of either kind to frame, else empty.
    """

    path: str
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    source: str = ""
    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True)
class Skipped:
    """The file was left out on purpose (``# leaklint: skip-file``)."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The file, or a part of it, could not be analysed; ``findings`` are those of the parts that could.

    ``line`` is 1-based, 0 when the whole file is meant.
    """

    path: str
    reason: str
    line: int = 0
    findings: tuple[Finding, ...] = ()
    suppressed: tuple[Finding, ...] = ()
    source: str = ""
    work: Work = field(default_factory=Work)


Outcome = Checked | Skipped | Failed


@dataclass(slots=True)
class Report:
    """All outcomes of a run, in the order of the files."""

    outcomes: list[Outcome] = field(default_factory=list)
    aside: dict[str, int] = field(default_factory=dict)
    """how many findings were left out after the check, by the words that say why"""

    @property
    def findings(self) -> list[Finding]:
        """Every finding to print, by path, line, column, rule."""
        return _sorted(f for o in self.outcomes if not isinstance(o, Skipped) for f in o.findings)

    @property
    def not_analysed(self) -> list[Failed]:
        """The files of which something was not analysed, and the paths that are missing or cannot be listed."""
        return [o for o in self.outcomes if isinstance(o, Failed)]

    @property
    def suppressed(self) -> list[Finding]:
        """Every finding that would be printed if no comment suppressed it, by path, line, column, rule."""
        return _sorted(f for o in self.outcomes if not isinstance(o, Skipped) for f in o.suppressed)

    @property
    def sources(self) -> dict[str, str]:
        """The decoded text of each file that has findings, by its path."""
        return {o.path: o.source for o in self.outcomes if not isinstance(o, Skipped) and o.source}

    @property
    def work(self) -> Work:
        """The counts of all files together."""
        total = Work()
        for outcome in self.outcomes:
            if not isinstance(outcome, Skipped):
                total.add(outcome.work)
        return total

    def exit_code(self, *, exit_zero: bool = False) -> int:
        """2 when something could not be done, else 1 when something was found (0 with ``exit_zero``), else 0."""
        if self.not_analysed:
            return 2
        return 1 if self.findings and not exit_zero else 0


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.location, finding.rule))
