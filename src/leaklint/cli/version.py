"""What ``--version -v`` tells of the environment: enough for a report of a defect, and no paths."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

PACKAGES = ("libcst", "click", "rich", "pathspec", "PyYAML")


def environment() -> Iterator[str]:
    """Yield a line for Python, for each package that leaklint is made of, and for the platform."""
    yield f"Python {platform.python_version()} ({platform.python_implementation()})"
    for package in PACKAGES:
        try:
            yield f"{package} {metadata.version(package)}"
        except metadata.PackageNotFoundError:
            yield f"{package} not found"
    yield f"{platform.system()} {platform.release()} ({platform.machine()})"
    out = getattr(sys.stdout, "encoding", None) or "none"
    yield f"encodings: standard output {out}, file names {sys.getfilesystemencoding()}"
