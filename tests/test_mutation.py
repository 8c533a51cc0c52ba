"""Broken copies of correct functions are found, each on its acquiring line; the correct ones are not accused."""

from __future__ import annotations

import pytest

from tests.mutation.__main__ import Outcome, run
from tests.mutation.cases import Case, cases
from tests.mutation.mutators import MUTATORS, mutants


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    return run()


def test_there_are_enough_correct_functions() -> None:
    assert len(cases()) >= 60
    assert len({case.name for case in cases()}) == len(cases())


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_every_correct_function_can_be_broken(case: Case) -> None:
    assert list(mutants(case))


def test_no_correct_function_is_accused(outcome: Outcome) -> None:
    assert [f"{case.name}: {said}" for case, said in outcome.accused] == []


@pytest.mark.parametrize("mutator", [m.__name__ for m in MUTATORS])
def test_every_mutant_is_found(outcome: Outcome, mutator: str) -> None:
    assert outcome.made[mutator] > 0
    survived = [f"{m.case} line {m.line}: {said}" for m, said in outcome.survived if m.mutator == mutator]
    assert survived == []


def test_a_silent_checker_lets_every_mutant_survive() -> None:
    outcome = run(lambda source: frozenset())
    assert len(outcome.survived) == sum(outcome.made.values())
    assert not outcome.accused
    assert not outcome.passed


def test_an_alarmist_accuses_every_function() -> None:
    outcome = run(lambda source: frozenset(range(1, 500)))
    assert len(outcome.accused) == outcome.correct
    assert not outcome.survived
