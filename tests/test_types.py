"""What places may hold, whatever the order: types, identities, owners, and what is private to a function."""

from __future__ import annotations

from textwrap import indent

import pytest

from leaklint.analysis.types import MEMORY, Acquisition, Places
from leaklint.catalogue.model import Condition
from leaklint.flow import ops
from leaklint.flow.ops import UNKNOWN, Arg, Call
from tests.programs import Engine, codes, text

IMPORTS = "import asyncio, contextlib, gzip, io, os, pathlib, socket, sqlite3, subprocess, tempfile, zipfile\n"
FILE, CONNECTION, SOCKET = "io.TextIOWrapper", "sqlite3.Connection", "socket.socket"


def places(lines: str, head: str = "def f(p, a=None):", before: str = "") -> Places:
    """The places of a function with this body."""
    engine = Engine(f"{IMPORTS}{text(before)}\n{head}\n{indent(text(lines), '    ')}\n")
    return engine.summaries.places(engine.module, engine.graph())


def types(lines: str, place: str, head: str = "def f(p, a=None):", before: str = "") -> set[str]:
    return set(places(lines, head, before).of(place))


# types


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        ("x = open(p)", "x", {FILE}),
        ("x = y = open(p)", "y", {FILE}),
        ("x = open(p)\ny = x\nz = y", "z", {FILE}),
        ("z = y\ny = x\nx = open(p)", "z", {FILE}),
        ("x = open(p) if a else sqlite3.connect(p)", "x", {FILE, CONNECTION}),
        ("x = a or open(p)", "x", {FILE}),
        ("x = None\nx = open(p)", "x", {FILE}),
        ("a.x = open(p)", "a.x", {FILE}),
        ("a.x = open(p)\ny = a.x", "y", {FILE}),
        ("b = a\nb.x = open(p)\nc = b", "c.x", {FILE}),
        ("x, y = open(p), sqlite3.connect(p)", "y", {CONNECTION}),
        ("x = {'f': open(p)}\ny = x['f']", "y", {FILE}),
        ("x = [open(q) for q in p]\nfor y in x:\n    pass", "y", {FILE}),
        ("x = []\nx.append(open(p))\nfor y in x:\n    pass", "y", {FILE}),
        ("x = []\nx.append(open(p))\ny = x.pop()", "y", {FILE}),
        ("x = {}\nx[a] = open(p)\nfor k, y in x.items():\n    pass", "y", {FILE}),
        pytest.param(
            "for x in (open(p), a):\n    pass",
            "x",
            {FILE},
            marks=pytest.mark.xfail(strict=True, reason="numbered elements are not among any elements"),
        ),
        ("with open(p) as x:\n    pass", "x", {FILE}),
        ("with contextlib.closing(sqlite3.connect(p)) as x:\n    pass", "x", {CONNECTION}),
        ("with contextlib.ExitStack() as s:\n    x = s.enter_context(open(p))", "x", {FILE}),
        ("if x := open(p):\n    pass", "x", {FILE}),
        ("match open(p):\n    case x:\n        pass", "x", {FILE}),
        ("x = pathlib.Path(p).open()", "x", {FILE}),
        ("x = (pathlib.Path(p) / 'a' / p).open()", "x", {FILE}),
        ("x = pathlib.Path(p).parent.joinpath(a).open()", "x", {FILE}),
        ("x = sqlite3.connect(p).cursor()", "x", {"sqlite3.Cursor"}),
        ("s = socket.socket()\nx = s.accept()\ny = x[0]", "y", {SOCKET}),
        ("x = io.BytesIO()", "x", {MEMORY}),
        ("x = a(p)", "x", set()),
        ("x = p.connect()", "x", set()),
    ],
)
def test_types_spread_along_bindings(lines: str, place: str, expected: set[str]) -> None:
    assert types(lines, place) == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("def f(c: sqlite3.Connection):", {CONNECTION}),
        ("def f(c: 'sqlite3.Connection'):", {CONNECTION}),
        ("def f(c: sqlite3.Connection | None = None):", {CONNECTION}),
        ("def f(*, c: sqlite3.Connection):", {CONNECTION}),
        ("def f(c: str):", set()),
        ("def f(c):", set()),
    ],
)
def test_annotations_of_parameters(head: str, expected: set[str]) -> None:
    assert types("x = c", "x", head) == expected


@pytest.mark.parametrize(
    ("before", "lines", "place", "expected"),
    [
        ("POOL = sqlite3.connect('x')", "x = POOL.cursor()", "x", {"sqlite3.Cursor"}),
        ("POOL = sqlite3.connect('x')", "POOL = a\nx = POOL", "x", set()),
        ("POOL = sqlite3.connect('x')", "def inner():\n    return POOL\nx = POOL", "x", {CONNECTION}),
        ("def made():\n    return sqlite3.connect('x')", "x = made()", "x", {CONNECTION}),
        (
            "def made():\n    return again()\ndef again():\n    return sqlite3.connect('x')",
            "x = made()",
            "x",
            {CONNECTION},
        ),
        ("def made():\n    return 1, sqlite3.connect('x')", "n, x = made()", "x", {CONNECTION}),
        ("def made():\n    c = sqlite3.connect('x')\n    return {'c': c}", "x = made()['c']", "x", {CONNECTION}),
        ("def made(n):\n    return made(n - 1) if n else sqlite3.connect('x')", "x = made(1)", "x", {CONNECTION}),
        ("class A:\n    def made(self): return sqlite3.connect('x')", "x = A.made(a)", "x", {CONNECTION}),
    ],
)
def test_types_come_from_around_a_function_and_from_helpers(
    before: str, lines: str, place: str, expected: set[str]
) -> None:
    assert types(lines, place, before=before) == expected


def test_a_nested_function_knows_the_types_around_it() -> None:
    engine = Engine("""
        import sqlite3

        def f(p):
            c = sqlite3.connect(p)

            def inner(d):
                x = c.cursor()
                c2 = d
                return x

            return inner
    """)
    engine.graph()
    found = engine.summaries.places(engine.module, engine.graph("f.<locals>.inner"))
    assert found.of("x") == {"sqlite3.Cursor"}
    assert found.of("c2") == set()


# identities


@pytest.mark.parametrize(
    ("lines", "one", "other", "expected"),
    [
        ("x = p\ny = x", "y", "p", True),
        ("x = p\ny = a", "x", "y", False),
        ("a.x = p\ny = a.x", "y", "p", True),
        ("x = p if a else None", "x", "p", True),
        ("with p as x:\n    pass", "x", "p", True),
        ("with contextlib.closing(p) as x:\n    pass", "x", "p", True),
        ("x = io.TextIOWrapper(p)", "x", "p", True),
        ("x = p.cursor()", "x", "p", False),
        ("for x in p:\n    pass", "x", "p", False),
        ("x = [p]", "x", "p", False),
        ("x = [p]\ny = x.pop()", "y", "p", False),
        ("x = [p]\ny = x.pop()\nz = x.pop()", "y", "z", False),
    ],
)
def test_twins_may_be_one_object(lines: str, one: str, other: str, expected: bool) -> None:
    found = places(lines)
    assert (other in found.same(one)) is expected
    assert (one in found.same(other)) is expected


@pytest.mark.parametrize(
    ("lines", "place", "ancestor", "expected"),
    [
        ("x = p.cursor()", "x", "p", True),
        ("x = p.cursor()\ny = x", "y", "p", True),
        ("x = p.cursor().fetchall()", "x", "p", True),
        ("x = p.cursor()\ny = x.execute(a)", "y", "p", True),
        ("for x in p:\n    y = x.read()", "y", "p", True),
        ("x = a.cursor(p)", "x", "p", False),
        ("x = p", "x", "p", False),
    ],
)
def test_ancestors_are_those_whose_methods_made_a_value(lines: str, place: str, ancestor: str, expected: bool) -> None:
    assert (ancestor in places(lines).ancestors.get(place, frozenset())) is expected


def test_reader_and_writer_belong_together() -> None:
    found = places("reader, writer = await asyncio.open_connection(p)\nx = reader.read()", "async def f(p, a=None):")
    assert "writer" in {twin for ancestor in found.ancestors["x"] for twin in found.same(ancestor)}


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        ("x = []", "x", True),
        ("x = {}\ny = x", "y", True),
        ("x = [q for q in p]", "x", True),
        ("x = list(p)", "x", True),
        ("x = None\nx = []", "x", True),
        ("x = []\nx = a", "x", False),
        ("x = a\nx = []", "x", False),
        ("x = a.files", "x", False),
        ("a = []", "a", False),
        ("for x in p:\n    pass", "x", False),
        ("x = a()", "x", False),
        ("global x\nx = []", "x", False),
        ("a.x = []", "a.x", False),
    ],
)
def test_private_is_what_only_ever_holds_containers_made_here(lines: str, place: str, expected: bool) -> None:
    assert (place in places(lines).private) is expected


def test_managers_are_what_closing_returns() -> None:
    found = places("x = contextlib.closing(p)\ny = x\nz = p")
    assert {"x", "y"} <= found.managers
    assert found.managers.isdisjoint({"z", "p"})


def test_closures_know_the_function_that_a_variable_holds() -> None:
    found = places("def inner():\n    return p\nx = inner\ny = lambda: p")
    assert found.closures["inner"].function == "f.<locals>.inner"
    assert found.closures["x"].function == "f.<locals>.inner"
    assert found.closures["y"].function == "f.<locals>.<lambda>"
    assert "p" not in found.closures


@pytest.mark.parametrize(
    ("lines", "place", "expected"),
    [
        ("s = contextlib.ExitStack()", "s", True),
        ("with contextlib.AsyncExitStack() as s:\n    pass", "s", True),
        ("s = contextlib.ExitStack()\nx = s.pop_all()", "x", True),
        ("s = a", "s", False),
    ],
)
def test_stacks(lines: str, place: str, expected: bool) -> None:
    assert places(lines).is_stack(place) is expected


# conditions


def call(*args: Arg) -> Call:
    return Call("%1", "made.up", "", "", "made.up", args, None)


def given(value: object = UNKNOWN, name: str = "", place: str = "") -> Call:
    return call(Arg("mode", place, value, name))


@pytest.mark.parametrize(
    ("test", "made", "expected"),
    [
        ("present", call(), False),
        ("present", given(None), True),
        ("absent", call(), True),
        ("absent", given(), False),
        ("true", given(True), True),
        ("true", given(1), True),
        ("true", given(False), False),
        ("true", given(None), False),
        ("true", given(), None),
        ("true", call(), None),
        ("false", given(0), True),
        ("false", given("x"), False),
        ("false", given(), None),
        ("pipe", given(name="subprocess.PIPE"), True),
        ("pipe", given(name="PIPE"), True),
        ("pipe", given(name="subprocess.DEVNULL"), False),
        ("pipe", given(3), False),
        ("string", given("x"), True),
        ("string", given(3), False),
        ("string", given(), False),
        ("contains:w", given("wb"), True),
        ("contains:w", given("rb"), False),
        ("contains:w", given(), None),
        ("equals:r", given("r"), True),
        ("equals:r", given("rb"), False),
        ("equals:SELECT", given(name="app.SELECT"), True),
        ("equals:SELECT", given(name="app.INSERT"), False),
        ("equals:SELECT", given(), None),
        ("memory", given(place="memory"), True),
        ("memory", given(place="either"), True),
        ("memory", given(place="unknown"), False),
        ("memory", given("x"), False),
        ("not-memory", given(place="memory"), False),
        ("not-memory", given(place="connection"), True),
        ("not-memory", given("x"), True),
    ],
)
@pytest.mark.parametrize("default", [True, False])
def test_conditions_on_arguments(test: str, made: Call, expected: bool | None, default: bool) -> None:
    found = places("pass")
    found.types.update({
        "memory": frozenset({MEMORY}), "either": frozenset({MEMORY, FILE}), "connection": frozenset({CONNECTION}),
    })  # fmt: skip
    condition = Condition("1/mode", test, default)
    assert found.holds(condition, made) is (default if expected is None else expected)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [("mode", "k"), ("1", "one"), ("1/other", "one"), ("other/1", "one"), ("other", None), ("0/mode", "zero")],
)
def test_arguments_go_by_position_or_keyword(spec: str, expected: str | None) -> None:
    made = call(Arg("0", "zero"), Arg("1", "one"), Arg("mode", "k"), Arg("*", "rest"))
    found = made.argument(spec)
    assert (found.place if found is not None else None) == expected


# acquisitions


def acquired(lines: str, head: str = "def f(p, a=None):") -> list[tuple[str, str, bool]]:
    """(resource, part, believed by a name) of each acquisition in a function."""
    engine = Engine(f"{IMPORTS}\n{head}\n{indent(text(lines), '    ')}\n")
    found: list[Acquisition] = [each.acquisition for each in engine.acquired()]
    return [(each.resource.kind, each.part, each.by_name) for each in found]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("open(p)", [("file", "", False)]),
        ("pathlib.Path(p).open()", [("file", "", False)]),
        ("a.open()", []),
        ("sqlite3.connect(p).cursor()", [("connection", "", False), ("cursor", "", False)]),
        ("conn.cursor()", [("cursor", "", True)]),
        ("a.conn.cursor()", [("cursor", "", True)]),
        ("a.cursor()", []),
        ("conn = 3\nconn.cursor()", [("cursor", "", True)]),
        ("conn = open(p)\nconn.cursor()", [("file", "", False)]),
        ("os.pipe()", [("descriptor", "[0]", False), ("descriptor", "[1]", False)]),
        ("tempfile.mkstemp()", [("descriptor", "[0]", False), ("temp-path", "[1]", False)]),
        ("gzip.open(p)", [("compressed", "", False)]),
        ("zipfile.ZipFile(io.BytesIO(p))", []),
        ("x = io.BytesIO(p)\nzipfile.ZipFile(x)", []),
        ("zipfile.ZipFile(p)", [("archive", "", False)]),
        ("[open(q) for q in p]", [("file", "", False)]),
        ("print(open(p), open(a))", [("file", "", False), ("file", "", False)]),
    ],
)
def test_what_calls_acquire(lines: str, expected: list[tuple[str, str, bool]]) -> None:
    assert acquired(lines) == expected


def test_copies_of_a_finally_acquire_once() -> None:
    engine = Engine("""
        def f(p, a):
            try:
                if a:
                    return a()
                a(1)
            finally:
                h = open(p)
                h.close()
    """)
    (found,) = engine.acquired()
    calls = [engine.graph().ops[position] for position in found.positions]
    assert len(calls) == 3, "for a return, an exception, and the end of the body"
    assert all(isinstance(op, ops.Call) and op.node is found.node for op in calls)


def test_what_is_behind_the_last_statement_acquires_nothing() -> None:
    assert acquired("return a\nopen(p)") == []


def test_an_awaited_acquisition_needs_its_await() -> None:
    source = "import asyncpg\n\nasync def f(p):\n    {}\n"
    assert codes(source.format("await asyncpg.connect(p)")) == ["4:LL104"]
    assert codes(source.format("asyncpg.connect(p)")) == []
