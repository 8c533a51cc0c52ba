"""What the findings of a file are mended by: every one gets a fix, or the reason why there is none.

Whether there is a fix, and a safe one, is known from the preconditions of the templates; `leaklint.autofix` validates a
fix when its edits are used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaklint import select
from leaklint.analysis.facts import Site
from leaklint.config import Settings
from leaklint.edit import Fix, Span
from leaklint.unit import Unit

if TYPE_CHECKING:
    from leaklint.fixes.code import Code

MENDED = ("LL1", "LL201", "LL203", "LL206")
"""rules, or the families of them, for whose sites templates exist"""
UNUSED = "LL901"


@dataclass(slots=True)
class Proposals:
    """The fixes for one file. ``idle`` are the codes that each unused suppression does not need."""

    unit: Unit
    sites: Sequence[Site]
    settings: Settings
    idle: Mapping[Span, tuple[str, ...]] = field(default_factory=dict)
    _code: Code | None = None

    def propose(self, rule: str, site: Site | None, where: Span) -> tuple[Fix | None, str]:
        """The fix for a finding, or None and why there is none; neither where no template exists for the rule."""
        if rule != UNUSED and (site is None or not rule.startswith(MENDED)):
            return None, ""
        if not select.may_fix(rule, self.settings):
            return None, f"the configuration says that {rule} is not to be fixed"
        from leaklint.fixes import choose, unused_suppression
        from leaklint.fixes.code import Refused

        try:
            if site is None:
                return unused_suppression.build(self.code, where, self.idle.get(where)), ""
            self._check(site)
            handlers = {entry.function for entry in self.unit.handlers}
            fix = choose.propose(self.code, site, rule, self.sites, handlers)
            for name in fix.moved:
                if path := self.unit.used_by(name):
                    raise Refused(f"`{path}` uses `{name}` as well")
            return fix, ""
        except Refused as refused:
            return None, str(refused)
        except RecursionError:
            return None, "the code nests too deeply"

    @property
    def code(self) -> Code:
        """The file as the templates see it."""
        if self._code is None:
            from leaklint.fixes.code import Code

            source = self.unit.source
            self._code = Code(source.text, source.tree, source.lines, self.unit.catalogue, self.unit.names.dotted)
        return self._code

    def _check(self, site: Site) -> None:
        from leaklint.fixes.code import Refused

        if any(s.span == site.span and s.part == site.part and s.resource.id != site.resource.id for s in self.sites):
            raise Refused("it may be one of several kinds")
        for tree in self.unit.scopes.values():
            if not tree.exact and tree.start <= site.span.start < tree.start + len(tree.slice):
                raise Refused("white space in the function makes positions inexact")
