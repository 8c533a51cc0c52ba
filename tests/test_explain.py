"""``leaklint explain``: a line says what it opens, what becomes of that, and why it is or is not reported."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.explanation import REPORTED, Acquired, Explanation, NoLine, explain
from leaklint.finding import Confidence, Severity
from leaklint.result import Checked
from tests.command import leaklint

ROOT = Path(__file__).parent.parent
EXAMPLE = "fixtures/examples/handler.py"


def at(source: str, marker: str = "<-", settings: Settings | None = None) -> Explanation:
    """The explanation of the line that ends in the marker."""
    lines = source.split("\n")
    (number,) = [number for number, line in enumerate(lines, 1) if line.endswith(f"# {marker}")]
    return explain(source.encode(), "example.py", number, settings or Settings())


def only(source: str, settings: Settings | None = None) -> Acquired:
    """The one acquisition of the marked line."""
    (acquired,) = at(source, settings=settings).acquired
    return acquired


class TestAcquisitions:
    def test_what_is_released_names_the_release(self) -> None:
        found = only("def f(p):\n    x = open(p)  # <-\n    try:\n        x.read()\n    finally:\n        x.close()\n")
        assert found.resource == "open"
        assert found.recognised == "a call of `open`"
        assert [(where.line, text, how) for where, text, how in found.settled] == [(6, "x.close()", "released")]
        assert found.findings == ()
        assert found.silent == "no path leaves it open"

    def test_a_with_releases_where_it_stands(self) -> None:
        """No rule looks at this function: explaining does."""
        found = only("def f(p):\n    with open(p) as x:  # <-\n        return x.read()\n")
        ((where, _, how),) = set(found.settled)
        assert (where.line, how) == (2, "released")
        assert found.silent == "no path leaves it open"

    def test_what_an_iteration_releases_by_running_out(self) -> None:
        source = "import os\ndef f(p):\n    for entry in os.scandir(p):  # <-\n        os.remove(entry.path)\n"
        assert only(source).settled == ()

    def test_what_is_returned_names_the_return(self) -> None:
        found = only("def f(p):\n    x = open(p)  # <-\n    return x\n")
        assert [(where.line, how) for where, _, how in found.settled] == [(3, "returned")]

    def test_what_is_stored_names_the_new_owner(self) -> None:
        source = "def f(p, box):\n    x = open(p)  # <-\n    box.append(x)\n"
        assert [(where.line, how) for where, _, how in only(source).settled] == [(3, "given to another owner")]

    def test_a_leak_is_reported_with_its_reasons(self) -> None:
        source = (
            "import json\n\n\ndef f(p):\n    x = open(p)  # <-\n    y = json.load(x)\n    x.close()\n    return y\n"
        )
        found = only(source)
        (judged,) = found.findings
        assert judged.finding.rule == "LL102"
        assert judged.status == REPORTED
        assert judged.severity == ("reference counting closes it promptly",)
        assert judged.confidence == ("what raises works with the resource, or with data that may be wrong",)
        assert [step.location.line for step in judged.finding.steps] == [5, 6]
        assert found.silent == ""
        assert [(where.line, how) for where, _, how in found.settled] == [(7, "released")]

    def test_a_helper_is_named(self) -> None:
        source = "def make(p):\n    return open(p)\n\n\ndef f(p):\n    return make(p).read()  # <-\n"
        assert only(source).recognised == "`make` opens it on line 2 and hands it to its caller"

    def test_a_name_that_is_believed(self) -> None:
        source = "def f(conn):\n    cursor = conn.cursor()  # <-\n    cursor.execute('x')\n"
        found = only(source, Settings(min_confidence=Confidence.LOW))
        assert found.recognised == "by the name of what it is called on; its type is not known"
        (judged,) = found.findings
        assert "lowered: its type is believed by the receiver's name alone" in judged.confidence

    def test_what_is_kept_on_purpose(self) -> None:
        source = "log = open('log')  # <-\n\n\ndef f():\n    log.write('x')\n"
        assert only(source).silent == "`log` keeps it at module level, and functions use it"
        assert "need not be given back" in only("import boto3\n\nclient = boto3.client('s3')  # <-\n").silent

    def test_nested_functions_and_lines_of_a_statement(self) -> None:
        source = "def f(p):\n    def g():\n        x = open(\n            p,  # <-\n        )\n\n    g()\n"
        found = at(source)
        assert found.function == "f.g"
        assert [judged.finding.rule for a in found.acquired for judged in a.findings] == ["LL101"]

    def test_defaults_belong_to_the_code_around(self) -> None:
        assert only("def f(x=open('p')):  # <-\n    return 1\n").location.column == 9


class TestStatus:
    SOURCE = "def f(p):\n    x = open(p)  # <-\n    print(1)\n"

    def status(self, settings: Settings, source: str = SOURCE) -> str:
        (judged,) = only(source, settings).findings
        return judged.status

    def test_each_reason_is_said(self) -> None:
        settings = Settings()
        assert self.status(settings) == REPORTED
        assert self.status(replace(settings, ignore=("LL1",))) == "not reported: LL101 is not selected"
        high = replace(settings, min_severity=Severity.HIGH)
        assert self.status(high) == "not reported: its severity is below high, the least that is shown"
        suppressed = self.SOURCE.replace("# <-", "# noqa: LL101  # <-")
        assert self.status(settings, suppressed) == "not reported: the comment on line 2 suppresses it"

    def test_low_confidence(self) -> None:
        source = "def f(p, work):\n    x = open(p)  # <-\n    work()\n    x.close()\n"
        assert "confidence is below medium" in self.status(Settings(), source)
        (judged,) = only(source).findings
        assert judged.confidence == ("any call may raise, and the resource is reclaimed promptly",)

    def test_an_unused_suppression_is_found_on_its_line(self) -> None:
        found = at("x = 1  # leaklint: ignore[LL101]  # <-\n")
        assert [judged.finding.rule for judged in found.others] == ["LL901"]

    @pytest.mark.parametrize("path", sorted((ROOT / "fixtures" / "rules").rglob("*.py")), ids=lambda p: p.stem)
    def test_what_is_reported_is_what_check_reports(self, path: Path) -> None:
        data = path.read_bytes()
        outcome = check_source(data, str(path), Settings())
        assert isinstance(outcome, Checked)
        for finding in outcome.findings[:6]:
            found = explain(data, str(path), finding.location.line, Settings())
            judged = [j for a in found.acquired for j in a.findings] + list(found.others)
            same = [j for j in judged if (j.finding.rule, j.finding.location) == (finding.rule, finding.location)]
            assert [j.status for j in same] == [REPORTED]
            assert same[0].finding.severity is finding.severity
            assert same[0].severity or finding.rule == "LL901"


class TestNothing:
    def test_the_path_of_another_line(self) -> None:
        found = at("def f(p):\n    x = open(p)\n    if p:\n        return 1  # <-\n    x.close()\n")
        assert [(finding.rule, message) for finding, message in found.passing] == [("LL103", "leaves here, still open")]
        assert found.nearest == ((2, "file `x`"),)

    @pytest.mark.parametrize(
        ("call", "why"),
        [
            ("print(1)", "`print` is known, and acquires nothing"),
            ("unknown.lib(1)", "nothing is known of what is called"),
            ("imported.connect(1)", "`imported.connect` is not in the catalogue"),
            ("own(1)", "a function of this file that gives no open resource to its caller"),
            ("os.close(1)", "`os.close` releases what it is given"),
        ],
    )
    def test_calls_say_why(self, call: str, why: str) -> None:
        source = f"import os\nimport imported\n\n\ndef own(x):\n    return x\n\n\ndef f(unknown):\n    {call}  # <-\n"
        found = at(source)
        assert found.acquired == ()
        assert [reason for _, reason in found.calls] == [why]

    @pytest.mark.parametrize(
        ("source", "line", "why"),
        [
            ("x = 1\n", 2, "it has 1 line, not 2"),
            ("x = 1\n", 0, "it has 1 line, not 0"),
            ("def f(:\n", 1, "it is not analysed: syntax error"),
            ("# leaklint: skip-file\n", 1, "skip-file"),
        ],
    )
    def test_what_cannot_be_explained(self, source: str, line: int, why: str) -> None:
        with pytest.raises(NoLine, match=why):
            explain(source.encode(), "example.py", line, Settings())


class TestCommand:
    def test_text(self) -> None:
        run = leaklint("explain", f"{EXAMPLE}:10", cwd=ROOT)
        assert run.code == 0
        assert run.out[0] == f"{EXAMPLE}:10 in `handler` (handler code: its parameters are named (event, context))"
        text = "\n".join(run.out)
        assert "  released: line 16, `connection.close()`\n  LL103 not-released-on-some-path: reported\n" in text
        assert "severity high: it holds a connection to a server, on a normal path of handler code" in text

    def test_json_and_a_column(self) -> None:
        run = leaklint("explain", f"{EXAMPLE}:10:18", "--output-format", "json", cwd=ROOT)
        document = json.loads("\n".join(run.out))
        (acquired,) = document["acquired"]
        assert acquired["settled"] == [{"line": 16, "code": "connection.close()", "how": "released"}]
        assert [finding["rule"] for finding in acquired["findings"]] == ["LL103"]
        assert document["passing"] == []

    def test_settings_count(self) -> None:
        run = leaklint("explain", f"{EXAMPLE}:10", "--ignore", "LL103", cwd=ROOT)
        assert "  LL103 not-released-on-some-path: not reported: LL103 is not selected" in run.out

    @pytest.mark.parametrize(
        ("place", "said"),
        [
            (EXAMPLE, "is no FILE:LINE"),
            (f"{EXAMPLE}:x", "is no FILE:LINE"),
            (":3", "is no FILE:LINE"),
            (f"{EXAMPLE}:99", "it has 17 lines, not 99"),
            ("missing.py:1", "cannot read missing.py"),
            ("mkdocs.yml:1", "its code stands in a template"),
        ],
    )
    def test_errors(self, place: str, said: str) -> None:
        run = leaklint("explain", place, cwd=ROOT)
        assert run.code == 2
        assert said in run.err[-1]

    def test_a_file_with_colons(self, tmp_path: Path) -> None:
        (tmp_path / "a:1").write_text("x = 1\ny = 2\n")
        assert leaklint("explain", "a:1:2", cwd=tmp_path).out[0] == "a:1:2 at module level"
