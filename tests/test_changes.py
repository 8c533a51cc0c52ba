"""``--diff-base``: only what a change touched is reported, whatever files and revisions are called."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from leaklint.changes import Lines, names, touched_lines
from tests.command import leaklint

LEAK = "def f(p):\n    return open(p).read()\n"
LONG = """\
def f(p):
    file = open(p)
    first = file.readline()
    second = file.readline()
    if first:
        return second
    file.close()
    return first


def g(p):
    return open(
        p,
        "rb",
    ).read()
"""


class TestPatch:
    def test_hunks_are_ranges_and_gaps(self) -> None:
        patch = (
            b"diff --git a/a.py b/a.py\nindex 1..2 100644\n--- a/a.py\n+++ b/a.py\n"
            b"@@ -1 +1,2 @@ def f():\n-x\n+y\n+z\n@@ -9,2 +10,0 @@\n-a\n-b\n@@ -20,0 +20 @@\n+c\n"
        )
        (lines,) = touched_lines(patch).values()
        assert lines == Lines([(1, 2), (20, 20)], [10])

    def test_what_looks_like_a_header_is_none(self) -> None:
        patch = (
            b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
            b"@@ -1,2 +1,3 @@\n--- a/b.py\n-diff --git a/b b/b\n+++ b/b.py\n+@@ -1 +1,99 @@\n+x\n"
            b"\\ No newline at end of file\n@@ -9 +9 @@\n-x\n+y\n"
        )
        assert touched_lines(patch) == {b"a.py": Lines([(1, 3), (9, 9)])}

    @pytest.mark.parametrize(
        ("written", "path"),
        [
            (b"b/a b.py\t", b"a b.py"),
            (b'"b/\\303\\244\\n\\"\\\\\\t.py"', 'ä\n"\\\t.py'.encode()),
            (b'"b/\\377.py"', b"\xff.py"),
        ],
    )
    def test_names_are_read_as_git_writes_them(self, written: bytes, path: bytes) -> None:
        patch = b"diff --git x y\n--- a/x\n+++ " + written + b"\n@@ -1 +1 @@\n-a\n+b\n"
        assert list(touched_lines(patch)) == [path]

    def test_a_deleted_file_has_no_lines(self) -> None:
        assert touched_lines(b"diff --git a/a b/a\n--- a/a\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n") == {}

    def test_a_listing(self) -> None:
        assert list(names(b"a\nb.py\0c.py\0")) == [b"a\nb.py", b"c.py"]

    def test_ranges_meet(self) -> None:
        lines = Lines([(3, 5), (9, 9)], [12])
        touched = [number for number in range(1, 15) if lines.meets(number, number)]
        assert touched == [3, 4, 5, 9]
        assert lines.meets(1, 3)
        assert lines.meets(6, 20)
        assert not lines.meets(6, 8)
        assert [n for n in range(1, 15) if lines.lacks(n, n + 1)] == [12]
        assert not lines.lacks(12, 12)


def git(folder: Path, *arguments: str) -> str:
    configured = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *configured, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "--allow-empty", "-m", "x")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "long.py").write_text(LONG)
    (tmp_path / "old.py").write_text(LEAK)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    commit(tmp_path)
    return tmp_path


def check(folder: Path, *arguments: str) -> list[str]:
    """``path:line`` of what is reported; asserts that the exit code says the same."""
    run = leaklint("check", "--output-format", "concise", *arguments, cwd=folder)
    assert run.code == bool(run.out), run.err
    return [":".join(line.split(":", 2)[:2]) for line in run.out]


class TestDiffBase:
    def test_nothing_changed(self, repository: Path) -> None:
        assert check(repository, "--diff-base", "HEAD") == []
        run = leaklint("check", "--diff-base", "HEAD", cwd=repository)
        assert run.err == ["No leaks found in 2 files (3 not touched since HEAD)."]

    def test_lines_that_moved_are_not_touched(self, repository: Path) -> None:
        (repository / "old.py").write_text(f"import os\n\n\n{LEAK}")
        git(repository, "mv", "long.py", "renamed.py")
        assert check(repository, "--diff-base", "HEAD") == []

    @pytest.mark.parametrize(
        ("old", "new", "expected"),
        [
            ("file = open(p)", "file = open(p, 'r')", ["long.py:2"]),
            ("        return second", "        return second.strip()", ["long.py:2"]),
            ("if first:", "if second:", ["long.py:2"]),
            ('        "rb",\n', '        "rb+",\n', ["long.py:12"]),
            ("    second = file.readline()\n", "    second = first\n", []),
            ("    return first\n", "    return first + ''\n", []),
            ("    second = file.readline()\n", "", ["long.py:2"]),
        ],
    )
    def test_statement_and_steps_count(self, repository: Path, old: str, new: str, expected: list[str]) -> None:
        assert old in LONG
        (repository / "long.py").write_text(LONG.replace(old, new))
        assert check(repository, "--diff-base", "HEAD") == expected

    def test_a_release_that_is_deleted_touches_what_it_released(self, repository: Path) -> None:
        good = "def f(p):\n    x = open(p)\n    y = p\n    x.close()\n    return y\n\n\n"
        (repository / "old.py").write_text(good + LEAK)
        commit(repository)
        (repository / "old.py").write_text(good.replace("    x.close()\n", "") + LEAK)
        assert check(repository, "--diff-base", "HEAD", "--min-confidence", "low") == ["old.py:2"]

    def test_a_branch_is_compared_with_where_it_began(self, repository: Path) -> None:
        git(repository, "checkout", "-q", "-b", "work")
        (repository / "committed.py").write_text(LEAK)
        commit(repository)
        git(repository, "checkout", "-q", "main")
        (repository / "old.py").write_text(LEAK.replace("f", "g"))
        commit(repository)
        git(repository, "checkout", "-q", "work")
        (repository / "staged.py").write_text(LEAK)
        git(repository, "add", "staged.py")
        (repository / "untracked.py").write_text(LEAK)
        (repository / "ignored.py").write_text(LEAK)
        expected = ["committed.py:2", "staged.py:2", "untracked.py:2"]
        assert check(repository, "--diff-base", "main") == expected
        (repository / "sub").mkdir()
        assert check(repository / "sub", "--diff-base", "main", "..") == [f"../{place}" for place in expected]
        assert check(repository, "--diff-base", "main", str(repository / "staged.py"), "ignored.py") == [
            f"{repository / 'staged.py'}:2"
        ]

    def test_a_helper_of_another_file_touches_its_callers(self, repository: Path) -> None:
        (repository / "helper.py").write_text("def connect(p):\n    return None\n")
        (repository / "caller.py").write_text("import helper\n\n\ndef f(p):\n    x = helper.connect(p)\n    print(x)\n")
        commit(repository)
        (repository / "helper.py").write_text("def connect(p):\n    return open(p)\n")
        assert check(repository, "--diff-base", "HEAD") == ["caller.py:5"]

    @pytest.mark.parametrize("name", ["a\nb.py", 'q"u\\o.py', "ä b.py", "-x.py", "b\udcff.py"])
    def test_odd_names(self, repository: Path, name: str) -> None:
        (repository / os.fsencode(name).decode("utf-8", "surrogateescape")).write_text(LEAK)
        commit(repository)
        (repository / name).write_text(LEAK.replace("read()", "readline()"))
        run = leaklint("check", "--output-format", "concise", "--diff-base", "HEAD", cwd=repository)
        assert len(run.out) == 1

    @pytest.mark.parametrize("setting", ["diff.noprefix=true", "diff.mnemonicPrefix=true", "color.ui=always"])
    def test_what_is_configured_does_not_matter(self, repository: Path, setting: str) -> None:
        git(repository, "config", *setting.split("="))
        (repository / ".gitattributes").write_text("*.py -diff\n")
        (repository / "old.py").write_text(LEAK.replace("read()", "readline()"))
        assert check(repository, "--diff-base", "HEAD") == ["old.py:2"]

    @pytest.mark.parametrize("ref", ["nowhere", "--output=stolen", "-p", "", "HEAD:old.py", "main..main"])
    def test_an_unknown_revision_is_an_error(self, repository: Path, ref: str) -> None:
        run = leaklint("check", f"--diff-base={ref}", cwd=repository)
        assert run.code == 2
        assert run.out == []
        assert "is no revision" in run.err[-1]
        assert not (repository / "stolen").exists()

    def test_without_a_common_commit(self, repository: Path) -> None:
        git(repository, "checkout", "-q", "--orphan", "alone")
        (repository / "old.py").unlink()
        commit(repository)
        run = leaklint("check", "--diff-base", "main", cwd=repository)
        assert run.code == 2
        assert "no commit in common" in run.err[-1]

    def test_without_a_repository(self, tmp_path: Path) -> None:
        environment = {"GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}
        run = leaklint("check", "--diff-base", "HEAD", cwd=tmp_path, env=environment)
        assert run.code == 2
        assert "not in the work tree of a git repository" in run.err[-1]

    def test_without_git(self, repository: Path) -> None:
        run = leaklint("check", "--diff-base", "HEAD", cwd=repository, env={"PATH": str(repository)})
        assert run.code == 2
        assert "git cannot be run" in run.err[-1]
