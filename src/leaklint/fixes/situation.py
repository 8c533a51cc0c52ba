"""What every template is given: the file, the site, how it is held, what is to guard it, and where it lives."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.edit import Applicability, Edit, Fix
from leaklint.fixes import imports, rewrite
from leaklint.fixes.code import Code, Refused
from leaklint.fixes.handle import Handle
from leaklint.fixes.keeper import Form, Keeper
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
        resource = self.site.resource
        release = self.region.release
        if not release:
            return True
        steps = resource.release[0]
        if len(release) != 1 or len(steps) != 1 or not isinstance(release[0], ast.Expr):
            return False
        text = ast.unparse(release[0])
        return text in (f"{self.handle.name}.{steps[0].call}()", f"await {self.handle.name}.{steps[0].call}()")

    def inner_releases(self) -> list[Edit]:
        """What to do about releases inside of the region: nothing where a second one does no harm.

        Raises Refused when a second release raises and the first cannot be left to the guard.
        """
        if self.keeper.again or not self.region.inner:
            return []
        edits: list[Edit] = []
        for statement in self.region.inner:
            _let_go(self.code, statement, self.region)
            edits += rewrite.remove(self.code, [statement])
        return edits

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


def _let_go(code: Code, statement: ast.stmt, region: Region) -> None:
    """Refuse a release in the region after which anything happens before the block is left."""
    place = code.place(statement)
    following = place.block[place.index + 1 :]
    if len(place.block) == 1:
        raise Refused("a second release would raise")
    for later in following[:1]:
        if isinstance(later, ast.Return) and (later.value is None or _is_quiet(later.value)):
            return
    raise Refused("a second release would raise")


def _is_quiet(node: ast.expr) -> bool:
    """Whether evaluating an expression does nothing and cannot fail: names, texts, and what is made of them."""
    return all(
        isinstance(
            n, ast.Constant | ast.Name | ast.Dict | ast.List | ast.Tuple | ast.expr_context | ast.UnaryOp | ast.unaryop
        )
        for n in ast.walk(node)
    )
