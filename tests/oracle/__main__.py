"""``python -m tests.oracle --programs 5000 --seed 1``: exit 1 on a miss or on 2 % of false alarms."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Iterator
from functools import partial

from tests.oracle.generate import generate
from tests.oracle.grammar import Program
from tests.oracle.judge import Checker, Verdict, judge, leaklint_lines, tabulate
from tests.oracle.shrink import shrink
from tests.oracle.world import Limits

STARS = sys.version_info >= (3, 11)


def verdict_of(seed: int, checker: Checker = leaklint_lines, limits: Limits = Limits()) -> Verdict:  # noqa: B008
    """The verdict on the program of ``seed``."""
    return judge(generate(seed, stars=STARS), checker, limits)


def verdicts(seeds: range, jobs: int = 1) -> Iterator[Verdict]:
    """The verdicts on the programs of ``seeds``, in order, by ``jobs`` processes."""
    if jobs <= 1:
        yield from map(verdict_of, seeds)
        return
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap(verdict_of, seeds, chunksize=20)


def _shown(verdict: Verdict) -> str:
    """A wrong verdict with its program made small."""
    program = verdict.program

    def fails(source: str, *, missed: bool) -> bool:
        small = judge(Program(program.seed, source, program.tags), leaklint_lines, Limits())
        return small.decided and bool(small.missed if missed else small.false or small.failed)

    small = shrink(program.source, partial(fails, missed=bool(verdict.missed)))
    again = judge(Program(program.seed, small, program.tags), leaklint_lines, Limits())
    numbered = "\n".join(f"{n:4} {line}" for n, line in enumerate(small.splitlines(), 1))
    head = f"seed {program.seed}: missed {sorted(again.missed)}, false alarms {sorted(again.false)} {again.failed}"
    return f"{head}\n{numbered}\n"


def main() -> int:
    """Run the oracle as a command."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--programs", type=int, default=5000, help="how many programs (default 5000)")
    parser.add_argument("--seed", type=int, default=1, help="first seed (default 1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default 1)")
    parser.add_argument("--show", type=int, default=0, help="print so many wrong verdicts, made small")
    arguments = parser.parse_args()
    found = list(verdicts(range(arguments.seed, arguments.seed + arguments.programs), arguments.jobs))
    wrong = sorted((v for v in found if v.wrong), key=lambda v: (not v.missed, len(v.program.source)))
    for verdict in wrong[: arguments.show]:
        print(_shown(verdict))
    table = tabulate(found)
    print("\n".join(table.lines()))
    if wrong:
        print("missed in seeds:", *(v.program.seed for v in wrong if v.missed))
        print("false in seeds:", *(v.program.seed for v in wrong if v.false))
        print("not analysed in seeds:", *(v.program.seed for v in wrong if v.failed))
    return 0 if table.passed else 1


if __name__ == "__main__":
    sys.exit(main())
