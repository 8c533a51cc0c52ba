"""Traps: programs that a careless fixer breaks. Each behaves the same after ``--fix`` and ``--fix --unsafe-fixes``."""

from __future__ import annotations

import importlib.util
import re
import socket
import warnings
from pathlib import Path

import pytest

from tests.autofix.careless import CARELESS, by_lines
from tests.autofix.execution import Case, compare
from tests.autofix.fixing import SAFE, UNSAFE, fixed
from tests.autofix.text import damage
from tests.test_conformance import SERVERS, require_server

TRAPS = Path(__file__).parent.parent / "fixtures" / "autofix" / "traps"
SOURCES = {path.stem: path.read_bytes() for path in sorted(TRAPS.glob("*.py"))}
NEEDS = {
    name: tuple(need.decode() for need in re.findall(rb"^# needs: (\w+)$", source, re.MULTILINE))
    for name, source in SOURCES.items()
}
MODES = {"safe": SAFE, "unsafe": UNSAFE}
UNSEEN = {
    "class_keeps_files": "that a constructor fails at what it opens next is not followed",
    "module_level": "a file that the module keeps for its functions is no leak",
    "partial_returned": "what a returned partial holds is its caller's, and is not followed there",
    "response_stream": "the file inside of the stand-in for a streaming body is not followed",
}
"""traps that leave descriptors open although nothing is found in them, and why"""
BROKEN: dict[tuple[str, str], str] = {}
"""by trap and mode what a fix still breaks"""

LEAST_BROKEN = {
    "to_the_last_mention": 45, "to_the_end": 30, "close_before_the_end": 28, "delete_unused": 6, "hoist_inline": 9,
    "closing_everywhere": 30, "by_lines": 45,
}  # fmt: skip
"""by careless fixer how many traps it breaks at least"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc/self/fd")


def parameters() -> list[object]:
    """Each trap in each mode; those that need a server are marked."""
    return [
        pytest.param(
            name, mode, id=f"{name}-{mode}",
            marks=[
                *([pytest.mark.servers] if NEEDS[name] else []),
                *([pytest.mark.xfail(reason=BROKEN[name, mode], strict=True)] if (name, mode) in BROKEN else []),
            ],
        )
        for name in SOURCES
        for mode in MODES
    ]  # fmt: skip


class Repairs:
    """The traps as fixed in both modes, and how they run."""

    def __init__(self, folder: Path, names: set[str]) -> None:
        files = {f"{name}.py": SOURCES[name] for name in names}
        self.results = {mode: fixed(files, folder / mode, options) for mode, options in MODES.items()}
        self.verdicts = compare(
            Case(name, SOURCES[name], self._after(name), self._repaired(name), NEEDS[name], 30 if NEEDS[name] else 80)
            for name in sorted(names)
        )

    def _repaired(self, name: str) -> frozenset[str]:
        left = {mode: result.remaining[f"{name}.py"] for mode, result in self.results.items()}
        after = self._after(name)
        return frozenset(m for m in MODES if not left[m] and after[m] != SOURCES[name] and name not in UNSEEN)

    def _after(self, name: str) -> dict[str, bytes]:
        return {mode: result.files[f"{name}.py"] for mode, result in self.results.items()}


@pytest.fixture(scope="module")
def repairs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Repairs:
    """The traps of the selected tests, as far as their libraries are installed and their servers run."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    names = {str(item.callspec.params["name"]) for item in items if item.function is test_a_trap_is_not_broken}
    ready = {name for name in names if _is_ready(name)}
    return Repairs(tmp_path_factory.mktemp("traps"), ready | {name for name in SOURCES if not NEEDS[name]})


def _is_ready(name: str) -> bool:
    return not _missing(name) and all(_listens(need) for need in NEEDS[name])


def _missing(name: str) -> list[str]:
    """The libraries of a trap with a server that are not installed."""
    imported = re.findall(rb"^import (\w+)", SOURCES[name], re.MULTILINE) if NEEDS[name] else []
    return [module.decode() for module in imported if importlib.util.find_spec(module.decode()) is None]


def _listens(need: str) -> bool:
    with socket.socket() as tried:
        tried.settimeout(2)
        return tried.connect_ex(("127.0.0.1", SERVERS[need])) == 0


@pytest.mark.parametrize(("name", "mode"), parameters())
def test_a_trap_is_not_broken(name: str, mode: str, repairs: Repairs) -> None:
    for need in NEEDS[name]:
        require_server(need)
    if _missing(name):
        pytest.skip(f"not installed: {', '.join(_missing(name))}")
    after = repairs.results[mode].files[f"{name}.py"]
    assert list(damage(SOURCES[name], after)) == []
    assert repairs.verdicts[name].differences[mode] == [], after.decode("latin-1")


def test_there_are_enough_traps_and_many_are_fixed_in_part(repairs: Repairs) -> None:
    assert len(SOURCES) >= 110
    assert set(UNSEEN) <= set(SOURCES)
    changed = [name for name in repairs.verdicts if repairs.results["safe"].files[f"{name}.py"] != SOURCES[name]]
    assert len(changed) >= 0.6 * len(repairs.verdicts)


@pytest.fixture(scope="module")
def carelessly() -> dict[str, list[str]]:
    """The careless fixers that break each trap; those that need a server aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        results = {
            name: {label: fixer(source) for label, fixer in CARELESS.items()}
            for name, source in SOURCES.items()
            if not NEEDS[name]
        }
        hurt = {
            name: {label: list(damage(SOURCES[name], made[label])) for label in made if label == by_lines.__name__}
            for name, made in results.items()
        }
    ran = compare(
        Case(name, SOURCES[name], {"nothing": SOURCES[name], **made}, most=8) for name, made in results.items()
    )
    return {
        name: [label for label, found in ran[name].differences.items() if found or hurt[name].get(label)]
        for name in ran
    }


def test_programs_do_not_differ_from_themselves(carelessly: dict[str, list[str]]) -> None:
    assert [name for name, broken in carelessly.items() if "nothing" in broken] == []


@pytest.mark.parametrize(("careless", "least"), LEAST_BROKEN.items())
def test_a_careless_fixer_is_caught(careless: str, least: int, carelessly: dict[str, list[str]]) -> None:
    assert sum(careless in broken for broken in carelessly.values()) >= least


def test_most_traps_catch_a_careless_fixer(carelessly: dict[str, list[str]]) -> None:
    assert sum(bool(broken) for broken in carelessly.values()) >= 80
