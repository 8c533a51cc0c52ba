"""What discovery gives: functions that a deployment declares, code written into templates, roots of imports, notes.

Paths are relative to the project's root and written with ``/``; the root itself is ``.``. Lines count from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

UNKNOWN = -1
"""a number that a template sets by an expression whose value is not known"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template says of how a function runs.

    Numbers are None where nothing is said and `UNKNOWN` where an expression says it.
    """

    runtime: str = ""
    """as the platform spells it (``python3.12``), an empty string when it is not known"""
    memory: int | None = None
    """MB"""
    timeout: int | None = None
    """seconds"""
    provisioned: int | None = None
    """sandboxes kept warm by provisioned concurrency"""
    reserved: int | None = None
    """the most sandboxes that may run at once"""
    snapstart: bool = False
    """whether sandboxes are restored from a snapshot that was taken after the import of the module"""


NO_FACTS = Facts()


@dataclass(frozen=True, slots=True)
class Declared:
    """A function that a platform calls, where it is and what says so.

    ``line`` is that of the function's definition (of the assignment for ``handler = Mangum(app)``), ``source`` the kind
    of what declares it (``sam``, ``terraform``, ...), ``template`` and ``template_line`` the place that does, which is
    empty and 0 where the function's own module is what speaks. ``code_root`` is the folder that is deployed.
    """

    path: str
    function: str
    line: int
    source: str
    reason: str
    template: str = ""
    template_line: int = 0
    code_root: str = "."
    facts: Facts = NO_FACTS

    @property
    def runtime(self) -> str:
        """See `Facts`."""
        return self.facts.runtime

    @property
    def memory(self) -> int | None:
        """See `Facts`."""
        return self.facts.memory

    @property
    def timeout(self) -> int | None:
        """See `Facts`."""
        return self.facts.timeout

    @property
    def provisioned(self) -> int | None:
        """See `Facts`."""
        return self.facts.provisioned

    @property
    def reserved(self) -> int | None:
        """See `Facts`."""
        return self.facts.reserved

    @property
    def snapstart(self) -> bool:
        """See `Facts`."""
        return self.facts.snapstart


@dataclass(frozen=True, slots=True)
class Inline:
    """Python code that stands in a template.

    Line ``i`` (from 0) of ``text`` stands on line ``lines[i]`` of the template, ``column`` code points to the right;
    ``column`` is None when the text was joined or escaped and its lines, not its columns, can be told.
    ``declared`` has the template as its path, and the function's line there.
    """

    text: str
    template: str
    lines: tuple[int, ...]
    column: int | None
    declared: Declared

    @property
    def first_line(self) -> int:
        """The line of the template on which the code begins."""
        return self.lines[0] if self.lines else 1


@dataclass(frozen=True, slots=True, order=True)
class Note:
    """Something in a template that could not be followed: never an error."""

    path: str
    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """The handlers that the files of a project declare, in the order of the sources, then of path and line.

    A function stands here once for each place that declares it.
    """

    root: str
    """the real path of the project's root"""
    declared: tuple[Declared, ...] = ()
    inline: tuple[Inline, ...] = ()
    import_roots: tuple[str, ...] = ()
    """deployed folders, the folders that layers add to ``sys.path``, and ``src``"""
    notes: tuple[Note, ...] = ()
    distributions: tuple[str, ...] = ()
    """folders from which the project's own distributions install their packages"""
    layouts: tuple[str, ...] = ()
    """folders named ``python``: what a layer is made of looks like that, whoever makes it"""
    by_path: Mapping[str, tuple[Declared, ...]] = field(init=False, repr=False, compare=False)
    code_roots: frozenset[str] = field(init=False, repr=False, compare=False)
    """the folders that are deployed"""

    def __post_init__(self) -> None:
        by_path: dict[str, list[Declared]] = {}
        for one in self.declared:
            by_path.setdefault(one.path, []).append(one)
        object.__setattr__(self, "by_path", {path: tuple(found) for path, found in by_path.items()})
        object.__setattr__(self, "code_roots", frozenset(one.code_root for one in self.declared))

    @property
    def complete(self) -> bool:
        """Whether everything was followed: every template read, every function of Python found."""
        return not self.notes

    def of(self, path: str) -> tuple[Declared, ...]:
        """What is declared in the file ``path``, which is relative to the root."""
        return self.by_path.get(path, ())

    def code_root(self, path: str) -> str:
        """The innermost deployed folder around the file ``path``; an empty string when it is not deployed."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if (folder or ".") in self.code_roots:
                return folder or "."
        return ""
