"""The questions that are put to git, in processes of their own."""

from __future__ import annotations

import os
import subprocess

from leaklint.changes import DIFF, UNTRACKED, Changes, NoSuchChange, names, touched_lines


def changes_since(ref: str, folder: str) -> tuple[str, Changes]:
    """The top of the repository around a folder, and what differs from where the work went away from ``ref``.

    That place is the merge base of ``ref`` and HEAD; what is not committed counts, and so do files that git does not
    know (but not those that it ignores). Raises NoSuchChange.
    """
    top = os.fsdecode(_lines(("rev-parse", "--show-toplevel"), folder, "not in the work tree of a git repository"))
    # git takes what begins with a dash for an option, and knows no revision of such a name.
    if not ref or ref.startswith("-") or "\0" in ref:
        raise NoSuchChange(f"{ref!r} is no revision")
    wanted = ("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    commit = os.fsdecode(_lines(wanted, folder, f"{ref!r} is no revision of this repository"))
    unrelated = f"{ref!r} and HEAD have no commit in common; a shallow clone may lack it"
    base = os.fsdecode(_lines(("merge-base", commit, "HEAD"), folder, unrelated))
    changes = touched_lines(_run((*DIFF, base, "--"), top, "git cannot compare"))
    changes.update(dict.fromkeys(names(_run(UNTRACKED, top, "git cannot list files"))))
    return top, changes


def _lines(arguments: tuple[str, ...], folder: str, otherwise: str) -> bytes:
    return _run(arguments, folder, otherwise).removesuffix(b"\n").removesuffix(b"\r")


def _run(arguments: tuple[str, ...], folder: str, otherwise: str) -> bytes:
    """What git prints. Raises NoSuchChange that says ``otherwise`` and what git said."""
    environment = {name: value for name, value in os.environ.items() if name not in ("GIT_DIFF_OPTS", "GIT_PAGER")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "--no-pager", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise NoSuchChange(f"git cannot be run: {error.strerror}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NoSuchChange(f"{otherwise} ({said[0]})" if said else otherwise)
    return done.stdout
