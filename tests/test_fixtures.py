"""Fixtures say the truth on the line it concerns, and leaklint must say the same.

A line of a fixture carries what is expected of the acquisition that stands on it:

    conn = connect()  # leak: LL101                 a leak, and it is found
    conn = connect()  # leak: LL101 high, LL102     two findings; the severity of the first is asserted as well
    conn = connect()  # missed: LL102 (why)         a leak that is not found
    conn = connect()  # false: LL101 (why)          no leak, and yet it is reported

Functions are called ``leaks_...`` when the truth is a leak and ``ok_...`` when it is none; classes ``Leaks...`` and
``Ok...`` where it is one of all their methods together. Comments at the top say what
the file needs: ``# settings: min-confidence=low``, ``# python: 3.12``.
"""

from __future__ import annotations

import ast
import re
import sys
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.finding import Confidence, Finding
from leaklint.result import Checked
from leaklint.rules import RULES

ROOT = Path(__file__).parent.parent / "fixtures"
FOLDERS = ("rules", "flow", "ownership", "handlers", "projects")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
BY_CONVENTION = re.compile(r"handlers\b|projects/handlers_")
"""Here functions are named as handlers are: the names cannot tell the truth."""

LEAKING = ("leaks_", "Leaks")
_MARK = re.compile(r"#\s*(?P<kind>leak|missed|false):\s*(?P<codes>LL\d{3}[^#(]*)(?P<why>\([^#]*\))?")
_CODE = re.compile(r"(?P<code>LL\d{3})(?:\s+(?P<severity>low|medium|high))?\s*\Z")
_HEADER = re.compile(r"#\s*(?P<key>settings|python):\s*(?P<value>\S+)\s*\Z")


@dataclass(frozen=True, slots=True)
class Mark:
    """One expectation: ``severity`` is empty where none is asserted."""

    line: int
    kind: str
    code: str
    severity: str
    why: str


@dataclass(frozen=True, slots=True)
class Fixture:
    path: Path
    text: str
    marks: tuple[Mark, ...]
    settings: Settings
    python: tuple[int, int]


def read(path: Path) -> Fixture:
    text = path.read_text(encoding="utf-8")
    confidence = Confidence.MEDIUM
    python = (3, 10)
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        header = _HEADER.match(line)
        if header is None:
            continue
        if header["key"] == "python":
            major, minor = header["value"].split(".")
            python = (int(major), int(minor))
        else:
            setting, _, value = header["value"].partition("=")
            assert setting == "min-confidence", f"{path}: unknown setting {setting}"
            confidence = Confidence(value)
    return Fixture(path, text, tuple(_marks(path, text)), Settings(min_confidence=confidence), python)


def _marks(path: Path, text: str) -> Iterator[Mark]:
    for number, line in enumerate(text.splitlines(), 1):
        found = list(_MARK.finditer(line))
        complaint = f"{path}:{number}: "
        assert found or not re.search(r"#\s*(leak|missed|false)\b", line), complaint + "a mark that cannot be read"
        for match in found:
            assert (match["why"] is None) == (match["kind"] == "leak"), complaint + "errors have a reason"
            for part in match["codes"].split(","):
                code = _CODE.match(part.strip())
                assert code is not None, complaint + f"{part.strip()!r} is no code"
                assert code["code"] in {rule.code for rule in RULES}, complaint + f"{code['code']} is no rule"
                yield Mark(number, match["kind"], code["code"], code["severity"] or "", match["why"] or "")


def parse(text: str) -> ast.Module:
    """The syntax tree; a jump out of a finally is worth a warning to newer Pythons."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        return ast.parse(text)


def runnable(fixture: Fixture) -> None:
    if sys.version_info < fixture.python:
        pytest.skip(f"needs the grammar of Python {'.'.join(map(str, fixture.python))}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_findings_are_those_that_the_lines_expect(path: Path) -> None:
    fixture = read(path)
    runnable(fixture)
    shown = str(path.relative_to(ROOT.parent))
    outcome = check_source(fixture.text.encode(), shown, fixture.settings)
    assert isinstance(outcome, Checked), outcome
    problems = list(_compare(fixture, list(outcome.findings)))
    assert not problems, "\n" + "\n".join(f"{shown}:{problem}" for problem in problems)


def _compare(fixture: Fixture, findings: list[Finding]) -> Iterator[str]:
    expected = Counter((mark.line, mark.code) for mark in fixture.marks if mark.kind != "missed")
    found = Counter((finding.location.line, finding.rule) for finding in findings)
    functions = dict(_functions(fixture.text))
    for line, code in sorted((expected | found) - (expected & found)):
        name = functions.get(line, "<module>")
        if expected[line, code] > found[line, code]:
            yield f"{line}: {name}: expected {code}, not found"
        else:
            said = next(f for f in findings if (f.location.line, f.rule) == (line, code))
            missed = any((mark.line, mark.code, mark.kind) == (line, code, "missed") for mark in fixture.marks)
            what = "is marked as missed and found" if missed else "unexpected"
            yield f"{line}: {name}: {code} {what} ({said.confidence.value}): {said.message}"
    for mark in fixture.marks:
        said_of = [f for f in findings if (f.location.line, f.rule) == (mark.line, mark.code)]
        if mark.severity and said_of and mark.severity not in {f.severity.value for f in said_of}:
            name = functions.get(mark.line, "<module>")
            yield f"{mark.line}: {name}: {mark.code} is {said_of[0].severity.value}, expected {mark.severity}"


def _functions(text: str) -> Iterator[tuple[int, str]]:
    """(line, name) of the outermost function or method around each line."""
    for node in _outermost(parse(text)):
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1):
            yield line, node.name


def _outermost(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        whole = isinstance(node, ast.ClassDef) and node.name.startswith(("Leaks", "Ok"))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or (whole and isinstance(node, ast.ClassDef)):
            yield node
        else:
            waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names_of_functions_tell_the_truth(path: Path) -> None:
    fixture = read(path)
    runnable(fixture)
    true_leaks = {mark.line for mark in fixture.marks if mark.kind != "false" and mark.code != "LL901"}
    for node in _outermost(parse(fixture.text)):
        inside = true_leaks.intersection(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        where = f"{path}:{node.lineno}: {node.name}"
        if BY_CONVENTION.match(path.relative_to(ROOT).as_posix()):
            continue
        if node.name.startswith(LEAKING):
            assert inside, f"{where} has no leak"
        else:
            assert not inside, f"{where} has a leak on line {min(inside)}"


def test_every_rule_has_fixtures_that_fall_under_it_and_near_misses() -> None:
    for rule in RULES:
        folder = ROOT / "rules" / f"{rule.code.lower()}_{rule.name.replace('-', '_')}"
        files = sorted(folder.rglob("*.py"))
        assert files, f"{folder} has no fixtures"
        codes = {mark.code for path in files for mark in read(path).marks if mark.kind == "leak"}
        assert rule.code in codes, f"{folder} has nothing that falls under {rule.code}"
        near = [path for path in files if not any(mark.kind == "leak" for mark in read(path).marks)]
        names = {node.name for path in files if sys.version_info >= read(path).python for node in _of(path)}
        assert near or any(name.startswith(("ok_", "Ok")) for name in names), f"{folder} has no near misses"


def _of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    return _outermost(parse(path.read_text(encoding="utf-8")))


def test_comments_are_where_the_tokenizer_sees_them() -> None:
    """A mark inside of a string would be an expectation that nobody reads as one."""
    for path in FILES:
        fixture = read(path)
        if sys.version_info < fixture.python:
            continue
        tokens = tokenize.generate_tokens(StringIO(fixture.text).readline)
        lines = {token.start[0] for token in tokens if token.type == tokenize.COMMENT}
        assert {mark.line for mark in fixture.marks} <= lines, path
