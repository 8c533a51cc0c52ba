"""What the objects of a class hold in their attributes, and what its methods do with that: the data of ownership."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.analysis.acquired import Found
from leaklint.analysis.project import Module
from leaklint.catalogue.model import Advice, Resource
from leaklint.flow.cfg import ENTRY, RETURN, Cfg, EdgeKind

MAKING = frozenset({"__init__", "__post_init__"})
ENTERING = frozenset({"__enter__", "__aenter__"})
CONSTRUCTING = MAKING | ENTERING
"""methods whose exception leaves their caller without the object"""
EXITS = frozenset({"__exit__", "__aexit__"})
FINALISER = "__del__"
_PASSING = frozenset(
    {"archive-member", "aws-client", "cursor", "process", "registration", "response", "temp-path", "thread"}
)
"""kinds that go with what they came from, that end by themselves, or that other rules speak of"""
_SHARED = frozenset({"client", "data-file", "logging-handler"})
"""kinds that are fit to live as long as the process, where their makers say so"""


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute on which a method stores what it has acquired."""

    name: str
    module: Module
    method: str
    found: Found
    conditional: bool
    """some way through the method does not acquire: the field may be injected, or opened later"""
    dormant: bool = False
    """what it holds opens nothing before one of its own methods is called"""

    @property
    def resource(self) -> Resource:
        """What it holds."""
        return self.found.acquisition.resource

    @property
    def opener(self) -> str:
        """The plain name of the method."""
        return self.method.rpartition(".")[2]

    @property
    def weight(self) -> tuple[bool, bool, str, bool, str]:
        """What matters most sorts first."""
        resource = self.resource
        return not resource.server, not resource.threads, resource.tier.value, self.conditional, self.name


@dataclass(frozen=True, slots=True)
class FieldFate:
    """What the methods of a class do with one field."""

    methods: tuple[str, ...]
    """those that release it, ``__exit__`` among them"""
    finaliser: bool
    """``__del__`` releases it"""
    shared: bool
    """a method hands it out, or to somebody who keeps it"""


@dataclass(frozen=True, slots=True)
class Owner:
    """A class as a resource."""

    resource: Resource
    fields: tuple[Field, ...]
    """what its release gives back, the weightiest first"""
    conditional: bool
    """the constructor may have been given what it would open"""


def plain(fields: set[str]) -> list[str]:
    """The attributes themselves, not what is inside of a container in one."""
    return sorted(name for name in fields if name.isidentifier())


def is_kept(resource: Resource) -> bool:
    """Whether an object that keeps the resource owes its release."""
    if resource.kind in _SHARED and not resource.server and resource.cache.advice is Advice.KEEP:
        # An HTTP client that its makers advise to keep is kept on purpose, in an object as in a module.
        return False
    return resource.kind not in _PASSING


def avoidable(cfg: Cfg, positions: tuple[int, ...]) -> bool:
    """Whether a function can return without passing any of the nodes."""
    seen = {ENTRY, *positions}
    stack = [ENTRY]
    while stack:
        for kind, target in cfg.successors[stack.pop()]:
            if kind is not EdgeKind.NORMAL or target in seen:
                continue
            if target == RETURN:
                return True
            seen.add(target)
            stack.append(target)
    return False
