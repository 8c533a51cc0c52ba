"""Many files, in their order: each is read and checked behind a barrier, and one bad file never hides the others."""

from __future__ import annotations

import gc
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from time import monotonic

from leaklint.config import Settings
from leaklint.result import Failed, Outcome, Report, Work

RECURSION = 6_000
"""frames; Python's own limit of 1,000 is less than its parser accepts of nested branches"""
PATIENCE = 0.3
"""seconds that a run may take before other processes are started for the rest of it"""
MANY = 100
"""files that must be left for that"""

Check = Callable[[bytes, str, Settings], Outcome]
"""checks one file: its bytes, its path as reports print it, the settings"""


def run(
    files: Iterable[str | Failed],
    settings: Settings | Callable[[str], Settings],
    check: Check | None = None,
    *,
    jobs: int = 1,
    heard: Callable[[int, int], None] | None = None,
) -> Report:
    """Read and check ``files``; what discovery already failed to look at is passed on. Raises nothing.

    ``settings`` hold for all files, or tell those of a file by its path. ``check`` is `leaklint.check.check_source`
    unless given. ``jobs`` is how many processes work, 0 for as many as there are processors once that is worth it;
    the report is the same, but for the work that it took. ``heard`` is told after each file how many are done, and of
    how many.
    """
    outcomes: list[Outcome | None] = []
    paths: list[str] = []
    places: list[int] = []
    for place, file in enumerate(files):
        outcomes.append(file if isinstance(file, Failed) else None)
        if not isinstance(file, Failed):
            paths.append(file)
            places.append(place)
    checked = check or checker()
    with (
        _seldom_collecting(),
        deep(),
        closing(_outcomes(paths, lambda file: _outcome(file, settings, checked), jobs)) as found,
    ):
        for done, (number, outcome) in enumerate(found, 1):
            outcomes[places[number]] = outcome
            if heard is not None:
                heard(done, len(paths))
    return Report([outcome for outcome in outcomes if outcome is not None])


def _outcomes(
    files: Sequence[str], check: Callable[[str], Outcome], jobs: int
) -> Generator[tuple[int, Outcome], None, None]:
    """The outcome of each file with its number, at first from this process, which may be done before others start."""
    due = monotonic() + PATIENCE
    for number, file in enumerate(files):
        left = len(files) - number
        if hasattr(os, "fork") and left > 1 and (jobs > 1 or (jobs == 0 and left >= MANY and monotonic() >= due)):
            from leaklint import workers

            crew = jobs or workers.processors()
            if crew > 1:
                with closing(workers.share(files[number:], check, crew)) as found:
                    yield from ((number + offset, outcome) for offset, outcome in found)
                return
            jobs = 1
        yield number, check(file)


def _outcome(file: str, settings: Settings | Callable[[str], Settings], check: Check) -> Outcome:
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        return Failed(file, f"cannot read: {error.strerror or error}", work=Work(files=1))
    except ValueError as error:
        return Failed(file, f"cannot read: {error}", work=Work(files=1))
    return check_data(data, file, settings if isinstance(settings, Settings) else settings(file), check)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let the workspace decide when garbage is collected: with syntax trees, collections are a third of a run."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def deep() -> Iterator[None]:
    """Let libcst follow long chains of branches: it generates code recursively, a few frames for each ``elif``."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def checker() -> Check:
    """A check whose files share what was read of their project."""
    from leaklint.check import check_source
    from leaklint.workspace import Workspace

    workspaces: dict[tuple[int, tuple[str, ...], bool], Workspace] = {}

    def check(data: bytes, path: str, settings: Settings) -> Outcome:
        # files of one configuration share the tuple of resources itself
        key = id(settings.resources), settings.handlers, settings.handler_discovery
        if key not in workspaces:
            workspaces[key] = Workspace.under(settings)
        return check_source(data, path, settings, workspaces[key])

    return check


def check_data(data: bytes, path: str, settings: Settings, check: Check | None = None) -> Outcome:
    """Check the bytes of one file; whatever the analysis raises becomes a `Failed` outcome.

    What Python's parser warns about in the file is nobody's business here.
    """
    try:
        check = check or checker()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return check(data, path, settings)
    except Exception as error:
        message = " ".join(str(error).split())
        reason = f"internal error: {type(error).__name__}" + (f": {message}" if message else "")
        return Failed(path, reason, work=Work(files=1))
