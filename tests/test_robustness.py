"""Hostile and broken input: a clear message and exit 2 for what was not analysed, and all else is still reported."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leaklint.config import Settings
from leaklint.result import Checked, Failed, Outcome
from leaklint.run import run as run_files
from tests.command import Run, environment, leaklint

LEAK = "def leaks(p):\n    source = open(p)\n    return source.read()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leak.py").write_text(LEAK)
    return tmp_path


def check(folder: Path, *paths: str | Path) -> Run:
    """Check ``paths`` and a file with one leak, which is always found."""
    run = leaklint("check", "--output-format", "concise", "leak.py", *paths, cwd=folder)
    assert any(line.startswith("leak.py:2:14: LL101 ") for line in run.out), run
    return run


def findings(run: Run, path: str) -> list[str]:
    """``line:column code`` of each finding in ``path``."""
    places = re.compile(rf"{re.escape(path)}:(\d+:\d+): (LL\d+) ")
    return [" ".join(match.groups()) for line in run.out if (match := places.match(line))]


def error(run: Run, path: str) -> str:
    """What is said of ``path``, which was not analysed."""
    assert run.code == 2
    (line,) = [line for line in run.err if line.startswith(f"error: {path}:")]
    assert line.endswith(" (not analysed)")
    assert "internal error" not in line
    return line


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        (b"def f(:\n    pass\n", 1, "syntax"),
        (b"x = 1\nprint 'python 2'\n", 2, "syntax"),
        (b"x = 1\n  y = 2\n", 2, "indent"),
        (b"x = (1,\n", 1, "never closed"),
        (b"x = 1\ny = '\xff'\n", None, "utf-8"),
        (b"# coding: nonsense\nx = 1\n", None, "nonsense"),
        (b"\xef\xbb\xbf# coding: latin-1\nx = 1\n", None, "latin-1|iso-8859-1|BOM|utf-8"),
        (b"x = 1\0\n", None, "null"),
        (b"\0", None, "null"),
        (("(" * 1500 + ")" * 1500).encode(), None, ""),
        (b"".join(b"    " * level + b"if x:\n" for level in range(200)) + b"    " * 200 + b"y\n", None, "indent"),
    ],
    ids=[
        "syntax error", "other language version", "indentation", "open bracket", "undecodable", "unknown encoding",
        "byte order mark against declaration", "null byte", "only a null byte", "nested brackets", "nested blocks",
    ],
)  # fmt: skip
def test_what_python_does_not_read_is_named(folder: Path, data: bytes, line: int | None, reason: str) -> None:
    (folder / "bad.py").write_bytes(data + b"\nopen('x')\n")
    message = error(check(folder, "bad.py"), "bad.py")
    assert re.search(reason, message, re.I), message
    if line is not None:
        assert message.startswith(f"error: bad.py:{line}: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"# only a comment", []),
        (LEAK.rstrip("\n").encode(), ["2:14 LL101"]),
        (LEAK.replace("\n", "\r\n").encode(), ["2:14 LL101"]),
        (LEAK.replace("\n", "\r").encode(), ["2:14 LL101"]),
        (b"\xef\xbb\xbf" + LEAK.encode(), ["2:14 LL101"]),
        (b"\xef\xbb\xbfx = open('x').read()\n", ["1:5 LL104"]),
        (b"# coding: latin-1\n\xe9 = 1; x = open('\xe9').read()\n", ["2:12 LL104"]),
        ("é = '日本'; x = open('x').read()\n".encode(), ["1:15 LL104"]),
        (b"\x0c" + LEAK.encode() + b"\x0c\n", ["2:14 LL101"]),
        (LEAK.replace("    source", "\tsource").replace("    return", "\treturn").encode(), ["2:11 LL101"]),
        ("s = '\u2028\u0085'\n".encode() + LEAK.encode(), ["3:14 LL101"]),
        (LEAK.replace("(p)\n    return", "(  # noqa: E501\n        p\n    )\n    return").encode(), ["2:14 LL101"]),
    ],
    ids=[
        "empty", "blank", "comment", "no last line end", "CRLF", "CR", "byte order mark", "byte order mark and line 1",
        "latin-1", "wide characters", "form feeds", "tabs", "unicode line separators", "call over several lines",
    ],
)  # fmt: skip
def test_unusual_text_is_analysed_and_places_are_right(folder: Path, data: bytes, expected: list[str]) -> None:
    (folder / "odd.py").write_bytes(data)
    run = check(folder, "odd.py")
    assert (run.code, findings(run, "odd.py")) == (1, expected)


def test_warnings_of_the_parser_are_not_passed_on(folder: Path) -> None:
    (folder / "odd.py").write_text("x = '\\d'\ny = 1 is 1\nz = [1if y else 2]\n")
    (folder / "leak.py").write_text(LEAK + "x = '\\d'\nassert (1, 'always')\n")
    run = check(folder, "odd.py")
    assert (run.code, run.err) == (1, ["Found 1 finding in 1 file.", "1 fixable with --fix."])


IN_WITH = "def big(a):\n    with open('x') as f:\n"
BIG = {
    "module of 100,000 lines": "TABLE = {\n" + "".join(f"    'key{n}': {n},\n" for n in range(100_000)) + "}\n",
    "call chain of 3,000 links": f"{IN_WITH}        return a{'.filter(1)' * 3000}\n",
    "sum of 5,000 terms": f"{IN_WITH}        return {' + '.join(['a'] * 5000)}\n",
    "comparison of 3,000 operands": f"{IN_WITH}        return {' < '.join(['a'] * 3000)}\n",
    "condition of 3,000 operands": f"{IN_WITH}        return {' or '.join(['a'] * 3000)}\n",
    "string of 5,000 parts": IN_WITH + "        return ('a'\n" + "'b'\n" * 5000 + ")\n",
    "90 nested blocks": IN_WITH + "".join("    " * n + "if a:\n" for n in range(2, 92)) + "    " * 92 + "f.read()\n",
    "90 nested calls": f"{IN_WITH}        return {'a(' * 90}f{')' * 90}\n",
    "elif of 900 branches": f"{IN_WITH}        if not a:\n            return 0\n"
    + "".join(f"        elif a == {n}:\n            return {n}\n" for n in range(900)),
    "line of a million characters": "X = '" + "x" * 1_000_000 + "'\n",
}


def python_reads(source: str) -> bool:
    """Whether Python's own parser builds a tree of ``source``; long chains exceed its stack."""
    try:
        ast.parse(source)
    except (RecursionError, MemoryError):
        return False
    return True


@pytest.mark.parametrize("name", BIG)
def test_huge_input_is_analysed_or_named(folder: Path, name: str) -> None:
    source = BIG[name] + "\n\n" + LEAK
    (folder / "big.py").write_text(source)
    run = check(folder, "big.py")
    if run.code == 2:
        assert re.match(r"error: big\.py:(\d+:)? ", error(run, "big.py"))
    line = source.split("\n").index("    source = open(p)") + 1
    # The command reads with a higher limit of recursion than this process has: it may read what this one cannot.
    if run.code != 2 or python_reads(source):
        assert findings(run, "big.py") == [f"{line}:14 LL101"]


def test_a_huge_table_and_a_leak_take_little_time_and_memory(folder: Path) -> None:
    (folder / "big.py").write_text(BIG["module of 100,000 lines"] + "\n" + LEAK)
    code = (
        "import resource, subprocess, sys, time\n"
        "started = time.perf_counter()\n"
        "subprocess.run([sys.executable, '-m', 'leaklint', 'check', 'big.py'], stdout=-3, stderr=-3)\n"
        "print(time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, check=True
    )
    seconds, peak = map(float, done.stdout.split())
    assert seconds < 30
    assert peak < 1024 * 1024  # KiB


class TestFolders:
    def test_a_loop_of_links_ends(self, folder: Path) -> None:
        (folder / "a").mkdir()
        (folder / "a" / "x.py").write_text(LEAK)
        os.symlink("..", folder / "a" / "up")
        run = check(folder, "a")
        assert (run.code, findings(run, "a/x.py")) == (1, ["2:14 LL101"])

    def test_dangling_and_circular_links_are_named(self, folder: Path) -> None:
        os.symlink("gone.py", folder / "dangling.py")
        os.symlink("circular.py", folder / "circular.py")
        run = check(folder, ".")
        assert "dangling link" in error(run, "dangling.py")
        assert "dangling link" in error(run, "circular.py")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
    def test_a_pipe_named_like_a_module_is_not_waited_for(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.py")
        assert "not a regular file" in error(check(folder, "."), "pipe.py")

    @pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="no unreadable file is known here")
    def test_an_unreadable_file_is_named(self, folder: Path) -> None:
        os.symlink("/proc/self/mem", folder / "unreadable.py")  # whose first page nobody can read, not even root
        assert "cannot read: " in error(check(folder, "unreadable.py"), "unreadable.py")

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
    def test_without_permission_files_and_folders_are_named(self, folder: Path) -> None:
        (folder / "secret.py").write_text(LEAK)
        (folder / "secret.py").chmod(0)
        (folder / "closed").mkdir(0)
        run = check(folder, ".")
        (folder / "closed").chmod(0o700)
        assert "cannot read: Permission denied" in error(run, "secret.py")
        assert "cannot list this folder: Permission denied" in error(run, "closed")

    def test_a_folder_named_like_a_module_is_walked(self, folder: Path) -> None:
        (folder / "x.py").mkdir()
        (folder / "x.py" / "y.py").write_text(LEAK)
        assert findings(check(folder, "x.py"), "x.py/y.py") == ["2:14 LL101"]

    @pytest.mark.skipif(os.name == "nt", reason="no such names there")
    def test_no_name_can_break_a_line(self, folder: Path) -> None:
        (folder / "a\nerror: b.py").write_text(LEAK)
        (folder / "c\n.py").write_text("def f(:\n    open(p)\n")
        run = check(folder, "a\nerror: b.py", "c\n.py")
        assert findings(run, "a\\nerror: b.py") == ["2:14 LL101"]
        assert "syntax" in error(run, "c\\n.py")
        assert len(run.out) == 2
        assert len(run.err) == 3, "an error, the summary, and what --fix mends"

    @pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
    def test_a_name_that_is_no_text_is_printed(self, folder: Path) -> None:
        name = os.fsdecode(b"\xff.py")
        (folder / name).write_text(LEAK)
        run = check(folder, ".")
        assert findings(run, "\\udcff.py") == ["2:14 LL101"]

    def test_a_name_with_a_null_is_named(self, folder: Path) -> None:
        (outcome,) = run_files(["a\0b.py"], Settings()).outcomes
        assert isinstance(outcome, Failed)
        assert outcome.reason.startswith("cannot read: ")


class TestBarrier:
    """Whatever the analysis does to itself is an outcome of one file."""

    @pytest.mark.parametrize(
        ("raised", "reason"),
        [
            (RuntimeError("went\nwrong"), "internal error: RuntimeError: went wrong"),
            (RecursionError("maximum recursion depth exceeded"), "internal error: RecursionError: maximum recursion"),
            (MemoryError(), "internal error: MemoryError"),
            (AssertionError(), "internal error: AssertionError"),
        ],
    )
    def test_an_exception_is_a_failure_of_its_file_alone(self, folder: Path, raised: Exception, reason: str) -> None:
        (folder / "other.py").write_text("x = 1\n")

        def faulty(data: bytes, path: str, settings: Settings) -> Outcome:
            if path.endswith("leak.py"):
                raise raised
            return Checked(path)

        paths = [str(folder / "leak.py"), str(folder / "other.py")]
        first, second = run_files(paths, Settings(), faulty).outcomes
        assert isinstance(first, Failed)
        assert first.reason.startswith(reason)
        assert "\n" not in first.reason
        assert isinstance(second, Checked)

    def test_an_interrupt_is_no_failure_of_a_file(self, folder: Path) -> None:
        def interrupted(data: bytes, path: str, settings: Settings) -> Outcome:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run_files([str(folder / "leak.py")], Settings(), interrupted)
