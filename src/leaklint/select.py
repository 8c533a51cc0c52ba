"""Which findings are shown: selection of rules by code, and the floors of severity and confidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from leaklint.config import Settings
from leaklint.finding import Finding

if TYPE_CHECKING:
    from leaklint.rules.rule import Rule


def on(rules: Iterable[Rule], settings: Settings) -> list[Rule]:
    """The rules that there are under ``settings``: those on trial only where they are asked for."""
    return [rule for rule in rules if settings.preview or not rule.preview]


def selected(code: str, settings: Settings) -> bool:
    """Whether rule ``code`` is asked for: the longest prefix that fits wins, ``ignore`` over an equal ``select``."""
    if any(code.startswith(selector) for selector in settings.file_ignores):
        return False
    for added, removed in reversed(settings.changes):
        add, remove = _longest(code, added), _longest(code, removed)
        if max(add, remove) >= 0:
            return add > remove
    return _longest(code, settings.select) > _longest(code, settings.ignore)


def may_fix(code: str, settings: Settings) -> bool:
    """Whether findings of rule ``code`` may be fixed: ``fixable`` against ``unfixable``, as in `selected`."""
    return _longest(code, settings.fixable) > _longest(code, settings.unfixable)


def shown(findings: Iterable[Finding], settings: Settings) -> tuple[Finding, ...]:
    """The findings that are selected and reach both floors, in their order."""
    severity = settings.min_severity.rank
    confidence = settings.min_confidence.rank
    return tuple(
        finding
        for finding in findings
        if finding.severity.rank >= severity
        and finding.confidence.rank >= confidence
        and selected(finding.rule, settings)
    )


def _longest(code: str, selectors: tuple[str, ...]) -> int:
    return max((len(selector) for selector in selectors if code.startswith(selector)), default=-1)
