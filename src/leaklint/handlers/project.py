"""Discovery: every source of declared handlers, asked in the order in which their word counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from importlib import import_module

from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.locate import Locator
from leaklint.handlers.model import Discovery
from leaklint.handlers.tree import Tree, is_dockerfile, join

_SETTINGS = "configuration"
_ROOTS = (".", "src")


def _ending(*endings: str) -> Callable[[str], bool]:
    return lambda path: path.endswith(endings)


_SOURCES: Sequence[tuple[str, str, Callable[[str], bool]]] = (
    ("cloudformation", "read", _ending(".yml", ".yaml", "template.json", ".template")),
    ("serverless", "read", _ending(".yml", ".yaml", "serverless.json")),
    ("terraform", "read", _ending(".tf")),
    ("images", "read", lambda path: is_dockerfile(path.rpartition("/")[2])),
    ("cdk_python", "read", _ending("cdk.json")),
    ("cdk_typescript", "read", _ending("cdk.json")),
    ("cloudformation", "read_all_synthesised", _ending("cdk.json")),
    ("chalice", "read", _ending(".chalice/config.json", "zappa_settings.json", "zappa_settings.yml")),
)
"""module, function and which files make it worth importing"""


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
    for source, function, speaks in _SOURCES:
        if not any(map(speaks, tree.files)):
            continue
        try:
            getattr(import_module(f"leaklint.handlers.{source}"), function)(collector)
        except Exception as problem:  # whatever a template holds, no check fails because of it
            collector.note(".", 0, f"{source}: not read: {type(problem).__name__}: {problem}".splitlines()[0])
    if "src" in tree.folders:
        collector.import_root("src")
    return Discovery(
        tree.root,
        tuple(collector.declared),
        tuple(collector.inline),
        tuple(collector.roots),
        tuple(sorted(collector.notes)),
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
