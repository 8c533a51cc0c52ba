"""Probes of database drivers and their pools, on PostgreSQL, MariaDB and files."""

from __future__ import annotations

import functools
import itertools
import os
from typing import Any

from tests.conformance.probe import library, probe, scratch

USER = os.environ.get("PGUSER", "postgres")
POSTGRES = {"host": "127.0.0.1", "port": 5432, "user": USER, "dbname": "test"}
POSTGRES_URL = f"postgresql://{USER}@127.0.0.1:5432/test"
SYNC_URL = f"postgresql+psycopg2://{USER}@127.0.0.1/test"
ASYNC_URL = f"postgresql+asyncpg://{USER}@127.0.0.1/test"
MARIADB: dict[str, Any] = {"host": "127.0.0.1", "port": 3306, "user": "root", "password": "", "database": "test"}
MANY = 60
"""more than a probe ever takes out of a pool, and no more than a server grants"""

_numbers = itertools.count()


def _used(connection: Any) -> Any:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()
    return connection


# --- PostgreSQL ---


@probe("psycopg2.connection", server="postgres")
def _() -> Any:
    return _used(library("psycopg2").connect(**POSTGRES))


@functools.cache
def psycopg2_owner() -> Any:
    return library("psycopg2").connect(**POSTGRES)


@probe("psycopg2.cursor", server="postgres", alive=lambda cursor: not cursor.closed)
def _() -> Any:
    cursor = psycopg2_owner().cursor()
    cursor.execute("SELECT 1")
    return cursor


@probe("psycopg2.pool", server="postgres")
def _() -> Any:
    return library("psycopg2.pool").SimpleConnectionPool(1, 2, **POSTGRES)


@functools.cache
def psycopg2_pool() -> Any:
    return library("psycopg2.pool").SimpleConnectionPool(1, MANY, **POSTGRES)


@probe("psycopg2.pool.checkout", server="postgres", owner=psycopg2_pool, count=lambda: len(psycopg2_pool()._used))
def _() -> Any:
    return psycopg2_pool().getconn()


@probe("psycopg.connection", server="postgres")
def _() -> Any:
    return _used(library("psycopg").connect(**POSTGRES))


@functools.cache
def psycopg_owner() -> Any:
    return library("psycopg").connect(**POSTGRES)


@probe("psycopg.cursor", server="postgres", alive=lambda cursor: not cursor.closed)
def _() -> Any:
    cursor = psycopg_owner().cursor()
    cursor.execute("SELECT 1")
    return cursor


@probe("psycopg.async_connection", server="postgres")
async def _() -> Any:
    return await library("psycopg").AsyncConnection.connect(**POSTGRES)


@probe("psycopg.async_cursor", server="postgres", alive=lambda cursor: not cursor.closed)
async def _() -> Any:
    connection = await library("psycopg").AsyncConnection.connect(**POSTGRES)
    return connection.cursor()


@probe("psycopg_pool.pool", server="postgres")
def _() -> Any:
    pool = library("psycopg_pool").ConnectionPool(kwargs=POSTGRES, min_size=1, max_size=2, open=True)
    pool.wait()
    return pool


@functools.cache
def psycopg_pool() -> Any:
    pool = library("psycopg_pool").ConnectionPool(kwargs=POSTGRES, min_size=MANY // 2, max_size=MANY // 2, open=True)
    pool.wait()
    return pool


def _psycopg_pool_taken() -> int:
    stats = psycopg_pool().get_stats()
    return int(stats["pool_size"] - stats["pool_available"])


@probe("psycopg_pool.checkout", server="postgres", owner=psycopg_pool, count=_psycopg_pool_taken)
def _() -> Any:
    return psycopg_pool().getconn()


@probe("psycopg_pool.async_pool", server="postgres")
async def _() -> Any:
    pool = library("psycopg_pool").AsyncConnectionPool(kwargs=POSTGRES, min_size=1, max_size=2, open=False)
    await pool.open(wait=True)
    return pool


@probe("asyncpg.connection", server="postgres")
async def _() -> Any:
    return await library("asyncpg").connect(POSTGRES_URL)


@probe("asyncpg.pool", server="postgres")
async def _() -> Any:
    return await library("asyncpg").create_pool(POSTGRES_URL, min_size=1, max_size=2)


_asyncpg_pools: list[Any] = []


def asyncpg_pool() -> Any:
    return _asyncpg_pools[0]


def _asyncpg_taken() -> int:
    return sum(pool.get_size() - pool.get_idle_size() for pool in _asyncpg_pools)


@probe(
    "asyncpg.pool.checkout",
    server="postgres",
    owner=asyncpg_pool,
    count=_asyncpg_taken,
    block=lambda: asyncpg_pool().acquire(),
)
async def _() -> Any:
    if not _asyncpg_pools:
        _asyncpg_pools.append(await library("asyncpg").create_pool(POSTGRES_URL, min_size=MANY, max_size=MANY))
    return await asyncpg_pool().acquire()


@probe("pg8000.connection", server="postgres")
def _() -> Any:
    return _used(library("pg8000.dbapi").connect(user=USER, host="127.0.0.1", database="test"))


@functools.cache
def pg8000_owner() -> Any:
    return library("pg8000.dbapi").connect(user=USER, host="127.0.0.1", database="test")


@probe("pg8000.cursor", server="postgres", alive=lambda cursor: cursor._c is not None)
def _() -> Any:
    return pg8000_owner().cursor()


@probe("pg8000.legacy.connection", server="postgres")
def _() -> Any:
    return _used(library("pg8000.legacy").connect(user=USER, host="127.0.0.1", database="test"))


@probe("pg8000.native.connection", server="postgres")
def _() -> Any:
    return library("pg8000.native").Connection(USER, host="127.0.0.1", database="test")


@probe("aiopg.connection", server="postgres")
async def _() -> Any:
    return await library("aiopg").connect(**POSTGRES)


@probe("aiopg.pool", server="postgres")
async def _() -> Any:
    return await library("aiopg").create_pool(minsize=1, maxsize=2, **POSTGRES)


# --- MariaDB ---


@probe("pymysql.connection", server="mariadb")
def _() -> Any:
    return _used(library("pymysql").connect(**MARIADB))


@functools.cache
def pymysql_owner() -> Any:
    return library("pymysql").connect(**MARIADB)


@probe("pymysql.cursor", server="mariadb", alive=lambda cursor: cursor.connection is not None)
def _() -> Any:
    return pymysql_owner().cursor()


@probe("mysqldb.connection", server="mariadb")
def _() -> Any:
    return _used(library("MySQLdb").connect(**MARIADB))


@probe("mysql.connector.connection", server="mariadb")
def _() -> Any:
    return _used(library("mysql.connector").connect(use_pure=True, **MARIADB))


@functools.cache
def mysql_owner() -> Any:
    return library("mysql.connector").connect(use_pure=True, **MARIADB)


def _mysql_cursor_is_open(cursor: Any) -> bool:
    try:
        cursor.execute("SELECT 1")
        cursor.fetchall()
    except Exception:
        return False
    return True


@probe("mysql.connector.cursor", server="mariadb", alive=_mysql_cursor_is_open)
def _() -> Any:
    return mysql_owner().cursor()


@probe("mysql.connector.pool", server="mariadb")
def _() -> Any:
    pooling = library("mysql.connector.pooling")
    return pooling.MySQLConnectionPool(2, f"probe{next(_numbers)}", use_pure=True, **MARIADB)


@functools.cache
def mysql_pool() -> Any:
    return library("mysql.connector.pooling").MySQLConnectionPool(32, "owner", use_pure=True, **MARIADB)


@probe("mysql.connector.pool.checkout", server="mariadb", count=lambda: 32 - mysql_pool()._cnx_queue.qsize())
def _() -> Any:
    return mysql_pool().get_connection()


@probe("mysql.connector.aio", server="mariadb")
async def _() -> Any:
    return await library("mysql.connector.aio").connect(ssl_disabled=True, **MARIADB)


@probe("aiomysql.connection", server="mariadb")
async def _() -> Any:
    return await library("aiomysql").connect(host="127.0.0.1", user="root", password="", db="test")


@probe("aiomysql.pool", server="mariadb")
async def _() -> Any:
    return await library("aiomysql").create_pool(1, 2, host="127.0.0.1", user="root", password="", db="test")


@probe("asyncmy.connection", server="mariadb")
async def _() -> Any:
    return await library("asyncmy").connect(host="127.0.0.1", user="root", password="", db="test")


# --- files ---


@probe("aiosqlite.connection", block=lambda: library("aiosqlite").connect(scratch("block.db")))
async def _() -> Any:
    connection = await library("aiosqlite").connect(scratch(f"{next(_numbers)}.db"))
    await connection.execute("CREATE TABLE t (x)")
    return connection


@probe("duckdb.connection")
def _() -> Any:
    connection = library("duckdb").connect(scratch(f"{next(_numbers)}.duckdb"))
    connection.execute("CREATE TABLE t (x INTEGER)")
    return connection
