"""What lets a file pass the gate, which scopes are worth parsing, and what is never imported for the rest."""

from __future__ import annotations

import json
import subprocess
import sys
from textwrap import dedent

import pytest

from leaklint.catalogue._gate import GATE
from leaklint.result import Checked, Work
from leaklint.syntax.words import passes, words
from tests.command import environment
from tests.programs import codes, opened, outcome

# bytes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", set()),
        (b"a.b(c_1, 'd')", {b"a", b"b", b"c_1", b"d"}),
        (b"x=open(p)#f", {b"x", b"open", b"p", b"f"}),
        (b"a\nb\r\nc\rd\te\x0cf", {b"a", b"b", b"c", b"d", b"e", b"f"}),
        ("café.open".encode(), {"café".encode(), b"open"}),
        (b"\xff\xfe-open", {b"\xff\xfe", b"open"}),
        (b"re\x00open", {b"re", b"open"}),
    ],
)
def test_words_are_what_may_be_names(data: bytes, expected: set[bytes]) -> None:
    assert words(data) == expected


INDEX = {
    b"open": (frozenset[bytes](),),
    b"connect": (frozenset({b"db"}), frozenset({b"drivers", b"sql"})),
}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"open(p)", True),
        (b"'open'", True),
        (b"reopen(p)", False),
        (b"open_it(p)", False),
        (b"connect()", False),
        (b"import db\ndb.connect()", True),
        (b"from drivers import x\nx.connect()", False),
        (b"from drivers.sql import connect", True),
        (b"import db", False),
        (b"", False),
    ],
)
def test_a_file_passes_with_a_word_and_all_of_its_companions(data: bytes, expected: bool) -> None:
    assert passes(data, INDEX) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import json\ndef handler(event, context):\n    return json.loads(event['body'])", False),
        ("import hashlib\ndef f(data): return hashlib.sha256(data).connect()", False),
        ("import requests\ndef f(u): return requests.get(u).json()", False),
        ("f = open(p)", True),
        ("import psycopg2 as pg\nc = pg.connect()", True),
        ("def f(conn): return conn.cursor()", True),
    ],
)
def test_the_index_of_the_catalogue(text: str, expected: bool) -> None:
    assert passes(text.encode(), GATE) is expected


# scopes


def leaking(source: str) -> set[str]:
    return set(opened(source).candidates().leaking)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(p):\n    return open(p)\ndef g(p):\n    return p\n", {"f"}),
        ("x = open(p)\ndef g(p):\n    return p\n", {"<module>"}),
        ("class A:\n    x = open(p)\n    def g(self):\n        return 1\n", {"<module>"}),
        ("class A:\n    class B:\n        async def f(self):\n            return open(p)\n", {"A.B.f"}),
        ("def f(p):\n    def g():\n        return lambda: open(p)\n", {"f"}),
        ("def f(p=open('x')):\n    return p\n", {"<module>"}),
        ("def f(p, *, q=open('x')):\n    return p\n", {"<module>"}),
        ("@deco(open('x'))\ndef f(p):\n    return p\n", {"<module>"}),
        ("def f():\n    def g(p=open('x')):\n        return p\n", {"f"}),
        ("class A(open('x')):\n    pass\n", {"<module>"}),
        ("def f(p):\n    return 'open(p)'  # open(p)\n", set()),
        ("def f(p):\n    return p.open_all()\n", set()),
        ("def f(p):\n    print(open)\n", set()),
    ],
)
def test_a_scope_is_looked_at_where_something_may_be_acquired(source: str, expected: set[str]) -> None:
    assert leaking(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import psycopg2\ndef f(): return psycopg2.connect()\n", {"f"}),
        ("import psycopg2 as pg\ndef f(): return pg.connect()\n", {"f"}),
        ("from psycopg2 import connect as c\ndef f(): return c()\n", {"f"}),
        ("import psycopg2.extensions\ndef f(): return psycopg2.connect()\n", {"f"}),
        ("from psycopg2 import *\ndef f(): return connect()\n", {"f"}),
        ("def f():\n    import psycopg2\n    return psycopg2.connect()\n", {"f"}),
        ("try:\n    import ours as pg\nexcept ImportError:\n    import psycopg2 as pg\ndef f(): return pg.connect()\n",
         {"f"}),
        ("import psycopg2\nconnect = psycopg2.connect\ndef f(): return connect()\n", {"f"}),
        ("import other\ndef f(): return other.connect()\n", set()),
        ("def f(): return psycopg2.connect()\n", set()),
        ("def open(p): return p\ndef f(p): return open(p)\n", set()),
        ("from ours import open\ndef f(p): return open(p)\n", set()),
        ("import pathlib\ndef f(p): return p.open()\n", {"f"}),
        ("def f(p): return p.open()\n", set()),
        ("def f(conn): return conn.cursor()\n", {"f"}),
        ("def f(self): return self.db.conn.cursor()\n", {"f"}),
        ("def f(thing): return thing.cursor()\n", set()),
        ("import sqlite3\ndef f(thing): return thing.cursor()\n", {"f"}),
    ],
)  # fmt: skip
def test_names_are_resolved_and_methods_believed_where_their_package_is_imported(
    source: str, expected: set[str]
) -> None:
    assert leaking(source) == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("u", False), ("u, stream=True", True), ("u, stream=False", False), ("u, stream=0", False),
        ("u, stream=flag", True), ("u, **more", True), ("*all", True),
    ],
)  # fmt: skip
def test_arguments_that_rule_an_acquisition_out(arguments: str, expected: bool) -> None:
    source = f"import requests\ndef f(u, flag, all, more):\n    return requests.get({arguments})\n"
    assert (leaking(source) == {"f"}) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f(p):\n    with open(p) as h:\n        return h.read()\n", False),
        ("def f(p):\n    with open(p), open(p) as h:\n        return h.read()\n", False),
        ("def f(p):\n    with open(p) as h:\n        return open(h.read())\n", True),
        ("def f(p):\n    with closing(open(p)) as h:\n        return h.read()\n", True),
        ("def f(p):\n    h = open(p)\n    with h:\n        return h.read()\n", True),
        ("def f(p):\n    with (open(p) if p else None) as h:\n        return h.read()\n", True),
        ("import sqlite3\ndef f(p):\n    with sqlite3.connect(p) as c:\n        return c.execute('')\n", True),
        ("import aiohttp\nasync def f(p):\n    async with aiohttp.ClientSession() as s:\n        return s\n", False),
        ("import aiohttp\nasync def f(p):\n    with aiohttp.ClientSession() as s:\n        return s\n", True),
    ],
)
def test_what_a_with_releases_needs_no_look(source: str, expected: bool) -> None:
    assert bool(leaking(source)) is expected


def test_callers_of_what_acquires_are_looked_at_to_a_fixed_point() -> None:
    assert leaking("""
        def last(p):
            return third(p)

        def third(p):
            return Store.second(p)

        class Store:
            def first(self, p):
                return open(p)

            def second(self, p):
                return self.first(p)

            @classmethod
            def build(cls, p):
                return cls.second(cls, p)

        def of_any_value(p):
            return p.first(), other.second()

        def apart(p):
            return p.last(), other.third()

        y = last("x")
    """) == {"last", "third", "of_any_value", "Store.first", "Store.second", "Store.build", "<module>"}


def test_recursion_ends() -> None:
    assert leaking("def f(p): return g(p)\ndef g(p): return f(p)\ndef h(p): return open(g(p))\n") == {"h"}


# work


def work(source: str) -> Work:
    result = outcome(source)
    assert isinstance(result, Checked)
    return result.work


def test_only_candidate_scopes_are_parsed() -> None:
    done = work("""
        import os

        def quiet(p):
            return os.listdir(p)

        def leaks(p):
            h = open(p)
            return h.read()

        def managed(p):
            with open(p) as h:
                return h.read()

        y = quiet("x")
    """)
    assert (done.files, done.gated, done.parsed, done.scopes) == (1, 0, 1, 1)
    assert done.ops > 0
    assert done.states > 0


def test_what_a_with_closes_is_never_parsed() -> None:
    done = work("def f(p):\n    with open(p) as h:\n        return h.read()\n")
    assert (done.files, done.gated, done.parsed, done.scopes, done.ops, done.states) == (1, 1, 0, 0, 0, 0)


def test_a_file_without_resources_is_gated() -> None:
    done = work("def f(p):\n    return p.read()\n")
    assert (done.files, done.gated, done.parsed, done.scopes) == (1, 1, 0, 0)


def test_a_helper_is_lowered_when_its_summary_is_asked_for() -> None:
    source = "def shut(h):\n    h.close()\n\ndef unused(h):\n    h.close()\n\ndef f(p):\n    h = open(p)\n    {}\n"
    assert work(source.format("h.close()")).scopes == 1
    assert work(source.format("shut(h)")).scopes == 2
    assert codes(source.format("shut(h)")) == []


# imports

PROBE = """
    import json, sys
    from leaklint.check import check_source
    from leaklint.config import Settings
    result = check_source(sys.stdin.buffer.read(), "nowhere/module.py", Settings())
    parts = ("libcst", "tomllib", "tomli", "rich", "click")
    print(json.dumps([type(result).__name__, len(result.findings), [p for p in parts if p in sys.modules]]))
"""


def imported(source: str) -> tuple[str, int, set[str]]:
    """(outcome, number of findings, what was imported) when a file is checked in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(PROBE)],
        input=source.encode(), capture_output=True, check=True, env=environment(), timeout=60,
    )  # fmt: skip
    kind, count, names = json.loads(done.stdout)
    return kind, count, set(names)


def test_a_file_without_resource_words_imports_next_to_nothing() -> None:
    kind, count, names = imported("import json\ndef f(p):\n    return json.loads(p)\n")
    assert (kind, count) == ("Checked", 0)
    assert names.isdisjoint({"libcst", "tomllib", "tomli", "rich", "click"})


def test_a_file_whose_resources_are_managed_does_not_import_libcst() -> None:
    kind, count, names = imported("def f(p):\n    with open(p) as h:\n        return h.read()\n")
    assert (kind, count) == ("Checked", 0)
    assert names.isdisjoint({"libcst", "rich", "click"})


def test_a_file_with_a_leak_imports_libcst_and_no_renderer() -> None:
    kind, count, names = imported("def f(p):\n    h = open(p)\n")
    assert (kind, count) == ("Checked", 1)
    assert "libcst" in names
    assert names.isdisjoint({"rich", "click"})
