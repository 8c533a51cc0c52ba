"""What the catalogue says of resources after their release and in another event loop, against the real libraries."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Catalogue
from tests.conformance.databases import MARIADB, POSTGRES, SYNC_URL, USER
from tests.conformance.probe import library
from tests.test_conformance import require_server

Opening = Callable[[], Any]
Using = Callable[[Any], Any]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def select(connection: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()


def through_sqlalchemy(session: Any) -> None:
    session.execute(library("sqlalchemy").text("SELECT 1"))


def through_an_engine(engine: Any) -> None:
    with engine.connect() as connection:
        through_sqlalchemy(connection)


def engine() -> Any:
    return library("sqlalchemy").create_engine(SYNC_URL)


REOPENING: dict[str, tuple[str, Opening, Using, str]] = {
    "psycopg2.connection": ("postgres", lambda: library("psycopg2").connect(**POSTGRES), select, "close"),
    "psycopg.connection": ("postgres", lambda: library("psycopg").connect(**POSTGRES), select, "close"),
    "pymysql.connection": ("mariadb", lambda: library("pymysql").connect(**MARIADB), select, "close"),
    "psycopg2.pool": (
        "postgres",
        lambda: library("psycopg2.pool").SimpleConnectionPool(1, 2, **POSTGRES),
        lambda pool: pool.putconn(pool.getconn()),
        "closeall",
    ),
    "sqlalchemy.engine": ("postgres", engine, through_an_engine, "dispose"),
    "sqlalchemy.session": (
        "postgres",
        lambda: library("sqlalchemy.orm").Session(engine()),
        through_sqlalchemy,
        "close",
    ),
    "sqlalchemy.connection": ("postgres", lambda: engine().connect(), through_sqlalchemy, "close"),
    "redis.client": ("redis", lambda: library("redis").Redis(), lambda client: client.ping(), "close"),
}


@pytest.mark.parametrize("identifier", REOPENING)
def test_what_works_after_its_release_reopens(identifier: str, catalogue: Catalogue) -> None:
    server, opened, use, release = REOPENING[identifier]
    pytest.importorskip(identifier.partition(".")[0])
    require_server(server)
    resource = opened()
    use(resource)
    getattr(resource, release)()
    try:
        use(resource)
        works = True
    except Exception:
        works = False
    assert catalogue.resources[identifier].cache.reopens is works
    if works:
        getattr(resource, release)()


@pytest.mark.filterwarnings("ignore:The 'reconnect' argument:DeprecationWarning")
@pytest.mark.parametrize("identifier", ["pymysql.connection", "mysql.connector.connection"])
def test_a_ping_that_reconnects_heals_what_was_closed(identifier: str, catalogue: Catalogue) -> None:
    driver = pytest.importorskip(identifier.rpartition(".")[0])
    require_server("mariadb")
    connection = driver.connect(**MARIADB)
    connection.close()
    connection.ping(reconnect=True)
    select(connection)
    connection.close()
    assert "ping(reconnect=True)" in catalogue.resources[identifier].cache.heals


POSTGRES_ARGUMENTS = f"host='127.0.0.1', user={USER!r}"
LOOPS: dict[str, tuple[str, str, str, str]] = {
    "redis.async_client": ("redis", "redis.asyncio", "redis.asyncio.Redis()", "opened.ping()"),
    "asyncpg.connection": (
        "postgres",
        "asyncpg",
        f"await asyncpg.connect({POSTGRES_ARGUMENTS}, database='test')",
        "opened.fetch('SELECT 1')",
    ),
    "psycopg.async_connection": (
        "postgres",
        "psycopg",
        f"await psycopg.AsyncConnection.connect({POSTGRES_ARGUMENTS}, dbname='test')",
        "opened.execute('SELECT 1')",
    ),
}
PROGRAM = """
import asyncio, {module}

async def first():
    global opened
    opened = {opening}
    await {use}

async def second():
    await {use}

asyncio.run(first())
asyncio.run(second())
"""


@pytest.mark.parametrize("identifier", LOOPS)
def test_what_fails_in_a_second_event_loop_is_bound_to_the_first(identifier: str, catalogue: Catalogue) -> None:
    server, module, opening, use = LOOPS[identifier]
    pytest.importorskip(module)
    require_server(server)
    program = PROGRAM.format(module=module, opening=opening, use=use)
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0 or "second" in ran.stderr
    assert catalogue.resources[identifier].cache.loop is (ran.returncode != 0)
