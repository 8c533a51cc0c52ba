"""The GitHub Action: its scripts, run by bash as a runner runs them, with inputs that try to be more than data."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from leaklint.cli.check import command as check_command
from tests.command import environment
from tests.readers import Command, check_sarif, commands

ROOT = Path(__file__).parent.parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
HOSTILE = "$(touch pwned) `touch pwned` \"; touch pwned; ' ${{ github.token }} && x"

needs_bash = pytest.mark.skipif(shutil.which("bash") is None or os.name == "nt", reason="no bash here")


@dataclass(frozen=True)
class Done:
    """How a step ended: its exit code, its log, what it set as outputs, and its summary."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str

    def commands(self) -> list[Command]:
        """The commands that the runner obeys: those between ``stop-commands`` and its token are not."""
        found: list[Command] = []
        token = ""
        for line in self.log.splitlines():
            if token:
                token = "" if line == f"::{token}::" else token
                continue
            for command in commands(line):
                found.append(command)
                token = command.data if command.name == "stop-commands" else ""
        assert not token, "commands were never resumed"
        return found


class Runner:
    """As much of a runner of GitHub Actions as a script sees."""

    def __init__(self, folder: Path) -> None:
        self.workspace = folder / "work space"
        self.temp = folder / "runner temp"
        self.bin = folder / "b i n"
        for path in (self.workspace, self.temp, self.bin):
            path.mkdir()
        self.script("python", f'exec "{sys.executable}" "$@"')
        self.script("leaklint", f'exec "{sys.executable}" -m leaklint "$@"')

    def script(self, name: str, text: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, step: str, **variables: str) -> Done:
        """Run the script of a step as ``shell: bash`` does, with the variables that its ``env`` names."""
        assert set(variables) == set(STEPS[step]["env"])
        output, summary = self.temp / "output", self.temp / "summary"
        output.write_text("")
        summary.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]],
            cwd=self.workspace,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=environment(
                {
                    "RUNNER_TEMP": str(self.temp),
                    "GITHUB_OUTPUT": str(output),
                    "GITHUB_STEP_SUMMARY": str(summary),
                    "GITHUB_ACTION_PATH": str(ROOT),
                    **variables,
                }
            ),
        )
        outputs = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return Done(done.returncode, done.stdout + done.stderr, outputs, summary.read_text())

    def check(self, paths: str = ".", args: str = "", mode: str = "annotations", base: str = "") -> Done:
        return self.run(
            "Check",
            ACTION_BIN=str(self.bin),
            ACTION_PATHS=paths,
            ACTION_ARGS=args,
            ACTION_MODE=mode,
            ACTION_DIFF_BASE=base,
        )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


class TestMetadata:
    def test_it_is_a_composite_action_with_the_inputs_and_outputs_that_it_documents(self) -> None:
        assert ACTION["runs"]["using"] == "composite"
        assert list(ACTION["inputs"]) == ["paths", "args", "version", "mode", "fail", "diff-base"]
        assert list(ACTION["outputs"]) == ["findings", "exit-code", "sarif-file"]
        for entry in (*ACTION["inputs"].values(), *ACTION["outputs"].values()):
            assert entry["description"]

    def test_inputs_reach_no_script_as_text(self) -> None:
        for step in ACTION["runs"]["steps"]:
            if "run" in step:
                assert "${{" not in step["run"]
                assert step["shell"] == "bash"
                names = set(re.findall(r"\bACTION_\w+", step["run"]))
                assert names == set(step["env"])

    def test_every_input_and_output_is_wired(self) -> None:
        text = (ROOT / "action.yml").read_text(encoding="utf-8")
        assert set(re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", text)) == set(ACTION["inputs"])
        written = set(re.findall(r'echo "([\w-]+)=', STEPS["Check"]["run"]))
        assert written == set(ACTION["outputs"])

    def test_every_option_that_it_passes_is_an_option(self) -> None:
        options = {option for parameter in check_command.params for option in parameter.opts}
        lines = [line for line in STEPS["Check"]["run"].splitlines() if "arguments+=" in line or "arguments=" in line]
        passed = set(re.findall(r"--[a-z][a-z-]+", "\n".join(lines)))
        assert "--output-format" in passed
        assert passed <= options


@needs_bash
class TestCheck:
    def test_annotations_counts_and_a_summary(self, runner: Runner) -> None:
        (runner.workspace / "leak.py").write_text(LEAK)
        done = runner.check()
        assert done.code == 0, done.log
        assert done.outputs == {"findings": "1", "exit-code": "1", "sarif-file": ""}
        first, *rest = done.commands()
        assert (first.name, first.properties["file"], first.properties["line"]) == ("notice", "leak.py", "2")
        assert [command.name for command in rest] == ["stop-commands"]
        assert done.summary.startswith("## leaklint\n")

    def test_a_clean_tree(self, runner: Runner) -> None:
        (runner.workspace / "clean.py").write_text("x = 1\n")
        assert runner.check(mode="both").outputs["exit-code"] == "0"

    @pytest.mark.parametrize("mode", ["sarif", "both"])
    def test_sarif_is_written_without_what_is_suppressed(self, runner: Runner, mode: str) -> None:
        suppressed = LEAK.replace("open(p)", "open(p)  # leaklint: ignore")
        (runner.workspace / "leak.py").write_text(LEAK + suppressed.replace("f(", "g("))
        done = runner.check(mode=mode)
        document = json.loads(Path(done.outputs["sarif-file"]).read_text())
        check_sarif(document)
        assert len(document["runs"][0]["results"]) == 1
        assert done.outputs["findings"] == "1"
        assert [c.name for c in done.commands() if c.name != "stop-commands"] == ["notice"] * (mode == "both")
        assert "never closed" in done.log

    def test_paths_are_lines_and_arguments_are_words(self, runner: Runner) -> None:
        (runner.workspace / "a b").mkdir()
        for name in ("a b/x.py", "-y.py", "z.py"):
            (runner.workspace / name).write_text(LEAK)
        done = runner.check("a b\n-y.py\n", args="--select 'LL101' --min-severity=low")
        assert {command.properties["file"] for command in done.commands()[:2]} == {"a b/x.py", "-y.py"}
        assert done.outputs["findings"] == "2"

    @pytest.mark.parametrize("where", ["paths", "args", "base"])
    def test_hostile_inputs_are_data(self, runner: Runner, where: str) -> None:
        (runner.workspace / "leak.py").write_text(LEAK)
        done = runner.check(**{where: HOSTILE if where != "args" else HOSTILE.replace("'", "")})
        assert not list(runner.workspace.rglob("pwned"))
        assert [path.name for path in runner.workspace.iterdir()] == ["leak.py"]
        assert done.code != 0 or done.outputs["exit-code"] == "2", done.log

    def test_hostile_names_forge_no_command(self, runner: Runner) -> None:
        name = "::error::x ##[error]y\n::warning::z.py"
        (runner.workspace / name).write_text(LEAK)
        (runner.workspace / "##[error]broken.py").write_text("def f(:\n    open(p)\n")
        for mode in ("annotations", "sarif"):
            done = runner.check(mode=mode)
            found = [command for command in done.commands() if command.name != "stop-commands"]
            assert all(command.properties["title"].startswith("leaklint") for command in found)
            assert len(found) == (2 if mode == "annotations" else 0)

    def test_only_what_changed_is_reported(self, runner: Runner) -> None:
        def git(*arguments: str) -> None:
            author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
            command = ["git", *author, *arguments]
            subprocess.run(command, cwd=runner.workspace, env=environment(), check=True, capture_output=True)

        (runner.workspace / "old.py").write_text(LEAK)
        git("init", "-q")
        git("add", "-A")
        git("commit", "-qm", "x")
        (runner.workspace / "touched.py").write_text(LEAK)
        done = runner.check(base="HEAD")
        assert [command.properties["file"] for command in done.commands()[:-1]] == ["touched.py"]
        assert done.outputs["findings"] == "1"

    def test_arguments_that_cannot_be_read_are_an_error(self, runner: Runner) -> None:
        done = runner.check(args="--select 'LL1")
        assert done.code != 0
        assert "the input args cannot be read" in done.log

    def test_an_unknown_mode_is_an_error(self, runner: Runner) -> None:
        done = runner.check(mode="$(touch pwned)")
        assert done.code == 2
        assert not (runner.workspace / "pwned").exists()

    def test_a_report_of_another_step_does_not_count(self, runner: Runner) -> None:
        (runner.workspace / "leak.py").write_text(LEAK)
        assert runner.check(mode="both").outputs["findings"] == "1"
        done = runner.check(args="--no-such-option", mode="both")
        assert done.outputs == {"findings": "0", "exit-code": "2", "sarif-file": ""}
        assert "--no-such-option" in done.log


@needs_bash
class TestOtherSteps:
    @pytest.mark.parametrize(
        ("code", "fail", "expected"),
        [("0", "true", 0), ("1", "true", 1), ("1", "false", 0), ("2", "true", 2), ("2", "false", 2)],
    )
    def test_the_verdict(self, runner: Runner, code: str, fail: str, expected: int) -> None:
        assert runner.run("Verdict", ACTION_CODE=code, ACTION_FAIL=fail).code == expected

    def install(self, runner: Runner, monkeypatch: pytest.MonkeyPatch, version: str) -> tuple[Done, Any]:
        """Run the installation with a Python that only writes down what it is asked to do."""
        asked = runner.temp / "asked"
        make = 'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi'
        runner.script("python3", f'printf "%s\\n" "$*" >> "{asked}"\n{make}')
        monkeypatch.setenv("PATH", f"{runner.bin}{os.pathsep}{os.environ['PATH']}")
        done = runner.run("Install leaklint", ACTION_VERSION=version)
        return done, asked.read_text().splitlines() if asked.exists() else []

    @pytest.mark.parametrize(
        ("version", "requirement"),
        [("", str(ROOT)), ("0.1.0", "leaklint==0.1.0"), (">=0.1, <1", "leaklint>=0.1, <1"), ("~=0.1", "leaklint~=0.1")],
    )
    def test_the_version_that_is_asked_for_is_installed(
        self, runner: Runner, monkeypatch: pytest.MonkeyPatch, version: str, requirement: str
    ) -> None:
        done, asked = self.install(runner, monkeypatch, version)
        assert done.code == 0, done.log
        assert asked[-1].endswith(f" -- {requirement}")
        assert done.outputs["bin"] == str(runner.temp / "leaklint-venv" / "bin")

    @pytest.mark.parametrize("version", ["$(touch pwned)", "0.1; touch pwned", "other", "@ https://x", "-r x", "1/2"])
    def test_what_is_no_version_is_an_error(
        self, runner: Runner, monkeypatch: pytest.MonkeyPatch, version: str
    ) -> None:
        done, asked = self.install(runner, monkeypatch, version)
        assert done.code == 2
        assert asked == []
        assert [command.name for command in done.commands()] == ["error"]
