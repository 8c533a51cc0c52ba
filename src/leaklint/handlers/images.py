"""Images: the command of a Dockerfile names the handler, its COPY and ADD lines say where the code comes from."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.tree import Tree, is_dockerfile, join

_CONTINUED = re.compile(r"\\[ \t]*$")
_HANDLER = re.compile(r"[\w./-]+\.[A-Za-z_]\w*")
_CLIENT = "awslambdaric"
"""the runtime interface client, which takes the handler as its argument"""
_MODULE_OPTION = "-m"
_FILES = frozenset({"py", "js", "jar", "sh", "conf", "rb", "ini", "json", "txt", "toml", "yaml", "yml"})
"""what follows the dot of a file, not of a handler"""


@dataclass(frozen=True, slots=True)
class Image:
    """What the last command of a Dockerfile says; ``handler`` is empty when it is no handler."""

    handler: str
    line: int
    roots: tuple[str, ...]
    """folders whose content is copied into the image, the nearest first"""


def read(collector: Collector) -> None:
    """Read every Dockerfile of the project."""
    for path in sorted(collector.tree.files):
        if is_dockerfile(posixpath.basename(path)) and any(
            word in collector.tree.read(path) for word in (b"CMD", b"cmd", b"ENTRYPOINT")
        ):
            found = image(collector.tree, path)
            if found is not None and found.handler:
                place = Place("dockerfile", path, found.line, "command")
                collector.declare(place, found.handler, found.roots, posixpath.dirname(path) or ".")


def image(tree: Tree, path: str) -> Image | None:
    """The handler that a Dockerfile starts; None when there is no such file."""
    if path not in tree.files:
        return None
    entry: list[str] = []
    command: list[str] = []
    entry_line = command_line = 0
    sources: list[str] = []
    for line, instruction, rest in _instructions(tree.read(path).decode("utf-8", "replace")):
        if instruction == "FROM":
            entry, command = [], []
        elif instruction == "CMD":
            command, command_line = _words(rest), line
        elif instruction == "ENTRYPOINT":
            entry, entry_line = _words(rest), line
        elif instruction in ("COPY", "ADD") and "--from" not in rest:
            sources.extend(word for word in _words(rest)[:-1] if not word.startswith("--"))
    handler, line = _handler(entry, command), command_line if command else entry_line
    return Image(handler, line, tuple(dict.fromkeys(_roots(tree, path, sources))))


def _handler(entry: list[str], command: list[str]) -> str:
    words = [*entry, *command]
    if _CLIENT in words:
        words = words[words.index(_CLIENT) + 1 :]
    elif entry and not posixpath.basename(entry[0]).startswith(("entry", "lambda")):
        return ""  # another program runs, of which the command is an argument
    else:
        words = words[-1:] if entry else words
    if len(words) != 1 or not _HANDLER.fullmatch(words[0]) or words[0].rpartition(".")[2] in _FILES:
        return ""
    return words[0]


def _instructions(text: str) -> Iterator[tuple[int, str, str]]:
    """(line, instruction in capitals, the rest) of each instruction, continued lines joined."""
    lines = text.splitlines()
    number = 0
    while number < len(lines):
        first, joined = number, ""
        while number < len(lines):
            part = lines[number]
            number += 1
            if part.lstrip().startswith("#"):
                if joined:
                    continue
                break
            joined += _CONTINUED.sub(" ", part)
            if not _CONTINUED.search(part):
                break
        word, _, rest = joined.strip().partition(" ")
        if word:
            yield first + 1, word.upper(), rest.strip()


def _words(rest: str) -> list[str]:
    """The words of the exec form or of the shell form."""
    if rest.startswith("["):
        import json

        try:
            found = json.loads(rest)
        except (ValueError, RecursionError):
            return []
        return [word for word in found if isinstance(word, str)] if isinstance(found, list) else []
    import shlex

    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _roots(tree: Tree, path: str, sources: list[str]) -> Iterator[str]:
    """Folders that are copied, seen from the first context above the Dockerfile in which they are."""
    folder = posixpath.dirname(path) or "."
    contexts = [folder]
    while contexts[-1] != ".":
        contexts.append(posixpath.dirname(contexts[-1]) or ".")
    for source in sources:
        source = source.rstrip("*").lstrip("/") or "."
        for context in contexts:
            found = join(context, source)
            if found in tree.folders and (source.strip("./") or context == folder):
                yield found
                break
            if found in tree.files or (found and "*" in found and posixpath.dirname(found) in tree.folders):
                yield posixpath.dirname(found) or "."
                break
    yield folder
