"""The one way in which a file is replaced: whole or not at all, so that nobody ever reads half of it."""

from __future__ import annotations

import os
import stat
from tempfile import mkstemp


def replace(path: str, data: bytes) -> None:
    """Make ``data`` the content of the file ``path``, keeping its mode; the file a link leads to is the one replaced.

    The bytes are written beside it and moved into place. A file that is not there is created with the mode that any
    created file gets. Raises OSError when the folder or the file cannot be written, ValueError for a path that cannot
    be one; the file is then as it was.
    """
    real = os.path.realpath(path)
    if os.path.exists(real) and not os.access(real, os.W_OK):
        raise PermissionError(13, os.strerror(13), path)
    folder, name = os.path.split(real)
    descriptor, scratch = mkstemp(prefix=f".{name[:50]}.", dir=folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.chmod(scratch, _mode(real))
        os.replace(scratch, real)
    except BaseException:
        os.unlink(scratch)
        raise


def _mode(path: str) -> int:
    """The permissions of the file that is there, else those that a created file gets."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
