"""Servers on loopback that say just enough for a client to hold a connection.

``python -m tests.conformance.stubs NAME`` prints the port on which it listens, and serves until its standard input is
closed.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import os
import re
import struct
import sys
import threading
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections.abc import Awaitable, Callable
from typing import Any

Serve = Callable[[Reader, Writer], Awaitable[None]]

BIG = b"x" * 4_000_000
"""more than any buffer between client and server holds"""


async def http(reader: Reader, writer: Writer) -> None:
    """Any request is answered: paths that contain ``big`` with a body that nobody reads at one go, the rest briefly."""
    while request := await _until(reader, b"\r\n\r\n"):
        target = request.split(b" ", 2)[1]
        length = re.search(rb"content-length: *(\d+)", request, re.IGNORECASE)
        if length:
            await reader.readexactly(int(length[1]))
        body = BIG if b"big" in target else _json(target)
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Elastic-Product: Elasticsearch\r\n"
            b'ETag: "0"\r\nContent-Length: %d\r\n\r\n' % len(body)
        )
        if not request.startswith(b"HEAD"):
            writer.write(body)
        await writer.drain()


def _json(target: bytes) -> bytes:
    if target.startswith(b"/v1"):
        return b'{"initialized": true, "ApiVersion": "1.45"}'
    return b'{"version": {"number": "9.0.0", "distribution": "opensearch"}, "tagline": "You Know, for Search"}'


async def sink(reader: Reader, writer: Writer) -> None:
    """Reads for ever and says nothing."""
    while await reader.read(65536):
        pass


async def memcached(reader: Reader, writer: Writer) -> None:
    """Has nothing stored."""
    while line := await _until(reader, b"\r\n"):
        writer.write(b"VERSION 1.6.0\r\n" if line.startswith(b"version") else b"END\r\n")
        await writer.drain()


async def smtp(reader: Reader, writer: Writer) -> None:
    """Greets, agrees with everything and says goodbye."""
    writer.write(b"220 probe\r\n")
    while line := await _until(reader, b"\r\n"):
        ends = line.upper().startswith(b"QUIT")
        writer.write(b"221 bye\r\n" if ends else b"250 probe\r\n")
        await writer.drain()
        if ends:
            return


async def imap(reader: Reader, writer: Writer) -> None:
    """Greets, agrees with everything and says goodbye."""
    writer.write(b"* OK probe\r\n")
    while line := await _until(reader, b"\r\n"):
        tag, _, command = line.strip().partition(b" ")
        if command.upper().startswith(b"CAPABILITY"):
            writer.write(b"* CAPABILITY IMAP4rev1\r\n")
        if command.upper().startswith(b"LOGOUT"):
            writer.write(b"* BYE probe\r\n" + tag + b" OK done\r\n")
            await writer.drain()
            return
        writer.write(tag + b" OK done\r\n")
        await writer.drain()


async def ldap(reader: Reader, writer: Writer) -> None:
    """Accepts any bind."""
    while data := await reader.read(4096):
        identifier = data[2:5]  # 02 01 <message>
        if data[5] == 0x42:  # unbind
            return
        writer.write(b"\x30\x0c" + identifier + b"\x61\x07\x0a\x01\x00\x04\x00\x04\x00")
        await writer.drain()


async def stomp(reader: Reader, writer: Writer) -> None:
    """Accepts any session and gives a receipt where one is asked for."""
    while frame := await _until(reader, b"\x00"):
        frame = frame.lstrip(b"\n")
        receipt = re.search(rb"receipt:([^\n]+)", frame)
        if frame.startswith((b"CONNECT", b"STOMP")):
            writer.write(b"CONNECTED\nversion:1.1\n\n\x00")
        elif receipt:
            writer.write(b"RECEIPT\nreceipt-id:" + receipt[1].strip() + b"\n\n\x00")
        await writer.drain()
        if frame.startswith(b"DISCONNECT"):
            return


async def websocket(reader: Reader, writer: Writer) -> None:
    """Shakes hands and answers a closing frame with one."""
    request = await _until(reader, b"\r\n\r\n")
    key = re.search(rb"sec-websocket-key: *(\S+)", request, re.IGNORECASE)
    if key is None:
        return
    digest = hashlib.sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
        + base64.b64encode(digest)
        + b"\r\n\r\n"
    )
    while head := await reader.read(2):
        length = head[1] & 0x7F
        mask = await reader.readexactly(4)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(await reader.readexactly(length)))
        if head[0] & 0x0F == 8:
            writer.write(bytes([0x88, len(payload)]) + payload)
            await writer.drain()
            return


async def mongo(reader: Reader, writer: Writer) -> None:
    """Answers every command as a lone primary would."""
    bson = importlib.import_module("bson")
    reply = {
        "helloOk": True, "ismaster": True, "isWritablePrimary": True, "maxBsonObjectSize": 16777216,
        "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "minWireVersion": 0, "maxWireVersion": 25,
        "readOnly": False, "ok": 1.0,
    }  # fmt: skip
    while head := await reader.read(16):
        length, request, _, opcode = struct.unpack("<iiii", head)
        await reader.readexactly(length - 16)
        body = bson.encode(reply)
        if opcode == 2004:  # OP_QUERY, which only the first hello uses
            payload = struct.pack("<iqii", 8, 0, 0, 1) + body
            writer.write(struct.pack("<iiii", 16 + len(payload), 1, request, 1) + payload)
        else:
            payload = struct.pack("<iB", 0, 0) + body
            writer.write(struct.pack("<iiii", 16 + len(payload), 1, request, 2013) + payload)
        await writer.drain()


async def _until(reader: Reader, mark: bytes) -> bytes:
    try:
        return await reader.readuntil(mark)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""


STREAMS: dict[str, Serve] = {
    serve.__name__: serve for serve in (http, sink, memcached, smtp, imap, ldap, stomp, websocket, mongo)
}


async def serve_streams(serve: Serve) -> None:
    """Serve connections by ``serve``, whatever one of them meets."""

    async def connected(reader: Reader, writer: Writer) -> None:
        try:
            await serve(reader, writer)
        except Exception:
            pass  # a probe that drops its connection is the point of it
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=2**20)
    announce(server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


def serve_ssh() -> None:
    """An SSH server that lets anybody in and offers SFTP."""
    paramiko: Any = importlib.import_module("paramiko")
    socket: Any = importlib.import_module("socket")
    key = paramiko.RSAKey.generate(2048)

    class Open(paramiko.ServerInterface):  # type: ignore[misc]
        def check_auth_none(self, username: str) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def check_auth_password(self, username: str, password: str) -> Any:
            return paramiko.AUTH_SUCCESSFUL

        def get_allowed_auths(self, username: str) -> str:
            return "none,password"

        def check_channel_request(self, kind: str, identifier: int) -> Any:
            return paramiko.OPEN_SUCCEEDED

        def check_channel_direct_tcpip_request(self, identifier: int, origin: Any, destination: Any) -> Any:
            return paramiko.OPEN_SUCCEEDED

    class Files(paramiko.SFTPServerInterface):  # type: ignore[misc]
        def open(self, path: str, flags: int, attributes: Any) -> Any:
            return paramiko.SFTPHandle(flags)

    listener = socket.create_server(("127.0.0.1", 0))
    announce(listener.getsockname()[1])
    kept = []
    while True:
        connection, _ = listener.accept()
        transport = paramiko.Transport(connection)
        transport.add_server_key(key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
        transport.start_server(server=Open(), event=threading.Event())
        kept.append(transport)


def serve_grpc() -> None:
    """A gRPC server without methods."""
    grpc: Any = importlib.import_module("grpc")
    futures: Any = importlib.import_module("concurrent.futures")
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    number = server.add_insecure_port("127.0.0.1:0")
    server.start()
    announce(number)
    threading.Event().wait()


THREADED: dict[str, Callable[[], None]] = {"ssh": serve_ssh, "grpc": serve_grpc}


def announce(number: int) -> None:
    """Print the port, and end with the process that reads it."""
    print(number, flush=True)
    threading.Thread(target=_end_with_input, daemon=True).start()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] in THREADED:
        THREADED[sys.argv[1]]()
    else:
        asyncio.run(serve_streams(STREAMS[sys.argv[1]]))
