"""Probes of Redis, Valkey, memcached and MongoDB clients."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.probe import library, port, probe


@probe("redis.client", server="redis")
def _() -> Any:
    client = library("redis").Redis()
    client.ping()
    return client


@probe("redis.pool", server="redis")
def _() -> Any:
    redis = library("redis")
    pool = redis.ConnectionPool()
    redis.Redis(connection_pool=pool).ping()
    return pool


@functools.cache
def redis_owner() -> Any:
    return library("redis").Redis()


@probe("redis.pubsub", server="redis")
def _() -> Any:
    subscription = redis_owner().pubsub()
    subscription.subscribe("probe")
    # A connection that was given back stays open in the pool, so only what the pool makes anew is counted.
    redis_owner().connection_pool.disconnect(inuse_connections=False)
    return subscription


@probe("redis.async_client", server="redis")
async def _() -> Any:
    client = library("redis.asyncio").Redis()
    await client.ping()
    return client


@probe("redis.async_pool", server="redis")
async def _() -> Any:
    redis = library("redis.asyncio")
    pool = redis.ConnectionPool()
    await redis.Redis(connection_pool=pool).ping()
    return pool


@probe("valkey.client", server="redis")
def _() -> Any:
    client = library("valkey").Valkey()
    client.ping()
    return client


@probe("valkey.async_client", server="redis")
async def _() -> Any:
    client = library("valkey.asyncio").Valkey()
    await client.ping()
    return client


def _asked(client: Any) -> Any:
    client.get("key")
    return client


@probe("pymemcache.client", stub="memcached")
def _() -> Any:
    return _asked(library("pymemcache.client.base").Client(("127.0.0.1", port("memcached"))))


@probe("pymemcache.pooled", stub="memcached")
def _() -> Any:
    return _asked(library("pymemcache.client.base").PooledClient(("127.0.0.1", port("memcached"))))


@probe("pymemcache.hash", stub="memcached")
def _() -> Any:
    return _asked(library("pymemcache.client.hash").HashClient([("127.0.0.1", port("memcached"))]))


@probe("pymemcache.retrying", stub="memcached")
def _() -> Any:
    client = library("pymemcache.client.base").Client(("127.0.0.1", port("memcached")))
    return _asked(library("pymemcache.client.retrying").RetryingClient(client, attempts=2))


@probe("memcache.client", stub="memcached")
def _() -> Any:
    return _asked(library("memcache").Client([f"127.0.0.1:{port('memcached')}"]))


@probe("aiomcache.client", stub="memcached")
async def _() -> Any:
    client = library("aiomcache").Client("127.0.0.1", port("memcached"))
    await client.get(b"key")
    return client


@probe("pymongo.client", stub="mongo")
def _() -> Any:
    client = library("pymongo").MongoClient("127.0.0.1", port("mongo"))
    client.admin.command("ping")
    return client


@probe("pymongo.async_client", stub="mongo")
async def _() -> Any:
    client = library("pymongo").AsyncMongoClient("127.0.0.1", port("mongo"))
    await client.admin.command("ping")
    return client


@probe("motor.client", stub="mongo")
async def _() -> Any:
    client = library("motor.motor_asyncio").AsyncIOMotorClient("127.0.0.1", port("mongo"))
    await client.admin.command("ping")
    return client
