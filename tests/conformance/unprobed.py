"""Measured entries of the catalogue that no probe measures here, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping

_HEADERS = "its wheel needs a client library of the system"
_DRIVER = "needs a driver manager and a driver of the system"
_SERVICE = "measured on a stub of the service that is more than a few lines"

UNPROBED: Mapping[str, str] = {
    "aioboto3.client": "pins boto3 so tightly that installing it takes minutes; aiobotocore below it is probed",
    "aioboto3.resource": "as aioboto3.client",
    "aiohttp.connector": "holds nothing until a session uses it",
    "azure.blob.client": _SERVICE,
    "google.storage.client": _SERVICE,
    "grpc.aio.channel": "its poller is shared by the process, so no descriptor belongs to one channel",
    "kafka.consumer": _SERVICE,
    "kafka.producer": _SERVICE,
    "kazoo.client": _SERVICE,
    "mariadb.connection": _HEADERS,
    "mariadb.cursor": _HEADERS,
    "mariadb.pool": _HEADERS,
    "mysqldb.cursor": _HEADERS,
    "pylibmc.client": _HEADERS,
    "pyodbc.connection": _DRIVER,
    "pyodbc.cursor": _DRIVER,
    "pysftp.connection": "needs a paramiko before 4",
}
