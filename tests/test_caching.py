"""What a module keeps for the next invocations: what is asked of a slot, who holds it, and what the rules say."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from leaklint.analysis.lasting import Code
from leaklint.analysis.slots import Holders, Module
from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.finding import Confidence, Finding, Severity
from leaklint.result import Checked, Failed

HEAD = """
import asyncio
from functools import lru_cache
import asyncpg
import mysql.connector
import psycopg2
import pymysql
import redis
from sqlalchemy import create_engine
conn = None
"""
HANDLER = "def handler(event, context):\n    get().commit()\n"


def findings(source: str, confidence: Confidence = Confidence.MEDIUM) -> list[Finding]:
    text = HEAD + dedent(source)
    outcome = check_source(text.encode(), "module.py", Settings(min_confidence=confidence))
    assert isinstance(outcome, Checked), outcome
    return list(outcome.findings)


def getter(test: str, opened: str = "psycopg2.connect('')", before: str = "") -> str:
    lines = ["def get():", "    global conn", *([f"    {before}"] if before else []), f"    if {test}:"]
    return "\n".join([*lines, f"        conn = {opened}", "    return conn", HANDLER])


def codes(source: str) -> list[str]:
    return [finding.rule for finding in findings(source)]


def only(source: str) -> Finding:
    (found,) = findings(source)
    return found


class TestGuards:
    @pytest.mark.parametrize(
        "test",
        [
            "conn is None", "not conn", "conn == None", "conn is None or conn.closed", "not (conn is not None)",
            "'conn' not in globals()", "conn is None or not is_alive(conn)", "conn is None and event_is_new",
        ],
    )  # fmt: skip
    def test_asking_for_what_is_there_keeps_it(self, test: str) -> None:
        assert codes(getter(test)) == ["LL202"]

    @pytest.mark.parametrize("test", ["conn is not None", "conn", "True", "fresh()"])
    def test_not_asking_or_asking_for_the_contrary_replaces_it(self, test: str) -> None:
        assert codes(getter(test)) == ["LL204"]

    @pytest.mark.parametrize("before", ["if conn: return conn", "if conn is not None: return conn"])
    def test_leaving_before_where_there_is_one_keeps_it(self, before: str) -> None:
        source = (
            f"def get():\n    global conn\n    {before}\n    conn = psycopg2.connect('')\n    return conn\n{HANDLER}"
        )
        assert codes(source) == ["LL202"]

    @pytest.mark.parametrize("value", ["conn or psycopg2.connect('')", "conn if conn else psycopg2.connect('')"])
    def test_an_expression_asks_as_well(self, value: str) -> None:
        assert codes(f"def get():\n    global conn\n    conn = {value}\n    return conn\n{HANDLER}") == ["LL202"]

    def test_callers_ask_for_a_function_that_does_not(self) -> None:
        source = "def open_it():\n    global conn\n    conn = psycopg2.connect('')\n"
        asking = "def handler(event, context):\n    if conn is None:\n        open_it()\n    conn.commit()\n"
        assert codes(source + asking) == ["LL202"]
        assert codes(source + asking.replace("conn is None", "event")) == ["LL204"]


class TestCloses:
    CLOSE = "    finally:\n        db.close()\n"
    USE = "def handler(event, context):\n    db = get()\n    try:\n        db.commit()\n"

    def handled(self, test: str, close: str) -> list[str]:
        return codes(getter(test).removesuffix(HANDLER) + self.USE + close)

    def test_closed_and_kept_is_left_to_the_next_invocation(self) -> None:
        assert self.handled("conn is None", self.CLOSE) == ["LL203"]

    @pytest.mark.parametrize("test", ["conn is None or conn.closed", "not is_alive(conn)", "True"])
    def test_closed_and_opened_anew_is_not_kept(self, test: str) -> None:
        assert self.handled(test, self.CLOSE) == []

    def test_a_close_on_error_alone_gives_nothing_up(self) -> None:
        close = "    except psycopg2.Error:\n        db.close()\n"
        assert self.handled("conn is None or conn.closed", close) == ["LL202"]

    def test_a_variable_that_may_hold_another_is_not_the_kept_one(self) -> None:
        source = getter("conn is None").removesuffix(HANDLER)
        handler = self.USE.replace("    try", "    if event:\n        db = other()\n    try")
        assert codes(source + handler + self.CLOSE) == ["LL202"]

    def test_an_exit_hook_closes_nothing_that_is_used_again(self) -> None:
        hook = "import atexit\natexit.register(lambda: conn.close())\n"
        assert codes(getter("conn is None") + hook) == ["LL202"]

    def test_a_script_does_not_find_what_it_has_closed(self) -> None:
        source = "db = psycopg2.connect('')\ndef main():\n    db.commit()\n    db.close()\n"
        assert codes(source) == ["LL203"]
        assert codes(f"{source}if __name__ == '__main__':\n    main()\n") == ["LL201"]

    def test_where_nobody_is_known_to_close_it_is_less_sure(self) -> None:
        source = getter("conn is None").removesuffix(HANDLER)
        source += "def shut():\n    global conn\n    conn.close()\n    conn = None\n"
        assert codes(source) == []
        assert [f.confidence for f in findings(source, Confidence.LOW)] == [Confidence.LOW]


class TestMessages:
    def test_a_plain_connection_names_every_risk(self) -> None:
        found = only(getter("conn is None"))
        assert found.severity is Severity.MEDIUM
        assert found.message.startswith(
            "psycopg2 connection `conn` is opened at its first use and kept across invocations by the global `conn`: "
        )
        for risk in ("fail-over", "DNS", "frozen", "every sandbox holds a connection"):
            assert risk in found.message

    def test_a_ping_that_reconnects_heals_and_hangs_on_a_silent_peer(self) -> None:
        source = getter("conn is None", "pymysql.connect(host='db')").replace(
            "    return conn", "    conn.ping(reconnect=True)\n    return conn"
        )
        found = only(source)
        assert found.severity is Severity.LOW
        assert "silent peer" in found.message
        assert "so can the test itself" in found.message
        assert "`read_timeout`" in found.help
        assert codes(source.replace("host='db'", "host='db', read_timeout=3")) == []

    def test_a_ping_that_does_not_reconnect_heals_nothing(self) -> None:
        source = getter("conn is None", "pymysql.connect(host='db')").replace(
            "    return conn", "    conn.ping()\n    return conn"
        )
        assert only(source).severity is Severity.MEDIUM

    def test_a_statement_whose_failure_reconnects_heals(self) -> None:
        source = """
        def get():
            global conn
            if conn is None:
                conn = psycopg2.connect('')
            try:
                with conn.cursor() as cursor:
                    cursor.execute('SELECT 1')
            except psycopg2.Error:
                conn.close()
                conn = psycopg2.connect('')
            return conn
        """
        assert {(f.rule, f.severity) for f in findings(dedent(source) + HANDLER)} == {("LL202", Severity.LOW)}
        assert {f.severity for f in findings(dedent(source).replace("SELECT 1", "SELECT x") + HANDLER)} == {
            Severity.MEDIUM
        }

    @pytest.mark.parametrize("given", ["pool_recycle=60", "pool_size=1"])
    def test_a_clock_heals_nothing(self, given: str) -> None:
        source = f"@lru_cache\ndef get():\n    return create_engine('postgresql://', {given})\n{HANDLER}"
        assert only(source).severity is Severity.MEDIUM
        assert only(source.replace(given, "pool_pre_ping=True")).severity is Severity.LOW

    def test_a_proxy_is_recognised_by_its_name(self) -> None:
        host = "psycopg2.connect(host='shop.proxy-c0ffee.eu-west-1.rds.amazonaws.com')"
        found = only(getter("conn is None", host))
        assert "RDS Proxy follows a fail-over" in found.message
        assert "stale" in found.message
        assert "RDS Proxy" not in only(getter("conn is None", host.replace("proxy-", "db-"))).message

    def test_what_a_second_loop_cannot_use_is_high_and_names_the_loop(self) -> None:
        source = """
        async def get():
            global conn
            if conn is None:
                conn = await asyncpg.create_pool(host='db')
            return await conn.fetch('SELECT 1')

        def handler(event, context):
            return asyncio.run(get())
        """
        found = only(source)
        assert (found.rule, found.severity) == ("LL205", Severity.HIGH)
        assert [step.message for step in found.steps] == ["opened here, and kept", "each invocation makes a loop here"]
        assert only(source.replace("asyncio.run(", "LOOP.run_until_complete(")).rule == "LL202"

    def test_a_close_shows_where_it_was_opened_and_stands_in_its_function(self) -> None:
        source = getter("conn is None").removesuffix(HANDLER) + TestCloses.USE + TestCloses.CLOSE
        found = only(source)
        assert (found.rule, found.severity, found.function) == ("LL203", Severity.HIGH, "handler")
        assert found.location.line > found.steps[0].location.line


def test_what_nests_too_deeply_is_named_and_ends_nothing() -> None:
    chain = "conn" + ".a" * 3000
    text = HEAD + getter("conn is None") + f"def deep():\n    {chain}\n"
    outcome = check_source(text.encode(), "module.py", Settings())
    assert isinstance(outcome, Checked | Failed)


def test_a_slot_is_looked_for_only_where_something_may_hold_it() -> None:
    text = (
        getter("conn is None")
        + "def use(given):\n    given.commit()\ndef other():\n    use(get())\ndef idle():\n    pass\n"
    )
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    nothing: frozenset[str] = frozenset()
    module = Module(Code(tree, functions, nothing, nothing, nothing, nothing, nothing), {}, lambda node: "")
    holders = Holders(module, "conn")
    assert holders.names == {"conn", "use#given"}
    assert holders.getters == {"get"}
    assert holders.functions == {"get", "handler", "other", "use"}
