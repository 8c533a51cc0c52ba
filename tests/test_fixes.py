"""Pairs of files before and after, what is refused and why, and what no fix may touch.

``python -m tests.test_fixes`` writes the second file of each pair anew; read the difference before it is kept.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from leaklint import validate
from leaklint.autofix import Fixer, Validator
from leaklint.config import Settings
from leaklint.edit import Applicability, Edit, apply
from leaklint.finding import Finding
from leaklint.result import Outcome, Skipped
from leaklint.run import check_data, checker

FOLDER = Path(__file__).parent.parent / "fixtures" / "autofix"
PAIRS = sorted(path for path in FOLDER.glob("*.py") if not path.stem.endswith(".fixed"))


def mended(source: str | bytes, *, unsafe: bool = False) -> tuple[bytes, list[Finding]]:
    """A file after its fixes, and the findings that remain."""
    data = source if isinstance(source, bytes) else source.encode()
    fixer = Fixer(checker())
    outcome = check_data(data, "x.py", Settings(unsafe_fixes=unsafe), fixer)
    assert not isinstance(outcome, Skipped)
    return (fixer.fixed[0].after if fixer.fixed else data), list(outcome.findings)


def after(path: Path) -> Path:
    return path.with_suffix(".fixed.py")


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
class TestPairs:
    def test_a_file_becomes_its_pair(self, path: Path) -> None:
        result, left = mended(path.read_bytes(), unsafe="unsafe" in path.stem)
        assert result.decode() == after(path).read_text(encoding="utf-8")
        assert [finding for finding in left if not finding.refused] == []

    def test_the_pair_compiles_and_stays_as_it_is(self, path: Path) -> None:
        data = after(path).read_bytes()
        compile(data, str(path), "exec")
        assert mended(data, unsafe="unsafe" in path.stem)[0] == data

    def test_what_remains_is_marked(self, path: Path) -> None:
        data = path.read_bytes()
        kept = {line.partition("# kept")[0] for line in data.decode().splitlines() if "# kept" in line}
        _, left = mended(data, unsafe="unsafe" in path.stem)
        lines = after(path).read_text(encoding="utf-8").splitlines()
        assert {lines[finding.location.line - 1].partition("# kept")[0] for finding in left} == kept


def test_there_are_pairs() -> None:
    assert len(PAIRS) >= 1
    for path in PAIRS:
        assert ast.dump(ast.parse(path.read_bytes())) != ast.dump(ast.parse(after(path).read_bytes()))


def offered(source: str) -> Finding:
    """The only finding of a source."""
    outcome = check_data(source.encode(), "x.py", Settings(), checker())
    assert not isinstance(outcome, Skipped)
    (finding,) = outcome.findings
    return finding


def _compiles(source: str) -> bool:
    try:
        compile(source, "x.py", "exec")
    except SyntaxError:
        return False
    return True


class TestText:
    BODY = "def f(p):\n    h = open(p)\n    x = h.read()\n    h.close()\n    return x\n"

    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    def test_line_ends_stay(self, newline: str) -> None:
        result, left = mended(self.BODY.replace("\n", newline))
        expected = "def f(p):\n    with open(p) as h:\n        x = h.read()\n    return x\n"
        assert result.decode() == expected.replace("\n", newline)
        assert not left

    def test_a_byte_order_mark_and_an_encoding_stay(self) -> None:
        assert mended(b"\xef\xbb\xbf" + self.BODY.encode())[0].startswith(b"\xef\xbb\xbfdef f(p):\n    with ")
        latin = b"# -*- coding: latin-1 -*-\n# \xe9\n" + self.BODY.encode()
        assert mended(latin)[0].startswith(b"# -*- coding: latin-1 -*-\n# \xe9\ndef f(p):\n    with ")

    def test_tabs_stay(self) -> None:
        assert b"\n\twith open(p) as h:\n\t\tx = h.read()\n\treturn" in mended(self.BODY.replace("    ", "\t"))[0]

    def test_a_string_of_several_lines_is_not_indented(self) -> None:
        source = "def f(p):\n    h = open(p, 'w')\n    h.write('''a\n  b\n''')\n    h.close()\n"
        assert mended(source)[0].decode() == (
            "def f(p):\n    with open(p, 'w') as h:\n        h.write('''a\n  b\n''')\n"
        )

    def test_lines_under_the_first_argument_stay_there(self) -> None:
        source = "def f(p):\n    handle = open(p,\n                  'r',\n        newline='')\n    handle.read()\n"
        assert mended(source)[0].decode() == (
            "def f(p):\n    with open(p,\n              'r',\n        newline='') as handle:\n        handle.read()\n"
        )

    def test_a_release_that_goes_leaves_no_indentation(self) -> None:
        inner = "    if p:\n        c.close()\n        return 1\n    c.close()\n    return 2\n"
        source = f"import pymysql\n\n\ndef f(p):\n    c = pymysql.connect()\n    c.ping()\n{inner}"
        assert b"        if p:\n            return 1\n    return 2\n" in mended(source)[0]

    def test_a_last_line_without_end_gets_none(self) -> None:
        source = "def f(p):\n    h = open(p)\n    print(h.read())"
        assert mended(source)[0] == b"def f(p):\n    with open(p) as h:\n        print(h.read())"


class TestRefusals:
    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            ("h = open(p)\n    return (x for x in h)", "returned"),
            ("h = open(p)\n    def g():\n        return h.read()\n    print(g())", "captured by `g`"),
            ("h = open(p)\n    for x in h:\n        yield x\n    yield map(str, h)", "yielded"),
            ("for q in p:\n        h = open(q)\n        h.read()\n    h.seek(0)", "used on line"),
            ("h = open(p); \\\n    print(h.read())", "shares its line"),
        ],
    )
    def test_the_reason_is_said(self, body: str, reason: str) -> None:
        source = f"def f(p):\n    {body}\n"
        finding = offered(source)
        assert finding.fix is None
        assert reason in finding.refused
        assert mended(source)[0] == source.encode()


class TestValidation:
    """Whatever a template does: what must not happen is seen."""

    SOURCE = "def f(p):\n    h = open(p)  # mine\n    x = h.read()\n    h.close()\n    return x\n"

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("open(p)  # mine", "open(p)", "a comment would be lost"),
            ("h.close()", "h.close(", "would not compile"),
            ("    h.close()\n", "    y = 1\n    del x\n", "a statement would change"),
            ("x = h.read()", "h.read()", "`x` would no longer be bound in `f`"),
            ("h.close()", "p = h.close()", "`p` would become a variable of `f`"),
        ],
    )
    def test_text(self, old: str, new: str, problem: str) -> None:
        start = self.SOURCE.index(old)
        edit = Edit(start, start + len(old), new)
        after = apply(self.SOURCE, [edit])
        beside = [] if "statement" in problem else [edit]
        assert problem in validate.text(self.SOURCE, after, beside)
        assert validate.text(self.SOURCE, self.SOURCE, []) == ""

    @pytest.mark.parametrize(
        "after",
        [
            "def f(p):\n    print(2)\n    print(1)\n    for x in p:\n        print(3)\n",
            "def f(p):\n    print(1)\n    print(2)\n    for x in p:\n        pass\n    print(3)\n",
            "def f(p):\n    print(1)\n    if p:\n        print(2)\n    for x in p:\n        print(3)\n",
        ],
    )
    def test_statements_keep_their_order_and_their_branches(self, after: str) -> None:
        before = "def f(p):\n    print(1)\n    print(2)\n    for x in p:\n        print(3)\n"
        assert "a statement would change" in validate.text(before, after, [])
        guarded = before.replace(
            "    for x in p:\n        print", "    with p:\n        for x in p:\n            print"
        )
        assert validate.text(before, guarded, []) == ""

    def test_what_a_fix_announces(self) -> None:
        before = "h = 1\n\n\nclass A:\n    pass\n\n\ndef f():\n    return h\n"
        moved = "class A:\n    pass\n\n\ndef f():\n    h = 1\n    return h\n"
        gained = before.replace("    pass\n", "    pass\n\n    def close(self):\n        pass\n")
        edits = [Edit(0, len(before), before)]
        assert validate.text(before, moved, edits) == "`h` would no longer be bound in `<module>`"
        assert validate.text(before, moved, edits, moved=["h"]) == ""
        assert validate.text(before, gained, edits) == "a scope would change"
        assert validate.text(before, gained, edits, gained=["B.close"]) == "a scope would change"
        assert validate.text(before, gained, edits, gained=["A.close"]) == ""

    def test_findings(self) -> None:
        one = offered(TestText.BODY)
        other = replace(one, function="g")
        assert validate.findings([one], [], [one]) == ""
        assert "would still be there" in validate.findings([one], [one], [one])
        assert "a finding would come" in validate.findings([one], [other], [one])
        assert validate.findings([one, one], [one], [one]) == ""
        assert one.fix is not None
        giving = replace(one, function="A.__init__", fix=replace(one.fix, gained=("A.close",)))
        assert validate.findings([giving], [other], [giving]) == ""
        assert "a finding would come" in validate.findings([giving], [replace(other, resource="other")], [giving])
        assert "a finding would come" in validate.findings([giving], [replace(other, function="A.g")], [giving])

    @staticmethod
    def _nested(loops: int) -> str:
        """A leak in as many loops: how many Python takes depends on its version."""
        heads = "".join(f"{'    ' * depth}for x{depth} in p:\n" for depth in range(1, loops + 1))
        own = "    " * (loops + 1)
        return f"def f(p):\n{heads}{own}h = open(p)\n{own}h.read()\n"

    def test_a_fix_that_fails_is_dropped_with_the_reason(self) -> None:
        source = next(one for one in map(self._nested, range(60, 1, -1)) if _compiles(one))
        result, (finding,) = mended(source)
        assert result == source.encode()
        assert "too many statically nested blocks" in finding.refused


def test_what_releases_is_called_by_the_name_that_the_file_has_for_it() -> None:
    source = "import os as o\n\n\ndef f(p):\n    return o.read(o.open(p, 0), 3)\n"
    assert b"        o.close(resource)\n" in mended(source)[0]
    source = "from os import open as fd, read\n\n\ndef f(p):\n    return read(fd(p, 0), 3)\n"
    result = mended(source)[0]
    assert b"import os\n" in result
    assert b"        os.close(resource)\n" in result


class TestTogether:
    def test_fixes_that_meet_wait_for_the_next_round(self) -> None:
        source = "def f(p, q):\n    a = open(p)\n    b = open(q)\n    print(a.read(), b.read())\n"
        expected = "def f(p, q):\n    with open(p) as a, open(q) as b:\n        print(a.read(), b.read())\n"
        assert mended(source) == (expected.encode(), [])

    def test_an_import_is_added_once(self) -> None:
        body = "    c = sqlite3.connect(p)\n    c.execute('x')\n    c.close()\n"
        result, left = mended(f"import sqlite3\n\n\ndef f(p):\n{body}\n\ndef g(p):\n{body}")
        assert result.decode().startswith("import sqlite3\nfrom contextlib import closing\n\n\ndef f")
        assert (result.count(b"import closing"), result.count(b"with closing("), left) == (1, 2, [])


class TestValidator:
    """What formats that carry edits show has been tried out, and a file is not checked once for each of its fixes."""

    SEVERAL = "".join(f"def f{n}(p):\n    f = open(p)\n    return f.read()\n\n\n" for n in range(6))

    def checked(self, source: str) -> tuple[list[Finding], int]:
        plain, calls = checker(), 0

        def counted(data: bytes, path: str, settings: Settings) -> Outcome:
            nonlocal calls
            calls += 1
            return plain(data, path, settings)

        outcome = check_data(source.encode(), "x.py", Settings(), Validator(counted))
        assert not isinstance(outcome, Skipped)
        return list(outcome.findings), calls

    def test_fixes_that_do_not_meet_are_tried_together(self) -> None:
        findings, calls = self.checked(self.SEVERAL)
        assert [finding.fix is not None for finding in findings] == [True] * 6
        assert calls == 3, "the file, all fixes together, and the file again"

    def test_one_that_fails_takes_no_other_with_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = validate.text

        def text(before: str, after: str, edits: Sequence[Edit], **said: Any) -> str:
            broken = "def f2(p):\n    f = open(p)" not in after
            return "it fails" if broken else whole(before, after, edits, **said)

        monkeypatch.setattr(validate, "text", text)
        findings, _ = self.checked(self.SEVERAL)
        assert [finding.refused for finding in findings if finding.fix is None] == ["it fails"]
        assert [finding.function for finding in findings if finding.fix is None] == ["f2"]


def test_unsafe_fixes_wait_to_be_asked_for() -> None:
    source = "import other\n\ndef f(p):\n    h = open(p)\n    return other.work(h)\n"
    finding = offered(source)
    assert finding.fix is not None
    assert finding.fix.applicability is Applicability.UNSAFE
    assert mended(source)[0] == source.encode()
    assert b"with open(p) as h:\n        return other.work(h)" in mended(source, unsafe=True)[0]


if __name__ == "__main__":
    for each in PAIRS:
        after(each).write_bytes(mended(each.read_bytes(), unsafe="unsafe" in each.stem)[0])
