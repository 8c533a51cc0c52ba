"""Lambda entry points: which functions of a project AWS calls, and why they are thought to be ones.

`discover` reads what declares handlers for a project, `in_module` what a module itself shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

    from leaklint.handlers.conventions import Entry
    from leaklint.handlers.model import Discovery
    from leaklint.syntax.names import Names


def discover(
    root: str, files: Iterable[str] | None = None, *, configured: Sequence[str] = (), templates: bool = True
) -> Discovery:
    """The handlers that the project in the folder ``root`` declares: in settings, templates, images, CDK apps.

    ``files`` are the paths to look at, absolute (real) or relative to ``root``; without them the folder is walked as a
    check walks it. ``configured`` are handlers that the settings name, ``path.py:function`` or ``module.function``;
    without ``templates`` they are all that counts. What cannot be read is a note. Raises nothing.
    """
    import os

    from leaklint.handlers import project

    return project.discover(os.path.realpath(root), files, configured, templates=templates)


def in_template(data: bytes) -> Discovery:
    """The Python that stands in a template of CloudFormation or SAM. What cannot be read is a note. Raises nothing."""
    from leaklint.handlers import project

    return project.discover_alone(data)


def in_module(tree: ast.Module, names: Names | None = None) -> tuple[Entry, ...]:
    """The functions of a module that it shows to be handlers itself: a framework's decorators, then the signature.

    Each stands once, in the order of the source. ``names`` says what the module's names stand for.
    """
    from leaklint.handlers import conventions, frameworks

    found = {entry.node: entry for entry in conventions.handlers(tree)}
    found.update((entry.node, entry) for entry in frameworks.handlers(tree, names))
    return tuple(sorted(found.values(), key=lambda entry: (entry.node.lineno, entry.node.col_offset)))
