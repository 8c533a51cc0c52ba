"""Several processes find what one finds, and lose no file when they die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import environment, leaklint
from tests.test_architecture import loaded

FIXTURES = Path(__file__).parent.parent / "fixtures"
LEAK = "def f(p):\n    return open(p).read()\n"

DYING = """
import json, os, signal, sys
from leaklint import workers
from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.result import Failed
from leaklint.run import run

def check(data, path, settings):
    if path.startswith("bad"):
        {how}
    return check_source(data, path, settings)

{before}
report = run(sorted(os.listdir()), Settings(), check, jobs=2)
outcomes = [[o.path, o.reason if isinstance(o, Failed) else len(o.findings)] for o in report.outcomes]
print(json.dumps([outcomes, report.work.files]))
"""


def outcomes(folder: Path, how: str, before: str = "") -> tuple[list[list[object]], int]:
    """(path, findings or why it was not analysed) of each file in ``folder``, and how many are counted."""
    code = DYING.format(how=how, before=before)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found, files = json.loads(done.stdout)
    return found, files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(40):
        (tmp_path / f"leak{number:02}.py").write_text(LEAK)
    for name in ("bad1.py", "bad2.py", "leak07a.py"):
        (tmp_path / name).write_text("x = 1\n")
    return tmp_path


def expected(folder: Path, why: object) -> list[list[object]]:
    names = sorted(os.listdir(folder))
    return [[name, why if name.startswith("bad") else int(name != "leak07a.py")] for name in names]


@pytest.mark.parametrize("settings", [(), ("--min-confidence", "low", "--select", "LL1")])
def test_two_processes_find_what_one_finds(settings: tuple[str, ...]) -> None:
    one, two, three = (
        leaklint(
            "check", "rules", "ownership", "flow", "broken", "--output-format", "json", *settings, "--jobs", jobs,
            cwd=FIXTURES,
        )
        for jobs in ("1", "2", "3")
    )  # fmt: skip
    assert one.code == 2
    assert len(json.loads("\n".join(one.out))["findings"]) > 50
    assert one == two == three


def test_the_files_are_counted_once(folder: Path) -> None:
    done = leaklint("check", "--jobs", "2", "--verbose", "--exit-zero", cwd=folder)
    assert done.code == 0
    assert "work: 43 files, 3 gated out, 40 parsed" in done.err[-1]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the parser ended the process (SIGSEGV)"),
        ("os._exit(3)", "the parser ended the process (exit code 3)"),
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "the process that checked it was killed (SIGKILL), as happens when memory runs out",
        ),
    ],
)
def test_a_file_that_ends_its_process_is_named_and_hides_no_other(folder: Path, how: str, why: str) -> None:
    assert outcomes(folder, how) == (expected(folder, why), 43)


def test_what_ends_a_process_once_is_checked_once_more(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    once = tmp_path_factory.mktemp("once")
    how = f"p = {str(once / 'died')!r}; os.path.exists(p) or (open(p, 'w').close(), os._exit(1))"
    found, files = outcomes(folder, how)
    assert files == 43
    assert [name for name, result in found if result == 0] == ["bad1.py", "bad2.py", "leak07a.py"]
    assert os.listdir(once) == ["died"]


NO_PROCESS = """
class Failing(workers._Worker):
    left = {left}
    def __init__(self, *args, **kwargs):
        Failing.left -= 1
        if Failing.left < 0:
            raise OSError(11, "Resource temporarily unavailable")
        super().__init__(*args, **kwargs)
workers._Worker = Failing
"""


def test_without_processes_the_files_are_checked_in_this_one(folder: Path) -> None:
    for left in (0, 1):
        assert outcomes(folder, "pass", NO_PROCESS.format(left=left)) == (expected(folder, 0), 43)


def test_what_ended_a_process_never_runs_in_the_first_one(folder: Path) -> None:
    why = "the process that checked it ended, and no other could be started: Resource temporarily unavailable"
    found, files = outcomes(folder, "os._exit(1)", NO_PROCESS.format(left=2))
    assert files == 43
    assert {name for name, result in found if result == why} >= {"bad1.py", "bad2.py"}
    assert all(result in (0, 1, why) for _, result in found)


def test_an_interrupt_ends_all_processes(tmp_path: Path) -> None:
    names = [f"slow{number}.py" for number in range(2)]
    for name in names:
        os.mkfifo(tmp_path / name)
    command = [sys.executable, "-m", "leaklint", "check", "--jobs", "2", *names]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # what runs in the background ignores it
    )  # fmt: skip
    writers = [os.open(tmp_path / name, os.O_WRONLY) for name in names]  # returns when both are being read
    try:
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate(timeout=60)[1].split() == ["interrupted"]
        assert process.returncode == 130
        for _ in range(100):
            try:
                os.killpg(process.pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.1)
        pytest.fail("a worker is left")
    finally:
        for writer in writers:
            os.close(writer)


class TestHowMany:
    def shares(self, *arguments: str, cwd: Path) -> bool:
        return "leaklint.workers" in loaded("check", "--exit-zero", *arguments, cwd=cwd)

    def test_a_short_run_starts_no_process(self, folder: Path) -> None:
        assert not self.shares(cwd=folder)
        assert not self.shares("--jobs", "1", cwd=folder)
        assert not self.shares("--jobs", "2", "leak00.py", cwd=folder)

    def test_options_settings_and_environment_say_how_many(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.shares("--jobs", "2", cwd=folder)
        (folder / "leaklint.toml").write_text("jobs = 2\n")
        assert self.shares(cwd=folder)
        assert not self.shares("-j", "1", cwd=folder)
        monkeypatch.setenv("LEAKLINT_JOBS", "1")
        assert not self.shares(cwd=folder)

    @pytest.mark.parametrize("value", ["0", "-1", "many"])
    def test_other_numbers_are_errors(self, folder: Path, value: str) -> None:
        assert leaklint("check", "--jobs", value, cwd=folder).code == 2
        (folder / "leaklint.toml").write_text(f"jobs = {value if value != 'many' else 'true'}\n")
        assert "`jobs`: expected a number of 1 or more" in leaklint("check", cwd=folder).err[0]
