"""Acquisitions as a function has them: by a call that the catalogue knows, or by one of a project function."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.analysis.project import Module
from leaklint.analysis.types import Acquisition
from leaklint.catalogue.model import Resource


@dataclass(frozen=True, slots=True)
class Returned:
    """A fresh resource that a function returns in `part` of its result, and where it is acquired."""

    resource: Resource
    part: str
    function: str
    node: object
    module: Module
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """One acquisition in a function: the call's nodes in the graph (copies of a finally repeat it)."""

    acquisition: Acquisition
    node: object
    positions: tuple[int, ...]
    helper: Returned | None = None
