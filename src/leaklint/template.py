"""One template: the Python that stands in it is checked like a file, and reported at the template's own lines.

A template of CloudFormation or SAM may hold the code of a function (``ZipFile``, ``InlineCode``). Nothing imports such
code and it imports nothing of the project. What cannot be read as a template has no code, and is no error.
"""

from __future__ import annotations

from dataclasses import replace

from leaklint import fingerprint, handlers
from leaklint.config import Settings
from leaklint.deployment import Deployment
from leaklint.finding import Finding, Location, Step
from leaklint.handlers.model import Inline
from leaklint.handlers.templates import has_marks
from leaklint.result import Checked, Failed, Outcome, Skipped, Work
from leaklint.syntax import comments, containers, words
from leaklint.workspace import Workspace

_REFUSED = "the code stands in a template"


def check_template(data: bytes, path: str, settings: Settings, workspace: Workspace) -> Outcome:
    """Check the code in a template; `path` is written into findings as given."""
    found = handlers.in_template(data) if has_marks(data) else None
    if found is None or not found.inline:
        why = f": {found.notes[0].message}" if found is not None and found.notes else ""
        return Skipped(path, f"no Python code in this template{why}")
    text = data.decode("utf-8-sig", "replace")
    lines = text.splitlines()
    total = Work(files=1, gated=1)
    shown: list[Finding] = []
    suppressed: list[Finding] = []
    failed: Failed | None = None
    for code in found.inline:
        outcome = _check(code, path, settings, workspace)
        if isinstance(outcome, Skipped):
            continue
        place = _Place(code, path, lines)
        shown.extend(map(place.finding, outcome.findings))
        suppressed.extend(map(place.finding, outcome.suppressed))
        total.add(replace(outcome.work, files=0, gated=0))
        total.gated &= outcome.work.gated
        if isinstance(outcome, Failed):
            failed = failed or outcome
            reason, line = outcome.reason, place.line(outcome.line or 1)
    shown, suppressed = fingerprint.distinct(shown), fingerprint.distinct(suppressed)
    source = text if shown or suppressed else ""
    if failed is not None:
        return Failed(path, reason, line, tuple(shown), tuple(suppressed), source, total)
    return Checked(path, tuple(shown), tuple(suppressed), source, total)


def _check(code: Inline, path: str, settings: Settings, workspace: Workspace) -> Outcome:
    """The outcome for the code alone, as if it were a file."""
    data = code.text.encode("utf-8", "replace")
    work = Work(gated=1)
    directives = comments.may_be_unused(data)
    if not (words.passes(data, workspace.gate) or directives or containers.may_grow(data)):
        return Checked(path, work=work)
    from leaklint.inspection import Inspection
    from leaklint.unit import NotAnalysed, Unit

    work.gated = 0
    try:
        found = comments.read(code.text)
        if found.skip_file:
            return Skipped(path, "skip-file comment")
        unit = Unit.open(data, path, work, workspace.catalogue)
    except NotAnalysed as problem:
        return Failed(path, problem.reason, problem.line, work=work)
    known = settings.handler_discovery
    deployment = Deployment((code.declared,) if known else (), signatures=known)
    unit.deployed = lambda: deployment
    unit.numbers = code.lines
    try:
        return Inspection(unit, workspace, found).judge(settings)
    finally:
        unit.dispose()


class _Place:
    """Where the lines of a piece of code stand in its template."""

    __slots__ = ("_code", "_lines", "_path", "_text")

    def __init__(self, code: Inline, path: str, lines: list[str]) -> None:
        self._code = code
        self._path = path
        self._lines = lines
        self._text = code.text.splitlines()

    def finding(self, finding: Finding) -> Finding:
        """A finding of the code as one of the template; nothing in a template is mended."""
        steps = tuple(Step(self._location(step.location), step.message) for step in finding.steps)
        refused = _REFUSED if finding.fix is not None or finding.refused else ""
        return replace(finding, location=self._location(finding.location), steps=steps, fix=None, refused=refused)

    def line(self, line: int) -> int:
        """The line of the template on which a line of the code stands."""
        known = self._code.lines
        return known[min(line, len(known)) - 1] if known else self._code.declared.template_line

    def _location(self, place: Location) -> Location:
        first, start = self._position(place.line, place.column)
        last, end = self._position(place.end_line, place.end_column)
        return Location(self._path, first, start, last, max(end, start + 1) if first == last else end)

    def _position(self, line: int, column: int) -> tuple[int, int]:
        """A position in the template; the first column where the code is written otherwise there."""
        there = self.line(line)
        shown = self._lines[there - 1] if there <= len(self._lines) else ""
        text = self._text[line - 1] if line <= len(self._text) else ""
        shift = self._code.column if self._code.column is not None else shown.find(text) if text else -1
        return there, column + shift if shift >= 0 else 1
