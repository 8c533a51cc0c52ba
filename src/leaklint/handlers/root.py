"""The root of the project around a file or folder."""

from __future__ import annotations

import os

_OWN = "leaklint.toml"
_PROJECT = "pyproject.toml"
_TABLE = b"[tool.leaklint"
_GIT = ".git"


def project_root(path: str) -> str:
    """The real path of the project's root: the nearest folder around ``path`` (itself, if it is one) with settings of
    ours, else with a ``pyproject.toml``, else with ``.git``, else its own folder. Raises nothing."""
    real = os.path.realpath(path)
    start = folder = real if os.path.isdir(real) else os.path.dirname(real)
    project = git = ""
    while True:
        if os.path.isfile(os.path.join(folder, _OWN)):
            return folder
        described = os.path.join(folder, _PROJECT)
        if os.path.isfile(described):
            if _has_table(described):
                return folder
            project = project or folder
        if not git and os.path.lexists(os.path.join(folder, _GIT)):
            git = folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return project or git or start
        folder = parent


def is_marked(root: str) -> bool:
    """Whether something in the folder says that a project begins there."""
    return any(os.path.lexists(os.path.join(root, name)) for name in (_OWN, _PROJECT, _GIT))


def _has_table(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return _TABLE in stream.read()
    except OSError:
        return False
