"""The project around a file: what a file is told does not depend on which others were looked at before."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaklint.config import Settings
from leaklint.finding import Confidence, Finding
from leaklint.result import Report
from leaklint.run import run

HELPER = "import psycopg2\n\n\ndef get_conn():\n    return psycopg2.connect('')\n"
CALLER = "from {module} import get_conn\n\n\ndef handler(event, context):\n    return get_conn().status\n"


def found(report: Report) -> dict[str, list[str]]:
    by_file: dict[str, list[str]] = {}
    for finding in report.findings:
        by_file.setdefault(Path(finding.location.path).name, []).append(f"{finding.location.line}:{finding.rule}")
    return by_file


@pytest.mark.parametrize("files", [["db.py", "app.py"], ["app.py", "db.py"], ["app.py"]], ids=" ".join)
def test_the_caller_of_another_module_is_reported_in_any_order_and_alone(tmp_path: Path, files: list[str]) -> None:
    (tmp_path / "db.py").write_text(HELPER)
    (tmp_path / "app.py").write_text(CALLER.format(module="db"))
    report = run([str(tmp_path / file) for file in files], Settings())
    assert found(report) == {"app.py": ["5:LL104"]}


def test_the_helper_of_another_module_is_shown(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text(HELPER)
    (tmp_path / "app.py").write_text(CALLER.format(module="db"))
    (finding,) = run([str(tmp_path / "app.py")], Settings()).findings
    first = finding.steps[0].location
    assert (Path(first.path).name, first.line) == ("db.py", 5)


@pytest.mark.parametrize("order", [["db.py", "app.py"], ["app.py", "db.py"]], ids=" ".join)
def test_a_module_that_imports_its_own_name_misleads_no_neighbour(tmp_path: Path, order: list[str]) -> None:
    (tmp_path / "db.py").write_text("import db\n" + HELPER)
    (tmp_path / "app.py").write_text(CALLER.format(module="db"))
    assert found(run([str(tmp_path / file) for file in order], Settings())) == {"app.py": ["5:LL104"]}


def test_reexports_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("from b import x\nf = x('p')\n")
    (tmp_path / "b.py").write_text("from a import x\ng = x(open('p'))\n")
    report = run([str(tmp_path / "a.py"), str(tmp_path / "b.py")], Settings())
    assert not report.not_analysed


def test_a_catalogued_name_is_known_through_reexports(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "__init__.py").write_text("from .inner import connect\n")
    (tmp_path / "ours" / "inner.py").write_text("from psycopg2 import connect\n")
    (tmp_path / "app.py").write_text("import ours\n\n\ndef f():\n    conn = ours.connect('')\n    conn.commit()\n")
    report = run([str(tmp_path / "app.py")], Settings())
    assert found(report) == {"app.py": ["5:LL101"]}


PROJECTS = Path(__file__).parent.parent / "fixtures" / "projects"


@pytest.mark.parametrize("project", sorted(path.name for path in PROJECTS.iterdir()))
def test_what_a_file_is_told_depends_on_no_other_file(project: str) -> None:
    """Alone, in any order and in any company, with fresh eyes and with a workspace that has seen all of them."""
    files = sorted(str(path) for ending in ("*.py", "*.yaml") for path in (PROJECTS / project).rglob(ending))
    settings = Settings(min_confidence=Confidence.LOW)

    def told(asked: list[str]) -> dict[str, list[Finding]]:
        report = run(asked, settings)
        assert not report.not_analysed
        return {file: [f for f in report.findings if f.location.path == file] for file in asked}

    alone = {file: found for one in files for file, found in told([one]).items()}
    shuffled = files[::2] + files[1::2]
    for order in (files, files[::-1], shuffled, files[: len(files) // 2 + 1]):
        assert told(order) == {file: alone[file] for file in order}
