"""The modules that generated programs import: real names, recorded resources, opaque calls."""

from __future__ import annotations

import contextlib
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

from tests.oracle.resources import AsyncResource, Awaited, Connection, Descriptor, File, Resource, Suppress
from tests.oracle.world import World

LIBRARY = ("work", "use", "cond", "stop", "items", "pick", "guard", "awork", "ause")
"""functions of the module ``lib``, of which a checker knows nothing"""


class Library:
    """Makes the modules for one world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def modules(self) -> dict[str, types.ModuleType]:
        """By name, everything that a program may import."""

        def module(name: str, **members: Any) -> types.ModuleType:
            made = types.ModuleType(name)
            made.__dict__.update(members)
            return made

        return {
            "os": module("os", open=self._open_descriptor, close=self._close_descriptor, read=self._use,
                         fdopen=self._fdopen, O_RDONLY=0),
            "sqlite3": module("sqlite3", connect=lambda *a, **k: Connection(self.world)),
            "psycopg2": module("psycopg2", connect=lambda *a, **k: Connection(self.world)),
            "socket": module("socket", socket=lambda *a, **k: Resource(self.world)),
            "tempfile": module("tempfile", TemporaryFile=lambda *a, **k: File(self.world)),
            "aiohttp": module("aiohttp", ClientSession=lambda *a, **k: AsyncResource(self.world)),
            "atexit": module("atexit", register=self._register),
            "contextlib": module(
                "contextlib", closing=contextlib.closing, suppress=functools.partial(Suppress, self.world),
                ExitStack=contextlib.ExitStack, AsyncExitStack=contextlib.AsyncExitStack,
                contextmanager=contextlib.contextmanager, nullcontext=contextlib.nullcontext,
            ),
            "types": module("types", SimpleNamespace=self._opaquely(types.SimpleNamespace)),
            "sys": module("sys", exit=sys.exit),
            "lib": module("lib", **{n: getattr(self, "lib_" + n) for n in LIBRARY}),
        }  # fmt: skip

    def open_file(self, *_: Any, **__: Any) -> File:
        return File(self.world)

    def _opaquely(self, make: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.world.point()
            return make(*args, **kwargs)

        return call

    def _register(self, function: Any, *args: Any) -> None:
        # The contract counts what is registered as released from then on, whatever its names are bound to later.
        self.world.hand_over([function, *args])

    def _use(self, *_: Any) -> Any:
        return self.world.point(("data",))

    def _open_descriptor(self, *_: Any) -> Descriptor:
        made = Descriptor(3 + len(self.world.run.records))
        made.record = self.world.acquired()
        return made

    def _close_descriptor(self, descriptor: Descriptor) -> None:
        if not descriptor.record.open or descriptor.record.moved:
            self.world.event("close of what is closed or another's")
        descriptor.record.open = False

    def _fdopen(self, descriptor: Descriptor, *_: Any) -> File:
        # A constructor that failed may have closed the descriptor or not: what leaks then is soft.
        soft = self.world.run.soft
        self.world.run.soft = True
        made = File(self.world)
        self.world.run.soft = soft
        descriptor.record.moved = True
        return made

    def lib_work(self, *details: Any, **__: Any) -> Any:
        self.world.event("work", *details)
        return self.world.point()

    lib_use = lib_work

    def lib_cond(self, name: object) -> Any:
        self.world.event("cond", name)
        return self.world.point((False,) if self.world.repeat(f"cond{name}") else (False, True))

    def lib_stop(self, name: object) -> Any:
        self.world.event("stop", name)
        return self.world.point((True,) if self.world.repeat(f"stop{name}") else (True, False))

    def lib_items(self, *details: Any) -> Any:
        self.world.event("items", *details)
        return self.world.point(tuple([0] * n for n in range(self.world.limits.loops + 1)))

    def lib_pick(self, *details: Any) -> Any:
        self.world.event("pick", *details)
        return self.world.point((1, 2, 3, 4))

    def lib_guard(self, *details: Any) -> Any:
        self.world.event("guard", *details)
        self.world.point()
        return contextlib.nullcontext()

    def lib_awork(self, *details: Any, **__: Any) -> Awaited:
        self.world.event("awork", *details)
        return Awaited(self.world)

    lib_ause = lib_awork
