"""Rules over facts made by hand: which rule a site falls under, and what the finding says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaklint.analysis.facts import Event, LeakExit, Site, Unused
from leaklint.catalogue.model import Advice, Cache, Exit, Step, Tier
from leaklint.finding import Confidence
from leaklint.rules import RULES, Draft
from leaklint.rules.verdict import judge
from tests.programs import example_codes
from tests.sites import at, early, facts, lost, may_raise, raised, resource, returned, site

CONNECTION = resource(kind="connection", noun="psycopg2 connection", server=True, with_=Exit.TRANSACTION)
MITIGATE = Cache(Advice.MITIGATE, heals=("pool_pre_ping",), bounds=("read_timeout",))


def drafts(found: Site) -> list[tuple[str, Draft]]:
    return [(rule.code, draft) for rule in RULES for draft in rule.check(facts(found))]


def only(found: Site) -> Draft:
    [(_, draft)] = drafts(found)
    return draft


def code(found: Site) -> str:
    return ", ".join(code for code, _ in drafts(found))


# Which rule stands


def test_nothing_is_said_of_a_resource_without_leaks() -> None:
    assert code(site(released=True)) == ""
    assert judge(site(transferred=True)) is None


def test_never_released() -> None:
    assert code(site(returned())) == "LL101"
    assert code(site(early(), may_raise())) == "LL101"
    assert code(site(returned(), lost("rebound"), raised())) == "LL101"


def test_a_function_that_only_raises_never_releases() -> None:
    assert code(site(raised(), may_raise())) == "LL101"


def test_an_endless_loop_leaves_only_by_an_exception() -> None:
    assert code(site(may_raise())) == "LL102"


@pytest.mark.parametrize("owned", [{"released": True}, {"transferred": True}])
def test_not_on_some_path(owned: dict[str, bool]) -> None:
    assert code(site(early(), **owned)) == "LL103"
    assert code(site(returned(), may_raise(), **owned)) == "LL103"
    assert code(site(raised(), may_raise(), **owned)) == "LL103"


@pytest.mark.parametrize("event", [Event.T1, Event.T2, Event.T3])
def test_only_if_something_raises(event: Event) -> None:
    assert code(site(may_raise(event=event), released=True)) == "LL102"
    assert code(site(may_raise(event=event), transferred=True)) == "LL102"


def test_handle_lost() -> None:
    assert code(site(lost(), place="")) == "LL104"
    assert code(site(lost("anonymous"), may_raise("json.load(f)"), place="")) == "LL104"
    assert code(site(lost("rebound"), may_raise(), released=True)) == "LL104"
    assert code(site(lost("rebound"), raised())) == "LL104"


def test_a_return_outranks_a_lost_handle() -> None:
    assert code(site(lost("rebound"), early(), released=True)) == "LL103"


def test_a_with_that_does_not_release() -> None:
    assert code(site(returned(), may_raise(), resource=CONNECTION, with_exit=at(6))) == "LL105"
    assert code(site(lost(), resource=CONNECTION, with_exit=at(6))) == "LL105"


def test_a_with_before_a_close_is_no_excuse_for_the_with() -> None:
    assert code(site(early(), resource=CONNECTION, with_exit=at(6), released=True)) == "LL103"
    assert code(site(may_raise(), resource=CONNECTION, with_exit=at(6), released=True)) == "LL102"


def test_a_release_that_is_not_called() -> None:
    assert code(site(returned(), may_raise(), uncalled=at(8))) == "LL106"
    assert code(site(early(), uncalled=at(8), released=True)) == "LL106"
    assert code(site(may_raise(), uncalled=at(8))) == "LL106"
    assert code(site(may_raise(), uncalled=at(8), released=True)) == "LL102"


def test_a_rule_that_would_not_be_reported_gives_way() -> None:
    doubtful = early(confidence=Confidence.LOW)
    assert code(site(doubtful, may_raise(), released=True)) == "LL102"
    assert code(site(doubtful, may_raise(confidence=Confidence.LOW), released=True)) == "LL103"


def test_confidence_is_the_highest_of_the_leaks_that_make_the_rule() -> None:
    assert only(site(returned(), may_raise(confidence=Confidence.MEDIUM))).confidence is Confidence.CERTAIN
    found = site(may_raise(confidence=Confidence.MEDIUM), may_raise(confidence=Confidence.HIGH), released=True)
    assert only(found).confidence is Confidence.HIGH


def test_only_what_is_open_on_every_normal_exit_is_certain() -> None:
    assert only(site(returned(), released=True)).confidence is Confidence.HIGH


def test_a_helper_that_returns_either_of_two_kinds_gives_one_finding() -> None:
    plain = site(may_raise(), released=True, helper=("open_any", at(2)))
    packed = site(returned(), resource=resource(noun="gzip file"), helper=("open_any", at(3)))
    pipe = site(returned(), part="[1]")
    found = [(rule.code, d) for rule in RULES for d in rule.check(facts(plain, packed, pipe))]
    assert [(code, d.site.part) for code, d in found if d.site] == [("LL101", ""), ("LL101", "[1]")]
    assert "gzip file" in found[0][1].message


def test_aws_clients_are_no_leaks() -> None:
    assert code(site(returned(), resource=resource(kind="aws-client"))) == ""


# At module level


def module_level(**changes: Any) -> Site:
    fields: dict[str, Any] = {"function": "<module>", "module_level": True, "kept_as": "conn", **changes}
    return site(returned(), **fields)


def test_a_file_that_functions_read_is_kept_on_purpose() -> None:
    assert code(module_level()) == "LL101"
    assert code(module_level(used_by_functions=True)) == ""
    assert code(module_level(resource=resource(cache=Cache(Advice.KEEP)))) == ""


def test_a_module_that_closes_only_sometimes_is_judged_like_a_function() -> None:
    assert code(site(may_raise(), function="<module>", module_level=True, released=True)) == "LL102"
    assert code(site(lost(), function="<module>", module_level=True)) == "LL104"


@pytest.mark.parametrize("used", [True, False])
def test_a_kept_connection(used: bool) -> None:
    assert code(module_level(resource=CONNECTION, used_by_functions=used)) == "LL201"


@pytest.mark.parametrize("kind", ["cursor", "session", "checkout"])
def test_what_holds_a_connection_is_kept_like_one(kind: str) -> None:
    assert code(module_level(resource=resource(kind=kind), used_by_functions=True)) == "LL201"
    assert code(module_level(resource=resource(kind=kind, cache=Cache(Advice.KEEP)), used_by_functions=True)) == ""


def test_a_kept_http_client_is_silent() -> None:
    assert code(module_level(resource=resource(kind="client", cache=Cache(Advice.KEEP)), used_by_functions=True)) == ""
    assert code(module_level(resource=resource(kind="aws-client"), used_by_functions=True)) == ""


def test_a_kept_client_that_heals_and_bounds_its_reads_is_silent() -> None:
    engine = resource(kind="pool", server=True, noun="SQLAlchemy engine", cache=MITIGATE)
    assert code(module_level(resource=engine)) == "LL201"
    assert code(module_level(resource=engine, mitigations=("pool_pre_ping",))) == "LL201"
    assert code(module_level(resource=engine, mitigations=("read_timeout",))) == "LL201"
    assert code(module_level(resource=engine, mitigations=("pool_pre_ping", "read_timeout"))) == ""
    redis = resource(kind="connection", server=True, cache=Cache(Advice.KEEP, bounds=("socket_timeout",)))
    assert code(module_level(resource=redis)) == "LL201"
    assert code(module_level(resource=redis, mitigations=("socket_timeout",))) == ""


def test_a_connection_that_the_module_does_not_keep_is_an_ordinary_leak() -> None:
    assert code(module_level(resource=CONNECTION, kept_as="")) == "LL101"


# What they say


def test_never_released_names_the_resource() -> None:
    draft = only(site(returned(), resource=CONNECTION, place="conn"))
    assert draft.message == (
        "psycopg2 connection `conn` is never closed (reclaimed when the frame dies; a stored exception keeps it open)"
    )
    assert draft.help == "open it in `with contextlib.closing(...):`, or call `conn.close()` in a `finally`"
    assert draft.where == at(5)
    assert draft.steps == ((at(5), "opened here"), (at(12), "leaves here, still open"))


def test_never_released_names_what_only_looks_like_a_release() -> None:
    draft = only(site(returned(), looks_released=(at(8), "shutdown"), place="sock"))
    assert "; `shutdown` on line 8 does not do it" in draft.message
    assert (at(8), "`shutdown` does not close it") in draft.steps


def test_a_resource_in_a_container_is_named_by_it() -> None:
    assert only(site(returned(), place="files[]")).message.startswith("file in `files` is never closed")


def test_never_released_names_the_helper() -> None:
    draft = only(site(returned(), resource=CONNECTION, place="conn", helper=("connect", at(2))))
    assert draft.message.startswith("psycopg2 connection `conn` from `connect()` is never closed")
    assert (at(2), "by this call in `connect`") in draft.steps


def test_on_exception_names_expression_and_line() -> None:
    draft = only(site(may_raise("db.execute(...)", line=9), place="db", released=True))
    assert draft.message.startswith("file `db` is not closed if `db.execute(...)` on line 9 raises (")
    assert draft.steps[1:] == ((at(9), "may raise here"), (at(12), "leaves here, still open"))


def test_on_exception_prefers_the_surest_then_the_first() -> None:
    unsure = may_raise("a()", line=6, event=Event.T2, confidence=Confidence.MEDIUM)
    draft = only(site(unsure, may_raise("c()", line=8), may_raise("b()", line=7), released=True))
    assert "`b()` on line 7" in draft.message


def test_on_exception_speaks_of_cancellation_and_abandoned_generators() -> None:
    awaiting = only(site(may_raise("await reply()", Event.T3), released=True))
    assert "not closed if the task is cancelled at `await reply()` on line 9" in awaiting.message
    assert (at(9), "may be cancelled here") in awaiting.steps
    yielding = only(site(may_raise("yield row", Event.T3), released=True))
    assert "not closed if the caller abandons the generator at `yield row` on line 9" in yielding.message


def test_some_path_names_the_statement_or_the_branch() -> None:
    assert (
        "is not closed when `return None` on line 9 leaves the function" in only(site(early(), released=True)).message
    )
    assert "is not closed when `raise ValueError` on line 9 leaves" in only(site(raised(), released=True)).message
    taken, after = (at(7), "`done` is false"), (at(8), "`late` is true")
    branch = returned(path=(taken, after), turn=taken)
    draft = only(site(branch, released=True))
    assert "is not closed if `done` is false on line 7" in draft.message
    assert (at(7), "`done` is false") in draft.steps
    assert "on every path: it is still open at the end on line 12" in only(site(returned(), released=True)).message


def test_a_normal_path_is_shown_before_a_raise() -> None:
    draft = only(site(raised(line=6), early(line=8), released=True))
    assert draft.leak is not None
    assert draft.leak.exit is LeakExit.RETURN


def test_lost_handles_say_how() -> None:
    assert "file is opened and dropped: nothing can close it" in only(site(lost(), place="")).message
    assert "file has no name: nothing can close it" in only(site(lost("anonymous"), place="")).message
    assert "file `f` is lost to the new value on line 12 while it is open" in only(site(lost("rebound"))).message
    assert "lost when the next round of the loop opens another" in only(site(lost("rebound"), span=at(12))).message
    assert "file `f` is deleted on line 12 while it is open" in only(site(lost("deleted"))).message


def test_a_with_says_what_it_does_instead() -> None:
    draft = only(site(returned(), resource=CONNECTION, place="conn", with_exit=at(6)))
    assert draft.message.startswith(
        "leaving this `with` does not close the psycopg2 connection `conn`: it only ends the transaction"
    )
    assert "keep the inner `with`" in draft.help
    assert (at(6), "leaving this `with` does not close it") in draft.steps


def test_a_with_that_does_not_give_back_names_the_call_that_does() -> None:
    checkout = resource(
        kind="checkout", with_=Exit.TRANSACTION, tier=Tier.G0, release=((Step("putconn", "owner"),),), owner="pool.Pool"
    )
    draft = only(site(returned(), resource=checkout, place="conn", with_exit=at(6)))
    assert "does not give back" in draft.message
    assert "nothing reclaims it" in draft.message
    assert draft.help == "call `pool.putconn(conn)` in a `finally`"


def test_a_release_that_does_not_run_is_not_called_or_not_awaited() -> None:
    draft = only(site(returned(), uncalled=at(8)))
    assert "the release of file `f` on line 8 is not called" in draft.message
    assert draft.help == "call it: `f.close()`"
    client = resource(kind="client", noun="client", release=((Step("aclose", "method", awaited=True),),), tier=Tier.G2)
    draft = only(site(returned(), resource=client, place="c", uncalled=at(8)))
    assert "the release of client `c` on line 8 is not awaited" in draft.message
    assert draft.help == "await it: `await c.aclose()`"


def test_advice_follows_the_with_of_the_library() -> None:
    def advice(**changes: Any) -> str:
        return only(site(returned(), resource=resource(**changes))).help

    assert advice(with_=Exit.RELEASES) == "open it in `with ...:`, or call `f.close()` in a `finally`"
    assert "(leaving it also commits)" in advice(with_=Exit.RELEASES, with_also="commits")
    assert "(leaving it ends what still runs)" in advice(with_=Exit.TERMINATES)
    assert advice(async_with=Exit.RELEASES).startswith("open it in `async with ...:`")
    assert advice(release=((Step("os.close", "function"),),)) == "call `os.close(f)` in a `finally`"
    both = (Step("stop", "method"), Step("close", "method"))
    assert advice(release=(both,)) == "call `f.stop()` and `f.close()` in a `finally`"
    assert advice(release=(), with_=Exit.RELEASES) == "open it in `with ...:`"
    nameless = only(site(lost("anonymous"), place="", resource=resource(with_=Exit.RELEASES)))
    assert nameless.help == "open it in `with ...:`"
    descriptor = resource(release=((Step("os.close", "function"),),))
    nameless = only(site(lost("anonymous"), place="", resource=descriptor))
    assert nameless.help == "give it a name and call `os.close(handle)` in a `finally`"
    awaited = ((Step("aclose", "method", awaited=True),),)
    assert advice(release=awaited).startswith(
        "open it in `async with contextlib.aclosing(...):`, or call `await f.aclose()`"
    )


def test_a_kept_connection_names_the_risk() -> None:
    draft = only(module_level(resource=CONNECTION, place="conn"))
    assert draft.message.startswith("psycopg2 connection `conn` is opened at module level")
    for risk in ("fail-over", "DNS", "frozen", "every sandbox holds a connection"):
        assert risk in draft.message
    assert draft.confidence is Confidence.CERTAIN
    assert only(module_level(resource=CONNECTION, receiver_by_name=True)).confidence is Confidence.HIGH


def test_a_kept_connection_that_heals_names_the_bound_that_is_missing() -> None:
    engine = resource(kind="pool", server=True, noun="SQLAlchemy engine", cache=MITIGATE)
    draft = only(module_level(resource=engine, mitigations=("pool_pre_ping",)))
    assert "silent peer" in draft.message
    assert draft.help == "bound its reads (`read_timeout`)"


def test_an_unused_suppression_stands_where_the_comment_is() -> None:
    module = facts(unused=(Unused(at(3), "LL101 matches no finding"),))
    [draft] = [draft for rule in RULES for draft in rule.check(module)]
    assert draft.where == at(3)
    assert draft.message == "this suppression does nothing: LL101 matches no finding"


def test_a_draft_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="span or a site"):
        _ = Draft(None, "", Confidence.LOW).where


# The rules as a whole


def test_codes_are_unique_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_page_has_its_sections(rule: Any) -> None:
    lines = rule.page.splitlines()
    assert lines[0] == f"# {rule.code} {rule.name}"
    headings = [line for line in lines if line.startswith("## ")]
    assert headings == [
        "## What it does",
        "## Why it matters in Lambda",
        "## Example",
        "## Use instead",
        "## Fix safety",
        "## Since",
    ]
    assert rule.page.rstrip().endswith(rule.since)


def section(page: str, heading: str) -> str:
    """The text of one section of a page."""
    return page.partition(f"## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_the_example_of_the_page_falls_under_its_rule(rule: Any, tmp_path: Path) -> None:
    assert example_codes(section(rule.page, "Example"), tmp_path) == {rule.code}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_what_the_page_advises_is_clean(rule: Any, tmp_path: Path) -> None:
    assert example_codes(section(rule.page, "Use instead"), tmp_path) == set()
