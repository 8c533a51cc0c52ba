"""Round trip: correct code loses its ``with`` or its release, is fixed, and becomes what it was, or as good."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.autofix.fixing import UNSAFE, Fixed, fixed
from tests.mutation.cases import cases
from tests.mutation.mutators import Mutant, mutants

OTHERWISE = {
    "databases.psycopg_query": "leaving a psycopg connection commits, which the mutant does not: closing() is right",
    "files.with_binary": "the acquisition and the with of its name become one statement",
    "files.unpack_lzma": "closing() around what closes itself is left out",
    "files.in_folder": "entering a TemporaryDirectory gives its name instead of it: cleanup() in a finally is right",
    "network.serve_one": "the acquisition and the with of its name become one statement",
}
"""functions whose ``with`` comes back in another form, and why"""


@dataclass(frozen=True, slots=True)
class Trip:
    """A mutant, the correct code that it was made of, and what the fix made of it."""

    mutant: Mutant
    original: str
    result: str
    remaining: list[dict[str, Any]]

    @property
    def changed(self) -> bool:
        return self.result != self.mutant.source

    @property
    def restored(self) -> bool:
        """Whether the original is back, with items in one ``with`` or in several."""
        return _shape(self.result) == _shape(self.original)


class _Joined(ast.NodeTransformer):
    """Joins a ``with`` whose body is one ``with`` of the same kind."""

    def _joined(self, node: Any) -> Any:
        self.generic_visit(node)
        while len(node.body) == 1 and type(node.body[0]) is type(node):
            node.items += node.body[0].items
            node.body = node.body[0].body
        return node

    visit_With = visit_AsyncWith = _joined


def _shape(source: str) -> str:
    return ast.dump(_Joined().visit(ast.parse(source)))


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Trip]]:
    """All mutants of all correct functions, by mutator."""
    made = {f"mutant_{number}.py": pair for number, pair in enumerate(_mutants())}
    results = fixed(
        {name: mutant.source.encode() for name, (mutant, _) in made.items()},
        tmp_path_factory.mktemp("trips") / "all",
        UNSAFE,
    )
    return _by_mutator(made, results)


def _mutants() -> Iterator[tuple[Mutant, str]]:
    for case in cases():
        for mutant in mutants(case):
            yield mutant, case.source


def _by_mutator(made: dict[str, tuple[Mutant, str]], results: Fixed) -> dict[str, list[Trip]]:
    by_mutator: dict[str, list[Trip]] = {}
    for name, (mutant, original) in made.items():
        trip = Trip(mutant, original, results.files[name].decode(), results.remaining[name])
        by_mutator.setdefault(mutant.mutator, []).append(trip)
    return by_mutator


def test_an_unwrapped_with_comes_back(trips: dict[str, list[Trip]]) -> None:
    lost = {trip.mutant.case: trip.result for trip in trips["unwrap_with"] if not trip.restored}
    assert {case: lost[case] for case in lost if case not in OTHERWISE} == {}
    assert len(trips["unwrap_with"]) - len(lost) >= 0.8 * len(trips["unwrap_with"])


def test_every_reason_for_another_form_is_needed(trips: dict[str, list[Trip]]) -> None:
    assert set(OTHERWISE) <= {trip.mutant.case for trip in trips["unwrap_with"] if not trip.restored}


@pytest.mark.parametrize(
    ("mutator", "share"),
    [
        ("unwrap_with", 1.0),
        ("delete_release", 0.85),
        ("drop_wrapper", 1.0),
        ("early_return", 0.65),
        ("release_after_try", 0.85),
        ("release_in_handler", 0.65),
        ("unawaited_release", 0.8),
        ("uncalled_release", 0.8),
    ],
)
def test_most_mutants_are_mended(mutator: str, share: float, trips: dict[str, list[Trip]]) -> None:
    mended = [trip for trip in trips[mutator] if trip.changed and not trip.remaining]
    assert len(mended) >= share * len(trips[mutator])


def test_what_is_not_mended_has_a_reason_and_stays_as_it_is(trips: dict[str, list[Trip]]) -> None:
    for trip in (trip for several in trips.values() for trip in several if trip.remaining):
        assert not trip.changed, trip.result
        assert all(finding["refused"] for finding in trip.remaining), trip.mutant.source


def test_no_call_is_lost_but_a_release(trips: dict[str, list[Trip]]) -> None:
    for trip in (trip for several in trips.values() for trip in several):
        lost = _calls(trip.mutant.source) - _calls(trip.result)
        assert all(call.endswith(RELEASING) for call in lost), (lost, trip.result)


RELEASING = ("close", "closing", "shutdown", "quit", "cleanup")


def _calls(source: str) -> set[str]:
    return {ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)}
