"""Under which circumstances the code of one file runs: in which handlers, how often, in what kind of sandbox."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from leaklint.analysis import caching, growth, lasting, slots
from leaklint.analysis.facts import Budget, Cached, Growth, LeakExit, Restored, Site
from leaklint.catalogue.model import Effect, Tier
from leaklint.deployment import Deployment
from leaklint.edit import Span
from leaklint.finding import Confidence
from leaklint.handlers import conventions
from leaklint.rules import verdict
from leaklint.syntax.nodes import walk
from leaklint.syntax.outline import MODULE
from leaklint.unit import Unit, is_script, works_when_run

_OF_POOLS = frozenset({"checkout", "pool"})
"""kinds that run out by limits of their own before descriptors do"""
_HOOKS = frozenset({"register_after_restore", "register_before_snapshot"})
"""functions of ``snapshot_restore_py``: what they register, the runtime calls around a snapshot"""


@dataclass(eq=False)
class Circumstances:
    """What a file's own text and the templates of its project say of how it runs."""

    unit: Unit
    _reach: dict[str, frozenset[str]] = field(default_factory=dict)
    """the functions that each handler reaches"""

    @cached_property
    def deployment(self) -> Deployment:
        """How the project deploys the file."""
        return self.unit.deployed()

    @cached_property
    def reached(self) -> frozenset[str]:
        """The functions that the handlers of the file reach."""
        return frozenset().union(*(self._reached_from(entry.function) for entry in self.unit.handlers))

    def _reached_from(self, function: str) -> frozenset[str]:
        known = self._reach.get(function)
        if known is None:
            known = self._reach[function] = conventions.reachable(self.unit.source.tree, [function])
        return known

    def in_handler(self, function: str) -> bool:
        """Whether a function, or the module's own code, is handler code."""
        if function == MODULE:
            return bool(self.unit.handlers)
        return plain(function) in self.reached or self.unit.is_helper

    @cached_property
    def code(self) -> lasting.Code | None:
        """The code that a handler reaches for sure; None when there is none."""
        unit = self.unit
        entries = frozenset(entry.function for entry in unit.handlers if conventions.is_firm(entry))
        return self._code(entries) if entries else None

    def _code(self, entries: frozenset[str]) -> lasting.Code:
        """The module, with the code that these functions reach."""
        unit = self.unit
        functions = {name.replace(".<locals>", ""): f.node for name, f in unit.outline.functions.items()}
        infos = unit.module.functions.values()
        return lasting.Code(
            unit.source.tree,
            functions,
            unit.module.variables,
            frozenset().union(*map(self._reached_from, entries)),
            entries,
            frozenset(
                info.name.replace(".<locals>", "") for info in infos if self._has(info.decorators, Effect.CACHES)
            ),
            unit.catalogue.asking,
        )

    def _has(self, names: Iterable[str], effect: Effect) -> bool:
        known = (self.unit.catalogue.functions.get(name) for name in names)
        return any(function is not None and function.effect is effect for function in known)

    def growths(self) -> tuple[Growth, ...]:
        """The module-level containers that handlers only add to."""
        if not growth.makes_containers(self.unit.source.tree) or self.code is None:
            return ()
        return tuple(growth.growths(self.code, self._is_unique, self._span))

    def _is_unique(self, node: ast.expr) -> bool:
        """Whether an expression is a call, or an attribute, that never has the same value twice."""
        node = node.func if isinstance(node, ast.Call) else node
        names = [self.unit.names.dotted(node)]
        if isinstance(node, ast.Attribute):
            names.append(f"*.{node.attr}")
        return self._has(names, Effect.UNIQUE)

    def _span(self, node: ast.AST) -> Span:
        assert isinstance(node, ast.expr | ast.stmt)
        lines = self.unit.source.lines
        last = node.end_lineno or node.lineno
        return Span(lines.offset(node.lineno, node.col_offset), lines.offset(last, node.end_col_offset or 0))

    @cached_property
    def caching(self) -> caching.Caching:
        """What the module keeps for the next invocations."""
        code = self._code(frozenset(entry.function for entry in self.unit.handlers))
        owners = {name.replace(".<locals>", ""): f.owner for name, f in self.unit.outline.functions.items()}
        module = slots.Module(code, owners, self.unit.names.dotted)
        runs_again = bool(code.entries) or not is_script(self.unit.source.tree)
        return caching.Caching(module, lambda name: self._has((name,), Effect.CLOSER), self._span, runs_again)

    @cached_property
    def _script(self) -> bool:
        """Whether the module is run for what its own code does, by nobody who comes again."""
        return not self.unit.handlers and works_when_run(self.unit.source.tree, self.unit.outline.functions)

    # sites

    def placed(self, sites: tuple[Site, ...]) -> tuple[Site, ...]:
        """The sites, each with what its circumstances add."""
        pythons = self.deployment.pythons
        once = None
        placed: list[Site] = []
        for site in sites:
            repeats = site.repeats
            if site.handler and not site.module_level and self.code is not None:
                once = once or lasting.lasting(self.code)
                function = plain(site.function)
                repeats = function in self.code.reached and not once.covers(function, self._line(site))
            cached = self._cached(site)
            placed.append(
                replace(
                    site,
                    resource=site.resource.on(pythons),
                    repeats=repeats,
                    provisioned=self._is_provisioned(site.function),
                    script=site.module_level and self._script,
                    unreached=self.deployment.outside and not self.unit.handlers,
                    cached=cached,
                    mitigations=(*site.mitigations, *(cached.mitigations if cached is not None else ())),
                )
            )
        budgets = self._budgets(placed)
        return tuple(replace(site, budget=budgets.get(site.span)) for site in placed)

    def _cached(self, site: Site) -> Cached | None:
        outlives = bool(site.stored) or site.module_level
        if not outlives or not verdict.is_kept(site.resource):
            return None
        try:
            return self.caching.cached(site)
        except RecursionError:
            self.unit.fail("nests too deeply to tell what is kept for the next invocation", self._line(site))
            return None

    def _line(self, site: Site) -> int:
        return self.unit.source.lines.position(site.span.start)[0]

    def _is_provisioned(self, function: str) -> bool:
        warm = [one for one in self.deployment.running if (one.provisioned or 0) > 0]
        if function == MODULE or not self.deployment.declared:
            return bool(warm) and (function == MODULE or self.unit.is_helper)
        return any(plain(function) in self._reached_from(one.function) for one in warm)

    def _budgets(self, sites: list[Site]) -> dict[Span, Budget]:
        """What each call surely loses for good, by the call: where nothing reclaims it, and every path leaks it."""
        found: dict[Span, Budget] = {}
        parts: dict[Span, set[str]] = {}
        for site in sites:
            resource = site.resource
            seen = parts.setdefault(site.span, set())
            lost = (
                site.repeats
                and site.part not in seen
                and resource.tier is Tier.G0
                and resource.kind not in _OF_POOLS
                and resource.evidence == "measured"
                and resource.descriptors > 0
            )
            seen.add(site.part)
            judged = verdict.judge(site) if lost else None
            if judged is None or judged.confidence is not Confidence.CERTAIN:
                continue
            if judged.leak.exit is not LeakExit.RAISE:
                known = found.get(site.span)
                amount = resource.descriptors + (known.descriptors if known is not None else 0)
                found[site.span] = Budget(amount, self._occasion(site))
        return found

    def _occasion(self, site: Site) -> str:
        if site.in_loop:
            return "per turn of the loop"
        entry = next((e for e in self.unit.handlers if e.function == site.function), None)
        line = self._line(site)
        always = entry is not None and any(s.lineno <= line <= (s.end_lineno or 0) for s in _straight(entry.node.body))
        return "per invocation" if always else "each time"

    # SnapStart

    @cached_property
    def restored(self) -> Restored | None:
        """What SnapStart makes of what the module opens at import; None where it is not switched on."""
        declared = [one for one in self.deployment.declared if one.snapstart]
        beside = [one for one in self.deployment.beside if one.snapstart]
        if not declared and not (beside and self.unit.is_helper):
            return None
        first = (declared or beside)[0]
        return Restored(first.template, first.template_line, first.function, bool(declared), self._renewed())

    def _renewed(self) -> frozenset[str]:
        """The names that hooks around the snapshot deal with."""
        found: set[str] = set()
        tree = self.unit.source.tree
        for node in walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                if any(self._is_hook(d.func if isinstance(d, ast.Call) else d) for d in node.decorator_list):
                    found.update(self._mentioned([node.name]))
            elif isinstance(node, ast.Call) and self._is_hook(node.func):
                names = {inner.id for arg in node.args for inner in walk(arg) if isinstance(inner, ast.Name)}
                found |= names
                found.update(self._mentioned(names))
        return frozenset(found)

    def _is_hook(self, node: ast.expr) -> bool:
        module, _, name = self.unit.names.dotted(node).rpartition(".")
        return name in _HOOKS and module.partition(".")[0] == "snapshot_restore_py"

    def _mentioned(self, functions: Iterable[str]) -> Iterator[str]:
        by_name = {name.replace(".<locals>", ""): f.node for name, f in self.unit.outline.functions.items()}
        for name in conventions.reachable(self.unit.source.tree, functions):
            if name in by_name:
                yield from (inner.id for inner in walk(by_name[name]) if isinstance(inner, ast.Name))


def plain(function: str) -> str:
    """The dotted name under which reachability knows a function, or the one around a lambda."""
    return function.replace(".<locals>", "").partition(".<lambda>")[0].partition("#")[0]


def _straight(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The simple statements that every run of a body comes to unless it leaves before: no branch, no loop."""
    for statement in body:
        if isinstance(statement, ast.With | ast.AsyncWith | ast.Try):
            yield from _straight(statement.body)
        elif isinstance(statement, ast.Return | ast.Raise):
            yield statement
            return
        elif not hasattr(statement, "body") and not isinstance(statement, ast.Match):
            yield statement
        elif any(isinstance(inner, ast.Return | ast.Raise) for inner in walk(statement)):
            return
