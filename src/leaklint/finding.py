"""What leaklint reports: findings are plain data, without syntax trees, and can cross a process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leaklint.edit import Fix


class Severity(Enum):
    """What a finding does to a warm Lambda; ordered by ``rank``."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """0 for low, 1 for medium, 2 for high."""
        return ("low", "medium", "high").index(self.value)

    @property
    def level(self) -> str:
        """How reports print it: ``error``, ``warning`` or ``notice``."""
        return ("notice", "warning", "error")[self.rank]

    def raised(self, steps: int = 1) -> Severity:
        """The severity ``steps`` higher (lower when negative), within the scale."""
        return tuple(Severity)[min(2, max(0, self.rank + steps))]


class Confidence(Enum):
    """How sure the analysis is; ordered by ``rank``."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CERTAIN = "certain"

    @property
    def rank(self) -> int:
        """0 for low up to 3 for certain."""
        return ("low", "medium", "high", "certain").index(self.value)

    def lowered(self, steps: int = 1) -> Confidence:
        """The confidence ``steps`` lower, not below low."""
        return tuple(Confidence)[max(0, self.rank - steps)]


@dataclass(frozen=True, slots=True, order=True)
class Location:
    """A span of a file: lines and columns are 1-based and columns count code points.

    ``path`` is written as the user gave it. ``end_column`` is exclusive.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Step:
    """One span of the witness path: opened here, may raise here, leaves here unreleased."""

    location: Location
    message: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One leak (or other defect), as every report prints it.

    ``resource`` is the catalogue id or empty; ``function`` the qualified name or ``<module>``;
    ``handler`` whether the code is part of a Lambda handler; ``refused`` why there is no fix; ``help`` how to mend it
    by hand.
    """

    rule: str
    name: str
    message: str
    location: Location
    severity: Severity
    confidence: Confidence
    resource: str = ""
    function: str = "<module>"
    handler: bool = False
    steps: tuple[Step, ...] = ()
    fix: Fix | None = None
    refused: str = ""
    fingerprint: str = ""
    help: str = ""
