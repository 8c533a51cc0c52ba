"""What a function does with what it is given, what it returns, and what its callers make of both."""

from __future__ import annotations

from textwrap import indent

import pytest

from leaklint.analysis.obligation import Fate
from leaklint.analysis.project import Module
from leaklint.analysis.summary import Summaries
from leaklint.catalogue.model import Resource
from leaklint.finding import Confidence
from leaklint.flow.cfg import Cfg
from tests.programs import Engine, codes, findings, text

CLOSES, NORMALLY, SOMETIMES = Fate.CLOSES, Fate.CLOSES_NORMALLY, Fate.CLOSES_SOMETIMES
STORES, RETURNS, BORROWS = Fate.STORES, Fate.RETURNS, Fate.BORROWS


def fate(source: str, function: str = "g", parameter: str = "h", kind: str = "open") -> Fate:
    """What a function does with a file (or what else `kind` acquires) in a parameter."""
    engine = Engine(source)
    resource = engine.unit.catalogue.acquirers[kind][-1]
    return engine.summaries.fate(engine.module, engine.graph(function), parameter, resource)


def body(lines: str, head: str = "def g(h, a=None, *rest, k=0):") -> str:
    imports = "import asyncio, atexit, contextlib, csv, io, json, weakref\nKEPT = []\n\n"
    return f"{imports}{head}\n{indent(text(lines), '    ')}\n"


# one function, one parameter


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("h.close()", CLOSES),
        ("x = h\nx.close()", CLOSES),
        ("close = h.close\nclose()", CLOSES),
        ("with h:\n    return h.read()", CLOSES),
        ("with contextlib.closing(h):\n    return h.read()", CLOSES),
        ("try:\n    return h.read()\nfinally:\n    h.close()", CLOSES),
        ("try:\n    h.read()\nexcept BaseException:\n    h.close()\n    raise\nh.close()", CLOSES),
        ("print(h.name)\nh.close()", CLOSES),
        ("if h is not None:\n    h.close()", CLOSES),
        ("if not h.closed:\n    h.close()", CLOSES),
        ("with contextlib.ExitStack() as stack:\n    stack.enter_context(h)\n    a()", CLOSES),
        ("with contextlib.ExitStack() as stack:\n    stack.callback(h.close)\n    a()", CLOSES),
        ("def inner():\n    h.close()\ninner()", CLOSES),
        ("finish = lambda: h.close()\nfinish()", CLOSES),
        ("for x in (h, a):\n    x.close()", CLOSES),
        ("h.read()\nh.close()", NORMALLY),
        ("a.work()\nh.close()", NORMALLY),
        ("try:\n    h.read()\nexcept Exception:\n    h.close()\n    raise\nh.close()", CLOSES),
        ("if a:\n    h.close()", SOMETIMES),
        ("if a:\n    return\nh.close()", SOMETIMES),
        ("try:\n    h.read()\nexcept OSError:\n    h.close()", SOMETIMES),
        ("a.h = h", STORES),
        ("a['h'] = h", STORES),
        ("a.append(h)", STORES),
        ("KEPT.append(h)", STORES),
        ("global KEPT\nKEPT = h", STORES),
        ("setattr(a, 'h', h)", STORES),
        ("atexit.register(h.close)", STORES),
        ("weakref.finalize(a, h.close)", STORES),
        ("a.enter_context(h)", STORES),
        ("if a:\n    a.h = h\nelse:\n    h.close()", STORES),
        ("return h", RETURNS),
        ("return h, a", RETURNS),
        ("return {'h': h}", RETURNS),
        ("return [h]", RETURNS),
        ("x = h\nreturn x", RETURNS),
        ("return h if a else None", RETURNS),
        ("return io.TextIOWrapper(h)", RETURNS),
        ("return asyncio.wait_for(h, 5)", RETURNS),
        ("pass", BORROWS),
        ("return h.read()", BORROWS),
        ("return json.load(h)", BORROWS),
        ("return csv.reader(h)", BORROWS),
        ("print('x', file=h)", BORROWS),
        ("h = None", BORROWS),
        ("del h", BORROWS),
        ("files = [h]\nreturn len(files)", BORROWS),
        ("for line in h:\n    a(line)", BORROWS),
        ("raise ValueError(h.name)", BORROWS),
        ("h.close", BORROWS),
    ],
)
def test_what_a_function_does_with_an_argument(lines: str, expected: Fate) -> None:
    assert fate(body(lines)) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("await h.close()", CLOSES),
        ("h.close()", BORROWS),
        ("task = h.close()\nawait task", CLOSES),
        ("await asyncio.wait_for(h.close(), 5)", CLOSES),
        ("async with h:\n    await a()", CLOSES),
        ("try:\n    await h.get(a)\nfinally:\n    await h.close()", CLOSES),
        ("await h.get(a)\nawait h.close()", NORMALLY),
        ("return h", RETURNS),
    ],
)
def test_what_a_coroutine_does_with_an_asynchronous_client(lines: str, expected: Fate) -> None:
    assert fate(body(lines, "async def g(h, a=None):"), kind="aiohttp.ClientSession") is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def g(h):\n    last(h)\ndef last(h):\n    h.close()\n", CLOSES),
        ("def g(h):\n    middle(1, x=h)\ndef middle(a, x):\n    last(x)\ndef last(h):\n    h.close()\n", CLOSES),
        ("def g(h):\n    last(h)\ndef last(h):\n    h.read()\n    h.close()\n", NORMALLY),
        ("def g(h):\n    return last(h)\ndef last(h):\n    return h\n", RETURNS),
        ("def g(h):\n    x = last(h)\n    x.close()\ndef last(h):\n    return h\n", CLOSES),
        ("def g(h):\n    last(h)\ndef last(h):\n    KEPT.append(h)\nKEPT = []\n", STORES),
        ("def g(h):\n    last(h)\ndef last(h):\n    return h.read()\n", BORROWS),
        ("def g(h):\n    unknown(h)\n", BORROWS),
        ("def g(h):\n    return Unknown(h)\n", STORES),
    ],
)
def test_fates_go_through_calls(source: str, expected: Fate) -> None:
    assert fate(source) is expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def g(h, n):\n    if n == 0:\n        h.close()\n    else:\n        g(h, n - 1)\n", CLOSES),
        ("def g(h, n):\n    return h.close() if n == 0 else g(h, n - 1)\n", CLOSES),
        ("def g(h, n):\n    if n:\n        g(h, n - 1)\n    return h.read()\n", BORROWS),
        ("def g(h, n):\n    if n == 0:\n        h.close()\n    else:\n        other(h, n)\n"
         "def other(h, n):\n    g(h, n - 1)\n", CLOSES),
        ("def g(h, n):\n    return g(h, n - 1) if n else h\n", RETURNS),
    ],
)  # fmt: skip
def test_recursion_is_decided_by_the_paths_that_end(source: str, expected: Fate) -> None:
    assert fate(source) is expected


def test_recursion_is_judged_the_same_from_wherever_one_asks() -> None:
    source = """
        def one(h, n):
            other(h, n)

        def other(h, n):
            if n:
                one(h, n - 1)
    """
    forward, backward = Engine(source), Engine(source)
    resource = forward.unit.catalogue.acquirers["open"][-1]

    def fates(engine: Engine, names: tuple[str, ...]) -> dict[str, Fate]:
        return {n: engine.summaries.fate(engine.module, engine.graph(n), "h", resource) for n in names}

    assert fates(forward, ("one", "other")) == fates(backward, ("other", "one"))


def test_functions_that_call_each_other_are_not_summarised_for_every_way_through_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = 5
    source = "".join(
        f"def g{n}(h, n):\n"
        + "".join(f"    if n == {other}:\n        g{other}(h, n)\n" for other in range(count) if other != n)
        + ("    h.close()\n" if n == count - 1 else "    h.read()\n")
        for n in range(count)
    )
    summarised = []
    one = Summaries._fate

    def counted(self: Summaries, module: Module, cfg: Cfg, name: str, resource: Resource) -> Fate:
        summarised.append(cfg.name)
        return one(self, module, cfg, name, resource)

    monkeypatch.setattr(Summaries, "_fate", counted)
    assert fate(source, "g0") is SOMETIMES
    assert len(summarised) <= 4 * 3 ** (count - 2)


# callers

HELPERS = """
    import contextlib, functools, sqlite3
    import aiohttp, asyncpg, psycopg2

    KEPT = []

    def closes(h):
        h.close()

    def closes_normally(h):
        h.read()
        h.close()

    def closes_sometimes(h, a):
        if a:
            h.close()

    def stores(h):
        KEPT.append(h)

    def returns(h):
        return h

    def borrows(h):
        return h.name

    def closes_all(*files):
        for each in files:
            each.close()

    def closes_named(**files):
        files["h"].close()

    def second(a, *rest, h=None):
        h.close()

    def reads(h):
        for line in h:
            yield line

    def quiet(a):
        return a + 1

    def noisy(a):
        return a.work()

    def fails(a):
        raise ValueError(a)

    class Base:
        def inherited(self, h):
            h.close()

    class Tool(Base):
        def closes(self, h):
            h.close()

        @classmethod
        def closes_by_class(cls, h):
            h.close()

        @staticmethod
        def closes_by_static(h):
            h.close()

        def borrows(self, h):
            return h.read()

        def by_self(self, p):
            h = open(p)
            SELF

        @classmethod
        def by_cls(cls, p):
            h = open(p)
            CLS

    class Keeps:
        def __init__(self, h):
            self.h = h

    class Peeks:
        def __init__(self, h):
            self.size = len(h.name)

    class Closes:
        def __init__(self, h):
            h.close()

    class Plain:
        h: object
"""


def helpers(**calls: str) -> str:
    """The helpers, with what the methods that open a file do with it."""
    source = text(HELPERS)
    for name in ("SELF", "CLS"):
        source = source.replace(name, calls.get(name, "pass"))
    return source


def found_behind(source: str, head: str) -> list[str]:
    """The codes found on the line behind `head`."""
    line = source[: source.index(head)].count("\n") + 2
    return [finding.rule for finding in findings(source) if finding.location.line == line]


def caller(call: str) -> list[str]:
    """The codes found in a function that opens a file and makes the call."""
    return found_behind(f"{helpers()}\ndef f(p, a):\n    h = open(p)\n{indent(call, '    ')}\n", "def f(p, a)")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("closes(h)", []),
        ("closes(h=h)", []),
        ("x = h\ncloses(x)", []),
        ("closes_normally(h)", ["LL102"]),
        ("closes_sometimes(h, a)", ["LL103"]),
        ("closes_sometimes(h, a)\nh.close()", []),
        ("stores(h)", []),
        ("returns(h)", ["LL101"]),
        ("x = returns(h)\nx.close()", []),
        ("return returns(h)", []),
        ("borrows(h)", ["LL101"]),
        ("borrows(h)\nh.close()", []),
        ("reads(h)", ["LL101"]),
        ("lines = reads(h)\nh.close()\nreturn lines", []),
        ("return reads(h)", []),
        ("quiet(1)\nh.close()", []),
        ("noisy(a)\nh.close()", ["LL102"]),
        ("fails(a)\nh.close()", ["LL101"]),
        ("if a:\n    fails(a)\nh.close()", ["LL103"]),
    ],
)
def test_callers_of_functions(call: str, expected: list[str]) -> None:
    assert caller(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("closes_all(h)", []),
        ("closes_all(a, h)", []),
        ("closes_all(*[h])", []),
        ("closes_named(h=h)", []),
        ("second(a, h=h)", []),
        ("second(h)", ["LL101"]),
        ("second(a, h)", ["LL101"]),
    ],
)
def test_how_arguments_reach_parameters(call: str, expected: list[str]) -> None:
    assert caller(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("Tool.closes(a, h)", []),
        ("Tool.closes_by_class(h)", []),
        ("Tool.closes_by_static(h)", []),
        ("Tool.inherited(a, h)", []),
        ("Tool.borrows(a, h)", ["LL101"]),
        ("Tool.unknown(h)", ["LL101"]),
        ("return Keeps(h)", []),
        ("x = Keeps(h)", ["LL101"]),
        ("Peeks(h)", ["LL101"]),
        ("Closes(h)", []),
        ("x = Plain(h)", []),
    ],
)
def test_callers_of_classes(call: str, expected: list[str]) -> None:
    assert caller(call) == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("{}.closes(h)", []),
        ("{}.closes_by_class(h)", []),
        ("{}.closes_by_static(h)", []),
        ("{}.inherited(h)", []),
        ("{}.borrows(h)", ["LL101"]),
        ("return {}.borrows(h)", ["LL101"]),
        ("{}.unknown(h)", ["LL101"]),
    ],
)
def test_a_method_calls_others_on_self(call: str, expected: list[str]) -> None:
    assert found_behind(helpers(SELF=call.format("self")), "def by_self(") == expected


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("cls.closes_by_class(h)", []),
        ("cls.closes_by_static(h)", []),
        ("cls.closes(p, h)", []),
        ("cls.unknown(h)", ["LL101"]),
    ],
)
def test_a_class_method_calls_others_on_cls(call: str, expected: list[str]) -> None:
    assert found_behind(helpers(CLS=call), "def by_cls(") == expected


# what functions return


def test_the_obligation_goes_to_the_caller_through_any_number_of_calls() -> None:
    source = """
        def opened(p):
            return open(p)

        def again(p):
            return opened(p)

        def ok(p):
            with again(p) as h:
                return h.read()

        def leaks(p):
            h = again(p)
            return h.read()
    """
    assert codes(source) == ["12:LL101"]
    (finding,) = findings(source)
    assert finding.function == "leaks"
    assert [step.location.line for step in finding.steps] == [12, 5, 13], "the call, the helper's call, the return"


@pytest.mark.parametrize(
    ("returned", "use", "expected"),
    [
        ("h, 1", "h, n = opened(p)\n    h.close()", []),
        ("h, 1", "h, n = opened(p)\n    return n", ["LL101"]),
        ("1, h", "n, h = opened(p)\n    h.close()", []),
        ("h, 1", "return opened(p)[0]", []),
        ("h, 1", "return opened(p)[1]", ["LL104"]),
        ("{'h': h}", "d = opened(p)\n    d['h'].close()", []),
        ("{'h': h}", "d = opened(p)\n    return d['n']", ["LL101"]),
        ("[h]", "for h in opened(p):\n        h.close()", []),
        ("h", "opened(p)", ["LL104"]),
        ("h", "return opened(p).read()", ["LL104"]),
        ("h", "opened(p).close()", []),
        ("h", "return opened(p)", []),
        ("h if p else None", "h = opened(p)\n    if h:\n        h.close()", []),
        ("h if p else None", "h = opened(p)\n    if p:\n        h.close()", ["LL103"]),
        ("h.read()", "return opened(p)", []),
    ],
)
def test_parts_of_results(returned: str, use: str, expected: list[str]) -> None:
    source = f"def opened(p):\n    h = open(p)\n    return {returned}\n\ndef f(p):\n    {use}\n"
    assert [f.rule for f in findings(source) if f.function == "f"] == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", ["LL101"]),
        ("@functools.lru_cache\n", []),
        ("@functools.lru_cache(maxsize=None)\n", []),
        ("@functools.cache\n", []),
        ("@functools.wraps(print)\n", ["LL101"]),
        ("@staticmethod\n", ["LL101"]),
    ],
)
def test_what_is_cached_is_not_owned_by_the_caller(head: str, expected: list[str]) -> None:
    source = f"import functools\n\n{head}def opened(p):\n    return open(p)\n\ndef f(p):\n    h = opened(p)\n"
    assert [f.rule for f in findings(source) if f.function == "f"] == expected


def test_a_cached_property_keeps_what_it_opens() -> None:
    assert (
        codes("""
        import functools

        class Store:
            @functools.cached_property
            def handle(self):
                return open("x")

            def read(self):
                return self.handle.read()
    """)
        == []
    )


CONTEXT = """
    import contextlib

    @contextlib.contextmanager
    def opened(p):
        h = open(p)
        {}

    def f(p, a):
        with opened(p) as h:
            a(h)
            return h.read()
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("with h:\n            yield h", []),
        ("try:\n            yield h\n        finally:\n            h.close()", []),
        ("yield h\n        h.close()", ["5:LL102"]),
        ("yield h", ["5:LL101"]),
        ("try:\n            yield h\n        except Exception:\n            h.close()\n            raise", ["5:LL103"]),
    ],
)
def test_a_context_manager_is_judged_itself_and_its_callers_owe_nothing(lines: str, expected: list[str]) -> None:
    assert codes(CONTEXT.format(lines)) == expected


def test_asynchronous_helpers() -> None:
    source = """
        import contextlib
        import asyncpg

        async def connected(p):
            return await asyncpg.connect(p)

        @contextlib.asynccontextmanager
        async def connection(p):
            c = await asyncpg.connect(p)
            try:
                yield c
            finally:
                await c.close()

        async def ok(p):
            async with connection(p) as c:
                return await c.fetch("x")

        async def ok_closed(p):
            c = await connected(p)
            try:
                return await c.fetch("x")
            finally:
                await c.close()

        async def leaks(p):
            c = await connected(p)
            return await c.fetch("x")

        async def not_awaited(p):
            connected(p)
    """
    assert codes(source) == ["27:LL101"]


def test_a_generator_that_yields_what_it_opens_gives_it_away() -> None:
    assert (
        codes("""
        def files(ps):
            for p in ps:
                yield open(p)

        def f(ps):
            for h in files(ps):
                h.read()
    """)
        == []
    )


# nested functions


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("def shut():\n    h.close()\nshut()", []),
        ("def shut():\n    h.close()\ntry:\n    a()\nfinally:\n    shut()", []),
        ("def shut(x):\n    x.close()\nshut(h)", []),
        ("def shut(x=None):\n    x.close()\nshut(x=h)", []),
        ("def shut():\n    if a:\n        h.close()\nshut()", ["LL103"]),
        ("def shut():\n    h.close()", ["LL101"]),
        ("def peek():\n    return h.name\npeek()", ["LL101"]),
        ("shut = lambda: h.close()\nshut()", []),
        ("shut = lambda x: x.close()\nshut(h)", []),
        ("def outer():\n    def inner():\n        h.close()\n    inner()\nouter()", []),
        ("def shut():\n    h.close()\nreturn shut", []),
        ("return lambda: h.read()", []),
        ("atexit.register(lambda: h.close())", []),
        ("def opened():\n    return open(p)\nx = opened()\nh.close()\nx.close()", ["LL102"]),
    ],
)
def test_functions_inside_of_functions(lines: str, expected: list[str]) -> None:
    source = "import atexit\n\ndef f(p, a):\n    h = open(p)\n" + indent(lines, "    ") + "\n"
    assert [f.rule for f in findings(source) if f.location.line == 4] == expected


# whether an exception may leave


def test_what_a_function_may_raise_makes_the_confidence() -> None:
    source = helpers() + "\ndef f(p, a):\n    h = open(p)\n    {}\n    h.close()\n"
    line = source[: source.index("def f(p, a")].count("\n") + 2
    confidences = {}
    for call in ("quiet(1)", "noisy(a)", "unknown(a)"):
        found = [f for f in findings(source.replace("{}", call)) if f.location.line == line]
        confidences[call] = found[0].confidence if found else None
    assert confidences == {"quiet(1)": None, "noisy(a)": Confidence.HIGH, "unknown(a)": Confidence.LOW}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def g(a):\n    return a\n", False),
        ("def g(a):\n    a()\n", True),
        ("def g(a):\n    raise a\n", True),
        ("def g(a):\n    try:\n        a()\n    except Exception:\n        pass\n", False),
        ("def g(a):\n    try:\n        a()\n    except BaseException:\n        pass\n", False),
        ("def g(a):\n    try:\n        a()\n    except OSError:\n        pass\n", True),
        ("def g(a):\n    try:\n        a()\n    except Exception:\n        raise\n", True),
        ("def g(a):\n    try:\n        a()\n    except Exception:\n        a()\n", True),
        ("def g(a):\n    try:\n        a()\n    finally:\n        return 1\n", False),
        ("def g(a):\n    print(a)\n    return len(a)\n", False),
        ("def g(a):\n    return other(a)\ndef other(a):\n    return a\n", False),
        ("def g(a):\n    return other(a)\ndef other(a):\n    return a()\n", True),
        ("def g(a):\n    return g(a - 1) if a else 0\n", True),
        ("def g(a):\n    a.close()\n", False),
    ],
)
def test_whether_an_exception_may_leave(source: str, expected: bool) -> None:
    engine = Engine(source)
    assert engine.summaries.raising.function(engine.module, engine.graph("g")) is expected
