"""What every template is given: the file, the site, how it is held, what is to guard it, and where it lives."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import imports, rewrite
from leaklint.fixes.code import Code
from leaklint.fixes.handle import Handle
from leaklint.fixes.keeper import Form, Keeper
from leaklint.fixes.redundant import Block, Removal
from leaklint.fixes.region import Region


@dataclass(frozen=True, slots=True)
class Situation:
    """A resource in a variable and the region that it lives in, behind the statement that acquires it.

    ``guarded`` says that the variable may be None: then only a ``finally`` that asks will do.
    """

    code: Code
    site: Site
    handle: Handle
    keeper: Keeper
    region: Region
    acquisition: ast.stmt
    """the statement of the region's block that acquires, or in which it is acquired"""
    guarded: bool = False
    applicability: Applicability = Applicability.SAFE

    @property
    def step(self) -> str:
        """One step of indentation."""
        return rewrite.unit(self.code, self.acquisition)

    @property
    def indentation(self) -> str:
        """The indentation of the block."""
        return rewrite.indentation(self.code, self.acquisition)

    @property
    def first_line(self) -> int:
        """The first line to indent: the first behind the acquisition that is not blank."""
        code = self.code
        line = rewrite.last_line(self.acquisition) + 1
        while line < len(code.lines.starts) and not code.lines.line(line).strip():
            line += 1
        return line

    @property
    def last_line(self) -> int:
        """The last line to indent: what stands in front of the release belongs to the block."""
        if self.region.release:
            return rewrite.first_line(self.region.release[0]) - 1
        return rewrite.last_line(self.region.statements[-1])

    @property
    def has_body(self) -> bool:
        """Whether there is anything between acquisition and release."""
        return bool(self.region.statements)

    def check_lines(self) -> None:
        """Refuse statements at the edges that share their lines with others."""
        rewrite.own_lines(self.code, [self.acquisition], self.region.statements, self.region.release)

    @property
    def releases_first_way(self) -> bool:
        """Whether the release that the code has is what a ``with`` does: the first way of the catalogue."""
        release = self.region.release
        return not release or (len(release) == 1 and self._is_first_way(release[0]))

    def _is_first_way(self, release: ast.stmt) -> bool:
        steps = self.site.resource.release[0]
        if len(steps) != 1 or not isinstance(release, ast.Expr):
            return False
        text = ast.unparse(release)
        return text in (f"{self.handle.name}.{steps[0].call}()", f"await {self.handle.name}.{steps[0].call}()")

    def inner_releases(self, *, deeper: bool = True) -> Removal:
        """What to do about releases inside of the region: those go that the guard makes again, if nothing sees it.

        ``deeper`` says that the region is indented by a step.

        Raises Refused when a second release raises and the first cannot be left to the guard.
        """
        releases = self.region.inner
        if not releases:
            return Removal()
        if self.keeper.again:
            releases = tuple(release for release in releases if self._is_first_way(release))
        step = self.step if deeper else ""
        block = Block(self.code, self.region.statements, releases, self.region.needs, step)
        return block.without_releases(every=not self.keeper.again)

    def heading(self) -> tuple[str, list[Edit]]:
        """How ``closing`` is written where the guard needs it, and the edits that import it."""
        if self.keeper.form is not Form.CLOSING:
            return "", []
        return imports.spelling(self.code, self.acquisition, "contextlib", "closing")

    def fix(self, title: str, edits: list[Edit]) -> Fix:
        """The fix with these edits, as safe as all that it was made of."""
        unsafe = Applicability.UNSAFE in (self.keeper.applicability, self.region.applicability, self.applicability)
        title = f"{title}, though {self.region.doubt}" if self.region.doubt else title
        return Fix(title, rewrite.merged(edits), Applicability.UNSAFE if unsafe else Applicability.SAFE)
