"""Which template mends a finding: they are asked in order, and the first that does not refuse stands."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from leaklint.analysis.facts import Site
from leaklint.edit import Fix
from leaklint.fixes import (
    close_descriptor,
    existing_try,
    exit_stack,
    handle,
    helpers,
    hoist_inline,
    keeper,
    own_lines,
    paired,
    region,
    release_called,
    try_finally,
    with_closing,
    with_statement,
    wrap_rest,
)
from leaklint.fixes.code import Code, Refused, SharesLine, check_names, own_nodes
from leaklint.fixes.keeper import Form
from leaklint.fixes.situation import Situation

WITH_DOES_NOT_RELEASE = "LL105"
RELEASE_NOT_CALLED = "LL106"
CLASS_CANNOT_RELEASE = "LL107"
MODULE_LEVEL = ("LL201", "LL203", "LL206")


def propose(code: Code, site: Site, rule: str, sites: Sequence[Site] = (), handlers: Collection[str] = ()) -> Fix:
    """The fix for a site that falls under a rule, in a file with these sites and handlers. Raises Refused."""
    if rule == CLASS_CANNOT_RELEASE:
        from leaklint.fixes import add_close_to_class  # the largest templates, for rules that few runs meet

        return add_close_to_class.build(code, [site, *(other for other in sites if _is_beside(other, site))])
    if rule in MODULE_LEVEL:
        from leaklint.fixes import move_module_connection

        return move_module_connection.build(code, site, handlers)
    return own_lines.build(code, site, lambda text, at, splits: _leak(text, at, rule, splits=splits))


def _leak(code: Code, site: Site, rule: str, *, splits: bool) -> Fix:
    """The fix for a leak; ``splits`` says that a line may be split before templates for larger blocks are asked."""
    check_names(code, own_nodes(code.scope(code.call_at(site.span))))
    if site.helper is not None:
        helpers.check(code, site)
    if rule == RELEASE_NOT_CALLED:
        return release_called.build(code, site)
    if site.transferred:
        raise Refused("some way gives it to another owner")
    if site.uncalled is not None:
        line = code.lines.position(site.uncalled.start)[0]
        raise Refused(f"what is to release it on line {line} does not")
    if rule == WITH_DOES_NOT_RELEASE and _is_item(code, site):
        return with_closing.build(code, site)
    if site.resource.argument == "receiver":
        return paired.build(code, site)
    if site.resource.argument:
        raise Refused("it is an argument of the call, not its result")
    held = handle.find(code, site)
    if held is None:
        return _first(
            lambda: hoist_inline.build(code, site),
            lambda: close_descriptor.build(code, site),
            lambda: exit_stack.build(code, site),
            splits=splits,
        )
    return _first(
        lambda: _in_block(code, site, held),
        lambda: existing_try.build(code, site, held),
        lambda: exit_stack.build(code, site),
        splits=splits,
    )


def _first(*attempts: Callable[[], Fix], splits: bool = False) -> Fix:
    """What the first attempt that succeeds gives; else why the first was refused.

    With ``splits`` a statement that shares its line ends the attempts: they begin anew with lines that are split.
    """
    reason: Refused | None = None
    for attempt in attempts:
        try:
            return attempt()
        except Refused as refused:
            if splits and isinstance(refused, SharesLine):
                raise
            if reason is None or (isinstance(refused, SharesLine) and not isinstance(reason, SharesLine)):
                reason = refused
    assert reason is not None
    raise reason


def _in_block(code: Code, site: Site, held: handle.Handle) -> Fix:
    """The templates for a region of the block in which the acquisition stands."""
    keep = keeper.choose(site.resource, code, held.call, awaited=held.awaited)
    guarded = site.helper is not None and held.plain and not site.resource.starts and helpers.may_give_none(code, site)
    if site.resource.starts or (keep.form is Form.WITH and guarded):
        keep = replace(keep, form=Form.FINALLY)
        if not keep.release:
            raise Refused(f"nothing but its own `with` releases a {site.resource.noun}")
    outer = (lambda: wrap_rest.behind(code, site, held, keep),) if not guarded else ()
    return _first(lambda: _here(code, site, held, keep, guarded), *outer)


def _here(code: Code, site: Site, held: handle.Handle, keep: keeper.Keeper, guarded: bool) -> Fix:
    place = code.place(held.statement)
    found = region.find(code, site, held.name, place.block, place.index + 1, held.statement, held.beside)
    at = Situation(
        code, site, held, keep, found, held.statement, guarded=guarded, applicability=helpers.applicability(site)
    )
    return _first(lambda: with_statement.build(at), lambda: wrap_rest.build(at), lambda: try_finally.build(at))


def _is_beside(site: Site, other: Site) -> bool:
    """Whether the same class keeps two different acquisitions."""
    if site.kept_by is None or other.kept_by is None or (site.span, site.part) == (other.span, other.part):
        return False
    return site.kept_by.owner == other.kept_by.owner


def _is_item(code: Code, site: Site) -> bool:
    call = code.call_at(site.span)
    around = code.parent(call)
    return isinstance(around, ast.withitem) or (
        isinstance(around, ast.Await) and isinstance(code.parent(around), ast.withitem)
    )
