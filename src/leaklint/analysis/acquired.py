"""Acquisitions as a function has them: by a call that the catalogue knows, or by one of a project function."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.analysis.project import Module
from leaklint.analysis.types import Acquisition
from leaklint.catalogue.model import Resource


@dataclass(frozen=True, slots=True)
class Found:
    """One acquisition in a function: the call's nodes in the graph (copies of a finally repeat it)."""

    acquisition: Acquisition
    node: object
    positions: tuple[int, ...]
    helper: Returned | None = None


@dataclass(frozen=True, slots=True)
class Returned:
    """A fresh resource that a function returns in `part` of its result, and the acquisition that it comes from."""

    resource: Resource
    part: str
    function: str
    module: Module
    found: Found
    returning: frozenset[int] = frozenset()
    """the last nodes of the ways on which the function returns it"""

    @property
    def node(self) -> object:
        """The acquiring call."""
        return self.found.node

    @property
    def by_name(self) -> bool:
        """Whether only the name of a receiver says that it is acquired."""
        return self.found.acquisition.by_name
