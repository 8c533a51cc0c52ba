# mypy: ignore-errors
# ruff: noqa
"""Correct use of async clients."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import httpx
import psycopg


async def status(url, work):
    async with aiohttp.ClientSession() as session:  # acquire: aiohttp.ClientSession
        return await work(session, url)


async def status_plainly(url, work):
    session = aiohttp.ClientSession()  # acquire: aiohttp.ClientSession
    try:
        return await work(session, url)
    finally:
        await session.close()  # release: session


async def body(url):
    async with aiohttp.ClientSession() as session, session.get(url) as response:  # acquire: aiohttp.ClientSession
        return await response.text()


async def client(url, work):
    async with httpx.AsyncClient() as http:  # acquire: httpx.AsyncClient
        return await work(http, url)


async def client_plainly(url, work):
    http = httpx.AsyncClient()  # acquire: httpx.AsyncClient
    try:
        return await work(http, url)
    finally:
        await http.aclose()  # release: http


async def client_on_error(url, work):
    http = httpx.AsyncClient()  # acquire: httpx.AsyncClient
    try:
        answer = await work(http, url)
    except BaseException:
        await http.aclose()  # release: http
        raise
    await http.aclose()  # release: http
    return answer


async def on_stack(url, work):
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(httpx.AsyncClient())  # acquire: httpx.AsyncClient
        return await work(http, url)


async def postgres(dsn, work):
    connection = await psycopg.AsyncConnection.connect(dsn)  # acquire: psycopg.AsyncConnection.connect
    try:
        return await work(connection)
    finally:
        await connection.close()  # release: connection


async def streams(host, question):
    reader, writer = await asyncio.open_connection(host, 80)  # acquire: asyncio.open_connection
    try:
        writer.write(question)
        await writer.drain()
        return await reader.read()
    finally:
        writer.close()  # release: writer


async def file_beside(path, work):
    with open(path) as source:  # acquire: open
        await work(source.read())


async def optional(url, work, needed):
    http = None
    try:
        if needed:
            http = httpx.AsyncClient()  # acquire: httpx.AsyncClient
        await work(http, url)
    finally:
        if http is not None:
            await http.aclose()  # release: http
