"""Every way in which a run can end, and every odd thing that it can meet, as users meet them.

``python -m tests.test_exit_codes`` prints the table as it runs here.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command import environment

LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
CLEAN = "def f(p):\n    with open(p) as source:\n        return source.read()\n"
FOUND = "LL101 [notice] [*] file `source` is never closed"
FOUND_ONE = "Found 1 finding in 1 file"


def files(**texts: str | bytes) -> Callable[[Path], None]:
    """Makes files by their names without ``.py``."""

    def make(folder: Path) -> None:
        for name, text in texts.items():
            (folder / f"{name}.py").write_bytes(text if isinstance(text, bytes) else text.encode())

    return make


def configured(text: str) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        files(leak=LEAK)(folder)
        (folder / "leaklint.toml").write_text(text)

    return make


def unreadable(folder: Path) -> None:
    files(leak=LEAK, secret=LEAK)(folder)
    (folder / "secret.py").chmod(0)
    if os.access(folder / "secret.py", os.R_OK):  # the superuser may read everything; this nobody can read from 0 on
        (folder / "secret.py").unlink()
        (folder / "secret.py").symlink_to("/proc/self/mem")


def loop_of_links(folder: Path) -> None:
    (folder / "a").mkdir()
    files(leak=LEAK)(folder / "a")
    (folder / "a" / "self").symlink_to(".")
    (folder / "a" / "up").symlink_to("..")


def dangling_link(folder: Path) -> None:
    files(leak=LEAK)(folder)
    (folder / "gone.py").symlink_to("nowhere.py")
    (folder / "round.py").symlink_to("round.py")


def undecodable_name(folder: Path) -> None:
    with open(os.path.join(os.fsencode(folder), b"caf\xe9.py"), "wb") as file:
        file.write(LEAK.encode())


def same_file_twice(folder: Path) -> None:
    files(leak=LEAK)(folder)
    (folder / "again.py").symlink_to("leak.py")


@dataclass(frozen=True, slots=True)
class Row:
    """What is there, what is run, and what must come of it: the exit code and words of both streams."""

    name: str
    make: Callable[[Path], None]
    arguments: str
    code: int
    out: tuple[str, ...] = ()
    err: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    """what neither stream may say"""
    findings: int = 0
    data: bytes = b""
    shell: str = ""
    """what follows the command, as a shell reads it"""
    env: str = ""


ROWS = (
    Row("clean", files(a=CLEAN, b="x = 1\n"), ".", 0, err=("No leaks found in 2 files.",)),
    Row("findings", files(a=CLEAN, leak=LEAK), ".", 1, (f"leak.py:2:14: {FOUND}",), (FOUND_ONE,), findings=1),
    Row("findings, --exit-zero", files(leak=LEAK), "--exit-zero .", 0, (FOUND,), (FOUND_ONE,), findings=1),
    Row("usage error", files(leak=LEAK), "--nonsense .", 2, err=("--nonsense",)),
    Row("unknown rule", files(leak=LEAK), "--select LL110 .", 2, err=("LL110 is no rule of leaklint; did you mean",)),
    Row(
        "unknown key",
        configured("# x\nslect = []\n"),
        ".",
        2,
        err=("Error: leaklint.toml:2: unknown key `slect`; did you mean `select`?",),
    ),
    Row("wrong type", configured("select = 3\n"), ".", 2, err=("leaklint.toml:1: `select`: expected a list",)),
    Row("another version asked for", configured('required-version = ">99"'), ".", 2, err=("asks for leaklint >99",)),
    Row(
        "missing path",
        files(leak=LEAK),
        "nowhere leak.py",
        2,
        (FOUND,),
        ("error: nowhere: no such file or folder (not analysed)", f"{FOUND_ONE}; 1 path could not be analysed."),
        findings=1,
    ),
    Row(
        "missing path alone",
        files(),
        "nowhere",
        2,
        err=("Nothing was analysed; 1 path could not be analysed.",),
        never=("No leaks",),
    ),
    Row(
        "syntax error",
        files(a="def f(:\n    open(p)\n", leak=LEAK),
        ".",
        2,
        (FOUND,),
        ("error: a.py:1: syntax error: ", "(not analysed)"),
        findings=1,
    ),
    Row("syntax error where no resource is named", files(a="def f(:\n"), ".", 0, err=("No leaks found in 1 file.",)),
    Row("unreadable file", unreadable, ".", 2, (FOUND,), ("error: secret.py: cannot read: ",), findings=1),
    Row(
        "undecodable file",
        files(a=b"x = 1\n'\xff'\nopen('p')\n", leak=LEAK),
        ".",
        2,
        (FOUND,),
        ("error: a.py:2: cannot decode as utf-8: byte 0xff",),
        findings=1,
    ),
    Row(
        "declared Latin-1",
        files(a=b"# coding: latin-1\n" + LEAK.replace("source", "\xe9t\xe9").encode("latin-1")),
        ".",
        1,
        ("a.py:3:11: LL101 [notice] [*] file `été` is never closed",),
        (FOUND_ONE,),
        findings=1,
    ),
    Row("unknown encoding", files(a=b"# coding: klingon\nx = 1\n"), ".", 0, err=("No leaks found in 1 file.",)),
    Row(
        "unknown encoding of a file with resources",
        files(a=b"# coding: klingon\nopen('p').read()\n"),
        ".",
        2,
        err=("error: a.py: cannot decode: unknown encoding: klingon",),
    ),
    Row("empty folder", files(), ".", 0, err=("warning: no Python files found",), never=("No leaks", "passed")),
    Row("empty file", files(a=""), ".", 0, err=("No leaks found in 1 file.",)),
    Row("list of no files", files(leak=LEAK), "--files-from -", 0, err=("warning: no Python files found",)),
    Row("all excluded", files(leak=LEAK), "--exclude '*.py' .", 0, err=("warning: no Python files found",)),
    Row("symlink loop", loop_of_links, ".", 1, (FOUND,), (FOUND_ONE,), findings=1),
    Row(
        "dangling link",
        dangling_link,
        ".",
        2,
        (FOUND,),
        ("error: gone.py: dangling link: no such file", "error: round.py: dangling link: Too many levels"),
        findings=1,
    ),
    Row("undecodable file name", undecodable_name, ".", 1, ("caf\\udce9.py:2:14: ",), (FOUND_ONE,), findings=1),
    Row("the same file twice", same_file_twice, "leak.py ./leak.py again.py .", 1, (FOUND,), (FOUND_ONE,), findings=1),
    Row("CRLF", files(leak=LEAK.replace("\n", "\r\n")), ".", 1, (f"leak.py:2:14: {FOUND}",), (FOUND_ONE,), findings=1),
    Row("lone CR", files(leak=LEAK.replace("\n", "\r")), ".", 1, (f"leak.py:2:14: {FOUND}",), findings=1),
    Row("byte order mark", files(leak="\ufeff" + LEAK), ".", 1, (f"leak.py:2:14: {FOUND}",), findings=1),
    Row("NUL in a file", files(a=b"open('p')\n\0\n", leak=LEAK), ".", 2, (FOUND,), ("error: a.py",), findings=1),
    Row("standard input", files(), "-", 1, (f"<stdin>:2:14: {FOUND}",), (FOUND_ONE,), findings=1, data=LEAK.encode()),
    Row("stdout closed", files(leak=LEAK), ".", 1, err=(FOUND_ONE,), shell=">&-"),
    Row("stdout's reader gone", files(leak=LEAK), ".", 1, err=(FOUND_ONE,), shell="| true; exit ${PIPESTATUS[0]}"),
    Row("stdout full", files(leak=LEAK), ".", 2, err=("cannot write to standard output: ",), shell=">/dev/full"),
    Row("both streams closed", files(leak=LEAK), ".", 1, shell=">&- 2>&-"),
    Row("stdin closed", files(), "-", 2, err=("<stdin>: cannot read: standard input is closed",), shell="<&-"),
    Row("list on a closed stdin", files(), "--files-from -", 2, err=("cannot read -: standard in",), shell="<&-"),
    Row("list that is missing", files(), "--files-from no.txt", 2, err=("cannot read no.txt: No such file",)),
    Row(
        "ASCII stdout",
        files(leak=LEAK.replace("source", "quélle")),
        ".",
        1,
        ("LL101 [notice] [*] file `qu\\xe9lle` is never closed",),
        (FOUND_ONE,),
        findings=1,
        env="PYTHONIOENCODING=ascii",
    ),
    Row("skipped file", files(leak="# leaklint: skip-file\n" + LEAK), ".", 0, err=("Nothing was analysed (1 file",)),
)
needs_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="file names and devices of Linux")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: list[str]
    err: list[str]


def run(row: Row, folder: Path) -> Ended:
    row.make(folder)
    command = shlex.join([sys.executable, "-m", "leaklint", "check", "--output-format", "concise"])
    done = subprocess.run(
        ["bash", "-c", f"{row.env} {command} {row.arguments} {row.shell}"],
        cwd=folder,
        input=row.data,
        capture_output=True,
        env=environment(),
        timeout=120,
        check=False,
    )
    streams = (stream.decode("utf-8", "backslashreplace").splitlines() for stream in (done.stdout, done.stderr))
    return Ended(done.returncode, *streams)


@needs_linux
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_row(row: Row, tmp_path: Path) -> None:
    ended = run(row, tmp_path)
    out, err = "\n".join(ended.out), "\n".join(ended.err)
    assert ended.code == row.code, err
    assert "Traceback" not in err
    assert len(ended.out) == row.findings
    for words in row.out:
        assert words in out
    for words in row.err:
        assert words in err
    for words in row.never:
        assert words not in out + err


def main() -> None:
    print("| what is met | `leaklint check` | exit code | said last |\n|---|---|--:|---|")
    for row in ROWS:
        with tempfile.TemporaryDirectory() as folder:
            ended = run(row, Path(folder))
        asked = " ".join(filter(None, (row.env, row.arguments, row.shell))).replace("|", "\\|")
        print(f"| {row.name} | `{asked}` | {ended.code} | {ended.err[-1] if ended.err else ''} |")


if __name__ == "__main__":
    main()
