"""``python -m tests.oracle --programs 5000 --seed 1``: exit 1 on a miss or on 2 % of false alarms."""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
from collections.abc import Iterator

from tests.oracle.execute import Unrunnable
from tests.oracle.generate import generate
from tests.oracle.grammar import KINDS, SESSION, Program
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


def _shrunk(verdict: Verdict) -> Verdict:
    """The verdict on the smallest program that fails in the same way."""
    program = verdict.program

    def again(source: str) -> Verdict:
        return judge(Program(program.seed, source, program.tags), leaklint_lines, Limits(runs=1000))

    def fails(source: str) -> bool:
        try:
            small = again(source)
        except Unrunnable:
            return False
        if verdict.failed or verdict.missed:
            return bool(small.failed if verdict.failed else small.missed)
        # A program that breaks down by itself would hide what the false alarm was about.
        return small.decided and not small.truth.spontaneous and bool(small.false)

    return again(shrink(program.source, fails))


def _show(wrong: list[Verdict], most: int) -> None:
    """Print wrong verdicts, made small; those alike but for names and the kind of resource only once."""
    acquire = re.compile("|".join(re.escape(a).replace('"', "['\"]") for k in (*KINDS, SESSION) for a in k.acquire))
    first: dict[str, int] = {}
    for verdict in wrong[:most]:
        small = _shrunk(verdict)
        body = small.program.source.partition("def target")[2]
        alike = re.sub(r"\d+", "", acquire.sub("ACQUIRE", body)) + f"{bool(small.missed)}"
        wrong_lines = f"missed {sorted(small.missed)}, false alarms {sorted(small.false)} {small.failed}"
        head = f"seed {verdict.program.seed}: {wrong_lines}"
        if alike in first:
            print(f"{head}: like seed {first[alike]}\n")
            continue
        first[alike] = verdict.program.seed
        print(head, *(f"{n:4} {line}" for n, line in enumerate(small.program.source.splitlines(), 1)), "", sep="\n")


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
    _show(wrong, arguments.show)
    table = tabulate(found)
    print("\n".join(table.lines()))
    if wrong:
        print("missed in seeds:", *(v.program.seed for v in wrong if v.missed))
        print("false in seeds:", *(v.program.seed for v in wrong if v.false))
        print("not analysed in seeds:", *(v.program.seed for v in wrong if v.failed))
    return 0 if table.passed else 1


if __name__ == "__main__":
    sys.exit(main())
