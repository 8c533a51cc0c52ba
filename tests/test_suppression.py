"""Suppressions: what comments ask for, where they hold, and which ones asked in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.finding import Severity
from leaklint.result import Checked, Skipped
from leaklint.syntax.comments import Suppression, may_be_unused, may_hold_comments, read, suppresses, unused
from tests.command import leaklint

KNOWN = ("LL101", "LL102", "LL901")


@pytest.mark.parametrize(
    ("comment", "codes", "shared"),
    [
        ("# leaklint: ignore", (), False),
        ("#leaklint:ignore", (), False),
        ("# leaklint: ignore because it is kept", (), False),
        ("# leaklint: ignore[LL101]", ("LL101",), False),
        ("# leaklint: ignore[LL101, ll102] kept for the next one", ("LL101", "LL102"), False),
        ("# leaklint: ignore [LL101 LL102]", ("LL101", "LL102"), False),
        ("# type: ignore # leaklint: ignore[LL101]", ("LL101",), False),
        ("# noqa", (), True),
        ("# NOQA", (), True),
        ("# noqa: LL101", ("LL101",), True),
        ("#noqa:LL101,LL102", ("LL101", "LL102"), True),
        ("# noqa: E501 LL101 it is kept", ("LL101",), True),
        ("# noqa: E501, LL101 # pragma: no branch", ("LL101",), True),
    ],
)
def test_a_comment_that_suppresses(comment: str, codes: tuple[str, ...], shared: bool) -> None:
    (suppression,) = read(f"x = 1  {comment}\n").suppressions
    assert (suppression.line, suppression.codes, suppression.shared, suppression.wrong) == (1, codes, shared, "")


@pytest.mark.parametrize(
    "line",
    [
        "x = '# leaklint: ignore'",
        "x = 1  # noqa: E501",
        "x = 1  # ruff: noqa",
        "x = 1  # flake8: noqa: LL101",
        "x = 1  # noqanything",
        "x = 1  # leaklint finds this",
        'x = """\n# leaklint: ignore\n"""',
    ],
)
def test_a_comment_that_does_not(line: str) -> None:
    assert read(line + "\n").suppressions == ()


def test_columns_are_code_points_and_span_the_directive() -> None:
    text = "x = 'é日'  # see  # leaklint: ignore[LL101] because  # noqa: LL102 too\n"
    first, second = read(text).suppressions
    assert text[first.column - 1 : first.end_column - 1] == "# leaklint: ignore[LL101]"
    assert text[second.column - 1 : second.end_column - 1].startswith("# noqa: LL102")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_python_counts_them(end: str) -> None:
    text = end.join(["x = 1\f", "y = '\u2028'", "z = 2  # leaklint: ignore", ""])
    assert [s.line for s in read(text).suppressions] == [3]


def test_a_byte_order_mark_shifts_nothing() -> None:
    (suppression,) = read("\ufeffx = 1  # leaklint: ignore\n").suppressions
    assert (suppression.line, suppression.column) == (1, 8)


@pytest.mark.parametrize(
    "text",
    [
        "print 'python 2'\n  unindented = (\n# leaklint: skip-file\n",
        "x = (\n# leaklint: skip-file\n",
        "if x:\n        y\n    z\n# leaklint: skip-file\n",
        "x = '''\n# leaklint: skip-file\n",
        "x = 1\0\n# leaklint: skip-file\n",
        "$\n# leaklint: skip-file\n",
    ],
)
def test_source_that_is_no_python_can_still_be_skipped(text: str) -> None:
    assert read(text).skip_file


def test_a_comment_holds_for_its_statement_only() -> None:
    comments = read("a(\n    1,\n)\nb()  # leaklint: ignore[LL101]\n")
    assert suppresses(comments, "LL101", 4, 4)
    assert suppresses(comments, "LL101", 2, 5)
    assert not suppresses(comments, "LL101", 1, 3)
    assert not suppresses(comments, "LL102", 4, 4)


def test_every_rule_but_the_one_about_suppressions_yields_to_a_bare_comment() -> None:
    for comment in ("# leaklint: ignore", "# noqa"):
        comments = read(f"a()  {comment}\n")
        assert suppresses(comments, "LL101", 1, 1)
        assert not suppresses(comments, "LL901", 1, 1)


def idle(line: str, *hits: str, ran: tuple[str, ...] = KNOWN) -> list[str]:
    return [u.detail for u in unused(read(line), [(rule, 1, 1) for rule in hits], KNOWN, ran)]


class TestUnused:
    def test_codes_that_match_nothing_are_named(self) -> None:
        assert idle("a()  # leaklint: ignore[LL101]") == ["LL101 matches no finding"]
        assert idle("a()  # leaklint: ignore[LL101, LL102]") == ["LL101 and LL102 match no finding"]
        assert idle("a()  # leaklint: ignore[LL101, LL102]", "LL102") == ["LL101 matches no finding"]
        assert idle("a()  # noqa: LL101, E501") == ["LL101 matches no finding"]
        assert idle("a()  # leaklint: ignore") == ["it matches no finding"]

    def test_what_matches_is_silent(self) -> None:
        assert idle("a()  # leaklint: ignore[LL101]", "LL101") == []
        assert idle("a()  # leaklint: ignore", "LL101") == []
        assert idle("a()  # noqa: LL101, E501", "LL101") == []

    def test_a_bare_noqa_is_not_ours(self) -> None:
        assert idle("a()  # noqa") == []
        assert idle("a()  # noqa: E501") == []

    def test_unknown_codes_are_named_in_comments_of_leaklint_alone(self) -> None:
        assert idle("a()  # leaklint: ignore[LL999]") == ["LL999 is no rule of leaklint"]
        assert idle("a()  # leaklint: ignore[LL1O1, LL101]") == [
            "LL1O1 is no rule of leaklint; LL101 matches no finding"
        ]
        assert idle("a()  # noqa: LL999") == []

    def test_a_misspelt_directive_is_named(self) -> None:
        assert idle("a()  # leaklint: ingore[LL101]") == ["leaklint knows 'ignore' and 'skip-file', not 'ingore'"]
        assert idle("a()  # leaklint: ignore[]") == ["it names no code between its brackets"]

    def test_rules_that_did_not_run_are_not_judged(self) -> None:
        assert idle("a()  # leaklint: ignore[LL102]", ran=("LL101", "LL901")) == []
        assert idle("a()  # leaklint: ignore", ran=("LL101", "LL901")) == []

    def test_it_can_be_suppressed_itself(self) -> None:
        assert idle("a()  # leaklint: ignore[LL101, LL901]") == []


@pytest.mark.parametrize(
    ("data", "holds", "demands"),
    [
        (b"x = 1\n", False, False),
        (b"x = 1  # noqa\n", True, False),
        (b"x = 1  # NoQA: E501\n", True, False),
        (b"x = 1  # noqa: E501, LL101\n", True, True),
        (b"x = 1  # leaklint: ignore\n", True, True),
        (b"# leaklint: skip-file\n", True, True),
        (b"import leaklint\n", True, False),
    ],
)
def test_bytes_tell_whether_a_file_needs_to_be_read_for_comments(data: bytes, holds: bool, demands: bool) -> None:
    assert may_hold_comments(data) is holds
    assert may_be_unused(data) is demands


# --- through the whole check ---

LEAK = "def f(p):\n    source = open(\n        p,{comment}\n    )\n    return source.read()\n"


def check(comment: str, select: tuple[str, ...] = ("LL",)) -> Checked:
    outcome = check_source(LEAK.format(comment=comment).encode(), "x.py", Settings(select=select))
    assert isinstance(outcome, Checked), outcome
    return outcome


def test_the_leak_is_found_without_a_comment() -> None:
    assert [(f.rule, f.location.line) for f in check("").findings] == [("LL101", 2)]


@pytest.mark.parametrize(
    "comment", ["  # leaklint: ignore", "  # leaklint: ignore[LL101] why", "  # noqa: LL101", "  # noqa"]
)
def test_a_comment_on_any_line_of_the_statement_suppresses_and_is_counted(comment: str) -> None:
    outcome = check(comment)
    assert (outcome.findings, [finding.rule for finding in outcome.suppressed]) == ((), ["LL101"])


def test_a_suppression_changes_no_other_fingerprint() -> None:
    twice = "def f(p):\n    a = open(p){}\n    a = open(p)\n    return 1\n"
    plain, silenced = (
        check_source(twice.format(comment).encode(), "x.py", Settings()) for comment in ("", "  # leaklint: ignore")
    )
    assert isinstance(plain, Checked)
    assert isinstance(silenced, Checked)
    first, *rest = plain.findings
    assert rest
    assert [finding.fingerprint for finding in silenced.findings] == [finding.fingerprint for finding in rest]
    assert [finding.location for finding in silenced.suppressed] == [first.location]


def test_what_is_not_asked_for_does_not_count_as_suppressed() -> None:
    data = b"def f(p):\n    return open(p).read()  # leaklint: ignore\n"
    outcome = check_source(data, "x.py", Settings(select=("LL2",)))
    assert isinstance(outcome, Checked)
    assert (outcome.findings, outcome.suppressed) == ((), ())


def test_an_unused_suppression_is_a_finding_on_the_comment() -> None:
    outcome = check("  # leaklint: ignore[LL101, LL102] why")
    (finding,) = outcome.findings
    assert (finding.rule, finding.location.line, finding.location.column) == ("LL901", 3, 13)
    assert "LL102" in finding.message
    assert "LL101" not in finding.message


def test_a_suppressed_finding_below_the_floor_still_uses_its_comment() -> None:
    outcome = check_source(
        LEAK.format(comment="  # leaklint: ignore[LL101]").encode(),
        "x.py",
        Settings(min_severity=Severity.HIGH),
    )
    assert isinstance(outcome, Checked)
    assert outcome.findings == ()


def test_unused_suppressions_are_found_in_files_without_resources() -> None:
    outcome = check_source(b"x = 1  # leaklint: ignore[LL101]\n", "x.py", Settings())
    assert isinstance(outcome, Checked)
    assert [f.rule for f in outcome.findings] == ["LL901"]


def test_an_unselected_rule_does_not_make_its_suppressions_unused() -> None:
    assert check("  # leaklint: ignore[LL101]", select=("LL2", "LL901")).findings == ()


def test_a_file_that_wants_to_be_skipped_is() -> None:
    outcome = check_source(b"# leaklint: skip-file\nopen('x').read()\n", "x.py", Settings())
    assert isinstance(outcome, Skipped)
    broken = check_source(b"# leaklint: skip-file\nprint open('old')\n", "x.py", Settings())
    assert isinstance(broken, Skipped)


def test_suppressed_findings_are_counted_in_the_summary(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(LEAK.format(comment="  # leaklint: ignore[LL101]"))
    (tmp_path / "y.py").write_text("# leaklint: skip-file\n" + LEAK.format(comment=""))
    run = leaklint("check", ".", cwd=tmp_path)
    assert (run.code, run.out) == (0, [])
    assert run.err == ["No leaks found in 1 file (1 suppressed, 1 file skipped)."]


def test_a_suppression_knows_what_it_covers() -> None:
    assert Suppression(1, 1, 2, ("LL101",)).covers("LL101")
    assert not Suppression(1, 1, 2, wrong="misspelt").covers("LL101")
