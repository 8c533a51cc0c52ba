"""Where the readers of templates put what they find: handlers, code in templates, roots of imports, notes."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from leaklint.handlers.locate import Found, Locator, parsed
from leaklint.handlers.model import NO_FACTS, Declared, Facts, Inline, Note
from leaklint.handlers.tree import Tree

_PLACEHOLDER = re.compile(r"\$\{!?[\w:.]+\}")
_PYTHON = "python"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a template declares a function, and how that is worded: ``what`` is a clause like "Handler of Orders"."""

    source: str
    template: str
    line: int
    what: str

    @property
    def reason(self) -> str:
        """The sentence for people."""
        return f"{self.what} in {self.template}:{self.line}" if self.template else f"{self.what} in the settings"


@dataclass(slots=True)
class Collector:
    """Gathers while the sources are read, in their order."""

    tree: Tree
    locator: Locator
    declared: dict[Declared, None] = field(default_factory=dict)
    inline: list[Inline] = field(default_factory=list)
    roots: dict[str, None] = field(default_factory=dict)
    notes: dict[Note, None] = field(default_factory=dict)

    def declare(
        self,
        place: Place,
        handler: str,
        roots: Sequence[str],
        near: str,
        facts: Facts = NO_FACTS,
        hints: Sequence[str] = (),
    ) -> bool:
        """Add the function that ``handler`` names (see `Locator.locate`); a note when it is Python's and there is none.

        Says whether it was found. What runs another language is passed over.
        """
        if facts.runtime and not facts.runtime.startswith((_PYTHON, "provided")):
            return False
        found = self.locator.locate(handler, roots, near, hints)
        if found is not None:
            self.add(place, found, facts)
        elif facts.runtime.startswith(_PYTHON):
            self.note(place.template, place.line, f"no function {handler} was found for the {place.what}")
        return found is not None

    def add(self, place: Place, found: Found, facts: Facts = NO_FACTS) -> None:
        """Add a function that was found."""
        self.import_root(found.code_root)
        self.declared[
            Declared(
                found.path,
                found.function,
                found.line,
                place.source,
                place.reason,
                place.template,
                place.line,
                found.code_root,
                facts,
            )
        ] = None

    def import_root(self, folder: str) -> None:
        """Add a folder from which modules are imported, if any is in it."""
        if self.tree.holds_python(folder):
            self.roots[folder] = None

    def layer(self, folder: str) -> None:
        """Add the root of a layer: its ``python`` folder, or itself when a build makes the layer of it. An archive is
        taken for one of the folder beside it that has its name."""
        folder = folder.removesuffix(".zip")
        inner = "python" if folder == "." else f"{folder}/python"
        self.import_root(inner if self.tree.holds_python(inner) else folder)

    def note(self, path: str, line: int, message: str) -> None:
        """Add a note."""
        self.notes[Note(path, line, message)] = None

    def code(
        self, place: Place, pieces: Sequence[tuple[str, int, bool]], handler: str, template: Sequence[str], facts: Facts
    ) -> None:
        """Add code that stands in a template.

        ``pieces`` are texts with the line on which each begins and whether its lines are lines of the template, which
        are given as ``template``. What is not Python is passed over unless the runtime says it is.
        """
        if facts.runtime and not facts.runtime.startswith(_PYTHON):
            return
        text, lines, shifts = "", list[int](), set[int | None]()
        for piece, line, literal in pieces:
            begins_line = not text or text.endswith("\n")
            for number, part in enumerate(piece.splitlines() or [""]):
                here = line + number if literal else line
                shifts.add(_shift(part, template, here) if literal else None)
                if number or begins_line:
                    lines.append(here)
            text += piece
        module = parsed(text)
        if module is None and _PLACEHOLDER.search(text):
            # the same length, so that columns stay: a placeholder outside of a string is some value
            text = _PLACEHOLDER.sub(lambda match: re.sub(r"\W", "_", match[0]), text)
            module = parsed(text)
        function = handler.rpartition(".")[2]
        line = 0 if module is None else next((n.lineno for n in module.body if _defines(n, function)), 0)
        if not line:
            if facts.runtime:
                what = "cannot be parsed" if module is None else f"has no function {function}"
                self.note(place.template, place.line, f"the code of the {place.what} {what}")
            return
        shifts.discard(-1)
        column = next(iter(shifts)) if len(shifts) == 1 else None
        shown = lines[min(line, len(lines)) - 1]
        found = Declared(
            place.template, function, shown, place.source, place.reason, place.template, place.line, ".", facts
        )
        self.inline.append(Inline(text, place.template, tuple(lines), column, found))


def _defines(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name == name
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def _shift(part: str, template: Sequence[str], line: int) -> int | None:
    """How far to the right ``part`` stands on a line of the template: -1 for an empty part, None if it does not."""
    if not part.strip():
        return -1
    shown = template[line - 1] if line <= len(template) else ""
    position = shown.find(part)
    return position if position >= 0 and not shown[:position].strip() else None
