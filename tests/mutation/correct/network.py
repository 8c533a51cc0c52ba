# mypy: ignore-errors
# ruff: noqa
"""Correct use of sockets, raw descriptors, HTTP, remote shells, mail and processes."""

import contextlib
import os
import selectors
import smtplib
import socket
import ssl
import subprocess
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from ftplib import FTP

import httpx
import paramiko
import pika
import requests
import urllib3


def read_descriptor(path):
    descriptor = os.open(path, os.O_RDONLY)  # acquire: os.open
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)  # release: descriptor


def wrap_descriptor(path, parse):
    descriptor = os.open(path, os.O_RDONLY)  # acquire: os.open
    try:
        return parse(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)  # release: descriptor


def temporary_descriptor(data):
    descriptor, path = tempfile.mkstemp()  # acquire: tempfile.mkstemp
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)  # release: descriptor
    return path


def duplicate(descriptor, work):
    copied = os.dup(descriptor)  # acquire: os.dup
    try:
        work(copied)
    finally:
        os.close(copied)  # release: copied


def descriptor_on_stack(path, work):
    with contextlib.ExitStack() as stack:
        descriptor = os.open(path, os.O_RDONLY)  # acquire: os.open
        stack.callback(os.close, descriptor)  # release: descriptor
        work(descriptor)


def ask(host, question):
    with socket.create_connection((host, 80)) as peer:  # acquire: socket.create_connection
        peer.sendall(question)
        return peer.recv(4096)


def ask_plainly(host, question):
    peer = socket.socket()  # acquire: socket.socket
    try:
        peer.connect((host, 80))
        peer.sendall(question)
        return peer.recv(4096)
    finally:
        peer.close()  # release: peer


def connected(host):
    peer = socket.socket()  # acquire: socket.socket
    try:
        peer.connect((host, 80))
    except OSError:
        peer.close()  # release: peer
        return None
    except BaseException:
        peer.close()  # release: peer
        raise
    return peer


def accept_one(server, work):
    peer, address = server.accept()
    try:
        work(peer, address)
    finally:
        peer.close()


def serve_one(port, work):
    server = socket.socket()  # acquire: socket.socket
    with server:
        server.bind(("", port))
        peer, address = server.accept()  # acquire: server.accept
        with peer:
            work(peer, address)


def fetch(url, parse):
    with urllib.request.urlopen(url) as response:  # acquire: urllib.request.urlopen
        return parse(response)


def fetch_plainly(url, parse):
    response = urllib.request.urlopen(url)  # acquire: urllib.request.urlopen
    try:
        return parse(response)
    finally:
        response.close()  # release: response


def list_folder(host, parse):
    server = FTP(host)  # acquire: FTP
    try:
        return parse(server.nlst())
    finally:
        server.quit()  # release: server


def fetch_session(url):
    with requests.Session() as session:  # acquire: requests.Session
        return session.head(url).status_code


def fetch_session_plainly(url, work):
    session = requests.Session()  # acquire: requests.Session
    try:
        return work(session, url)
    finally:
        session.close()  # release: session


def download(url, sink):
    with requests.get(url, stream=True) as response:  # acquire: requests.get
        for piece in response.iter_content(8192):
            sink.write(piece)


def fetch_client(url, work):
    with httpx.Client() as client:  # acquire: httpx.Client
        return work(client, url)


def fetch_client_plainly(url, work):
    client = httpx.Client()  # acquire: httpx.Client
    try:
        return work(client, url)
    finally:
        client.close()  # release: client


def fetch_pool(work):
    with urllib3.PoolManager() as pool:  # acquire: urllib3.PoolManager
        return work(pool)


def transport(host, work):
    channel = paramiko.Transport((host, 22))  # acquire: paramiko.Transport
    try:
        work(channel)
    finally:
        channel.close()  # release: channel


def publish(parameters, body):
    connection = pika.BlockingConnection(parameters)  # acquire: pika.BlockingConnection
    try:
        connection.channel().basic_publish("", "queue", body)
    finally:
        connection.close()  # release: connection


def send(message):
    with smtplib.SMTP("mail") as mail:  # acquire: smtplib.SMTP
        mail.send_message(message)


def send_plainly(message):
    mail = smtplib.SMTP("mail")  # acquire: smtplib.SMTP
    try:
        mail.send_message(message)
    finally:
        mail.quit()  # release: mail


def selected(peer, work):
    selector = selectors.DefaultSelector()  # acquire: selectors.DefaultSelector
    try:
        selector.register(peer, selectors.EVENT_READ)
        work(selector)
    finally:
        selector.close()  # release: selector


def selected_with(peer, work):
    with selectors.DefaultSelector() as selector:  # acquire: selectors.DefaultSelector
        selector.register(peer, selectors.EVENT_READ)
        work(selector)


def run_lines(command):
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # acquire: subprocess.Popen
        return process.stdout.read()


def in_parallel(work, items):
    with ThreadPoolExecutor() as executor:  # acquire: ThreadPoolExecutor
        return list(executor.map(work, items))


def in_parallel_plainly(work, items):
    executor = ThreadPoolExecutor()  # acquire: ThreadPoolExecutor
    try:
        return list(executor.map(work, items))
    finally:
        executor.shutdown()  # release: executor


def secured(context: ssl.SSLContext, host, work):
    with socket.create_connection((host, 443)) as peer:  # acquire: socket.create_connection
        work(context, peer)
