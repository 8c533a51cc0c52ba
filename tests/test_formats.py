"""The formats of CI systems, read back by readers that know nothing of how they are written."""

from __future__ import annotations

import json as stdlib_json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.edit import Applicability, Edit, Fix, apply
from leaklint.finding import Confidence, Finding, Location, Severity, Step
from leaklint.report import github, gitlab, junit, markdown, rdjson, sarif
from leaklint.report.places import Places, around
from leaklint.report.spans import Text, whole
from leaklint.result import Checked, Failed, Report, Skipped
from leaklint.rules import RULES
from tests.command import leaklint
from tests.readers import Command, check_gitlab, check_junit, check_rdjson, check_sarif, commands

PLACES = Places("/repo", "/repo")
HOSTILE = "a,b:c%0A\n::error title=forged::x\r##[error]y]=;é.py"
FIXABLE = "import os\n\n\ndef é(p):\n    x = '日本'; f = open(p)\n    return f.read()\n"
SUPPRESSED = "def f(p):\n    a = open(p)  # leaklint: ignore\n    b = open(p)\n    return b.read()\n"


def at(line: int, column: int = 1, end_column: int = 5, path: str = "app.py", end_line: int = 0) -> Location:
    return Location(path, line, column, end_line or line, end_column)


def finding(location: Location, *steps: Step, **fields: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": "LL102",
        "name": "not-released-on-exception",
        "message": "connection `conn` is not closed if `cur.execute(...)` raises",
        "severity": Severity.MEDIUM,
        "confidence": Confidence.HIGH,
        "function": "handler",
        "fingerprint": f"{location.path}:{location.line}:{fields.get('severity')}",
        **fields,
    }
    return Finding(location=location, steps=steps, **values)


def fixable() -> Finding:
    """A finding with a fix of two edits on lines that are not ASCII."""
    start = FIXABLE.index("f = open(p)")
    edits = (
        Edit(FIXABLE.index("return"), len(FIXABLE), "    return f.read()\n"),
        Edit(start, start + len("f = open(p)"), "\n    with open(p) as f:"),
    )
    return finding(at(5, 19, 26), function="é", fix=Fix("open it in a `with`", edits, Applicability.UNSAFE))


def analysed(source: str, path: str = "app.py") -> Report:
    return Report([check_source(source.encode(), path, Settings())])


def everything() -> Report:
    """A report with every kind of outcome, and findings of every severity."""
    found = [finding(at(number + 1), severity=severity) for number, severity in enumerate(Severity)]
    hostile = finding(
        at(1, path=HOSTILE),
        Step(at(2, path=HOSTILE), "a\nb [c](1) <d> & `e`"),
        Step(at(3, path="/elsewhere/x.py"), "there"),
        message="a\r\n::error::b",
        help="close\u2028it",
    )
    return Report(
        [
            Checked("app.py", (*found, fixable()), (finding(at(9)),), FIXABLE),
            Checked(HOSTILE, (hostile,)),
            Checked("clean.py"),
            Skipped("old.py", "skip-file comment"),
            Failed("broken.py", "syntax error: '<' & \x00", 3),
            Failed("gone\udcff.py", "no such file or folder"),
        ]
    )


def text_of(lines: Any) -> str:
    return "".join(f"{line}\n" for line in lines)


def from_sarif(source: str, fix: Any) -> str:
    """A source with a fix of a SARIF document made, whose columns are code points."""
    (change,) = fix["artifactChanges"]
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    edits = []
    for replacement in change["replacements"]:
        region = replacement["deletedRegion"]
        start = starts[region["startLine"] - 1] + region["startColumn"] - 1
        end = starts[region["endLine"] - 1] + region["endColumn"] - 1
        edits.append(Edit(start, end, replacement["insertedContent"]["text"]))
    return apply(source, edits)


def from_rdjson(source: str, suggestion: Any) -> str:
    """A source with a suggestion of an rdjson document made, whose columns are bytes."""
    data = source.encode()
    lines = data.splitlines(keepends=True)
    start, end = (
        sum(map(len, lines[: place["line"] - 1])) + place["column"] - 1
        for place in (suggestion["range"]["start"], suggestion["range"]["end"])
    )
    mended: bytes = data[:start] + suggestion["text"].encode() + data[end:]
    return mended.decode()


class TestGitHub:
    def read(self, report: Report, places: Places = PLACES, encoding: str = "utf-8") -> list[Command]:
        return list(commands(text_of(github.render(report, places=places, encoding=encoding))))

    def test_a_finding_is_one_annotation_with_its_path(self) -> None:
        one = finding(at(5, 12, 33), Step(at(5), "opened here"), Step(at(2, path="db.py"), "by this"), help="close it")
        (command,) = self.read(Report([Checked("app.py", (one,))]))
        assert (command.name, command.properties) == (
            "warning",
            {
                "title": "leaklint LL102 not-released-on-exception",
                "file": "app.py",
                "line": "5",
                "endLine": "5",
                "col": "12",
                "endColumn": "33",
            },
        )
        assert command.data.split("\n") == [
            "app.py:5:12: LL102 connection `conn` is not closed if `cur.execute(...)` raises",
            "line 5: opened here",
            "db.py:2:1: by this",
            "help: close it",
        ]

    def test_columns_are_only_for_spans_of_one_line(self) -> None:
        (command,) = self.read(Report([Checked("app.py", (finding(at(5, 12, 2, end_line=7)),))]))
        assert (command.properties["line"], command.properties["endLine"]) == ("5", "7")
        assert not {"col", "endColumn"} & set(command.properties)

    def test_nothing_can_forge_a_command_or_a_property(self) -> None:
        found = self.read(everything())
        assert len(found) == 7
        hostile = [command for command in found if "::error::b" in command.data]
        assert [command.properties["file"] for command in hostile] == [HOSTILE]
        assert {command.properties["title"].split(":")[0].split(" ")[0] for command in found} == {"leaklint"}
        assert all(set(c.properties) <= {"title", "file", "line", "endLine", "col", "endColumn"} for c in found)

    def test_the_most_severe_come_first_and_what_failed_is_an_error(self) -> None:
        names = [command.name for command in self.read(everything())]
        assert names == ["error"] * 3 + ["warning"] * 3 + ["notice"]

    def test_ten_of_a_kind_are_shown_without_a_word(self) -> None:
        found = [finding(at(n), severity=severity) for severity in Severity for n in range(1, 11)]
        assert len(self.read(Report([Checked("app.py", tuple(found))]))) == 30

    def test_what_exceeds_ten_of_a_kind_is_counted_in_a_notice_that_is_shown(self) -> None:
        numbers = {Severity.HIGH: 13, Severity.MEDIUM: 11, Severity.LOW: 10}
        found = [finding(at(n), severity=severity) for severity, count in numbers.items() for n in range(1, count + 1)]
        read = self.read(Report([Checked("app.py", tuple(found))]))
        assert len(read) == 35
        notices = [command for command in read if command.name == "notice"]
        assert len(notices) == 11
        assert notices[0].data == (
            "3 more errors, 1 more warning, 1 more notice are in the log of this step: GitHub annotates 10 of a kind"
        )

    def test_an_ascii_stream_gets_ascii(self) -> None:
        lines = list(github.render(everything(), places=PLACES, encoding="ascii"))
        assert all(line.isascii() for line in lines)

    def test_paths_are_from_the_root_of_the_repository(self) -> None:
        places = Places("/repo/service", "/repo")
        report = Report([Checked("app.py", (finding(at(1)), finding(at(2, path="../lib/x.py"))))])
        assert sorted(c.properties["file"] for c in self.read(report, places)) == ["lib/x.py", "service/app.py"]


class TestSarif:
    def document(self, report: Report, places: Places = PLACES) -> Any:
        text = text_of(sarif.render(report, places=places))
        assert text.isascii()
        document = stdlib_json.loads(text)
        check_sarif(document)
        return document["runs"][0]

    def test_every_outcome_makes_a_valid_document(self) -> None:
        run = self.document(everything())
        assert [result["level"] for result in run["results"]].count("error") == 1
        (invocation,) = run["invocations"]
        assert invocation["executionSuccessful"] is False
        places = [note["locations"][0]["physicalLocation"] for note in invocation["toolExecutionNotifications"]]
        assert [place["artifactLocation"]["uri"] for place in places] == ["broken.py", "gone%FF.py"]
        assert places[0]["region"] == {"startLine": 3}

    def test_a_clean_run_is_valid_too(self) -> None:
        run = self.document(Report([Checked("a.py")]))
        assert run["results"] == []
        assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]

    def test_each_rule_has_its_page(self) -> None:
        rules = self.document(Report())["tool"]["driver"]["rules"]
        assert [rule["id"] for rule in rules] == [rule.code for rule in RULES]
        for shown, rule in zip(rules, RULES, strict=True):
            assert shown["help"]["markdown"] == rule.page.strip().partition("\n")[2].strip()
            assert shown["fullDescription"]["text"] == " ".join(
                rule.page.split("## What it does\n")[1].split("\n\n")[0].split()
            )

    def test_a_hostile_path_comes_back_from_its_address(self) -> None:
        run = self.document(everything())
        uris = {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in run["results"]}
        assert {unquote_to_bytes(uri).decode() for uri in uris} == {"app.py", HOSTILE}

    def test_the_witness_path_is_a_code_flow_and_related_locations(self) -> None:
        run = self.document(everything())
        (result,) = (result for result in run["results"] if "codeFlows" in result)
        steps = [step["location"] for step in result["codeFlows"][0]["threadFlows"][0]["locations"]]
        assert [{"id": number, **step} for number, step in enumerate(steps, 1)] == result["relatedLocations"]
        assert [step["message"]["text"] for step in steps] == ["A\\nb \\[c](1) <d> & `e`.", "There."]
        assert steps[1]["physicalLocation"]["artifactLocation"] == {"uri": "file:///elsewhere/x.py"}

    def test_suppressed_findings_are_results_with_a_suppression(self) -> None:
        run = self.document(analysed(SUPPRESSED))
        shown, suppressed = run["results"]
        assert shown["suppressions"] == []
        assert suppressed["suppressions"] == [{"kind": "inSource"}]
        assert suppressed["locations"][0]["physicalLocation"]["region"]["startLine"] == 2

    def test_what_is_suppressed_has_no_fix(self) -> None:
        run = self.document(Report([Checked("app.py", (fixable(),), (fixable(),), FIXABLE)]))
        assert ["fixes" in result for result in run["results"]] == [True, False]

    def test_a_fix_can_be_applied_from_the_document(self) -> None:
        one = fixable()
        assert one.fix is not None
        run = self.document(Report([Checked("app.py", (one,), source=FIXABLE)]))
        (fix,) = run["results"][0]["fixes"]
        assert from_sarif(FIXABLE, fix) == apply(FIXABLE, one.fix.edits)
        assert fix["properties"] == {"applicability": "unsafe"}

    def test_fingerprints_survive_inserted_lines(self) -> None:
        prints = [
            [result["partialFingerprints"] for result in self.document(analysed(source))["results"]]
            for source in (SUPPRESSED, "import os\n\n\n" + SUPPRESSED)
        ]
        assert len(prints[0]) == 2
        assert prints[0] == prints[1]

    def test_addresses_are_from_the_root_of_the_repository(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        folder = tmp_path / "a b"
        folder.mkdir()
        run = self.document(Report([Checked("x.py", (finding(at(1, path="x.py")),))]), around(str(folder)))
        place = run["results"][0]["locations"][0]["physicalLocation"]
        assert place["artifactLocation"] == {"uri": "a%20b/x.py", "uriBaseId": "%SRCROOT%"}


class TestGitLab:
    def test_every_outcome_makes_a_valid_document(self) -> None:
        document = stdlib_json.loads(text_of(gitlab.render(everything(), places=PLACES)))
        check_gitlab(document)
        assert [issue["severity"] for issue in document].count("blocker") == 2
        assert {issue["severity"] for issue in document} == {"minor", "major", "critical", "blocker"}
        assert stdlib_json.loads(text_of(gitlab.render(Report([Checked("a.py")]), places=PLACES))) == []

    def test_fingerprints_survive_inserted_lines(self) -> None:
        prints = [
            [i["fingerprint"] for i in stdlib_json.loads(text_of(gitlab.render(analysed(source), places=PLACES)))]
            for source in (SUPPRESSED, "import os\n\n\n" + SUPPRESSED)
        ]
        assert len(prints[0]) == 1
        assert prints[0] == prints[1]


class TestRdjson:
    def document(self, report: Report) -> Any:
        document = stdlib_json.loads(text_of(rdjson.render(report)))
        check_rdjson(document)
        return document["diagnostics"]

    def test_every_outcome_makes_a_valid_document(self) -> None:
        diagnostics = self.document(everything())
        assert [diagnostic["severity"] for diagnostic in diagnostics].count("ERROR") == 3
        assert self.document(Report([Checked("a.py")])) == []

    def test_columns_count_bytes(self) -> None:
        (diagnostic,) = self.document(Report([Checked("app.py", (fixable(),), source=FIXABLE)]))
        span = diagnostic["location"]["range"]
        line = FIXABLE.splitlines()[4].encode()
        assert line[span["start"]["column"] - 1 : span["end"]["column"] - 1] == b"open(p)"

    def test_a_line_that_is_not_at_hand_is_named_without_columns(self) -> None:
        one = finding(at(5, 19, 26), Step(at(3, 9, 20, "db.py"), "there"))
        (diagnostic,) = self.document(Report([Checked("app.py", (one,), source=FIXABLE)]))
        assert diagnostic["related_locations"][0]["location"]["range"] == {"start": {"line": 3}, "end": {"line": 3}}

    def test_a_fix_is_one_suggestion_that_can_be_applied(self) -> None:
        one = fixable()
        assert one.fix is not None
        (diagnostic,) = self.document(Report([Checked("app.py", (one,), source=FIXABLE)]))
        assert diagnostic["message"].endswith("\nfix: open it in a `with` (unsafe: look at it first)")
        (suggestion,) = diagnostic["suggestions"]
        assert from_rdjson(FIXABLE, suggestion) == apply(FIXABLE, one.fix.edits)


class TestJunit:
    def test_every_outcome_makes_a_valid_document(self) -> None:
        root = check_junit(text_of(junit.render(everything())))
        assert [(suite.get("tests"), suite.get("failures"), suite.get("errors")) for suite in root] == [
            ("5", "4", "0"),
            ("2", "1", "0"),
            ("1", "0", "0"),
            ("1", "0", "0"),
            ("1", "0", "1"),
            ("1", "0", "1"),
        ]

    def test_a_clean_file_is_a_test_that_passes(self) -> None:
        (suite,) = check_junit(text_of(junit.render(Report([Checked("src/app.py")]))))
        (case,) = suite
        assert (case.get("classname"), case.get("name"), list(case)) == ("src.app", "analysis", [])

    def test_names_survive_inserted_lines(self) -> None:
        names = [
            [case.get("name") for case in check_junit(text_of(junit.render(analysed(source)))).iter("testcase")]
            for source in (SUPPRESSED, "import os\n\n\n" + SUPPRESSED)
        ]
        assert names[0] == names[1] == ["analysis", "LL101 never-released in f"]

    def test_the_failure_says_where_and_how(self) -> None:
        one = finding(at(5), Step(at(7, 3), "may raise <here>"), help="close it")
        root = check_junit(text_of(junit.render(Report([Checked("app.py", (one,))]))))
        (failure,) = root.iter("failure")
        assert failure.get("message") == one.message
        assert (failure.text or "").split("\n")[1:-1] == [
            "      app.py:5:1: " + one.message,
            "      app.py:7:3: may raise <here>",
            "      help: close it",
        ]


class TestMarkdown:
    def render(self, report: Report, base: str = "") -> list[str]:
        return list(markdown.render(report, places=PLACES, base=base))

    def test_a_finding_is_a_row(self) -> None:
        one = finding(at(5), Step(at(7), "`cur.execute(...)` may raise"), help="use `with`")
        assert self.render(Report([Checked("app.py", (one,))])) == [
            "## leaklint",
            "",
            "**Found 1 finding in 1 file.**",
            "",
            "| | Where | What | Rule |",
            "|---|---|---|---|",
            "| warning | `app.py:5` | connection `conn` is not closed if `cur.execute(...)` raises"
            "<br>line 7: `cur.execute(...)` may raise<br>help: use `with` | LL102 not-released-on-exception |",
        ]

    def test_nothing_breaks_out_of_a_cell(self) -> None:
        one = finding(at(5, path="a|`b<i>.py"), message="`x | y` and <script> [a](b) | c ` d *e* @f")
        (row,) = [line for line in self.render(Report([Checked("a|`b<i>.py", (one,))])) if "warning" in line]
        assert row.count("|") == 5
        outside = re.sub(r"<code>[^<>]*</code>|`[^`]*`", "", row)
        assert not re.search(r"[<>`*\[\]@]", outside)

    def test_places_are_linked_to_the_commit(self) -> None:
        one = finding(at(5, path="a b.py"))
        row = self.render(Report([Checked("a b.py", (one,))]), "https://github.com/o/r/blob/abc")[-1]
        assert "[`a b.py:5`](https://github.com/o/r/blob/abc/a%20b.py#L5)" in row

    def test_it_stays_below_what_github_takes(self) -> None:
        many = tuple(finding(at(n), message="x" * 1000) for n in range(1, 2001))
        lines = self.render(Report([Checked("app.py", many)]))
        assert len(text_of(lines).encode()) < 1024 * 1024
        shown = sum(line.startswith("| warning") for line in lines)
        assert 0 < shown < 2000
        assert lines[-1] == f"{2000 - shown} more are not listed."

    def test_what_failed_is_listed(self) -> None:
        lines = self.render(everything())
        assert "| `broken.py:3` | syntax error: '&#60;' &#38; &#92;x00 |" in lines


class TestSpans:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_positions_are_of_lines_as_python_ends_them(self, end: str) -> None:
        source = end.join(["é\x0c\u2028", "ab", ""])
        text = Text(source)
        assert text.position(source.index("b")) == (2, 2)
        assert text.position(len(source)) == (3, 1)
        assert text.bytes_before(1, 3) == 3
        assert text.bytes_before(4, 1) is None

    def test_edits_become_one(self) -> None:
        one = fixable()
        assert one.fix is not None
        single = whole(one.fix, Text(FIXABLE))
        lines = FIXABLE.splitlines(keepends=True)
        start, end = (sum(map(len, lines[: line - 1])) + column - 1 for line, column in (single.start, single.end))
        assert FIXABLE[:start] + single.text + FIXABLE[end:] == apply(FIXABLE, one.fix.edits)


class TestAnyText:
    PIECES = (
        *(
            "::",
            "##[error]",
            "::error::",
            "%0A",
            "%25",
            "%",
            "\n",
            "\r",
            "\r\n",
            ",",
            "=",
            ":",
            ";",
            "]",
            "file=x",
            "error",
        ),
        *(
            "[x](1)",
            "|",
            "`",
            "``",
            "*a*",
            "<b>",
            "&",
            "&#10;",
            "]]>",
            "-->",
            "\\",
            '"',
            "'",
            "{0}",
            "$(x)",
            "@me",
            " ",
            "\t",
        ),
        *("\x00", "\x1b[2J", "\u2028", "\u202e", "\ufffe", "\udcff", "é", "日", "\U0001f600", "a"),
    )

    def reports(self) -> Iterator[tuple[Report, Finding]]:
        """Reports of one finding whose path and texts are made of what means something to some reader."""
        chance = random.Random(5)

        def text(least: int) -> str:
            return "".join(chance.choices(self.PIECES, k=chance.randint(least, 6)))

        for _ in range(300):
            path = text(1)
            where = at(chance.randint(1, 3), path=path)
            steps = [Step(at(2, path=chance.choice([path, text(1)])), text(1)) for _ in range(chance.randint(0, 2))]
            one = finding(where, *steps, message=f"m{text(1)}", help=text(0), function=text(1))
            yield Report([Checked(path, (one,), (one,)), Failed(text(1), text(1), chance.randint(0, 3))]), one

    def test_no_text_breaks_a_format(self) -> None:
        for report, one in self.reports():
            path = one.location.path
            annotations = list(commands(text_of(github.render(report, places=PLACES))))
            assert [command.name for command in annotations] == ["error", "warning"]
            assert annotations[1].properties["file"] == path.encode("utf-8", "backslashreplace").decode()
            assert annotations[1].data.count("\n") == len(one.steps) + bool(one.help)
            check_junit(text_of(junit.render(report)))
            check_gitlab(stdlib_json.loads(text_of(gitlab.render(report, places=PLACES))))
            check_rdjson(stdlib_json.loads(text_of(rdjson.render(report))))
            document = stdlib_json.loads(text_of(sarif.render(report, places=PLACES)))
            check_sarif(document)
            place = document["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
            assert unquote_to_bytes(place["artifactLocation"]["uri"]) == path.encode("utf-8", "surrogateescape")
            rows = list(markdown.render(report, places=PLACES, base="https://example.org/r"))
            assert [row.count("|") for row in rows if row.startswith("| ")] == [3, 3, 5, 5]
            text_of(rows).encode()


LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"


class TestOutputs:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "leak.py").write_text(LEAK)
        return tmp_path

    def test_several_at_once(self, folder: Path) -> None:
        formats = ("concise", "json", "github", "gitlab", "junit", "markdown", "rdjson", "sarif", "text")
        files = [f"{name}={name}.out" for name in formats if name != "concise"]
        arguments = [part for name in ("concise", *files) for part in ("--output-format", name)]
        run = leaklint("check", "leak.py", *arguments, cwd=folder)
        assert run.code == 1
        assert [line.partition(" ")[0] for line in run.out] == ["leak.py:2:14:"]
        written = {name: (folder / f"{name}.out").read_text() for name in formats if name != "concise"}
        assert written["text"].startswith("notice[LL101 never-released]: ")
        assert written["markdown"].startswith("## leaklint\n")
        assert len(list(commands(written["github"]))) == 1
        for name, check in (("gitlab", check_gitlab), ("rdjson", check_rdjson), ("sarif", check_sarif)):
            check(stdlib_json.loads(written[name]))
        check_junit(written["junit"])
        assert stdlib_json.loads(written["json"])["findings"]
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--output-format", "text", "--output-format", "json"], "both be written to standard output"),
            (["--output-format", "text=-", "--output-format", "json"], "both be written to standard output"),
            (["--output-format", "json=a", "--output-format", "sarif=./a"], "both be written to a"),
            (["--output-format", "json=a", "--output-file", "b"], "--output-file is for a format without a file"),
            (["--output-format", "json="], "json= names no file"),
            (["--output-format", "jsn=a"], "'jsn' is not one of "),
            (["--output-format", "sarif", "--statistics"], "--statistics is for text, concise, json, not for sarif"),
        ],
    )
    def test_what_cannot_be_is_a_usage_error(self, folder: Path, arguments: list[str], said: str) -> None:
        run = leaklint("check", "leak.py", *arguments, cwd=folder)
        assert (run.code, run.out) == (2, [])
        assert said in " ".join(run.err)
        assert [path.name for path in folder.iterdir()] == ["leak.py"]

    def test_output_file_is_for_the_format_without_a_file(self, folder: Path) -> None:
        run = leaklint(
            "check", "leak.py", "--output-format", "json=a", "--output-format", "concise", "--output-file", "b",
            cwd=folder,
        )  # fmt: skip
        assert (run.code, run.out) == (1, [])
        assert (folder / "b").read_text().startswith("leak.py:2:14: LL101")
        assert stdlib_json.loads((folder / "a").read_text())["findings"]

    def test_what_cannot_be_written_hides_no_other_and_is_2(self, folder: Path) -> None:
        run = leaklint(
            "check", "leak.py", "--output-format", "json=no/such/a", "--output-format", "concise", cwd=folder
        )
        assert run.code == 2
        assert len(run.out) == 1
        assert run.err[-1].startswith("Error: cannot write no/such/a: ")

    def test_a_file_is_replaced_whole_and_keeps_its_mode(self, folder: Path) -> None:
        target, link = folder / "report", folder / "link"
        target.write_text("x" * 100_000)
        target.chmod(0o640)
        link.symlink_to(target)
        run = leaklint("check", "leak.py", "--output-format", "concise=link", cwd=folder)
        assert run.code == 1
        assert link.is_symlink()
        assert target.stat().st_mode & 0o777 == 0o640
        assert target.read_text().count("\n") == 1

    def test_real_fixes_can_be_applied_from_sarif_and_rdjson(self, folder: Path) -> None:
        """Both give the program that ``--fix`` writes."""
        source = "import json\n\n\ndef g(p):\n    é = open(p)\n    é.write('日')\n    return 1\n"
        (folder / "leak.py").write_text(source, encoding="utf-8")
        leaklint(
            "check", "leak.py", "--output-format", "sarif=sarif", "--output-format", "rdjson=rdjson", cwd=folder
        )  # fmt: skip
        leaklint("check", "leak.py", "--fix", cwd=folder)
        fixed = (folder / "leak.py").read_text(encoding="utf-8")
        assert fixed != source
        (result,) = stdlib_json.loads((folder / "sarif").read_text())["runs"][0]["results"]
        assert from_sarif(source, result["fixes"][0]) == fixed
        (diagnostic,) = stdlib_json.loads((folder / "rdjson").read_text())["diagnostics"]
        assert from_rdjson(source, diagnostic["suggestions"][0]) == fixed

    def test_a_device_is_written_to(self, folder: Path) -> None:
        run = leaklint("check", "leak.py", "--output-format", "concise=/dev/stderr", cwd=folder)
        assert run.err[0].startswith("leak.py:2:14: LL101")

    def test_links_of_a_summary_lead_to_the_commit_of_the_workflow(self, folder: Path) -> None:
        workflow = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "abc"}
        run = leaklint("check", "leak.py", "--output-format", "markdown", cwd=folder, env=workflow)
        assert "(https://github.com/o/r/blob/abc/leak.py#L2)" in run.out[-1]
