"""Discovery: every source of declared handlers, asked in the order in which their word counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from leaklint.handlers import (
    cdk_python,
    cdk_typescript,
    chalice,
    cloudformation,
    images,
    serverless,
    terraform,
)
from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.locate import Locator
from leaklint.handlers.model import Declared, Discovery
from leaklint.handlers.tree import Tree, join

_SETTINGS = "configuration"
_ROOTS = (".", "src")


def _synthesised(collector: Collector) -> None:
    for path in collector.tree.named("cdk.json"):
        project = path.rpartition("/")[0] or "."
        for template in collector.tree.synthesised(project):
            cloudformation.read_synthesised(collector, template, project)


_SOURCES: Sequence[Callable[[Collector], None]] = (
    cloudformation.read,
    serverless.read,
    terraform.read,
    images.read,
    cdk_python.read,
    cdk_typescript.read,
    _synthesised,
    chalice.read,
)


def discover(root: str, files: Iterable[str] | None, configured: Sequence[str]) -> Discovery:
    """What the project below the real path ``root`` declares; remembered per root unless ``files`` are given."""
    if files is None:
        return _walked(root, tuple(configured))
    return collect(Tree.of(root, files), configured)


@lru_cache(maxsize=16)
def _walked(root: str, configured: tuple[str, ...]) -> Discovery:
    return collect(Tree.walk(root), configured)


def collect(tree: Tree, configured: Sequence[str] = ()) -> Discovery:
    """Ask every source about the files of ``tree``. A source that fails leaves a note. Raises nothing."""
    collector = Collector(tree, Locator(tree))
    for handler in configured:
        _configured(collector, handler)
    for read in _SOURCES:
        try:
            read(collector)
        except Exception as problem:  # whatever a template holds, no check fails because of it
            source = read.__module__.rpartition(".")[2]
            collector.note(".", 0, f"{source}: not read: {type(problem).__name__}: {problem}".splitlines()[0])
    if "src" in tree.folders:
        collector.import_root("src")
    declared = tuple(collector.declared)
    by_path: dict[str, tuple[Declared, ...]] = {}
    for one in declared:
        by_path[one.path] = (*by_path.get(one.path, ()), one)
    return Discovery(
        tree.root, declared, tuple(collector.inline), tuple(collector.roots), tuple(sorted(collector.notes)), by_path
    )


def _configured(collector: Collector, handler: str) -> None:
    """Add ``path.py:function`` or ``module.function`` of the settings."""
    path, colon, function = handler.rpartition(":")
    if colon:
        shown = join(".", path)
        found = collector.locator.module(shown, function) if shown in collector.tree.files else None
    else:
        found = collector.locator.locate(handler, _ROOTS, ".")
    if found is not None:
        collector.add(Place(_SETTINGS, "", 0, "named"), found)
    else:
        collector.note(".", 0, f"the settings name the handler {handler}, and there is no such function")
