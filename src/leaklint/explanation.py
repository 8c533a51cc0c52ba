"""Why a line is or is not reported: what it acquires, what becomes of that, and how the findings on it came about."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass

from leaklint import select, severity
from leaklint.analysis.facts import History, Site
from leaklint.catalogue.model import Tier
from leaklint.config import Settings
from leaklint.edit import Span
from leaklint.finding import Finding, Location
from leaklint.handlers.templates import is_template
from leaklint.inspection import UNUSED_SUPPRESSION, Inspection, location
from leaklint.result import Failed, Skipped, Work
from leaklint.rules import RULES, verdict, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.syntax import comments
from leaklint.syntax.outline import MODULE
from leaklint.unit import NotAnalysed, decode
from leaklint.workspace import Workspace

_NEAREST = 3
REPORTED = "reported"


class NoLine(Exception):
    """The file has no such line, or is not analysed: the message says why."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A finding, shown or not: ``status`` is `REPORTED` or why it is not; the reasons are clauses."""

    finding: Finding
    status: str
    severity: tuple[str, ...] = ()
    confidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Acquired:
    """What a call on the line acquires. ``settled`` are the ends that release it or give it away, by place."""

    resource: str
    subject: str
    """the resource as findings call it"""
    location: Location
    recognised: str
    facts: tuple[str, ...]
    settled: tuple[tuple[Location, str, str], ...]
    """(where, text of the code, how)"""
    findings: tuple[Judged, ...]
    silent: str
    """why no rule speaks of it; empty when one does"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that is known of one line of a file."""

    path: str
    line: int
    text: str
    function: str
    handler: str
    """why its function is handler code; empty when it is none"""
    acquired: tuple[Acquired, ...]
    others: tuple[Judged, ...]
    """findings on the line that are about no acquisition on it"""
    passing: tuple[tuple[Finding, str], ...]
    """findings elsewhere whose path leads over the line, and what happens on it"""
    calls: tuple[tuple[str, str], ...]
    """the calls of the line, where nothing is acquired: as written, and why they acquire nothing"""
    nearest: tuple[tuple[int, str], ...]
    """(line, resource) of the acquisitions around, where nothing is acquired"""


def explain(data: bytes, path: str, line: int, settings: Settings) -> Explanation:
    """The explanation of a 1-based line in the bytes of a file. Raises NoLine."""
    if is_template(path):
        raise NoLine("its code stands in a template, and only that of Python files is explained")
    workspace = Workspace.under(settings)
    try:
        found = comments.read(decode(data))
        if found.skip_file:
            raise NoLine("it is not checked: a comment says `leaklint: skip-file`")
        unit = workspace.checked(data, path, Work())
    except NotAnalysed as problem:
        raise NoLine(f"it is not analysed: {problem.reason}") from None
    total = len(unit.source.lines.starts) - (unit.source.text[-1:] in ("\n", "\r"))
    if not 1 <= line <= max(total, 1):
        raise NoLine(f"it has {total} line{'' if total == 1 else 's'}, not {line}")
    return _Explainer(Inspection(unit, workspace, found), line, settings).explanation(os.path.realpath(path))


class _Explainer:
    def __init__(self, inspection: Inspection, line: int, settings: Settings) -> None:
        self.inspection = inspection
        self.unit = inspection.unit
        self.line = line
        self.settings = settings

    def explanation(self, real: str) -> Explanation:
        facts = self.inspection.survey()
        drafts = [(rule, draft) for rule in RULES for draft in rule.check(facts)]
        function = self._function()
        histories = [h for scope in self._scopes() for h in self.inspection.histories(scope)]
        if self.unit.problems:
            problem = self.unit.problems[0]
            raise NoLine(f"it is not analysed: {problem.reason}")
        here = [h for h in histories if self._on_line(h.site.span)]
        acquired = tuple(self._acquired(history, drafts) for history in here)
        told = {id(draft) for history in here for _, draft in self._of(history.site, drafts)}
        rest = [(rule, draft) for rule, draft in drafts if id(draft) not in told]
        others = [self._judged(rule, draft) for rule, draft in rest if self._on_line(draft.where)]
        others += self._unused()
        passing = tuple(self._passing(rest, real))
        sites = {h.site.span: h.site for h in histories} | {site.span: site for site in facts.sites}
        return Explanation(
            path=self.unit.path,
            line=self.line,
            text=self.unit.source.lines.line(self.line).rstrip(),
            function="" if function == MODULE else function.replace(".<locals>", "").partition("#")[0],
            handler=self._handler(function),
            acquired=acquired,
            others=tuple(others),
            passing=passing,
            calls=() if acquired else tuple(self._calls()),
            nearest=() if acquired else tuple(self._nearest(list(sites.values()))),
        )

    # places

    def _on_line(self, span: Span) -> bool:
        first, last = self.inspection.statement_lines(span)
        return first <= self.line <= last

    def _function(self) -> str:
        """The innermost function whose lines hold the line."""
        inside = [
            (outlined.node.lineno, name)
            for name, outlined in self.unit.outline.functions.items()
            if outlined.node.lineno <= self.line <= (outlined.node.end_lineno or 0)
        ]
        return max(inside)[1] if inside else MODULE

    def _scopes(self) -> Iterator[str]:
        """The scopes of which code may stand on the line: decorators and defaults run in the one around a function."""
        function = self.unit.outline.functions.get(self._function())
        if function is None:
            yield MODULE
            return
        yield function.outermost
        if self.line < function.node.body[0].lineno:
            yield MODULE

    def _handler(self, function: str) -> str:
        if function == MODULE or not self.inspection.circumstances.in_handler(function):
            return ""
        reasons = [entry.reason for entry in self.unit.handlers if entry.function == function]
        return reasons[0] if reasons else "a handler reaches it"

    # what is acquired

    def _of(self, site: Site, drafts: list[tuple[Rule, Draft]]) -> list[tuple[Rule, Draft]]:
        """The drafts about an acquisition: of several kinds that one part may have, the gravest stands for all."""
        return [
            (rule, draft)
            for rule, draft in drafts
            if draft.site is not None and (draft.site.span, draft.site.part) == (site.span, site.part)
        ]

    def _acquired(self, history: History, drafts: list[tuple[Rule, Draft]]) -> Acquired:
        site = history.site
        judged = tuple(self._judged(rule, draft) for rule, draft in self._of(site, drafts))
        return Acquired(
            resource=site.resource.id.partition("@")[0],
            subject=wording.subject(site),
            location=location(self.unit, site.span),
            recognised=self._recognised(site),
            facts=tuple(self._facts(site)),
            settled=tuple((location(self.unit, span), self._text(span), how) for span, how in history.settled),
            findings=judged,
            silent="" if judged else verdict.why_silent(site) or "no rule finds fault with it",
        )

    def _recognised(self, site: Site) -> str:
        if site.helper is not None:
            name, span = site.helper
            where = ""
            if span is not None:
                where = f" on line {location(self.unit, span).line}"
            elif site.origin is not None:
                where = f" in {site.origin.path}:{site.origin.line}"
            return f"`{name}` opens it{where} and hands it to its caller"
        if site.receiver_by_name:
            return "by the name of what it is called on; its type is not known"
        call = self._call_at(site.span)
        name = self._dotted(call) if call is not None else ""
        if name:
            return f"a call of `{name}`"
        return "a method of what the catalogue knows"

    def _facts(self, site: Site) -> Iterator[str]:
        resource = site.resource
        yield {
            Tier.G0: "nothing reclaims it (tier G0)",
            Tier.G1: "only a garbage collection reclaims it (tier G1)",
            Tier.G2: "its finaliser cannot await (tier G2)",
            Tier.G3: "reference counting reclaims it (tier G3)",
        }[resource.tier]
        if resource.server:
            yield "it holds a connection to a server"
        if resource.threads:
            yield "it runs threads"
        if resource.release:
            yield f"{wording.release_call(site)} {wording.present(site)} it"

    # findings

    def _judged(self, rule: Rule, draft: Draft) -> Judged:
        finding = self.inspection.finding(rule, draft)
        level, reasons = severity.weighed(draft.site, draft.leak, rule.code)
        assert level is finding.severity
        because = draft.leak.because if draft.leak is not None else ()
        if draft.leak is not None and draft.confidence.rank < draft.leak.confidence.rank:
            because = (*because, "lowered: it is not known whether this path is ever taken")
        return Judged(finding, self._status(rule, draft, finding), reasons, because)

    def _status(self, rule: Rule, draft: Draft, finding: Finding) -> str:
        settings = self.settings
        if rule not in select.on(RULES, settings):
            return "not reported: the rule is on trial, and --preview is not given"
        if not select.selected(rule.code, settings):
            return f"not reported: {rule.code} is not selected"
        if finding.severity.rank < settings.min_severity.rank:
            return f"not reported: its severity is below {settings.min_severity.value}, the least that is shown"
        if finding.confidence.rank < settings.min_confidence.rank:
            return f"not reported: its confidence is below {settings.min_confidence.value}, the least that is shown"
        first, last = self.inspection.statement_lines(draft.where)
        for suppression in self.inspection.comments.suppressions:
            if first <= suppression.line <= last and suppression.covers(rule.code):
                return f"not reported: the comment on line {suppression.line} suppresses it"
        return REPORTED

    def _unused(self) -> Iterator[Judged]:
        """Suppressions on the line that suppress nothing: known once everything is judged."""
        outcome = self.inspection.judge(self.settings)
        if isinstance(outcome, Skipped | Failed):
            return
        for finding in outcome.findings:
            if finding.rule == UNUSED_SUPPRESSION and finding.location.line == self.line:
                yield Judged(finding, REPORTED)

    def _passing(self, drafts: list[tuple[Rule, Draft]], real: str) -> Iterator[tuple[Finding, str]]:
        for rule, draft in drafts:
            if self._on_line(draft.where):
                continue
            finding = self.inspection.finding(rule, draft)
            for step in finding.steps:
                at = step.location
                if at.line <= self.line <= at.end_line and os.path.realpath(at.path) == real:
                    yield finding, step.message

    # where nothing is acquired

    def _calls(self) -> Iterator[tuple[str, str]]:
        for call in self._every_call():
            if call.lineno <= self.line <= (call.end_lineno or call.lineno):
                yield f"{ast.unparse(call.func)}(...)", self._of_call(call)

    def _of_call(self, call: ast.Call) -> str:
        name = self._dotted(call)
        if not name:
            target = ast.unparse(call.func)
            if target in self.unit.outline.functions:
                return "a function of this file that gives no open resource to its caller"
            if target in self.unit.outline.classes:
                return "a class of this file that owns nothing it must release"
            return "nothing is known of what is called"
        catalogue = self.unit.catalogue
        if name in catalogue.acquirers:
            kinds = ", ".join(sorted({r.id.partition("@")[0] for r in catalogue.acquirers[name]}))
            return f"`{name}` is known, and acquires {kinds} only with other arguments or used in another way"
        if name in catalogue.release_functions:
            return f"`{name}` releases what it is given"
        if name in catalogue.functions:
            return f"`{name}` is known, and acquires nothing"
        return f"`{name}` is not in the catalogue"

    def _nearest(self, sites: list[Site]) -> Iterator[tuple[int, str]]:
        lines = [(location(self.unit, site.span).line, wording.subject(site)) for site in sites]
        closest = sorted(dict.fromkeys(lines), key=lambda pair: abs(pair[0] - self.line))[:_NEAREST]
        yield from sorted(closest)

    # text

    def _every_call(self) -> Iterator[ast.Call]:
        for calls in self.unit.outline.calls.values():
            yield from calls

    def _call_at(self, span: Span) -> ast.Call | None:
        lines = self.unit.source.lines
        for call in self._every_call():
            end = lines.offset(call.end_lineno or call.lineno, call.end_col_offset or 0)
            if (lines.offset(call.lineno, call.col_offset), end) == (span.start, span.end):
                return call
        return None

    def _dotted(self, call: ast.Call) -> str:
        names = self.unit.names
        name = names.resolve(call.func.id) if isinstance(call.func, ast.Name) else names.dotted(call.func)
        return self.unit.follow(name) if name else ""

    def _text(self, span: Span) -> str:
        text = " ".join(self.unit.source.text[span.start : span.end].split())
        return text if len(text) <= 60 else f"{text[:57]}..."


__all__ = ["REPORTED", "Acquired", "Explanation", "Judged", "NoLine", "explain"]
