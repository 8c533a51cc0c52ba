"""A variable of the module that is to become one of a function: who uses it, and whether what it is made of means the
same there, and later."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from leaklint.fixes import known
from leaklint.fixes.code import Code, Refused, check_names, own_nodes
from leaklint.fixes.helpers import MAKING
from leaklint.fixes.uses import root_of
from leaklint.syntax.names import FunctionNode, bound_names, function_bindings, import_bindings
from leaklint.syntax.nodes import walk

Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BY_TEXT = known.words("attrgetter delattr getattr hasattr object patch setattr")
"""the last names of functions that find an attribute of a module by its name"""
_CHANGING = known.words(
    """
    __setitem__ add append appendleft clear discard extend insert pop popitem popleft remove reverse setdefault sort
    update
    """
)
"""methods after which an object is not what it was"""
_ONCE = known.words("__next__ get_nowait pop popitem popleft read readline readlines recv")
"""methods that give something else, or nothing, when they are called again"""
_ITERATORS = known.words("enumerate filter iter map open reversed zip")
_MEMORY = (":memory:", "mode=memory")
_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
_CONTAINERS = known.words("Counter OrderedDict bytearray count defaultdict deque dict list set")


# who uses it


def user(code: Code, name: str, moved: Sequence[ast.stmt], handlers: Collection[str]) -> Function:
    """The one handler that uses a variable of the module, beside the statements that move. Raises Refused."""
    check_names(code, walk(code.tree))
    inside = {id(node) for statement in moved for node in walk(statement)}
    found: list[Function] = []
    for node in walk(code.tree):
        _check_names_of(code, node, name)
        if not (isinstance(node, ast.Name) and node.id == name) or id(node) in inside or _is_local(code, node):
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
    if _calls_itself(code, function):
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


def _is_local(code: Code, node: ast.Name) -> bool:
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
            own = _parameters(outer.args)
        elif isinstance(outer, FunctionNode) and inner in outer.body:
            own = {*_parameters(outer.args), *_stored(code, outer)}
        else:
            own = set()
        if node.id in own:
            return True
        before, inner = inner, outer
    return False


def _parameters(arguments: ast.arguments) -> set[str]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return {argument.arg for argument in (*found, arguments.vararg, arguments.kwarg) if argument is not None}


def _stored(code: Code, function: Function) -> Iterator[str]:
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


def _calls_itself(code: Code, function: Function) -> bool:
    """Whether a function, or one of the file that it names, however far, names it: then it may run twice at a time."""
    functions: dict[str, list[Function]] = {}
    for node in walk(code.tree):
        if isinstance(node, FunctionNode):
            functions.setdefault(node.name, []).append(node)
    seen: set[str] = set()
    waiting = [function]
    while waiting:
        for node in walk(waiting.pop()):
            name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
            if name == function.name and isinstance(node, ast.Name):
                return True
            if name in functions and name not in seen and name != function.name:
                seen.add(name)
                waiting += functions[name]
    return False


# what it is made of


def check_meaning(code: Code, name: str, moved: Sequence[ast.stmt], function: Function) -> None:
    """Refuse statements that would do something else in the function, or later; ``name`` is the variable that they
    bind. Raises Refused."""
    names = {
        node.id
        for statement in moved
        for node in walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    bound = function_bindings(function)
    names.discard(name)
    if own := names & {*bound.names, *bound.imports}:
        raise Refused(f"`{min(own)}` means something else in `{function.name}`")
    end = code.span(moved[-1]).end
    later = [statement for statement in code.tree.body if code.span(statement).start > end]
    if changed := names & {*_bound(later), *_declared(code)}:
        raise Refused(f"`{min(changed)}` may mean something else by then")
    if any(local == "*" for local in _bound(later)):
        raise Refused("a later star import may bind anything anew")
    for node in walk(code.tree):
        changed_object = _changed(code, node) if isinstance(node, ast.expr) else None
        if changed_object is None or root_of(changed_object) not in names:
            continue
        if code.span(node).start > end or not isinstance(code.scope(node), ast.Module):
            raise Refused(f"`{code.source(changed_object)}` may hold something else by then")
    for statement in moved:
        for node in walk(statement):
            _check_repeatable(code, node)


def _bound(statements: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements of the module bind, by imports as well."""
    yield from bound_names(statements)
    for statement in statements:
        for node in (statement, *(() if isinstance(statement, FunctionNode | ast.ClassDef) else own_nodes(statement))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from (local for local, _ in import_bindings(node))


def _declared(code: Code) -> Iterator[str]:
    """The variables of the module that functions bind."""
    for node in walk(code.tree):
        if isinstance(node, ast.Global):
            yield from node.names


def _changed(code: Code, node: ast.expr) -> ast.expr | None:
    """The object that a node changes, or may."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        return node.func.value
    if isinstance(node, ast.Name) and isinstance(code.parent(node), ast.Call | ast.keyword):
        # A list or a dictionary that is handed to a function may come back with other content.
        around = code.parent(node)
        given = around.arg is not None if isinstance(around, ast.keyword) else node in getattr(around, "args", ())
        values = _values(code, node.id) if given else ()
        if any(isinstance(value, ast.List | ast.Dict | ast.Set) for value in values):
            return node
    return None


def _values(code: Code, name: str) -> Iterator[ast.expr]:
    """What assignments at the top of the module give to a variable."""
    for statement in code.tree.body:
        if isinstance(statement, ast.Assign) and any(root_of(target) == name for target in statement.targets):
            yield statement.value


def _check_repeatable(code: Code, node: ast.AST) -> None:
    """Refuse what gives something else with every call, and databases that are gone with their connection."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.lower()
        if any(word in text for word in _MEMORY) or (text.startswith("sqlite") and text.endswith("://")):
            raise Refused("the database is gone with its connection")
    called = node.func if isinstance(node, ast.Call) else None
    once = isinstance(called, ast.Attribute) and called.attr in _ONCE and root_of(called)
    if called is not None and (once or code.dotted(called) in ("next", "input")):
        raise Refused(f"`{code.source(called)}` gives something else with every call")
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for value in _values(code, node.id):
            if isinstance(value, ast.GeneratorExp) or (
                isinstance(value, ast.Call) and code.dotted(value.func) in _ITERATORS
            ):
                raise Refused(f"`{node.id}` can be read once")


def keeps_state(code: Code, name: str) -> bool:
    """Whether an object of the project's class ``name`` may hold from one call to the next more than a connection:
    what its methods store, or gather in a container. A class of another file may."""
    classes = [node for node in walk(code.tree) if isinstance(node, ast.ClassDef) and node.name == name]
    return len(classes) != 1 or any(_keeps(code, node) for node in walk(classes[0]))


def _keeps(code: Code, node: ast.AST) -> bool:
    """Whether a node stores on an object what is neither a connection nor the same for every object."""
    if not isinstance(node, ast.Attribute | ast.Subscript) or isinstance(node.ctx, ast.Load):
        return False
    method = code.scope(node)
    if not (isinstance(method, FunctionNode) and root_of(node) in [a.arg for a in method.args.args[:1]]):
        return False
    around = code.parent(node)
    value = around.value if isinstance(around, ast.Assign | ast.AnnAssign) else None
    if isinstance(value, ast.Await):
        value = value.value
    if isinstance(value, ast.Constant) and value.value is None:
        return False
    called = code.dotted(value.func) if isinstance(value, ast.Call) else ""
    if method.name not in MAKING:
        return called not in code.catalogue.acquirers
    return isinstance(value, _DISPLAYS) or called.rpartition(".")[2] in _CONTAINERS
