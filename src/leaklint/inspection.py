"""The inspection of one file: its sites judged by the rules, its findings worded."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from leaklint import select, severity
from leaklint.analysis import facts, project, survey
from leaklint.analysis.facts import History, ModuleFacts, Site
from leaklint.analysis.survey import Surroundings
from leaklint.analysis.tracker import BudgetExceeded
from leaklint.circumstances import Circumstances
from leaklint.config import Settings
from leaklint.edit import Span
from leaklint.finding import Finding, Location, Step
from leaklint.fingerprint import fingerprinted
from leaklint.flow import ops
from leaklint.proposals import Proposals
from leaklint.result import Checked, Failed, Outcome
from leaklint.rules import RULES
from leaklint.rules.rule import Draft, Rule
from leaklint.syntax import comments
from leaklint.syntax.outline import MODULE
from leaklint.syntax.statements import Statements
from leaklint.unit import Unit
from leaklint.workspace import Workspace

UNUSED_SUPPRESSION = "LL901"


@dataclass(slots=True)
class Inspection:
    """One file under inspection, in the workspace that knows the project around it."""

    unit: Unit
    workspace: Workspace
    found_comments: comments.Comments | None
    """None while nobody has read them"""
    circumstances: Circumstances = field(init=False)
    _statements: Statements | None = None
    _released: frozenset[str] | None = None
    """attributes of other objects on which the module calls a release"""
    _idle: dict[Span, tuple[str, ...]] = field(default_factory=dict)
    """the codes that unused suppressions do not need"""

    def __post_init__(self) -> None:
        self.circumstances = Circumstances(self.unit)

    # facts

    def survey(self) -> ModuleFacts:
        """The facts of the module, from its candidate scopes."""
        unit, summaries = self.unit, self.workspace.summaries
        found = unit.candidates()
        if not found.leaking:
            unit.work.gated = 1
            return self._facts(())
        states = summaries.states
        around = self._around()
        collected: list[Site] = []
        order = [MODULE, *unit.outline.functions]
        for name in (n for n in order if n in found.leaking):
            graph = unit.module.graph(name)
            if graph is None:
                continue
            for cfg in graph.walk_nested():
                try:
                    collected.extend(survey.sites(unit.module, cfg, summaries, around))
                except BudgetExceeded:
                    unit.fail(f"{cfg.name} has too many paths", unit.line_of(name))
                except RecursionError:
                    unit.fail(f"{cfg.name} nests too deeply", unit.line_of(name))
        unit.work.states += summaries.states - states
        return self._facts(tuple(sorted(collected, key=lambda site: (site.span, site.part))))

    def histories(self, function: str) -> list[History]:
        """Everything that a function, with those inside of it, acquires; what fails is in the unit's problems."""
        graph = self.unit.module.graph(function)
        found: list[History] = []
        for cfg in graph.walk_nested() if graph is not None else ():
            try:
                found.extend(survey.histories(self.unit.module, cfg, self.workspace.summaries, self._around()))
            except BudgetExceeded:
                self.unit.fail(f"{cfg.name} has too many paths", self.unit.line_of(function))
            except RecursionError:
                self.unit.fail(f"{cfg.name} nests too deeply", self.unit.line_of(function))
        placed = self.circumstances.placed(tuple(history.site for history in found))
        return [replace(history, site=site) for history, site in zip(found, placed, strict=True)]

    def _around(self) -> Surroundings:
        return Surroundings(
            lambda module, function, node: _home(module).span(function, node),
            lambda span: self.unit.source.text[span.start : span.end],
            self.circumstances.in_handler,
            self._read_by_functions,
            self._origin,
            self._closed_outside,
        )

    def _origin(self, module: project.Module, function: str, node: object) -> Location | None:
        """Where a helper of another file acquires; None for one of this file."""
        if module is self.unit.module:
            return None
        other = _home(module)
        return replace(location(other, other.span(function, node)), path=_seen_from(self.unit, other))

    def _facts(self, found: tuple[Site, ...]) -> ModuleFacts:
        around = self.circumstances
        starts = tuple(self.unit.source.lines.starts)
        restored = around.restored if any(site.module_level for site in found) else None
        sites = around.placed(found) if found else ()
        return ModuleFacts(self.unit.path, sites, starts, self.unit.numbers, around.growths(), restored=restored)

    def _closed_outside(self, attribute: str) -> bool:
        """Whether something calls a release on this attribute of an object that is not ``self``."""
        if self._released is None:
            self._released = frozenset(self._released_attributes())
        return attribute in self._released

    def _released_attributes(self) -> Iterator[str]:
        releases = self.unit.catalogue.release_methods
        for call in (call for calls in self.unit.outline.calls.values() for call in calls):
            func = call.func
            if isinstance(func, ast.Attribute) and func.attr in releases and isinstance(func.value, ast.Attribute):
                base = func.value.value
                if not (isinstance(base, ast.Name) and base.id == "self"):
                    yield func.value.attr

    def _read_by_functions(self, name: str) -> bool:
        return ops.root_of(name) in self.unit.outline.read

    # findings

    @property
    def comments(self) -> comments.Comments:
        """The suppressions of the file."""
        if self.found_comments is None:
            self.found_comments = comments.read(self.unit.source.text)
        return self.found_comments

    def judge(self, settings: Settings) -> Outcome:
        """Run the rules, drop what comments suppress, and word the rest."""
        found = self.survey()
        rules = [rule for rule in select.on(RULES, settings) if rule.code != UNUSED_SUPPRESSION]
        drafts = [(rule, draft) for rule in rules for draft in rule.check(found)]
        kept: list[tuple[Rule, Draft]] = []
        silenced: list[tuple[Rule, Draft]] = []
        met: list[tuple[str, int, int]] = []
        for rule, draft in drafts:
            first, last = self.statement_lines(draft.where)
            if comments.suppresses(self.comments, rule.code, first, last):
                met.append((rule.code, first, last))
                silenced.append((rule, draft))
            else:
                kept.append((rule, draft))
        if self.found_comments is not None and self.comments.suppressions:
            kept.extend(self._unused(found, met, settings))
        proposals = Proposals(self.unit, found.sites, settings, self._idle)
        shown, suppressed = self._worded(kept, silenced, settings, proposals)
        text = self.unit.source.text if shown or suppressed else ""
        if self.unit.problems:
            first_problem = self.unit.problems[0]
            return Failed(
                self.unit.path, first_problem.reason, first_problem.line, shown, suppressed, text, self.unit.work
            )
        return Checked(self.unit.path, shown, suppressed, text, self.unit.work)

    def _worded(
        self,
        kept: list[tuple[Rule, Draft]],
        silenced: list[tuple[Rule, Draft]],
        settings: Settings,
        proposals: Proposals,
    ) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
        """The findings that are shown and those that a comment suppresses; both count for fingerprints, so that a
        suppression changes none of the others'."""
        drafts = [*((draft, False) for draft in kept), *((draft, True) for draft in silenced)]
        worded = [
            (self.finding(rule, draft, None if silent else proposals), silent) for (rule, draft), silent in drafts
        ]
        worded.sort(key=lambda pair: (pair[0].location, pair[0].rule))
        findings = fingerprinted((finding for finding, _ in worded), self.unit.source.lines.line)
        by_silence: tuple[list[Finding], list[Finding]] = ([], [])
        for finding, (_, silent) in zip(findings, worded, strict=True):
            by_silence[silent].append(finding)
        return select.shown(by_silence[False], settings), select.shown(by_silence[True], settings)

    def _unused(
        self, found: ModuleFacts, met: list[tuple[str, int, int]], settings: Settings
    ) -> Iterator[tuple[Rule, Draft]]:
        codes = {rule.code for rule in RULES}
        ran = {rule.code for rule in select.on(RULES, settings) if select.selected(rule.code, settings)}
        lines = self.unit.source.lines
        idle = list(comments.unused(self.comments, met, codes, ran))
        starts = [lines.starts[u.line - 1] - 1 for u in idle]
        spans = [Span(start + u.column, start + u.end_column) for start, u in zip(starts, idle, strict=True)]
        self._idle = {span: u.codes for span, u in zip(spans, idle, strict=True) if not u.wrong}
        unused = tuple(facts.Unused(span, u.detail) for span, u in zip(spans, idle, strict=True))
        rule = next(rule for rule in RULES if rule.code == UNUSED_SUPPRESSION)
        for draft in rule.check(replace(found, unused=unused)):
            first, last = self.statement_lines(draft.where)
            if not comments.suppresses(self.comments, rule.code, first, last):
                yield rule, draft

    def statement_lines(self, span: Span) -> tuple[int, int]:
        """The lines of the innermost simple statement (or header) around a span."""
        first = self.unit.source.lines.position(span.start)[0]
        last = self.unit.source.lines.position(max(span.start, span.end - 1))[0]
        if self._statements is None:
            self._statements = Statements(self.unit.source.tree)
        return self._statements.lines(first, last)

    def _origin_steps(self, site: Site | None) -> Iterator[Step]:
        if site is not None and site.origin is not None and site.helper is not None:
            yield Step(site.origin, f"opened here, in `{site.helper[0]}`")

    def finding(self, rule: Rule, draft: Draft, proposals: Proposals | None = None) -> Finding:
        """The finding that a draft of a rule becomes, with what `proposals` say of its fix."""
        site = draft.site
        fix, refused = (None, "") if proposals is None else proposals.propose(rule.code, site, draft.where)
        return Finding(
            rule=rule.code,
            name=rule.name,
            message=draft.message,
            location=location(self.unit, draft.where),
            severity=severity.severity(site, draft.leak, rule.code),
            confidence=draft.confidence,
            resource=site.resource.id.partition("@")[0] if site is not None else "",
            function=draft.function or (site.function if site is not None else "<module>"),
            handler=site.handler if site is not None else bool(draft.function),
            steps=(*self._origin_steps(site), *(Step(location(self.unit, s), message) for s, message in draft.steps)),
            help=draft.help,
            fix=fix,
            refused=refused,
        )


def _seen_from(unit: Unit, other: Unit) -> str:
    """The path of another file, written as that of the file whose finding names it."""
    folder = os.path.dirname(unit.real)
    try:
        return os.path.normpath(os.path.join(os.path.dirname(unit.path), os.path.relpath(other.real, folder)))
    except ValueError:  # another drive
        return other.real


def _home(module: project.Module) -> Unit:
    assert isinstance(module.home, Unit)
    return module.home


def location(unit: Unit, span: Span) -> Location:
    """Where a span of a file lies."""
    line, column = unit.source.lines.position(span.start)
    end_line, end_column = unit.source.lines.position(span.end)
    return Location(unit.path, line, column, end_line, end_column)
