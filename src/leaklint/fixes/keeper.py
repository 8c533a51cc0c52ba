"""What is to guard a resource, by the facts of the catalogue: a ``with``, ``closing``, or a ``finally``."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from enum import Enum

from leaklint.catalogue.model import Exit, Resource, Step
from leaklint.edit import Applicability
from leaklint.fixes.code import Code, Refused

UNSAFE_KINDS = frozenset({"executor", "pool", "process", "loop", "server"})
"""kinds whose release waits for work, ends it, or ends what others still use"""
OTHER_KINDS = frozenset({"registration", "temp-path", "thread", "logging-handler"})
"""kinds that no block can keep: what they leave is to stay, or is removed elsewhere"""


class Form(Enum):
    """How the guard is written."""

    WITH = "with"
    ASYNC_WITH = "async with"
    CLOSING = "with closing"
    FINALLY = "try/finally"


@dataclass(frozen=True, slots=True)
class Keeper:
    """The guard: its form, and the steps of the release that a ``finally`` takes."""

    form: Form
    release: tuple[Step, ...]
    applicability: Applicability
    again: bool
    """a second release does no harm"""

    def head(self, expression: str, closing: str) -> str:
        """The context manager over an expression; ``closing`` is how the file spells it."""
        return f"{closing}({expression})" if self.form is Form.CLOSING else expression

    @property
    def keyword(self) -> str:
        """``with`` or ``async with``."""
        return "async with" if self.form is Form.ASYNC_WITH else "with"


def choose(
    resource: Resource, code: Code, node: ast.AST, *, awaited: bool = False, call: ast.Call | None = None
) -> Keeper:
    """The guard for a resource that is acquired at `node`, by `call` where that stands elsewhere. Raises Refused.

    A plain ``with`` only where leaving it does exactly what the release does: not where it commits or waits besides.
    """
    if resource.kind in OTHER_KINDS:
        raise Refused(f"no block can keep a {resource.noun}")
    scope = code.scope(node)
    asynchronous = isinstance(scope, ast.AsyncFunctionDef)
    release = resource.release[0] if resource.release else ()
    waits = resource.kind in UNSAFE_KINDS or resource.runs or Exit.TERMINATES in (resource.with_, resource.async_with)
    applicability = Applicability.UNSAFE if waits or resource.with_also.startswith("waits") else Applicability.SAFE
    again = resource.again == "ok"

    def keeper(form: Form) -> Keeper:
        return Keeper(form, release, applicability, again)

    plain = resource.enter == "self" and len(release) <= 1 and not any(step.form == "owner" for step in release)
    if (
        resource.with_ is Exit.RELEASES
        and plain
        and (not resource.with_also or _only_closes(resource, code, call or node))
    ):
        return keeper(Form.WITH)
    if resource.with_ is Exit.RELEASES and resource.enter == "self" and resource.with_also.startswith("waits"):
        return keeper(Form.WITH)
    if resource.async_with is Exit.RELEASES and plain and not resource.with_also and asynchronous and not awaited:
        return keeper(Form.ASYNC_WITH)
    if not release:
        raise Refused(f"nothing but its own `with` releases a {resource.noun}")
    if any(step.awaited for step in release) and not asynchronous:
        raise Refused("its release must be awaited, and the function is not async")
    if [(step.call, step.form, step.awaited) for step in release] == [("close", "method", False)]:
        return keeper(Form.CLOSING)
    return keeper(Form.FINALLY)


def _only_closes(resource: Resource, code: Code, node: ast.AST) -> bool:
    """Whether a call makes an object of a class of this file whose ``__enter__`` gives the object, and whose
    ``__exit__`` calls its release, and both do nothing else."""
    name = resource.type.partition(":")[2]
    classes = [n for n in code.tree.body if isinstance(n, ast.ClassDef) and n.name == name]
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name) or not classes:
        return False
    methods = {n.name: n for n in classes[-1].body if isinstance(n, ast.FunctionDef)}
    bodies = [methods[n].body if n in methods else [] for n in ("__enter__", "__exit__")]
    texts = [ast.unparse(body[0]) if len(body) == 1 else "" for body in bodies]
    return texts == ["return self", f"self.{resource.release[0][0].call}()"] and len(classes) == 1


def release_code(steps: tuple[Step, ...], handle: str, owner: str) -> list[str]:
    """The statements that release what `handle` names; `owner` is what gave it out. Raises Refused."""
    lines = []
    for step in steps:
        if step.form == "owner" and not owner:
            raise Refused("what it must be given back to has no plain name")
        if step.form == "method":
            call = f"{handle}.{step.call}()"
        elif step.form == "function":
            call = f"{step.call}({handle})"
        else:
            call = f"{owner}.{step.call}({handle})"
        lines.append(f"await {call}" if step.awaited else call)
    return lines


def is_release(statement: ast.stmt, handle: str, resource: Resource, code: Code) -> bool:
    """Whether a statement is one call that releases what the variable `handle` holds, and nothing else."""
    if not isinstance(statement, ast.Expr):
        return False
    return is_release_call(statement.value, handle, resource, code)


def is_release_call(value: ast.expr, handle: str, resource: Resource, code: Code) -> bool:
    """Whether an expression is a call that releases what the variable `handle` holds."""
    awaited = isinstance(value, ast.Await)
    if isinstance(value, ast.Await):
        value = value.value
    if not isinstance(value, ast.Call) or value.keywords:
        return False
    for alternative in resource.release:
        if len(alternative) != 1 or alternative[0].awaited != awaited:
            continue
        step = alternative[0]
        if step.form == "method":
            if not value.args and _spelled(value.func) == f"{handle}.{step.call}":
                return True
        elif len(value.args) == 1 and isinstance(value.args[0], ast.Name) and value.args[0].id == handle:
            if step.form == "function" and code.dotted(value.func) == step.call:
                return True
            if step.form == "owner" and isinstance(value.func, ast.Attribute) and value.func.attr == step.call:
                return True
    return False


def _spelled(node: ast.expr) -> str:
    try:
        return ast.unparse(node) if isinstance(node, ast.Attribute) else ""
    except RecursionError:
        return ""
