"""How the rules of caching speak: what keeping a connection risks, and how to mend it."""

from __future__ import annotations

from leaklint.analysis.facts import Site
from leaklint.catalogue.model import Advice
from leaklint.finding import Confidence
from leaklint.rules import wording
from leaklint.severity import heals


def risk(site: Site) -> str:
    """What may happen to the connection between two invocations, as clauses."""
    hangs = "a read from a silent peer has no bound and can hang after a freeze"
    if heals(site):
        if site.resource.cache.advice is Advice.KEEP:
            return f"it reconnects by itself, but {hangs}"
        return f"it is tested and reconnects, but {hangs}: so can the test itself"
    if site.proxied:
        return (
            "RDS Proxy follows a fail-over and shares the server's connections, but the socket to the proxy still goes "
            "stale while the sandbox is frozen"
        )
    return (
        "it misses a fail-over and DNS changes, goes stale while the sandbox is frozen, "
        "and every sandbox holds a connection of the server"
    )


def remedy(site: Site) -> str:
    """How to mend it, as one sentence."""
    cache = site.resource.cache
    bounds = f"bound its reads ({listed(cache.bounds)})" if cache.bounds else "bound its reads"
    if heals(site):
        return bounds
    closed = f"open it in the handler and call {wording.release_call(site)} in a `finally`"
    return f"{closed}, or let it heal ({listed(cache.heals)}) and {bounds}" if cache.heals else closed


def listed(names: tuple[str, ...]) -> str:
    """Names of a catalogue entry, as a list in a sentence."""
    return ", ".join(f"`{name}`" for name in names)


def confidence(site: Site) -> Confidence:
    """How sure it is that the connection is kept and stays open."""
    cached = site.cached
    found = Confidence.HIGH if cached is not None and cached.sure else Confidence.MEDIUM
    if cached is not None and cached.maybe_closed:
        return Confidence.LOW
    return found.lowered(1 if site.receiver_by_name else 0)


__all__ = ["confidence", "listed", "remedy", "risk"]
