"""What statements of the module are made of, that are to run with each call of a function: whether that means the same
there, and later, and does the same again."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence

from leaklint.analysis.fields import MAKING
from leaklint.fixes import known
from leaklint.fixes.code import Code, Refused, own_nodes
from leaklint.fixes.module_variable import Function, is_local, parameters_of, reached, stored_in
from leaklint.fixes.uses import root_of
from leaklint.syntax.names import FunctionNode, bound_names, function_bindings, import_bindings
from leaklint.syntax.nodes import walk

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
_SETTING = known.words(
    """
    auth authenticate autocommit basic_qos bind bind_s confirm_delivery connect cwd ehlo exchange_declare helo
    load_host_keys load_system_host_keys login ping prot_p queue_bind queue_declare select select_db settimeout
    simple_bind_s start_tls_s starttls use
    """
)
"""methods that set up a connection, and say the same when they are called for every one"""
_SETTING_COMMANDS = known.words("ALTER PING PRAGMA SET USE")
"""first words of commands that do"""


def sets_up(statement: ast.stmt, name: str) -> bool:
    """Whether a statement only sets up what a variable holds, so that it may be done anew with every connection."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute() as func) as call):
            return root_of(func) == name and _is_setting(func.attr, call.args)
        case ast.Assign(targets=[ast.Attribute() as target]):
            return root_of(target) == name
        case _:
            return False


def _is_setting(method: str, arguments: Sequence[ast.expr]) -> bool:
    first = arguments[0].value if arguments and isinstance(arguments[0], ast.Constant) else None
    if method in ("execute", "command") and isinstance(first, str):
        return first.upper().split()[:1] in [[command] for command in _SETTING_COMMANDS]
    return method in _SETTING or method.startswith("set_")


def check(code: Code, name: str, moved: Sequence[ast.stmt], function: Function) -> None:
    """Refuse statements that would do something else in the function, or later; ``name`` is the variable that they
    bind. Raises Refused."""
    names = _loaded(moved) - {name}
    bound = function_bindings(function)
    if own := names & {*bound.names, *bound.imports}:
        raise Refused(f"`{min(own)}` means something else in `{function.name}`")
    called = reached(code, moved)
    for helper in called:
        names |= _loaded(helper.body) - parameters_of(helper) - set(stored_in(code, helper))
    end = code.span(moved[-1]).end
    later = [statement for statement in code.tree.body if code.span(statement).start > end]
    declared = {
        each
        for node in walk(code.tree)
        if isinstance(node, ast.Global) and code.scope(node) not in called
        for each in node.names
    }
    if changed := names & {*_bound(later), *declared}:
        raise Refused(f"`{min(changed)}` may mean something else by then")
    if any(local == "*" for local in _bound(later)):
        raise Refused("a later star import may bind anything anew")
    for node in walk(code.tree):
        changed_object = _changed(code, node) if isinstance(node, ast.expr) else None
        root = None if changed_object is None else _root(changed_object)
        if changed_object is None or root is None or root.id not in names or is_local(code, root):
            continue
        if code.span(node).start > end or not isinstance(code.scope(node), ast.Module):
            raise Refused(f"`{code.source(changed_object)}` may hold something else by then")
    for part in (*moved, *called):
        for node in walk(part):
            _check_repeatable(code, node)
    for helper in called:
        _check_helper(code, helper)


def _loaded(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that statements read."""
    return {
        node.id
        for statement in statements
        for node in walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def _bound(statements: Sequence[ast.stmt]) -> Iterator[str]:
    """The names that statements of the module bind, by imports as well."""
    yield from bound_names(statements)
    for statement in statements:
        for node in (statement, *(() if isinstance(statement, FunctionNode | ast.ClassDef) else own_nodes(statement))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield from (local for local, _ in import_bindings(node))


# what changes


def _changed(code: Code, node: ast.expr) -> ast.expr | None:
    """The object that a node changes, or may."""
    if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
        return node.value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGING:
        return node.func.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        # A list or a dictionary that gets another name, or is handed to a function, may come to hold something else.
        around = code.parent(node)
        named = isinstance(around, ast.Assign) or (isinstance(around, ast.keyword) and around.arg is not None)
        given = isinstance(around, ast.Call) and node in around.args
        if (named or given) and any(_is_container(code, value) for value in _values(code, node.id)):
            return node
    return None


def _root(node: ast.expr) -> ast.Name | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node if isinstance(node, ast.Name) else None


def _values(code: Code, name: str) -> Iterator[ast.expr]:
    """What assignments at the top of the module give to a variable."""
    for statement in code.tree.body:
        if isinstance(statement, ast.Assign) and any(root_of(target) == name for target in statement.targets):
            yield statement.value


def _is_container(code: Code, value: ast.expr | None) -> bool:
    called = code.dotted(value.func) if isinstance(value, ast.Call) else ""
    return isinstance(value, _DISPLAYS) or called.rpartition(".")[2] in _CONTAINERS


def _check_repeatable(code: Code, node: ast.AST) -> None:
    """Refuse what gives something else with every call, and databases that are gone with their connection."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.lower()
        if any(word in text for word in _MEMORY) or (text.startswith("sqlite") and text.endswith("://")):
            raise Refused("the database is gone with its connection")
    if isinstance(node, ast.Call):
        receiver = _root(node.func) if isinstance(node.func, ast.Attribute) and node.func.attr in _ONCE else None
        once = receiver is not None and not is_local(code, receiver)
        taken = code.dotted(node.func) == "next" and not (
            node.args and isinstance(root := _root(node.args[0]), ast.Name) and is_local(code, root)
        )
        if once or taken or code.dotted(node.func) == "input":
            raise Refused(f"`{code.source(node.func)}` gives something else with every call")
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and not is_local(code, node):
        for value in _values(code, node.id):
            called = code.dotted(value.func) if isinstance(value, ast.Call) else ""
            if isinstance(value, ast.GeneratorExp) or called in _ITERATORS:
                raise Refused(f"`{node.id}` can be read once")


def _check_helper(code: Code, helper: Function) -> None:
    """Refuse a function that counts its calls, or does more with what it makes than to set it up."""
    declared = {name for node in own_nodes(helper) if isinstance(node, ast.Global) for name in node.names}
    local = {*stored_in(code, helper), *parameters_of(helper)} - declared
    around = code.parent(helper)
    title = around.name if isinstance(around, ast.ClassDef) else helper.name
    for node in own_nodes(helper):
        if isinstance(node, ast.AugAssign) and root_of(node.target) not in local:
            raise Refused(f"`{title}` counts its calls")
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            continue
        holders = _holders(node.value.func)
        if any(_is_acquired(code, helper, holder) for holder in holders) and not _sets(node.value):
            raise Refused(f"`{title}` does more than to connect")


def _holders(node: ast.expr) -> list[str]:
    """The variable in which a chain of attributes and calls begins, and the attribute that it takes of it, as texts."""
    found: list[str] = []
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
        if isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
            found.append(ast.unparse(node))
    return found


def _sets(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and (
        _is_setting(call.func.attr, call.args) or call.func.attr in ("close", "commit")
    )


def _is_acquired(code: Code, helper: Function, holder: str) -> bool:
    """Whether a variable, or an attribute of one, may hold a connection, or what one of the function's variables gave
    out."""
    for node in own_nodes(helper):
        value: ast.expr | None = None
        if isinstance(node, ast.Assign) and holder in map(ast.unparse, node.targets):
            value = node.value
        elif isinstance(node, ast.withitem) and node.optional_vars and ast.unparse(node.optional_vars) == holder:
            value = node.context_expr
        if isinstance(value, ast.Call):
            root = _root(value.func)
            derived = root is not None and isinstance(value.func, ast.Attribute) and is_local(code, root)
            if derived or code.dotted(value.func) in code.catalogue.acquirers:
                return True
    return False


# what an object holds


def keeps_state(code: Code, name: str) -> bool:
    """Whether an object of the project's class ``name`` may hold from one call to the next more than a connection:
    what its methods store, or gather in a container, and those of its bases and of what it is made of. A class of
    another file may."""
    classes: dict[str, list[ast.ClassDef]] = {}
    for node in walk(code.tree):
        if isinstance(node, ast.ClassDef):
            classes.setdefault(node.name, []).append(node)
    waiting = [name]
    for each in waiting:
        found = classes.get(each, [])
        if len(found) != 1 or any(_is_foreign(code, base, classes) for base in found[0].bases):
            return True
        for node in walk(found[0]):
            if _keeps(code, node):
                return True
            if isinstance(node, ast.Name) and node.id in classes and node.id not in waiting:
                waiting.append(node.id)
    return False


def _is_foreign(code: Code, base: ast.expr, classes: Collection[str]) -> bool:
    return code.dotted(base) not in ("object", "abc.ABC") and not (isinstance(base, ast.Name) and base.id in classes)


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
    if method.name not in MAKING:
        return not (isinstance(value, ast.Call) and code.dotted(value.func) in code.catalogue.acquirers)
    return _is_container(code, value)
