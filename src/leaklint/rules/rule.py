"""A rule: a code, a name that says what is wrong, a page, and a function from facts to drafts of findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from leaklint.analysis.facts import Leak, ModuleFacts, Site, Span
from leaklint.finding import Confidence


@dataclass(frozen=True, slots=True)
class Draft:
    """A finding before severity and positions: what the rule says about one site.

    ``steps`` are (span, message): opened here, may raise here, leaves here unreleased.
    """

    site: Site
    message: str
    confidence: Confidence
    steps: tuple[tuple[Span, str], ...]
    leak: Leak | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``page`` is the docstring of its module: the text of ``leaklint rule CODE``."""

    code: str
    name: str
    summary: str
    page: str
    since: str
    check: Callable[[ModuleFacts], Iterator[Draft]]
    preview: bool = False
