"""The inspection of one decoded file: its scopes lowered, its sites judged by the rules, its findings worded."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from leaklint import select, severity
from leaklint.analysis import facts, project, survey
from leaklint.analysis.facts import Handler, ModuleFacts, Site
from leaklint.analysis.summary import Summaries
from leaklint.analysis.tracker import BudgetExceeded
from leaklint.catalogue.load import load
from leaklint.catalogue.model import Catalogue, Effect
from leaklint.config import Settings
from leaklint.edit import Span
from leaklint.finding import Finding, Location, Step
from leaklint.fingerprint import fingerprinted
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.scope import Scope
from leaklint.handlers import conventions
from leaklint.result import Checked, Failed, Outcome, Work
from leaklint.rules import RULES
from leaklint.rules.rule import Draft, Rule
from leaklint.syntax import comments, gate
from leaklint.syntax.names import FunctionNode, Names, dotted, function_bindings, module_names
from leaklint.syntax.outline import MODULE, Outline, outline
from leaklint.syntax.source import ScopeTree, Source, TooDeep

UNUSED_SUPPRESSION = "LL901"


class NotAnalysed(Exception):
    """The file cannot be analysed: `reason` says why, `line` is 1-based or 0."""

    def __init__(self, reason: str, line: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def decode(data: bytes) -> str:
    """The untranslated text of a file, by its BOM or declaration. Raises NotAnalysed."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as problem:
        raise NotAnalysed(f"cannot decode: {problem.msg}") from None
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise NotAnalysed(f"cannot decode as {encoding}: byte 0x{data[problem.start]:02x}", line) from None
    return text


def parse(text: str) -> ast.Module:
    """The ast of a file. Raises NotAnalysed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as problem:
        raise NotAnalysed(f"syntax error: {problem.msg}", problem.lineno or 0) from None
    except ValueError as problem:
        raise NotAnalysed(f"syntax error: {problem}") from None
    except (RecursionError, MemoryError):
        raise NotAnalysed("too deeply nested to be parsed") from None


@dataclass(slots=True)
class Inspection:
    """One file under inspection."""

    path: str
    source: Source
    names: Names
    outline: Outline
    comments: comments.Comments
    catalogue: Catalogue
    work: Work
    has_comments: bool
    scopes: dict[str, ScopeTree] = field(default_factory=dict)
    """the scope tree that holds the nodes of a graph, by the graph's name"""
    entries: tuple[conventions.Entry, ...] = ()
    reachable: frozenset[str] = frozenset()
    problems: list[NotAnalysed] = field(default_factory=list)
    module: project.Module = field(init=False)

    def __post_init__(self) -> None:
        functions = {
            name: project.FunctionInfo(
                name,
                f.owner,
                self._decorators(f.node),
                isinstance(f.node, ast.AsyncFunctionDef),
                f.generator,
                f.quiet,
                f.never_returns,
            )
            for name, f in self.outline.functions.items()
        }
        classes = {
            name: project.ClassInfo(name, self._dotted_all(node.bases), _methods(node))
            for name, node in self.outline.classes.items()
        }
        self.module = project.Module("", self.catalogue, functions, classes, self.lower)

    def _decorators(self, node: FunctionNode) -> tuple[str, ...]:
        return self._dotted_all(d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)

    def _dotted_all(self, nodes: Iterable[ast.expr]) -> tuple[str, ...]:
        return tuple(filter(None, (self.names.dotted(node) or dotted(node) for node in nodes)))

    @classmethod
    def open(cls, data: bytes, path: str, work: Work) -> Inspection:
        """Decode, parse and outline a file. Raises NotAnalysed."""
        text = decode(data)
        has_comments = comments.may_hold_comments(data)
        found = comments.read(text) if has_comments else comments.Comments()
        body = text[1:] if text.startswith("\ufeff") else text
        tree = parse(body)
        catalogue = load()
        try:
            outlined = outline(tree)
            names = module_names(tree, outlined.imports, catalogue.prefixes.__contains__)
            return cls(path, Source(body, tree), names, outlined, found, catalogue, work, has_comments)
        except RecursionError:
            raise NotAnalysed("too deeply nested to be analysed") from None

    # lowering

    def lower(self, function: str) -> Cfg:
        """The graph of a function of this file; the scope that holds it is parsed when needed.

        Raises NotAnalysed (remembered in `problems`), KeyError for an unknown function.
        """
        from leaklint.flow.lower_statements import Statements

        line = 1
        try:
            if function == MODULE:
                tree = self.source.module()
                bound = self.names.bound | self.names.meanings.keys()
                scope = Scope(function, frozenset(bound), module=True, resolve=self.names.resolve)
            else:
                info = self.outline.functions[function]
                line = info.node.lineno
                if info.outermost != function:
                    self.module.graph(info.outermost)
                    raise KeyError(function)
                tree = self.source.function(info.node)
                bindings = function_bindings(info.node)
                effects = [self.catalogue.functions.get(name) for name in self._decorators(info.node)]
                scope = Scope(
                    function,
                    bindings.names,
                    bindings.globals,
                    bindings.nonlocals,
                    event=self._event(function),
                    yields_back=any(e is not None and e.effect is Effect.GIVES_BACK for e in effects),
                    imported=bindings.imports,
                    resolve=self.names.resolve,
                )
            lowering = Statements(scope, self.catalogue, Cfg(function))
            lowering.functions = tree.functions() if function != MODULE else {}
            lowering.run(tree.node)
        except TooDeep as problem:
            raise self._failed(f"not analysed: {problem}", problem.line) from None
        except (RecursionError, MemoryError):
            raise self._failed(f"not analysed: {function} nests too deeply", line) from None
        except KeyError:
            raise
        except Exception as problem:
            name = type(problem).__name__
            raise self._failed(f"not analysed: {function}: {name}: {problem}".splitlines()[0], line) from problem
        for cfg in lowering.cfg.walk_nested():
            self.scopes[cfg.name] = tree
            self.work.ops += len(cfg.ops)
        self.work.scopes += 1
        self.work.parsed = 1
        return lowering.cfg

    def _failed(self, reason: str, line: int) -> NotAnalysed:
        problem = NotAnalysed(reason, line)
        self.problems.append(problem)
        return problem

    def _event(self, function: str) -> str:
        for entry in self.entries:
            if entry.function == function:
                return conventions.event_name(entry.node)
        return ""

    # facts

    def span(self, module: project.Module, function: str, node: object) -> Span:
        """The span of a node of a lowered function."""
        return self.scopes[function].span(node, self.source.lines)

    def survey(self) -> ModuleFacts:
        """The facts of the module, from its candidate scopes."""
        tree = self.source.tree
        self.entries = conventions.handlers(tree)
        found = gate.candidates(self.names, self.outline, self.catalogue)
        if not found.leaking:
            self.work.gated = 1
            return self._facts(())
        self.reachable = conventions.reachable(tree, [entry.function for entry in self.entries])
        self.module.gives = found.giving
        self.module.variables = self.names.bound - self.outline.functions.keys() - self.outline.classes.keys()
        summaries = Summaries(self.catalogue, project.Project())
        around = survey.Surroundings(
            self.span, lambda span: self.source.text[span.start : span.end], self._in_handler, self._read_by_functions
        )
        collected: list[Site] = []
        order = [MODULE, *self.outline.functions]
        for name in (n for n in order if n in found.leaking):
            graph = self.module.graph(name)
            if graph is None:
                continue
            for cfg in graph.walk_nested():
                try:
                    collected.extend(survey.sites(self.module, cfg, summaries, around))
                except BudgetExceeded:
                    self._failed(f"not analysed: {cfg.name} has too many paths", self._line_of(name))
                except RecursionError:
                    self._failed(f"not analysed: {cfg.name} nests too deeply", self._line_of(name))
        self.work.states += summaries.states
        return self._facts(tuple(sorted(collected, key=lambda site: (site.span, site.part))))

    def _line_of(self, function: str) -> int:
        info = self.outline.functions.get(function)
        return info.node.lineno if info is not None else 1

    def _facts(self, found: tuple[Site, ...]) -> ModuleFacts:
        lines = self.source.lines
        handlers = tuple(
            Handler(e.function, Span(lines.offset(e.node.lineno, e.node.col_offset), lines.offset(e.node.lineno, 0)),
                    e.reason)
            for e in self.entries
        )  # fmt: skip
        return ModuleFacts(self.path, found, handlers, tuple(lines.starts))

    def _in_handler(self, function: str) -> bool:
        if function == MODULE:
            return bool(self.entries)
        plain = function.replace(".<locals>", "").partition(".<lambda>")[0].partition("#")[0]
        return plain in self.reachable

    def _read_by_functions(self, name: str) -> bool:
        return ops.root_of(name) in self.outline.read

    # findings

    def judge(self, settings: Settings) -> Outcome:
        """Run the rules, drop what comments suppress, and word the rest."""
        found = self.survey()
        drafts = [(rule, draft) for rule in RULES if rule.code != UNUSED_SUPPRESSION for draft in rule.check(found)]
        kept: list[tuple[Rule, Draft]] = []
        met: list[tuple[str, int, int]] = []
        for rule, draft in drafts:
            first, last = self._statement_lines(draft.where)
            if comments.suppresses(self.comments, rule.code, first, last):
                met.append((rule.code, first, last))
            else:
                kept.append((rule, draft))
        if self.has_comments:
            kept.extend(self._unused(found, met, settings))
        findings = [self._finding(rule, draft) for rule, draft in kept]
        findings.sort(key=lambda finding: (finding.location, finding.rule))
        shown = select.shown(fingerprinted(findings, self.source.lines.line), settings)
        text = self.source.text if shown else ""
        if self.problems:
            first_problem = self.problems[0]
            return Failed(self.path, first_problem.reason, first_problem.line, shown, len(met), text, self.work)
        return Checked(self.path, shown, len(met), text, self.work)

    def _unused(
        self, found: ModuleFacts, met: list[tuple[str, int, int]], settings: Settings
    ) -> Iterator[tuple[Rule, Draft]]:
        codes = {rule.code for rule in RULES}
        ran = {code for code in codes if select.selected(code, settings)}
        lines = self.source.lines
        unused = tuple(
            facts.Unused(
                Span(lines.starts[u.line - 1] + u.column - 1, lines.starts[u.line - 1] + u.end_column - 1), u.detail
            )
            for u in comments.unused(self.comments, met, codes, ran)
        )
        rule = next(rule for rule in RULES if rule.code == UNUSED_SUPPRESSION)
        for draft in rule.check(replace(found, unused=unused)):
            first, last = self._statement_lines(draft.where)
            if not comments.suppresses(self.comments, rule.code, first, last):
                yield rule, draft

    def _statement_lines(self, span: Span) -> tuple[int, int]:
        """The lines of the innermost simple statement (or header) around a span."""
        first = self.source.lines.position(span.start)[0]
        last = self.source.lines.position(max(span.start, span.end - 1))[0]
        node = _statement_at(self.source.tree, first)
        if node is not None:
            body = getattr(node, "body", None)
            end = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or last
            first, last = min(first, node.lineno), max(last, end)
        return first, last

    def _finding(self, rule: Rule, draft: Draft) -> Finding:
        site = draft.site
        return Finding(
            rule=rule.code,
            name=rule.name,
            message=draft.message,
            location=self._location(draft.where),
            severity=severity.severity(site, draft.leak, rule.code),
            confidence=draft.confidence,
            resource=site.resource.id if site is not None else "",
            function=site.function.replace(".<locals>", "") if site is not None else "<module>",
            handler=site.handler if site is not None else False,
            steps=tuple(Step(self._location(span), message) for span, message in draft.steps),
            help=draft.help,
        )

    def _location(self, span: Span) -> Location:
        line, column = self.source.lines.position(span.start)
        end_line, end_column = self.source.lines.position(span.end)
        return Location(self.path, line, column, end_line, end_column)


def _methods(node: ast.ClassDef) -> frozenset[str]:
    return frozenset(n.name for n in ast.walk(node) if isinstance(n, FunctionNode))


def _statement_at(tree: ast.AST, line: int) -> ast.stmt | None:
    """The innermost statement whose lines include `line`."""
    found: ast.stmt | None = None
    body: list[ast.AST] = list(ast.iter_child_nodes(tree))
    while body:
        node = body.pop()
        if isinstance(node, ast.stmt):
            start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            if not start <= line <= (node.end_lineno or node.lineno):
                continue
            found = node
            body = list(ast.iter_child_nodes(node))
        elif isinstance(node, ast.ExceptHandler | ast.match_case):
            body.extend(ast.iter_child_nodes(node))
    return found
