"""Measure one probe: ``python -m tests.conformance.measure ID`` prints what was observed as one line of JSON.

Counted are the entries of /proc/self/fd, or what the probe counts instead, before and after each act, while the objects
are still referenced:

- ``held``: what the objects hold while they are open; ``fresh``: what they hold before they are started;
- ``release``: by its spelling, what each release leaves: ``none``, ``some`` or ``all`` of what was held;
- ``again``: whether the first release, made a second time, raises;
- ``looks_like``: what each method that looks like a release leaves;
- ``with``, ``async_with``: what leaving the block leaves, plainly and by an exception, or ``raises: ...``;
- ``dropped``: what is left when the last reference goes with the collector off, and after a collection.

Two rounds of opening and releasing come first, for the first object of a kind opens descriptors of its library. The
process ends without finalising anything: some of what is measured here would keep it from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Resource, Step
from tests.conformance.probe import PROBE_MODULES, PROBES, Probe

SETTLE = 2.0
"""seconds that threads and sockets get to go away"""
QUIET = 0.05
"""seconds without a change after which nothing is under way"""
STAY = 0.15
"""seconds after which what is still there is taken to stay"""


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd")) - 1


class Measurement:
    """One probe on one entry."""

    def __init__(self, resource: Resource, probe: Probe) -> None:
        self.resource = resource
        self.probe = probe
        self.count = probe.count or descriptors

    async def run(self) -> dict[str, Any]:
        """Everything that was observed."""
        for _ in range(2):
            await self._discard([await self._open() for _ in range(self.probe.number)])
        seen: dict[str, Any] = {"held": await self._held()}
        if self.probe.fresh is not None:
            seen["fresh"] = await self._fresh()
        seen["release"] = {spelling(steps): await self._release(steps) for steps in self.resource.release}
        if self.resource.release:
            seen["again"] = await self._again(self.resource.release[0])
        seen["looks_like"] = {name: await self._release((Step(name, "method"),)) for name in self.resource.looks_like}
        seen["with"] = await self._block("__enter__", "__exit__")
        seen["async_with"] = await self._block("__aenter__", "__aexit__")
        if self.probe.drops and self.probe.alive is None:
            seen["dropped"] = await self._dropped()
        return seen

    async def _open(self) -> Any:
        return await settled(self.probe.open())

    async def _several(self) -> list[Any]:
        return [await self._open() for _ in range(self.probe.number)]

    async def _quiet(self) -> int:
        """What is counted before an act, once what earlier ones set off has ended: threads end in their own time."""
        until, since = time.monotonic() + SETTLE, time.monotonic()
        last = self._holding([])
        while time.monotonic() - since < QUIET and time.monotonic() < until:
            await asyncio.sleep(0.01)
            now = self._holding([])
            if now != last:
                last, since = now, time.monotonic()
        return last

    def _holding(self, things: list[Any]) -> int:
        return self.count() if self.probe.alive is None else sum(map(self.probe.alive, things))

    async def _left(self, before: int, held: int, things: list[Any], *, expect_none: bool) -> str:
        """How much of ``held`` is left, once it is gone or has had the time to go."""
        until = time.monotonic() + (SETTLE if expect_none else STAY)
        left = self._holding(things) - before
        while left > 0 and time.monotonic() < until:
            await asyncio.sleep(0.02)
            left = self._holding(things) - before
        return share(left, held)

    async def _held(self) -> int:
        before = await self._quiet()
        things = await self._several()
        held = self._holding(things) - before
        await self._discard(things)
        return held

    async def _fresh(self) -> int:
        assert self.probe.fresh is not None
        before = await self._quiet()
        things = [await settled(self.probe.fresh()) for _ in range(self.probe.number)]
        return self._holding(things) - before

    async def _release(self, steps: tuple[Step, ...]) -> str:
        before = await self._quiet()
        things = await self._several()
        held = self._holding(things) - before
        try:
            for thing in things:
                await self._make(steps, thing)
        except Exception as problem:
            return f"raises: {type(problem).__name__}: {problem}"
        left = await self._left(before, held, things, expect_none=True)
        await self._discard(things)
        return left

    async def _again(self, steps: tuple[Step, ...]) -> str:
        thing = await self._open()
        await self._make(steps, thing)
        try:
            await self._make(steps, thing)
        except Exception:
            return "raises"
        return "ok"

    async def _block(self, enter: str, leave: str) -> str:
        """What leaving the block leaves; the worse of leaving it plainly and by an exception."""
        plain = await self._block_left(enter, leave, None)
        return plain if plain != "none" else await self._block_left(enter, leave, KeyError("probe"))

    async def _block_left(self, enter: str, leave: str, problem: Exception | None) -> str:
        before = await self._quiet()
        blocks = [await self._block_object() for _ in range(self.probe.number)]
        things: list[Any] = []
        held = 0
        try:
            if not all(hasattr(type(block), enter) and hasattr(type(block), leave) for block in blocks):
                return "unsupported"
            for block in blocks:
                try:
                    things.append(await settled(getattr(block, enter)()))
                except (AttributeError, TypeError, RuntimeError, NotImplementedError) as refusal:
                    return f"raises: {type(refusal).__name__}: {refusal}"
            held = self._holding(things) - before
            for block in blocks:
                with contextlib.suppress(KeyError):
                    raised = (None, None, None) if problem is None else (type(problem), problem, None)
                    await settled(getattr(block, leave)(*raised))
            return await self._left(before, held, things, expect_none=self._expects_release(enter))
        finally:
            await self._discard(things or blocks)

    def _expects_release(self, enter: str) -> bool:
        return (self.resource.with_ if enter == "__enter__" else self.resource.async_with).releases

    async def _block_object(self) -> Any:
        return await self._open() if self.probe.block is None else self.probe.block()

    async def _dropped(self) -> dict[str, str]:
        gc.collect()
        gc.disable()
        try:
            before = await self._quiet()
            held = await self._open_and_forget(before)
            # What is to go at once has the time that threads take; what is to stay has no more than that.
            at_once = await self._left(before, held, [], expect_none=self.resource.tier.value == "G3")
            collected = await self._after_collection(before, held)
        finally:
            gc.enable()
        return {"at once": at_once, "after a collection": collected}

    async def _open_and_forget(self, before: int) -> int:
        things = await self._several()
        return self._holding(things) - before

    async def _after_collection(self, before: int, held: int) -> str:
        expect_none = self.resource.tier.value in ("G1", "G3")
        left = "all"
        for _ in range(3):
            gc.collect()
            left = await self._left(before, held, [], expect_none=expect_none)
            if left == "none":
                break
        return left

    async def _make(self, steps: tuple[Step, ...], thing: Any) -> None:
        for step in steps:
            await settled(called(step, thing, self.probe.owner))

    async def _discard(self, things: list[Any]) -> None:
        """Release what is still open, by whatever means; what is closed already may complain."""
        for steps in self.resource.release:
            for thing in things:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(self._make(steps, thing), SETTLE)
        things.clear()
        gc.collect()
        await asyncio.sleep(0)


def called(step: Step, thing: Any, owner: Callable[[], Any] | None) -> Any:
    """The result of making ``step`` on ``thing``."""
    if step.form == "method":
        return path(thing, step.call)()
    if step.form == "owner":
        assert owner is not None, "the probe names no owner"
        return path(owner(), step.call)(thing)
    module, _, name = step.call.rpartition(".")
    return getattr(importlib.import_module(module), name)(thing)


def path(thing: Any, attributes: str) -> Any:
    """The attribute path ``attributes`` of ``thing``."""
    for attribute in attributes.split("."):
        thing = getattr(thing, attribute)
    return thing


def share(left: int, held: int) -> str:
    """``none``, ``some`` or ``all`` of what was held."""
    if left <= 0:
        return "none"
    return "all" if left >= held else "some"


def spelling(steps: tuple[Step, ...]) -> str:
    """The steps of a release as a key: "close", "stop + close"."""
    return " + ".join(("await " if step.awaited else "") + step.call for step in steps)


async def settled(value: Any) -> Any:
    """``value``, awaited when it can be and is no resource that can be awaited as well."""
    return await value if inspect.isawaitable(value) else value


def main(identifier: str) -> None:
    """Measure the probe ``identifier`` and print what was seen."""
    logging.disable(logging.CRITICAL)
    for name in PROBE_MODULES:
        importlib.import_module(f"tests.conformance.{name}")
    print(json.dumps(asyncio.run(Measurement(load().resources[identifier], PROBES[identifier]).run())), flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
