"""What names mean: imports, aliases, stars, and what each scope binds."""

from __future__ import annotations

import ast

import pytest

from leaklint.syntax.names import (
    FunctionNode,
    Names,
    bound_names,
    dotted,
    exported_names,
    function_bindings,
    import_bindings,
    module_names,
)
from tests.programs import text


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import a", [("a", "a")]),
        ("import a.b.c", [("a", "a")]),
        ("import a.b as c, d", [("c", "a.b"), ("d", "d")]),
        ("from a import b", [("b", "a.b")]),
        ("from a.b import c as d, e", [("d", "a.b.c"), ("e", "a.b.e")]),
        ("from . import a", [("a", ".a")]),
        ("from .. import a as b", [("b", "..a")]),
        ("from .a import b", [("b", ".a.b")]),
        ("from ..a.b import c", [("c", "..a.b.c")]),
        ("from a import *", [("*", "a.*")]),
    ],
)
def test_what_an_import_binds(statement: str, expected: list[tuple[str, str]]) -> None:
    (node,) = ast.parse(statement).body
    assert isinstance(node, ast.Import | ast.ImportFrom)
    assert list(import_bindings(node)) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("a", "a"), ("a.b.c", "a.b.c"), ("a().b", ""), ("a[0].b", ""), ("'a'.b", ""), ("(a.b).c", "a.b.c")],
)
def test_the_text_of_a_chain_of_names(expression: str, expected: str) -> None:
    assert dotted(ast.parse(expression, mode="eval").body) == expected


KNOWN = {"psycopg2", "psycopg2.connect", "sqlite3", "sqlite3.connect", "drivers", "drivers.open_all"}


def names(source: str) -> Names:
    tree = ast.parse(text(source))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return module_names(tree, imports, KNOWN.__contains__)


def meaning(source: str, expression: str) -> str:
    return names(source).dotted(ast.parse(expression, mode="eval").body)


@pytest.mark.parametrize(
    ("source", "expression", "expected"),
    [
        ("import psycopg2 as pg", "pg.connect", "psycopg2.connect"),
        ("import a.b", "a.b.c", "a.b.c"),
        ("from a import b", "b.c", "a.b.c"),
        ("from . import a", "a.b", ".a.b"),
        ("", "open", "open"),
        ("", "os.open", ""),
        ("", "unknown", ""),
        ("open = 1", "open", ""),
        ("def open(): pass", "open", ""),
        ("class open: pass", "open.x", ""),
        ("from a import open", "open", "a.open"),
        ("for open in x: pass", "open", ""),
        ("def f(open): pass", "open", "open"),
        (
            "try:\n    import ours as pg\nexcept ImportError:\n    import psycopg2 as pg",
            "pg.connect",
            "psycopg2.connect",
        ),
        (
            "try:\n    import psycopg2 as pg\nexcept ImportError:\n    import ours as pg",
            "pg.connect",
            "psycopg2.connect",
        ),
        ("try:\n    import a as pg\nexcept ImportError:\n    import b as pg", "pg.x", "a.x"),
        ("def f():\n    import psycopg2", "psycopg2.connect", "psycopg2.connect"),
        ("from drivers import *", "open_all", "drivers.open_all"),
        ("from drivers import *", "other", ""),
        ("from drivers import *", "len", "len"),
        ("import psycopg2\nconnect = psycopg2.connect", "connect", "psycopg2.connect"),
        ("import psycopg2\nconnect = psycopg2.connect\nconnect = other", "connect", ""),
        ("import psycopg2\nif x:\n    connect = psycopg2.connect", "connect", ""),
        ("import psycopg2\nconnect = psycopg2.connect()", "connect", ""),
        ("import psycopg2\npg = psycopg2", "pg.connect", ""),
        ("reader = open", "reader", ""),
    ],
)
def test_what_stands_behind_a_name(source: str, expression: str, expected: str) -> None:
    assert meaning(source, expression) == expected


BINDING = """
    a = b.c = d[0] = 1
    e, (f, *g), [h] = x
    i += 1
    j: int = 1
    k: int
    for l, m in n: pass
    while (o := p): pass
    with q as r, s as (t, u): pass
    try: pass
    except E as v: pass
    import w
    from w import y
    def z(aa=(bb := 1), *, cc=(dd := 2)): ee = 1
    @(ff := deco)
    class gg: hh = 1
    async def ii(): jj = 1
    kk = [ll for ll in (mm := n)]
    lambda nn: (oo := 1)
    match pp:
        case [qq, *rr, {"k": ss, **tt}, A(uu, vv=ww)] as xx: pass
        case yy: pass
    del zz
"""


def test_what_statements_bind_in_their_own_scope() -> None:
    found = bound_names(ast.parse(text(BINDING)).body)
    assert {
        "a", "e", "f", "g", "h", "i", "j", "k", "l", "m", "o", "r", "t", "u", "v", "z", "bb", "dd", "gg", "ii", "kk",
        "mm", "qq", "rr", "ss", "tt", "uu", "ww", "xx", "yy", "zz",
    } <= found  # fmt: skip
    assert found.isdisjoint(
        {"b", "c", "d", "n", "p", "q", "s", "w", "x", "y", "aa", "cc", "ee", "hh", "jj", "oo", "vv"}
    )


def test_the_decorator_of_a_class_may_bind() -> None:
    assert "ff" in bound_names(ast.parse(text(BINDING)).body)


def bindings(source: str) -> tuple[set[str], tuple[str, ...]]:
    (node,) = ast.parse(text(source)).body
    assert isinstance(node, FunctionNode)
    found = function_bindings(node)
    return set(found.names), found.parameters


def test_what_a_function_binds() -> None:
    source = """
        def f(a, /, b, *c, d=1, **e):
            global g
            nonlocal h
            g = h = i = 1
            import j.k
            l = m = 2
    """
    assert bindings(source) == ({"a", "b", "c", "d", "e", "i", "l", "m"}, ("a", "b", "d", "c", "e"))
    (node,) = ast.parse(text(source)).body
    assert isinstance(node, FunctionNode)
    found = function_bindings(node)
    assert found.globals == {"g"}
    assert found.nonlocals == {"h"}
    assert found.imports == {"j": "j"}


def test_a_chain_of_a_thousand_branches_is_walked() -> None:
    source = "def f(a):\n    if a == 0: x = 1\n" + "".join(f"    elif a == {n}: x{n} = 1\n" for n in range(900))
    names, _ = bindings(source)
    assert len(names) == 902


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from ours import *", "ours.get"),
        ("from ours import *\nfrom theirs import *", "ours.get"),
        ("from ours import *\nfrom later import *", "later.get"),
        ("from . import *", ".get"),
        ("from .. import *", "..get"),
        ("from .ours import *", ".ours.get"),
        ("from ours import *\nfrom x import get", "x.get"),
        ("from ours import *\ndef get(): pass", ""),
    ],
)
def test_the_last_star_import_that_gives_a_name_binds_it(source: str, expected: str) -> None:
    tree = ast.parse(source)
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = module_names(tree, imports, lambda name: False)
    names.exports = lambda star, name: star != "theirs" and name == "get"
    assert names.resolve("get") == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os\nfrom a import b, c as d\nx = 1\n_y = 2\ndef f(): z = 3\nclass K: w = 4", "os b d x f K"),
        ("from a import *\nx = 1", "x"),
        ("__all__ = ['x', '_y']\nx = z = 1", "x _y"),
        ("__all__: list[str] = ['x']\nx = z = 1", "x"),
        ("__all__ = ('x',)\n__all__ += more\nx = z = 1", "x z"),
        ("__all__ = ['x']\n__all__ = ['z']\nx = z = 1", "x z"),
        ("__all__ = other.__all__\nx = 1", "x"),
    ],
)
def test_what_a_module_gives_to_star_imports(source: str, expected: str) -> None:
    assert exported_names(ast.parse(source)) == set(expected.split())
