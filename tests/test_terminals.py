"""What a terminal is shown, in a pseudo-terminal; the rest of what streams get is in test_cli."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from leaklint.cli import progress
from leaklint.report import colour
from leaklint.report.colour import Style
from leaklint.report.frame import NARROWEST, Mark, frame
from tests.command import environment

pty = pytest.importorskip("pty", reason="no pseudo-terminals here")

LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
LINK = re.compile(r"\x1b\]8;;([^\x1b]*)\x1b\\(.*?)\x1b\]8;;\x1b\\")
BAR = "Checking"

_SAID = (
    "CI", "COLUMNS", "DOMTERM", "FORCE_HYPERLINK", "KONSOLE_VERSION", "LINES", "PRE_COMMIT", "SSH_CONNECTION",
    "SSH_TTY", "STY", "TERM", "TERM_PROGRAM", "TMUX", "VTE_VERSION", "WT_SESSION",
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leak.py").write_text(LEAK)
    return tmp_path


def terminal(
    *arguments: str, cwd: Path, env: dict[str, str] | None = None, meanwhile: Callable[[], None] | None = None
) -> str:
    """What ``leaklint check`` writes to a terminal that is its standard output and error."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    inherited = {name: value for name, value in environment().items() if name not in _SAID}
    process = subprocess.Popen(
        [sys.executable, "-m", "leaklint", "check", *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        env={**inherited, "TERM": "xterm-256color", **(env or {})},
    )
    os.close(slave)
    helper = threading.Thread(target=meanwhile) if meanwhile is not None else None
    if helper is not None:
        helper.start()
    pieces = []
    with process:
        while True:
            try:
                piece = os.read(master, 65536)
            except OSError:  # how Linux says that nobody writes any more
                break
            if not piece:
                break
            pieces.append(piece)
    os.close(master)
    if helper is not None:
        helper.join()
    assert process.returncode in (0, 1)
    return b"".join(pieces).decode().replace("\r\n", "\n")


class TestColoursAndLinks:
    def test_a_terminal_gets_colours_and_no_links_that_it_did_not_say_it_knows(self, folder: Path) -> None:
        shown = terminal("leak.py", cwd=folder)
        assert shown.startswith("\x1b[1;36mnotice[LL101 never-released]")
        assert not LINK.search(shown)

    @pytest.mark.parametrize(
        "env", [{"NO_COLOR": "1", "TERM_PROGRAM": "vscode"}, {"TERM": "dumb", "TERM_PROGRAM": "vscode"}]
    )
    def test_who_wants_none_gets_no_sequence_at_all(self, folder: Path, env: dict[str, str]) -> None:
        assert "\x1b" not in terminal("leak.py", cwd=folder, env=env)

    @pytest.mark.parametrize("output_format", ["text", "concise"])
    def test_a_place_is_a_link_where_the_terminal_knows_links(self, folder: Path, output_format: str) -> None:
        shown = terminal("leak.py", "--output-format", output_format, cwd=folder, env={"VTE_VERSION": "7600"})
        assert LINK.findall(shown) == [((folder / "leak.py").as_uri(), "leak.py:2:14")]

    def test_a_hostile_path_cannot_leave_its_link(self, folder: Path) -> None:
        name = "a\x1b]8;;http:x\x07\n b.py"
        (folder / name).write_text(LEAK)
        (link,) = LINK.findall(terminal(name, cwd=folder, env={"VTE_VERSION": "7600"}))
        assert link == ((folder / name).as_uri(), "a\\x1b]8;;http:x\\x07\\n b.py:2:14")

    def test_a_file_gets_neither(self, folder: Path) -> None:
        terminal("leak.py", "--output-file", "out", cwd=folder, env={"VTE_VERSION": "7600", "FORCE_COLOR": "1"})
        assert "\x1b" not in (folder / "out").read_text()

    @pytest.mark.parametrize(
        ("said", "is_terminal", "expected"),
        [
            ({}, True, False),
            ({"TERM_PROGRAM": "vscode"}, True, True),
            ({"TERM_PROGRAM": "vscode"}, False, False),
            ({"TERM_PROGRAM": "vscode", "TMUX": "/tmp/x"}, True, False),
            ({"TERM_PROGRAM": "vscode", "SSH_TTY": "/dev/pts/1"}, True, False),
            ({"TERM_PROGRAM": "vscode", "FORCE_HYPERLINK": "0"}, True, False),
            ({"TERM_PROGRAM": "vscode", "NO_COLOR": "1"}, True, False),
            ({"TERM_PROGRAM": "Apple_Terminal"}, True, False),
            ({"TERM": "xterm-kitty"}, True, True),
            ({"TERM": "dumb", "WT_SESSION": "1"}, True, False),
            ({"WT_SESSION": "1"}, True, True),
            ({"VTE_VERSION": "5000"}, True, False),
            ({"VTE_VERSION": "5202"}, True, True),
            ({"VTE_VERSION": "x"}, True, False),
            ({"FORCE_HYPERLINK": "1", "FORCE_COLOR": "1"}, False, True),
        ],
    )
    def test_who_knows_links(self, said: dict[str, str], is_terminal: bool, expected: bool) -> None:
        assert colour.links(said, terminal=is_terminal) is expected


class TestWidth:
    SOURCE = f"x = [{', '.join('abcdefgh' for _ in range(30))}, open(path)]\n"

    def rows(self, cells: int, label: str = "opened here") -> list[str]:
        column = self.SOURCE.index("open(path)") + 1
        marks = [Mark(1, column, column + len("open(path)"), label, primary=True)]
        source = self.SOURCE.splitlines()
        return list(frame(source, marks, emphasis=Style.ERROR, encoding="utf-8", paint=colour.plain, cells=cells))

    @pytest.mark.parametrize("cells", [40, 60, 80, 120, 200])
    def test_frames_fit_and_mark_what_they_marked(self, cells: int) -> None:
        rows = self.rows(cells)
        assert max(map(len, rows)) <= cells
        under = next(row for row in rows if "^" in row)
        start, end = under.index("^"), under.rindex("^") + 1
        assert rows[1][start:end] == "open(path)"
        assert any("opened here" in row for row in rows)

    def test_a_label_that_does_not_fit_beside_its_mark_stands_below(self) -> None:
        rows = self.rows(60, "x" * 50)
        assert rows[2].rstrip("^").endswith(" ")
        assert rows[3] == "  | " + " " * 6 + "x" * 50

    def test_there_is_a_least_width(self) -> None:
        assert max(map(len, self.rows(1, ""))) <= len("1 | ") + NARROWEST + 6

    def test_the_terminal_and_columns_are_asked(self, folder: Path) -> None:
        (folder / "long.py").write_text(f"def f(path):\n    {self.SOURCE}")
        for env, widest in (({}, 100), ({"COLUMNS": "60"}, 60)):
            shown = terminal("long.py", cwd=folder, env={"NO_COLOR": "1", **env})
            framed = [row for row in shown.split("\n") if re.match(r"[ \d]+\|", row)]
            assert widest - 20 < max(map(len, framed)) <= widest


class TestProgress:
    def slowly(self, folder: Path) -> tuple[Path, Callable[[], None]]:
        """A file that takes longer than a second to read, and what lets it be read."""
        slow = folder / "slow.py"
        os.mkfifo(slow)

        def feed() -> None:
            with slow.open("w") as stream:  # waits until somebody reads
                time.sleep(progress.AFTER + 0.1)
                stream.write("x = 1\n")

        return slow, feed

    def test_a_bar_comes_after_a_second_and_goes(self, folder: Path) -> None:
        slow, feed = self.slowly(folder)
        shown = terminal(slow.name, "leak.py", cwd=folder, meanwhile=feed)
        assert re.search(rf"{BAR}.*1/2", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown))
        assert shown.rindex(BAR) < shown.index("LL101")
        assert "\x1b[2K" in shown[shown.rindex(BAR) :], "the bar is wiped away"

    def test_who_does_not_wait_sees_none(self, folder: Path) -> None:
        assert BAR not in terminal("leak.py", cwd=folder)

    @pytest.mark.parametrize(
        ("arguments", "env"),
        [
            (["--quiet"], {}),
            (["--output-format", "sarif"], {}),
            ([], {"CI": "true"}),
            ([], {"PRE_COMMIT": "1"}),
            ([], {"TERM": "dumb"}),
        ],
    )
    def test_nobody_else_does(self, folder: Path, arguments: list[str], env: dict[str, str]) -> None:
        slow, feed = self.slowly(folder)
        assert BAR not in terminal(slow.name, "leak.py", *arguments, cwd=folder, env=env, meanwhile=feed)

    def test_only_a_terminal_gets_it(self) -> None:
        assert progress.wanted({"TERM": "xterm"}, terminal=True)
        assert not progress.wanted({"TERM": "xterm"}, terminal=False)
        assert progress.wanted({"CI": "false"}, terminal=True)
