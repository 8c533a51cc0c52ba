"""leaklint under itself: what we ship gives back what it opens."""

from __future__ import annotations

from pathlib import Path

from tests.command import leaklint

ROOT = Path(__file__).parent.parent


def test_nothing_of_ours_leaks() -> None:
    run = leaklint("check", "--isolated", "--output-format", "concise", "src", "docs", "benchmarks", cwd=ROOT)
    assert run.code == 0, "\n".join([*run.out, *run.err])
