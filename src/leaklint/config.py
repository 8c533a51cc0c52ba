"""The settings of a run: what is selected and how far down findings are shown."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.finding import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Settings:
    """Selectors are rule codes or prefixes (``LL1``), most specific wins."""

    select: tuple[str, ...] = ("LL",)
    ignore: tuple[str, ...] = ()
    min_severity: Severity = Severity.LOW
    min_confidence: Confidence = Confidence.MEDIUM
