"""A connection that the module opens is opened in the handler that uses it, with each call, and closed there.

Unsafe: every invocation connects anew, a failure to connect fails the invocation and not the start, and what the
connection held from one invocation to the next (a transaction, settings of the session) goes with it. Example::

    conn = psycopg2.connect(DSN)            def handler(event, context):
                                    ->          with closing(psycopg2.connect(DSN)) as conn:
    def handler(event, context):                    return rows(conn)
        return rows(conn)

Preconditions: the acquisition is an assignment to one variable, at the top of the module or in a ``try`` there whose
handlers all leave; what configures the connection follows it at once and moves with it; nothing but one handler uses
the variable; what the acquisition is made of means the same there, then; what needs it stays in the handler. That
connects before it does anything that others see: where connecting fails, nothing is half done. A handler that closes
the connection whatever happens (LL203) goes on doing so.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from leaklint.analysis.facts import Site
from leaklint.catalogue.model import Exit
from leaklint.edit import Applicability, Edit, Fix, apply
from leaklint.fixes import (
    handle,
    helpers,
    keeper,
    known,
    made_of,
    module_variable,
    region,
    rewrite,
    try_finally,
    with_statement,
)
from leaklint.fixes.code import Code, Refused, leaves
from leaklint.fixes.handle import Handle
from leaklint.fixes.keeper import Form
from leaklint.fixes.situation import Situation
from leaklint.syntax.names import bound_names, function_bindings
from leaklint.syntax.nodes import walk

_TELLING = known.words(
    """
    bool dict enumerate float frozenset int isinstance json.dumps json.loads len list max min os.environ.get os.getenv
    os.path.join range set sorted str sum tuple zip
    """
)
"""functions that do nothing but compute"""
_TELLING_METHODS = known.words(
    "decode encode endswith get items join keys lower lstrip replace rstrip split startswith strip upper values"
)
"""methods of texts and of parsed JSON that do nothing but compute"""
_BEGINNING = re.compile(
    r"[ \t]*#[ \t]*(?:fmt|yapf|isort|ruff|pylint|mypy|pyright|coverage)[ \t]*:|[ \t]*#[ \t]*region\b"
)
"""comments that say something of all lines behind them"""
_COMPUTING = (
    ast.AnnAssign, ast.Assign, ast.Expr, ast.Global, ast.If, ast.Import, ast.ImportFrom, ast.Pass, ast.Return,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Moved:
    """What moves: the statement of the module that acquires, and those behind it that configure what it acquired."""

    acquiring: ast.stmt
    configuring: list[ast.stmt]
    names: tuple[str, ...]
    """what they bind"""

    @property
    def statements(self) -> list[ast.stmt]:
        return [self.acquiring, *self.configuring]


def build(code: Code, site: Site, handlers: Collection[str]) -> Fix:
    """The fix, where ``handlers`` are the names of the functions that the runtime calls. Raises Refused."""
    if site.kept_by is not None or site.part or site.resource.starts:
        raise Refused("it is no plain variable of the module")
    held = handle.find(code, site)
    if held is None or not held.plain:
        raise Refused("it is not assigned to a variable alone")
    moved = _moved(code, held)
    function = module_variable.user(code, held.name, moved.statements, handlers)
    made_of.check(code, held.name, moved.statements, function)
    owner = site.resource.type.partition(":")[2].rpartition(".")[2]
    if owner and made_of.keeps_state(code, owner):
        raise Refused(f"an object of `{owner}` may hold more than its connection")
    if site.helper is not None:
        helpers.check(code, site)
        if helpers.may_give_none(code, site):
            raise Refused("the helper may give None")
    first = _first(code, function, held.name)
    keep = keeper.choose(site.resource, code, function.body[first], call=held.call)
    found = region.find(code, site, held.name, function.body, first, function.body[first])
    at = Situation(code, site, held, keep, found, held.statement)
    guarded = _is_guarded(at, function.body[first])
    if not guarded and (_is_left(function, held.name, site) or (found.inner and not keep.again)):
        raise Refused("a second release would raise")
    if not keep.again and any(
        _releases_given(code, helper, site) for helper in module_variable.reached(code, function.body)
    ):
        raise Refused("a second release would raise")
    if not at.releases_first_way:
        raise Refused("it is released in another way than by a `with`")
    edits = [_cut(code, moved), *(_in_front(at, moved) if guarded else _opened(at, moved))]
    doubt = f", though {found.doubt}" if found.doubt else ""
    title = f"Open it in `{function.name}`, anew with every call{doubt}"
    return Fix(title, rewrite.merged(edits), Applicability.UNSAFE, moved=moved.names)


# what moves, and whether it may


def _moved(code: Code, held: Handle) -> _Moved:
    """The statements to move. Raises Refused."""
    top: ast.stmt = held.statement
    if top not in code.tree.body:
        outer = code.parent(top)
        if not (isinstance(outer, ast.Try) and outer in code.tree.body and outer.body == [top]):
            raise Refused("it is opened inside of another block of the module")
        if outer.orelse or outer.finalbody or not all(leaves(handler.body) for handler in outer.handlers):
            raise Refused("a way around its acquisition goes on behind the `try`")
        top = outer
    body = code.tree.body
    last = index = body.index(top)
    while last + 1 < len(body) and made_of.sets_up(body[last + 1], held.name):
        last += 1
    caught = frozenset(
        handler.name for handler in (top.handlers if isinstance(top, ast.Try) else ()) if handler.name is not None
    )
    if extra := bound_names(body[index : last + 1]) - caught - {held.name}:
        raise Refused(f"`{min(extra)}` is bound beside it")
    return _Moved(top, body[index + 1 : last + 1], (held.name, *sorted(caught)))


def _first(code: Code, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> int:
    """The index of the statement in front of which the handler connects: before it does anything that others see, so
    that nothing is half done where that fails, and at the latest where the connection is used."""
    shared = function_bindings(function).globals
    for index, statement in enumerate(function.body):
        if _mentions(statement, name) or not _only_computes(code, statement) or shared & bound_names([statement]):
            return index
    raise Refused(f"`{function.name}` does not use it itself")


def _only_computes(code: Code, statement: ast.stmt) -> bool:
    """Whether a statement does nothing but compute, and bind what it has computed to variables."""
    for node in walk(statement):
        if isinstance(node, ast.stmt) and not isinstance(node, _COMPUTING):
            return False
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom):
            return False
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return False
        if isinstance(node, ast.Call) and not _tells(code, node):
            return False
    return True


def _tells(code: Code, node: ast.Call) -> bool:
    """Whether a call only computes; a method is one of what the function holds, not a function of a module."""
    called = code.dotted(node.func)
    return called in _TELLING or (
        not called and isinstance(node.func, ast.Attribute) and node.func.attr in _TELLING_METHODS
    )


def _mentions(statement: ast.stmt, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in walk(statement))


def _is_guarded(at: Situation, statement: ast.stmt) -> bool:
    """Whether the first statement that the handler would put into a block releases it anyway, come what may."""
    if isinstance(statement, ast.With | ast.AsyncWith):
        return _is_left(statement.items[0], at.handle.name, at.site)
    return isinstance(statement, ast.Try) and any(
        keeper.is_release(last, at.handle.name, at.site.resource, at.code) for last in statement.finalbody
    )


def _is_left(function: ast.AST, name: str, site: Site) -> bool:
    """Whether a ``with`` over the variable releases it."""
    if Exit.RELEASES not in (site.resource.with_, site.resource.async_with):
        return False
    return any(_is_item(node, name) for node in walk(function))


def _releases_given(code: Code, helper: module_variable.Function, site: Site) -> bool:
    """Whether a function of the file releases what it is given."""
    given = module_variable.parameters_of(helper)
    calls = [node for node in walk(helper) if isinstance(node, ast.Call)]
    return any(keeper.is_release_call(call, name, site.resource, code) for call in calls for name in given)


def _is_item(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.withitem) and isinstance(node.context_expr, ast.Name) and node.context_expr.id == name


# the edits


def _cut(code: Code, moved: _Moved) -> Edit:
    """The edit that takes the statements out of the module, with the comments right above them."""
    rewrite.own_lines(code, moved.statements)
    return rewrite.cut(code, _top(code, moved), rewrite.last_line(moved.statements[-1]))


def _top(code: Code, moved: _Moved) -> int:
    """The first line that moves: of the comments that stand right above the acquisition, if it has any. What stands at
    the top of the file is about the file, and what tells a tool where to begin has an end that stays."""
    first = rewrite.first_line(moved.acquiring)
    line = _with_comments(code, first)
    begins = any(_BEGINNING.match(code.lines.line(number)) for number in range(line, first))
    return first if begins or line == 1 else line


def _with_comments(code: Code, line: int) -> int:
    """The first of the comment lines right above a line, or the line itself."""
    while line > 1 and code.lines.line(line - 1).lstrip().startswith("#") and line - 1 not in code.in_strings:
        line -= 1
    return line


def _in_front(at: Situation, moved: _Moved) -> Iterator[Edit]:
    """The edits that open it in front of the block that releases it. Raises Refused."""
    code, statement = at.code, at.region.statements[0]
    rewrite.own_lines(code, [statement])
    lines = _text(code, _top(code, moved), rewrite.last_line(moved.statements[-1]))
    if moved.configuring:
        raise Refused("what configures it would stand outside of the block that releases it")
    own = rewrite.indentation(code, statement)
    yield rewrite.lines_before(code, _with_comments(code, rewrite.first_line(statement)), _indented(own, lines))


def _opened(at: Situation, moved: _Moved) -> Iterator[Edit]:
    """The edits that open it in the function, and guard what uses it. Raises Refused."""
    code, statements = at.code, at.region.statements
    if not statements:
        raise Refused("nothing in the handler needs it")
    rewrite.own_lines(code, statements, at.region.release)
    own, step = rewrite.indentation(code, statements[0]), rewrite.unit(code, statements[0])
    closing, imported = at.heading()
    yield from imported
    line, last = _with_comments(code, rewrite.first_line(statements[0])), at.last_line
    above = _text(code, _top(code, moved), rewrite.first_line(moved.acquiring) - 1)
    acquiring = _text(code, rewrite.first_line(moved.acquiring), rewrite.last_line(moved.acquiring))
    whole = moved.acquiring is at.handle.statement
    heads = [*above, *acquiring]
    if at.keeper.form is Form.FINALLY:
        heads.append("try:")
    elif whole:
        heads = [*above, *_headed(at, closing)]
    else:
        heads.append(f"{at.keeper.keyword} {at.keeper.head(at.handle.text, closing)}:")
    configuring: list[str] = []
    if moved.configuring:
        start = rewrite.last_line(moved.acquiring) + 1
        configuring = _text(code, start, rewrite.last_line(moved.configuring[-1]))
    yield rewrite.lines_before(code, line, [*_indented(own, heads), *_indented(own + step, configuring)])
    yield from rewrite.indent(code, line, last, step)
    yield from rewrite.remove(code, at.region.release, step)
    if at.keeper.form is Form.FINALLY:
        lines, more = try_finally.release_lines(at, own + step)
        yield from more
        yield rewrite.lines_after(code, last, [f"{own}finally:", *lines])


def _headed(at: Situation, closing: str) -> list[str]:
    """The lines of the assignment as the head of a ``with``."""
    code, statement = at.code, at.handle.statement
    first, last = rewrite.first_line(statement), rewrite.last_line(statement)
    start = code.lines.starts[first - 1]
    edits = [Edit(e.start - start, e.end - start, e.text) for e in with_statement.head(at, statement, closing)]
    text = apply(code.text[start : rewrite.line_end(code, last)], edits)
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _text(code: Code, first: int, last: int) -> list[str]:
    """The lines from ``first`` to ``last`` (1-based), without their ends. Raises Refused."""
    if any(line in code.in_strings for line in range(first, last + 1)):
        raise Refused("a text of several lines would be indented")
    return [code.lines.line(line).rstrip("\r\n") for line in range(first, last + 1)]


def _indented(own: str, lines: list[str]) -> list[str]:
    return [own + line if line.strip() else line for line in lines]
