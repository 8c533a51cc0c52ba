"""The documents: what they show runs, what they link to is there, and what is generated is what the code says."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from leaklint.catalogue.load import load
from leaklint.cli import COMMANDS
from leaklint.rules import RULES
from tests.command import leaklint

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WRITTEN = {path.relative_to(DOCS).as_posix(): path.read_text(encoding="utf-8") for path in DOCS.rglob("*.md")}
PLAYED = ("index.md", "fixes.md", "suppression.md", "faq.md")
"""documents whose commands are run here; the others have tests of their own"""


def script(name: str) -> ModuleType:
    """A program of the documents, as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


HOOKS = script("hooks")
PAGES: dict[str, str] = {**WRITTEN, **HOOKS.pages()}


class Config(yaml.SafeLoader):
    """YAML with the tags that mkdocs has."""


Config.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, suffix, node: None)
SITE: dict[str, Any] = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Config)


def without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "", re.sub(r"(?ms)^```.*?^```", "", text))


def anchors(text: str) -> set[str]:
    """The names of the headings of a page, as mkdocs makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", text), re.M):
        named = re.search(r"\{ #([\w-]+) \}", heading)
        plain = re.sub(r"[^\w\s-]", "", re.sub(r"\{.*\}", "", heading)).strip().lower()
        found.add(named[1] if named else re.sub(r"[\s-]+", "-", plain))
    return found


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(PAGES[page])):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (Path(page).parent / path).as_posix() if path else page
        assert there in PAGES or (DOCS / there).is_file(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(PAGES[there]), f"{page} links to {target}"


def test_every_page_is_in_the_navigation_and_no_other() -> None:
    HOOKS.on_config(type("Config", (), {"nav": SITE["nav"]}))

    def listed(entries: Any) -> list[str]:
        if isinstance(entries, str):
            return [entries]
        if isinstance(entries, dict):
            entries = list(entries.values())
        return [page for entry in entries for page in listed(entry)]

    named = listed(SITE["nav"])
    assert sorted(named) == sorted(set(named))
    assert set(named) == PAGES.keys()


def test_each_rule_has_the_page_that_the_command_prints() -> None:
    for rule in RULES:
        assert PAGES[f"rules/{rule.code.lower()}.md"] == f"{rule.page.strip()}\n"
        assert f"| [{rule.code}]({rule.code.lower()}.md) | {rule.name} | {rule.summary} |" in PAGES["rules/index.md"]


def test_the_catalogue_lists_every_resource_in_rows_of_five() -> None:
    page = PAGES["catalogue.md"]
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert {re.match(r"\| `([^`]+)`", row)[1] for row in rows} == load().resources.keys()  # type: ignore[index]
    assert {row.count(" | ") for row in rows} == {4}
    psycopg2 = next(row for row in rows if row.startswith("| `psycopg2.connection`"))
    assert "`.close()`" in psycopg2
    assert "ends the transaction" in psycopg2


def commands(text: str) -> list[str]:
    """What is shown behind a prompt, or as code that begins with the name of the program."""
    shown = re.findall(r"^\$ (leaklint .*)$", text, re.M)
    plain = re.sub(r"(?ms)^```.*?^```", "", text)
    return shown + [c for c in re.findall(r"`(leaklint [^`]+)`", plain) if not re.search(r"[A-Z]{3,}\b", c)]


def git(folder: Path, *arguments: str) -> None:
    configured = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *configured, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("page", PLAYED)
def test_the_commands_run(page: str, tmp_path: Path) -> None:
    """In a repository that has the files of which the documents speak."""
    (tmp_path / "src").mkdir()
    for folder in (tmp_path, tmp_path / "src"):
        shutil.copy(ROOT / "fixtures" / "examples" / "handler.py", folder)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    git(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    found = commands(PAGES[page])
    assert found
    for command in found:
        run = leaklint(*shlex.split(command)[1:], cwd=tmp_path)
        assert run.code in (0, 1), (command, run.err)
        assert run.out or run.err


def test_every_command_named_is_one() -> None:
    for page in WRITTEN:
        for name in re.findall(r"`leaklint ([a-z]+)", PAGES[page]):
            assert name in COMMANDS, f"{page}: leaklint {name}"


def test_the_session_is_what_happens() -> None:
    """By its words: what a newer rich draws differently is no concern."""
    session = script("session")
    words = session.text_of(session.PICTURE.read_text(encoding="utf-8"))
    played = re.sub(r"\x1b\[[0-9;]*m", "", session.play())
    assert words == "".join(played.split()), "run python docs/session.py"
    assert words == session.text_of(session.draw(session.play()))
    assert "http" not in re.sub(r'xmlns="[^"]*"|<!--.*?-->', "", session.PICTURE.read_text(encoding="utf-8"))


def test_the_site_is_built(tmp_path: Path) -> None:
    """Strictly: a page that is missing, a link or an anchor that leads nowhere fails."""
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    pytest.importorskip("material", reason="needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "never-released" in (tmp_path / "site" / "rules" / "ll101" / "index.html").read_text(encoding="utf-8")
    assert not list((tmp_path / "site").rglob("*.py"))
