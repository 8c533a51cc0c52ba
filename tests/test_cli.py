"""The command line as users meet it: what goes to which stream, and how it ends."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest

from leaklint import __version__
from leaklint.cli import main
from leaklint.rules import RULES, Rule
from tests.command import environment, leaklint

CLEAN = "def f(p):\n    with open(p) as source:\n        return source.read()\n"
LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
BROKEN = "def f(:\n    open(p)\n"
NO_RESOURCE = "x = 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clean.py").write_text(CLEAN)
    (tmp_path / "leak.py").write_text(LEAK)
    (tmp_path / "broken.py").write_text(BROKEN)
    (tmp_path / "none.py").write_text(NO_RESOURCE)
    return tmp_path


class TestExitCodes:
    def test_clean_is_0(self, folder: Path) -> None:
        run = leaklint("check", "clean.py", "none.py", cwd=folder)
        assert (run.code, run.out, run.err) == (0, [], ["No leaks found in 2 files."])

    def test_findings_are_1(self, folder: Path) -> None:
        run = leaklint("check", "clean.py", "leak.py", cwd=folder)
        assert (run.code, run.err) == (1, ["Found 1 finding in 1 file.", "1 fixable with --fix."])
        assert run.out[0].startswith("notice[LL101 never-released]: ")
        assert run.out[1] == " --> leak.py:2:14 in `f`"

    def test_what_was_not_analysed_is_2_and_the_rest_is_reported(self, folder: Path) -> None:
        run = leaklint("check", "broken.py", "missing.py", "leak.py", cwd=folder)
        assert run.code == 2
        assert " --> leak.py:2:14 in `f`" in run.out
        assert re.fullmatch(r"error: broken\.py:1: .*syntax.* \(not analysed\)", run.err[0])
        assert run.err[1:] == [
            "error: missing.py: no such file or folder (not analysed)",
            "Found 1 finding in 1 file; 2 paths could not be analysed.",
            "1 fixable with --fix.",
        ]

    def test_exit_zero_masks_findings_and_nothing_else(self, folder: Path) -> None:
        assert leaklint("check", "--exit-zero", "leak.py", cwd=folder).code == 0
        assert leaklint("check", "--exit-zero", "leak.py", "broken.py", cwd=folder).code == 2
        assert leaklint("check", "--exit-zero", "--nonsense", "leak.py", cwd=folder).code == 2

    def test_nothing_analysed_never_says_passed(self, folder: Path) -> None:
        run = leaklint("check", "broken.py", cwd=folder)
        assert (run.code, run.out) == (2, [])
        assert run.err[-1] == "Nothing was analysed; 1 path could not be analysed."

    def test_an_empty_folder_is_warned_about(self, tmp_path: Path) -> None:
        run = leaklint("check", cwd=tmp_path)
        assert (run.code, run.out, run.err) == (0, [], ["warning: no Python files found"])

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["check", "--nonsense"], "--nonsense"),
            (["check", "--output-format", "yaml", "leak.py"], "yaml"),
            (["check", "--select", "LL110", "leak.py"], "LL110 is no rule of leaklint; did you mean LL10"),
            (["check", "--ignore", "LL101,E501", "leak.py"], "E501 is no rule of leaklint"),
            (["check", "--select", ",", "leak.py"], "names no rule"),
            (["check", "--select", "never-release", "leak.py"], "did you mean LL101 (never-released)?"),
            (["check", "-", "leak.py"], "- cannot be checked together with other paths"),
            (["check", "--stdin-filename", "x.py", "leak.py"], "--stdin-filename is for reading standard input"),
            (["nonsense"], "nonsense"),
            (["rule", "LL999"], "LL999 is no rule of leaklint"),
            (["catalogue", "no-such-thing"], "nothing in the catalogue contains no-such-thing"),
        ],
    )
    def test_usage_errors_are_2_and_say_why(self, folder: Path, arguments: list[str], said: str) -> None:
        run = leaklint(*arguments, cwd=folder)
        assert (run.code, run.out) == (2, [])
        assert said in " ".join(line.strip("│ ") for line in run.err)

    def test_an_interrupt_is_not_taken_for_findings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        @click.command()
        def interrupted() -> NoReturn:
            raise KeyboardInterrupt

        monkeypatch.setattr(type(main), "get_command", lambda self, ctx, name: interrupted)
        with pytest.raises(SystemExit) as ended:
            main(["check"])
        assert ended.value.code == 130


class TestSelection:
    def codes(self, folder: Path, *arguments: str) -> list[str]:
        run = leaklint("check", "--output-format", "concise", *arguments, "leak.py", cwd=folder)
        assert run.code == (1 if run.out else 0)
        return [line.split()[1] for line in run.out]

    def test_codes_and_prefixes(self, folder: Path) -> None:
        assert self.codes(folder) == ["LL101"]
        assert self.codes(folder, "--select", "LL101") == ["LL101"]
        assert self.codes(folder, "--select", "ll1") == ["LL101"]
        assert self.codes(folder, "--select", "ALL") == ["LL101"]
        assert self.codes(folder, "--select", "LL2,LL102") == []
        assert self.codes(folder, "--select", "LL2", "--select", "LL101") == ["LL101"]
        assert self.codes(folder, "--ignore", "LL101") == []

    def test_the_most_specific_wins(self, folder: Path) -> None:
        assert self.codes(folder, "--select", "LL101", "--ignore", "LL1") == ["LL101"]
        assert self.codes(folder, "--select", "LL1", "--ignore", "LL101") == []
        assert self.codes(folder, "--select", "LL1", "--ignore", "LL1") == []

    def test_floors(self, folder: Path) -> None:
        assert self.codes(folder, "--min-severity", "low") == ["LL101"]
        assert self.codes(folder, "--min-severity", "high") == []
        assert self.codes(folder, "--min-confidence", "certain") == ["LL101"]


class TestOutput:
    def test_concise(self, folder: Path) -> None:
        run = leaklint("check", "--output-format", "concise", "leak.py", cwd=folder)
        (line,) = run.out
        assert line.startswith("leak.py:2:14: LL101 [notice] [*] file `source` is never closed")

    def test_json_is_a_document_whatever_happened(self, folder: Path) -> None:
        run = leaklint("check", "--output-format", "json", "leak.py", "broken.py", cwd=folder)
        document = json.loads("\n".join(run.out))
        (finding,) = document["findings"]
        assert (finding["rule"], finding["path"], finding["line"], finding["column"]) == ("LL101", "leak.py", 2, 14)
        assert (finding["end_line"], finding["end_column"]) == (2, 21)
        assert finding["steps"][0]["message"] == "opened here"
        assert re.fullmatch("[0-9a-f]{32}", finding["fingerprint"])
        assert [failed["path"] for failed in document["not_analysed"]] == ["broken.py"]
        clean = leaklint("check", "--output-format", "json", "clean.py", cwd=folder)
        assert json.loads("\n".join(clean.out))["findings"] == []

    def test_fingerprints_survive_lines_inserted_above(self, folder: Path) -> None:
        def fingerprints() -> list[str]:
            run = leaklint("check", "--output-format", "json", "leak.py", cwd=folder)
            return [finding["fingerprint"] for finding in json.loads("\n".join(run.out))["findings"]]

        before = fingerprints()
        assert len(before) == 1
        (folder / "leak.py").write_text("import os\n\n\n" + LEAK)
        assert fingerprints() == before

    def test_a_file_instead_of_standard_output(self, folder: Path) -> None:
        run = leaklint("check", "--output-file", "report.txt", "leak.py", cwd=folder, env={"FORCE_COLOR": "1"})
        assert (run.code, run.out) == (1, [])
        assert (folder / "report.txt").read_text().startswith("notice[LL101 never-released]: ")
        failed = leaklint("check", "--output-file", "no/such/report.txt", "leak.py", cwd=folder)
        assert failed.code == 2
        assert failed.err[-1].startswith("Error: cannot write no/such/report.txt: ")

    def test_statistics_replace_the_findings(self, folder: Path) -> None:
        (folder / "more.py").write_text(LEAK)
        run = leaklint("check", "--statistics", "leak.py", "more.py", cwd=folder)
        assert (run.code, run.out) == (1, ["2\tLL101\tnever-released"])
        machine = leaklint("check", "--statistics", "--output-format", "json", "leak.py", cwd=folder)
        assert json.loads("\n".join(machine.out)) == [{"count": 1, "rule": "LL101", "name": "never-released"}]

    def test_verbose_counts_the_work_on_standard_error(self, folder: Path) -> None:
        run = leaklint("check", "-v", "leak.py", "none.py", cwd=folder)
        assert re.fullmatch(
            r"work: 2 files, 1 gated out, 1 parsed; \d+ scopes?, \d+ ops, \d+ states?; \d+\.\d{3} s", run.err[-1]
        )
        assert not any("work:" in line for line in run.out)

    def test_quiet_leaves_findings_and_errors(self, folder: Path) -> None:
        assert leaklint("check", "-q", "clean.py", cwd=folder).err == []
        assert len(leaklint("check", "-q", "leak.py", "broken.py", cwd=folder).err) == 1
        assert leaklint("check", "-q", "leak.py", cwd=folder).out

    def test_colours_are_for_terminals_and_for_who_insists(self, folder: Path) -> None:
        assert not any("\x1b" in line for line in leaklint("check", "leak.py", cwd=folder).out)
        forced = leaklint("check", "leak.py", cwd=folder, env={"FORCE_COLOR": "1"})
        assert "\x1b[" in forced.out[0]
        refused = leaklint("check", "leak.py", cwd=folder, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})
        assert not any("\x1b" in line for line in refused.out)

    def test_an_ascii_stream_gets_ascii(self, folder: Path) -> None:
        (folder / "leak.py").write_text('def é():\n    return open("日本").read()\n', encoding="utf-8")
        run = leaklint("check", "leak.py", cwd=folder, env={"PYTHONIOENCODING": "ascii"})
        assert run.code == 1
        assert "".join(run.out + run.err).isascii()
        assert '2 |     return open("\\u65e5\\u672c").read()' in run.out


class TestStandardInput:
    def test_it_is_read(self, tmp_path: Path) -> None:
        run = leaklint("check", "-", "--output-format", "concise", cwd=tmp_path, data=LEAK.encode())
        assert (run.code, run.out[0].partition(" ")[0]) == (1, "<stdin>:2:14:")

    @pytest.mark.parametrize("paths", [[], ["-"]])
    def test_it_can_be_given_a_name(self, tmp_path: Path, paths: list[str]) -> None:
        run = leaklint(
            "check", *paths, "--stdin-filename", "app/x.py", "--output-format", "concise", cwd=tmp_path,
            data=LEAK.encode(),
        )  # fmt: skip
        assert (run.code, run.out[0].partition(" ")[0]) == (1, "app/x.py:2:14:")


class TestStreamsThatEnd:
    def start(self, folder: Path, stdout: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "leaklint", "check", "leak.py"],
            cwd=folder,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env=environment(),
        )

    def test_a_reader_that_went_away_is_no_error(self, folder: Path) -> None:
        read, write = os.pipe()
        os.close(read)
        with self.start(folder, write) as process:
            os.close(write)
            assert process.stderr is not None
            assert process.stderr.read().splitlines() == [b"Found 1 finding in 1 file.", b"1 fixable with --fix."]
        assert process.returncode == 1

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
    def test_a_full_disk_is_an_error(self, folder: Path) -> None:
        with open("/dev/full", "wb") as full, self.start(folder, full.fileno()) as process:
            assert process.stderr is not None
            assert b"Error: cannot write to standard output: " in process.stderr.read()
        assert process.returncode == 2


class TestOtherCommands:
    def test_version(self, tmp_path: Path) -> None:
        for option in ("--version", "-V"):
            run = leaklint(option, cwd=tmp_path)
            assert (run.code, run.out, run.err) == (0, [f"leaklint {__version__}"], [])

    def test_the_version_with_its_environment(self, tmp_path: Path) -> None:
        for arguments in (["--version", "-v"], ["-v", "-V"]):
            run = leaklint(*arguments, cwd=tmp_path)
            assert (run.code, run.err, run.out[0]) == (0, [], f"leaklint {__version__}")
            assert run.out[1].startswith(f"Python {sys.version_info.major}.{sys.version_info.minor}")
            assert any(re.fullmatch(r"libcst \d+\.\d+.*", line) for line in run.out)
            assert not any(os.sep + "home" in line or sys.prefix in line for line in run.out)
        assert leaklint("-v", cwd=tmp_path).code == 2

    def test_completion(self, tmp_path: Path) -> None:
        def completed(words: str) -> list[str]:
            number = str(len(words.split(" ")))
            env = {"_LEAKLINT_COMPLETE": "bash_complete", "COMP_WORDS": f"leaklint {words}", "COMP_CWORD": number}
            return [line.partition(",")[2] for line in leaklint(cwd=tmp_path, env=env).out]

        assert completed("che") == ["check"]
        assert completed("check --min-severity hi") == ["high"]
        assert completed("check --select LL2,LL10")[:2] == ["LL2,LL101", "LL2,LL102"]
        assert completed("config min") == ["min-severity", "min-confidence"]
        assert "--respect-gitignore" in completed("check --resp")

    def test_help_names_every_command(self, tmp_path: Path) -> None:
        run = leaklint("--help", cwd=tmp_path)
        for name in ("check", "rule", "rules", "catalogue"):
            assert any(line.startswith(f"  {name} ") for line in run.out)
            assert leaklint(name, "--help", cwd=tmp_path).code == 0

    def test_rules_lists_all_of_them(self, tmp_path: Path) -> None:
        run = leaklint("rules", cwd=tmp_path)
        assert [line.split()[:2] for line in run.out] == [[rule.code, rule.name] for rule in RULES]
        machine = leaklint("rules", "--output-format", "json", cwd=tmp_path)
        assert [row["rule"] for row in json.loads("\n".join(machine.out))] == [rule.code for rule in RULES]

    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
    def test_a_rule_is_explained_by_code_and_by_name(self, tmp_path: Path, rule: Rule) -> None:
        by_code = leaklint("rule", rule.code.lower(), cwd=tmp_path)
        assert (by_code.code, "\n".join(by_code.out)) == (0, rule.page.strip())
        assert leaklint("rule", rule.name, cwd=tmp_path).out == by_code.out

    def test_a_page_is_set_for_a_terminal(self, tmp_path: Path) -> None:
        run = leaklint("rule", "LL101", cwd=tmp_path, env={"FORCE_COLOR": "1"})
        assert run.code == 0
        assert any("\x1b[" in line for line in run.out)
        assert not any(line.startswith("## ") for line in run.out)

    def test_the_catalogue_is_listed_filtered_and_explained(self, tmp_path: Path) -> None:
        everything = leaklint("catalogue", cwd=tmp_path).out
        some = leaklint("catalogue", "PSYCOPG2", "pool", cwd=tmp_path).out
        assert 0 < len(some) < len(everything)
        assert all("psycopg2" in line for line in some)
        one = leaklint("catalogue", "psycopg2.connection", cwd=tmp_path)
        facts = dict(line.strip().split("  ", 1) for line in one.out[1:])
        assert one.out[0] == "psycopg2.connection: psycopg2 connection (connection)"
        assert facts["released by"].strip() == ".close()"
        assert facts["with"].strip().startswith("only ends the transaction")

    def test_the_catalogue_for_programs(self, tmp_path: Path) -> None:
        run = leaklint("catalogue", "psycopg2.connection", "--output-format", "json", cwd=tmp_path)
        (entry,) = json.loads("\n".join(run.out))
        assert (entry["id"], entry["with"], entry["tier"]) == ("psycopg2.connection", "transaction", "G3")
        assert entry["release"] == [[{"call": "close", "form": "method", "awaited": False}]]
        everything = json.loads("\n".join(leaklint("catalogue", "--output-format", "json", cwd=tmp_path).out))
        assert len(everything) == len(leaklint("catalogue", cwd=tmp_path).out)
