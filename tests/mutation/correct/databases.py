# mypy: ignore-errors
# ruff: noqa
"""Correct use of databases and caches."""

import contextlib
import sqlite3

import MySQLdb
import mysql.connector
import psycopg
import psycopg2
import pymongo
import pymysql
import redis
import sqlalchemy
from psycopg2.pool import SimpleConnectionPool


def sqlite_rows(path, query):
    with contextlib.closing(sqlite3.connect(path)) as connection:  # acquire: sqlite3.connect with-keeps
        return connection.execute(query).fetchall()


def sqlite_transaction(path, query):
    connection = sqlite3.connect(path)  # acquire: sqlite3.connect
    try:
        with connection:
            connection.execute(query)
    finally:
        connection.close()  # release: connection


def sqlite_stack(path, query):
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(contextlib.closing(sqlite3.connect(path)))  # acquire: sqlite3.connect
        connection.executescript(query)


def postgres_insert(dsn, statement, rows):
    connection = psycopg2.connect(dsn)  # acquire: psycopg2.connect
    try:
        with connection, connection.cursor() as cursor:
            cursor.executemany(statement, rows)
    finally:
        connection.close()  # release: connection


def postgres_commit(dsn, work):
    connection = psycopg2.connect(dsn)  # acquire: psycopg2.connect
    try:
        work(connection)
        connection.commit()
    except Exception:
        connection.rollback()
        raise
    finally:
        connection.close()  # release: connection


def postgres_closing(dsn, work):
    with contextlib.closing(psycopg2.connect(dsn)) as connection:  # acquire: psycopg2.connect with-keeps
        return work(connection)


def postgres_optional(dsn, work):
    connection = None
    try:
        connection = psycopg2.connect(dsn)  # acquire: psycopg2.connect
        return work(connection)
    except psycopg2.Error:
        return None
    finally:
        if connection is not None:
            connection.close()  # release: connection


def postgres_pool(dsn, work):
    pool = SimpleConnectionPool(1, 4, dsn)  # acquire: SimpleConnectionPool
    try:
        return work(pool)
    finally:
        pool.closeall()  # release: pool


def psycopg_query(dsn, query):
    with psycopg.connect(dsn) as connection:  # acquire: psycopg.connect
        return connection.execute(query).fetchone()


def psycopg_finally(dsn, work):
    connection = psycopg.connect(dsn)  # acquire: psycopg.connect
    try:
        return work(connection)
    finally:
        connection.close()  # release: connection


def mysql_rows(settings, query):
    connection = pymysql.connect(**settings)  # acquire: pymysql.connect
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()  # release: connection


def mysql_with(settings, work):
    with pymysql.connect(**settings) as connection:  # acquire: pymysql.connect
        return work(connection)


def mysql_handler(event, context):
    connection = pymysql.connect(host="db", user="app")  # acquire: pymysql.connect
    try:
        connection.query(event["query"])
        return {"statusCode": 200}
    finally:
        connection.close()  # release: connection


def mysqldb_rows(settings, work):
    connection = MySQLdb.connect(**settings)  # acquire: MySQLdb.connect
    try:
        return work(connection)
    finally:
        connection.close()  # release: connection


def connector_rows(settings, work):
    connection = mysql.connector.connect(**settings)  # acquire: mysql.connector.connect
    try:
        return work(connection)
    finally:
        connection.close()  # release: connection


def engine_query(url, work):
    engine = sqlalchemy.create_engine(url)  # acquire: sqlalchemy.create_engine
    try:
        return work(engine)
    finally:
        engine.dispose()  # release: engine


def redis_value(url, key):
    client = redis.Redis(url)  # acquire: redis.Redis
    try:
        return client.get(key)
    finally:
        client.close()  # release: client


def redis_with(key):
    with redis.Redis() as client:  # acquire: redis.Redis
        return client.get(key)


def mongo_count(url, work):
    client = pymongo.MongoClient(url)  # acquire: pymongo.MongoClient
    try:
        return work(client)
    finally:
        client.close()  # release: client
