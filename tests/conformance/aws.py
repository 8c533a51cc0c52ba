"""Probes of AWS clients and the bodies of their answers, on a stub that speaks HTTP."""

from __future__ import annotations

import functools
from typing import Any

from tests.conformance.probe import library, probe, url

KEYS = {"region_name": "us-east-1", "aws_access_key_id": "probe", "aws_secret_access_key": "probe"}


def _options() -> dict[str, Any]:
    style = library("botocore.config").Config(s3={"addressing_style": "path"}, max_pool_connections=50)
    return {"endpoint_url": url(""), "config": style, **KEYS}


@probe("boto3.client", stub="http")
def _() -> Any:
    client = library("boto3").client("s3", **_options())
    client.head_object(Bucket="probe", Key="small")
    return client


@probe("boto3.resource", stub="http")
def _() -> Any:
    resource = library("boto3").resource("s3", **_options())
    resource.Object("probe", "small").load()
    return resource


@functools.cache
def s3() -> Any:
    return library("boto3").client("s3", **_options())


@probe("botocore.streaming_body", stub="http")
def _() -> Any:
    return s3().get_object(Bucket="probe", Key="big")["Body"]


@functools.cache
def s3_resource() -> Any:
    return library("boto3").resource("s3", **_options())


@probe("boto3.object_body", stub="http")
def _() -> Any:
    return s3_resource().Object("probe", "big").get()["Body"]


@functools.cache
def functions() -> Any:
    return library("boto3").client("lambda", **_options())


@probe("botocore.invoke_payload", stub="http")
def _() -> Any:
    return functions().invoke(FunctionName="big", InvocationType="RequestResponse")["Payload"]


def _creator() -> Any:
    session = library("aiobotocore.session").get_session()
    style = library("aiobotocore.config").AioConfig(s3={"addressing_style": "path"})
    return session.create_client("s3", endpoint_url=url(""), config=style, **KEYS)


@probe("aiobotocore.client", stub="http", block=_creator)
async def _() -> Any:
    client = await _creator().__aenter__()
    await client.head_object(Bucket="probe", Key="small")
    return client
