"""What the names of the catalogue yield in a generated program, and the opaque arguments of the function under test."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

from tests.oracle.world import Recorded, World


class Resource(Recorded):
    """A recorded resource with a releasing ``with``; every use of it may raise."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.record = world.acquired()

    def close(self) -> None:
        self.record.open = False

    def use(self, *_: Any) -> Any:
        self.world.event("use", self.record.open)
        return self.world.point(("data",))

    read = readline = write = flush = sendall = recv = connect = commit = rollback = use

    def __enter__(self) -> Resource:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class File(Resource):
    """A resource with ``closed``, iterable by line."""

    @property
    def closed(self) -> bool:
        return not self.record.open

    def __iter__(self) -> Iterator[str]:
        for _ in range(self.world.limits.loops):
            try:
                more = self.world.point((False, True))
            except BaseException:
                self.world.run.iterated = self.record
                raise
            if not more:
                return
            yield "line"


class Connection(Resource):
    """A database connection: leaving ``with`` ends the transaction only."""

    def __exit__(self, *_: object) -> None:
        """Commits or rolls back."""


class AsyncResource(Recorded):
    """A recorded resource that is released by awaiting ``close()``."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.record = world.acquired()

    def close(self) -> Released:
        return Released(self)

    async def __aenter__(self) -> AsyncResource:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Descriptor(Recorded, int):
    """A raw descriptor."""


class Released:
    """What ``close()`` of an async resource returns: nothing is released before it is awaited."""

    def __init__(self, resource: AsyncResource) -> None:
        self.resource = resource

    def __await__(self) -> Generator[Any, None, None]:
        self.resource.record.open = False
        return
        yield


class Awaited:
    """An opaque awaitable: awaiting it returns, raises or is cancelled."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __await__(self) -> Generator[Any, None, Any]:
        yield self
        return self.world.point()


class Suppress:
    """``contextlib.suppress`` that lets the world see what it swallows."""

    def __init__(self, world: World, *kinds: type[BaseException]) -> None:
        self.world = world
        self.kinds = kinds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        self.world.judge_exception(error)
        return kind is not None and issubclass(kind, self.kinds)


class Toggle:
    """An opaque argument: its truth is chosen once, when first asked for."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.truth: bool | None = None

    def __bool__(self) -> bool:
        if self.truth is None:
            self.truth = bool(self.world.choose(2))
        return self.truth


class Sink:
    """An opaque argument that keeps what is stored on it, even when it is overwritten."""

    world: World

    def __init__(self, world: World) -> None:
        object.__setattr__(self, "world", world)

    def __setattr__(self, name: str, value: object) -> None:
        self.world.run.roots.append(value)
        object.__setattr__(self, name, value)

    def __setitem__(self, key: object, value: object) -> None:
        self.world.run.roots.append(value)


class Event:
    """A handler's event: a subscript may raise."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __getitem__(self, key: object) -> Any:
        return self.world.point(("value",))
