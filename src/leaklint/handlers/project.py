"""Discovery: every source of declared handlers, asked in the order in which their word counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module

from leaklint.handlers.collector import Collector, Place
from leaklint.handlers.locate import Locator
from leaklint.handlers.model import Discovery, Note
from leaklint.handlers.root import is_marked
from leaklint.handlers.tree import DISTRIBUTIONS, TooMany, Tree, is_dockerfile, join

_SETTINGS = "configuration"
_LAYOUT = "/python"
"""how the folder is called that a layer adds to ``sys.path``"""
_ROOTS = (".", "src")
_MOST = 200_000
"""files of a project; in more than these nobody waits for templates to be looked for"""
_MOST_UNMARKED = 5_000
"""files below a folder that nothing marks as a project's: it may be anybody's home"""


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


def discover(root: str, files: Iterable[str] | None, configured: Sequence[str], *, templates: bool = True) -> Discovery:
    """What the project below the real path ``root`` declares, see `leaklint.handlers.discover`."""
    if files is not None:
        return collect(Tree.of(root, files), configured, templates=templates)
    if not templates and not configured:
        return Discovery(root)
    try:
        tree = Tree.walk(root, _MOST if is_marked(root) else _MOST_UNMARKED)
    except TooMany as problem:
        return Discovery(root, notes=(Note(".", 0, f"templates are not looked for among {problem}"),))
    return collect(tree, configured, templates=templates)


def discover_alone(data: bytes) -> Discovery:
    """What a template declares that belongs to no project."""
    from leaklint.handlers import cloudformation

    tree = Tree.alone("template.yaml", data)
    collector = Collector(tree, Locator(tree))
    try:
        cloudformation.read(collector)
    except Exception as problem:  # whatever a template holds, no check fails because of it
        collector.note(".", 0, f"not read: {type(problem).__name__}: {problem}".splitlines()[0])
    return Discovery(tree.root, (), tuple(collector.inline), (), tuple(sorted(collector.notes)))


def collect(tree: Tree, configured: Sequence[str] = (), *, templates: bool = True) -> Discovery:
    """Ask every source about the files of ``tree``. A source that fails leaves a note. Raises nothing."""
    collector = Collector(tree, Locator(tree))
    for handler in configured:
        _configured(collector, handler)
    for source, function, speaks in _SOURCES if templates else ():
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
        tuple(_distributions(tree)),
        tuple(sorted(folder for folder in tree.folders if folder.endswith(_LAYOUT) and tree.holds_python(folder))),
    )


def _distributions(tree: Tree) -> Iterator[str]:
    """The folders with the packages of each distribution: what another part of the project installs and imports."""
    for folder in dict.fromkeys(path.rpartition("/")[0] or "." for path in tree.named(*DISTRIBUTIONS)):
        source = join(folder, "src")
        yield source if tree.holds_python(source) else folder


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
