"""Which rule a site falls under: one finding per acquired part.

Several rules may apply to one site: a connection that an early return leaves open is usually also left open
when a query raises. Users judge these apart, and one mend cures them all, so the gravest stands alone. In
order: what was meant as a release and is none (LL105, LL106); never released (LL101); not released on some
path (LL103); handle lost (LL104); not released if something raises (LL102). A rule that would only be
reported with low confidence gives way to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leaklint.analysis.facts import Leak, LeakExit, ModuleFacts, Site
from leaklint.catalogue.model import SILENT_KINDS, Advice, Resource
from leaklint.edit import Span
from leaklint.finding import Confidence
from leaklint.severity import heals, is_explicit

WITH_DOES_NOT_RELEASE = "LL105"
RELEASE_NOT_CALLED = "LL106"
NEVER_RELEASED = "LL101"
NOT_ON_SOME_PATH = "LL103"
HANDLE_LOST = "LL104"
NOT_ON_EXCEPTION = "LL102"
PRECEDENCE = (
    WITH_DOES_NOT_RELEASE,
    RELEASE_NOT_CALLED,
    NEVER_RELEASED,
    NOT_ON_SOME_PATH,
    HANDLE_LOST,
    NOT_ON_EXCEPTION,
)
"""The gravest first: the order in which `judge` asks."""

LEFT_RUNNING = frozenset({NEVER_RELEASED, NOT_ON_SOME_PATH, HANDLE_LOST})
"""Open on a normal path."""
OTHER_KINDS = frozenset({"registration", "temp-path", "thread"})
"""Kinds of which LL3 speaks."""

SESSION_KINDS = frozenset(
    {"cache", "checkout", "client", "connection", "cursor", "ftp", "ldap", "mail", "pool", "queue", "session", "ssh"}
)
"""Kinds that may stand for the session of a server."""
BOUND_KINDS = frozenset({"checkout", "cursor", "session"})
"""Kinds that hold on to a connection they did not open: a session without being one."""
_WITHIN = frozenset({"cursor", "session"})
"""kinds that connect at their first use, or live within a connection that is reported itself"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule, and the leaks that make it: ``leak`` is the one to show."""

    code: str
    leak: Leak
    confidence: Confidence


def under(code: str, facts: ModuleFacts) -> Iterator[tuple[Site, Verdict]]:
    """The sites of ``facts`` that fall under rule ``code``, in their order.

    Sites that share call and part are one resource of several possible kinds (a helper returns either): the gravest
    verdict on any of them stands for all.
    """
    found: dict[tuple[Span, str], tuple[Site, Verdict]] = {}
    for site in facts.sites:
        verdict = judge(site)
        if verdict is None:
            continue
        rival = found.get((site.span, site.part))
        if rival is None or _gravity(verdict) < _gravity(rival[1]):
            found[site.span, site.part] = site, verdict
    yield from ((site, verdict) for site, verdict in found.values() if verdict.code == code)


def judge(site: Site) -> Verdict | None:
    """The rule of LL1 that ``site`` falls under, or None."""
    if site.resource.kind in OTHER_KINDS or _is_silent(site) or kept_by_class(site) is not None:
        return None
    found = gravest(site)
    return None if found is None or is_left_running(site, found) else found


def why_silent(site: Site) -> str:
    """Why no rule of leaks reports ``site``, as a clause; empty when one does."""
    if site.cached is not None and site.cached.closed_each_time and not site.leaks:
        return f"{site.cached.where} keeps it, and the code that uses it closes it each time"
    if is_cached(site) and site.cached is not None and not (site.module_level and site.kept_as):
        return f"{site.cached.where} keeps it, which the rules of caching (LL2) judge"
    if not site.leaks and site.kept_by is None:
        return "no path leaves it open"
    if site.resource.kind in SILENT_KINDS:
        return "what is of this kind is meant to live on, and need not be given back"
    if site.resource.kind in OTHER_KINDS:
        return "the rules of growth (LL3) judge it, where handler code repeats it"
    if _is_silent(site):
        if is_cached_session(site):
            return f"`{site.kept_as}` keeps it at module level, which the rules of caching (LL2) judge"
        if site.resource.cache.advice is Advice.KEEP:
            return f"`{site.kept_as}` keeps it at module level, as is advised for it"
        return f"`{site.kept_as}` keeps it at module level, and functions use it"
    if site.kept_by is not None and kept_by_class(site) is None and gravest(site) is None:
        return f"an object of {site.kept_by.owner} keeps it"
    return "" if judge(site) is not None else "another rule speaks of it"


def kept_by_class(site: Site) -> Confidence | None:
    """How sure it is that a class keeps ``site`` for good; None where nothing says so, or something else is wrong.

    A base class of unknown code may release what it does not show, and so may code that reaches into the object, which
    it hardly does where the attribute is private.
    """
    if site.kept_by is None or is_lazily_cached(site):
        return None
    found = gravest(site)
    private = site.kept_by.name.startswith("_")
    sure = (Confidence.HIGH if private else Confidence.MEDIUM).lowered(1 if site.receiver_by_name else 0)
    sure = Confidence.LOW if site.kept_by.foreign else sure
    return sure if found is None or found.confidence.rank < Confidence.MEDIUM.rank or sure.rank > 0 else None


def is_left_running(site: Site, found: Verdict) -> bool:
    """Whether ``site`` is work that still runs when a handler returns: LL303 says so instead of LL1."""
    returns = found.code in LEFT_RUNNING and found.leak.exit is not LeakExit.RAISE
    return returns and site.resource.runs and site.repeats and not (site.module_level or site.waited_for)


def gravest(site: Site) -> Verdict | None:
    """What the ways on which ``site`` stays open amount to, whichever family reports it."""
    candidates = [_verdict(code, leaks) for code, leaks in _candidates(site) if leaks]
    reported = (v for v in candidates if v.confidence.rank >= Confidence.MEDIUM.rank)
    return next(reported, candidates[0] if candidates else None)


def is_cached_session(site: Site) -> bool:
    """Whether a module-level name keeps a connection to a server when the module has run."""
    if not (site.module_level and site.kept_as) or is_meant_to_end(site):
        return False
    return is_session(site.resource)


def is_meant_to_end(site: Site) -> bool:
    """Whether nothing comes back to what the module opens: it is a script, or a ``with`` that does not release it shows
    that it is done with it, and no function uses it."""
    return site.script or (site.with_exit is not None and not site.used_by_functions)


def is_session(resource: Resource) -> bool:
    """Whether a resource stands for the session of a server."""
    if resource.kind not in SESSION_KINDS:
        return False
    return resource.server or (resource.kind in BOUND_KINDS and resource.cache.advice is not Advice.KEEP)


def is_kept(resource: Resource) -> bool:
    """Whether the rules of caching have something to say of a resource that outlives an invocation."""
    return is_session(resource) or resource.kind == "connection" or resource.cache.loop


def outlives_its_loop(site: Site) -> bool:
    """Whether something is kept that works in one event loop only, while each invocation runs one of its own."""
    return site.cached is not None and site.cached.loop is not None


def is_left_closed(site: Site) -> bool:
    """Whether code closes what is kept and leaves it to the next invocation: LL203 says so instead of the others, for
    one mend cures both."""
    return site.cached is not None and bool(site.cached.closings)


def is_replaced(site: Site) -> bool:
    """Whether the site's connection takes the place of one that may be open."""
    return site.cached is not None and bool(site.cached.replaces) and is_session(site.resource)


def is_lazily_cached(site: Site) -> bool:
    """Whether something keeps a connection to a server that a call opens, for the next invocations."""
    if site.cached is None or (site.kept_as if site.module_level else _is_left_open(site)):
        return False
    return is_session(site.resource) and not site.cached.closed_each_time


def _is_left_open(site: Site) -> bool:
    """Whether some way through the function neither keeps the resource nor releases it: a leak, whatever others do."""
    ways = (leak for leak in site.leaks if leak.exit is not LeakExit.RAISE)
    return any(leak.confidence.rank >= Confidence.MEDIUM.rank for leak in ways)


def is_cached(site: Site) -> bool:
    """Whether the rules of caching judge the site."""
    return is_cached_session(site) or is_lazily_cached(site) or outlives_its_loop(site)


def is_dead_after_restore(facts: ModuleFacts, site: Site) -> bool:
    """Whether a session that the module opens is part of a snapshot, and nothing opens it anew after the restore."""
    if facts.restored is None or not is_cached_session(site) or site.resource.kind in _WITHIN:
        return False
    return not (site.resource.lazy or heals(site)) and site.kept_as.split(".")[0] not in facts.restored.renewed


def _is_silent(site: Site) -> bool:
    if site.resource.kind in SILENT_KINDS or is_lazily_cached(site) or outlives_its_loop(site):
        return True
    if not (site.module_level and site.kept_as):
        return False
    # What a module keeps on purpose is no leak: it is advised, it is used by functions, or the caching rules judge it.
    if site.resource.cache.advice is Advice.KEEP:
        return True
    return (site.used_by_functions and not site.script) or is_cached_session(site)


def _gravity(verdict: Verdict) -> tuple[bool, int]:
    return verdict.confidence.rank < Confidence.MEDIUM.rank, PRECEDENCE.index(verdict.code)


def _candidates(site: Site) -> Iterator[tuple[str, list[Leak]]]:
    returns = [leak for leak in site.leaks if leak.exit is LeakExit.RETURN]
    lost = [leak for leak in site.leaks if leak.exit is LeakExit.LOST]
    raises = [leak for leak in site.leaks if leak.exit is LeakExit.RAISE]
    explicit = [leak for leak in raises if is_explicit(leak)]
    implicit = [leak for leak in raises if not is_explicit(leak)]
    owned = site.released or site.transferred

    if site.with_exit is not None and not site.released:
        yield WITH_DOES_NOT_RELEASE, returns + lost
    if site.uncalled is not None:
        yield RELEASE_NOT_CALLED, returns + lost + explicit if site.released else list(site.leaks)
    if not owned:
        # A function that can only end by a raise of its own releases on no way either.
        yield NEVER_RELEASED, returns or ([] if lost else explicit)
    else:
        yield NOT_ON_SOME_PATH, returns + explicit
    yield HANDLE_LOST, lost
    yield NOT_ON_EXCEPTION, implicit


def _verdict(code: str, leaks: list[Leak]) -> Verdict:
    shown = min(leaks, key=lambda leak: (-leak.confidence.rank, leak.exit is LeakExit.RAISE, _departure(leak)))
    # Only what is open on every normal exit is certain: of some path it is not known whether it is ever taken.
    confidence = min(shown.confidence, Confidence.HIGH, key=_rank) if code == NOT_ON_SOME_PATH else shown.confidence
    return Verdict(code, shown, confidence)


def _rank(confidence: Confidence) -> int:
    return confidence.rank


def _departure(leak: Leak) -> int:
    return leak.trigger.span.start if leak.trigger is not None else leak.end.start
