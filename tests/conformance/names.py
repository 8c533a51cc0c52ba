"""Whether names, types, releases and context managers of the catalogue exist in the libraries that are installed.

``python -m tests.conformance.names ID...`` prints one line of JSON: by entry what contradicts it, or why its package
cannot be imported here. It runs in a process of its own, for it imports every library that the catalogue knows.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Exit, Resource

ELSEWHERE: Mapping[str, str] = {
    "DBUtils.PooledDB.PooledDB": "DBUtils up to 1.3",
    "adbc_driver_flightsql.dbapi.connect": "a package of its own",
    "adbc_driver_snowflake.dbapi.connect": "a package of its own",
    "motor.MotorClient": "needs tornado",
    "motor.motor_tornado.MotorClient": "needs tornado",
    "mariadb.Connection": "mariadb up to 1",
    "mariadb.ConnectionPool": "needs mariadb[pool]",
    "mariadb.connectionpool.ConnectionPool": "mariadb up to 1",
    "mariadb.connectionpool.ConnectionPool.get_connection": "mariadb up to 1",
    "mariadb.connections.Connection": "mariadb up to 1",
    "mariadb.connections.Connection.cursor": "mariadb up to 1",
    "mariadb.cursors.Cursor": "mariadb up to 1",
    "moviepy.editor.AudioFileClip": "moviepy up to 1",
    "moviepy.editor.VideoFileClip": "moviepy up to 1",
    "mysql.connector.CMySQLConnection": "only with the C extension",
    "mysql.connector.connection_cext.CMySQLConnection": "only with the C extension",
    "mysql.connector.cursor_cext.CMySQLCursor": "only with the C extension",
    "mysqlx.connection.Client": "mysql-connector-python up to 9",
    "mysqlx.connection.Session": "mysql-connector-python up to 9",
    "mysqlx.get_client": "mysql-connector-python up to 9",
    "mysqlx.get_session": "mysql-connector-python up to 9",
    "playhouse.sqlite_ext.SqliteExtDatabase": "peewee up to 3",
    "rediscluster.StrictRedisCluster": "redis-py-cluster up to 2.0",
    "smart_open.smart_open": "smart_open up to 4",
    "snowflake.connector.Connect": "snowflake-connector-python up to 4",
    "undetected_chromedriver.Chrome": "a package of its own",
}
"""Names that the newest release of a library does not have, and where they are found."""

FACTORIES: Mapping[str, str] = {
    "aiofiles.directory": "aiofiles.base.AiofilesContextManager",
    "aiofiles.file": "aiofiles.base.AiofilesContextManager",
    "aiofiles.temporary": "aiofiles.base.AiofilesContextManager",
    "asyncpg.pool.checkout": "asyncpg.pool.PoolAcquireContext",
}
"""Entries whose acquiring call, not awaited, yields a context manager of another type."""

REFUSING: Mapping[str, str] = {
    "aiohttp.connector": "raises TypeError: use async with",
    "aiohttp.session": "raises TypeError: use async with",
    "aiobotocore.streaming_body": "a proxy of a response that has no such method",
    "aiomysql.pool": "raises RuntimeError: await it",
    "aiopg.pool": "raises RuntimeError: await it",
    "smart_open.file": "a proxy of a file that has no such method",
}
"""Entries with ``__enter__`` on their type that are no context managers all the same."""

DELEGATED: Mapping[str, str] = {
    "aiobotocore.streaming_body": "a proxy of the response",
    "amazondax.client": "methods are made for each instance",
    "ncclient.manager": "methods are made for each instance",
    "pymemcache.retrying": "passes every method on to the client inside",
    "redis.async_client": "connection_pool is set on instances",
    "redis.client": "connection_pool is set on instances",
    "rediscluster.client": "connection_pool is set on instances",
    "valkey.client": "connection_pool is set on instances",
}
"""Entries whose methods are not to be found on the type."""

OLDER_METHODS: Mapping[tuple[str, str], str] = {("pandas.excel_writer", "save"): "pandas up to 1"}
"""Methods that the newest release does not have."""

SERVICES = {
    "get_export": "apigateway",
    "get_job_output": "glacier",
    "get_media": "kinesis-video-media",
    "get_media_for_fragment_list": "kinesis-video-archived-media",
    "get_object": "s3",
    "get_thing_shadow": "iot-data",
    "invoke": "lambda",
    "invoke_endpoint": "sagemaker-runtime",
    "invoke_model": "bedrock-runtime",
    "synthesize_speech": "polly",
}
"""The service whose client has a method, for botocore makes a class for each."""


def resolve(name: str) -> Any:
    """The object of the dotted ``name``, by attributes first and by submodules where there is none.

    Raises ImportError or AttributeError when there is no such object.
    """
    prefix, _, method = name.rpartition(".")
    if prefix in ("botocore.client.BaseClient", "aiobotocore.client.AioBaseClient") and method in SERVICES:
        importlib.import_module(prefix.partition(".")[0])
        return getattr(_aws("client", SERVICES[method]), method)
    if name == "boto3.resources.factory.s3.Object" or prefix == "boto3.resources.factory.s3.Object":
        thing = type(_aws("resource", "s3").Object("bucket", "key"))
        return getattr(thing, method) if method != "Object" else thing
    if name == "boto3.resources.base.ServiceResource.Object":
        return _aws("resource", "s3").Object
    try:
        return _by_attributes(name)
    except AttributeError:
        return _by_modules(name)  # a function may stand where a module of the same name is meant


def _by_attributes(name: str) -> Any:
    path, *attributes = name.split(".")
    found: Any = importlib.import_module(path)
    for attribute in attributes:
        path = f"{path}.{attribute}"
        if not hasattr(found, attribute):
            try:
                found = importlib.import_module(path)
                continue
            except ModuleNotFoundError:
                pass
        found = getattr(found, attribute)
    return found


def _by_modules(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def _aws(kind: str, service: str) -> Any:
    keys = {"region_name": "us-east-1", "aws_access_key_id": "probe", "aws_secret_access_key": "probe"}
    return getattr(importlib.import_module("boto3"), kind)(service, **keys)


def problems(resource: Resource) -> Iterator[str]:
    """What of ``resource`` the installed library contradicts."""
    for name in (*resource.acquire, *([resource.type] if resource.type else []), *resource.also):
        if name not in ELSEWHERE and _is_installed(name, resource):
            yield from _complaint(name, resolve)
    if not resource.type or resource.type in ELSEWHERE or list(_complaint(resource.type, resolve)):
        return
    kind = resolve(resource.type)
    if not isinstance(kind, type):
        yield f"{resource.type} is no type"
        return
    if resource.id not in DELEGATED:
        yield from _missing_methods(resource, kind)
    yield from _context_managers(resource, resolve(FACTORIES.get(resource.id, resource.type)))


def _is_installed(name: str, resource: Resource) -> bool:
    """Whether the package of ``name`` is there; that of the entry itself is."""
    root = name.partition(".")[0]
    if root == resource.package.partition(".")[0]:
        return True
    try:
        importlib.import_module(root)
    except Exception:
        return False
    return True


def _complaint(name: str, act: Callable[[str], Any]) -> Iterator[str]:
    try:
        act(name)
    except Exception as problem:
        yield f"{name} does not resolve: {type(problem).__name__}: {problem}"


def _missing_methods(resource: Resource, kind: type) -> Iterator[str]:
    released = [step.call for steps in resource.release for step in steps if step.form == "method"]
    for name in (*released, *resource.looks_like, *resource.finishes, *resource.starts):
        first = name.partition(".")[0]
        if not hasattr(kind, first) and (resource.id, first) not in OLDER_METHODS:
            yield f"{resource.type} has no {first!r}"
    if resource.owner and resource.owner not in ELSEWHERE and _is_installed(resource.owner, resource):
        owner = resolve(resource.owner)
        for step in (step for steps in resource.release for step in steps if step.form == "owner"):
            if not hasattr(owner, step.call):
                yield f"{resource.owner} has no {step.call!r}"


def _context_managers(resource: Resource, kind: type) -> Iterator[str]:
    for field, exit_, names in (
        ("with", resource.with_, ("__enter__", "__exit__")),
        ("async_with", resource.async_with, ("__aenter__", "__aexit__")),
    ):
        there = all(hasattr(kind, name) for name in names)
        if exit_ is not Exit.UNSUPPORTED and not there:
            yield f"{field} = {exit_.value!r}, but {kind.__qualname__} has no {names[1]}"
        if exit_ is Exit.UNSUPPORTED and there and resource.id not in REFUSING:
            yield f"{field} is unsupported, but {kind.__qualname__} has {names[1]}"


def examined(resource: Resource) -> dict[str, Any]:
    """``{"problems": [...]}``, or ``{"absent": reason}`` when the package cannot be imported here."""
    try:
        importlib.import_module(resource.package)
        if resource.type:
            importlib.import_module(resource.type.partition(".")[0])
    except Exception as problem:
        return {"absent": f"{resource.package} cannot be imported: {type(problem).__name__}: {problem}"}
    if _namespace_is_empty(resource):
        return {"absent": f"{resource.package} is installed without the part that has {resource.acquire[0]}"}
    return {"problems": list(problems(resource))}


def _namespace_is_empty(resource: Resource) -> bool:
    """Whether the package is a namespace that many distributions share (google, azure), without this one's module."""
    if importlib.import_module(resource.package).__file__ is not None:
        return False
    return not any(not list(_complaint(name, resolve)) for name in resource.acquire)


if __name__ == "__main__":
    resources = load().resources
    print(json.dumps({identifier: examined(resources[identifier]) for identifier in sys.argv[1:]}), flush=True)
    os._exit(0)  # threads that libraries started at import may not end
