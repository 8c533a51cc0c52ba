"""The one function from facts to severity, and the words for what reclaims a resource that leaks.

Severity is what a leak does to a warm Lambda; how sure the analysis is of it plays no part. A leak counts as
*grave* when nothing reclaims it, or when it holds a server's connection or threads: on a normal path of a
handler it returns with every invocation until descriptors or connections run out.
"""

from __future__ import annotations

from leaklint.analysis.facts import Event, Leak, LeakExit, Site
from leaklint.catalogue.model import Advice, Tier
from leaklint.finding import Severity

LASTING_KINDS = frozenset(
    {"connection", "executor", "ftp", "ipc", "ldap", "loop", "mail", "process", "queue", "selector", "server", "socket"}
    | {"ssh", "stream", "thread"}
)
"""Kinds that cost more than a descriptor while they stay open: a peer, a port, a process, a thread."""


def severity(site: Site | None, leak: Leak | None, rule: str) -> Severity:
    """The severity of a finding of ``rule`` at ``site``; ``leak`` is the way on which the resource stays open."""
    return weighed(site, leak, rule)[0]


def weighed(site: Site | None, leak: Leak | None, rule: str) -> tuple[Severity, tuple[str, ...]]:
    """The severity, and the reasons for it.

    A site of None (a finding that is no leak) is low. Caching rules have no leak and go by what heals the connection,
    growth rules by whether a handler adds.
    """
    if rule.startswith("LL3"):
        if site is None or site.repeats:
            return Severity.MEDIUM, ("every warm invocation adds another one",)
        return Severity.LOW, ("it may happen once in a sandbox",)
    if site is None:
        return Severity.LOW, ("it holds nothing",)
    if rule == "LL206":
        return Severity.HIGH, ("every sandbox gets the same connection, which is dead when it is restored",)
    if rule == "LL203":
        return Severity.HIGH, ("the next invocation gets it closed",)
    if rule == "LL205":
        return Severity.HIGH, ("the next invocation gets it in another event loop",)
    warm = ("provisioned concurrency keeps its sandboxes alive",) if site.provisioned else ()
    if rule.startswith("LL2"):
        level, why = (Severity.LOW, "it heals itself") if heals(site) else (Severity.MEDIUM, "nothing heals it")
        return level.raised(len(warm)), (why, *warm)
    if site.unreached:
        return Severity.LOW, ("no handler of the project is deployed with this file",)
    level, why = _level(site, on_normal_path(leak))
    # When an exception leaves the function, the loop ends with it and what was written is known to be incomplete.
    multiplied = _multiplied(site) if on_normal_path(leak) else ()
    return level.raised(1 if multiplied or warm else 0), (why, *multiplied, *warm)


def _multiplied(site: Site) -> tuple[str, ...]:
    found = ("a loop opens one after the other",) if site.in_loop else ()
    return (*found, "what was written may not have arrived") if site.writes else found


def _level(site: Site, normal: bool) -> tuple[Severity, str]:
    resource = site.resource
    if resource.kind == "cursor":
        return Severity.LOW, "a cursor goes with its connection"
    grave = (
        (resource.tier is Tier.G0, "nothing reclaims it"),
        (resource.server, "it holds a connection to a server"),
        (resource.threads, "it runs threads"),
    )
    if why := " and ".join(text for holds, text in grave if holds):
        if site.module_level:
            return Severity.MEDIUM, f"{why}, once in a sandbox"
        if site.handler and normal:
            return Severity.HIGH, f"{why}, on a normal path of handler code"
        return Severity.MEDIUM, f"{why}, {'on an exception path' if site.handler else 'outside of handler code'}"
    if resource.tier in (Tier.G1, Tier.G2):
        return Severity.MEDIUM, reclaim(site, None)
    if resource.kind in LASTING_KINDS:
        return Severity.MEDIUM, f"a {resource.kind} costs more than a descriptor"
    return Severity.LOW, "reference counting closes it promptly"


def on_normal_path(leak: Leak | None) -> bool:
    """Whether the resource stays open without an exception leaving the function."""
    return leak is None or leak.exit is not LeakExit.RAISE


def heals(site: Site) -> bool:
    """Whether a connection kept here comes back by itself after its socket was closed."""
    cache = site.resource.cache
    return cache.advice is Advice.KEEP or bool(set(cache.heals).intersection(site.mitigations))


def bounds_reads(site: Site) -> bool:
    """Whether a read from a silent peer ends: a bound is given, or none is known to be needed."""
    cache = site.resource.cache
    return bool(set(cache.bounds).intersection(site.mitigations)) or (cache.advice is Advice.KEEP and not cache.bounds)


def reclaim(site: Site, leak: Leak | None) -> str:
    """What gives the resource back if this code does not, as a clause."""
    if site.kept_as:
        return "it stays open until the process ends"
    tier = site.resource.tier
    if site.resource.argument == "receiver":
        return "it stays open as long as its object lives"
    if site.kept_by is not None and tier is Tier.G3:
        return "reclaimed when the object dies, if nothing keeps it"
    if tier is Tier.G0:
        return "nothing reclaims it"
    if tier is Tier.G1:
        return "only a garbage collection reclaims it"
    if tier is Tier.G2:
        return "its finaliser cannot await, so dropping it closes nothing in order"
    if leak is not None and leak.exit is LeakExit.LOST:
        return "reclaimed when the last reference goes, not by this code"
    return "reclaimed when the frame dies; a stored exception keeps it open"


def is_explicit(leak: Leak) -> bool:
    """Whether a statement of this function takes the path: a return, a raise, ``sys.exit``."""
    return leak.trigger is not None and leak.trigger.event is Event.T0
