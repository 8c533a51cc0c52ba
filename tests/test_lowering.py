"""One construct of the language, one golden file: the program, a line of dashes, and the graphs that it lowers to.

A file may start with ``# Python 3.12``, the first version whose grammar has the construct. ``pytest --update-golden``
writes the graphs anew; a change is reviewed by reading: is the order that of evaluation, is there a copy of each
``finally`` per way of leaving, does each exception edge go where the exception goes?
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import libcst as cst
import pytest

from leaklint.catalogue.load import load
from leaklint.flow.cfg import RAISE, Cfg, EdgeKind
from leaklint.flow.lower_statements import Statements
from leaklint.flow.ops import Call, Join, Leave
from leaklint.flow.scope import Scope
from leaklint.syntax.outline import MODULE
from tests.programs import at, codes, graph, op_after, opened, reached

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.txt"))
SEPARATOR = "----\n"


def program(file: Path) -> tuple[str, tuple[int, ...]]:
    """The program of a golden file, and the Python version that it needs."""
    source, separator, _ = file.read_text(encoding="utf-8").partition(SEPARATOR)
    assert separator, "no line of dashes behind the program"
    needed = re.match(r"# Python (\d+)\.(\d+)\n", source)
    return source, (int(needed[1]), int(needed[2])) if needed else (3, 10)


def lowered(source: str) -> str:
    """The graphs of a module's functions, and of its own code when there is more than imports and functions."""
    unit = opened(source)
    names = [name for name, function in unit.outline.functions.items() if function.outermost == name]
    plain = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef)
    if not all(isinstance(statement, plain) for statement in unit.source.tree.body):
        names.insert(0, MODULE)
    return "\n".join(unit.lower(name).dump() for name in names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_construct(file: Path, update_golden: bool) -> None:
    source, needed = program(file)
    if sys.version_info < needed:
        pytest.skip(f"needs the grammar of Python {needed[0]}.{needed[1]}")
    text = source + SEPARATOR + lowered(source)
    if update_golden:
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text


# every kind of node is thought of

NEEDS_NOTHING = {
    "Ellipsis": "a literal",
    "Float": "a literal",
    "Imaginary": "a literal",
    "Integer": "a literal",
    "SimpleString": "a literal",
    "StarredElement": "part of a display, a target or a subscript, where it is unpacked",
    "SimpleStatementLine": "the line of small statements that `suite` walks",
    "Pass": "does nothing",
    "Global": "known before lowering, from the scope",
    "Nonlocal": "known before lowering, from the scope",
}
NEWER = {
    "LazyImport": "Python 3.15: no running Python reads it yet",
    "LazyImportFrom": "Python 3.15: no running Python reads it yet",
    "StarredDictComp": "Python 3.15: no running Python reads it yet",
}
PATTERNS = {
    "MatchAs", "MatchClass", "MatchList", "MatchMapping", "MatchOr", "MatchSingleton", "MatchTuple", "MatchValue",
}  # fmt: skip


def kinds(*bases: type) -> Iterator[str]:
    """The names of all node classes below `bases` that a parser makes."""
    stack = list(bases)
    while stack:
        kind = stack.pop()
        stack.extend(kind.__subclasses__())
        if not kind.__name__.startswith(("Base", "_")) and not kind.__subclasses__():
            yield kind.__name__


NODES = sorted(set(kinds(cst.BaseExpression, cst.BaseStatement, cst.BaseSmallStatement)))


@pytest.mark.parametrize("name", NODES)
def test_every_statement_and_expression_is_lowered_or_needs_nothing(name: str) -> None:
    handled = hasattr(Statements, f"_{name}")
    assert handled is not (name in NEEDS_NOTHING or name in NEWER)


def test_no_method_of_the_lowering_has_the_name_of_no_node() -> None:
    methods = {name[1:] for name in dir(Statements) if re.match(r"_[A-Z]", name)}
    assert methods - set(NODES) <= {"TemplatedString"}, "older versions of libcst know no template strings"
    assert {*NEEDS_NOTHING, *NEWER} - set(NODES) <= {"LazyImport", "LazyImportFrom", "StarredDictComp"}


def test_every_pattern_is_known() -> None:
    assert set(kinds(cst.MatchPattern)) == PATTERNS


def test_every_node_stands_in_some_golden_file() -> None:
    seen: set[str] = set()
    for file in FILES:
        stack: list[cst.CSTNode] = [cst.parse_module(program(file)[0])]
        while stack:
            node = stack.pop()
            seen.add(type(node).__name__)
            stack.extend(node.children)
    assert {*NODES, *PATTERNS} - seen <= {*NEWER, "TemplatedString"}


def directly(source: str) -> Cfg:
    """The graph of a function that libcst parses, whether the running Python does or not."""
    node = cst.parse_module(source).body[0]
    assert isinstance(node, cst.FunctionDef)
    lowering = Statements(Scope("f", frozenset({"a", "b"})), load(), Cfg("f"))
    lowering.run(node)
    return lowering.cfg


@pytest.mark.skipif(not hasattr(cst, "TemplatedString"), reason="this libcst knows no template strings")
@pytest.mark.parametrize("string", ["'{a()}'", "'x {a()!r:>{b()}} {b(1)=}'", "'{a():{b():{a(1)}}}'", "''"])
def test_a_template_string_evaluates_what_a_formatted_one_does(string: str) -> None:
    template = directly(f"def f(a, b):\n    return t{string}\n").dump()
    assert template == directly(f"def f(a, b):\n    return f{string}\n").dump()


# what dumps do not show


def test_parameters_are_in_the_order_of_calls_and_typed_by_plain_annotations() -> None:
    cfg = graph("""
        import sqlite3
        from typing import Optional

        def f(a: sqlite3.Connection, /, b: "sqlite3.Cursor", c: Optional[sqlite3.Connection] = None,
              *rest: int, d: sqlite3.Row | None, e, g: "not an ( annotation", **more: str):
            pass
    """)
    assert cfg.parameters == ("a", "b", "c", "d", "e", "g", "rest", "more")
    assert cfg.annotations["a"] == "sqlite3.Connection"
    assert cfg.annotations["b"] == "sqlite3.Cursor"
    assert cfg.annotations["c"] == "sqlite3.Connection"
    assert cfg.annotations["d"] == "sqlite3.Row"
    assert {"e", "g"}.isdisjoint(cfg.annotations)


def test_nodes_inside_of_loops_are_marked() -> None:
    cfg = graph("""
        def f(a, b):
            b.before()
            for x in a:
                b.turn(x)
            else:
                b.otherwise()
            while a:
                b.again()
            b.after([b.each(x) for x in a])
    """)
    inside = {op.method for node, op in enumerate(cfg.ops) if isinstance(op, Call) and node in cfg.loops}
    assert inside == {"turn", "again", "each"}


def test_guards_know_the_variables_that_they_read() -> None:
    cfg = graph("""
        def f(a, b):
            if a == "x":
                b()
            if isinstance(a, b.Kind) and a.part is None:
                b()
            if a() or len(b) > 1:
                b()
    """)
    assert cfg.guards["a == 'x'"] == {"a"}
    assert cfg.guards["isinstance(a, b.Kind)"] == {"a", "b"}
    assert cfg.guards["a.part is None"] == {"a"}
    assert not any("len" in key or "()" in key for key in cfg.guards)


# programs of which a wrong graph makes a wrong finding

PROGRAMS: dict[str, tuple[str, list[str]]] = {
    "slice store": ("""
        def f(files, p):
            files[:] = [open(p)]
        """, []),
    "assert False": ("""
        def f(p, a):
            h = open(p)
            if a:
                h.close()
            else:
                assert False
        """, []),
    "nested del": ("""
        def f(p, a):
            h = open(p)
            del (a, (h,))
            a = 1
        """, ["2:LL104"]),
    "None among alternatives": ("""
        def f(p):
            h = open(p)
            match h:
                case None | "":
                    return
                case _:
                    h.close()
        """, []),
    "repeated list": ("""
        def f(p):
            files = [open(p)] * 2
            for x in files:
                x.close()
        """, []),
    "comparison chain": ("""
        def f(p, a, b):
            h = open(p)
            return a < b < h.close()
        """, ["2:LL103"]),
    "lambda, attribute": ("""
        def f(self, p):
            data = open(p)
            return lambda: self.data
        """, ["2:LL101"]),
    "lambda, keyword": ("""
        def f(g, p):
            data = open(p)
            return lambda: g(data=1)
        """, ["2:LL101"]),
    "lambda, starred parameter": ("""
        def f(g, p):
            data = open(p)
            return lambda *data: g(data)
        """, ["2:LL101"]),
    "lambda, default": ("""
        def f(p):
            h = open(p)
            return lambda h=h: h.read()
        """, []),
    "def, default that reads it": ("""
        def f(p):
            h = open(p)

            def inner(x=len(h.name)):
                return x

            return inner
        """, ["2:LL101"]),
    "def, decorator": ("""
        def f(p, register):
            h = open(p)

            @register
            def inner():
                return 1

            h.close()
        """, ["2:LL102"]),
    "bounds of a slice store": ("""
        def f(a, p):
            h = open(p)
            a[:h.close()] = [1]
        """, []),
    "suppress": ("""
        from contextlib import suppress

        def f(p):
            h = open(p)
            with suppress(Exception):
                h.read()
            h.close()
        """, []),
}  # fmt: skip
WRONG = {
    "def, decorator": "the call of a decorator is not lowered",
}


def known(name: str) -> object:
    """A parameter, expected to fail where the engine is known to be wrong."""
    marks = pytest.mark.xfail(strict=True, reason=WRONG[name]) if name in WRONG else ()
    return pytest.param(name, marks=marks)


@pytest.mark.parametrize("name", [known(name) for name in PROGRAMS])
def test_findings(name: str) -> None:
    source, expected = PROGRAMS[name]
    assert codes(source) == expected


def test_the_target_of_a_with_is_evaluated_inside_of_it() -> None:
    cfg = graph("def f(a, b):\n    with a() as b[a(1)]:\n        pass\n")
    onward = op_after(cfg, at(cfg, "%4 = a.__call__(_)"), EdgeKind.EXCEPTION)
    assert isinstance(onward, Join)
    assert onward.label == "with exit"


def test_the_class_of_a_handler_is_evaluated_when_an_exception_arrives() -> None:
    cfg = graph("def f(a, b):\n    try:\n        a()\n    except b():\n        return 1\n")
    assert any(isinstance(op, Call) and op.name == "b" for op in cfg.ops)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs the grammar of Python 3.11")
def test_an_exception_in_a_handler_lets_the_others_of_except_star_run() -> None:
    cfg = graph("""
        def f(a):
            try:
                a()
            except* OSError:
                a(1)
            except* KeyError:
                a(k=2)
    """)
    raising = at(cfg, "%2 = a.__call__(_) discarded")
    assert at(cfg, "%3 = a.__call__(k=_) discarded") in {
        node for kind, target in cfg.successors[raising] if kind is EdgeKind.EXCEPTION for node in reached(cfg, target)
    }


def test_each_way_out_of_a_with_leaves_it_once() -> None:
    cfg = graph("""
        def f(a, b):
            for x in b:
                with a() as y:
                    if x:
                        return y
                    if y:
                        break
                    if b:
                        continue
                    a(x)
                    y(x)
    """)
    copies = [node for node, op in enumerate(cfg.ops) if isinstance(op, Leave) and node in cfg.entered]
    assert len(copies) == 5, "for a return, a break, a continue, exceptions and the end of the block"
    exceptional = [node for node in copies if cfg.successors[node] == [(EdgeKind.NORMAL, RAISE)]]
    assert len(exceptional) == 1
