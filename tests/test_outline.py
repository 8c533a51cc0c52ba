"""The outline: functions and classes by qualified name, and what can be told of them without lowering."""

from __future__ import annotations

import ast

import pytest

from leaklint.syntax.outline import MODULE, Function, Outline, outline
from tests.programs import text


def outlined(source: str) -> Outline:
    return outline(ast.parse(text(source)))


def function(body: str, head: str = "def f(a):") -> Function:
    lines = "".join(f"    {line}\n" for line in text(body).splitlines())
    return outlined(f"{head}\n{lines}").functions["f"]


NESTED = """
    def first():
        def inner():
            class Local:
                def method(self):
                    return lambda: deepest
        async def other():
            pass

    class Outer:
        def method(self):
            def helper():
                pass

        class Inner:
            @staticmethod
            def method():
                pass

    if first:
        def late():
            pass
"""


def test_functions_and_classes_go_by_their_qualified_names_in_the_order_of_the_text() -> None:
    found = outlined(NESTED)
    assert list(found.functions) == [
        "first", "first.<locals>.inner", "first.<locals>.inner.<locals>.Local.method", "first.<locals>.other",
        "Outer.method", "Outer.method.<locals>.helper", "Outer.Inner.method", "late",
    ]  # fmt: skip
    assert set(found.classes) == {"first.<locals>.inner.<locals>.Local", "Outer", "Outer.Inner"}


def test_each_function_knows_the_class_and_the_outermost_function_around_it() -> None:
    found = outlined(NESTED)
    assert {name: (f.owner, f.outermost) for name, f in found.functions.items()} == {
        "first": ("", "first"),
        "first.<locals>.inner": ("", "first"),
        "first.<locals>.inner.<locals>.Local.method": ("first.<locals>.inner.<locals>.Local", "first"),
        "first.<locals>.other": ("", "first"),
        "Outer.method": ("Outer", "Outer.method"),
        "Outer.method.<locals>.helper": ("", "Outer.method"),
        "Outer.Inner.method": ("Outer.Inner", "Outer.Inner.method"),
        "late": ("", "late"),
    }


def test_a_function_that_is_defined_again_is_another_one() -> None:
    found = outlined("""
        if x:
            def f(): return a()
        else:
            def f(): return b()

        class A:
            @property
            def p(self): return c()

            @p.setter
            def p(self, value): d(value)
    """)
    first, again, getter, setter = found.functions
    assert (first, getter) == ("f", "A.p")
    assert again.startswith("f#")
    assert setter.startswith("A.p#")
    assert [ast.unparse(found.calls[name][0]) for name in found.functions] == ["a()", "b()", "c()", "d(value)"]
    assert all(f.outermost == f.name for f in found.functions.values())


def test_calls_belong_to_the_scope_that_makes_them() -> None:
    found = outlined("""
        @deco(1)
        def f(p=default(2), *, q=default(3)):
            @inner_deco(5)
            def g(r=inner_default(6)):
                return nested(7)
            class Local(base(8)):
                x = attribute(9)
            return [each(10) for y in it(11)], lambda: late(12)

        class A(base(13), metaclass=meta(14)):
            x = attribute(15)
            def m(self): method(16)

        with manager(17) as y: body(18)
    """)

    def numbers(scope: str) -> set[int]:
        return {arg.value for call in found.calls[scope] for arg in call.args if isinstance(arg, ast.Constant)}  # type: ignore[misc]

    assert numbers("f") == {5, 6, 7, 8, 9, 10, 11, 12}
    assert numbers("A.m") == {16}
    assert numbers(MODULE) == {1, 2, 3, 13, 14, 15, 17, 18}
    assert set(found.calls) == {MODULE, "f", "A.m"}


def test_context_expressions_are_known_with_their_kind() -> None:
    found = outlined("with a() as x, b():\n    c()\nasync def f():\n    async with d(): e()\n")
    assert {ast.unparse(node): kind for node, kind in found.managed.items()} == {
        "a()": False,
        "b()": False,
        "d()": True,
    }


def test_names_that_functions_read() -> None:
    found = outlined(
        "a = b\ndef f(c=d):\n    e = g\n    return lambda: h\nclass A:\n    i = j\n    def m(self): return k\n"
    )
    assert {"g", "h", "k"} <= found.read
    assert found.read.isdisjoint({"a", "b", "i", "j"})


def test_imports_of_all_scopes_in_the_order_of_the_text() -> None:
    found = outlined("""
        import a
        def f():
            from b import c
            class A:
                import d
        try:
            import e
        except ImportError:
            import f
    """)
    assert [ast.unparse(node) for node in found.imports] == [
        "import a", "from b import c", "import d", "import e", "import f",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "quiet"),
    [
        ("return a + 1", True),
        ("return a.b[0]", True),
        ("a.close()", True),
        ("return lambda: g()", True),
        ("def inner():\n    g()\nreturn inner", True),
        ("g()", False),
        ("raise a", False),
        ("return [g() for x in a]", False),
        ("try:\n    g()\nexcept E:\n    pass", None),
        ("with a:\n    g()", None),
        ("try:\n    a = 1\nfinally:\n    pass", True),
        ("@g()\ndef inner():\n    pass", False),
        ("def inner(x=g()):\n    pass", False),
    ],
)
def test_whether_anything_may_raise(body: str, quiet: bool | None) -> None:
    assert function(body).quiet is quiet


def test_an_await_may_raise() -> None:
    assert function("await a", "async def f(a):").quiet is False


@pytest.mark.parametrize(
    ("body", "never"),
    [
        ("raise a", True),
        ("g()\nraise E(a)", True),
        ("if a:\n    return 1\nraise E", False),
        ("if a:\n    raise E", False),
        ("yield 1\nraise E", False),
        ("def inner():\n    return 1\nraise E", True),
    ],
)
def test_whether_it_ever_returns(body: str, never: bool) -> None:
    assert function(body).never_returns is never


@pytest.mark.parametrize(
    ("body", "generator"),
    [("yield", True), ("x = yield from a", True), ("return (yield)", True), ("def g():\n    yield", False),
     ("return lambda: (yield)", False), ("return (x for x in a)", False)],
)  # fmt: skip
def test_generators(body: str, generator: bool) -> None:
    assert function(body).generator is generator


@pytest.mark.parametrize(
    ("body", "abstract"),
    [("pass", True), ("...", True), ("'''Text.'''", True), ("'''Text.'''\nraise NotImplementedError", True),
     ("raise NotImplementedError('f')", True), ("raise ValueError", False), ("return a", False),
     ("a.x = 1\nb = 2\npass", False)],
)  # fmt: skip
def test_methods_that_are_there_to_be_overridden(body: str, abstract: bool) -> None:
    lines = "".join(f"        {line}\n" for line in body.splitlines())
    method = outlined(f"class A:\n    def m(self, a):\n{lines}").functions["A.m"]
    assert method.abstract is abstract


def test_a_plain_function_is_never_abstract() -> None:
    assert not function("pass").abstract


def test_deep_nesting_does_not_overflow() -> None:
    source = "def f(a):\n    if a == 0: g()\n" + "".join(f"    elif a == {n}: g{n}()\n" for n in range(900))
    assert len(outlined(source).calls["f"]) == 901
