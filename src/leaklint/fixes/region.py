"""The statements that a resource lives in: from its acquisition to its release, or to the last use of what needs it.

A region is a run of statements of one block. Everything outside of it must do without the resource; what is certain to
have another value by then (the variable is bound again before) does not count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.catalogue.model import Resource
from leaklint.edit import Applicability
from leaklint.fixes import keeper, known, turns
from leaklint.fixes.code import SCOPES, Code, Refused, own_nodes
from leaklint.fixes.outlets import Outlets
from leaklint.fixes.uses import Taint, Uses
from leaklint.syntax.names import FunctionNode
from leaklint.syntax.nodes import walk

YIELDS_BACK = frozenset({"contextmanager", "asynccontextmanager", "fixture"})
"""decorators of generators that are resumed by whoever got what they yield"""


@dataclass(frozen=True, slots=True)
class Region:
    """``block[first : last + 1]``, without the acquisition before and without the release after it.

    ``release`` are the statements that release it now, right behind the region; ``inner`` those further inside.
    """

    block: list[ast.stmt]
    first: int
    last: int
    release: tuple[ast.stmt, ...]
    inner: tuple[ast.stmt, ...]
    applicability: Applicability
    doubt: str = ""
    """why it is unsafe: what may keep the resource"""
    needs: frozenset[str] = frozenset()
    """the variables that need the resource, or may"""

    @property
    def statements(self) -> list[ast.stmt]:
        """The statements of the region."""
        return self.block[self.first : self.last + 1]


def find(
    code: Code,
    site: Site,
    name: str,
    block: list[ast.stmt],
    first: int,
    acquisition: ast.stmt,
    beside: Iterable[str] = (),
) -> Region:
    """The region of the variable ``name`` that begins with ``block[first]``. Raises Refused.

    ``beside`` are variables that the same call filled and that need the resource as well.

    ``acquisition`` is the statement behind which the variable holds the resource: the one before, or one inside of it.
    """
    resource = site.resource
    scope = code.scope(acquisition)
    if isinstance(scope, ast.ClassDef):
        raise Refused(f"`{name}` is an attribute of a class")
    _only_here(code, name, scope)
    end = _rebound(block, first, name)
    release = _release(code, resource, name, block, first, end)
    rows = {name} if resource.kind in known.ROW_KINDS else set()
    uses = Uses(code, resource, {name: Taint.NEEDS, **dict.fromkeys(beside, Taint.NEEDS)}, rows)
    followed = block[first : release[0]] if release else block[first:end]
    uses.follow(followed)
    outlets = Outlets(uses)
    outlets.look(followed)
    if release:
        last = release[0] - 1
    else:
        last = max((k for k in range(first, end) if uses.tainted(block[k])), default=first - 1)
        last = _lasting(outlets, scope, block, last)
    # Behind an explicit release everything finds the resource as it was: closed.
    within = block[first:] if release else block[first : last + 1]
    allowed = {id(node) for statement in (acquisition, *within) for node in walk(statement)}
    _not_elsewhere(code, site, {name} if release else set(uses.taints), scope, acquisition, allowed)
    if code.statement(code.call_at(site.span)) is not acquisition:
        _no_earlier_turn(code, site, uses, [acquisition])
    applicability, doubt = _judge(outlets, scope, bool(release))
    inner = tuple(
        node
        for statement in block[first : last + 1]
        for node in walk(statement)
        if isinstance(node, ast.stmt) and keeper.is_release(node, name, resource, code)
    )
    if resource.again != "ok" and site.released and not (release or inner):
        raise Refused("a second release would raise")
    if resource.again != "ok" and any(
        keeper.is_release(node, alias, resource, code)
        for node in _statements(block[first : last + 1])
        for alias in uses.taints
        if alias != name
    ):
        raise Refused("a second release would raise")
    if any(
        isinstance(node, ast.stmt) and stores(node, name) for k in range(first, last + 1) for node in _own(block[k])
    ):
        raise Refused(f"`{name}` is bound again inside")
    needs = frozenset(uses.taints)
    return Region(block, first, last, tuple(block[k] for k in release), inner, applicability, doubt, needs)


def around(code: Code, site: Site, name: str, block: list[ast.stmt], index: int) -> Region:
    """The region of a variable that ``block[index]`` binds somewhere inside; that statement is part of it.

    Raises Refused.
    """
    scope = code.scope(block[index])
    if isinstance(scope, ast.ClassDef):
        raise Refused(f"`{name}` is an attribute of a class")
    _only_here(code, name, scope)
    rows = {name} if site.resource.kind in known.ROW_KINDS else set()
    uses = Uses(code, site.resource, {name: Taint.NEEDS}, rows)
    uses.follow(block[index:])
    outlets = Outlets(uses)
    outlets.look(block[index:])
    last = max(k for k in range(index, len(block)) if k == index or uses.tainted(block[k]))
    last = _lasting(outlets, scope, block, last)
    within = block[index : last + 1]
    allowed = {id(node) for statement in within for node in walk(statement)}
    _not_elsewhere(code, site, set(uses.taints), scope, block[index], allowed)
    _no_earlier_turn(code, site, uses, within)
    inner = tuple(
        node
        for statement in within
        for node in walk(statement)
        if isinstance(node, ast.stmt) and keeper.is_release(node, name, site.resource, code)
    )
    if site.resource.again != "ok" and site.released:
        raise Refused("a second release would raise")
    return Region(block, index, last, (), inner, *_judge(outlets, scope, released=False))


def inline(
    code: Code, site: Site, value: ast.expr, block: list[ast.stmt], index: int
) -> tuple[int, Applicability, str]:
    """The last statement of ``block`` that needs the resource that ``value`` acquires in ``block[index]``.

    Returns its index, how sure that is, and why it is not. Raises Refused.
    """
    scope = code.scope(block[index])
    uses = Uses(code, site.resource, {}, origin=value)
    uses.follow(block[index:])
    outlets = Outlets(uses)
    outlets.look(block[index:])
    last = max(k for k in range(index, len(block)) if uses.tainted(block[k]))
    last = _lasting(outlets, scope, block, last)
    for name in uses.taints:
        _only_here(code, name, scope)
    allowed = {id(node) for statement in block[index : last + 1] for node in walk(statement)}
    _not_elsewhere(code, site, set(uses.taints), scope, block[index], allowed)
    return last, *_judge(outlets, scope, released=False)


def _no_earlier_turn(code: Code, site: Site, uses: Uses, statements: list[ast.stmt]) -> None:
    opening = code.statement(code.call_at(site.span))

    def harmless(node: ast.Name) -> bool:
        return _is_harmless(code, node, site.resource)

    turns.check(code, uses.taints, statements, opening, binds, harmless)


def _statements(block: list[ast.stmt]) -> Iterator[ast.stmt]:
    return (node for statement in block for node in walk(statement) if isinstance(node, ast.stmt))


def _only_here(code: Code, name: str, scope: ast.AST) -> None:
    """Refuse a variable that other scopes read or bind."""
    for node in walk(scope):
        if isinstance(node, ast.Global | ast.Nonlocal) and name in node.names:
            raise Refused(f"`{name}` is a variable of another scope")
        if not (isinstance(node, ast.Name) and node.id == name):
            continue
        holder = _scope_of_name(code, node)
        if holder is not scope and not isinstance(holder, ast.Lambda) and not _has_own(code, name, holder, scope):
            raise Refused(f"`{name}` is captured by `{getattr(holder, 'name', '<lambda>')}`")


def _scope_of_name(code: Code, node: ast.AST) -> ast.AST:
    return next(a for a in code.ancestors(node) if isinstance(a, SCOPES))


def _has_own(code: Code, name: str, holder: ast.AST, outer: ast.AST) -> bool:
    """Whether the scope `holder`, or one between it and `outer`, has a variable of this name of its own."""
    node: ast.AST = holder
    while node is not outer:
        if isinstance(node, FunctionNode):
            arguments = node.args
            parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
            parameters += [a for a in (arguments.vararg, arguments.kwarg) if a]
            if any(a.arg == name for a in parameters):
                return True
        if not isinstance(node, ast.Lambda) and any(_is_store(inner, name) for inner in own_nodes(node)):
            return True
        node = code.parent(node)
    return False


def _is_store(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)


def _rebound(block: list[ast.stmt], first: int, name: str) -> int:
    """The index of the first statement that surely binds the variable again; the length of the block if none does."""
    for index in range(first, len(block)):
        if binds(block[index], name):
            return index
    return len(block)


def binds(statement: ast.stmt, name: str) -> bool:
    """Whether a statement binds a variable before it does anything with it."""
    if isinstance(statement, ast.Assign):
        reads = any(isinstance(n, ast.Name) and n.id == name for n in walk(statement.value))
        return not reads and any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)
    if isinstance(statement, ast.With | ast.AsyncWith):
        item = statement.items[0]
        reads = any(isinstance(n, ast.Name) and n.id == name for n in walk(item.context_expr))
        return not reads and isinstance(item.optional_vars, ast.Name) and item.optional_vars.id == name
    return False


def _release(code: Code, resource: Resource, name: str, block: list[ast.stmt], first: int, end: int) -> list[int]:
    """The indices of the statements that release it, one behind the other, in the block itself."""
    for index in range(first, end):
        if keeper.is_release(block[index], name, resource, code):
            return [index]
    for alternative in resource.release:
        if len(alternative) < 2:
            continue
        for index in range(first, end - len(alternative) + 1):
            run = block[index : index + len(alternative)]
            spelled = [f"{name}.{s.call}()" if s.form == "method" else f"{s.call}({name})" for s in alternative]
            spelled = [f"await {text}" if s.awaited else text for s, text in zip(alternative, spelled, strict=True)]
            if [ast.unparse(s) if isinstance(s, ast.Expr) else "" for s in run] == spelled:
                return list(range(index, index + len(alternative)))
    return []


def stores(node: ast.stmt, name: str) -> bool:
    """Whether a statement itself binds a variable."""
    targets: list[ast.expr] = []
    match node:
        case ast.Assign():
            targets = node.targets
        case ast.AnnAssign() | ast.AugAssign() | ast.For() | ast.AsyncFor():
            targets = [node.target]
        case ast.With() | ast.AsyncWith():
            targets = [item.optional_vars for item in node.items if item.optional_vars]
        case _:
            pass
    return any(_is_store(n, name) for t in targets for n in walk(t)) or any(
        isinstance(n, ast.NamedExpr) and n.target.id == name for n in walk(node)
    )


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    yield statement
    if not isinstance(statement, FunctionNode | ast.ClassDef):
        yield from own_nodes(statement)


def _lasting(outlets: Outlets, scope: ast.AST, block: list[ast.stmt], last: int) -> int:
    """The end of a region of which an effect lasts as long as the resource is open: the end of the function."""
    if not outlets.lasting:
        return last
    if block is not getattr(scope, "body", None):
        raise Refused(f"`{outlets.lasting}` holds as long as it is open")
    return len(block) - 1


def _judge(outlets: Outlets, scope: ast.AST, released: bool) -> tuple[Applicability, str]:
    yields_back = isinstance(scope, FunctionNode) and any(
        ast.unparse(d.func if isinstance(d, ast.Call) else d).rpartition(".")[2] in YIELDS_BACK
        for d in scope.decorator_list
    )
    for node, problem in outlets.problems:
        if isinstance(node, ast.Yield) and (released or yields_back):
            continue
        raise Refused(problem)
    resource = outlets.uses.resource
    for node, doubt in outlets.doubts:
        if resource.again != "ok" and any(step.form == "function" for steps in resource.release for step in steps):
            # A number says nothing of what it stands for: closing one that is closed may close a stranger's.
            raise Refused(doubt)
        if not released or isinstance(node, ast.Return) or resource.again != "ok":
            return Applicability.UNSAFE, doubt
    return Applicability.SAFE, ""


def _not_elsewhere(
    code: Code, site: Site, names: set[str], scope: ast.AST, acquisition: ast.stmt, allowed: set[int]
) -> None:
    """Refuse names that are read where the resource would be released by then."""
    start = code.span(acquisition).start
    loops = {id(loop) for loop in code.loops(acquisition)}
    for node in own_nodes(scope):
        if isinstance(node, FunctionNode | ast.ClassDef | ast.Lambda) and id(node) not in allowed:
            for inner in walk(node):
                if isinstance(inner, ast.Name) and inner.id in names and not _has_own(code, inner.id, node, scope):
                    raise Refused(f"`{inner.id}` is captured by `{getattr(node, 'name', 'a lambda')}`")
        if not (isinstance(node, ast.Name) and node.id in names and not isinstance(node.ctx, ast.Store)):
            continue
        if id(node) in allowed or _is_harmless(code, node, site.resource):
            continue
        if _only_if_it_fails(code, node, acquisition):
            continue
        before = code.span(node).start < start
        shared = any(id(loop) in loops for loop in code.loops(node))
        if before and not shared:
            continue
        if not _is_bound_before(code, node, node.id, acquisition, allowed):
            line = code.lines.position(code.span(node).start)[0]
            raise Refused(f"`{node.id}` is used on line {line}, outside of the block")


def _only_if_it_fails(code: Code, node: ast.Name, acquisition: ast.stmt) -> bool:
    """Whether a use is in a handler that only the failing acquisition reaches: the last statement of its ``try``."""
    place = code.place(acquisition)
    if not isinstance(place.owner, ast.Try) or place.name != "body" or place.block[-1] is not acquisition:
        return False
    return not code.loops(acquisition) and any(handler in code.ancestors(node) for handler in place.owner.handlers)


def _is_harmless(code: Code, node: ast.Name, resource: Resource) -> bool:
    """Whether a use does the same when the resource is closed: a test of the name, a release that may come twice."""
    parent = code.parent(node)
    if isinstance(parent, ast.If | ast.While) and parent.test is node:
        return True
    if isinstance(parent, ast.Compare) and all(isinstance(op, ast.Is | ast.IsNot) for op in parent.ops):
        return True
    if isinstance(parent, ast.BoolOp) and isinstance(code.parent(parent), ast.If):
        return True
    statement = code.statement(node)
    return resource.again == "ok" and keeper.is_release(statement, node.id, resource, code)


def _is_bound_before(code: Code, node: ast.AST, name: str, acquisition: ast.stmt, inside: set[int]) -> bool:
    """Whether every way from the acquisition to a use of the variable binds it again, in the blocks around the use."""
    start = code.span(acquisition).start
    ahead = code.span(node).start < start
    around = {id(ancestor) for ancestor in code.ancestors(acquisition)}

    def between(statement: ast.AST) -> bool:
        if id(statement) in inside:
            return False  # it binds what needs the resource, or nobody knows when
        # A use ahead of the acquisition comes after it in the next round of a loop: what binds it is in the loop too.
        loops = {id(loop) for loop in code.loops(statement)}
        shared = ahead and bool(loops & around)
        return shared or code.span(statement).start > start

    while not isinstance(node, ast.stmt):
        node = code.parent(node)
    while isinstance(node, ast.stmt | ast.ExceptHandler | ast.match_case):
        if isinstance(node, SCOPES):
            return False
        parent = code.parent(node)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(parent, field, None)
            if isinstance(block, list) and node in block:
                if any(binds(earlier, name) and between(earlier) for earlier in block[: block.index(node)]):
                    return True
                if field == "body" and isinstance(parent, ast.For | ast.With | ast.AsyncFor | ast.AsyncWith):
                    again = between(parent) and id(parent) not in around
                    if isinstance(parent, ast.With | ast.AsyncWith):
                        if again and binds(parent, name):
                            return True
                    elif again and any(_is_store(n, name) for n in walk(parent.target)):
                        return True
        node = parent
    return False
