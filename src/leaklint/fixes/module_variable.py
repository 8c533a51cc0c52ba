"""A variable of the module that is to become one of a function: who uses it, by its name or otherwise."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from leaklint.analysis.fields import MAKING
from leaklint.fixes import known
from leaklint.fixes.code import Code, Refused, check_names, own_nodes
from leaklint.fixes.uses import root_of
from leaklint.syntax.names import FunctionNode, function_bindings, import_bindings
from leaklint.syntax.nodes import walk

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BY_TEXT = known.words("attrgetter delattr getattr hasattr object patch setattr")
"""the last names of functions that find an attribute of a module by its name"""


def user(code: Code, name: str, moved: Sequence[ast.stmt], handlers: Collection[str]) -> Function:
    """The one handler that uses a variable of the module, beside the statements that move. Raises Refused."""
    check_names(code, walk(code.tree))
    inside = {id(node) for statement in moved for node in walk(statement)}
    found: list[Function] = []
    for node in walk(code.tree):
        _check_names_of(code, node, name)
        if not (isinstance(node, ast.Name) and node.id == name) or id(node) in inside or is_local(code, node):
            continue
        function = _function(code, node)
        if function is None:
            line = code.lines.position(code.span(node).start)[0]
            raise Refused(f"`{name}` is used on line {line}, outside of a function")
        if function not in found:
            found.append(function)
    if not found:
        raise Refused(f"no function uses `{name}`")
    if len(found) > 1 or not {function.name for function in found} <= set(handlers):
        users = sorted({f"`{function.name}`" for function in found})
        two = " and ".join(users[:2]) if len(users) > 1 else f"two functions of the name {users[0]}"
        raise Refused(f"{two} use it" if len(found) > 1 else f"{users[0]} uses it, and is no handler")
    (function,) = found
    if name in function_bindings(function).names:
        raise Refused(f"`{name}` also means something else in `{function.name}`")
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in own_nodes(function)):
        raise Refused(f"`{function.name}` is a generator")
    if function in reached(code, function.body):
        raise Refused(f"`{function.name}` may be called while it runs")
    return function


def _check_names_of(code: Code, node: ast.AST, name: str) -> None:
    """Refuse what says or finds a variable of the module by its name."""
    if isinstance(node, ast.Global) and name in node.names:
        raise Refused(f"`{name}` is bound again by a function")
    if isinstance(node, ast.stmt) and _exports(node) and any(_is_text(n, name) for n in walk(node)):
        raise Refused(f"`__all__` names `{name}`")
    if isinstance(node, ast.Attribute) and code.dotted(node) == "sys.modules":
        raise Refused("`sys.modules` may reach it by its name")
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else root_of(node.func)
        by_keyword = called == "multiple" and any(keyword.arg == name for keyword in node.keywords)
        if by_keyword or (called in _BY_TEXT and any(_is_text(argument, name) for argument in node.args)):
            raise Refused(f"`{code.source(node.func)}` reaches `{name}` by its name")


def _exports(node: ast.stmt) -> bool:
    """Whether a statement says what a star import of the module gives."""
    match node:
        case ast.Assign(targets=[target, *_]) | ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return root_of(target) == "__all__"
        case ast.Expr(value=ast.Call(func=func)):
            return root_of(func) == "__all__"
        case _:
            return False


def _is_text(node: ast.AST, name: str) -> bool:
    """Whether a node is a text that says a name, alone or at the end of a dotted one."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and f".{node.value}".endswith(f".{name}")


def is_local(code: Code, node: ast.Name) -> bool:
    """Whether a function or a comprehension around a name has a variable of this name."""
    before: ast.AST = node
    inner: ast.AST = node
    for outer in code.ancestors(node):
        if isinstance(outer, _COMPREHENSIONS):
            first = outer.generators[0]
            targets = {n.id for g in outer.generators for n in walk(g.target) if isinstance(n, ast.Name)}
            # What the first part iterates is evaluated outside.
            own = targets if not (inner is first and before is first.iter) else set()
        elif isinstance(outer, ast.Lambda) and inner is outer.body:
            own = parameters_of(outer)
        elif isinstance(outer, FunctionNode) and inner in outer.body:
            own = {*parameters_of(outer), *stored_in(code, outer)}
        else:
            own = set()
        if node.id in own:
            return True
        before, inner = inner, outer
    return False


def parameters_of(node: Function | ast.Lambda) -> set[str]:
    """The names of the parameters of a function."""
    arguments = node.args
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in (*found, arguments.vararg, arguments.kwarg) if argument is not None}


def stored_in(code: Code, function: Function) -> Iterator[str]:
    """The names that a function binds, those of its comprehensions not among them."""
    for node in own_nodes(function):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            target: ast.AST = node
            while isinstance(code.parent(target), ast.Tuple | ast.List | ast.Starred):
                target = code.parent(target)
            if not isinstance(code.parent(target), ast.comprehension):
                yield node.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (local for local, _ in import_bindings(node))
        elif isinstance(node, FunctionNode | ast.ClassDef | ast.ExceptHandler | ast.MatchAs | ast.MatchStar):
            yield node.name or ""
        elif isinstance(node, ast.MatchMapping):
            yield node.rest or ""


def _function(code: Code, node: ast.AST) -> Function | None:
    """The function of the module in whose body a node stands, however deep."""
    inner = node
    for outer in code.ancestors(node):
        if isinstance(outer, FunctionNode) and outer in code.tree.body:
            return outer if inner in outer.body else None
        inner = outer
    return None


def reached(code: Code, nodes: Iterable[ast.AST]) -> list[Function]:
    """The functions of the file that nodes name, and those that these name, however far; a class stands for its
    constructors."""
    functions: dict[str, list[Function]] = {}
    for node in walk(code.tree):
        if isinstance(node, FunctionNode):
            functions.setdefault(node.name, []).append(node)
        elif isinstance(node, ast.ClassDef):
            makers = [method for method in node.body if isinstance(method, FunctionNode) and method.name in MAKING]
            functions.setdefault(node.name, []).extend(makers)
    found: list[Function] = []
    waiting = list(nodes)
    while waiting:
        for node in walk(waiting.pop()):
            name = node.id if isinstance(node, ast.Name) else ""
            if isinstance(node, ast.Attribute) and not code.dotted(node):
                name = node.attr
            fresh = [function for function in functions.get(name, ()) if function not in found]
            found += fresh
            waiting += fresh
    return found
