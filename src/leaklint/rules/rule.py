"""A rule: a code, a name that says what is wrong, a page, and a function from facts to drafts of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leaklint.analysis.facts import Leak, ModuleFacts, Site
from leaklint.edit import Span
from leaklint.finding import Confidence


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before severity and positions: what the rule says about one site.

    ``steps`` are (span, message): opened here, may raise here, leaves here unreleased. ``site`` is None for a finding
    that is no leak; then ``span`` says where it stands. ``help`` is one sentence on how to mend it.
    """

    site: Site | None
    message: str
    confidence: Confidence
    steps: tuple[tuple[Span, str], ...] = ()
    leak: Leak | None = None
    span: Span | None = None
    help: str = ""
    function: str = ""
    """in which the finding stands, where that is not the site's; of handler code, where there is no site"""

    @property
    def where(self) -> Span:
        """The span that the finding stands on.

        Raises ValueError for a draft that has neither a span nor a site.
        """
        if self.span is not None:
            return self.span
        if self.site is None:
            raise ValueError("a draft needs a span or a site")
        return self.site.span


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``page`` is the docstring of its module: the text of ``leaklint rule CODE``.

    ``check`` reads facts alone and yields a draft per finding. A rule that reads ``ModuleFacts.unused`` can only say
    something once all others have run: whoever matches findings with suppressions runs it again with that field filled.
    """

    code: str
    name: str
    summary: str
    page: str
    since: str
    check: Callable[[ModuleFacts], Iterator[Draft]]
    preview: bool = False
