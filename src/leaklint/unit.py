"""One file as the analysis needs it: decoded, parsed, outlined, and lowered scope by scope when asked."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from leaklint.analysis import project
from leaklint.catalogue.model import Catalogue, Effect
from leaklint.deployment import ALONE, Deployment
from leaklint.edit import Span
from leaklint.flow.cfg import Cfg, TooLarge
from leaklint.flow.scope import Scope
from leaklint.handlers import conventions, in_module
from leaklint.result import Work
from leaklint.syntax import gate
from leaklint.syntax.names import (
    FunctionNode,
    Names,
    assignments,
    dotted,
    function_bindings,
    literal_defaults,
    module_names,
)
from leaklint.syntax.outline import MODULE, Outline, outline
from leaklint.syntax.source import Source, TooDeep
from leaklint.syntax.words import HOPS

if TYPE_CHECKING:
    from leaklint.syntax.scopes import ScopeTree


class NotAnalysed(Exception):
    """The file, or a part of it, cannot be analysed: `reason` says why, `line` is 1-based or 0."""

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


def encode(text: str, like: bytes) -> bytes:
    """The bytes of a file with this text, in the encoding of one with the bytes ``like``. Raises UnicodeEncodeError."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(like).readline)
    return text.encode(encoding)


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


def is_script(tree: ast.Module) -> bool:
    """Whether a module does something of its own when it is run."""
    return any(
        isinstance(node, ast.If)
        and any(isinstance(part, ast.Constant) and part.value == "__main__" for part in ast.walk(node.test))
        for node in tree.body
    )


def works_when_run(tree: ast.Module, functions: Collection[str]) -> bool:
    """Whether the module's own code does the work: it calls its ``main``, or others of its `functions` in a loop."""
    wanted = frozenset(functions)
    for node in tree.body:
        names = wanted if isinstance(node, ast.For | ast.While) else wanted & {"main"}
        if names and isinstance(node, ast.Expr | ast.For | ast.While):
            calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
            if any(isinstance(called, ast.Name) and called.id in names for called in calls):
                return True
    return False


def _gone(function: str) -> Cfg:
    raise KeyError(function)


def unchanged(name: str) -> str:
    """The dotted name itself: what a file without a project makes of names."""
    return name


@dataclass(eq=False, slots=True)
class Unit:
    """One file. `follow` resolves a dotted name through the project's re-exports."""

    path: str
    """as findings print it"""
    source: Source
    names: Names
    outline: Outline
    catalogue: Catalogue
    work: Work
    numbers: tuple[int, ...] = ()
    """the lines of the file that hold its text, where that is a part of the file"""
    digest: int = 0
    """hash of its bytes"""
    real: str = ""
    """its real path, once a workspace has adopted it"""
    follow: Callable[[str], str] = unchanged
    variable: Callable[[str], str] = lambda name: ""
    """the beginning of a dotted name that is a variable of another module, in which something known is kept"""
    gives_elsewhere: Callable[[str, int], bool] = lambda name, hops: False
    """whether a dotted name is a function of another module of the project that may give a resource, in so many hops"""
    used_by: Callable[[str], str] = lambda name: ""
    """the path of a file near by that uses a name of the module, or an empty string"""
    deployed: Callable[[], Deployment] = lambda: ALONE
    """how the project deploys the file; asked only where it matters, since all templates are read for it"""
    scopes: dict[str, ScopeTree] = field(default_factory=dict)
    """the scope tree that holds the nodes of a graph, by the graph's name"""
    problems: list[NotAnalysed] = field(default_factory=list)
    module: project.Module = field(init=False)
    _candidates: dict[int, gate.Candidates] = field(default_factory=dict)
    _wanted: gate.Wanted | None = None
    _handlers: tuple[conventions.Entry, ...] | None = None

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
                f.abstract,
                frozenset(f.attributes),
                literal_defaults(f.node),
            )
            for name, f in self.outline.functions.items()
        }
        methods: dict[str, set[str]] = {}
        for f in self.outline.functions.values():
            methods.setdefault(f.owner, set()).add(f.node.name)
        classes = {
            name: project.ClassInfo(name, self._dotted_all(node.bases), frozenset(methods.get(name, ())))
            for name, node in self.outline.classes.items()
        }
        imports = {name: meanings[0] for name, meanings in self.names.meanings.items()}
        variables = self.names.bound - self.outline.functions.keys() - self.outline.classes.keys()
        self.module = project.Module(self.path, self.catalogue, functions, classes, self.lower, imports, variables)
        self.module.home = self
        self.module.gives = lambda: self.candidates().giving
        self.module.starred = self.names.starred

    @classmethod
    def open(cls, data: bytes, path: str, work: Work, catalogue: Catalogue) -> Unit:
        """Decode, parse and outline a file. Raises NotAnalysed."""
        text = decode(data)
        body = text[1:] if text.startswith("\ufeff") else text
        tree = parse(body)
        try:
            outlined = outline(tree)
            names = module_names(tree, outlined.imports, catalogue.prefixes.__contains__)
            return cls(path, Source(body, tree), names, outlined, catalogue, work, digest=hash(data))
        except RecursionError:
            raise NotAnalysed("too deeply nested to be analysed") from None

    def _decorators(self, node: FunctionNode) -> tuple[str, ...]:
        return self._dotted_all(d.func if isinstance(d, ast.Call) else d for d in node.decorator_list)

    def _dotted_all(self, nodes: Iterable[ast.expr]) -> tuple[str, ...]:
        return tuple(filter(None, (self.names.dotted(node) or dotted(node) for node in nodes)))

    def candidates(self, hops: int = HOPS) -> gate.Candidates:
        """The scopes worth being lowered, where other modules hand resources on through at most `hops` modules."""
        known = self._candidates.get(hops)
        if known is None:
            if self._wanted is None:
                self._wanted = gate.wanted_of(self.names, self.catalogue, self.follow)
            known = self._candidates[hops] = gate.candidates(
                self._wanted,
                self.outline,
                lambda name: self.gives_elsewhere(name, hops - 1),
                lambda: bool(self.handlers),
            )
        return known

    def kept(self, is_class: Callable[[str], bool]) -> Iterator[str]:
        """The variables of the module that are assigned what the catalogue knows, or an object of a project's class."""
        known = (self.catalogue.acquirers, self.catalogue.makers)
        for node in assignments(self.source.tree.body):
            func = node.value.func if isinstance(node.value, ast.Call) else None
            name = self.names.dotted(func) if func is not None else ""
            own = isinstance(func, ast.Name) and func.id in self.outline.classes
            if own or (name and (any(self.follow(name) in names for names in known) or is_class(name))):
                yield from (target.id for target in node.targets if isinstance(target, ast.Name))

    @property
    def handlers(self) -> tuple[conventions.Entry, ...]:
        """The Lambda handlers: functions that the project declares, then those that the file shows to be ones."""
        if self._handlers is None:
            deployment = self.deployed()
            found: dict[str, conventions.Entry] = {}
            for one in deployment.declared:
                outlined = self.outline.functions.get(one.function)
                if outlined is not None:
                    entry = conventions.Entry(one.function, one.reason, outlined.node, one.source)
                    found.setdefault(one.function, entry)
            for entry in in_module(self.source.tree, self.names) if deployment.signatures else ():
                found.setdefault(entry.function, entry)
            self._handlers = tuple(sorted(found.values(), key=lambda entry: entry.node.lineno))
        return self._handlers

    @property
    def is_helper(self) -> bool:
        """Whether the file is deployed beside handlers and has none: who calls its functions stands elsewhere."""
        deployed = self.deployed()
        return bool(deployed.beside or deployed.layered) and not self.handlers and not is_script(self.source.tree)

    def span(self, function: str, node: object) -> Span:
        """The span of a node of a lowered function."""
        return self.scopes[function].span(node, self.source.lines)

    def line_of(self, function: str) -> int:
        """The 1-based line of a function's definition."""
        info = self.outline.functions.get(function)
        return info.node.lineno if info is not None else 1

    def dispose(self) -> None:
        """Cut what ties the file and its module together, so that both go at once and not at a collection."""
        self.module.home = self.module.memo = None
        self.module.lower = _gone
        self.module.gives = frozenset
        self.module.forget()
        self.scopes.clear()

    def fail(self, reason: str, line: int) -> NotAnalysed:
        """Remember that a part could not be analysed."""
        problem = NotAnalysed(reason, line)
        self.problems.append(problem)
        return problem

    def lower(self, function: str) -> Cfg:
        """The graph of a function of this file; the scope that holds it is parsed when needed.

        Raises NotAnalysed (remembered in `problems`), KeyError for an unknown function.
        """
        from leaklint.flow.lower_statements import Statements

        line = self.line_of(function)
        try:
            tree, scope = self._scope(function)
            lowering = Statements(scope, self.catalogue, Cfg(function))
            lowering.functions = tree.functions()
            lowering.run(tree.node)
        except TooDeep as problem:
            raise self.fail(str(problem), problem.line) from None
        except TooLarge as problem:
            raise self.fail(f"{function}: {problem}", line) from None
        except (RecursionError, MemoryError):
            raise self.fail(f"{function} nests too deeply", line) from None
        except KeyError:
            raise
        except Exception as problem:
            name = type(problem).__name__
            raise self.fail(f"{function}: {name}: {problem}".splitlines()[0], line) from problem
        lowered = lowering.cfg
        # Frames hold the lowering that holds them: without this only a garbage collection would free the tree.
        vars(lowering).clear()
        for cfg in lowered.walk_nested():
            self.scopes[cfg.name] = tree
            self.work.ops += len(cfg.ops)
        self.work.scopes += 1
        self.work.parsed = 1
        return lowered

    def _scope(self, function: str) -> tuple[ScopeTree, Scope]:
        if function == MODULE:
            bound = self.names.bound | self.names.meanings.keys()
            return self.source.module(), Scope(
                function,
                frozenset(bound),
                module=True,
                texts=self.names.texts,
                resolve=self.names.resolve,
                follow=self.follow,
                variable=self.variable,
            )
        info = self.outline.functions[function]
        if info.outermost != function:
            self.module.graph(info.outermost)
            raise KeyError(function)
        bindings = function_bindings(info.node)
        effects = [self.catalogue.functions.get(name) for name in self._decorators(info.node)]
        return self.source.function(info.node), Scope(
            function,
            bindings.names,
            bindings.globals,
            bindings.nonlocals,
            event=next((conventions.event_name(e.node) for e in self.handlers if e.function == function), ""),
            yields_back=any(e is not None and e.effect in (Effect.GIVES_BACK, Effect.RESUMES) for e in effects),
            resumed=any(e is not None and e.effect is Effect.RESUMES for e in effects),
            imported=bindings.imports,
            texts=self.names.texts,
            resolve=self.names.resolve,
            follow=self.follow,
            variable=self.variable,
        )
