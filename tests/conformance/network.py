"""Probes of HTTP clients and responses, websockets, RPC, SSH, mail and directories."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.probe import library, port, probe, url


@probe("requests.session", stub="http")
def _() -> Any:
    session = library("requests").Session()
    session.get(url()).content  # noqa: B018
    return session


@probe("requests.response", stub="http")
def _() -> Any:
    return library("requests").get(url("/big"), stream=True)


@probe("httpx.client", stub="http", block=lambda: library("httpx").Client(), drops=True)
def _() -> Any:
    client = library("httpx").Client()
    client.get(url())
    return client


@probe("httpx.async_client", stub="http", block=lambda: library("httpx").AsyncClient())
async def _() -> Any:
    client = library("httpx").AsyncClient()
    await client.get(url())
    return client


@functools.cache
def httpx_owner() -> Any:
    return library("httpx").Client(limits=library("httpx").Limits(max_connections=None))


@probe("httpx.response", stub="http")
def _() -> Any:
    client = httpx_owner()
    return client.send(client.build_request("GET", url("/big")), stream=True)


_httpx_owners: list[Any] = []


@probe("httpx.async_response", stub="http")
async def _() -> Any:
    if not _httpx_owners:
        _httpx_owners.append(library("httpx").AsyncClient(limits=library("httpx").Limits(max_connections=None)))
    client = _httpx_owners[0]
    return await client.send(client.build_request("GET", url("/big")), stream=True)


@probe("aiohttp.session", stub="http")
async def _() -> Any:
    session = library("aiohttp").ClientSession()
    async with session.get(url()) as response:
        await response.read()
    return session


_aiohttp_owners: list[Any] = []


@probe("aiohttp.response", stub="http")
async def _() -> Any:
    if not _aiohttp_owners:
        _aiohttp_owners.append(library("aiohttp").ClientSession())
    return await _aiohttp_owners[0].get(url("/big"))


@probe("aiohttp.websocket", stub="websocket")
async def _() -> Any:
    if not _aiohttp_owners:
        _aiohttp_owners.append(library("aiohttp").ClientSession())
    return await _aiohttp_owners[0].ws_connect(url(stub="websocket"))


@probe("urllib3.pool_manager", stub="http")
def _() -> Any:
    manager = library("urllib3").PoolManager()
    manager.request("GET", url())
    return manager


@probe("urllib3.connection_pool", stub="http")
def _() -> Any:
    pool = library("urllib3").HTTPConnectionPool("127.0.0.1", port("http"))
    pool.request("GET", "/")
    return pool


@functools.cache
def urllib3_owner() -> Any:
    return library("urllib3").PoolManager(maxsize=1)


# release_conn() gives the connection back to the pool, which keeps it.
@probe("urllib3.response", stub="http", leaves={"release_conn": "all"})
def _() -> Any:
    urllib3_owner().clear()
    return urllib3_owner().request("GET", url("/big"), preload_content=False)


@probe("httplib2.http", stub="http")
def _() -> Any:
    client = library("httplib2").Http()
    client.request(url())
    return client


@probe("pycurl.curl", stub="http")
def _() -> Any:
    pycurl = library("pycurl")
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url())
    curl.setopt(pycurl.WRITEFUNCTION, lambda data: None)
    curl.perform()
    return curl


@probe("hvac.client", stub="http")
def _() -> Any:
    client = library("hvac").Client(url("").rstrip("/"), token="probe")
    client.sys.read_init_status()
    return client


@probe("docker.client", stub="http")
def _() -> Any:
    client = library("docker").DockerClient(f"tcp://127.0.0.1:{port('http')}", version="1.45")
    client.version()
    return client


@probe("elasticsearch.client", stub="http")
def _() -> Any:
    client = library("elasticsearch").Elasticsearch(url(""))
    client.info()
    return client


@probe("elasticsearch.async_client", stub="http")
async def _() -> Any:
    client = library("elasticsearch").AsyncElasticsearch(url(""))
    await client.info()
    return client


@probe("opensearch.client", stub="http")
def _() -> Any:
    client = library("opensearchpy").OpenSearch(url(""))
    client.info()
    return client


@probe("opensearch.async_client", stub="http")
async def _() -> Any:
    client = library("opensearchpy").AsyncOpenSearch(url(""))
    await client.info()
    return client


# --- websockets and streams ---


def _websocket_address() -> str:
    return f"ws://127.0.0.1:{port('websocket')}/"


@probe("websocket.connection", stub="websocket")
def _() -> Any:
    return library("websocket").create_connection(_websocket_address())


@probe("websocket.unconnected", stub="websocket", fresh=lambda: library("websocket").WebSocket())
def _() -> Any:
    socket = library("websocket").WebSocket()
    socket.connect(_websocket_address())
    return socket


@probe("websockets.client", stub="websocket", block=lambda: library("websockets").connect(_websocket_address()))
async def _() -> Any:
    return await library("websockets").connect(_websocket_address())


@probe("websockets.sync", stub="websocket")
def _() -> Any:
    return library("websockets.sync.client").connect(_websocket_address())


@probe("anyio.tcp", stub="sink")
async def _() -> Any:
    return await library("anyio").connect_tcp("127.0.0.1", port("sink"))


@probe("grpc.channel", stub="grpc")
def _() -> Any:
    grpc = library("grpc")
    options = [("grpc.use_local_subchannel_pool", 1)]  # else one socket serves every channel to this port
    channel = grpc.insecure_channel(f"127.0.0.1:{port('grpc')}", options=options)
    grpc.channel_ready_future(channel).result(10)
    return channel


# --- SSH ---


def _ssh() -> Any:
    paramiko = library("paramiko")
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    return client


@probe("paramiko.client", stub="ssh", fresh=_ssh)
def _() -> Any:
    client = _ssh()
    client.connect("127.0.0.1", port("ssh"), "probe", password="probe", allow_agent=False, look_for_keys=False)
    return client


@probe("paramiko.transport", stub="ssh")
def _() -> Any:
    transport = library("paramiko").Transport(("127.0.0.1", port("ssh")))
    transport.connect(username="probe", password="probe")
    return transport


@functools.cache
def ssh_owner() -> Any:
    transport = library("paramiko").Transport(("127.0.0.1", port("ssh")))
    transport.connect(username="probe", password="probe")
    return transport


@probe("paramiko.sftp", stub="ssh", alive=lambda session: not session.get_channel().closed)
def _() -> Any:
    return ssh_owner().open_sftp_client()


@probe("paramiko.sftp_file", stub="ssh", alive=lambda file: not file._closed)
def _() -> Any:
    return ssh_owner().open_sftp_client().open("/etc/hostname")


@probe("asyncssh.connection", stub="ssh")
async def _() -> Any:
    return await library("asyncssh").connect(
        "127.0.0.1", port("ssh"), username="probe", password="probe", known_hosts=None, client_keys=None, config=None
    )


def _tunnel() -> Any:
    return library("sshtunnel").SSHTunnelForwarder(
        ("127.0.0.1", port("ssh")),
        ssh_username="probe",
        ssh_password="probe",
        remote_bind_address=("127.0.0.1", 1),
        allow_agent=False,
        host_pkey_directories=[],
        set_keepalive=0,
    )


@probe("sshtunnel.forwarder", stub="ssh", fresh=_tunnel, block=_tunnel)
def _() -> Any:
    tunnel = _tunnel()
    tunnel.start()
    return tunnel


# --- directories and mail ---


def _ldap(**options: Any) -> Any:
    ldap3 = library("ldap3")
    server = ldap3.Server("127.0.0.1", port("ldap"), get_info=ldap3.NONE)
    return ldap3.Connection(server, **options)


@probe("ldap3.bound", stub="ldap")
def _() -> Any:
    return _ldap(auto_bind=True)


@probe("ldap3.unbound", stub="ldap", fresh=_ldap, block=_ldap)
def _() -> Any:
    connection = _ldap()
    connection.bind()
    return connection


def _smtp() -> Any:
    return library("aiosmtplib").SMTP(hostname="127.0.0.1", port=port("smtp"), start_tls=False)


@probe("aiosmtplib.smtp", stub="smtp", fresh=_smtp, block=_smtp)
async def _() -> Any:
    client = _smtp()
    await client.connect()
    return client


@probe("aioimaplib.imap", stub="imap")
async def _() -> Any:
    client = library("aioimaplib").IMAP4("127.0.0.1", port("imap"), timeout=2)
    await client.wait_hello_from_server()
    await client.login("probe", "probe")
    await client.select()
    return client
