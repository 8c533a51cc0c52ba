"""Chalice and Zappa: projects that a settings file of the framework marks, with the facts that stand there."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from leaklint.handlers import documents, frameworks
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.documents import Node, Unreadable
from leaklint.handlers.locate import Found
from leaklint.handlers.model import UNKNOWN, Facts

_CHALICE = ".chalice/config.json"
_ZAPPA = ("zappa_settings.json", "zappa_settings.yml")
_EXTENDS = 5


def read(collector: Collector) -> None:
    """Read every Chalice app and every Zappa project."""
    for path in collector.tree.named("config.json"):
        if path == _CHALICE or path.endswith(f"/{_CHALICE}"):
            _chalice(collector, path)
    for path in collector.tree.named(*_ZAPPA):
        _zappa(collector, path)


def _document(collector: Collector, path: str) -> Node | None:
    try:
        return next(iter(documents.parse(collector.tree.read(path), json=path.endswith(".json"))), None)
    except Unreadable as problem:
        collector.note(path, problem.line, f"not read: {problem.message}")
        return None


def _chalice(collector: Collector, path: str) -> None:
    settings = _document(collector, path)
    root = posixpath.dirname(posixpath.dirname(path)) or "."
    for file in _modules(collector, root):
        if not any(word in collector.tree.read(file) for word in frameworks.WORDS):
            continue
        tree = collector.locator.parsed(file)
        for entry in frameworks.handlers(tree) if tree is not None else ():
            if entry.source == "chalice":
                place = Place("chalice", path, 1, f"app of {file}")
                facts = _chalice_facts(settings, entry.function)
                collector.add(place, Found(file, entry.function, entry.node.lineno, root), facts)


def _modules(collector: Collector, root: str) -> Iterator[str]:
    """``app.py`` and the modules below ``chalicelib``: what is packaged, with ``vendor``, which is other people's."""
    below = "" if root == "." else f"{root}/"
    for file in collector.tree.ending(".py"):
        if file == f"{below}app.py" or file.startswith(f"{below}chalicelib/"):
            yield file


def _chalice_facts(settings: Node | None, function: str) -> Facts:
    """What the settings say: of the function in a stage, of a stage, of all."""
    if settings is None:
        return Facts()
    stages = [stage for _, stage in stages_node.items()] if (stages_node := settings.get("stages")) else []
    functions = [stage.get("lambda_functions", function) for stage in stages]
    levels = [*filter(None, functions), *stages, settings]
    return Facts(
        memory=_number(levels, "lambda_memory_size"),
        timeout=_number(levels, "lambda_timeout"),
        reserved=_number(levels, "reserved_concurrency"),
    )


def _zappa(collector: Collector, path: str) -> None:
    document = _document(collector, path)
    folder = posixpath.dirname(path) or "."
    for name, stage in document.items() if document is not None else ():
        levels = _stage(document, stage)
        facts = Facts(
            runtime=next((text for level in levels if (text := level.value("runtime"))), ""),
            memory=_number(levels, "memory_size"),
            timeout=_number(levels, "timeout_seconds"),
            reserved=_number(levels, "lambda_concurrency"),
            snapstart=any(level.value("snap_start") == "PublishedVersions" for level in levels),
        )
        for level in levels:
            place = Place("zappa", path, level.key_line("app_function"), f"app_function of {name}")
            application = level.value("app_function")
            if application:
                collector.declare(place, application, [folder], folder, facts)
            events = level.get("events")
            for event in events.elements() if events is not None else ():
                if event.value("function"):
                    place = Place("zappa", path, event.key_line("function"), f"event of {name}")
                    collector.declare(place, event.value("function"), [folder], folder, facts)


def _stage(document: Node | None, stage: Node) -> list[Node]:
    """A stage and those that it extends."""
    levels = [stage]
    while document is not None and len(levels) < _EXTENDS and levels[-1].value("extends"):
        base = document.get(levels[-1].value("extends"))
        if base is None or not base.is_mapping:
            break
        levels.append(base)
    return levels


def _number(levels: list[Node], key: str) -> int | None:
    text = next((text for level in levels if (text := level.value(key))), "")
    if not text:
        return None
    return int(text) if text.isdecimal() else UNKNOWN
