"""Random programs of the oracle do the same after their fix on every combination of faults and branches, and leak less.

The programs run in the oracle's world of stand-ins, where what they do can be enumerated: each behaviour, as a sequence
of calls, of uses of open and of closed resources and of the exception that leaves, exists before and after the fix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.autofix.fixing import SAFE, fixed
from tests.oracle.execute import Truth, Unrunnable, explore
from tests.oracle.generate import generate
from tests.oracle.world import Limits

LIMITS = Limits(runs=600)
PROGRAMS = range(600)
GIVEN_AWAY = ("os.fdopen(", "callback(os.close")
"""what takes a descriptor over"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A program before and after its fix, and what its runs showed; ``clean``: nothing is found any more."""

    before: str
    after: str
    was: Truth
    now: Truth
    clean: bool

    def wrong(self) -> Iterator[str]:
        """What the fix broke, in words."""
        for behaviour in self.was.behaviours - self.now.behaviours:
            yield f"no run does {behaviour} any more"
        for behaviour in self.now.behaviours - self.was.behaviours:
            yield f"a run does {behaviour}"
        if len(self.now.leaks) > len(self.was.leaks):
            yield f"lines {sorted(self.now.leaks)} leak instead of {sorted(self.was.leaks)}"
        if self.clean and self.now.leaks:
            yield f"lines {sorted(self.now.leaks)} leak though nothing is found any more"


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> list[Pair]:
    """The programs that are fixed and whose runs can all be enumerated."""
    sources = {f"program_{seed}.py": generate(seed, stars=False).source for seed in PROGRAMS}
    folder = tmp_path_factory.mktemp("oracle") / "all"
    result = fixed({name: source.encode() for name, source in sources.items()}, folder, SAFE)
    found = []
    for name, before in sources.items():
        after = result.files[name].decode()
        if after != before and (truths := _truths(before, after)) is not None:
            found.append(Pair(before, after, *truths, clean=not result.remaining[name]))
    return found


def _truths(before: str, after: str) -> tuple[Truth, Truth] | None:
    try:
        was = explore(before, LIMITS)
    except Unrunnable:
        return None
    now = explore(after, LIMITS)
    return (was, now) if was.complete and now.complete else None


def test_many_programs_are_compared(pairs: list[Pair]) -> None:
    assert len(pairs) >= 0.3 * len(PROGRAMS)
    assert sum(pair.was.runs for pair in pairs) >= 10 * len(pairs)


def _broken(pairs: list[Pair], *, given_away: bool) -> dict[str, list[str]]:
    return {
        pair.after: problems[:3]
        for pair in pairs
        if (problems := list(pair.wrong())) and given_away == any(g in pair.before for g in GIVEN_AWAY)
    }


def test_no_program_is_broken(pairs: list[Pair]) -> None:
    assert _broken(pairs, given_away=False) == {}


def test_no_program_that_gives_a_descriptor_away_is_broken(pairs: list[Pair]) -> None:
    assert _broken(pairs, given_away=True) == {}


def test_a_fix_that_closes_early_or_twice_is_seen() -> None:
    before = "import os\nfrom lib import work\nP = 'path'\ndef target():\n    d = os.open(P, 0)\n    work(1)\n"
    before += "    f = os.fdopen(d)\n    f.read()\n    f.close()\n"
    twice = before + "    os.close(d)\n"
    early = before.replace("    f.read()\n    f.close()\n", "    f.close()\n    f.read()\n")
    was = explore(before, LIMITS)
    for after in (twice, early):
        assert list(Pair(before, after, was, explore(after, LIMITS), clean=False).wrong())
    assert not list(Pair(before, before, was, was, clean=False).wrong())
