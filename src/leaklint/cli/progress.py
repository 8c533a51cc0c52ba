"""A progress bar on standard error, for who waits at a terminal longer than a second."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

AFTER = 1.0
"""seconds"""
EVERY = 0.1
"""seconds between two looks of the bar"""


@contextmanager
def watch(*, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """What is to be told, after each file, how many are done and of how many, so that a bar moves; None for no bar.

    ``quiet`` is whether no bar is wanted; there is none either where standard error is no terminal, in hooks and CI.
    """
    if quiet or sys.stderr is None or not wanted(os.environ, terminal=sys.stderr.isatty()):
        yield None
        return
    watching = _Watch(monotonic() + AFTER)
    try:
        yield watching.heard
    finally:
        if watching.bar is not None:
            with suppress(OSError):
                watching.bar.stop()


def wanted(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether somebody may be waiting who can see a bar."""
    if not terminal or environment.get("TERM") == "dumb":
        return False
    return not any(environment.get(name, "").lower() not in ("", "0", "false") for name in ("CI", "PRE_COMMIT"))


@dataclass(slots=True)
class _Watch:
    due: float
    """when the bar moves next"""
    bar: Progress | None = None

    def heard(self, done: int, total: int) -> None:
        """Move the bar, unless it has just been moved or everything is done."""
        if monotonic() < self.due or done == total:
            return
        with suppress(OSError):
            self.bar = self.bar or _bar(total)
            self.bar.update(self.bar.task_ids[0], completed=done, refresh=True)
        self.due = monotonic() + EVERY


def _bar(total: int) -> Progress:
    """A bar that leaves nothing behind when it stops. It is drawn only when asked to: no thread waits for its turn."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    bar.add_task("Checking", total=total)
    bar.start()
    return bar
