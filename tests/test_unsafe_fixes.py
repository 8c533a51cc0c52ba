"""Fixes that change what a program does between two calls, or what a class offers: what is in the way of them."""

from __future__ import annotations

import pytest

from leaklint.autofix import Fixer
from leaklint.config import Settings
from leaklint.finding import Confidence
from leaklint.result import Skipped
from leaklint.run import check_data, checker
from tests.test_fixes import mended


def refused(source: str) -> list[str]:
    """Why the findings of a source that has no fix have none."""
    fixer = Fixer(checker())
    outcome = check_data(source.encode(), "x.py", Settings(unsafe_fixes=True, min_confidence=Confidence.LOW), fixer)
    assert not isinstance(outcome, Skipped)
    assert not fixer.fixed, fixer.fixed[0].after.decode()
    return [finding.refused for finding in outcome.findings]


class TestConnectionsOfTheModule:
    """LL201 into the handler that uses it: what is in the way, and what is not."""

    CONNECT = 'import redis\n\nr = redis.Redis(host="h")\n'
    HANDLER = "\n\ndef handler(event, context):\n    return r.get(event)\n"

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            (CONNECT + HANDLER + "\n\ndef other():\n    r.get(1)\n", "`handler` and `other` use it"),
            (CONNECT + HANDLER.replace("handler(event, context)", "help(event)"), "`help` uses it, and is no handler"),
            (CONNECT + "r.get(1).x()\n" + HANDLER, "used on line 4, outside of a function"),
            (CONNECT + "seen = [r]\n" + HANDLER, "used on line 4, outside of a function"),
            (CONNECT + '__all__ = ["r"]\n' + HANDLER, "`__all__` names `r`"),
            (CONNECT + HANDLER.replace("context", "context, s=r"), "outside of a function"),
            (CONNECT + HANDLER.replace("r.get(event)", "lambda: r.get(event)"), "what needs it is returned"),
            (
                CONNECT + HANDLER.replace("return r.get(event)", "def g():\n        r.get(1)\n    g()"),
                "captured by `g`",
            ),
            (CONNECT + HANDLER.replace("r.get(event)", "r.pipeline()"), "what needs it is returned"),
            (CONNECT + HANDLER.replace("r.get(event)", "globals()"), "`globals` may reach it by its name"),
            (CONNECT.replace("r =", "r: object =") + HANDLER, "not assigned to a variable alone"),
            (CONNECT.replace("r = redis", "if 1:\n    r = redis") + HANDLER, "inside of another block"),
            (CONNECT.replace('"h"', "event") + HANDLER, "`event` means something else in `handler`"),
            (CONNECT.replace('"h"', "h") + "h = 1\n" + HANDLER, "`h` may mean something else by then"),
            (CONNECT.replace('"h"', '"""h\n"""') + HANDLER, "a text of several lines would be indented"),
            (CONNECT + HANDLER.replace("return r", "yield r"), "`handler` is a generator"),
            (CONNECT + HANDLER + "\n\ndef f(x):\n    return [r for r in x], r.get(1)\n", "`f` and `handler` use it"),
            (CONNECT + HANDLER + HANDLER, "two functions of the name `handler` use it"),
            (CONNECT + HANDLER.replace("event)", "event), [r for r in event]"), "`r` also means something else"),
            (CONNECT + HANDLER.replace("r.get(event)", "r.get(handler(1, 2))"), "`handler` may be called while it"),
            (CONNECT + HANDLER.replace("event)", "f())") + "\n\ndef f():\n    handler(1, 2)\n", "called while it runs"),
            (CONNECT + HANDLER + "\n__all__ += ['r']\n", "`__all__` names `r`"),
            (CONNECT + HANDLER + "\n\ndef test():\n    mock.patch('x.r')\n", "`mock.patch` reaches `r` by its name"),
            (CONNECT + "import sys\n" + HANDLER + "\nprint(sys.modules)\n", "`sys.modules` may reach it by its name"),
        ],
    )
    def test_the_reason_is_said(self, source: str, reason: str) -> None:
        assert any(reason in said for said in refused(source)), refused(source)

    @pytest.mark.parametrize(
        ("made", "later", "reason"),
        [
            ("from a import H", "from b import H", "`H` may mean something else by then"),
            ("H = {}", "H['x'] = 1", "`H` may hold something else by then"),
            ("H = {}", "print(H)", "`H` may hold something else by then"),
            ("H = {}", "h = H", "`H` may hold something else by then"),
            ("class H:\n    pass", "H.x = 1", "`H` may hold something else by then"),
            ("H = []", "def f():\n    H.append(1)", "`H` may hold something else by then"),
            ("H = iter('a')", "", "`H` can be read once"),
            ("H = 1", "from b import *", "a later star import may bind anything anew"),
        ],
    )
    def test_what_it_is_made_of_means_the_same_later(self, made: str, later: str, reason: str) -> None:
        source = f"import redis\n\n{made}\nr = redis.Redis(H)\n{later}\n{self.HANDLER}"
        assert any(reason in said for said in refused(source)), refused(source)

    @pytest.mark.parametrize(
        ("made", "reason"),
        [
            ("redis.Redis(next(HOSTS))", "`next` gives something else with every call"),
            ("redis.Redis(os.environ.pop('H'))", "`os.environ.pop` gives something else with every call"),
            ("sqlalchemy.create_engine(os.environ.get('D', 'sqlite://'))", "the database is gone with its connection"),
            ("connect()", "`connect` does more than to connect"),
            ("counted()", "`counted` counts its calls"),
            ("once()", "`@memo` may make `once` give the same one again"),
            ("Seen()", "an object of `Seen` may hold more than its connection"),
            ("Derived()", "an object of `Derived` may hold more than its connection"),
            ("Greeting()", "`Greeting` does more than to connect"),
        ],
    )
    def test_it_can_be_made_again_and_again(self, made: str, reason: str) -> None:
        source = f"""
import os, redis, sqlalchemy

def connect():
    c = redis.Redis()
    c.set("started", 1)
    return c

def counted():
    global N
    N += 1
    return redis.Redis(db=N)

@memo
def once():
    return redis.Redis()

class Seen:
    def __init__(self):
        self.r = redis.Redis()
        self.seen = set()

    def get(self, key):
        return key in self.seen or self.r.get(key)

    def close(self):
        self.r.close()

class Base:
    def note(self):
        self.calls = 1

class Derived(Base):
    def __init__(self):
        self.c = redis.Redis()

    def get(self, key):
        return self.c.get(key)

    def close(self):
        self.c.close()

class Greeting:
    def __init__(self):
        self.d = redis.Redis()
        self.d.set("started", 1)

    def get(self, key):
        return self.d.get(key)

    def close(self):
        self.d.close()

r = {made}
{self.HANDLER}
"""
        _, left = mended(source, unsafe=True)
        assert any(reason in finding.refused for finding in left), left

    @pytest.mark.parametrize(
        ("call", "moves"), [("ping()", True), ("set('hits', 0)", False), ("execute('SET x')", True)]
    )
    def test_only_what_sets_it_up_moves_along(self, call: str, moves: bool) -> None:
        source = f"{self.CONNECT}r.{call}\n{self.HANDLER}"
        result, left = mended(source, unsafe=True)
        assert (f"\n        r.{call}\n        return" in result.decode()) is moves
        assert moves or "outside of a function" in left[0].refused

    def test_a_helper_that_closes_it(self) -> None:
        source = (
            "import pymysql\n\nc = pymysql.connect()\n\n\ndef done(x):\n    x.close()\n\n\n"
            "def handler(event, context):\n    c.ping()\n    done(c)\n"
        )
        assert refused(source) == ["a second release would raise"]

    @pytest.mark.parametrize("comment", ["# fmt: off", "# region clients", "# pylint: disable=invalid-name"])
    def test_a_comment_that_begins_something_stays(self, comment: str) -> None:
        source = self.CONNECT.replace("\nr = ", f"\n{comment}\nr = ") + self.HANDLER
        assert f"\n{comment}\n\n\ndef handler" in mended(source, unsafe=True)[0].decode()

    def test_a_line_that_goes_on_and_the_comment_above(self) -> None:
        source = self.CONNECT.replace("\nr = ", "# the cache\nr = \\\n    ") + self.HANDLER
        result = mended(source, unsafe=True)[0].decode()
        assert result.endswith('    # the cache\n    with redis.Redis(host="h") as r:\n        return r.get(event)\n')

    def test_declarations_and_imports_stay_in_front(self) -> None:
        body = "    global N\n    import json\n    N = 1\n    return r.get(event)\n"
        source = self.CONNECT + "N = 0\n\n\ndef handler(event, context):\n" + body
        result = mended(source, unsafe=True)[0].decode()
        assert "    global N\n    import json\n    with redis.Redis(" in result

    def test_it_waits_to_be_asked_for(self) -> None:
        source = self.CONNECT + self.HANDLER
        assert mended(source)[0] == source.encode()
        assert mended(source, unsafe=True)[0].decode() == (
            "import redis\n\n\ndef handler(event, context):\n"
            '    with redis.Redis(host="h") as r:\n        return r.get(event)\n'
        )

    @pytest.mark.parametrize("newline", ["\n", "\r\n"])
    def test_line_ends_and_tabs_stay(self, newline: str) -> None:
        source = (self.CONNECT + self.HANDLER).replace("    ", "\t").replace("\n", newline)
        result = mended(source, unsafe=True)[0].decode()
        assert f'\twith redis.Redis(host="h") as r:{newline}\t\treturn r.get(event){newline}' in result
        assert result.count("\n") == result.count(newline)

    def test_the_handler_connects_before_it_does_anything(self) -> None:
        body = "    if not event:\n        return 0\n    print(event)\n    x = 1\n    return r.get(x)\n"
        result = mended(self.CONNECT + "\n\ndef handler(event, context):\n" + body, unsafe=True)[0].decode()
        before, _, inside = result.partition("    with ")
        assert before.endswith("return 0\n")
        assert "print(event)" in inside


class TestClassesThatCannotRelease:
    """LL107: what a class must not have."""

    CLASS = (
        "class A:\n    def __init__(self, p):\n        self._f = open(p)\n\n    def g(self):\n        self._f.read()\n"
    )

    @pytest.mark.parametrize(
        ("source", "reason"),
        [
            (CLASS.replace("A:", "A(B):"), "`B`, from which `A` is derived, may release it"),
            (CLASS.replace("A:", "A(metaclass=M):"), "a metaclass may make something else of `A`"),
            ("@known\n" + CLASS, "`@known` may make something else of `A`"),
            (CLASS + "\n    def close(self):\n        pass\n", "`A` has `close` already"),
            (CLASS + "\n    def h(self):\n        self.close = 1\n", "`A` has `close` already"),
            (CLASS + "\n    def __enter__(self):\n        return 1\n", "`A` has `__enter__` already"),
            (CLASS + "\n\nclass C(A):\n    close = None\n", "`C` has `close` already"),
            (CLASS + "\n    def h(self):\n        self._f = self.x\n", "`self._f` may also hold something else"),
            (CLASS + "\n    def h(self):\n        del self._f\n", "`self._f` may also hold something else"),
            (CLASS.replace("open(p)", "open(p) if p else None"), "`self._f` may also hold something else"),
            (CLASS.replace("        self._f =", "        if p:\n            self._f ="), "may not be there"),
            (f"class A:\n    pass\n\n\n{CLASS}", "`A` is not defined in plain sight"),
            (CLASS.replace("A:", "A:\n    __slots__ = ('_f', 'close')"), "`A` has `close` already"),
            (CLASS.replace("A:", "A:\n    from x import close"), "`A` has `close` already"),
            (
                CLASS + "\n\nclass B:\n    def close(self):\n        pass\n\nclass C(A, B):\n    pass\n",
                "`B` has `close`",
            ),
            (CLASS + "\n\nclass C(A, x.B):\n    pass\n", "`x.B`, from which `C` is derived, may release it"),
            (CLASS + "\n\nclass C(A, metaclass=M):\n    pass\n", "a metaclass may make something else of `C`"),
            (CLASS + "\n    def __setattr__(self, k, v):\n        pass\n", "`A` has `__setattr__`"),
            (CLASS + "\n    def __new__(cls, p):\n        return ONE\n", "`A` has `__new__`"),
            (
                CLASS + "\n    @property\n    def _f(self):\n        return 1\n",
                "`self._f` may also hold something else",
            ),
            (CLASS + "\n\nA = wrapped(A)\n", "`A` is bound again"),
            (CLASS + "\n\nA.close = print\n", "`A.close` is set to something else"),
            (CLASS + "\n\ndef f(x):\n    return hasattr(x, 'close')\n", "`hasattr` asks for `close`"),
            (CLASS + "\n\ndef f(x):\n    return dir(x)\n", "`dir` may list its methods"),
            (CLASS + "\n\ndef f(x, k):\n    setattr(x, k, 1)\n", "`setattr` may store something else in `self._f`"),
            (CLASS + "\n\ndef f(x):\n    x.__dict__.clear()\n", "`x.__dict__` may make something else"),
            (
                CLASS + "\n    def h(self):\n        Thread(target=self.g).start()\n",
                "`self.g` may be kept, and used after",
            ),
            (CLASS + "\n    def h(self):\n        return lambda: self.g()\n", "`lambda` may be kept, and used after"),
            (CLASS + "\n    def h(self):\n        register(self)\n", "`self` may be kept, and used after"),
            (CLASS + "\n\nclass C(A):\n    def __init__(self):\n        self.x = 1\n", "may not be there"),
            (CLASS.replace("__init__(self, p)", "__post_init__(self)"), "may not be there"),
            (
                "from dataclasses import dataclass\n\n\n@dataclass\nclass A:\n    f: object = None\n\n"
                "    def g(self):\n        if not self.f:\n            self.f = open('x')\n        self.f.read()\n",
                "`self.f` may also hold something else",
            ),
            (
                "import os\n\n\nclass A:\n    def __init__(self, p):\n        self._d = os.open(p, 0)\n\n\n"
                "def f(p):\n    os.close(A(p)._d)\n",
                "`_d` may be released on line 10, and a second release would raise",
            ),
        ],
    )
    def test_the_reason_is_said(self, source: str, reason: str) -> None:
        assert any(reason in said for said in refused(source)), refused(source)

    def test_what_its_users_leave_open_is_reported_from_then_on(self) -> None:
        source = self.CLASS + "\n\ndef use(p):\n    a = A(p)\n    return a\n\n\ndef f(p):\n    use(p).g()\n"
        result, left = mended(source, unsafe=True)
        assert b"    def close(self):\n        self._f.close()\n" in result
        assert (b"    with closing(use(p)) as a:\n        a.g()\n" in result, left) == (True, [])

    def test_what_lends_itself_is_no_danger(self) -> None:
        lent = "\n    def h(self, xs):\n        return sorted(xs, key=self.g), len(self), self == 1, f'{self}'\n"
        assert b"def close(self)" in mended(self.CLASS + lent, unsafe=True)[0]

    @pytest.mark.parametrize("base", ["A", "A[int]", "o.A"])
    def test_a_derived_class_with_a_close_however_its_base_is_spelled(self, base: str) -> None:
        source = self.CLASS.replace("A:", "A(typing.Generic[T]):")
        source = f"import typing\n\n\n{source}\n\nclass C({base}):\n    close = None\n"
        assert [said for said in refused(source) if "`C` has `close`" in said or "`o.A`" in said]

    def test_a_class_and_one_derived_from_it_do_not_both_get_a_close(self) -> None:
        derived = (
            "\n\nclass B(A):\n    def __init__(self, p):\n        super().__init__(p)\n        self._e = open(p)\n"
        )
        result, left = mended(self.CLASS + derived, unsafe=True)
        assert result.count(b"def close(self)") == 1
        assert [finding.refused for finding in left] == ["`A` has `__enter__` already"]

    def test_a_coroutine_that_nothing_waits_for_is_not_returned_out_of_a_block(self) -> None:
        source = self.CLASS.replace("def g", "async def g") + "\n\nasync def f(p):\n    a = A(p)\n    return a.g()\n"
        _, left = mended(source, unsafe=True)
        assert [finding.refused for finding in left] == ["what needs it is returned"]
        result, left = mended(source.replace("return a", "return await a"), unsafe=True)
        assert (b"    with A(p) as a:\n        return await a.g()\n" in result, left) == (True, [])

    def test_a_comment_stays_with_its_method(self) -> None:
        source = self.CLASS + "        # the rest\n\n    # the end\n"
        result = mended(source, unsafe=True)[0].decode()
        assert "self._f.read()\n        # the rest\n\n    def close(self):" in result
        assert result.endswith("        self.close()\n\n    # the end\n")

    @pytest.mark.parametrize(
        "method",
        [
            "for x in self._f:\n            yield x",
            "return map(str, self._f)",
            "r = csv.reader(self._f)\n        return r",
            "return (x for x in self._f)",
        ],
    )
    def test_what_reads_later_is_not_returned_out_of_a_block(self, method: str) -> None:
        source = f"import csv\n\n\n{self.CLASS}\n    def rows(self):\n        {method}\n\n\n"
        source += "def f(p):\n    return A(p).rows()\n"
        result, left = mended(source, unsafe=True)
        assert b"def close(self)" in result
        assert [finding.refused for finding in left] == ["what needs it is returned"]

    def test_a_second_release_that_raises(self) -> None:
        source = (
            "import os\n\n\nclass A:\n    def __init__(self, p):\n        self._d = os.open(p, 0)\n\n"
            "    def __del__(self):\n        os.close(self._d)\n"
        )
        _, (finding,) = mended(source, unsafe=True)
        assert "a second release would raise" in finding.refused
