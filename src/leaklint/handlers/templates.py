"""Which files are templates with code in them, told from their names and bytes alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from leaklint.discovery import is_python
from leaklint.result import Failed

_ENDINGS = (".yml", ".yaml", ".json", ".template")
_LIMIT = 2 * 1024 * 1024
"""bytes; CloudFormation takes templates of up to 1 MB"""
_CODE = (b"ZipFile", b"InlineCode")
_FUNCTIONS = (b"AWS::Lambda::Function", b"AWS::Serverless::Function")


def is_template(path: str) -> bool:
    """Whether a file of this name is read as a template."""
    return path.endswith(_ENDINGS)


def is_checked(name: str) -> bool:
    """Whether a file of this name is worth being looked at when a folder is checked; of data in JSON there is much."""
    return is_python(name) or (is_template(name) and (not name.endswith(".json") or name.endswith("template.json")))


def with_code(files: Iterable[str | Failed], named: Collection[str]) -> Iterator[str | Failed]:
    """``files`` without the templates that were not ``named`` and hold no code, or cannot be looked at."""
    for file in files:
        path = file.path if isinstance(file, Failed) else file
        if not is_template(path) or path in named or (isinstance(file, str) and _may_hold_code(file)):
            yield file


def _may_hold_code(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return has_marks(stream.read(_LIMIT + 1))
    except (OSError, ValueError):
        return False


def has_marks(data: bytes) -> bool:
    """Whether a function of a template may have its code, which is Python, in the template."""
    marked = len(data) <= _LIMIT and any(mark in data for mark in _CODE) and b"def " in data
    return marked and any(mark in data for mark in _FUNCTIONS)
