"""Hundreds of generated programs do the same before and after their fix, undisturbed and with each call failing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.autofix.execution import Case, Verdict, compare
from tests.autofix.fixing import SAFE, UNSAFE, Fixed, fixed
from tests.autofix.programs import LOCAL, SERVED, SERVED_SHAPES, SHAPES, Program, programs
from tests.autofix.text import damage
from tests.test_conformance import require_server

MODES = {"safe": SAFE, "unsafe": UNSAFE}
SERVERS = ("mariadb", "postgres", "redis")
MAY_KEEP = b"keep(f)"
"""a call that may keep the handle, as unsafe fixes take it not to"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc/self/fd")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Programs, what each mode made of them, and how that runs."""

    made: list[Program]
    results: dict[str, Fixed]
    verdicts: dict[str, Verdict]

    def after(self, mode: str, program: Program) -> bytes:
        return self.results[mode].files[f"{program.name}.py"]

    def changed(self, mode: str) -> int:
        return sum(self.after(mode, program) != program.source for program in self.made)

    def broken(self, mode: str) -> dict[str, list[str]]:
        found = {}
        for program in self.made:
            if mode == "unsafe" and MAY_KEEP in program.source:
                continue
            damaged = list(damage(program.source, self.after(mode, program)))
            if problems := damaged + self.verdicts[program.name].differences[mode]:
                found[self.after(mode, program).decode()] = problems
        return found


def outcome(made: list[Program], folder: Path, most: int) -> Outcome:
    """Fix and run programs; with at most ``most`` faults in each."""
    files = {f"{program.name}.py": program.source for program in made}
    results = {mode: fixed(files, folder / mode, options) for mode, options in MODES.items()}
    cases = []
    for program in made:
        name = f"{program.name}.py"
        after = {mode: results[mode].files[name] for mode in MODES}
        repaired = {m for m in MODES if not results[m].remaining[name] and after[m] != program.source}
        cases.append(Case(program.name, program.source, after, frozenset(repaired), program.needs, most))
    return Outcome(made, results, compare(cases))


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return outcome(list(programs(240, LOCAL, SHAPES)), tmp_path_factory.mktemp("local"), 20)


@pytest.mark.parametrize("mode", MODES)
def test_programs_with_files_sockets_and_sqlite_do_the_same(mode: str, local: Outcome) -> None:
    assert local.broken(mode) == {}


def test_most_of_them_are_fixed_and_many_ways_are_run(local: Outcome) -> None:
    assert local.changed("safe") >= 0.8 * len(local.made)
    assert sum(verdict.runs for verdict in local.verdicts.values()) >= 12 * len(local.made)


@pytest.mark.servers
@pytest.mark.parametrize("mode", MODES)
def test_programs_with_servers_do_the_same(mode: str, served: Outcome) -> None:
    assert served.broken(mode) == {}
    assert served.changed(mode) >= 0.8 * len(served.made)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    for library in ("psycopg", "psycopg2", "pymysql", "redis"):
        pytest.importorskip(library)
    for name in SERVERS:
        require_server(name)
    return outcome(list(programs(40, SERVED, SERVED_SHAPES)), tmp_path_factory.mktemp("served"), 10)
