"""The fast walk gives what ast's own gives, contexts aside."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from leaklint.syntax.nodes import children, walk

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "fixtures" / "flow").rglob("*.py")])
EVERYTHING = """
import a.b as c, d
from . import *
from .e import f as g
@decorated(1)
async def h(i, /, j: int = 2, *k: int, l=None, m, **n) -> None:
    global o
    async with p as q, r: pass
    async for s in t: break
    else: continue
    return [await u async for v in w if x if y]
class A(B, metaclass=C):
    z: int
    z: int = yield_()
match a, b:
    case {"k": v, **rest}: pass
    case [1, *others] if others: pass
    case B(1, x=2) | None as whole: pass
    case _: pass
try: pass
except (D, E) as problem: raise F from problem
else: del a.b, c[1:2:3], d[..., 0]
finally: assert a, b
def generator():
    nonlocal_ = lambda x, *y: (yield)
    while not (a := -b + ~c ** d @ e) or f in g is not h <= i != j: yield from k
    print(f"{a!r:>{b}} {c}", {**d, 'e': f}, {*g}, {i: j for i, j in k}, (l for l in m), *n, **o)
    a @= b if c else d
"""


def expected(node: ast.AST) -> list[ast.AST]:
    return [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr_context)]


def same(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        assert children(node) == expected(node), ast.dump(node)
    assert list(walk(tree)) == [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_walk_gives_what_ast_gives(path: Path) -> None:
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError:
        pytest.skip("of a newer Python")
    same(tree)


def test_every_kind_of_node_is_walked() -> None:
    same(ast.parse(EVERYTHING))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="type statements are new in Python 3.12")
def test_the_name_of_a_type_statement_is_a_node() -> None:
    same(ast.parse("type A[T: int, *U, **V] = list[T]\ndef f[T](x: T) -> T: ...\nclass B[T]: ...\n"))


def test_a_node_may_lack_fields() -> None:
    node = ast.parse("f(x)", mode="eval").body
    assert isinstance(node, ast.Call)
    del node.args
    assert children(node) == [node.func]
