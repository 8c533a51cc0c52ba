"""Fixes as a user gets them: many files in one run of the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import leaklint

LOW = ("--min-confidence", "low")
LEAKS = ("--select", "LL1,LL201,LL203")
SAFE = ("--fix",)
UNSAFE = ("--fix", "--unsafe-fixes")


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of the files, by name, and the findings that each has left."""

    files: dict[str, bytes]
    remaining: dict[str, list[dict[str, Any]]]


def fixed(files: Mapping[str, bytes], folder: Path, mode: tuple[str, ...] = SAFE) -> Fixed:
    """Write ``files`` below ``folder``, fix them all and read them back.

    Files with the same stem before the first dot do not see each other: no name is one that another imports.
    """
    folder.mkdir(parents=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    run = leaklint("check", *mode, *LEAKS, *LOW, "--output-format", "json", ".", cwd=folder, timeout=600)
    assert run.code in (0, 1), run.err
    return Fixed({name: (folder / name).read_bytes() for name in files}, found(folder, files))


def found(folder: Path, names: Mapping[str, object]) -> dict[str, list[dict[str, Any]]]:
    """The findings of each file of a folder, at every confidence."""
    run = leaklint("check", *LEAKS, *LOW, "--output-format", "json", ".", cwd=folder, timeout=600)
    assert run.code in (0, 1), run.err
    by_file: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for finding in json.loads("\n".join(run.out))["findings"]:
        by_file[Path(finding["path"]).name].append(finding)
    return by_file
