"""What a probe is: how to open one resource of the catalogue for real, and how to count what it holds.

A probe is registered under the id of the entry that it measures. `tests.conformance.measure` runs it in a process of
its own, so that what a probe leaks, and it leaks on purpose, ends with that process.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

PROBES: dict[str, Probe] = {}
PROBE_MODULES = ("databases", "mappers", "caches", "network", "queues", "aws", "data")
"""the modules of this package that register probes"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One way to measure an entry.

    ``open`` opens a resource and uses it, so that it holds what it ever holds; a coroutine function for async ones.
    ``server`` and ``stub`` name what must listen on loopback: a real server, or one of `tests.conformance.stubs`.
    """

    open: Callable[[], Any]
    server: str = ""
    stub: str = ""
    count: Callable[[], int] | None = None
    """what is held by all resources together; default: open descriptors"""
    alive: Callable[[Any], bool] | None = None
    """whether one resource is open, for those that hold nothing countable; dropping them cannot be measured"""
    block: Callable[[], Any] | None = None
    """what stands after ``with`` (a factory), when that is not an opened resource"""
    fresh: Callable[[], Any] | None = None
    """constructs one without the call that starts it"""
    owner: Callable[[], Any] | None = None
    """the owner that releases it"""
    leaves: Mapping[str, str] = field(default_factory=dict)
    """what a release leaves by design, where it is not ``none``: a pool keeps what it is given back"""
    number: int = 2
    """how many are held at once"""
    drops: bool = True
    """whether the tier can be measured by dropping one"""


def probe(identifier: str, **options: Any) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Register the decorated function as the way to open the entry ``identifier``."""

    def register(function: Callable[[], Any]) -> Callable[[], Any]:
        if identifier in PROBES:
            raise ValueError(f"{identifier!r} has two probes")
        PROBES[identifier] = Probe(function, **options)
        return function

    return register


def library(name: str) -> Any:
    """The module ``name``, imported when a probe runs; ModuleNotFoundError when it is not installed."""
    return importlib.import_module(name)


def port(stub: str) -> int:
    """The port on which the stub server ``stub`` listens on 127.0.0.1."""
    return int(os.environ[f"LEAKLINT_STUB_{stub.upper()}"])


def url(path: str = "/", stub: str = "http") -> str:
    """The address of ``path`` on the stub HTTP server."""
    return f"http://127.0.0.1:{port(stub)}{path}"


def scratch(name: str) -> str:
    """The path of ``name`` in the probe's own folder."""
    return os.path.join(os.environ["LEAKLINT_PROBE_FOLDER"], name)
