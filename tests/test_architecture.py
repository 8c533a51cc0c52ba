"""Layers are defined by what they may not do."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.command import environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "leaklint"

LAYERS = (
    "__init__",
    # vocabulary
    "edit",
    "files",
    "finding",
    "result",
    # settings and knowledge
    "config.*",
    "catalogue.*",
    # source
    "discovery",
    "syntax.*",
    # flow
    "flow.*",
    # analysis
    "analysis.*",
    # entry points
    "handlers.*",
    # judgement
    "severity",
    "rules.*",
    "fixes.*",
    # assembly
    "configure",
    "select",
    "fingerprint",
    "baseline",
    "deployment",
    "changes",
    "git",
    "ignores",
    "neighbours",
    "unit",
    "import_roots",
    "workspace",
    "circumstances",
    "proposals",
    "inspection",
    "explanation",
    "template",
    "check",
    "workers",
    "run",
    "validate",
    "autofix",
    "report.*",
    "soak.*",
    "cli.*",
    "__main__",
)
"""each imports only from those above it, and from its own package"""

SPEAK_LIBCST = ("syntax.scopes", "flow.lower_*", "fixes.*")
LONGEST = 400


def modules() -> dict[str, Path]:
    """Every module by its name below the package; a package goes by ``name.__init__``."""
    return {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}


MODULES = modules()
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}


def layer(name: str) -> int:
    ranks = [rank for rank, pattern in enumerate(LAYERS) if fnmatchcase(name, pattern)]
    assert len(ranks) == 1, f"{name} stands in no layer"
    return ranks[0]


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a module imports, also lazily; of ``from a import b`` both ``a`` and ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own(tree: ast.AST) -> set[str]:
    """The modules of leaklint that a module imports."""
    found = set()
    for name in imports(tree):
        head, _, rest = name.partition(".")
        if head != "leaklint":
            continue
        inner = rest or "__init__"
        found |= {candidate for candidate in (inner, f"{inner}.__init__".removeprefix(".")) if candidate in MODULES}
    return found


def nodes_of_use(tree: ast.Module) -> Iterator[ast.AST]:
    """Every node but those of an ``if __name__ == "__main__":`` block, which runs in no use of the package."""
    for statement in tree.body:
        if not (isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"):
            yield from ast.walk(statement)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_from_the_layers_above(name: str) -> None:
    rank = layer(name)
    for other in own(TREES[name]):
        same_package = "." in name and name.partition(".")[0] == other.partition(".")[0]
        assert layer(other) < rank or same_package, f"{name} imports {other}"


def test_imports_make_no_circle() -> None:
    package_of = {name: name.rpartition(".")[0] + ".__init__" for name in MODULES if "." in name}
    graph = {name: own(tree) - {name, package_of.get(name, "")} for name, tree in TREES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def speaks_libcst(name: str) -> bool:
    return any(module.partition(".")[0] == "libcst" for module in imports(TREES[name]))


@pytest.mark.parametrize("name", MODULES)
def test_libcst_is_imported_only_where_it_may_be(name: str) -> None:
    assert not speaks_libcst(name) or any(fnmatchcase(name, pattern) for pattern in SPEAK_LIBCST)


def test_only_the_front_end_generates_code() -> None:
    spellings = re.compile(r"code_for_node|CodegenState|\bcst\.Module\(|\.code\b")
    generating = {name for name in MODULES if spellings.search(ast.unparse(TREES[name])) and speaks_libcst(name)}
    assert generating <= {"syntax.scopes"}


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith(("cli.", "__main__"))])
def test_only_the_command_line_prints_or_exits(name: str) -> None:
    for node in nodes_of_use(TREES[name]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "exit", "quit", "SystemExit", "breakpoint"), node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            spelled = f"{node.value.id}.{node.attr}"
            assert spelled not in ("sys.exit", "os._exit", "sys.stdout", "sys.stderr", "sys.stdin"), node.lineno
    assert "click" not in {module.partition(".")[0] for module in imports(TREES[name])}


def test_every_third_party_import_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.match(r"[\w-]+", requirement)[0] for requirement in project["dependencies"]}  # type: ignore[index]
    declared = {IMPORTED_AS.get(name, name) for name in declared}
    used = {module.partition(".")[0] for tree in TREES.values() for module in imports(tree)}
    assert used - sys.stdlib_module_names - {"leaklint", "tomllib"} == declared


@pytest.mark.parametrize("name", MODULES)
def test_a_module_holds_one_thing(name: str) -> None:
    if not Path(MODULES[name]).name.startswith("_gate"):  # generated
        length = len(MODULES[name].read_text(encoding="utf-8").splitlines())
        assert length <= LONGEST


IMPORTED_AS = {"PyYAML": "yaml"}
HEAVY = {"libcst", "rich", "pathspec", "tomllib", "tomli", "difflib", "json", "tokenize", "yaml"}


GATED_OUT = {
    "catalogue", "catalogue._gate", "check", "cli", "cli.check", "cli.fixing", "cli.narrowing", "cli.options",
    "cli.output", "cli.outputs", "cli.progress", "cli.targets", "config", "config.globs", "config.layers",
    "config.problems", "config.resolve", "config.settings", "configure", "deployment", "discovery", "finding",
    "handlers", "handlers.root", "handlers.templates", "import_roots", "report", "report.colour", "report.plain",
    "report.summary", "result", "run", "syntax", "syntax.comments", "syntax.containers", "syntax.words", "workspace",
}  # fmt: skip
"""all of our modules that a file needs which names no resource: each costs as much as the check itself"""


def loaded(*arguments: str, cwd: Path) -> set[str]:
    """The top-level packages that a run of the command line has imported when it ends."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "leaklint", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    names = re.findall(r"^import time: .*\| +([\w.]+)$", done.stderr, re.M)
    assert "leaklint.cli" in names
    return set(names) | {name.partition(".")[0] for name in names}


class TestLaziness:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "plain.py").write_text("import json\n\n\ndef f(x):\n    return json.dumps(x)\n")
        (tmp_path / "leak.py").write_text("def f(p):\n    return open(p).read()\n")
        return tmp_path

    def test_the_version_needs_next_to_nothing(self, folder: Path) -> None:
        names = loaded("--version", cwd=folder)
        assert not names & (HEAVY - {"tokenize"})
        assert {name for name in names if name.startswith("leaklint")} <= {"leaklint", "leaklint.cli"}

    def test_a_file_without_resources_needs_the_gate_and_little_else(self, folder: Path) -> None:
        names = loaded("check", "plain.py", cwd=folder)
        assert {name.removeprefix("leaklint.") for name in names if name.startswith("leaklint.")} <= GATED_OUT
        assert not names & {
            "libcst",
            "rich",
            "pathspec",
            "tomllib",
            "tomli",
            "json",
            "hashlib",
            "subprocess",
            "logging",
        }

    def test_a_finding_needs_the_parser_and_no_colours(self, folder: Path) -> None:
        names = loaded("check", "leak.py", cwd=folder)
        assert "libcst" in names
        assert not names & {"rich", "pathspec", "tomllib", "tomli", "libcst.matchers"}

    @pytest.mark.parametrize("module", ["check", "deployment", "syntax.comments", "syntax.containers", "workspace"])
    def test_a_file_without_resources_waits_for_no_pattern(self, module: str) -> None:
        tree = TREES[module]
        compiling = (node for statement in tree.body for node in ast.walk(statement) if isinstance(node, ast.Call))
        assert "re.compile" not in {ast.unparse(node.func) for node in compiling}

    def test_the_process_collects_no_garbage_of_its_own_accord(self) -> None:
        script = (
            "import atexit, gc, leaklint.cli\n"
            "from leaklint.__main__ import run\n"
            "leaklint.cli.main = lambda prog_name: print(prog_name, gc.isenabled())\n"
            "atexit.register(lambda: print(gc.get_freeze_count() > 0))\n"
            "run()\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment())
        assert done.stdout.split("\n") == ["leaklint False", "True", ""]

    def test_both_ways_to_call_it_are_one(self) -> None:
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
        assert scripts == {"leaklint": "leaklint.__main__:run"}
