"""Which files are found, in which order, under which names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leaklint.config.resolve import Resolved
from leaklint.config.settings import EXCLUDED
from leaklint.discovery import discover
from leaklint.result import Failed
from tests.command import environment, leaklint


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*paths: str) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("x = 1\n")


def found(*paths: str) -> list[str]:
    files = list(discover(paths))
    assert all(isinstance(file, str) for file in files), files
    return [str(file).replace(os.sep, "/") for file in files]


def failed(*paths: str) -> list[tuple[str, str]]:
    return [(file.path, file.reason) for file in discover(paths) if isinstance(file, Failed)]


def test_folders_are_walked_in_the_order_of_names_and_only_python_files_count() -> None:
    make("b/z.py", "b/a.py", "b/c/d.py", "a.py", "b/x.pyi", "b/notes.txt", "b/py")
    assert found("b") == ["b/a.py", "b/z.py", "b/c/d.py"]
    assert found(".") == ["a.py", "b/a.py", "b/z.py", "b/c/d.py"]
    assert found("./") == found(".")


def test_paths_are_written_as_they_were_given(tmp_path: Path) -> None:
    make("src/a.py")
    assert found("./src") == ["./src/a.py"]
    assert found("src/") == ["src/a.py"]
    assert found(str(tmp_path / "src")) == [f"{tmp_path.as_posix()}/src/a.py"]


def test_named_files_are_checked_whatever_they_are_called() -> None:
    make("script", ".venv/lib/x.py")
    assert found("script", ".venv/lib/x.py") == ["script", ".venv/lib/x.py"]


@pytest.mark.parametrize("name", sorted(EXCLUDED))
def test_excluded_folders_are_not_entered_unless_named(name: str) -> None:
    make(f"pkg/{name}/x.py", "pkg/y.py")
    assert found(".") == ["pkg/y.py"]
    assert found(f"pkg/{name}") == [f"pkg/{name}/x.py"]


def test_a_file_counts_once() -> None:
    make("a/x.py", "a/b/y.py")
    os.symlink("x.py", "a/z.py")
    assert found("a/x.py", "a", "a/b", "./a/x.py") == ["a/x.py", "a/b/y.py"]


def test_a_missing_path_is_a_failure_and_the_rest_is_found() -> None:
    make("a.py")
    assert list(discover(["nowhere", "a.py"])) == [Failed("nowhere", "no such file or folder"), "a.py"]


def test_links_to_folders_make_no_loop() -> None:
    make("a/x.py")
    os.symlink(".", "a/self")
    os.symlink("../a", "a/up")
    assert found("a") == ["a/x.py"]


def test_a_link_to_a_folder_is_entered_when_it_is_named() -> None:
    make("real/x.py")
    os.symlink("real", "link")
    assert found("link") == ["link/x.py"]
    assert found("link", "real") == ["link/x.py"]


def test_a_link_to_a_file_is_a_file() -> None:
    make("elsewhere/x.txt", "a/y.py")
    os.symlink("../elsewhere/x.txt", "a/x.py")
    assert found("a") == ["a/x.py", "a/y.py"]


def test_dangling_links_are_failures_except_for_the_locks_of_editors() -> None:
    make("a/x.py")
    os.symlink("gone.py", "a/link.py")
    os.symlink("someone@somewhere.1234", "a/.#x.py")
    os.symlink("loop.py", "a/loop.py")
    assert [path for path, _ in failed("a")] == [os.path.join("a", "link.py"), os.path.join("a", "loop.py")]
    assert all(reason.startswith("dangling link: ") for _, reason in failed("a"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_what_is_no_file_is_a_failure_and_is_not_opened() -> None:
    make("a/x.py")
    os.mkfifo("a/pipe.py")
    assert failed("a") == [(os.path.join("a", "pipe.py"), "not a regular file")]


def test_a_folder_named_like_a_module_is_a_folder() -> None:
    make("a.py/b.py")
    assert found(".") == ["a.py/b.py"]


def test_deep_trees_need_no_recursion() -> None:
    path = os.path.join(*["d"] * 300, "x.py")
    make(path)
    code = (
        "import sys; from leaklint.discovery import discover; sys.setrecursionlimit(100);"
        f"assert list(discover(['.'])) == [{path!r}]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())


class TestGitignore:
    def test_patterns_hold_below_their_folder(self) -> None:
        make("a/gen_x.py", "a/keep.py", "b/gen_x.py", "out/y.py", "a/out/z.py")
        Path(".gitignore").write_text("/out/\n")
        Path("a/.gitignore").write_text("# generated\ngen_*.py\n")
        assert found(".") == ["a/keep.py", "a/out/z.py", "b/gen_x.py"]

    def test_a_later_pattern_and_a_deeper_file_take_back(self) -> None:
        make("gen/a.py", "gen/b.py", "gen/deep/c.py")
        Path(".gitignore").write_text("*.py\n!b.py\n")
        Path("gen/deep").mkdir(exist_ok=True)
        Path("gen/deep/.gitignore").write_text("!c.py\n")
        assert found(".") == ["gen/b.py", "gen/deep/c.py"]

    def test_files_above_count_up_to_the_root_of_the_repository(self) -> None:
        make("repo/pkg/gen.py", "repo/pkg/x.py")
        Path(".gitignore").write_text("x.py\n")
        Path("repo/.gitignore").write_text("gen.py\n")
        Path("repo/.git").mkdir()
        assert found("repo/pkg") == ["repo/pkg/x.py"]

    def test_what_is_named_is_checked_though_it_is_ignored(self) -> None:
        make("out/sub/x.py", "y.py")
        Path(".git").mkdir()
        Path(".gitignore").write_text("out/\ny.py\n")
        assert found(".") == []
        assert found("out/sub", "y.py") == ["out/sub/x.py", "y.py"]

    def test_it_can_be_switched_off(self) -> None:
        make("y.py")
        Path(".gitignore").write_text("y.py\n")
        assert list(discover(["."], lambda folder: Resolved(respect_gitignore=False))) == ["y.py"]

    def test_a_pattern_that_cannot_be_read_is_passed_over(self) -> None:
        make("y.py", "z.py")
        Path(".gitignore").write_bytes(b"!\n\xff\xfe\n[z-a.py\ny.py\n")
        assert found(".") == ["z.py"]

    def test_named_files_do_not_import_the_matcher(self) -> None:
        make("y.py")
        Path(".gitignore").write_text("z.py\n")
        code = (
            "import sys; from leaklint.discovery import discover; list(discover(['y.py']));"
            "assert 'pathspec' not in sys.modules; list(discover(['.'])); assert 'pathspec' in sys.modules"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env=environment())


LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"


def checked(*arguments: str, data: bytes = b"", code: int = 1) -> list[str]:
    """The files with findings, as the command line names them, in its order."""
    run = leaklint("check", "--output-format", "concise", *arguments, cwd=Path.cwd(), data=data)
    assert run.code == code, run.err
    return [line.split(":")[0].replace(os.sep, "/") for line in run.out]


def leaking(*paths: str) -> None:
    make(*paths)
    for path in paths:
        Path(path).write_text(LEAK)


class TestExclusion:
    def test_exclude_replaces_the_default_names_and_extend_exclude_adds(self) -> None:
        leaking("a.py", "build/b.py", "gen/c.py", "x/gen/d.py", "x/e_pb2.py")
        assert checked() == ["a.py", "gen/c.py", "x/e_pb2.py", "x/gen/d.py"]
        assert checked("--extend-exclude", "gen,*_pb2.py") == ["a.py"]
        assert checked("--extend-exclude", "./gen") == ["a.py", "x/e_pb2.py", "x/gen/d.py"]
        assert checked("--exclude", "gen") == ["a.py", "build/b.py", "x/e_pb2.py"]
        assert checked("--exclude", "{gen,x}/**,a.py") == ["build/b.py"]

    def test_what_is_named_is_checked_unless_exclusion_is_forced(self) -> None:
        leaking("gen/a.py", "gen/deep/b.py", "c.py", ".venv/d.py")
        Path("leaklint.toml").write_text('extend-exclude = ["gen"]\n')
        named = ("gen/a.py", "gen/deep", "c.py", ".venv/d.py")
        assert sorted(checked(*named)) == [".venv/d.py", "c.py", "gen/a.py", "gen/deep/b.py"]
        assert checked(*named, "--force-exclude") == ["c.py"]
        Path("leaklint.toml").write_text('extend-exclude = ["gen"]\nforce-exclude = true\n')
        assert checked(*named) == ["c.py"]
        assert checked("--no-force-exclude", "gen/a.py") == ["gen/a.py"]
        assert checked("gen", code=0) == []

    def test_names_of_folders_around_the_project_do_not_count(self, monkeypatch: pytest.MonkeyPatch) -> None:
        leaking("build/repo/a.py", "build/repo/build/b.py", "build/repo/pkg/dist/c.py")
        for text in (None, "", 'per-file-ignores = {"build" = ["LL1"]}\n'):
            monkeypatch.chdir(Path.cwd() / "build" / "repo")
            if text is not None:
                Path("leaklint.toml").write_text(text)
            assert checked("--force-exclude", "a.py", "build/b.py", "pkg/dist/c.py") == ["a.py"]
            monkeypatch.chdir(Path.cwd().parent.parent)

    def test_each_folder_has_the_patterns_of_its_own_configuration(self) -> None:
        leaking("one/gen/a.py", "one/b.py", "two/gen/c.py", "two/b.py", "gen/d.py")
        Path("leaklint.toml").write_text('extend-exclude = ["gen"]\n')
        Path("two/leaklint.toml").write_text('extend-exclude = ["b.py"]\n')
        assert checked() == ["one/b.py", "two/gen/c.py"]

    def test_a_link_is_excluded_by_its_own_name(self) -> None:
        leaking("far/x.txt")
        make("near/y.py")
        os.symlink("../far/x.txt", "near/x.py")
        assert checked("near") == ["near/x.py"]
        assert checked("near", "--exclude", "x.py", code=0) == []

    def test_gitignore_is_respected_unless_told_otherwise(self) -> None:
        leaking("a.py", "sub/b.py", "sub/deep/c.py")
        Path(".gitignore").write_text("b.py\nc.py\n")
        assert checked() == ["a.py"]
        assert checked("--no-respect-gitignore") == ["a.py", "sub/b.py", "sub/deep/c.py"]
        Path("sub/leaklint.toml").write_text("respect-gitignore = false\n")
        assert checked() == ["a.py", "sub/b.py", "sub/deep/c.py"]
        Path("sub/deep/leaklint.toml").write_text("")
        assert checked() == ["a.py", "sub/b.py"]


class TestListsOfFiles:
    @pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
    def test_one_a_line_or_nul_separated(self, separator: str) -> None:
        leaking("a.py", "b c.py", "d/e.py", "f.py")
        listed = separator.join(["a.py", "b c.py", "d", ""]).encode()
        assert checked("--files-from", "-", data=listed) == ["a.py", "b c.py", "d/e.py"]
        Path("list").write_bytes(listed)
        assert checked("f.py", "--files-from", "list") == ["a.py", "b c.py", "d/e.py", "f.py"]

    def test_names_may_hold_line_ends_when_nul_separates_them(self) -> None:
        leaking("a\nb.py")
        assert len(checked("--files-from", "-", data=b"a\nb.py\0")) == 1

    def test_what_it_names_and_is_not_there_is_an_error(self) -> None:
        leaking("a.py")
        assert checked("--files-from", "-", data=b"nowhere.py\na.py\n", code=2) == ["a.py"]

    def test_standard_input_is_read_for_one_thing(self) -> None:
        run = leaklint("check", "-", "--files-from", "-", cwd=Path.cwd())
        assert run.code == 2
        assert "--files-from - reads from standard input what - would check" in run.err[-1]


class TestStandardInput:
    def test_it_has_the_configuration_of_the_file_it_stands_for(self) -> None:
        make("app/x.py")
        Path("app/leaklint.toml").write_text('[per-file-ignores]\n"y.py" = ["LL1"]\n')
        assert checked("-", "--stdin-filename", "app/x.py", data=LEAK.encode()) == ["app/x.py"]
        assert checked("-", "--stdin-filename", "app/y.py", data=LEAK.encode(), code=0) == []
        assert checked("-", "--stdin-filename", "y.py", data=LEAK.encode()) == ["y.py"]
        Path("app/leaklint.toml").write_text("nonsense = 1\n")
        assert checked("-", "--stdin-filename", "app/x.py", data=LEAK.encode(), code=2) == []

    def test_forced_exclusion(self) -> None:
        arguments = ("-", "--stdin-filename", "gen/x.py", "--extend-exclude", "gen")
        assert checked(*arguments, data=LEAK.encode()) == ["gen/x.py"]
        assert checked(*arguments, "--force-exclude", data=LEAK.encode(), code=0) == []
        run = leaklint("check", *arguments, "--force-exclude", cwd=Path.cwd(), data=LEAK.encode())
        assert run.err == ["Nothing was analysed (1 file skipped)."]
