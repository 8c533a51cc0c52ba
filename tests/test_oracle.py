"""The oracle itself, leaklint under it, and defects seeded into leaklint that it must find."""

from __future__ import annotations

import ast
import functools
import textwrap

import pytest

from tests.oracle.__main__ import STARS, verdicts
from tests.oracle.defects import DEFECTS, Defect
from tests.oracle.execute import Unrunnable, explore
from tests.oracle.generate import generate
from tests.oracle.grammar import Program
from tests.oracle.judge import Verdict, judge, leaklint_lines, tabulate
from tests.oracle.regions import REGIONS
from tests.oracle.shrink import shrink
from tests.oracle.statements import STATEMENTS
from tests.oracle.world import Limits

PROGRAMS = range(1, 301)
HEAD = """import aiohttp, atexit, contextlib, os, sqlite3
from lib import work, use, cond, items, awork
KEPT = []
"""

# What leaks in these bodies is marked; the oracle must find it by running them.
KNOWN = {
    "never released": """
        def target(a):
            f = open("p")  # leak
        """,
    "released on the normal way only": """
        def target(a):
            f = open("p")  # leak
            work(1)
            f.close()
        """,
    "nothing can happen in between": """
        def target(a):
            f = open("p")
            size = len("x")
            f.close()
        """,
    "finally": """
        def target(a):
            f = open("p")
            try:
                work(1)
                if a:
                    return
            finally:
                f.close()
        """,
    "with": """
        def target(a):
            with open("p") as f:
                f.read()
        """,
    "with that ends a transaction": """
        def target(a):
            with sqlite3.connect("p") as c:  # leak
                work(1)
        """,
    "closing": """
        def target(a):
            with contextlib.closing(sqlite3.connect("p")) as c:
                work(1)
        """,
    "narrow handler": """
        def target(a):
            f = open("p")  # leak
            try:
                work(1)
            except ValueError:
                f.close()
                raise
            f.close()
        """,
    "cancelled past except Exception": """
        async def target(a):
            f = open("p")  # leak
            try:
                await awork(1)
            except Exception:
                pass
            f.close()
        """,
    "abandoned generator": """
        def target(a):
            f = open("p")  # leak
            try:
                yield 1
            except Exception:
                f.close()
                raise
            f.close()
        """,
    "returned": """
        def target(a):
            return open("p")
        """,
    "returned in a tuple": """
        def target(a):
            f = open("p")
            return f, 1
        """,
    "returned in a closure": """
        def target(a):
            f = open("p")
            return lambda: f.read()
        """,
    "stored on an argument": """
        def target(sink):
            sink.handle = open("p")
        """,
    "stored by a helper": """
        def keep(x):
            KEPT.append(x)
        def target(a):
            keep(open("p"))
        """,
    "borrowed": """
        def target(a):
            f = open("p")  # leak
            use(f)
        """,
    "rebound": """
        def target(a):
            f = open("p")  # leak
            f = open("q")
            f.close()
        """,
    "rebound in a loop": """
        def target(a):
            f = None
            for item in items(1):
                f = open("p")  # leak
            if f is not None:
                f.close()
        """,
    "correlated guards": """
        def target(a):
            if a:
                f = open("p")
            try:
                work(1)
            finally:
                if a:
                    f.close()
        """,
    "a helper's resource belongs to its caller": """
        def make():
            f = open("p")
            return f
        def target(a):
            f = make()  # leak
            work(1)
        """,
    "a helper that fails before it returns": """
        def make():
            f = open("p")  # leak
            work(1)
            return f
        def target(a):
            make().close()
        """,
    "registered": """
        def target(a):
            f = open("p")
            atexit.register(f.close)
            work(1)
        """,
    "raw descriptor": """
        def target(a):
            fd = os.open("p", 0)  # leak
            os.read(fd, 1)
            os.close(fd)
        """,
    "descriptor taken over": """
        def target(a):
            fd = os.open("p", 0)
            with os.fdopen(fd) as f:
                work(1)
        """,
    "close that is not awaited": """
        async def target(a):
            s = aiohttp.ClientSession()  # leak
            s.close()
        """,
    "awaited close": """
        async def target(a):
            s = aiohttp.ClientSession()
            try:
                await awork(1)
            finally:
                await s.close()
        """,
    "event of a handler": """
        def target(event, context):
            f = open("p")  # leak
            name = event["name"]
            f.close()
        """,
    "a return in finally swallows": """
        def target(a):
            f = open("p")
            try:
                work(1)
            finally:
                f.close()
                return
        """,
    "an exception nobody injected": """
        def target(a):
            f = open("p")
            None.missing
            f.close()
        """,
    "a release that might raise": """
        def target(a):
            f = open("p")  # leak
            g = open("q")
            f.close()
            g.close()
        """,
}


def _program(body: str) -> str:
    return HEAD + textwrap.dedent(body).lstrip()


@pytest.mark.parametrize("name", KNOWN)
def test_truth_of_known_programs(name: str) -> None:
    source = _program(KNOWN[name])
    truth = explore(source, Limits())
    expected = {n for n, line in enumerate(source.splitlines(), 1) if line.endswith("# leak")}
    assert truth.complete
    assert set(truth.leaks) == expected


def test_spontaneous_exceptions_are_soft() -> None:
    truth = explore(_program(KNOWN["an exception nobody injected"]), Limits())
    assert (len(truth.leaks), len(truth.soft)) == (0, 1)


def test_programs_repeat_by_seed_and_use_every_construct() -> None:
    programs = [generate(seed, stars=STARS) for seed in range(600)]
    assert [p.source for p in programs[:50]] == [generate(seed, stars=STARS).source for seed in range(50)]
    used = frozenset[str]().union(*(p.tags for p in programs))
    wanted = {production.__name__ for production in (*STATEMENTS, *REGIONS)}
    if not STARS:
        wanted -= {"attempt_group", "group_finally"}
    assert wanted <= used


def test_programs_are_both_right_and_wrong() -> None:
    truths = [explore(generate(seed, stars=STARS).source, Limits()) for seed in range(100)]
    leaking = sum(bool(t.leaks) for t in truths if t.complete)
    assert 20 < leaking < 80
    assert sum(t.complete for t in truths) > 90


def test_a_checker_is_judged_by_the_truth() -> None:
    programs = [generate(seed, stars=STARS) for seed in range(25)]
    exact = tabulate(judge(p, lambda source: explore(source, Limits()).leaks, Limits()) for p in programs)
    silent = tabulate(judge(p, lambda source: frozenset(), Limits()) for p in programs)
    alarmist = tabulate(judge(p, lambda source: explore(source, Limits()).acquired, Limits()) for p in programs)
    assert exact.passed
    assert silent.total.missed == silent.total.leaks > 0
    assert alarmist.total.false > 0
    assert not alarmist.total.missed
    assert not silent.passed
    assert not alarmist.passed


def test_failing_programs_are_made_small() -> None:
    program = next(p for p in (generate(s, stars=STARS) for s in range(50)) if len(p.source.splitlines()) > 40)

    def fails(source: str) -> bool:
        try:
            return bool(explore(source, Limits()).acquired)
        except Unrunnable:
            return False

    small = shrink(program.source, fails)
    assert fails(small)
    assert len(small.splitlines()) <= 6
    assert ast.parse(small)


def test_leaklint_agrees_with_cpython() -> None:
    table = tabulate(verdicts(PROGRAMS))
    assert table.total.programs > 250
    assert table.passed, "\n".join(table.lines())


@pytest.mark.parametrize("name", KNOWN)
def test_leaklint_agrees_on_known_programs(name: str) -> None:
    verdict = judge(Program(0, _program(KNOWN[name]), frozenset()), leaklint_lines, Limits())
    assert not verdict.wrong, verdict


@functools.cache
def _right(seed: int) -> Verdict:
    """The verdict of leaklint as it is."""
    return judge(generate(seed, stars=STARS), leaklint_lines, Limits())


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_seeded_defects_are_found(defect: Defect) -> None:
    tried = 0
    for seed in range(1, 4000):
        if defect.tags and not defect.tags & generate(seed, stars=STARS).tags:
            continue
        right = _right(seed)
        if not right.decided or right.wrong:
            continue
        tried += 1
        with defect.seeded():
            wrong = leaklint_lines(right.program.source)
            if wrong != right.reported and judge(right.program, leaklint_lines, Limits()).wrong:
                return
        assert tried < 300, "the oracle does not notice"
    pytest.fail("no program shows it")


def test_a_seeded_defect_is_gone_afterwards() -> None:
    for defect in DEFECTS:
        right, places = getattr(defect.owner, defect.attribute), defect.places()
        with defect.seeded():
            assert all(getattr(place, defect.attribute) is not right for place in places)
        assert all(getattr(place, defect.attribute) is right for place in places)
