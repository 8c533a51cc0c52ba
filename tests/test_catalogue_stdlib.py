"""What the catalogue says of the standard library is there: names, arguments, methods, context managers."""

from __future__ import annotations

import builtins
import importlib
import inspect
import sys
import warnings
from typing import Any

import pytest

from leaklint.catalogue.load import FOLDER, load, read
from leaklint.catalogue.model import Exit, Resource

REMOVED = {"aifc", "nntplib", "sunau", "telnetlib"}  # modules that 3.13 has no more
SINCE = {
    "asyncio.Runner": (3, 11),
    "asyncio.Runner.get_loop": (3, 11),
    "asyncio.Runner.run": (3, 11),
    "asyncio.runners.Runner": (3, 11),
    "importlib.resources.abc.Traversable.joinpath": (3, 11),
    "pathlib.Path.with_segments": (3, 12),
    "dbm.sqlite3.open": (3, 13),
    "importlib.resources.abc.Traversable.open": (3, 11),
    "itertools.batched": (3, 12),
    "os.posix_openpt": (3, 13),
    "os.timerfd_create": (3, 13),
    "sqlite3.Blob": (3, 11),
    "sqlite3.Connection.blobopen": (3, 11),
    "tomllib.load": (3, 11),
    "tomllib.loads": (3, 11),
    "typing.assert_never": (3, 11),
    "unittest.enterModuleContext": (3, 11),
}
ELSEWHERE = {
    "dbm.gnu.gdbm": "where gdbm is installed",
    "dbm.gnu.open": "where gdbm is installed",
    "dbm.ndbm.open": "where ndbm is installed",
    "multiprocessing.context.BaseContext.Process": "an attribute of every subclass",
    "os.eventfd": "Linux",
    "os.memfd_create": "Linux",
    "os.pidfd_open": "Linux",
    "os.pipe2": "not on macOS",
    "posix.ScandirIterator": "a type without a name",
    "select.epoll": "Linux",
    "selectors.DevpollSelector": "Solaris",
    "selectors.EpollSelector": "Linux",
    "selectors.KqueueSelector": "BSD",
    "socket.fromshare": "Windows",
    "ssl.wrap_socket": "until 3.11",
    "xml.etree.cElementTree.iterparse": "until 3.8",
}
INSTANCE = {  # attributes that only an instance has
    "codecs.StreamReaderWriter.close",
    "multiprocessing.managers.SyncManager.shutdown",
    "subprocess.Popen.stderr",
    "subprocess.Popen.stdin",
    "subprocess.Popen.stdout",
    "zipfile.Path.root",
}
MISSING = object()


def resolve(name: str) -> Any:
    """The object behind a dotted name, or MISSING when this Python has none."""
    parts = name.split(".")
    if len(parts) == 1:
        return getattr(builtins, name, MISSING)
    for cut in range(len(parts) - 1, 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in parts[cut:]:
                found = getattr(found, part, MISSING)
        return found
    return MISSING


def expected(name: str) -> bool:
    """Whether the standard library of this Python and platform must have ``name``."""
    root, _, rest = name.partition(".")
    if name in ELSEWHERE or sys.version_info < SINCE.get(name, (3, 0)):
        return False
    return root in sys.stdlib_module_names if rest else root != "*"


STDLIB: list[Resource] = [
    resource
    for resource, _ in read([FOLDER / "stdlib.toml"]).resources
    if not (resource.package in REMOVED and sys.version_info >= (3, 13))
]
ids = [resource.id for resource in STDLIB]


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_acquiring_names_exist(resource: Resource) -> None:
    for name in resource.acquire:
        assert resolve(name) is not MISSING or not expected(name), name


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_arguments_stand_where_the_conditions_look_for_them(resource: Resource) -> None:
    parameters = [names for name in resource.acquire if (names := positional(resolve(name)))]
    for argument in [*(c.argument for c in (*resource.when, *resource.write_when)), *resource.owns]:
        keyword, _, position = argument.partition("/")
        if position and parameters:
            found = {names.index(keyword) for names in parameters if keyword in names}
            assert found == {int(position)}, argument


def positional(function: object) -> list[str]:
    """The names of the parameters after self; empty when the function is missing, written in C or passes them on."""
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    names = [p.name for p in parameters if p.name != "self"]
    return [] if any(p.kind is p.VAR_POSITIONAL for p in parameters) else names


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_types_have_the_methods_and_the_context_manager(resource: Resource) -> None:
    kind = resolve(resource.type) if resource.type else MISSING
    if not inspect.isclass(kind):
        assert kind is not MISSING or not resource.type or not expected(resource.type)
        return
    steps = [step.call for steps in resource.release for step in steps if step.form == "method"]
    for method in [*steps, *resource.starts, *resource.looks_like, *resource.finishes]:
        first = method.partition(".")[0]
        assert f"{resource.type}.{first}" in INSTANCE or hasattr(kind, first), method
    assert hasattr(kind, "__enter__") == (resource.with_ is not Exit.UNSUPPORTED)
    assert hasattr(kind, "__aenter__") == (resource.async_with is not Exit.UNSUPPORTED)


def test_functions_and_makers_of_the_standard_library_exist() -> None:
    catalogue = load()
    for name in catalogue.functions.keys() | {maker.removesuffix(".*") for maker in catalogue.makers}:
        assert resolve(name) is not MISSING or not expected(name), name
