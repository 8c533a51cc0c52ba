"""Baselines and written suppressions: what is known stays known, wherever it moves, and nothing else is hidden."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from leaklint import baseline
from leaklint.baseline import BaselineError, Entry
from tests.command import leaklint

LEAK = "def f(p):\n    return open(p).read()\n"
TWO = "def f(p):\n    return open(p).read()\n\n\ndef g(p):\n    return open(p).read()\n"


def found(run_out: list[str]) -> list[str]:
    """``path:line`` of each finding of concise output."""
    return [":".join(line.split(":", 2)[:2]) for line in run_out]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text(TWO)
    (tmp_path / "src" / "b.py").write_text(LEAK)
    assert leaklint("check", "--write-baseline", "known.json", cwd=tmp_path).code == 0
    return tmp_path


def check(folder: Path, *arguments: str | Path) -> tuple[int, list[str], list[str]]:
    run = leaklint("check", "--output-format", "concise", *arguments, cwd=folder)
    return run.code, found(run.out), run.err


class TestFile:
    ENTRIES = baseline.Baseline({Entry("b.py", "LL104", "f", "0" * 32): 1, Entry("a.py", "LL101", "g", "1" * 32): 2})

    def test_what_is_written_is_read(self) -> None:
        assert baseline.load(baseline.dump(self.ENTRIES)) == self.ENTRIES

    def test_an_entry_is_a_line_and_the_order_is_that_of_the_files(self) -> None:
        text = baseline.dump(self.ENTRIES)
        rows = [json.loads(line.strip().rstrip(",")) for line in text.splitlines() if "fingerprint" in line]
        assert [(row["path"], row["rule"], row["count"]) for row in rows] == [
            ("a.py", "LL101", 2),
            ("b.py", "LL104", 1),
        ]

    def test_an_empty_one(self) -> None:
        assert baseline.load(baseline.dump(baseline.Baseline())) == baseline.Baseline()

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "not JSON"),
            ("[]", "not a baseline"),
            ('{"schema_version": 2, "findings": []}', "schema_version is 2"),
            ('{"schema_version": 1, "findings": {}}', "no list"),
            ('{"schema_version": 1, "findings": [1]}', "finding 1 is no object"),
            ('{"schema_version": 1, "findings": [{"path": 1}]}', "no text as path"),
            (
                '{"schema_version": 1, "findings": [{"path": "a", "rule": "LL101", "function": "f", '
                '"fingerprint": "0", "count": 0}]}',
                "no positive number",
            ),
            ("[" * 100_000, "not"),
        ],
    )
    def test_what_is_none_is_refused(self, text: str, why: str) -> None:
        with pytest.raises(BaselineError, match=why):
            baseline.load(text)


class TestBaseline:
    def test_what_is_known_is_not_reported(self, folder: Path) -> None:
        code, out, err = check(folder, "--baseline", "known.json")
        assert (code, out) == (0, [])
        assert err == ["No leaks found in 2 files (3 in known.json)."]

    def test_lines_may_move_and_others_be_added(self, folder: Path) -> None:
        (folder / "src" / "a.py").write_text(f"import os\n\n\n{TWO}\n\ndef h(p):\n    return open(p).read(1)\n")
        assert check(folder, "--baseline", "known.json")[:2] == (1, ["src/a.py:13"])

    def test_one_more_of_the_same_is_reported(self, folder: Path) -> None:
        (folder / "src" / "b.py").write_text("def f(p):\n    open(p)\n    open(p)\n    open(p)\n")
        leaklint("check", "--write-baseline", "known.json", cwd=folder)
        (folder / "src" / "b.py").write_text("def f(p):\n    open(p)\n    open(p)\n    open(p)\n    open(p)\n")
        assert check(folder, "--baseline", "known.json")[:2] == (1, ["src/b.py:5"])

    def test_it_matters_neither_where_one_stands_nor_how_files_are_named(self, folder: Path) -> None:
        inner = folder / "src"
        assert check(inner, "--baseline", "../known.json")[:2] == (0, [])
        assert check(inner, "--baseline", folder / "known.json", inner / "a.py", "./b.py")[:2] == (0, [])
        assert check(folder, "--baseline", "known.json", "./src/../src/a.py")[:2] == (0, [])

    def test_the_same_finding_in_another_file_is_not_known(self, folder: Path) -> None:
        shutil.copy(folder / "src" / "b.py", folder / "src" / "c.py")
        assert check(folder, "--baseline", "known.json")[:2] == (1, ["src/c.py:2"])

    def test_the_configuration_may_name_it(self, folder: Path) -> None:
        (folder / "pyproject.toml").write_text('[tool.leaklint]\nbaseline = "known.json"\n')
        assert check(folder)[:2] == (0, [])
        assert check(folder / "src")[:2] == (0, [])

    def test_entries_that_match_nothing_are_named_on_a_full_run(self, folder: Path) -> None:
        (folder / "src" / "a.py").write_text("def f(p):\n    return open(p).read()\n")
        (folder / "src" / "b.py").unlink()
        code, out, err = check(folder, "--baseline", "known.json")
        assert (code, out) == (0, [])
        assert err[:3] == [
            "warning: known.json: LL104 in g of src/a.py is found no more",
            "warning: known.json: LL104 in f of src/b.py is found no more",
            "warning: --write-baseline known.json would write it without them",
        ]
        for arguments in (["src/a.py"], ["--select", "LL2"], ["--min-severity", "high"], ["--quiet"]):
            _, _, err = check(folder, "--baseline", "known.json", *arguments)
            assert not [line for line in err if "found no more" in line], arguments

    def test_a_file_that_cannot_be_read_makes_none_of_its_entries_old(self, folder: Path) -> None:
        (folder / "src" / "a.py").write_text("def f(:\n    open(p)\n")
        code, _, err = check(folder, "--baseline", "known.json")
        assert code == 2
        assert not [line for line in err if "found no more" in line]
        leaklint("check", "--write-baseline", "known.json", cwd=folder)
        (folder / "src" / "a.py").write_text(TWO)
        assert check(folder, "--baseline", "known.json")[:2] == (0, [])

    def test_what_a_run_does_not_look_at_stays_when_it_writes(self, folder: Path) -> None:
        (folder / "src" / "b.py").write_text("")
        run = leaklint("check", "--write-baseline", "known.json", "src/b.py", cwd=folder)
        assert run.err == ["Wrote 0 findings to known.json (2 of other files stay)."]
        assert len(baseline.load((folder / "known.json").read_text())) == 2
        run = leaklint("check", "--write-baseline", "known.json", "--files-from", "-", cwd=folder, data=b"src/b.py\n")
        assert len(baseline.load((folder / "known.json").read_text())) == 2

    def test_written_again_it_is_the_same(self, folder: Path) -> None:
        before = (folder / "known.json").read_bytes()
        leaklint("check", "--write-baseline", "known.json", "src/b.py", "src/a.py", cwd=folder)
        leaklint("check", "--write-baseline", "../known.json", cwd=folder / "src")
        assert (folder / "known.json").read_bytes() == before

    @pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe"])
    def test_a_broken_one_is_an_error(self, folder: Path, content: bytes | None) -> None:
        path = folder / "broken.json"
        if content is not None:
            path.write_bytes(content)
        run = leaklint("check", "--baseline", "broken.json", cwd=folder)
        assert run.code == 2
        assert run.out == []
        assert "cannot read the baseline broken.json" in run.err[-1]

    def test_no_other_file_is_overwritten(self, folder: Path) -> None:
        run = leaklint("check", "--write-baseline", "src/a.py", cwd=folder)
        assert run.code == 2
        assert (folder / "src" / "a.py").read_text() == TWO

    @pytest.mark.parametrize(
        "arguments",
        [
            ("--write-baseline", "x", "--diff-base", "HEAD"),
            ("--write-baseline", "x", "--add-ignores"),
            ("--write-baseline", "x", "-"),
            ("--add-ignores", "-"),
        ],
    )
    def test_what_cannot_be_meant_together(self, folder: Path, arguments: tuple[str, ...]) -> None:
        assert leaklint("check", *arguments, cwd=folder).code == 2


TEMPLATE = """\
Resources:
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              {code}
"""

CASES = {
    "plain": ("def f(p):\n    x = open(p)\n", "def f(p):\n    x = open(p)  # leaklint: ignore[LL101]\n"),
    "comment": (
        "def f(p):\n    x = open(p)  # type: ignore[x] \n",
        "def f(p):\n    x = open(p)  # type: ignore[x]  # leaklint: ignore[LL101]\n",
    ),
    "noqa": (
        "def f(p):\n    x = open(p)  # noqa: E501, LL102 because\n",
        "def f(p):\n    x = open(p)  # noqa: E501, LL102 because  # leaklint: ignore[LL101, LL901]\n",
    ),
    "merged": (
        "def f(p):\n    x = open(p)  # why # leaklint:ignore[LL901] so\n",
        "def f(p):\n    x = open(p)  # why # leaklint: ignore[LL101, LL901] so\n",
    ),
    "tabs": ("def f(p):\n\tx = open(p)\t\n", "def f(p):\n\tx = open(p)  # leaklint: ignore[LL101]\n"),
    "crlf": ("def f(p):\r\n    x = open(p)\r\n", "def f(p):\r\n    x = open(p)  # leaklint: ignore[LL101]\r\n"),
    "cr": ("def f(p):\r    x = open(p)\r", "def f(p):\r    x = open(p)  # leaklint: ignore[LL101]\r"),
    "no end": ("def f(p):\n    x = open(p)", "def f(p):\n    x = open(p)  # leaklint: ignore[LL101]"),
    "backslash": (
        "def f(p):\n    x = \\\n        open(p) \\\n        or 1\n    x.read()\n",
        "def f(p):\n    x = \\\n        open(p) \\\n        or 1  # leaklint: ignore[LL101]\n    x.read()\n",
    ),
    "brackets": (
        "def f(p):\n    x = (\n        open(\n            p,\n        )\n    )\n    x.read()\n",
        "def f(p):\n    x = (\n        open(  # leaklint: ignore[LL101]\n            p,\n        )\n    )\n"
        "    x.read()\n",
    ),
    "string of lines": (
        'def f(p):\n    x = open(p + """\n# no place\n""")\n    x.read()\n',
        'def f(p):\n    x = open(p + """\n# no place\n""")  # leaklint: ignore[LL101]\n    x.read()\n',
    ),
    "f-string of lines": (
        'def f(p):\n    x = open(f"""{\np}\n""")\n    x.read()\n',
        'def f(p):\n    x = open(f"""{\np}\n""")  # leaklint: ignore[LL101]\n    x.read()\n',
    ),
    "string in front": (
        'def f(p):\n    x = """\n""" + open(p, """\n""".strip()).name + \\\n        ""\n',
        'def f(p):\n    x = """\n""" + open(p, """\n""".strip()).name + \\\n        ""  # leaklint: ignore[LL104]\n',
    ),
    "header": (
        "def f(p):\n    for line in open(p):  # each\n        print(line)\n",
        "def f(p):\n    for line in open(p):  # each  # leaklint: ignore[LL104]\n        print(line)\n",
    ),
    "two on a line": (
        "def f(p):\n    x = open(p); y = open(p).read()\n",
        "def f(p):\n    x = open(p); y = open(p).read()  # leaklint: ignore[LL101, LL104]\n",
    ),
    "nothing to suppress": (
        "def f(p):\n    x = 1  # leaklint: ignore[LL101]\n    # leaklint: ignored\n",
        "def f(p):\n    x = 1  # leaklint: ignore[LL101, LL901]\n    # leaklint: ignored  # leaklint: ignore[LL901]\n",
    ),
    "form feed": ("\fdef f(p):\n    x = open(p)\f\n", "\fdef f(p):\n    x = open(p)  # leaklint: ignore[LL101]\n"),
}


class TestAddIgnores:
    @pytest.mark.parametrize("name", CASES)
    def test_the_comment_stands_where_one_can(self, tmp_path: Path, name: str) -> None:
        before, after = CASES[name]
        (tmp_path / "a.py").write_bytes(before.encode())
        run = leaklint("check", "--add-ignores", "a.py", cwd=tmp_path)
        assert run.code == 0, run.err
        assert run.out == []
        assert (tmp_path / "a.py").read_bytes().decode() == after
        again = leaklint("check", "a.py", cwd=tmp_path)
        assert (again.code, again.out) == (0, [])

    def test_the_reason_is_written_behind_it(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text(LEAK)
        run = leaklint("check", "--add-ignores=see #12, closed by the caller", cwd=tmp_path)
        assert run.err == ["Suppressed 1 finding in 1 file."]
        expected = "    return open(p).read()  # leaklint: ignore[LL104] see #12, closed by the caller"
        assert (tmp_path / "a.py").read_text().splitlines()[1] == expected
        assert leaklint("check", cwd=tmp_path).code == 0

    @pytest.mark.parametrize("reason", ["two\nlines", "x # leaklint: skip-file", "# noqa", "# leaklint: ignore"])
    def test_a_reason_that_would_be_more_is_refused(self, tmp_path: Path, reason: str) -> None:
        (tmp_path / "a.py").write_text(LEAK)
        assert leaklint("check", f"--add-ignores={reason}", cwd=tmp_path).code == 2
        assert (tmp_path / "a.py").read_text() == LEAK

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            (
                b"\xef\xbb\xbfdef f(p):\r\n    x = open('\xc3\xa4')\r\n",
                b"\xef\xbb\xbfdef f(p):\r\n    x = open('\xc3\xa4')  # leaklint: ignore[LL101]\r\n",
            ),
            (
                b"# coding: latin-1\ndef f(p):\n    x = open('\xe4')\n",
                b"# coding: latin-1\ndef f(p):\n    x = open('\xe4')  # leaklint: ignore[LL101]\n",
            ),
        ],
    )
    def test_encoding_and_mark_are_kept(self, tmp_path: Path, data: bytes, expected: bytes) -> None:
        path = tmp_path / "a.py"
        path.write_bytes(data)
        path.chmod(0o750)
        assert leaklint("check", "--add-ignores", cwd=tmp_path).code == 0
        assert path.read_bytes() == expected
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
        assert os.listdir(tmp_path) == ["a.py"]

    def test_one_file_that_cannot_take_it_stops_no_other(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_bytes(b"# coding: latin-1\n" + LEAK.encode())
        (tmp_path / "b.py").write_text(LEAK)
        (tmp_path / "c.py").write_text("def f(:\n    open(p)\n")
        run = leaklint("check", "--add-ignores=日本", cwd=tmp_path)
        assert run.code == 2
        assert "error: a.py: no suppression is written: the reason cannot be written in iso-8859-1" in run.err
        assert run.err[-1] == "Suppressed 1 finding in 1 file."
        assert "日本" in (tmp_path / "b.py").read_text(encoding="utf-8")

    def test_templates_are_left_alone(self, tmp_path: Path) -> None:
        template = TEMPLATE.format(code="open('x')")
        (tmp_path / "template.yaml").write_text(template)
        run = leaklint("check", "--add-ignores", cwd=tmp_path)
        assert run.code == 2
        assert run.err[0] == "error: template.yaml: no suppression is written: its code stands in a template"
        assert (tmp_path / "template.yaml").read_text() == template

    def test_only_what_is_shown_is_suppressed(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text(LEAK)
        assert leaklint("check", "--add-ignores", "--select", "LL2", cwd=tmp_path).code == 0
        assert (tmp_path / "a.py").read_text() == LEAK
        leaklint("check", "--write-baseline", "known.json", cwd=tmp_path)
        assert leaklint("check", "--add-ignores", "--baseline", "known.json", cwd=tmp_path).code == 0
        assert (tmp_path / "a.py").read_text() == LEAK

    def test_what_follows_the_option_is_a_path(self, tmp_path: Path) -> None:
        (tmp_path / "--add-ignores").mkdir()
        run = leaklint("check", "--output-format", "concise", "--", "--add-ignores", cwd=tmp_path)
        assert run.err == ["warning: no Python files found"]
