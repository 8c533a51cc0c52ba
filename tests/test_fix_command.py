"""``--fix``, ``--diff`` and what goes with them, as a user runs them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from tests.command import leaklint

LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
FIXED = "def f(p):\n    with open(p) as source:\n        return source.read()\n"
REFUSED = "def f(p):\n    source = open(p)\n    return map(str, source)\n"
UNSAFE = "import other\n\n\ndef f(p):\n    source = open(p)\n    return other.work(source)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "leak.py").write_text(LEAK)
    return tmp_path


def test_fix_mends_the_file_and_ends_with_0(folder: Path) -> None:
    run = leaklint("check", "--fix", cwd=folder)
    assert (run.code, run.out) == (0, [])
    assert run.err == ["Fixed 1 finding in 1 file; 0 remain.", "No leaks found in 1 file."]
    assert (folder / "leak.py").read_text() == FIXED
    again = leaklint("check", "--fix", cwd=folder)
    assert (again.code, again.err[0]) == (0, "Fixed 0 findings; 0 remain.")


def test_what_remains_is_reported_with_the_reason(folder: Path) -> None:
    (folder / "kept.py").write_text(REFUSED)
    run = leaklint("check", "--fix", cwd=folder)
    assert run.code == 1
    assert any("no fix: what needs it is returned" in line for line in run.out)
    assert run.err[:2] == ["Fixed 1 finding in 1 file; 1 remains.", "  1 not fixed: what needs it is returned"]
    assert (folder / "kept.py").read_text() == REFUSED


def test_exit_non_zero_on_fix(folder: Path) -> None:
    assert leaklint("check", "--fix", "--exit-non-zero-on-fix", cwd=folder).code == 1
    assert leaklint("check", "--fix", "--exit-non-zero-on-fix", cwd=folder).code == 0


def test_diff_shows_and_writes_nothing(folder: Path) -> None:
    run = leaklint("check", "--diff", cwd=folder)
    assert run.code == 1
    assert run.out == [
        "--- leak.py",
        "+++ leak.py",
        "@@ -1,3 +1,3 @@",
        " def f(p):",
        "-    source = open(p)",
        "-    return source.read()",
        "+    with open(p) as source:",
        "+        return source.read()",
    ]
    assert run.err[0] == "Would fix 1 finding in 1 file; 0 remain."
    assert (folder / "leak.py").read_text() == LEAK
    (folder / "leak.py").write_text(FIXED)
    assert leaklint("check", "--diff", cwd=folder).code == 0


def test_standard_input_becomes_standard_output(folder: Path) -> None:
    for source, expected in ((LEAK, FIXED), (FIXED, FIXED), (REFUSED, REFUSED)):
        run = leaklint("check", "--fix", "-", cwd=folder, data=source.encode())
        assert "\n".join(run.out) + "\n" == expected
        assert run.code == (1 if source is REFUSED else 0)
    assert any("LL101" in line for line in run.err)


def test_show_fixes_lists_them(folder: Path) -> None:
    run = leaklint("check", "--fix", "--show-fixes", cwd=folder)
    assert run.err[:2] == ["leak.py:", "  1 x LL101 (never-released)"]


def test_unsafe_fixes_are_made_when_asked_for(folder: Path) -> None:
    (folder / "leak.py").write_text(UNSAFE)
    run = leaklint("check", "--fix", cwd=folder)
    assert (run.code, run.err[-1]) == (1, "1 fixable with --fix --unsafe-fixes.")
    assert (folder / "leak.py").read_text() == UNSAFE
    assert leaklint("check", "--fix", "--unsafe-fixes", cwd=folder).code == 0
    assert "with open(p) as source:" in (folder / "leak.py").read_text()


def test_a_connection_of_a_snapshot_moves_into_the_handler(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.entry\n"
        "      CodeUri: .\n      Runtime: python3.12\n      SnapStart:\n        ApplyOn: PublishedVersions\n"
    )
    source = "import pymysql\n\ndb = pymysql.connect()\n\n\ndef entry(e, c):\n    return db.server_version\n"
    (tmp_path / "app.py").write_text(source)
    assert "LL206" in leaklint("check", "--output-format", "concise", cwd=tmp_path).out[0]
    assert leaklint("check", "--fix", "--unsafe-fixes", cwd=tmp_path).code == 0
    assert (tmp_path / "app.py").read_text() == (
        "import pymysql\n\n\ndef entry(e, c):\n    with pymysql.connect() as db:\n        return db.server_version\n"
    )


def test_rules_that_are_not_to_be_fixed_are_left(folder: Path) -> None:
    run = leaklint("check", "--fix", "--unfixable", "LL101", cwd=folder)
    assert run.code == 1
    assert (folder / "leak.py").read_text() == LEAK


def test_the_mode_stays_and_a_link_is_followed(folder: Path) -> None:
    target = folder / "elsewhere"
    target.mkdir()
    (folder / "leak.py").rename(target / "real.py")
    (target / "real.py").chmod(0o755)
    (folder / "link.py").symlink_to(target / "real.py")
    assert leaklint("check", "--fix", "link.py", cwd=folder).code == 0
    assert (folder / "link.py").is_symlink()
    assert (target / "real.py").read_text() == FIXED
    assert stat.S_IMODE(os.stat(target / "real.py").st_mode) == 0o755


def test_a_read_only_file_is_2_and_the_others_are_mended(folder: Path) -> None:
    (folder / "fixed.py").write_text(LEAK)
    (folder / "leak.py").chmod(0o444)
    run = leaklint("check", "--fix", "--output-format", "concise", cwd=folder)
    assert run.code == 2
    assert "error: leak.py: cannot write: it is read-only" in run.err
    assert [line.partition(":")[0] for line in run.out] == ["leak.py"]
    assert (folder / "leak.py").read_text() == LEAK
    assert (folder / "fixed.py").read_text() == FIXED


def test_json_has_edits_that_were_tried_out(folder: Path) -> None:
    deep = "def f(p):\n" + "".join(f"{'    ' * n}for x{n} in p:\n" for n in range(1, 21))
    (folder / "deep.py").write_text(deep + "    " * 21 + "h = open(p)\n" + "    " * 21 + "h.read()\n")
    run = leaklint("check", "--output-format", "json", cwd=folder)
    by_path = {finding["path"]: finding for finding in json.loads("\n".join(run.out))["findings"]}
    assert by_path["deep.py"]["fix"] is None
    assert "too many statically nested blocks" in by_path["deep.py"]["refused"]
    fix = by_path["leak.py"]["fix"]
    text = LEAK
    for edit in reversed(fix["edits"]):
        text = text[: edit["start"]] + edit["text"] + text[edit["end"] :]
    assert (fix["applicability"], text) == ("safe", FIXED)


def test_mending_and_recording_exclude_each_other(folder: Path) -> None:
    assert leaklint("check", "--fix", "--write-baseline", "known.json", cwd=folder).code == 2


def test_what_a_baseline_holds_is_left_as_it_is(folder: Path) -> None:
    assert leaklint("check", "--write-baseline", "known.json", cwd=folder).code == 0
    (folder / "new.py").write_text(LEAK)
    assert leaklint("check", "--fix", "--baseline", "known.json", cwd=folder).code == 0
    assert (folder / "leak.py").read_text() == LEAK
    assert (folder / "new.py").read_text() == FIXED
