"""Which settings hold for which file, where they come from, and what is said of those that cannot be used."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from leaklint.cli.check import command as check_command
from leaklint.cli.config import command as config_command
from leaklint.config.globs import Globs
from leaklint.config.keys import KEYS, Key
from leaklint.config.kinds import satisfied
from leaklint.config.layers import loads
from leaklint.config.pages import page, toml
from leaklint.config.positions import positions
from leaklint.config.resolve import Configuration
from leaklint.configure import KNOWLEDGE, rules, schema
from leaklint.rules import RULES
from leaklint.select import may_fix, selected
from tests.command import Run, environment, leaklint

LEAK = "def f(p):\n    source = open(p)\n    return source.read()\n"
CONNECTION = "import psycopg2\n\nconnection = psycopg2.connect('')\n"


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def check(folder: Path, *arguments: str, env: dict[str, str] | None = None) -> Run:
    return leaklint("check", "--output-format", "concise", *arguments, cwd=folder, env=env)


def found(run: Run) -> dict[str, list[str]]:
    """The codes found, by file."""
    by_file: dict[str, list[str]] = {}
    for line in run.out:
        place, code, *_ = line.split(" ")
        by_file.setdefault(place.split(":")[0].replace(os.sep, "/"), []).append(code)
    return by_file


class TestClosest:
    def test_the_closest_wins_for_each_file(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "pyproject.toml": '[project]\nname = "all"\n[tool.leaklint]\nselect = ["LL2"]\n',
                "a.py": LEAK,
                "one/leaklint.toml": 'select = ["LL1"]\n',
                "one/b.py": LEAK,
                "one/deep/c.py": LEAK,
                "two/pyproject.toml": '[project]\nname = "two"\n',
                "two/d.py": LEAK,
            },
        )
        run = check(tmp_path)
        assert found(run) == {"one/b.py": ["LL101"], "one/deep/c.py": ["LL101"]}
        assert found(check(tmp_path, "one/deep/c.py", "a.py")) == {"one/deep/c.py": ["LL101"]}
        assert found(check(tmp_path / "two", "../one/b.py", "d.py")) == {"../one/b.py": ["LL101"]}

    def test_leaklint_toml_counts_before_pyproject_toml(self, tmp_path: Path) -> None:
        write(tmp_path, {"leaklint.toml": 'select = ["LL1"]\n', "pyproject.toml": "[tool.leaklint]\nnonsense = 1\n"})
        write(tmp_path, {"a.py": LEAK})
        assert found(check(tmp_path)) == {"a.py": ["LL101"]}

    def test_a_file_of_others_that_is_broken_is_not_ours(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": "[tool.other\n", "a.py": LEAK})
        assert check(tmp_path).code == 1

    @pytest.mark.parametrize(
        ("text", "ours"),
        [
            ('[tool.leaklint]\nselect = ["LL2"]', True),
            ('[ tool . leaklint ]\nselect = ["LL2"]', True),
            ('[tool."leaklint"]\nselect = ["LL2"]', True),
            ('[tool]\nleaklint = {select = ["LL2"]}', True),
            ('[tool]\nleaklint.select = ["LL2"]', True),
            ('tool = {leaklint = {select = ["LL2"]}}', True),
            ('[tool.leaklint.per-file-ignores]\n"*" = ["LL1"]', True),
            ('# [tool.leaklint]\n#select = ["LL2"]', False),
            ('[dependency-groups]\ndev = ["leaklint==0.1"]', False),
            ('[tool.poetry.dependencies]\nleaklint = "^0.1"', False),
        ],
    )
    def test_the_table_may_be_spelled_as_toml_allows(self, tmp_path: Path, text: str, ours: bool) -> None:
        write(tmp_path, {"a.py": LEAK, "pyproject.toml": text})
        assert found(check(tmp_path)) == ({} if ours else {"a.py": ["LL101"]})

    def test_isolated_uses_none_and_config_uses_one(self, tmp_path: Path) -> None:
        write(tmp_path, {"leaklint.toml": 'select = ["LL2"]\n', "other.toml": 'ignore = ["LL2"]\n', "x/a.py": LEAK})
        write(tmp_path, {"x/leaklint.toml": 'select = ["LL3"]\n'})
        assert found(check(tmp_path)) == {}
        assert found(check(tmp_path, "--isolated")) == {"x/a.py": ["LL101"]}
        assert found(check(tmp_path, "--config", "other.toml")) == {"x/a.py": ["LL101"]}
        assert found(check(tmp_path, "--config", 'select = ["LL101"]')) == {"x/a.py": ["LL101"]}
        assert found(check(tmp_path, "--config", 'select = ["LL101"]', "--select", "LL2")) == {}
        assert found(check(tmp_path, "--isolated", "--config", 'ignore = ["LL101"]')) == {}

    def test_patterns_of_a_file_that_is_named_count_from_here(self, tmp_path: Path) -> None:
        text = 'extend = "base.toml"\nextend-exclude = ["src/gen"]\n'
        write(tmp_path, {"ci/leak.toml": text, "ci/base.toml": 'per-file-ignores = {"src/b.py" = ["LL1"]}\n'})
        write(tmp_path, {"src/gen/a.py": LEAK, "src/b.py": LEAK, "ci/src/b.py": LEAK, "ci/src/gen/c.py": LEAK})
        run = check(tmp_path, "--config", "ci/leak.toml")
        assert found(run) == {"src/b.py": ["LL101"], "ci/src/gen/c.py": ["LL101"]}

    def test_extend_builds_upon_another(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "base/pyproject.toml": '[tool.leaklint]\nextend = "../far.toml"\nextend-exclude = ["gen"]\n',
                "far.toml": 'ignore = ["LL1"]\nmin-severity = "high"\nextend-exclude = ["far.py"]\n',
                "app/leaklint.toml": 'extend = "../base/pyproject.toml"\nmin-severity = "low"\n'
                'extend-select = ["LL101"]\nextend-exclude = ["not.py"]\n',
                "app/a.py": LEAK,
                "app/far.py": LEAK,
                "app/not.py": LEAK,
                "app/gen/b.py": LEAK,
            },
        )
        assert found(check(tmp_path)) == {"app/a.py": ["LL101"]}

    def test_a_select_forgets_what_the_extended_file_says_of_rules(self, tmp_path: Path) -> None:
        write(tmp_path, {"far.toml": 'ignore = ["LL101"]\n', "leaklint.toml": 'extend = "far.toml"\n', "a.py": LEAK})
        assert found(check(tmp_path)) == {}
        write(tmp_path, {"leaklint.toml": 'extend = "far.toml"\nselect = ["LL1"]\n'})
        assert found(check(tmp_path)) == {"a.py": ["LL101"]}


class TestSelection:
    @pytest.mark.parametrize(
        ("text", "arguments", "expected"),
        [
            ('select = ["ALL"]', [], ["LL101"]),
            ('select = ["ll101"]', [], ["LL101"]),
            ('ignore = ["LL101"]', [], []),
            ('ignore = ["LL101"]', ["--select", "LL1"], ["LL101"]),
            ('ignore = ["LL1"]\nextend-select = ["LL101"]', [], ["LL101"]),
            ('select = ["LL101"]', ["--ignore", "LL1"], []),
            ('select = ["LL2"]', ["--extend-select", "LL1"], ["LL101"]),
            ('select = ["LL2"]', ["--extend-select", "LL1", "--extend-ignore", "LL101"], []),
            ('[per-file-ignores]\n"a.py" = ["LL1"]', [], []),
            ('[per-file-ignores]\n"a.py" = ["LL1"]', ["--select", "LL101"], []),
            ('[per-file-ignores]\n"b.py" = ["LL1"]', [], ["LL101"]),
            ('[per-file-ignores]\n"!b.py" = ["LL1"]', [], []),
            ('[per-file-ignores]\n"b.py" = ["LL1"]', ["--per-file-ignores", "*.py:LL101,x:LL2"], []),
            ('min-severity = "high"', [], []),
            ('min-severity = "high"', ["--min-severity", "low"], ["LL101"]),
            ('min-confidence = "certain"', [], ["LL101"]),
        ],
    )
    def test_keys_and_the_options_over_them(
        self, tmp_path: Path, text: str, arguments: list[str], expected: list[str]
    ) -> None:
        write(tmp_path, {"leaklint.toml": text, "a.py": LEAK})
        run = check(tmp_path, *arguments)
        assert run.code == bool(expected), run.err
        assert found(run) == ({"a.py": expected} if expected else {})

    def test_patterns_count_from_the_folder_of_their_file(self, tmp_path: Path) -> None:
        table = '[per-file-ignores]\n"tests/**" = ["LL1"]\n'
        write(tmp_path, {"app/leaklint.toml": table, "app/tests/a.py": LEAK, "app/x/tests/b.py": LEAK})
        assert found(check(tmp_path)) == {"app/x/tests/b.py": ["LL101"]}
        assert found(check(tmp_path / "app" / "tests", "a.py")) == {}

    def test_environment_variables_are_options(self, tmp_path: Path) -> None:
        write(tmp_path, {"leaklint.toml": 'select = ["LL2"]\n', "a.py": LEAK})
        assert found(check(tmp_path, env={"LEAKLINT_SELECT": "LL1,LL2"})) == {"a.py": ["LL101"]}
        assert found(check(tmp_path, "--select", "LL2", env={"LEAKLINT_SELECT": "LL1"})) == {}
        assert check(tmp_path, env={"LEAKLINT_SELECT": "LL1", "LEAKLINT_EXIT_ZERO": "1"}).code == 0
        wrong = check(tmp_path, env={"LEAKLINT_SELECT": "E501"})
        assert (wrong.code, wrong.out) == (2, [])
        assert wrong.err[-1].endswith("E501 is no rule of leaklint")

    def test_every_option_has_the_variable_of_its_name(self) -> None:
        for parameter in check_command.params:
            if isinstance(parameter, click.Option):
                name = max(parameter.opts, key=len).removeprefix("--").upper().replace("-", "_")
                assert (parameter.envvar or f"LEAKLINT_{str(parameter.name).upper()}") == f"LEAKLINT_{name}"

    def test_variables_of_several_values(self, tmp_path: Path) -> None:
        write(tmp_path, {"a b.py": LEAK, "c.py": LEAK, "d.py": LEAK})
        env = {"LEAKLINT_CONFIG": "extend-exclude = ['a b.py']\nselect = ['LL101']", "LEAKLINT_EXCLUDE": "x,c.py"}
        run = leaklint("check", cwd=tmp_path, env=env | {"LEAKLINT_OUTPUT_FORMAT": "json=out.json concise"})
        assert found(run) == {"d.py": ["LL101"]}
        assert len(json.loads((tmp_path / "out.json").read_text())["findings"]) == 1

    def test_suppressions_of_rules_that_do_not_run_are_not_called_unused(self, tmp_path: Path) -> None:
        text = "x = open('p')  # leaklint: ignore[LL201]\nx.close()\n"
        write(tmp_path, {"a.py": text, "leaklint.toml": '[per-file-ignores]\n"*.py" = ["LL201"]\n'})
        assert "LL901" not in found(check(tmp_path)).get("a.py", [])
        assert "LL901" in found(check(tmp_path, "--isolated"))["a.py"]


class TestFormat:
    def test_the_configuration_of_the_current_folder_decides_for_the_run(self, tmp_path: Path) -> None:
        write(tmp_path, {"leaklint.toml": 'output-format = "json"\n', "a.py": LEAK})
        assert leaklint("check", cwd=tmp_path).out[0] == "{"
        assert leaklint("check", "--output-format", "concise", cwd=tmp_path).out[0].startswith("a.py:2:14: ")


RESOURCE = """
[[resource]]
id = "ourdb.lease"
kind = "connection"
noun = "lease"
package = "ourdb"
type = "ourdb.Lease"
acquire = ["ourdb.lease"]
release = ["give_back"]
with = "releases"
"""
LEASE = "import ourdb\n\n\ndef f(x):\n    lease = ourdb.lease()\n    lease.query(x)\n"


class TestOwnResources:
    def test_they_are_known_below_their_configuration(self, tmp_path: Path) -> None:
        write(tmp_path, {"app/leaklint.toml": RESOURCE, "app/a.py": LEASE, "b.py": LEASE})
        run = check(tmp_path)
        assert found(run) == {"app/a.py": ["LL101"]}
        assert "lease `lease` is never released" in run.out[0]

    def test_the_catalogue_lists_them(self, tmp_path: Path) -> None:
        assert leaklint("catalogue", "ourdb.lease", cwd=tmp_path).code == 2
        write(tmp_path, {"leaklint.toml": RESOURCE})
        shown = leaklint("catalogue", "ourdb.lease", cwd=tmp_path)
        assert (shown.code, shown.out[0]) == (0, "ourdb.lease: lease (connection)")

    def test_methods_of_types_of_ones_own(self, tmp_path: Path) -> None:
        """The byte gate asks for the package and the method: the type itself goes unnamed."""
        pool = (
            RESOURCE.replace("ourdb.lease", "ourdb.pool")
            .replace("ourdb.Lease", "ourdb.Pool")
            .replace('"lease"', '"pool"')
        )
        method = RESOURCE.replace('["ourdb.lease"]', '["ourdb.Pool.borrow"]')
        source = "import ourdb\n\n\ndef f(x):\n    with ourdb.pool() as pool:\n        one = pool.borrow()\n"
        source += "        one.query(x)\n"
        write(tmp_path, {"leaklint.toml": pool + method, "a.py": source})
        (line,) = check(tmp_path).out
        assert "lease `one` is never released" in line

    def test_through_a_helper_of_another_module(self, tmp_path: Path) -> None:
        helper = "import ourdb\n\n\ndef give():\n    return ourdb.lease()\n"
        caller = "from helper import give\n\n\ndef f(x):\n    held = give()\n    held.query(x)\n"
        write(tmp_path, {"leaklint.toml": RESOURCE, "helper.py": helper, "a.py": caller})
        assert found(check(tmp_path)) == {"a.py": ["LL101"]}
        assert found(check(tmp_path, "--isolated")) == {}

    def test_one_with_the_id_of_a_built_in_one_replaces_it(self, tmp_path: Path) -> None:
        source = "import sqlite3\n\n\ndef f(x):\n    c = sqlite3.connect(x)\n    c.execute('')\n    c.finish()\n"
        write(tmp_path, {"a.py": source})
        assert found(check(tmp_path)) == {"a.py": ["LL101"]}
        own = RESOURCE.replace("ourdb.lease", "sqlite3.connect").replace("ourdb.Lease", "sqlite3.Connection")
        own = own.replace('id = "sqlite3.connect"', 'id = "sqlite3.Connection"').replace("give_back", "finish")
        write(tmp_path, {"leaklint.toml": own.replace('"ourdb"', '"sqlite3"')})
        assert "LL101" not in found(check(tmp_path)).get("a.py", [])

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (
                "release =",
                "releas =",
                "9: `resource`: resource 'ourdb.lease': field 'releas': unknown; did you mean `r",
            ),
            ('"connection"', '"conection"', "4: `resource`: resource 'ourdb.lease': field 'kind': expected one of "),
            ('type = "ourdb.Lease"\n', "", "2: `resource`: resource 'ourdb.lease': field 'type': missing"),
            ('"ourdb.lease"]', '"psycopg2.connect"]', "8: `resource`: resource '"),
        ],
    )
    def test_what_is_no_resource_is_an_error_at_its_line(self, tmp_path: Path, old: str, new: str, said: str) -> None:
        write(tmp_path, {"leaklint.toml": RESOURCE.replace(old, new), "a.py": LEASE})
        run = check(tmp_path)
        assert (run.code, run.out) == (2, [])
        assert run.err[0].startswith(f"Error: leaklint.toml:{said}")


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('selct = ["LL1"]', "1: unknown key `selct`; did you mean `select`?"),
            ("\n\nxyzzy = 1", "3: unknown key `xyzzy`"),
            ('select = [\n  "LL1",\n  "LL999",\n]', "3: `select`: LL999 is no rule of leaklint"),
            ('select = ["LL11"]', "1: `select`: LL11 is no rule of leaklint; did you mean "),
            ('select = ["never-releasd"]', "1: `select`: never-releasd is no rule of leaklint; did you mean LL101"),
            ('select = "LL1"', "1: `select`: expected a list of strings, got `LL1`"),
            ("select = [1]", "1: `select`: expected a string, got `1`"),
            ("preview = 1", "1: `preview`: expected true or false, got `1`"),
            (
                'min-severity = "hihg"',
                "1: `min-severity`: expected `low`, `medium` or `high`, got `hihg`; did you mean",
            ),
            ("exclude = {}", "1: `exclude`: expected a list of strings, got a table"),
            ('exclude = ["[z-a]"]', "1: `exclude`: `[z-a]` is no pattern"),
            ('[per-file-ignores]\n"a" = ["LL1"]\n"b" = ["X"]', "3: `per-file-ignores`: X is no rule of leaklint"),
            ('handlers = ["app"]', "1: `handlers`: expected `path.py:function` or `module.function`, got `app`"),
            ('required-version = "<0.1"', "1: asks for leaklint <0.1; this is "),
            ('unheard-of = 1\nrequired-version = ">=99"', "2: asks for leaklint >=99; this is "),
            ('required-version = "new"', "1: `required-version`: expected a version or comparisons"),
            ('extend = "nowhere.toml"', "1: extends nowhere.toml, which is no file"),
            ('extend = "leaklint.toml"', "1: extends itself"),
            ("resource = 3", "1: `resource`: expected tables [[resource]], got `3`"),
            ('baseline = "a\\u0000"', "1: `baseline`: expected a string without NUL"),
            (f"a = {'[' * 5_000}{']' * 5_000}", " not TOML: nested too deeply"),
            ("select = [", "1: not TOML: "),
            ("a = 1\nb = \n", "2: not TOML: "),
        ],
    )
    def test_each_is_named_with_its_line(self, tmp_path: Path, text: str, said: str) -> None:
        write(tmp_path, {"leaklint.toml": text, "a.py": LEAK})
        run = check(tmp_path)
        assert (run.code, run.out) == (2, [])
        (line,) = run.err
        assert line.startswith(f"Error: leaklint.toml:{said}")

    def test_in_pyproject_toml_lines_are_those_of_the_whole_file(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": "[project]\nname = 'x'\n\n[tool.leaklint]\n# why\nslect = []\n"})
        run = check(tmp_path)
        assert run.err == ["Error: pyproject.toml:6: unknown key `slect`; did you mean `select`?"]
        write(tmp_path, {"pyproject.toml": "[tool]\nleaklint = 3\n"})
        assert check(tmp_path).err == ["Error: pyproject.toml:2: expected a table"]

    def test_one_below_keeps_no_other_files_from_being_checked(self, tmp_path: Path) -> None:
        write(tmp_path, {"bad/leaklint.toml": "x = 1\n", "bad/a.py": LEAK, "bad/deep/b.py": LEAK, "good/c.py": LEAK})
        run = check(tmp_path)
        assert (run.code, found(run)) == (2, {"good/c.py": ["LL101"]})
        path = os.path.join("bad", "leaklint.toml")
        assert run.err == [
            f"error: {path}:1: unknown key `x` (not analysed)",
            "Found 1 finding in 1 file; 1 path could not be analysed.",
            "1 fixable with --fix.",
        ]
        named = check(tmp_path, "bad/a.py", "bad/deep/b.py", "good/c.py")
        assert (named.code, named.out, named.err) == (2, run.out, run.err)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="a folder in use cannot be removed here")
    def test_a_current_folder_that_is_gone(self, tmp_path: Path) -> None:
        for command in ("check", "check --exclude x", "check -", "config --show x", "catalogue"):
            script = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m leaklint {command}"
            done = subprocess.run(
                ["sh", "-c", script], cwd=tmp_path, env=environment(), capture_output=True, check=False, text=True
            )
            assert done.returncode == 2
            assert done.stderr.endswith("Error: cannot tell the current folder: No such file or directory\n")

    def test_what_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "leaklint.toml").write_bytes(b"# \xff\n")
        assert check(tmp_path).err == ["Error: leaklint.toml:1: not UTF-8, as TOML must be"]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["--config", "nofile"], "--config: nofile is no file, and no KEY=VALUE"),
            (["--config", "slect = []"], "--config 'slect = []': unknown key `slect`; did you mean `select`?"),
            (["--config", "select = ["], "--config 'select = [': not TOML: "),
            (["--config", "a.toml", "--config", "b.toml"], "--config names two files, a.toml and b.toml"),
            (["--isolated", "--config", "a.toml"], "--isolated says to use no configuration file"),
            (["--required-version", ">1"], "--required-version: asks for leaklint >1; this is "),
            (["--required-version", "one"], "expected a version or comparisons"),
            (["--per-file-ignores", "x"], "expected PATTERN:CODE, got `x`"),
            (["--exclude", ","], "names no pattern"),
        ],
    )
    def test_options_that_cannot_be_meant(self, tmp_path: Path, arguments: list[str], said: str) -> None:
        write(tmp_path, {"a.toml": "", "b.toml": ""})
        run = check(tmp_path, *arguments)
        assert (run.code, run.out) == (2, [])
        assert said in run.err[-1]


class TestPositions:
    TEXT = '''# a comment
title = "x = 1" # more
"quoted key".'b' = 1
multi = """
[not.a.table]
k = 1 \\"""
"""
lit = \'\'\'
key = 2\'\'\'

[tool.leaklint] # [x]
select = [ # one
  "LL1", "LL2",
  'LL#',
  ["nested",
   {a = 1, b.c = [2,
     3]}],
]
when = 2024-01-01T00:00:00
[[tool.leaklint.resource]]
id = "a"
[[ tool . leaklint . resource ]]
id = "b"
[tool.leaklint.resource.cache]
advice = "keep"
[last]
z = true'''

    def test_every_key_and_item_has_its_line(self) -> None:
        found = positions(self.TEXT, loads)
        own = ("tool", "leaklint")
        expected = {
            ("title",): 2, ("quoted key", "b"): 3, ("multi",): 4, ("lit",): 8, own: 11, (*own, "select"): 12,
            (*own, "select", 0): 13, (*own, "select", 1): 13, (*own, "select", 2): 14, (*own, "select", 3): 15,
            (*own, "select", 3, 1): 16, (*own, "select", 3, 1, "a"): 16, (*own, "select", 3, 1, "b", "c", 1): 17,
            (*own, "when"): 19, (*own, "resource"): 20, (*own, "resource", 0, "id"): 21, (*own, "resource", 1): 22,
            (*own, "resource", 1, "id"): 23, (*own, "resource", 1, "cache", "advice"): 25, ("last", "z"): 27,
        }  # fmt: skip
        assert {path: found.get(path) for path in expected} == expected
        assert ("k",) not in found
        assert ("key",) not in found

    def test_it_finds_what_tomllib_finds(self) -> None:
        def paths(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
            items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
            return {path}.union(*(paths(inner, (*path, key)) for key, inner in items))

        root = Path(__file__).parent.parent
        for text in (self.TEXT, *(p.read_text(encoding="utf-8") for p in root.glob("src/leaklint/catalogue/*.toml"))):
            assert paths(loads(text)) - {()} <= positions(text, loads).keys() | {("tool",)}


class TestGlobs:
    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("gen", "/base/a/gen", True),
            ("gen/", "/base/a/gen", True),
            ("gen", "/base/a/gen.py", False),
            ("*.py", "/base/a/x.py", True),
            ("x?.py", "/base/xy.py", True),
            ("[!a].py", "/base/b.py", True),
            ("[!a].py", "/base/a.py", False),
            ("[a.py", "/base/[a.py", True),
            ("a/x.py", "/base/a/x.py", True),
            ("a/x.py", "/base/b/a/x.py", False),
            ("./x.py", "/base/x.py", True),
            ("./x.py", "/base/a/x.py", False),
            ("a/*.py", "/base/a/b/x.py", False),
            ("a/**/x.py", "/base/a/x.py", True),
            ("a/**/x.py", "/base/a/b/c/x.py", True),
            ("a/**", "/base/a/b/c/x.py", True),
            ("a/**", "/base/a", False),
            ("**/b/*.py", "/base/a/b/x.py", True),
            ("{a,b}/x.py", "/base/b/x.py", True),
            ("*.{py,pyi}", "/base/b/x.pyi", True),
            ("/base/a", "/base/a", True),
            ("/a", "/base/a", False),
            ("../other/x.py", "/other/x.py", True),
            ("a.b", "/base/acb", False),
        ],
    )
    def test_patterns(self, pattern: str, path: str, expected: bool) -> None:
        assert Globs("/base", [pattern]).match(path, path.rpartition("/")[2]) is expected

    def test_a_base_at_the_root(self) -> None:
        assert Globs("/", ["a/x.py"]).match("/a/x.py", "x.py")

    def test_what_is_below_a_folder_that_is_named_is_covered(self) -> None:
        globs = Globs("/base", ["tests/*"])
        assert globs.cover("/base/tests/a/b/x.py", "/base")
        assert not globs.cover("/base/x/tests/a.py", "/base")
        assert not Globs("/base", ["base"]).cover("/base/x.py", "/base")
        assert not Globs("/base", ["base"]).cover("/base/x.py", "/elsewhere")
        assert Globs("/base", ["gen"]).cover("/elsewhere/gen/x.py", "/elsewhere")
        assert Globs("/", ["gen"]).cover("/gen/x.py", "/")
        assert not Globs("/", ["gen"]).cover("/x.py", "/")


@pytest.mark.parametrize(
    ("requirement", "version", "expected"),
    [
        ("0.1.0", "0.1.0", True),
        ("0.1", "0.1.0", True),
        ("==0.1.*", "0.1.7", True),
        ("==0.1.*", "0.2.0", False),
        ("!=0.1.*", "0.2.0", True),
        (">=0.1,<0.2", "0.1.9", True),
        (">=0.1,<0.2", "0.2.0", False),
        (">0.9", "0.10", True),
        ("<=1", "1.0.0", True),
        ("~=0.1.2", "0.1.9", True),
        ("~=0.1.2", "0.2.0", False),
        ("~=1.2", "1.9", True),
    ],
)
def test_versions_are_compared_by_their_numbers(requirement: str, version: str, expected: bool) -> None:
    assert satisfied(requirement, version) is expected


def test_the_rules_that_configuration_knows_are_those_that_there_are() -> None:
    assert list(rules().items()) == [(rule.code, rule.name) for rule in RULES]


def test_what_may_be_fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = 'fixable = ["LL1"]\nunfixable = ["LL105"]\nunsafe-fixes = true\nbaseline = "b.json"\n'
    text += 'handlers = ["a.py:f", "m.g"]\nhandler-discovery = false\npreview = true\n'
    write(tmp_path, {"leaklint.toml": text})
    settings = Configuration(KNOWLEDGE).of_file("x.py")
    assert may_fix("LL101", settings)
    assert not may_fix("LL105", settings)
    assert not may_fix("LL201", settings)
    assert selected("LL105", settings)
    assert (settings.unsafe_fixes, settings.preview) == (True, True)
    assert settings.baseline == str(tmp_path.resolve() / "b.json")
    assert (settings.handlers, settings.handler_discovery) == (("a.py:f", "m.g"), False)


ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"
SCHEMA = ROOT / "docs" / "leaklint.schema.json"
MARK = "<!-- made from the table of keys by `python -m tests.test_config` -->\n"


def made_page() -> str:
    prose = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    running = [rule.code for rule in RULES if rule.code.startswith(("LL1", "LL3"))]
    prose = re.sub(r"^# rules that run: .*", f"# rules that run: {', '.join(running)}", prose, flags=re.M)
    return prose + MARK + "".join(f"\n{page(key)}" for key in KEYS)


def made_schema() -> str:
    return json.dumps(schema(), indent=2) + "\n"


class TestKeys:
    @pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
    def test_an_example_is_taken_and_is_not_the_default(self, key: Key, tmp_path: Path) -> None:
        write(tmp_path, {"far/leaklint.toml": key.example, "leaklint.toml": "", "far/a.py": "x = 1\n"})
        run = leaklint("config", "--show", "far/a.py", "--output-format", "json", cwd=tmp_path)
        assert run.code == 0, run.err
        settings = json.loads("\n".join(run.out))["settings"]
        line = key.example.count("\n", 0, key.example.index(key.name)) + 1
        assert settings[key.name]["origins"] == [f"{os.path.join('far', 'leaklint.toml')}:{line}"]
        if key.default != "none":
            assert settings[key.name]["value"] != loads(f"default = {key.default}")["default"]

    @pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
    def test_its_default_changes_nothing(self, key: Key, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        unset = Configuration(KNOWLEDGE).of_folder(str(tmp_path))
        if key.default != "none":
            write(tmp_path, {"leaklint.toml": f"{key.name} = {key.default}\n"})
            found = Configuration(KNOWLEDGE).of_folder(str(tmp_path))
            assert found.settings == unset.settings
            assert (found.respect_gitignore, found.force_exclude) == (unset.respect_gitignore, unset.force_exclude)

    def test_every_option_named_is_one(self) -> None:
        options = {option for parameter in check_command.params for option in parameter.opts}
        assert {key.option for key in KEYS if key.option} <= options
        overriding = {f"--{key.name}" for key in KEYS} & options
        assert overriding == {key.option for key in KEYS if key.option}

    def test_every_option_of_the_page_is_one(self) -> None:
        options = {o for c in (check_command, config_command) for parameter in c.params for o in parameter.opts}
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE.read_text(encoding="utf-8")))
        assert named - options <= {"--name-only", "--fix"}

    def test_the_session_of_the_page_is_what_happens(self, tmp_path: Path) -> None:
        text = PAGE.read_text(encoding="utf-8")
        (settings,) = re.findall(r"^```toml\n(# leaklint.toml\n.*?)^```", text, re.M | re.S)
        (session,) = re.findall(r"^```console\n\$ leaklint (.*?)\n(.*?)^```", text, re.M | re.S)
        write(tmp_path, {"leaklint.toml": settings})
        printed = leaklint(*session[0].split(), cwd=tmp_path).out
        said = [line for line in session[1].splitlines() if line != "..."]
        assert [line for line in printed if line in said] == said

    def test_the_page_is_fresh(self) -> None:
        assert PAGE.read_text(encoding="utf-8") == made_page()

    def test_the_schema_is_fresh(self) -> None:
        assert SCHEMA.read_text(encoding="utf-8") == made_schema()

    def test_the_schema_agrees_with_the_parser(self) -> None:
        jsonschema = pytest.importorskip("jsonschema")
        validator = jsonschema.Draft7Validator(schema())
        jsonschema.Draft7Validator.check_schema(schema())
        for key in KEYS:
            assert validator.is_valid(loads(key.example)), key.name
        for path in (ROOT / "src" / "leaklint" / "catalogue").glob("*.toml"):
            tables = loads(path.read_text(encoding="utf-8")).get("resource", [])
            assert not [error.message for error in validator.iter_errors({"resource": tables})]
        for wrong in ("slect = []", 'select = ["X"]', "preview = 1", "[[resource]]\nid = 'x'", "exclude = 'a'"):
            assert not validator.is_valid(loads(wrong)), wrong


class TestCommand:
    def test_keys_are_listed_and_explained(self, tmp_path: Path) -> None:
        listed = leaklint("config", cwd=tmp_path).out
        assert [line.split()[0] for line in listed] == [key.name for key in KEYS]
        explained = leaklint("config", "per-file-ignores", cwd=tmp_path)
        assert "\n".join(explained.out) + "\n" == page(next(key for key in KEYS if key.name == "per-file-ignores"))
        machine = leaklint("config", "select", "--output-format", "json", cwd=tmp_path)
        assert json.loads("\n".join(machine.out))["option"] == "--select"
        unknown = leaklint("config", "slect", cwd=tmp_path)
        assert (unknown.code, unknown.err[-1]) == (2, "Error: unknown key `slect`; did you mean `select`?")
        assert leaklint("config", "select", "--schema", cwd=tmp_path).code == 2

    def test_the_schema_is_printed(self, tmp_path: Path) -> None:
        assert json.loads("\n".join(leaklint("config", "--schema", cwd=tmp_path).out)) == schema()

    def test_settings_are_shown_with_their_origins(self, tmp_path: Path) -> None:
        write(
            tmp_path,
            {
                "base.toml": 'ignore = ["LL304"]\nmin-severity = "high"\nextend-exclude = ["far"]\n',
                "pyproject.toml": '[project]\n[tool.leaklint]\nextend = "base.toml"\nignore = ["LL303"]\n'
                'extend-exclude = ["near"]\n[tool.leaklint.per-file-ignores]\n"a.*" = ["LL1"]\n',
            },
        )
        run = leaklint(
            "config", "--show", "a.py", "--select", "LL1,LL3,LL2", "--config", "preview=true", cwd=tmp_path,
            env={"LEAKLINT_MIN_CONFIDENCE": "high"},
        )  # fmt: skip
        assert run.code == 0, run.err
        for line in (
            'select = ["LL1", "LL3", "LL2"]  # --select',
            "ignore = []  # default",
            'min-severity = "high"  # base.toml:2',
            'min-confidence = "high"  # LEAKLINT_MIN_CONFIDENCE',
            "preview = true  # --config 'preview=true'",
            'extend-exclude = ["far", "near"]  # base.toml:3, pyproject.toml:5',
            'per-file-ignores = {"a.*" = ["LL1"]}  # pyproject.toml:6',
        ):
            assert line in run.out, line
        (rules,) = (line for line in run.out if line.startswith("# rules that run: "))
        assert "LL1" not in rules
        assert "LL304" in rules
        plain = leaklint("config", "--show", "b.py", cwd=tmp_path).out
        assert 'ignore = ["LL304", "LL303"]  # base.toml:1, pyproject.toml:4' in plain
        assert any(line.startswith("# rules that run: LL101") and "LL304" not in line for line in plain)
        assert loads("\n".join(run.out))["extend-exclude"] == ["far", "near"]

    def test_a_configuration_that_cannot_be_used(self, tmp_path: Path) -> None:
        write(tmp_path, {"x/leaklint.toml": "a = 1\n"})
        run = leaklint("config", "--show", "x", cwd=tmp_path)
        assert (run.code, run.err) == (2, [f"Error: {os.path.join('x', 'leaklint.toml')}:1: unknown key `a`"])

    def test_values_are_written_as_toml(self) -> None:
        value = {"a b": ['"', "\\", "\n\x00\x7f", "é"], "c": [True, 1, {"d": []}]}
        assert loads(f"value = {toml(value)}")["value"] == value


if __name__ == "__main__":
    PAGE.write_text(made_page(), encoding="utf-8")
    SCHEMA.write_text(made_schema(), encoding="utf-8")
