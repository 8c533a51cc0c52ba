"""Which settings hold for which file: the closest configuration, under what the command line says."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from leaklint.config import layers
from leaklint.config.globs import Globs
from leaklint.config.layers import Layer
from leaklint.config.problems import ConfigurationError
from leaklint.config.settings import EXCLUDED, Change, Settings

if TYPE_CHECKING:
    from leaklint.config.kinds import Knowledge

_PLAIN = (
    "min-severity", "min-confidence", "preview", "fixable", "unfixable", "unsafe-fixes", "handlers",
    "handler-discovery", "baseline",
)  # fmt: skip
"""keys that are fields of the settings; the last layer that has one sets it"""
_NOTHING_SET = Settings()


class Resolved:
    """What a configuration comes to, for all files below it."""

    __slots__ = (
        "_excluded", "_ignored_in", "force_exclude", "jobs", "output_format", "respect_gitignore", "settings", "stack",
        "top",
    )  # fmt: skip

    def __init__(
        self,
        stack: Sequence[Layer] = (),
        settings: Settings = _NOTHING_SET,
        excluded: Sequence[Globs] = (),
        ignored_in: Sequence[tuple[Globs, bool, tuple[str, ...]]] = (),
        *,
        respect_gitignore: bool = True,
        force_exclude: bool = False,
        output_format: str = "",
        jobs: int = 0,
        top: str = "",
    ) -> None:
        """``stack`` are the layers it was made of, of which later ones won; ``output_format`` may be empty and
        ``jobs`` 0, where nothing says. ``top`` is the folder for which it is: names of folders above say nothing."""
        self.top = top
        self.stack = tuple(stack)
        self.settings = settings
        self._excluded = tuple(excluded)
        self._ignored_in = tuple(ignored_in)
        self.respect_gitignore = respect_gitignore
        self.force_exclude = force_exclude
        self.output_format = output_format
        self.jobs = jobs

    def excluded(self, path: str, name: str) -> bool:
        """Whether a real path, which ends in ``name``, is left out itself."""
        return any(globs.match(path, name) for globs in self._excluded)

    def covered(self, path: str) -> bool:
        """Whether a real path, or a folder above it in the project, is left out."""
        return any(globs.cover(path, self.top) for globs in self._excluded)

    def settings_of(self, path: str) -> Settings:
        """The settings of the file at a real path."""
        if not self._ignored_in:
            return self.settings
        ignored = tuple(
            selector
            for globs, negated, selectors in self._ignored_in
            if globs.cover(path, self.top) is not negated
            for selector in selectors
        )
        return replace(self.settings, file_ignores=ignored) if ignored else self.settings


def resolve(stack: Sequence[Layer], top: str = "") -> Resolved:
    """What ``stack`` comes to, of which later layers win, for the files below the folder ``top``."""
    last = {key: value for layer in stack for key, value in layer.values.items()}
    select, ignore = Settings().select, Settings().ignore
    changes: list[Change] = []
    for layer in stack:
        add = layer.values.get("extend-select", ())
        remove = layer.values.get("ignore", ()) + layer.values.get("extend-ignore", ())
        if "select" in layer.values:
            select, ignore, changes = layer.values["select"] + add, remove, []
        elif add or remove:
            changes.append((add, remove))
    fields: dict[str, Any] = {key.replace("-", "_"): last[key] for key in _PLAIN if key in last}
    tables = {table.get("id"): table for layer in stack for table in layer.values.get("resource", ())}
    settings = Settings(
        select=select, ignore=ignore, changes=tuple(changes), resources=tuple(tables.values()), **fields
    )
    excluded = [*last.get("exclude", [("", name) for name in EXCLUDED])]
    excluded += [pattern for layer in stack for pattern in layer.values.get("extend-exclude", ())]
    bases = dict.fromkeys(base for base, _ in excluded)
    return Resolved(
        stack,
        settings,
        [Globs(base, [pattern for other, pattern in excluded if other == base]) for base in bases],
        [
            (Globs(base, [pattern.removeprefix("!")]), pattern.startswith("!"), selectors)
            for base, pattern, selectors in last.get("per-file-ignores", ())
        ],
        respect_gitignore=last.get("respect-gitignore", True),
        force_exclude=last.get("force-exclude", False),
        output_format=last.get("output-format", ""),
        jobs=last.get("jobs", 0),
        top=top,
    )


class Configuration:
    """The configurations of a run, each read once.

    ``pinned`` is a file that holds for all files in place of the closest ones, ``isolated`` says that none is looked
    for, ``over`` are the layers that win over every file.
    """

    def __init__(
        self, knowledge: Knowledge, over: Sequence[Layer] = (), *, pinned: str = "", isolated: bool = False
    ) -> None:
        self._knowledge = knowledge
        self._over = tuple(over)
        self._pinned = pinned
        self._isolated = isolated or bool(pinned)
        self._by_folder: dict[str, str] = {}
        self._resolved: dict[str, Resolved | ConfigurationError] = {}
        self._real: dict[str, str] = {}

    def of_folder(self, folder: str) -> Resolved:
        """What holds for the files in a folder, given by its real path. Raises ConfigurationError."""
        source = self._pinned if self._isolated else self._closest(folder)
        known = self._resolved.get(source)
        if known is None:
            try:
                top = os.path.realpath(os.curdir) if self._isolated or not source else os.path.dirname(source)
                known = resolve((*self._layers(source), *self._over), top)
            except ConfigurationError as problem:
                known = problem
            self._resolved[source] = known
        if isinstance(known, ConfigurationError):
            raise known
        return known

    def of_file(self, path: str) -> Settings:
        """The settings of a file, which need not exist, by its path as given. Raises ConfigurationError."""
        real = self.place(path)
        return self.of_folder(os.path.dirname(real)).settings_of(real)

    def place(self, path: str) -> str:
        """The path that patterns are held against: that of a link, in its real folder."""
        folder, name = os.path.split(path)
        real = self._real.get(folder)
        if real is None:
            real = self._real[folder] = os.path.realpath(folder or os.curdir)
        return os.path.join(real, name)

    def _layers(self, source: str) -> list[Layer]:
        if not source:
            return []
        base = os.path.realpath(os.curdir) if self._pinned else ""
        return list(layers.file_layers(source, self._knowledge, base))

    def _closest(self, folder: str) -> str:
        passed = []
        found = None
        while (found := self._by_folder.get(folder)) is None:
            passed.append(folder)
            parent = os.path.dirname(folder)
            found = layers.closest(folder)
            if found or parent == folder:
                break
            folder = parent
        self._by_folder.update(dict.fromkeys(passed, found))
        return found
