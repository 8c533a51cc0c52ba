"""Which files are checked: named ones, and of folders every ``*.py`` that is neither excluded nor ignored by git.

What is excluded is told by the configuration that is closest to the folder in which it stands. What is named is
checked all the same, unless that configuration forces exclusion.

Folders are walked in the order of their names, with an explicit stack. Each file counts once, by its real path.
Links to folders are not followed below a folder that was named (what they lead to is either in the tree anyway or is
outside of what was asked for), so links cannot make a loop.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from leaklint.config.problems import ConfigurationError
from leaklint.config.resolve import Resolved, resolve
from leaklint.result import Failed

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_LOCK = ".#"
"""an editor's lock is a dangling link with this prefix"""


def is_python(name: str) -> bool:
    """Whether a file of this name is checked when it was not named."""
    return name.endswith(".py")


def unconfigured(folder: str) -> Resolved:
    """What holds in a folder when there is no configuration anywhere."""
    return _DEFAULTS


_DEFAULTS = resolve(())


def discover(
    paths: Sequence[str],
    rules_in: Callable[[str], Resolved] = unconfigured,
    wanted: Callable[[str], bool] = is_python,
) -> Iterator[str | Failed]:
    """Yield the files to check, written as ``paths`` begin them, and a `Failed` for what cannot be looked at.

    ``rules_in`` gives the configuration that holds in a folder, by its real path, or raises ConfigurationError: then
    the configuration is a failure, once, and the folder is not entered. Of folders, files count whose names are
    ``wanted``. What does not exist, a folder that cannot be listed, a dangling link and anything of a wanted name that
    is neither a file nor a folder are failures; they never keep the rest from being found. Raises nothing.
    """
    walk = _Walk(rules_in, wanted)
    for path in paths:
        yield from walk.named(path)


class _Walk:
    __slots__ = ("_broken", "_rules_in", "_seen", "_wanted")

    def __init__(self, rules_in: Callable[[str], Resolved], wanted: Callable[[str], bool]) -> None:
        self._rules_in = rules_in
        self._wanted = wanted
        self._seen: set[str] = set()
        self._broken: set[tuple[str, int]] = set()

    def named(self, path: str) -> Iterator[str | Failed]:
        """What ``path``, a file or folder that was named, stands for."""
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            yield Failed(path, _reason(error))
            return
        real = os.path.realpath(path)
        folder = real if stat.S_ISDIR(mode) else os.path.realpath(os.path.dirname(path) or os.curdir)
        place = real if stat.S_ISDIR(mode) else os.path.join(folder, os.path.basename(path))
        try:
            rules = self._rules_in(folder)
        except ConfigurationError as problem:
            yield from self._failure(problem)
            return
        if rules.force_exclude and rules.covered(place):
            return
        if stat.S_ISDIR(mode):
            yield from self._below(path, real)
        elif real not in self._seen:
            self._seen.add(real)
            yield path

    def _failure(self, problem: ConfigurationError) -> Iterator[Failed]:
        if (problem.path, problem.line) not in self._broken:
            self._broken.add((problem.path, problem.line))
            yield Failed(problem.path, problem.message, problem.line)

    def _below(self, top: str, real_top: str) -> Iterator[str | Failed]:
        outer: _Ignores | None = None
        stack = [("" if top in (os.curdir, os.path.join(os.curdir, "")) else top, real_top, outer)]
        while stack:
            folder, real, outer = stack.pop()
            if real in self._seen:
                continue
            self._seen.add(real)
            try:
                rules = self._rules_in(real)
                with os.scandir(folder or os.curdir) as listing:
                    entries = sorted(listing, key=lambda entry: entry.name)
            except ConfigurationError as problem:
                yield from self._failure(problem)
                continue
            except OSError as error:
                yield Failed(folder or os.curdir, f"cannot list this folder: {error.strerror or error}")
                continue
            if rules.respect_gitignore and outer is None:
                outer = _Ignores.above(real)
            inner = outer
            if outer is not None and any(entry.name == ".gitignore" for entry in entries):
                inner = outer.below(real)
            ignores = inner if rules.respect_gitignore else None
            below = []
            for entry in entries:
                name = entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if not is_folder and not self._wanted(name):
                    continue
                target = os.path.join(real, name)
                if rules.excluded(target, name) or (ignores is not None and ignores.ignored(target, folder=is_folder)):
                    continue
                if is_folder:
                    below.append((os.path.join(folder, name), target, inner))
                else:
                    yield from _file(entry, os.path.join(folder, name), target, self._seen)
            stack.extend(reversed(below))


def _file(entry: os.DirEntry[str], path: str, real: str, seen: set[str]) -> Iterator[str | Failed]:
    if entry.is_symlink():
        try:
            mode = os.stat(path).st_mode
        except OSError as error:
            if not entry.name.startswith(_LOCK):
                yield Failed(path, f"dangling link: {_reason(error)}")
            return
        if stat.S_ISDIR(mode):
            return
        real = os.path.realpath(path)
        regular = stat.S_ISREG(mode)
    else:
        regular = entry.is_file(follow_symlinks=False)
    if not regular:
        yield Failed(path, "not a regular file")
    elif real not in seen:
        seen.add(real)
        yield path


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):
        return str(error)
    return "no such file or folder" if isinstance(error, FileNotFoundError) else error.strerror or str(error)


class _Ignores:
    """The ``.gitignore`` files that hold for a folder, outermost first. The last that says something decides."""

    __slots__ = ("_specs",)

    def __init__(self, specs: tuple[tuple[str, GitIgnoreSpec], ...] = ()) -> None:
        self._specs = specs

    @classmethod
    def above(cls, real: str) -> _Ignores:
        """What the folders between the folder ``real`` and the root of its repository say.

        Empty when they ignore the folder itself: it was named, and that is the stronger word.
        """
        chain = []
        folder = real
        while not os.path.lexists(os.path.join(folder, ".git")):
            parent = os.path.dirname(folder)
            if parent == folder:
                return cls()
            folder = parent
            chain.append(folder)
        found = cls()
        for folder in reversed(chain):
            if os.path.isfile(os.path.join(folder, ".gitignore")):
                found = found.below(folder)
        inside = [real, *chain[:-1]]
        return cls() if any(found.ignored(path, folder=True) for path in inside) else found

    def below(self, folder: str) -> _Ignores:
        """These and the ``.gitignore`` in ``folder``, which is a real path; unreadable ones say nothing."""
        try:
            with open(os.path.join(folder, ".gitignore"), encoding="utf-8", errors="surrogateescape") as file:
                lines = [line for line in file.read().splitlines() if line.strip() and not line.startswith("#")]
        except OSError:
            return self
        if not lines:
            return self
        from pathspec import GitIgnoreSpec

        try:
            spec = GitIgnoreSpec.from_lines(lines)
        except ValueError:  # git, too, passes over a pattern that it cannot read
            spec = GitIgnoreSpec.from_lines(line for line in lines if _valid(line))
        return _Ignores((*self._specs, (_posix(os.path.join(folder, "")), spec)))

    def ignored(self, path: str, *, folder: bool = False) -> bool:
        """Whether ``path``, a real path, is ignored."""
        path = _posix(path) + ("/" if folder else "")
        for base, spec in reversed(self._specs):
            if path.startswith(base):
                include = spec.check_file(path[len(base) :]).include
                if include is not None:
                    return include
        return False


def _posix(path: str) -> str:
    return path if os.sep == "/" else path.replace(os.sep, "/")


def _valid(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True
