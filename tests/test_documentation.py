"""What the documents say is what there is: rules, pages, fixtures and changelog agree, and examples run.

``python -m tests.test_documentation`` writes the README's sessions anew.
"""

from __future__ import annotations

import re
import shlex
import shutil
from importlib import import_module
from pathlib import Path

import pytest

from leaklint.cli import COMMANDS
from leaklint.rules import RULES, Rule
from tests.command import leaklint

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = ("What it does", "Why it matters in Lambda", "Example", "Use instead", "Fix safety", "Since")

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def section(rule: Rule, name: str) -> str:
    return re.split(r"^## ", rule.page.partition(f"## {name}\n")[2], maxsplit=1, flags=re.M)[0]


class TestRules:
    def test_codes_and_names_are_unique_and_in_order(self) -> None:
        codes = [rule.code for rule in RULES]
        assert codes == sorted(set(codes))
        assert len({rule.name for rule in RULES}) == len(RULES)
        for rule in RULES:
            assert re.fullmatch(r"LL\d{3}", rule.code)
            assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)

    def test_each_has_a_module_of_its_name(self) -> None:
        modules = {path.stem for path in (ROOT / "src" / "leaklint" / "rules").glob("ll*.py")}
        assert modules == {f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in RULES}

    def test_each_has_a_folder_of_fixtures(self) -> None:
        folders = {path.name for path in (ROOT / "fixtures" / "rules").iterdir()}
        assert folders == {f"{rule.code.lower()}_{rule.name.replace('-', '_')}" for rule in RULES}
        for folder in folders:
            assert list((ROOT / "fixtures" / "rules" / folder).rglob("*.py"))

    def test_the_readme_lists_them(self) -> None:
        rows = re.findall(r"^\| (LL\d{3}) \| ([\w-]+) \| (.*) \|$", README, re.M)
        assert rows == [(rule.code, rule.name, rule.summary) for rule in RULES]

    def test_the_changelog_names_them_and_no_others(self) -> None:
        assert set(re.findall(r"LL\d{3}", CHANGELOG)) == {rule.code for rule in RULES}


class TestPages:
    @every_rule
    def test_a_page_has_its_sections_in_order(self, rule: Rule) -> None:
        title, *headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", rule.page, flags=re.M | re.S), re.M)
        assert title == f"{rule.code} {rule.name}"
        assert tuple(headings) == SECTIONS
        assert section(rule, "Since").strip() == rule.since


def sessions() -> list[tuple[str, str]]:
    """(command, output) of each terminal session of the README."""
    found = []
    for block in blocks(README, "console"):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def played(command: str) -> str:
    """What ``command`` prints at the root of the project, findings first."""
    program, *arguments = shlex.split(command)
    assert program == "leaklint"
    run = leaklint(*arguments, cwd=ROOT)
    return "".join(f"{line}\n" for line in run.out + run.err)


class TestReadme:
    def test_there_is_a_session(self) -> None:
        assert any(output.strip() for _, output in sessions())

    @pytest.mark.parametrize(("command", "output"), sessions())
    def test_sessions_are_what_happens(self, command: str, output: str) -> None:
        assert played(command) == output

    def test_every_command_line_is_understood(self, tmp_path: Path) -> None:
        """What is named in code is run in a folder that has the files that the README speaks of."""
        shutil.copytree(ROOT / "fixtures" / "examples", tmp_path / "fixtures" / "examples")
        shutil.copytree(ROOT / "fixtures" / "examples", tmp_path / "src")
        shutil.copy(ROOT / "fixtures" / "examples" / "handler.py", tmp_path)
        commands = re.findall(r"`(leaklint [^`]+)`", README)
        commands += re.findall(r"\.venv/bin/(leaklint [^&\n]+)", README)
        assert len(commands) >= 4
        for command in commands:
            run = leaklint(*shlex.split(command)[1:], cwd=tmp_path)
            assert run.code in (0, 1), (command, run.err)
            assert run.out or run.err

    def test_the_main_command_finds_something_in_the_example(self) -> None:
        (command,) = re.findall(r"\.venv/bin/(leaklint [^&\n]+)", README)
        run = leaklint(*shlex.split(command)[1:], cwd=ROOT)
        assert run.code == 0
        assert run.out
        assert run.err == ["Found 1 finding in 1 file.", "1 fixable with --fix."]

    def test_every_option_named_is_an_option(self) -> None:
        commands = [import_module(f"leaklint.cli.{name}").command for name in COMMANDS]
        options = {option for command in commands for parameter in command.params for option in parameter.opts}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", re.sub(r"(?s)```yaml.*?```", "", README)))
        assert named <= options

    def test_links_lead_somewhere(self) -> None:
        for target in re.findall(r"\]\(([^)#]+)\)", README):
            assert "://" in target or (ROOT / target).exists(), target

    def test_the_hook_is_the_command(self) -> None:
        hook = (ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8")
        assert all(entry.startswith("leaklint check") for entry in re.findall(r"entry: (.*)$", hook, re.M))
        for name in re.findall(r"^- id: (.*)$", hook, re.M):
            assert f"`{name}`" in README
        (local,) = [block for block in blocks(README, "yaml") if "repo: local" in block]
        for line in ("entry: leaklint check", "types: [python]", "require_serial: true"):
            assert line in hook
            assert line in local

    def test_the_ci_script_runs_what_the_readme_says(self) -> None:
        script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        assert "python -m pytest" in README
        assert script.rstrip().endswith("python -m pytest")


if __name__ == "__main__":
    for old_command, old_output in sessions():
        README = README.replace(f"$ {old_command}\n{old_output}", f"$ {old_command}\n{played(old_command)}")
    (ROOT / "README.md").write_text(README, encoding="utf-8")
