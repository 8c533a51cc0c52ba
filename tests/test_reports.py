"""What reports look like, character for character."""

from __future__ import annotations

import json as stdlib_json
import re
from pathlib import Path
from typing import Any

import pytest

from leaklint.edit import Applicability, Edit, Fix
from leaklint.finding import Confidence, Finding, Location, Severity, Step
from leaklint.fingerprint import fingerprint, fingerprinted
from leaklint.report import colour, concise, json, text
from leaklint.report.plain import aligned, printer
from leaklint.report.summary import failures, statistics, summary, work
from leaklint.result import Checked, Failed, Outcome, Report, Skipped, Work

ROOT = Path(__file__).parent.parent

HANDLER = """\
import psycopg2


def handler(event, context):
    conn = psycopg2.connect(DSN)
    cur = conn.cursor()
    cur.execute(QUERY, (event["id"],))
    # one
    # two
    # three
    conn.close()
"""


def at(line: int, column: int, end_column: int, path: str = "app.py", end_line: int = 0) -> Location:
    return Location(path, line, column, end_line or line, end_column)


def finding(location: Location, *steps: Step, **fields: Any) -> Finding:
    values: dict[str, Any] = {
        "rule": "LL102",
        "name": "not-released-on-exception",
        "message": "psycopg2 connection `conn` is not closed if `cur.execute(...)` raises",
        "severity": Severity.MEDIUM,
        "confidence": Confidence.HIGH,
        "function": "handler",
        **fields,
    }
    return Finding(location=location, steps=steps, **values)


OPENED = Step(at(5, 12, 33), "opened here")
RAISES = Step(at(7, 5, 39), "may raise here")
WHOLE = finding(
    at(5, 12, 33),
    OPENED,
    RAISES,
    Step(at(11, 5, 17), "leaves here, still open"),
    handler=True,
    help="open it in `with contextlib.closing(...):`",
)


def rendered(source: str, *findings: Finding, path: str = "app.py", encoding: str = "utf-8") -> list[str]:
    return list(text.render(Report([Checked(path, findings, source=source)]), encoding=encoding))


class TestText:
    def test_a_finding_is_a_frame_with_the_path_and_how_to_mend_it(self) -> None:
        assert rendered(HANDLER, WHOLE) == [
            "warning[LL102 not-released-on-exception]: psycopg2 connection `conn` is not closed if `cur.execute(...)`"
            " raises",
            "  --> app.py:5:12 in `handler` (Lambda handler)",
            "   |",
            " 5 |     conn = psycopg2.connect(DSN)",
            "   |            ^^^^^^^^^^^^^^^^^^^^^ opened here",
            " 6 |     cur = conn.cursor()",
            ' 7 |     cur.execute(QUERY, (event["id"],))',
            "   |     ---------------------------------- may raise here",
            "...",
            "11 |     conn.close()",
            "   |     ------------ leaves here, still open",
            "   |",
            "   = help: open it in `with contextlib.closing(...):`",
        ]

    def test_findings_are_separated_and_in_the_order_of_their_places(self) -> None:
        lines = rendered(HANDLER, finding(at(7, 5, 16), severity=Severity.HIGH), finding(at(5, 12, 33)))
        assert [line for line in lines if "-->" in line] == [
            " --> app.py:5:12 in `handler`",
            " --> app.py:7:5 in `handler`",
        ]
        assert lines.count("") == 1

    @pytest.mark.parametrize(
        ("severity", "level"), [(Severity.LOW, "notice"), (Severity.MEDIUM, "warning"), (Severity.HIGH, "error")]
    )
    def test_severity_is_printed_as_a_level(self, severity: Severity, level: str) -> None:
        assert rendered(HANDLER, finding(at(5, 12, 33), severity=severity))[0].startswith(f"{level}[LL102 ")

    def test_low_confidence_is_said(self) -> None:
        assert rendered(HANDLER, finding(at(5, 12, 33), confidence=Confidence.MEDIUM))[-1] == (
            "  = note: medium confidence"
        )
        assert rendered(HANDLER, finding(at(5, 12, 33)))[-1] == "  |"

    def test_module_level_is_said(self) -> None:
        assert rendered(HANDLER, finding(at(5, 12, 33), function="<module>"))[1] == " --> app.py:5:12 at module level"

    def test_spans_of_one_line_each_have_a_row_the_finding_first(self) -> None:
        source = "data = json.load(open(p))\n"
        lines = rendered(
            source,
            finding(at(1, 18, 25), Step(at(1, 8, 26), "may raise here"), Step(at(1, 18, 25), "opened here")),
        )
        assert lines[2:6] == [
            "  |",
            "1 | data = json.load(open(p))",
            "  |                  ^^^^^^^ opened here",
            "  |        ------------------ may raise here",
        ]

    def test_labels_of_one_span_are_joined(self) -> None:
        lines = rendered(HANDLER, finding(at(5, 12, 33), OPENED, Step(OPENED.location, "lost here")))
        assert "  |            ^^^^^^^^^^^^^^^^^^^^^ opened here, lost here" in lines

    def test_a_span_over_several_lines_is_marked_on_its_first(self) -> None:
        source = "f = open(\n    p,\n)\n"
        lines = rendered(source, finding(at(1, 5, 2, end_line=3), Step(at(1, 5, 2, end_line=3), "opened here")))
        assert lines[3:5] == ["1 | f = open(", "  |     ^^^^^ opened here"]

    def test_two_lines_between_marks_are_shown_and_three_are_not(self) -> None:
        source = "a\nb\nc\nd\ne\n"
        near = rendered(source, finding(at(1, 1, 2), Step(at(4, 1, 2), "x")))
        far = rendered(source, finding(at(1, 1, 2), Step(at(5, 1, 2), "x")))
        assert near[3:8] == ["1 | a", "  | ^", "2 | b", "3 | c", "4 | d"]
        assert far[3:7] == ["1 | a", "  | ^", "...", "5 | e"]

    def test_steps_of_other_files_are_notes(self) -> None:
        lines = rendered(HANDLER, finding(at(5, 12, 33), OPENED, Step(at(3, 9, 20, "db.py"), "by this call")))
        assert lines[-1] == "  = note: by this call at db.py:3:9"

    def test_marks_stand_under_tabs_and_wide_characters(self) -> None:
        source = 'if x:\n\tf = open("日本\u0301語.txt"); g = open(p)\n'
        start = source.splitlines()[1].index("open(p)") + 1
        lines = rendered(source, finding(at(2, start, start + 7)))
        wide = sum(
            2 if c in "日本語" else 0 if c == "\u0301" else 4 if c == "\t" else 1 for c in source.splitlines()[1]
        )
        assert lines[4] == "  | " + " " * (wide - len("open(p)")) + "^" * 7

    def test_an_ascii_stream_gets_ascii_and_marks_that_fit(self) -> None:
        lines = rendered('f("é", open(p))\n', finding(at(1, 8, 15), message="é is open"), encoding="ascii")
        assert lines[0].endswith("]: \\xe9 is open")
        assert lines[3:5] == ['1 | f("\\xe9", open(p))', "  |           ^^^^^^^"]
        assert "".join(lines).isascii()

    def test_a_long_line_is_shown_around_each_span(self) -> None:
        calls = [f"open('{number:04}')" for number in range(1000)]
        source = "x = [" + ", ".join(calls) + "]\n"
        start = source.index("open('0500')") + 1
        lines = rendered(source, finding(at(1, start, start + 12), Step(at(1, 6, 18), "earlier")))
        assert max(map(len, lines)) < 200
        first, first_mark, second, second_mark = lines[3:7]
        assert first[first_mark.index("^") :].startswith("open('0500')")
        assert first.startswith("1 | ...")
        assert first.endswith("...")
        assert second[second_mark.index("-") :].startswith("open('0000')")

    def test_nothing_in_source_or_path_can_break_a_line_or_drive_a_terminal(self) -> None:
        source = "f = open('\x1b[2J\u202e\x07')  # x\x0b\n"
        lines = rendered(source, finding(at(1, 5, 20, path="a\nb\x1b.py"), message="a\r\nb \u2028"), path="a\nb\x1b.py")
        assert all(line.isprintable() for line in lines)
        assert lines[0].endswith("]: a\\r\\nb \\u2028")
        assert lines[1] == " --> a\\nb\\x1b.py:1:5 in `handler`"
        assert lines[3] == "1 | f = open('\\x1b[2J\\u202e\\x07')  # x"

    def test_places_outside_of_the_source_do_not_fail(self) -> None:
        lines = rendered("x\n", finding(at(1, 50, 60), Step(at(9, 1, 4), "beyond")))
        assert lines[1:] == [" --> app.py:1:50 in `handler`", "  |", "1 | x", "  |  ^", "  |"]

    def test_without_source_there_is_no_frame(self) -> None:
        assert rendered("", WHOLE)[1:] == [
            "  --> app.py:5:12 in `handler` (Lambda handler)",
            "   = help: open it in `with contextlib.closing(...):`",
        ]

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_end_as_python_ends_them(self, end: str) -> None:
        source = end.join(["a = '\u2028'", "b = 1\f", "c = open(p)", ""])
        assert "3 | c = open(p)" in rendered(source, finding(at(3, 5, 12)))

    def test_colours_change_nothing_but_colours(self) -> None:
        report = Report([Checked("app.py", (WHOLE,), source=HANDLER)])
        coloured = list(text.render(report, paint=colour.painter()))
        assert [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in coloured] == list(text.render(report))
        assert coloured[0].startswith("\x1b[1;33mwarning[LL102 ")


class TestColours:
    @pytest.mark.parametrize(
        ("environment", "terminal", "wanted"),
        [
            ({}, True, True),
            ({}, False, False),
            ({"TERM": "dumb"}, True, False),
            ({"TERM": "xterm"}, True, True),
            ({"NO_COLOR": "1"}, True, False),
            ({"NO_COLOR": ""}, True, True),
            ({"FORCE_COLOR": "1"}, False, True),
            ({"FORCE_COLOR": "0"}, False, False),
            ({"FORCE_COLOR": ""}, False, False),
            ({"CLICOLOR_FORCE": "1"}, False, True),
            ({"CLICOLOR_FORCE": "0"}, False, False),
            ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, True, False),
            ({"FORCE_COLOR": "1", "TERM": "dumb"}, False, True),
        ],
    )
    def test_the_environment_decides(self, environment: dict[str, str], terminal: bool, wanted: bool) -> None:
        assert colour.wanted(environment, terminal=terminal) is wanted


class TestPlain:
    def test_what_is_printable_stays(self) -> None:
        assert printer("utf-8")("é 日 `x` \\n") == "é 日 `x` \\n"

    def test_lone_surrogates_and_unknown_encodings_are_escaped(self) -> None:
        assert printer("utf-8")("a\udcff") == "a\\udcff"
        assert printer("no-such-encoding")("aé") == "a\\xe9"
        assert printer("latin-1")("é日") == "é\\u65e5"

    def test_columns_have_one_entry_per_code_point_and_one_more(self) -> None:
        assert aligned("a\tb", "utf-8") == ("a    b", [0, 1, 5, 6])
        assert aligned("日b", "utf-8") == ("日b", [0, 2, 3])
        assert aligned("ab  ", "utf-8") == ("ab", [0, 1, 2])


class TestConcise:
    def test_a_line_per_finding(self) -> None:
        other = finding(at(2, 1, 3, path="b\nc.py"), severity=Severity.HIGH, message="x")
        report = Report([Checked("b\nc.py", (other,)), Checked("app.py", (WHOLE,))])
        assert list(concise.render(report)) == [
            "app.py:5:12: LL102 [warning] psycopg2 connection `conn` is not closed if `cur.execute(...)` raises",
            "b\\nc.py:2:1: LL102 [error] x",
        ]


def document(*outcomes: Outcome) -> dict[str, Any]:
    lines = list(json.render(Report(list(outcomes))))
    assert all(line.isascii() and "\n" not in line for line in lines)
    loaded = stdlib_json.loads("\n".join(lines))
    assert isinstance(loaded, dict)
    return loaded


class TestJson:
    def test_the_whole_document(self) -> None:
        fix = Fix("close it", (Edit(3, 5, "x"),), Applicability.SAFE)
        whole = finding(
            at(5, 12, 33), OPENED, resource="psycopg2.connection", handler=True, fix=fix, help="h", fingerprint="f" * 32
        )
        place = {"path": "app.py", "line": 5, "column": 12, "end_line": 5, "end_column": 33}
        assert document(
            Checked("app.py", (whole,), suppressed=(whole, whole)),
            Failed("b.py", "syntax error", 3),
            Failed("c", "gone"),
        ) == {
            "schema_version": 1,
            "findings": [
                {
                    "rule": "LL102",
                    "name": "not-released-on-exception",
                    "message": whole.message,
                    **place,
                    "severity": "medium",
                    "confidence": "high",
                    "resource": "psycopg2.connection",
                    "function": "handler",
                    "handler": True,
                    "steps": [{**place, "message": "opened here"}],
                    "help": "h",
                    "fix": {
                        "applicability": "safe",
                        "title": "close it",
                        "edits": [{"start": 3, "end": 5, "text": "x"}],
                    },
                    "refused": None,
                    "fingerprint": "f" * 32,
                }
            ],
            "not_analysed": [
                {"path": "b.py", "line": 3, "reason": "syntax error"},
                {"path": "c", "line": None, "reason": "gone"},
            ],
            "suppressed": 2,
        }

    def test_an_undecodable_path_makes_a_valid_document(self) -> None:
        (failed,) = document(Failed("a\udcff.py", "é"))["not_analysed"]
        assert failed == {"path": "a\\udcff.py", "line": None, "reason": "é"}

    def test_nothing_found_is_a_document_too(self) -> None:
        assert document() == {"schema_version": 1, "findings": [], "not_analysed": [], "suppressed": 0}

    def test_every_key_is_documented_and_every_documented_key_exists(self) -> None:
        page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
        example = stdlib_json.loads(page.split("```json\n")[1].split("```")[0])
        made = document(Checked("app.py", (finding(at(5, 12, 33), OPENED),)), Failed("b.py", "syntax error", 3))
        assert list(example) == list(made)
        for key in ("findings", "not_analysed"):
            assert list(example[key][0]) == list(made[key][0])
        assert list(example["findings"][0]["steps"][0]) == list(made["findings"][0]["steps"][0])
        page = page.split("\n## What `leaklint explain` writes")[0]
        rows = {key for row in re.findall(r"^\| (`.*?) \|", page, re.M) for key in re.findall(r"`(\w+)`", row)}
        assert rows == {*made, *made["findings"][0]}


FOUND = finding(at(5, 12, 33))


class TestSummary:
    @pytest.mark.parametrize(
        ("outcomes", "expected", "code"),
        [
            ([], "warning: no Python files found", 0),
            ([Checked("a.py")], "No leaks found in 1 file.", 0),
            (
                [Checked("a.py"), Checked("b.py", suppressed=(FOUND, FOUND))],
                "No leaks found in 2 files (2 suppressed).",
                0,
            ),
            ([Checked("app.py", (FOUND,)), Checked("b.py")], "Found 1 finding in 1 file.", 1),
            (
                [Checked("app.py", (FOUND, FOUND), suppressed=(FOUND,)), Skipped("b.py", "asked for")],
                "Found 2 findings in 1 file (1 suppressed, 1 file skipped).",
                1,
            ),
            ([Skipped("b.py", "asked for")], "Nothing was analysed (1 file skipped).", 0),
            ([Failed("a.py", "gone")], "Nothing was analysed; 1 path could not be analysed.", 2),
            (
                [Failed("a.py", "gone"), Failed("b.py", "gone"), Checked("c.py")],
                "No leaks found in 1 file; 2 paths could not be analysed.",
                2,
            ),
            (
                [Failed("app.py", "too deep", 3, (FOUND,))],
                "Found 1 finding in 1 file; 1 path could not be analysed.",
                2,
            ),
        ],
    )
    def test_how_a_run_ends(self, outcomes: list[Outcome], expected: str, code: int) -> None:
        report = Report(outcomes)
        assert summary(report) == expected
        assert report.exit_code() == code
        assert report.exit_code(exit_zero=True) == (0 if code == 1 else code)

    def test_what_failed_is_named(self) -> None:
        report = Report([Failed("a\nb.py", "syntax error: é", 3), Checked("b.py"), Failed("c", "gone")])
        assert list(failures(report, encoding="ascii")) == [
            "error: a\\nb.py:3: syntax error: \\xe9 (not analysed)",
            "error: c: gone (not analysed)",
        ]

    def test_statistics_count_by_rule(self) -> None:
        other = finding(at(1, 1, 2), rule="LL101", name="never-released")
        third = finding(at(1, 1, 2), rule="LL103", name="not-released-on-some-path")
        report = Report([Checked("app.py", (third, FOUND, FOUND, other))])
        assert statistics(report) == [
            (2, "LL102", "not-released-on-exception"),
            (1, "LL101", "never-released"),
            (1, "LL103", "not-released-on-some-path"),
        ]

    def test_work_is_added_up(self) -> None:
        first, second = Work(1, 1, 0, 0, 0, 0), Work(1, 0, 1, 2, 1300, 1)
        report = Report([Checked("a.py", work=first), Failed("b.py", "too deep", work=second)])
        assert work(report, 0.5) == "work: 2 files, 1 gated out, 1 parsed; 2 scopes, 1,300 ops, 1 state; 0.500 s"


class TestFingerprint:
    def test_lines_above_and_white_space_do_not_count(self) -> None:
        first = fingerprint(finding(at(5, 12, 33), message="on line 7"), "    conn = connect()", 0)
        second = fingerprint(finding(at(50, 8, 29, path="./app.py"), message="on line 70"), "conn  = connect()\r", 0)
        assert first == second
        assert re.fullmatch("[0-9a-f]{32}", first)

    @pytest.mark.parametrize(
        ("changed", "line", "occurrence"),
        [
            (finding(at(5, 12, 33), rule="LL101"), "x", 0),
            (finding(at(5, 12, 33), function="other"), "x", 0),
            (finding(at(5, 12, 33), resource="open"), "x", 0),
            (finding(at(5, 12, 33, path="other.py")), "x", 0),
            (finding(at(5, 12, 33)), "y", 0),
            (finding(at(5, 12, 33)), "x", 1),
        ],
    )
    def test_what_makes_it_another_finding(self, changed: Finding, line: str, occurrence: int) -> None:
        assert fingerprint(changed, line, occurrence) != fingerprint(finding(at(5, 12, 33)), "x", 0)

    def test_equal_findings_of_a_file_are_told_apart_in_their_order(self) -> None:
        source = ["same", "other", "same", "same"]
        twins = [finding(at(number, 1, 2)) for number in (1, 2, 3, 4)]
        prints = [f.fingerprint for f in fingerprinted(twins, lambda number: source[number - 1])]
        assert len(set(prints)) == 4
        assert prints[0] == fingerprint(twins[0], "same", 0)
        assert prints[3] == fingerprint(twins[0], "same", 2)
