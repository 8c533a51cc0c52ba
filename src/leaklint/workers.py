"""Processes that share the files of a run: neighbours go to the same one, and one that dies takes no file with it.

A worker is a fork, so it has what was read so far, and needs no more than the numbers of its files. Each has a stretch
of the list to itself, for neighbours mean the same modules; whoever is done takes the further half of what is left of
the longest stretch.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from time import monotonic

from leaklint.result import Failed, Outcome, Work

BATCH = 16
"""files that are handed to a worker at once"""
EVERY = 0.05
"""seconds after which a worker tells what it has found so far"""

Check = Callable[[str], Outcome]


def share(files: Sequence[str], check: Check, jobs: int) -> Generator[tuple[int, Outcome], None, None]:
    """Yield the number of each file and its outcome, as they come from ``jobs`` processes.

    The files of a worker that dies are checked once more, each in a process of its own; one that ends that too is
    `Failed`. When the iterator is closed, no process is left. Raises nothing that ``check`` does not raise.
    """
    crew = _Crew(files, check, jobs)
    gc.freeze()  # what was read before the fork stays shared: a collection would write to all of it
    try:
        yield from crew.outcomes()
    finally:
        crew.end()
        gc.unfreeze()


class _Worker:
    """A process and what it still owes; ``alone`` when it is there for a single file that ended another."""

    __slots__ = ("alone", "connection", "owed", "process", "slot")

    def __init__(self, slot: int, files: Sequence[str], check: Check, *, alone: bool) -> None:
        """Start the process. Raises OSError when the system has none to give."""
        context = get_context("fork")
        self.slot = slot
        self.alone = alone
        self.owed: set[int] = set()
        self.connection, theirs = context.Pipe()
        try:
            self.process = context.Process(target=_work, args=(self.connection, theirs, files, check), daemon=True)
            # An interrupt is for the process that was started first, which ends the others.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            try:
                self.process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        except BaseException:
            self.connection.close()
            raise
        finally:
            theirs.close()

    def hand(self, batch: Sequence[int]) -> None:
        """Give it files to check; a process that has died by then is found out when its answer is read."""
        self.owed.update(batch)
        with suppress(OSError):
            self.connection.send_bytes(pickle.dumps(batch))

    def end(self) -> None:
        """Let go of the process, whatever it does."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _work(ours: Connection[bytes, bytes], theirs: Connection[bytes, bytes], files: Sequence[str], check: Check) -> None:
    """What a worker does until nobody asks for more."""
    ours.close()
    try:
        while True:
            told = monotonic()
            found: list[tuple[int, Outcome]] = []
            for number in pickle.loads(theirs.recv_bytes()):
                found.append((number, check(files[number])))
                if monotonic() - told >= EVERY:
                    theirs.send_bytes(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
                    found, told = [], monotonic()
            theirs.send_bytes(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))
    except (EOFError, OSError):
        return


class _Crew:
    """The workers of a run, and the files that none of them has."""

    def __init__(self, files: Sequence[str], check: Check, jobs: int) -> None:
        self.files = files
        self.check = check
        jobs = min(jobs, len(files))
        edges = [len(files) * slot // jobs for slot in range(jobs + 1)]
        self.stretches = [range(*edge) for edge in pairwise(edges)]
        self.doubted: deque[int] = deque()
        """files that a worker had when it died"""
        self.left: list[int] = []
        """files for which no process could be had"""
        self.workers: dict[Connection[bytes, bytes], _Worker] = {}

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """See `share`."""
        for slot in range(len(self.stretches)):
            yield from self._start(slot)
        while self.workers:
            for connection in wait(list(self.workers)):
                assert isinstance(connection, Connection)
                worker = self.workers[connection]
                try:
                    found: list[tuple[int, Outcome]] = pickle.loads(connection.recv_bytes())
                except (EOFError, OSError):
                    yield from self._dead(worker)
                    continue
                worker.owed.difference_update(number for number, _ in found)
                yield from found
                if not worker.owed:
                    yield from self._again(worker)
        for number in (*self.left, *(number for stretch in self.stretches for number in stretch)):
            yield number, self.check(self.files[number])

    def end(self) -> None:
        """Leave no process behind."""
        for worker in self.workers.values():
            worker.end()
        self.workers.clear()

    def _start(self, slot: int) -> Iterator[tuple[int, Outcome]]:
        """Start a worker, if there is anything to do for it."""
        alone = bool(self.doubted)
        batch = [self.doubted.popleft()] if alone else self._batch(slot)
        if not batch:
            return
        try:
            worker = _Worker(slot, self.files, self.check, alone=alone)
        except OSError as error:
            if alone:  # never here, where it would end the run
                why = f"the process that checked it ended, and no other could be started: {error.strerror or error}"
                yield batch[0], Failed(self.files[batch[0]], why, work=Work(files=1))
                yield from self._start(slot)
            else:
                self.left.extend(batch)
            return
        self.workers[worker.connection] = worker
        worker.hand(batch)

    def _again(self, worker: _Worker) -> Iterator[tuple[int, Outcome]]:
        """Give a worker more to do, or let it go."""
        batch = [] if worker.alone or self.doubted else self._batch(worker.slot)
        if batch:
            worker.hand(batch)
            return
        del self.workers[worker.connection]
        worker.end()
        yield from self._start(worker.slot)

    def _dead(self, worker: _Worker) -> Iterator[tuple[int, Outcome]]:
        del self.workers[worker.connection]
        worker.process.join()
        why = _ending(worker.process.exitcode)
        worker.end()
        for number in sorted(worker.owed):
            if worker.alone:
                yield number, Failed(self.files[number], why, work=Work(files=1))
            else:
                self.doubted.append(number)
        yield from self._start(worker.slot)

    def _batch(self, slot: int) -> range:
        """The next files of a stretch: fewer towards its end, so that others can help."""
        if not self.stretches[slot]:
            longest = max(range(len(self.stretches)), key=lambda each: len(self.stretches[each]))
            stretch = self.stretches[longest]
            middle = len(stretch) // 2
            self.stretches[longest], self.stretches[slot] = stretch[:middle], stretch[middle:]
        stretch = self.stretches[slot]
        count = min(BATCH, (len(stretch) + 1) // 2)
        self.stretches[slot] = stretch[count:]
        return stretch[:count]


def _ending(code: int | None) -> str:
    """Why a file is not analysed whose process ended with this exit code, negative for a signal."""
    if code is None or code >= 0:
        return f"the parser ended the process (exit code {code})"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "the process that checked it was killed (SIGKILL), as happens when memory runs out"
    return f"the parser ended the process ({name})"


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not everywhere
        return os.cpu_count() or 1


__all__ = ["processors", "share"]
