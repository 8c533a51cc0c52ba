"""Probes of mappers and pools over database drivers: SQLAlchemy, peewee, Pony, databases, DBUtils and the like."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.databases import ASYNC_URL, MANY, POSTGRES, POSTGRES_URL, SYNC_URL, USER
from tests.conformance.probe import library, probe, scratch


@probe("sqlalchemy.engine", server="postgres")
def _() -> Any:
    sqlalchemy = library("sqlalchemy")
    engine = sqlalchemy.create_engine(SYNC_URL)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("SELECT 1"))
    return engine


@probe("sqlalchemy.sqlite_engine")
def _() -> Any:
    sqlalchemy = library("sqlalchemy")
    engine = sqlalchemy.create_engine(f"sqlite:///{scratch('engine.db')}")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("CREATE TABLE IF NOT EXISTS t (a)"))
    return engine


@functools.cache
def engine() -> Any:
    return library("sqlalchemy").create_engine(SYNC_URL, pool_size=MANY)


def _taken() -> int:
    return int(engine().pool.checkedout())


@probe("sqlalchemy.connection", server="postgres", count=_taken)
def _() -> Any:
    connection = engine().connect()
    connection.execute(library("sqlalchemy").text("SELECT 1"))
    return connection


@probe("sqlalchemy.raw_connection", server="postgres", count=_taken)
def _() -> Any:
    return engine().raw_connection()


def _session(kind: Any) -> Any:
    session = kind(engine())
    session.execute(library("sqlalchemy").text("SELECT 1"))
    return session


@probe("sqlalchemy.session", server="postgres", count=_taken)
def _() -> Any:
    return _session(library("sqlalchemy.orm").Session)


@probe("sqlmodel.session", server="postgres", count=_taken)
def _() -> Any:
    return _session(library("sqlmodel").Session)


@probe("sqlalchemy.async_engine", server="postgres")
async def _() -> Any:
    engine = library("sqlalchemy.ext.asyncio").create_async_engine(ASYNC_URL)
    async with engine.connect() as connection:
        await connection.execute(library("sqlalchemy").text("SELECT 1"))
    return engine


@functools.cache
def async_engine() -> Any:
    return library("sqlalchemy.ext.asyncio").create_async_engine(ASYNC_URL, pool_size=MANY)


def _taken_async() -> int:
    return int(async_engine().pool.checkedout())


@probe("sqlalchemy.async_connection", server="postgres", count=_taken_async, block=lambda: async_engine().connect())
async def _() -> Any:
    return await async_engine().connect()


@probe("sqlalchemy.async_session", server="postgres", count=_taken_async)
async def _() -> Any:
    session = library("sqlalchemy.ext.asyncio").AsyncSession(async_engine())
    await session.execute(library("sqlalchemy").text("SELECT 1"))
    return session


def _peewee() -> Any:
    return library("peewee").PostgresqlDatabase("test", user=USER, host="127.0.0.1")


@probe("peewee.database", server="postgres", fresh=_peewee, block=_peewee)
def _() -> Any:
    database = _peewee()
    database.connect()
    database.execute_sql("SELECT 1")
    return database


def _peewee_sqlite() -> Any:
    return library("peewee").SqliteDatabase(scratch("peewee.db"))


@probe("peewee.sqlite", fresh=_peewee_sqlite, block=_peewee_sqlite)
def _() -> Any:
    database = _peewee_sqlite()
    database.connect()
    database.execute_sql("CREATE TABLE IF NOT EXISTS t (x)")
    return database


@probe("pony.database", server="postgres", fresh=lambda: library("pony.orm").Database())
def _() -> Any:
    database = library("pony.orm").Database()
    database.bind(provider="postgres", user=USER, host="127.0.0.1", database="test")
    return database


def _databases() -> Any:
    return library("databases").Database(ASYNC_URL, min_size=1)


@probe("databases.database", server="postgres", fresh=_databases, block=_databases)
async def _() -> Any:
    database = _databases()
    await database.connect()
    return database


@probe("dataset.database", server="postgres")
def _() -> Any:
    database = library("dataset").connect(POSTGRES_URL)
    list(database.query("SELECT 1"))
    return database


@functools.cache
def dbutils_pool() -> Any:
    return library("dbutils.pooled_db").PooledDB(library("psycopg2"), mincached=1, maxcached=MANY, **POSTGRES)


@probe("dbutils.pool", server="postgres")
def _() -> Any:
    return library("dbutils.pooled_db").PooledDB(library("psycopg2"), mincached=1, **POSTGRES)


@probe("dbutils.checkout", server="postgres", count=lambda: dbutils_pool()._connections)
def _() -> Any:
    return dbutils_pool().dedicated_connection()
