"""Runs programs before and after their fix and says where they differ: ``python -m tests.autofix.execution IN OUT``.

Each case runs in a fork of its own: what a program leaks ends with it, and one that hangs is ended.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import io
import itertools
import json
import os
import re
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.autofix.faults import PROGRAM, QUIET, RELEASES, WRAPPERS, Fault, Point, Recorder, instrumented, kinds_of
from tests.autofix.surroundings import TABLE, Folder, Keys, Server, descriptors, server

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 2.0
"""seconds after which a run is taken to hang"""
MEMORY = Path("/dev/shm")
"""where files cost less than on a disk"""
ENOUGH = 4
"""differences after which a result is not run any more"""
VARYING = re.compile(r"0x[0-9a-f]+|\btmp[a-z0-9_]{8}\b|fd=\d+")


@dataclass(frozen=True, slots=True)
class Case:
    """A program, what fixers made of it, and the labels of those results in which nothing leaks any more."""

    name: str
    before: bytes
    after: dict[str, bytes]
    repaired: frozenset[str] = frozenset()
    needs: tuple[str, ...] = ()
    """servers whose rows are compared"""
    most: int = 80
    """pairs of a call and a kind of fault that are tried at most"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How results of fixers differ from the program: by label. ``runs`` of the program were compared."""

    differences: dict[str, list[str]]
    runs: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What one run came to."""

    outcome: str
    stdout: str
    files: dict[str, str]
    rows: dict[str, list[str]]
    temporary: int
    descriptors: int
    calls: Counter[str] = field(compare=False)


class Hang(BaseException):
    """The run takes too long."""


class Runner:
    """Runs programs in one folder, observing them."""

    def __init__(self, folder: Folder, servers: dict[str, Server | Keys]) -> None:
        self._folder = folder
        self._servers = servers

    def run(self, code: Any, point: Point | None = None, *, hold: bool = False) -> Observation:
        """Import the program and call its ``run`` with the folder's path."""
        self._folder.furnish()
        for each in self._servers.values():
            each.reset()
        recorder = Recorder(point, hold)
        module = types.ModuleType(PROGRAM)
        module.__dict__["__builtins__"] = {**vars(builtins), "_call_": recorder}
        sys.modules[PROGRAM] = module
        said = io.StringIO()
        before = descriptors()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()), _limited():
            outcome, kept = self._outcome(code, module)
        if hold:
            _drop_frames(kept)
        left = descriptors() - before
        _forget(recorder, module, kept)
        return Observation(
            outcome,
            said.getvalue(),
            self._folder.contents(),
            {name: each.rows() for name, each in self._servers.items()},
            self._folder.temporary(),
            left,
            recorder.counts,
        )

    def _outcome(self, code: Any, module: types.ModuleType) -> tuple[str, list[object]]:
        """What the run returned or raised, in words, and the object itself."""
        try:
            exec(code, module.__dict__)
            result = module.__dict__["run"](str(self._folder.path))
            return VARYING.sub("...", f"returned {result!r}"), [result]
        except BaseException as error:
            text = VARYING.sub("...", f"raised {type(error).__qualname__}: {error}")
            return text, [error]


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _drop_frames(kept: list[object]) -> None:
    """Empty the frames of an exception: what leaks is held elsewhere, and a cursor in them keeps a closed database."""
    for item in kept:
        if isinstance(item, BaseException):
            traceback.clear_frames(item.__traceback__)


def _forget(recorder: Recorder, module: types.ModuleType, kept: list[object]) -> None:
    """Drop everything that the run made, as the end of a process would."""
    for item in kept:
        if isinstance(item, BaseException):
            item.__traceback__ = None
    kept.clear()
    recorder.held.clear()
    sys.modules.pop(PROGRAM, None)
    module.__dict__.clear()
    gc.collect()


class Comparison:
    """Compares one result of a fixer with the program, run by run."""

    def __init__(self, runner: Runner, case: Case) -> None:
        self._runner = runner
        self._case = case
        self._code = instrumented(case.before, "<before>")
        self._undisturbed = runner.run(self._code)
        self._seen: dict[tuple[Point | None, bool], Observation] = {(None, False): self._undisturbed}
        self.points = list(itertools.islice(self._points(), case.most))

    def _points(self) -> Iterator[Point]:
        kinds = kinds_of(self._case.before)
        for kind in kinds:
            for key, count in self._undisturbed.calls.items():
                for number in range(1, count + 1):
                    if key not in RELEASES:
                        yield Point(key, number, kind)

    def _before(self, point: Point | None, hold: bool) -> Observation:
        if (point, hold) not in self._seen:
            self._seen[point, hold] = self._runner.run(self._code, point, hold=hold)
        return self._seen[point, hold]

    def differences(self, label: str) -> Iterator[str]:
        """How the result with this label differs, in words."""
        try:
            code = instrumented(self._case.after[label], "<after>")
        except SyntaxError as problem:
            yield f"does not compile: {problem}"
            return
        yield from self._calls(self._runner.run(code))
        repaired = label in self._case.repaired
        for point in (None, *self.points):
            where = "undisturbed" if point is None else str(point)
            before, after = self._before(point, False), self._runner.run(code, point)
            yield from (f"{where}: {text}" for text in _compared(before, after))
            if after.outcome.startswith("raised Hang"):
                return
            if point is None or point.kind is Fault:
                held, left = self._before(point, True), self._runner.run(code, point, hold=True)
                if left.descriptors > held.descriptors:
                    yield f"{where}: {left.descriptors} descriptors are left open instead of {held.descriptors}"
                elif repaired and left.descriptors and (point is None or point.key not in QUIET | WRAPPERS):
                    yield f"{where}: {left.descriptors} descriptors are left open though nothing is found any more"

    def _calls(self, after: Observation) -> Iterator[str]:
        lost = self._undisturbed.calls - after.calls
        added = after.calls - self._undisturbed.calls
        for key in lost.keys() - RELEASES:
            yield f"undisturbed: {lost[key]} of the calls of {key} are not made"
        for key in added.keys() - RELEASES - WRAPPERS:
            yield f"undisturbed: {added[key]} more calls of {key} are made"


def _compared(before: Observation, after: Observation) -> Iterator[str]:
    if before.outcome != after.outcome:
        yield f"{after.outcome} instead of {before.outcome}"
    if before.stdout != after.stdout:
        yield f"printed {after.stdout!r} instead of {before.stdout!r}"
    for name in sorted(before.files.keys() | after.files.keys()):
        if before.files.get(name) != after.files.get(name):
            yield f"{name} holds {after.files.get(name)} instead of {before.files.get(name)}"
    if before.rows != after.rows:
        yield f"committed {after.rows} instead of {before.rows}"
    if after.temporary > before.temporary:
        yield f"{after.temporary} temporary files are left instead of {before.temporary}"
    if after.descriptors > before.descriptors:
        yield f"{after.descriptors} descriptors are open instead of {before.descriptors}"


# --- many cases, in processes ---


def compare(cases: Iterable[Case], processes: int = 2) -> dict[str, Verdict]:
    """Run all cases, in ``processes`` at a time; the verdicts by name."""
    pending = list(cases)
    if not pending:
        return {}
    shares = [share for share in (pending[number::processes] for number in range(processes)) if share]
    with _echo() as port, ThreadPoolExecutor(processes) as executor:
        parts = executor.map(lambda share: _share(share, port), shares)
        return {name: verdict for part in parts for name, verdict in part.items()}


class _Echo(socketserver.StreamRequestHandler):
    """Sends back what it gets, line by line."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            for line in self.rfile:
                self.wfile.write(line)


@contextlib.contextmanager
def _echo() -> Iterator[int]:
    """A server on loopback that the programs find by ``ECHO_PORT``; its port."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Echo) as echo:
        echo.daemon_threads = True
        serving = threading.Thread(target=echo.serve_forever, daemon=True)
        serving.start()
        yield echo.server_address[1]
        echo.shutdown()
        serving.join()


def _share(cases: list[Case], port: int) -> dict[str, Verdict]:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return _in_folder(cases, Path(folder), port)


def _in_folder(cases: list[Case], folder: Path, port: int) -> dict[str, Verdict]:
    there, back = folder / "cases.json", folder / "verdicts.json"
    there.write_text(json.dumps([_packed(case) for case in cases]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.autofix.execution", there, back],
        cwd=ROOT, env={**os.environ, "ECHO_PORT": str(port)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {name: Verdict(*parts) for name, parts in json.loads(back.read_text("utf-8")).items()}


def _packed(case: Case) -> list[Any]:
    after = {label: data.decode("latin-1") for label, data in case.after.items()}
    return [case.name, case.before.decode("latin-1"), after, sorted(case.repaired), list(case.needs), case.most]


def _unpacked(parts: list[Any]) -> Case:
    name, before, after, repaired, needs, most = parts
    results = {label: text.encode("latin-1") for label, text in after.items()}
    return Case(name, before.encode("latin-1"), results, frozenset(repaired), tuple(needs), most)


def _alone(case: Case, folder: Path) -> list[Any]:
    """The verdict on one case, found in a fork: the differences by label, and the number of runs."""
    answer = folder / "answer.json"
    answer.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            answer.write_text(json.dumps(_judged(case, folder)), "utf-8")
        except BaseException as problem:
            answer.write_text(json.dumps([{label: [f"cannot be run: {problem!r}"] for label in case.after}, 0]))
        finally:
            os._exit(0)
    until = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            break
        time.sleep(0.002)
    if not answer.exists():
        return [{label: ["hangs or ends the process"] for label in case.after}, 0]
    found: list[Any] = json.loads(answer.read_text("utf-8"))
    return found


def _judged(case: Case, folder: Path) -> list[Any]:
    def late(*_: object) -> NoReturn:
        raise Hang

    signal.signal(signal.SIGALRM, late)
    sys.unraisablehook = lambda _: None
    warnings.simplefilter("ignore")
    os.environ["TABLE"] = TABLE
    gc.disable()
    servers = {name: server(name) for name in case.needs}
    gc.collect()
    gc.freeze()  # what is there by then is not looked at again after each run
    try:
        comparison = Comparison(Runner(Folder(folder / "run"), servers), case)
        differences = {label: list(itertools.islice(comparison.differences(label), ENOUGH)) for label in case.after}
        return [differences, 1 + len(comparison.points)]
    finally:
        for each in servers.values():
            each.drop()


def main(there: str, back: str) -> None:
    """Judge the cases of the file ``there`` and write the verdicts to ``back``."""
    cases = [_unpacked(parts) for parts in json.loads(Path(there).read_text("utf-8"))]
    verdicts = {case.name: _alone(case, Path(there).parent) for case in cases}
    Path(back).write_text(json.dumps(verdicts), "utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
