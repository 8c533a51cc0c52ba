"""Severity is what a leak does to a warm Lambda: the table of the design, row by row."""

from __future__ import annotations

from typing import Any

import pytest

from leaklint.analysis.facts import Leak
from leaklint.catalogue.model import Advice, Cache, Tier
from leaklint.finding import Severity
from leaklint.severity import bounds_reads, heals, reclaim, severity
from tests.sites import early, lost, may_raise, raised, resource, returned, site

DESCRIPTOR = {"kind": "descriptor", "tier": Tier.G0}
SERVER = {"kind": "connection", "server": True}
THREADS = {"kind": "client", "threads": True}
SOCKET = {"kind": "socket"}
PROCESS = {"kind": "process"}
COLLECTED = {"kind": "client", "tier": Tier.G1}
ASYNC = {"kind": "client", "tier": Tier.G2}
FILE = {"kind": "file"}
RESPONSE = {"kind": "response"}
ARCHIVE = {"kind": "archive"}
CURSOR = {"kind": "cursor", "server": True}


def of(entry: dict[str, Any], leak: Leak, **changes: Any) -> str:
    return severity(site(leak, resource=resource(**entry), **changes), leak, "LL101").value


@pytest.mark.parametrize("entry", [DESCRIPTOR, SERVER, THREADS])
@pytest.mark.parametrize("leak", [returned(), early(), lost()])
def test_a_grave_leak_on_a_normal_path_of_a_handler_is_high(entry: dict[str, Any], leak: Leak) -> None:
    assert of(entry, leak, handler=True) == "high"


@pytest.mark.parametrize("entry", [DESCRIPTOR, SERVER, THREADS])
def test_it_is_medium_on_an_exception_path_or_outside_of_handlers(entry: dict[str, Any]) -> None:
    assert of(entry, may_raise(), handler=True) == "medium"
    assert of(entry, raised(), handler=True) == "medium"
    assert of(entry, returned()) == "medium"
    assert of(entry, may_raise()) == "medium"


@pytest.mark.parametrize("entry", [DESCRIPTOR, SERVER, THREADS])
def test_what_runs_at_import_runs_once_and_is_medium(entry: dict[str, Any]) -> None:
    assert of(entry, returned(), handler=True, module_level=True) == "medium"


@pytest.mark.parametrize("entry", [SOCKET, PROCESS, COLLECTED, ASYNC])
@pytest.mark.parametrize("handler", [True, False])
def test_what_reference_counting_does_not_settle_is_medium(entry: dict[str, Any], handler: bool) -> None:
    assert of(entry, returned(), handler=handler) == "medium"
    assert of(entry, may_raise(), handler=handler) == "medium"


@pytest.mark.parametrize("entry", [FILE, RESPONSE, ARCHIVE, CURSOR])
@pytest.mark.parametrize("handler", [True, False])
def test_what_reference_counting_closes_is_low(entry: dict[str, Any], handler: bool) -> None:
    assert of(entry, returned(), handler=handler) == "low"
    assert of(entry, may_raise(), handler=handler) == "low"


def test_a_loop_and_lost_writes_raise_it_one_step() -> None:
    assert of(FILE, returned(), in_loop=True) == "medium"
    assert of(FILE, returned(), writes=True) == "medium"
    assert of(FILE, returned(), writes=True, in_loop=True) == "medium"
    assert of(SERVER, returned(), in_loop=True) == "high"
    assert of(SERVER, returned(), in_loop=True, handler=True) == "high"


def test_provisioned_concurrency_raises_it_one_step() -> None:
    assert of(FILE, returned(), provisioned=True) == "medium"
    assert of(FILE, may_raise(), provisioned=True) == "medium"
    assert of(SERVER, may_raise(), handler=True, provisioned=True) == "high"
    assert of(FILE, returned(), provisioned=True, in_loop=True) == "medium"


def test_what_no_handler_is_deployed_with_is_low() -> None:
    assert of(SERVER, returned(), unreached=True, in_loop=True) == "low"


def test_an_exception_ends_the_loop_and_tells_of_the_lost_write() -> None:
    assert of(FILE, may_raise(), in_loop=True, writes=True) == "low"


def test_a_kept_connection_is_medium_and_one_that_heals_low() -> None:
    cache = Cache(Advice.MITIGATE, heals=("pre_ping",), bounds=("read_timeout",))
    plain = site(resource=resource(kind="pool", server=True, cache=cache))
    healing = site(resource=resource(kind="pool", server=True, cache=cache), mitigations=("pre_ping",))
    assert severity(plain, None, "LL201") is Severity.MEDIUM
    assert severity(healing, None, "LL201") is Severity.LOW
    assert not heals(plain)
    assert heals(healing)
    assert not bounds_reads(healing)
    assert bounds_reads(site(resource=healing.resource, mitigations=("read_timeout",)))


def test_what_its_makers_advise_to_keep_heals_by_itself() -> None:
    kept = site(resource=resource(kind="connection", server=True, cache=Cache(Advice.KEEP, bounds=("socket_timeout",))))
    assert heals(kept)
    assert not bounds_reads(kept)
    assert bounds_reads(site(resource=resource(cache=Cache(Advice.KEEP))))


def test_a_finding_without_a_resource_is_low() -> None:
    assert severity(None, None, "LL901") is Severity.LOW


def test_the_reason_says_what_reclaims_it() -> None:
    def reason(tier: Tier, leak: Leak, **changes: Any) -> str:
        return reclaim(site(leak, resource=resource(tier=tier), **changes), leak)

    assert reason(Tier.G0, returned()) == "nothing reclaims it"
    assert reason(Tier.G1, returned()) == "only a garbage collection reclaims it"
    assert "finaliser cannot await" in reason(Tier.G2, returned())
    assert reason(Tier.G3, may_raise()) == "reclaimed when the frame dies; a stored exception keeps it open"
    assert "last reference" in reason(Tier.G3, lost())
    assert "process ends" in reason(Tier.G3, returned(), kept_as="f")
