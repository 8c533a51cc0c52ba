"""The mutators: each yields modules in which one acquiring call of a correct function leaks."""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.mutation.cases import Case

Mutator = Callable[[ast.Module], "Iterator[tuple[ast.Call, ast.Module]]"]
"""from a module to copies of it that leak what the call (of the copy) acquires"""
BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True, slots=True)
class Mutant:
    """A broken function: ``line`` (1-based) acquires what leaks."""

    case: str
    mutator: str
    source: str
    line: int


def mutants(case: Case) -> Iterator[Mutant]:
    """Every mutant of ``case``; those that equal another in text are left out."""
    seen: set[tuple[str, int]] = set()
    for mutator in MUTATORS:
        for call, tree in mutator(case.tree):
            source, line = _rendered(tree, call)
            if (source, line) not in seen:
                seen.add((source, line))
                yield Mutant(case.name, mutator.__name__, source, line)


def _rendered(tree: ast.Module, call: ast.Call) -> tuple[str, int]:
    """The text of ``tree``, and the line of ``call`` in it."""
    index = next(i for i, node in enumerate(ast.walk(tree)) if node is call)
    source = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        compile(source, "<mutant>", "exec")
    node = list(ast.walk(ast.parse(source)))[index]
    assert isinstance(node, ast.Call)
    return source, node.lineno


# finding one's way


def _acquiring(tree: ast.AST) -> list[Any]:
    return [node for node in ast.walk(tree) if hasattr(node, "acquires")]


def _contains(tree: ast.AST, node: ast.AST) -> bool:
    return any(n is node for n in ast.walk(tree))


def _call_named(tree: ast.AST, name: str, before: int) -> Any:
    """The last marked call that acquires ``name`` above line ``before``."""
    fitting = [call for call in _acquiring(tree) if call.acquires == name and call.lineno < before]
    return max(fitting, key=lambda call: call.lineno, default=None)


def _blocks(tree: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        for name in BLOCKS:
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield block


def _places(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    for block in _blocks(tree):
        for index in range(len(block)):
            yield block, index


def _each(tree: ast.Module, fits: Callable[[ast.stmt], bool]) -> Iterator[tuple[ast.Module, list[ast.stmt], int]]:
    """A fresh copy of ``tree`` for each statement that fits: the copy, the block and the index in it."""
    count = sum(fits(block[index]) for block, index in _places(tree))
    for number in range(count):
        made = copy.deepcopy(tree)
        block, index = [(b, i) for b, i in _places(made) if fits(b[i])][number]
        yield made, block, index


def _is_release(statement: ast.stmt) -> bool:
    return hasattr(statement, "releases")


def _released_call(tree: ast.Module, statement: Any) -> Any:
    return _call_named(tree, statement.releases, statement.lineno)


def _released_names(tree: ast.AST) -> set[str]:
    return {node.releases for node in ast.walk(tree) if hasattr(node, "releases")}


# the mutators


def unwrap_with(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``with open(p) as f: ...`` becomes ``f = open(p)`` and the block; ``closing`` around the call goes too."""

    def fits(statement: ast.stmt) -> bool:
        return isinstance(statement, (ast.With, ast.AsyncWith))

    for made, block, index in _each(tree, fits):
        statement: Any = block[index]
        for number in range(len(statement.items)):
            fresh = copy.deepcopy(made)
            place, at = next((b, i) for b, i in _places(fresh) if _same_place(b[i], statement))
            call = _unwrapped(fresh, place, at, number)
            if call is not None:
                yield call, fresh


def _same_place(one: ast.stmt, other: ast.stmt) -> bool:
    return type(one) is type(other) and (one.lineno, one.col_offset) == (other.lineno, other.col_offset)


def _unwrapped(tree: ast.Module, block: list[ast.stmt], index: int, number: int) -> Any:
    """Take item ``number`` out of the with statement; the call that leaks then, or None when it does not fit."""
    statement: Any = block[index]
    item = statement.items[number]
    calls = _acquiring(item.context_expr)
    before: list[ast.stmt] = []
    if calls:
        call = calls[0]
        before = [ast.Assign([item.optional_vars], call) if item.optional_vars is not None else ast.Expr(call)]
    elif isinstance(item.context_expr, ast.Name) and item.context_expr.id not in _released_names(tree):
        call = _call_named(tree, item.context_expr.id, statement.lineno)
    else:
        return None
    inner: list[ast.stmt] = statement.body
    rest, first = statement.items[number + 1 :], statement.items[:number]
    if rest:
        inner = [type(statement)(rest, inner)]
    inner = before + inner
    block[index : index + 1] = [type(statement)(first, inner)] if first else inner
    return call


def delete_release(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``f.close()`` becomes ``pass``."""
    for made, block, index in _each(tree, _is_release):
        call = _released_call(made, block[index])
        block[index] = ast.Pass()
        yield call, made


def uncalled_release(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``f.close()`` becomes ``f.close``."""

    def fits(statement: ast.stmt) -> bool:
        if not _is_release(statement) or not isinstance(statement, ast.Expr):
            return False
        call = statement.value
        return isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and not call.args

    for made, block, index in _each(tree, fits):
        statement: Any = block[index]
        call = _released_call(made, statement)
        statement.value = statement.value.func
        yield call, made


def unawaited_release(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``await f.aclose()`` becomes ``f.aclose()``."""

    def fits(statement: ast.stmt) -> bool:
        return _is_release(statement) and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Await)

    for made, block, index in _each(tree, fits):
        statement: Any = block[index]
        call = _released_call(made, statement)
        statement.value = statement.value.value
        yield call, made


def _releasing_finally(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Try) and any(_released_names(s) for s in statement.finalbody)


def _finally_call(tree: ast.Module, statement: Any) -> Any:
    release = next(n for s in statement.finalbody for n in ast.walk(s) if hasattr(n, "releases"))
    return _released_call(tree, release)


def release_after_try(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """The release moves from ``finally`` to the end of the try body."""
    for made, block, index in _each(tree, _releasing_finally):
        statement: Any = block[index]
        call = _finally_call(made, statement)
        statement.body += statement.finalbody
        statement.finalbody = []
        if not statement.handlers:
            block[index : index + 1] = statement.body
        yield call, made


def release_in_handler(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``finally: f.close()`` becomes ``except ValueError: f.close(); raise``."""
    for made, block, index in _each(tree, _releasing_finally):
        statement: Any = block[index]
        call = _finally_call(made, statement)
        statement.handlers.append(
            ast.ExceptHandler(ast.Name("ValueError", ast.Load()), None, [*statement.finalbody, ast.Raise()])
        )
        statement.finalbody = []
        yield call, made


def _assigns(statement: ast.stmt) -> Any:
    """The marked call whose plain result ``statement`` assigns, awaited or not; else None."""
    if not isinstance(statement, ast.Assign):
        return None
    value = statement.value.value if isinstance(statement.value, ast.Await) else statement.value
    return value if hasattr(value, "acquires") else None


def early_return(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """A conditional return right after the acquisition, where no finally sees it."""
    for made, block, index in _each(tree, lambda s: _assigns(s) is not None):
        call = _assigns(block[index])
        guarded = any(
            _releasing_finally(node) and any(_contains(s, call) for s in node.body)
            for node in ast.walk(made)
            if isinstance(node, ast.Try)
        )
        if not guarded:
            block.insert(index + 1, ast.If(ast.Name("DRY_RUN", ast.Load()), [ast.Return(None)], []))
            yield call, made


def rebind_in_loop(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """The acquisition runs twice under the same name."""
    for made, block, index in _each(tree, lambda s: _assigns(s) is not None):
        call = _assigns(block[index])
        turns = ast.Tuple([ast.Constant(1), ast.Constant(2)], ast.Load())
        block[index] = ast.For(ast.Name("turn", ast.Store()), turns, [block[index]], [])
        yield call, made


def drop_wrapper(tree: ast.Module) -> Iterator[tuple[ast.Call, ast.Module]]:
    """``with closing(connect(p)) as c`` becomes ``with connect(p) as c`` where that does not release;
    ``stack.enter_context(open(p))`` becomes ``open(p)``."""
    for number in range(len(_acquiring(tree))):
        made = copy.deepcopy(tree)
        call = _acquiring(made)[number]
        for node in ast.walk(made):
            if isinstance(node, ast.withitem) and call.keeps and _contains(node.context_expr, call):
                node.context_expr = call
                yield call, made
            elif isinstance(node, ast.Assign) and "enter_" in ast.unparse(node.value) and _contains(node.value, call):
                node.value = call
                yield call, made


MUTATORS: tuple[Mutator, ...] = (
    unwrap_with, delete_release, uncalled_release, unawaited_release, release_after_try, release_in_handler,
    early_return, rebind_in_loop, drop_wrapper,
)  # fmt: skip
