"""A progress bar on standard error, for who waits at a terminal longer than a second."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

AFTER = 1.0
"""seconds"""
EVERY = 0.1
"""seconds between two looks of the bar"""

T = TypeVar("T")


def watched(files: Iterable[T], *, quiet: bool = False) -> Iterable[T]:
    """``files`` themselves, or the same with a bar that moves when the next one is asked for.

    ``quiet`` is whether no bar is wanted; there is none either where standard error is no terminal, in hooks and CI.
    """
    if quiet or sys.stderr is None or not wanted(os.environ, terminal=sys.stderr.isatty()):
        return files
    return _watched(files)


def wanted(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether somebody may be waiting who can see a bar."""
    if not terminal or environment.get("TERM") == "dumb":
        return False
    return not any(environment.get(name, "").lower() not in ("", "0", "false") for name in ("CI", "PRE_COMMIT"))


def _watched(files: Iterable[T]) -> Iterator[T]:
    due = monotonic() + AFTER
    everything = list(files)
    bar: Progress | None = None
    try:
        for number, file in enumerate(everything):
            if monotonic() >= due:
                with suppress(OSError):
                    bar = bar or _bar(len(everything))
                    bar.update(bar.task_ids[0], completed=number, refresh=True)
                due = monotonic() + EVERY
            yield file
    finally:
        if bar is not None:
            with suppress(OSError):
                bar.stop()


def _bar(total: int) -> Progress:
    """A bar that leaves nothing behind when it stops. It is drawn only when asked to: no thread waits for its turn."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    bar.add_task("Checking", total=total)
    bar.start()
    return bar
