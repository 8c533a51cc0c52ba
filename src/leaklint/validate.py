"""What must hold of a file after a fix: each check returns what is wrong, as a clause, or an empty string."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from leaklint.edit import Edit
from leaklint.finding import Finding
from leaklint.syntax.lines import Lines
from leaklint.syntax.names import FunctionNode, bound_names
from leaklint.syntax.outline import MODULE

RELEASE_NOT_CALLED = "LL106"


def text(
    before: str,
    after: str,
    edits: Sequence[Edit],
    *,
    comments: bool = True,
    moved: Collection[str] = (),
    gained: Collection[str] = (),
) -> str:
    """Check the text of a file: it compiles, has the comments that it had, and the statements that no edit touches.

    Every scope binds what it bound, but for what the fixes say: variables ``moved`` from the module to a function, and
    methods that a class has ``gained``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old, new = ast.parse(before), ast.parse(after)
            compile(after, "<fixed>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as problem:
        return f"the result would not compile ({getattr(problem, 'msg', problem)})"
    except (RecursionError, MemoryError):
        return "the result nests too deeply"
    try:
        if comments and sorted(_comments(before)) != sorted(_comments(after)):
            return "a comment would be lost"
        if lost := _lost(_statements(old, before, edits), _statements(new, after, ())):
            return f"a statement would change that is not part of it ({lost[:60]})"
        return _names(old, new, frozenset(moved), frozenset(gained))
    except RecursionError:
        return "the code nests too deeply"


def findings(before: Sequence[Finding], after: Sequence[Finding], fixed: Sequence[Finding]) -> str:
    """Check the findings of a file: those that were fixed are gone, and there is none that was not there.

    Where a class has gained a release, the objects of it that nobody releases are findings from then on.
    """
    old, new = Counter(map(_place, before)), Counter(map(_place, after))
    for finding in fixed:
        old[_place(finding)] -= finding.rule != RELEASE_NOT_CALLED
    for place, count in new.items():
        if count > old[place] and not any(_is_owed(place, finding) for finding in fixed):
            rule = next(f.rule for f in after if _place(f) == place)
            gone = any(_place(finding) == place for finding in fixed)
            return f"the finding would still be there ({rule})" if gone else f"a finding would come ({rule})"
    return ""


def _is_owed(place: tuple[str, str, str], fixed: Finding) -> bool:
    """Whether a new finding is of an object whose class the fix has given a release."""
    if fixed.fix is None or not fixed.fix.gained:
        return False
    _, function, resource = place
    owner = fixed.fix.gained[0].rpartition(".")[0]
    return resource == fixed.resource and not function.startswith(f"{owner}.")


def _place(finding: Finding) -> tuple[str, str, str]:
    family = finding.rule[:3] if finding.rule.startswith("LL1") else finding.rule
    return family, finding.function, finding.resource


def _comments(source: str) -> list[str]:
    lines = io.StringIO(source.replace("\r\n", "\n").replace("\r", "\n")).readline
    return [token.string for token in tokenize.generate_tokens(lines) if token.type == tokenize.COMMENT]


_SIMPLE = (
    ast.Expr, ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return, ast.Raise, ast.Assert, ast.Delete, ast.Pass,
    ast.Global, ast.Nonlocal, ast.Break, ast.Continue, ast.Import, ast.ImportFrom,
)  # fmt: skip


_TRANSPARENT = (ast.With, ast.AsyncWith, ast.Try, getattr(ast, "TryStar", ast.Try))
"""blocks that a fix may put around statements: they run once and in order, with them as without"""


def _lost(old: Sequence[tuple[str, str]], new: Sequence[tuple[str, str]]) -> str:
    """The first statement that is not found again behind those before it; empty where all are."""
    following = iter(new)  # each search goes on where the one before it has ended
    return next((statement for statement, text in old if (statement, text) not in following), "")


def _statements(tree: ast.Module, source: str, edits: Sequence[Edit]) -> list[tuple[str, str]]:
    """The simple statements that no edit changes, in their order: each as a text that positions do not matter for, and
    the branches, loops, handlers and scopes in which it stands."""
    lines = Lines(source)
    touching = sorted((e.start, e.end) for e in edits if e.text.strip() or e.end > e.start)
    found: list[tuple[str, str]] = []
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, _SIMPLE):
            start = lines.offset(node.lineno, node.col_offset)
            end = lines.offset(node.end_lineno or node.lineno, node.end_col_offset or 0)
            if not any((s < end and e > start) or start < s <= end or (s == e == start) for s, e in touching):
                found.append((ast.dump(node), around))
            continue
        for field, value in reversed(list(ast.iter_fields(node))):
            inner = around
            if not isinstance(node, _TRANSPARENT) or field == "handlers":
                inner = f"{around}/{type(node).__name__}.{field}"
            for child in reversed(value) if isinstance(value, list) else ():
                if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
                    waiting.append((child, inner))
    return found


def _names(old: ast.Module, new: ast.Module, moved: frozenset[str], gained: frozenset[str]) -> str:
    """Check what each scope binds: all that it bound, and beyond that only names that were not in it."""
    kept = [scope for scope in _scopes(new) if scope[0] not in gained]
    known_scopes = list(_scopes(old))
    if [scope[0] for scope in known_scopes] != [scope[0] for scope in kept]:
        return "a scope would change"
    for (name, before, known), (_, after, _) in zip(known_scopes, kept, strict=True):
        if lost := before - after - (moved if name == MODULE else frozenset()):
            return f"`{min(lost)}` would no longer be bound in `{name}`"
        announced = moved | {method.rpartition(".")[2] for method in gained if method.rpartition(".")[0] == name}
        if added := ((after - before) & known) - announced:
            return f"`{min(added)}` would become a variable of `{name}`"
    return ""


def _scopes(tree: ast.Module) -> Iterator[tuple[str, set[str], set[str]]]:
    """The qualified name of each scope, what it binds, and every name in it, in the order of their positions."""
    yield MODULE, bound_names(tree.body), _mentioned(tree)
    found: list[tuple[int, int, str, ast.AST, set[str]]] = []
    waiting: list[tuple[str, ast.AST]] = [("", tree)]
    while waiting:
        around, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            name = around
            if isinstance(child, FunctionNode | ast.ClassDef):
                name = f"{around}.{child.name}".lstrip(".")
                found.append((child.lineno, child.col_offset, name, child, bound_names(child.body)))
            waiting.append((name, child))
    for _, _, name, node, bound in sorted(found, key=lambda scope: scope[:2]):
        yield name, bound, _mentioned(node)


def _mentioned(node: ast.AST) -> set[str]:
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
