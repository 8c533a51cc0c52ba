"""The hooks for pre-commit: what they say, and what they do in a repository that uses them."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from leaklint.cli.check import command as check_command
from tests.command import environment, leaklint

ROOT = Path(__file__).parent.parent
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}

PROJECT = {
    "leak.py": "def f(p):\n    source = open(p)\n    return source.read()\n",
    "mended.py": "def g(p):\n    source = open(p)\n    return source.read()\n",
    "clean.py": "def f(p):\n    with open(p) as source:\n        return source.read()\n",
    "helper.py": "import socket\n\n\ndef connect(host):\n    return socket.create_connection((host, 80))\n",
    "handler.py": "from helper import connect\n\n\ndef handler(event, context):\n"
    "    link = connect(event['host'])\n    return link.recv(1)\n",
    "again.py": "from middle import connect\n\n\ndef g(host):\n    connect(host).send(b'x')\n",
    "middle.py": "from helper import connect\n",
}


def wrote(folder: Path) -> None:
    for name, text in PROJECT.items():
        (folder / name).write_text(text)


class TestFile:
    def test_each_hook_says_what_pre_commit_demands(self) -> None:
        assert list(HOOKS) == ["leaklint", "leaklint-fix", "leaklint-project"]
        for hook in HOOKS.values():
            assert set(hook) <= {
                "id", "name", "description", "entry", "language", "types", "require_serial", "pass_filenames",
                "always_run", "args", "files", "exclude",
            }  # fmt: skip
            assert hook["language"] == "python"
            assert hook["require_serial"] is True, "one process for all files: they share what was read of the project"
            assert hook["description"]

    def test_each_entry_is_a_command_with_options_that_exist(self) -> None:
        options = {option for parameter in check_command.params for option in parameter.opts}
        for hook in HOOKS.values():
            program, command, *rest = hook["entry"].split()
            assert (program, command) == ("leaklint", "check")
            assert set(rest) <= options

    def test_the_hook_for_the_whole_project_takes_no_files_and_always_runs(self) -> None:
        assert (HOOKS["leaklint-project"]["pass_filenames"], HOOKS["leaklint-project"]["always_run"]) == (False, True)
        assert HOOKS["leaklint"]["types"] == HOOKS["leaklint-fix"]["types"] == ["python"]


class TestSplit:
    def test_findings_do_not_depend_on_how_the_files_are_split(self, tmp_path: Path) -> None:
        wrote(tmp_path)

        def found(*names: str) -> list[str]:
            run = leaklint("check", "--output-format", "concise", *names, cwd=tmp_path)
            assert run.code in (0, 1)
            return run.out

        together = found(*PROJECT)
        assert {line.partition(":")[0] for line in together} == {"leak.py", "mended.py", "handler.py", "again.py"}
        assert sorted(together) == sorted(line for name in PROJECT for line in found(name))
        for half in list(combinations(PROJECT, 3))[::5]:
            rest = [name for name in PROJECT if name not in half]
            assert sorted(together) == sorted(found(*half) + found(*rest))


@pytest.mark.skipif(
    importlib.util.find_spec("pre_commit") is None or shutil.which("git") is None or not (ROOT / ".git").exists(),
    reason="needs pre-commit, git and a checkout",
)
class TestPreCommit:
    def test_the_hooks_work_from_a_clone(self, tmp_path: Path) -> None:
        """``pre-commit try-repo`` installs the hooks from a repository with the files of this checkout."""
        hooks, project = tmp_path / "hooks", tmp_path / "project"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        needed = ("src/", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")
        for name in filter(None, listed.split("\0")):
            if name.startswith(needed) and (ROOT / name).exists():
                (hooks / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, hooks / name)
        project.mkdir()
        wrote(project)
        env = environment({"PRE_COMMIT_HOME": str(tmp_path / "home"), "GIT_CONFIG_GLOBAL": os.devnull})
        author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        for folder in (hooks, project):
            for arguments in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "x"]):
                subprocess.run(["git", *arguments], cwd=folder, env=env, check=True)
        done = subprocess.run(
            [sys.executable, "-m", "pre_commit", "try-repo", "../hooks", "--files", "clean.py", "mended.py"],
            cwd=project,
            env={name: value for name, value in env.items() if name != "PYTHONPATH"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        one, mended, whole = done.stdout.split("- hook id: ")[1:]
        assert one.startswith("leaklint\n")
        assert "--> mended.py:2:14" in one
        assert "leak.py" not in one
        assert mended.startswith("leaklint-fix\n")
        assert "files were modified by this hook" in mended
        assert "    with open(p) as source:\n" in (project / "mended.py").read_text()
        assert (project / "leak.py").read_text() == PROJECT["leak.py"], "it is not of this commit"
        assert whole.startswith("leaklint-project\n")
        assert "--> leak.py:2:14" in whole
        assert "--> handler.py:5:12" in whole
        assert "mended.py" not in whole
