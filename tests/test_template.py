"""Code that stands in templates is checked, and reported at the template's own lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent, indent

import pytest

from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.result import Checked, Outcome, Skipped
from tests.command import leaklint

INLINE = Path(__file__).parent.parent / "fixtures" / "projects" / "inline_code" / "template.yaml"
LEAK = """
    import os

    def handler(event, context):
        fd = os.open("/tmp/x", 0){comment}
        return event["n"] + fd
    """


def sam(code: str, name: str = "F", more: str = "") -> str:
    head = f"  {name}:\n    Type: AWS::Serverless::Function\n    Properties:\n      Runtime: python3.12\n{more}"
    return head + "      Handler: index.handler\n      InlineCode: |\n" + indent(dedent(code).lstrip("\n"), " " * 8)


def check(text: str, path: str = "template.yaml") -> Outcome:
    return check_source(text.encode(), path, Settings())


def checked(text: str) -> Checked:
    outcome = check(text)
    assert isinstance(outcome, Checked), outcome
    return outcome


def leak(comment: str = "") -> str:
    return LEAK.format(comment=comment)


def test_findings_stand_where_the_template_says_they_are() -> None:
    text = INLINE.read_text(encoding="utf-8")
    marks = {
        f"{number}:{match[1]} {match[2]}"
        for number, line in enumerate(text.splitlines(), 1)
        if (match := re.search(r"# leak: (LL\d+) (\w+)", line))
    }
    outcome = checked(text)
    assert marks
    assert {f"{f.location.line}:{f.rule} {f.severity.value}" for f in outcome.findings} == marks
    lines = text.splitlines()
    for finding in outcome.findings:
        for place in (finding.location, *(step.location for step in finding.steps)):
            assert place.line == place.end_line
            shown = lines[place.line - 1][place.column - 1 : place.end_column - 1]
            assert re.match(r"os\.open\(.*\)$|psycopg2\.connect\(\"\"\)$|return ", shown), shown
    assert [(f.rule, f.location.line) for f in outcome.suppressed] == [("LL104", 19)]
    assert outcome.source == text


def test_comments_in_the_code_suppress_and_unused_ones_are_reported() -> None:
    assert checked("Resources:\n" + sam(leak("  # leaklint: ignore[LL101] kept"))).findings == ()
    (finding,) = checked("Resources:\n" + sam("def handler(event, context):\n    return 1  # noqa: LL101\n")).findings
    assert (finding.rule, finding.location.line) == ("LL901", 9)


def test_facts_of_the_template_hold_for_its_code() -> None:
    kept = "import psycopg2\n\nconn = psycopg2.connect('')\n\ndef handler(event, context):\n    return conn.status\n"
    snap = "      SnapStart: {ApplyOn: PublishedVersions}\n"
    assert [f.rule for f in checked("Resources:\n" + sam(kept)).findings] == ["LL201"]
    assert [f.rule for f in checked("Resources:\n" + sam(kept, more=snap)).findings] == ["LL206"]


def test_messages_name_lines_of_the_template() -> None:
    code = "def handler(event, context):\n    f = open('x')\n    f.read()\n    f.close()\n"
    (finding,) = checked("Resources:\n" + sam(code)).findings
    assert "`f.read()` on line 10 raises" in finding.message


def test_equal_code_of_two_functions_is_two_findings() -> None:
    first, second = checked("Resources:\n" + sam(leak()) + sam(leak(), "G")).findings
    assert first.location.line != second.location.line
    assert first.fingerprint != second.fingerprint


def test_nothing_in_a_template_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n" + sam("def handler(event, context):\n    f = open('x')\n    f.read()\n    f.close()\n")
    )
    before = path.read_text()
    assert leaklint("check", path, "--fix", "--unsafe-fixes", cwd=tmp_path).code == 1
    assert path.read_text() == before


def test_code_in_json_is_found_by_its_line() -> None:
    code = "import os\ndef handler(event, context):\n    fd = os.open('x', 0)\n    gd = os.open(\"x\", 0)\n"
    resource = {
        "Type": "AWS::Lambda::Function",
        "Properties": {"Runtime": "python3.12", "Handler": "index.handler", "Code": {"ZipFile": code}},
    }
    text = json.dumps({"Resources": {"F": resource}}, indent=1)
    outcome = check(text, "stack.template.json")
    assert isinstance(outcome, Checked)
    escaped, plain = outcome.findings
    shown = text.splitlines()[plain.location.line - 1]
    assert shown[plain.location.column - 1 : plain.location.end_column - 1] == "os.open('x', 0)"
    assert (escaped.location.line, escaped.location.column) == (plain.location.line, 1)


@pytest.mark.parametrize(
    "text",
    [
        "a: [",
        "AWS::Lambda::Function ZipFile: [",
        "services: {}",
        "Resources:\n" + sam("def handler(:\n"),
        "Resources:\n" + sam("exports.handler = 1\n").replace("python3.12", "nodejs20.x"),
    ],
)
def test_what_holds_no_code_is_skipped_and_no_error(text: str) -> None:
    outcome = check(text)
    assert isinstance(outcome, Skipped)
    assert outcome.reason.startswith("no Python code in this template")


def test_a_folder_is_looked_through_for_templates_with_code_alone(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("Resources:\n" + sam(leak()))
    (tmp_path / "values.yaml").write_text("a: [")
    (tmp_path / "data.json").write_text('{"ZipFile": "AWS::Lambda::Function"}')
    (tmp_path / "gone.yml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "app.py").write_text("x = 1\n")
    found = leaklint("check", "--output-format", "concise", cwd=tmp_path)
    assert (found.code, found.err) == (1, ["Found 1 finding in 1 file."])
    assert [line.partition(" ")[0] for line in found.out] == ["template.yaml:11:18:"]
    named = leaklint("check", "values.yaml", cwd=tmp_path)
    assert (named.code, named.err) == (0, ["Nothing was analysed (1 file skipped)."])


def test_a_template_may_come_from_standard_input(tmp_path: Path) -> None:
    text = "Resources:\n" + sam(leak())
    options = ("--stdin-filename", "t.yaml", "--output-format", "concise")
    found = leaklint("check", "-", *options, cwd=tmp_path, data=text.encode())
    assert [line.partition(" ")[0] for line in found.out] == ["t.yaml:11:18:"]
