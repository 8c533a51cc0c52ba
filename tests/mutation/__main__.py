"""``python -m tests.mutation [--show]``: break every correct function; exit 1 when a mutant goes unnoticed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

from tests.mutation.cases import Case, cases
from tests.mutation.mutators import MUTATORS, Mutant, mutants
from tests.oracle.judge import Checker, NotAnalysed, leaklint_lines


@dataclass(slots=True)
class Outcome:
    """What the checker said of all cases and mutants."""

    correct: int = 0
    accused: list[tuple[Case, str]] = field(default_factory=list)
    """correct functions with findings, and which"""
    made: dict[str, int] = field(default_factory=lambda: {m.__name__: 0 for m in MUTATORS})
    survived: list[tuple[Mutant, str]] = field(default_factory=list)
    """mutants without a finding on their line, and what was found instead"""

    @property
    def passed(self) -> bool:
        """Whether every mutant was found and no correct function accused."""
        return not self.accused and not self.survived

    def lines(self) -> list[str]:
        """A table by mutator."""
        text = [
            f"{self.correct} correct functions, {len(self.accused)} accused",
            f"{'mutator':<20}{'made':>6}{'found':>7}",
        ]
        for name, made in self.made.items():
            lost = sum(mutant.mutator == name for mutant, _ in self.survived)
            text.append(f"{name:<20}{made:>6}{made - lost:>7}")
        total = sum(self.made.values())
        return [*text, f"{'all':<20}{total:>6}{total - len(self.survived):>7}"]


def run(checker: Checker = leaklint_lines) -> Outcome:
    """Check every case and every mutant of it."""
    outcome = Outcome()
    for case in cases():
        outcome.correct += 1
        said = _said(checker, case.source)
        if said != "nothing":
            outcome.accused.append((case, said))
        for mutant in mutants(case):
            outcome.made[mutant.mutator] += 1
            said = _said(checker, mutant.source, mutant.line)
            if said:
                outcome.survived.append((mutant, said))
    return outcome


def _said(checker: Checker, source: str, line: int = 0) -> str:
    """What was reported, in words; empty when ``line`` is among it."""
    try:
        reported = checker(source)
    except NotAnalysed as reason:
        return str(reason)
    return "" if line in reported else f"lines {sorted(reported)}" if reported else "nothing"


def _numbered(source: str) -> str:
    return "\n".join(f"{number:4} {line}" for number, line in enumerate(source.splitlines(), 1))


def main() -> int:
    """Run the mutation harness as a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--show", action="store_true", help="print accused functions and surviving mutants")
    arguments = parser.parse_args()
    outcome = run()
    if arguments.show:
        for case, said in outcome.accused:
            print(f"accused: {case.name}: {said}\n{_numbered(case.source)}\n")
        for mutant, said in outcome.survived:
            print(f"survived: {mutant.case} {mutant.mutator}: line {mutant.line}, found {said}")
            print(f"{_numbered(mutant.source)}\n")
    print("\n".join(outcome.lines()))
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    sys.exit(main())
