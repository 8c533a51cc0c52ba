"""The pages on formats and CI: their examples are what is written, and their commands run."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from leaklint.config.settings import FORMATS
from tests.command import leaklint
from tests.readers import check_gitlab, check_junit, check_rdjson, check_sarif, commands

ROOT = Path(__file__).parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("formats", "ci")}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.M | re.S)


def strings(value: Any) -> list[str]:
    """Every string in a document of YAML."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for item in value.values() for found in strings(item)]
    return [found for item in value for found in strings(item)] if isinstance(value, list) else []


def snippets() -> list[str]:
    """The command lines of leaklint in the snippets for CI systems."""
    texts = [
        line for block in blocks("ci", "yaml") for text in strings(yaml.safe_load(block)) for line in text.split("\n")
    ]
    texts += [line for block in blocks("ci", "sh") for line in block.split("\n")]
    texts += re.findall(r"sh '([^']*)'", "\n".join(blocks("ci", "groovy")))
    return [text for text in texts if text.startswith("leaklint ")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with the handler that the pages speak of."""
    (tmp_path / ".git").mkdir()
    shutil.copy(ROOT / "fixtures" / "examples" / "handler.py", tmp_path)
    return tmp_path


class TestFormats:
    def test_every_format_has_its_row_and_section(self) -> None:
        rows = re.findall(r"^\| `(\w+)` \|", PAGES["formats"], re.M)
        sections = [title for title in re.findall(r"^## (.*)$", PAGES["formats"], re.M) if title != "Fingerprints"]
        assert sorted(rows) == sorted(FORMATS)
        assert sections == rows[:2] + rows[3:], "json has a page of its own"

    def test_the_session_is_what_happens(self, folder: Path) -> None:
        (session,) = blocks("formats", "console")
        command, _, output = session.removeprefix("$ leaklint ").partition("\n")
        run = leaklint(*shlex.split(command), cwd=folder)
        assert "".join(f"{line}\n" for line in run.out + run.err) == output
        check_sarif(json.loads((folder / "leaklint.sarif").read_text()))
        check_junit((folder / "leaklint.xml").read_text())

    def test_the_example_of_github_is_what_is_written(self, folder: Path) -> None:
        (example,) = blocks("formats", "text")
        run = leaklint("check", "--output-format", "github", cwd=folder)
        assert run.out == example.splitlines()
        assert len(list(commands(example))) == 1

    def test_the_example_of_gitlab_is_what_is_written(self, folder: Path) -> None:
        (example,) = (json.loads(block) for block in blocks("formats", "json"))
        check_gitlab(example)
        run = leaklint("check", "--output-format", "gitlab", cwd=folder)
        (issue,) = json.loads("\n".join(run.out))
        assert issue["description"].startswith(example[0]["description"].removesuffix("..."))
        assert {**issue, "description": ""} == {**example[0], "description": ""}

    def test_the_example_of_junit_is_what_is_written(self, folder: Path) -> None:
        (example,) = blocks("formats", "xml")
        run = leaklint("check", "--output-format", "junit", cwd=folder)
        (suite,) = check_junit("\n".join(run.out))
        shown = ElementTree.fromstring(example)

        def plain(root: ElementTree.Element) -> list[tuple[str, dict[str, str]]]:
            return [(e.tag, {k: v for k, v in e.attrib.items() if k != "message"}) for e in root.iter()]

        assert plain(shown) == plain(suite)

    def test_rdjson_is_what_the_page_calls_it(self, folder: Path) -> None:
        run = leaklint("check", "--output-format", "rdjson", cwd=folder)
        check_rdjson(json.loads("\n".join(run.out)))


class TestCi:
    def test_there_is_a_command_for_each_system(self) -> None:
        assert len(snippets()) >= 6

    @pytest.mark.parametrize("command", snippets())
    def test_every_command_does_what_its_snippet_needs(self, folder: Path, command: str) -> None:
        command, _, redirected = command.replace("$RUNNER_TEMP/", "").partition(" > ")
        run = leaklint(*shlex.split(command)[1:], cwd=folder)
        assert run.code == (0 if "--exit-zero" in command else 1), run.err
        assert run.err == ["Found 1 finding in 1 file.", "1 fixable with --fix."]
        written = dict(re.findall(r"--output-format (\w+)=(\S+)", command))
        readers = {"gitlab": check_gitlab, "sarif": check_sarif}
        for name, path in written.items():
            text = (folder / path.strip('"')).read_text()
            if name == "junit":
                check_junit(text)
            elif name == "markdown":
                assert text.startswith("## leaklint\n")
            else:
                readers[name](json.loads(text))
        if redirected:
            check_rdjson(json.loads("\n".join(run.out)))

    def test_files_that_are_read_are_files_that_are_written(self) -> None:
        page = PAGES["ci"]
        written = set(re.findall(r"--output-format \w+=([\w.-]+)", page)) | set(re.findall(r"> ([\w.-]+)$", page, re.M))
        read = set(re.findall(r"(?:codequality|testResultsFiles|sarif_file|publish): ([\w.-]+)$", page, re.M))
        read |= set(re.findall(r"junit '([\w.-]+)'|< ([\w.-]+)", page)[0]) - {""}
        assert read
        assert read <= written

    def test_the_action_is_described_as_it_is(self) -> None:
        rows = re.findall(r"^\| `([\w-]+)` \| (.*) \| (.*?) ?\|$", PAGES["ci"], re.M)
        assert [name for name, _, _ in rows] == list(ACTION["inputs"])
        for name, _, default in rows:
            stated = default.strip("`")
            assert stated == ACTION["inputs"][name]["default"] or (name, stated) == ("version", "that of the action")
        section = PAGES["ci"].split("| Output |")[1].split("\n\n")[0]
        assert re.findall(r"^\| `([\w-]+)` \|", section, re.M) == list(ACTION["outputs"])
        (used,) = [
            step for step in action_steps(yaml.safe_load(blocks("ci", "yaml")[0])) if "leaklint@" in step["uses"]
        ]
        assert set(used["with"]) <= set(ACTION["inputs"])

    def test_every_hook_is_described(self) -> None:
        section = PAGES["ci"].split("| Hook |")[1].split("\n\n")[0]
        assert re.findall(r"^\| `([\w-]+)` \|", section, re.M) == [hook["id"] for hook in HOOKS]

    @pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
    def test_the_filter_leaves_out_what_is_suppressed(self, folder: Path) -> None:

        (folder / "handler.py").write_text(
            "def f(p):\n    a = open(p)  # leaklint: ignore\n    open(p)\n    return a.read()\n"
        )
        leaklint("check", "--output-format", "sarif=leaklint.sarif", cwd=folder)
        (filter_,) = re.findall(r"jq '([^']*)' leaklint.sarif", PAGES["ci"])
        done = subprocess.run(["jq", filter_, "leaklint.sarif"], cwd=folder, capture_output=True, text=True, check=True)
        before = json.loads((folder / "leaklint.sarif").read_text())
        check_sarif(json.loads(done.stdout))
        assert (len(before["runs"][0]["results"]), len(json.loads(done.stdout)["runs"][0]["results"])) == (2, 1)


def action_steps(workflow: Any) -> list[Any]:
    """The steps of a workflow that use an action."""
    return [step for job in workflow["jobs"].values() for step in job["steps"] if "uses" in step]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        assert "://" in target or (ROOT / "docs" / target).exists(), target
