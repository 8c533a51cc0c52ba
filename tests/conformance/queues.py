"""Probes of message brokers."""

from __future__ import annotations

import time
from typing import Any

from tests.conformance.probe import library, port, probe

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672//"


@probe("pika.blocking_connection", server="rabbitmq")
def _() -> Any:
    pika = library("pika")
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1"))


def _kombu() -> Any:
    return library("kombu").Connection(RABBITMQ)


@probe("kombu.connection", server="rabbitmq", fresh=_kombu)
def _() -> Any:
    connection = _kombu()
    connection.connect()
    return connection


def _amqp() -> Any:
    return library("amqp").Connection("127.0.0.1:5672")


@probe("amqp.connection", server="rabbitmq", fresh=_amqp)
def _() -> Any:
    connection = _amqp()
    connection.connect()
    return connection


@probe("aio_pika.connection", server="rabbitmq")
async def _() -> Any:
    return await library("aio_pika").connect(RABBITMQ)


def _stomp() -> Any:
    return library("stomp").Connection([("127.0.0.1", port("stomp"))])


@probe("stomp.connection", stub="stomp", fresh=_stomp)
def _() -> Any:
    connection = _stomp()
    connection.connect(wait=True)
    return connection


def _paho() -> Any:
    paho = library("paho.mqtt.client")
    return paho.Client(paho.CallbackAPIVersion.VERSION2)


# Without loop_stop() the thread and its pair of sockets stay, so the connection alone is gone.
@probe("paho.client", server="mqtt", leaves={"disconnect": "some"})
def _() -> Any:
    client = _paho()
    client.connect("127.0.0.1")
    client.loop_start()
    while not client.is_connected():
        time.sleep(0.01)
    return client


@probe("confluent_kafka.producer", stub="sink")
def _() -> Any:
    return library("confluent_kafka").Producer({"bootstrap.servers": f"127.0.0.1:{port('sink')}"})


@probe("confluent_kafka.consumer", stub="sink")
def _() -> Any:
    settings = {"bootstrap.servers": f"127.0.0.1:{port('sink')}", "group.id": "probe"}
    return library("confluent_kafka").Consumer(settings)
