"""The real command line in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE")
_REPOSITORY = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE")
"""what git tells the hooks that it runs, of which tests may be one"""
_FOLDERS = [os.path.abspath(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
_PATHS = {"PYTHONPATH": os.pathsep.join(_FOLDERS)} if _FOLDERS else {}
"""made absolute before any test changes the working directory"""


@dataclass(frozen=True, slots=True)
class Run:
    """How a command ended: its exit code and the lines of both streams."""

    code: int
    out: list[str]
    err: list[str]


def leaklint(
    *arguments: str | Path, cwd: Path, data: bytes = b"", env: dict[str, str] | None = None, timeout: float = 120
) -> Run:
    """Run leaklint in ``cwd`` with ``data`` on standard input; a traceback or an unknown exit code fails the test."""
    done = subprocess.run(
        [sys.executable, "-m", "leaklint", *map(str, arguments)],
        cwd=cwd,
        input=data,
        env=environment(env),
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    out, err = (stream.decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr))
    assert "Traceback" not in err, err
    assert done.returncode in (0, 1, 2), (done.returncode, err)
    return Run(done.returncode, out.splitlines(), err.splitlines())


def environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """This process's environment and ``extra``: without a word about colours or a repository, with absolute paths to
    import from."""
    inherited = {name: value for name, value in os.environ.items() if name not in _COLOURS + _REPOSITORY}
    return {**inherited, **_PATHS, **(extra or {})}
