"""The catalogue agrees with the real libraries, as far as they are installed and their servers run.

``pip install .[conformance]`` brings the libraries. PostgreSQL, MariaDB, Redis, RabbitMQ and an MQTT broker are taken
from loopback: what needs one that does not run is skipped, or fails when LEAKLINT_REQUIRE_SERVERS is 1.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Exit, Resource, Tier
from tests.command import environment
from tests.conformance.names import ELSEWHERE, FACTORIES
from tests.conformance.probe import PROBE_MODULES, PROBES, Probe
from tests.conformance.unprobed import UNPROBED

ROOT = Path(__file__).parent.parent
SERVERS = {"postgres": 5432, "mariadb": 3306, "redis": 6379, "rabbitmq": 5672, "mqtt": 1883}
AT_ONCE = 3
"""probes that run at the same time: each is a process that mostly waits"""
PATIENCE = 120.0
"""seconds after which a probe is taken to hang"""

for module in PROBE_MODULES:
    importlib.import_module(f"tests.conformance.{module}")

RESOURCES = load().resources
LIBRARIES = {
    identifier: resource
    for identifier, resource in RESOURCES.items()
    if resource.package.partition(".")[0] not in {*sys.stdlib_module_names, "dbapi"}
}


# --- names ---


@pytest.fixture(scope="module")
def examined() -> dict[str, Any]:
    """By entry what the installed library contradicts; every library is imported in a process of its own."""
    result = _python("names", *LIBRARIES, timeout=600)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("identifier", LIBRARIES)
def test_names_types_releases_and_context_managers_exist(identifier: str, examined: dict[str, Any]) -> None:
    if "absent" in examined[identifier]:
        pytest.skip(examined[identifier]["absent"])
    assert examined[identifier]["problems"] == []


def test_names_of_other_releases_are_in_the_catalogue() -> None:
    spelled = {name for r in LIBRARIES.values() for name in (*r.acquire, r.type, *r.also)}
    assert set(ELSEWHERE) <= spelled
    assert set(FACTORIES) <= set(LIBRARIES)


# --- measurements ---


def require_server(name: str) -> None:
    """Skip the test, or fail it where servers are demanded, when nothing listens on the port of server ``name``."""
    try:
        socket.create_connection(("127.0.0.1", SERVERS[name]), 2).close()
    except OSError as problem:
        reason = f"{name} does not run on 127.0.0.1:{SERVERS[name]}: {problem}"
        if os.environ.get("LEAKLINT_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)


class Observations:
    """The probes of the selected tests, run beside each other, and the stub servers that they need."""

    def __init__(self, identifiers: list[str], folder: Path) -> None:
        self._folder = folder
        self._stubs: dict[str, subprocess.Popen[str]] = {}
        self._environment = environment()
        for stub in sorted({PROBES[identifier].stub for identifier in identifiers} - {""}):
            self._start(stub)
        self._executor = ThreadPoolExecutor(AT_ONCE)
        self._futures: dict[str, Future[subprocess.CompletedProcess[str]]] = {
            identifier: self._executor.submit(self._run, identifier) for identifier in identifiers
        }

    def of(self, identifier: str) -> dict[str, Any]:
        """What the probe of ``identifier`` observed; skips the test when its library is not installed."""
        result = self._futures[identifier].result()
        if result.returncode != 0:
            last = (result.stderr.strip().splitlines() or ["nothing said"])[-1]
            if last.startswith(("ModuleNotFoundError", "KeyError: 'LEAKLINT_STUB_")):
                pytest.skip(f"not installed: {last}")
            pytest.fail(f"the probe failed:\n{result.stderr}")
        seen: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return seen

    def close(self) -> None:
        """Wait for the probes that still run and end the stub servers."""
        self._executor.shutdown(cancel_futures=True)
        for process in self._stubs.values():
            process.communicate()

    def _start(self, stub: str) -> None:
        """Start a stub; its port stays unknown when the library that it is made of is not installed."""
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.conformance.stubs", stub],
            cwd=ROOT, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        self._stubs[stub] = process
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if port:
            self._environment = {**self._environment, f"LEAKLINT_STUB_{stub.upper()}": port}

    def _run(self, identifier: str) -> subprocess.CompletedProcess[str]:
        folder = self._folder / identifier
        folder.mkdir()
        return _python("measure", identifier, timeout=PATIENCE, **self._environment, LEAKLINT_PROBE_FOLDER=str(folder))


def _python(module: str, *arguments: str, timeout: float, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.conformance.{module}", *arguments],
        cwd=ROOT, env=variables or environment(), capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def observations(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observations]:
    """The observations of every probe whose test was selected."""
    selected = [
        str(item.callspec.params["probed"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and "probed" in item.fixturenames
    ]
    runnable = [i for i in selected if _listens(PROBES[i]) and _is_installed(RESOURCES[i])]
    found = Observations(runnable, tmp_path_factory.mktemp("probes"))
    yield found
    found.close()


def _is_installed(resource: Resource) -> bool:
    return importlib.util.find_spec(resource.package.partition(".")[0]) is not None


def _listens(probe: Probe) -> bool:
    if not probe.server:
        return True
    with socket.socket() as tried:
        tried.settimeout(2)
        return tried.connect_ex(("127.0.0.1", SERVERS[probe.server])) == 0


def _probes() -> Iterator[Any]:
    for identifier, probe in sorted(PROBES.items()):
        yield pytest.param(identifier, id=identifier, marks=[pytest.mark.servers] if probe.server else [])


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc/self/fd")
@pytest.mark.parametrize("probed", list(_probes()))
def test_what_is_observed_is_what_the_catalogue_says(probed: str, observations: Observations) -> None:
    if not _is_installed(RESOURCES[probed]):
        pytest.skip(f"{RESOURCES[probed].package} is not installed")
    if PROBES[probed].server:
        require_server(PROBES[probed].server)
    assert list(contradictions(RESOURCES[probed], PROBES[probed], observations.of(probed))) == []


def contradictions(resource: Resource, probe: Probe, seen: dict[str, Any]) -> Iterator[str]:
    """What was seen and the entry says otherwise."""
    if seen["held"] < probe.number:
        yield f"{probe.number} hold only {seen['held']}, so nothing was measured"
    if seen.get("fresh", 0) > 0:
        yield f"it is held before {resource.starts} is called"
    for release, left in seen["release"].items():
        older = left.startswith("raises: AttributeError") and release != next(iter(seen["release"]))
        if left != probe.leaves.get(release, "none") and not older:
            yield f"release {release!r} leaves {left}"
    if resource.release and seen["again"] != resource.again:
        yield f"a second release is {seen['again']}, not {resource.again}"
    for method, left in seen["looks_like"].items():
        if left == "none":
            yield f"{method!r} looks like a release, and is one"
    yield from _leaving("with", resource.with_, seen["with"])
    yield from _leaving("async_with", resource.async_with, seen["async_with"])
    if "dropped" in seen:
        yield from _dropping(resource.tier, seen["dropped"])
    if resource.tier is Tier.G2 and not resource.release[0][0].awaited:
        yield "tier G2, but its first release is not awaited"


def _leaving(field: str, exit_: Exit, left: str) -> Iterator[str]:
    refused = left == "unsupported" or left.startswith("raises")
    if (exit_ is Exit.UNSUPPORTED) != refused:
        yield f"{field} = {exit_.value!r}, but leaving it: {left}"
    elif not refused and exit_.releases != (left == "none"):
        yield f"{field} = {exit_.value!r}, but leaving it leaves {left}"


def _dropping(tier: Tier, dropped: dict[str, str]) -> Iterator[str]:
    at_once, collected = dropped["at once"], dropped["after a collection"]
    wrong = {
        Tier.G3: at_once != "none",
        Tier.G1: at_once == "none" or collected != "none",
        Tier.G0: collected == "none",
        Tier.G2: False,  # what an abandoned loop leaves is not to be relied on, whatever it is
    }
    if wrong[tier]:
        yield f"tier {tier.value}, but dropping leaves {at_once}, and {collected} after a collection"


AGREED: dict[str, Any] = {
    "held": 2,
    "release": {"close": "none"},
    "again": "ok",
    "looks_like": {},
    "with": "all",
    "async_with": "unsupported",
    "dropped": {"at once": "none", "after a collection": "none"},
}
"""what is seen of a connection that reference counting closes and whose ``with`` ends a transaction"""


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("held", 0),
        ("fresh", 1),
        ("release", {"close": "all"}),
        ("again", "raises"),
        ("looks_like", {"close": "none"}),
        ("with", "none"),
        ("with", "unsupported"),
        ("async_with", "none"),
        ("dropped", {"at once": "all", "after a collection": "none"}),
    ],
)
def test_an_observation_that_differs_is_a_contradiction(field: str, value: object) -> None:
    resource, probe = RESOURCES["psycopg2.connection"], PROBES["psycopg2.connection"]
    assert list(contradictions(resource, probe, AGREED)) == []
    assert len(list(contradictions(resource, probe, {**AGREED, field: value}))) == 1


def test_a_server_that_does_not_run_fails_only_where_it_is_demanded(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        monkeypatch.setitem(SERVERS, "none", closed.getsockname()[1])
    monkeypatch.delenv("LEAKLINT_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="does not run"):
        require_server("none")
    monkeypatch.setenv("LEAKLINT_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="does not run"):
        require_server("none")


# --- completeness ---


def test_every_measured_entry_has_a_probe_or_a_reason() -> None:
    measured = {i for i, r in LIBRARIES.items() if r.evidence in ("measured", "measured-stub")}
    assert measured - set(PROBES) - set(UNPROBED) == set()


def test_probes_and_reasons_belong_to_entries_and_exclude_each_other() -> None:
    assert set(PROBES) <= set(LIBRARIES)
    assert set(UNPROBED) <= set(LIBRARIES)
    assert set(PROBES) & set(UNPROBED) == set()


def test_what_a_probe_observed_is_called_measured() -> None:
    unsaid = {i for i in PROBES if LIBRARIES[i].evidence not in ("measured", "measured-stub")}
    assert unsaid == set()
