"""Statements to ops: simple ones, branches and loops; and `Statements.run`, the graph of one function or module.

Example, ``while more(): f = open(p)`` / ``return f``::

    while                  the head, where the ways of all turns meet
    %1 = more()
    assume %1              the other way, assume not %1, leads behind the loop
    %2 = open(p); f = %2   back to the head
    #result = f            ``return`` binds the result, and jumps by way of the frames around it
"""

from __future__ import annotations

from dataclasses import replace

import libcst as cst

from leaklint.catalogue.model import Catalogue
from leaklint.flow import ops
from leaklint.flow.cfg import RETURN, Cfg, EdgeKind
from leaklint.flow.frames import Loop, Thrown, Way, cancels
from leaklint.flow.lower_definitions import Definitions, parameter_names
from leaklint.flow.ops import RESULT, Use
from leaklint.flow.scope import Scope


class Statements(Definitions):
    """Simple statements, branches, loops, and the whole function."""

    def __init__(self, scope: Scope, catalogue: Catalogue, cfg: Cfg) -> None:
        super().__init__(scope, catalogue, cfg)
        self.lowered: dict[cst.CSTNode, str] = {}
        """what each nested function is called: copies of a finally define it again"""
        self.lower_nested = self._lower_nested

    def _Expr(self, node: cst.Expr) -> None:
        self.discard(node.value)

    def _Assign(self, node: cst.Assign) -> None:
        place = self.value(node.value)
        for target in node.targets:
            self.assign(target.target, place, node.value, node)

    def _AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            place = self.value(node.value)
            self.assign(node.target, place, node.value, node)

    def _AugAssign(self, node: cst.AugAssign) -> None:
        target = self.value(node.target)
        place = self.value(node.value)
        if target and place:
            self.place(ops.Bind(f"{target}[]", f"{place}[]"))
            self.place(ops.Escape(f"{target}[]", ops.How.ELEMENT, node))
        elif target:
            self.place(ops.Bind(target, target, node=node))

    def _Return(self, node: cst.Return) -> None:
        place = self.value(node.value) if node.value is not None else ""
        if self.cursor is None:
            return
        self.place(ops.Bind(RESULT, place, node=node))
        self.place(ops.Forget())
        self._jump(Way.RETURN)

    def _Break(self, node: cst.Break) -> None:
        self.place(ops.Join("break", node))
        self._jump(Way.BREAK)

    def _Continue(self, node: cst.Continue) -> None:
        self.place(ops.Join("continue", node))
        self._jump(Way.CONTINUE)

    def _jump(self, way: Way) -> None:
        target = self.unwinder.jump(self.unwinder.frames, way)
        assert self.cursor is not None
        self.cfg.connect(self.cursor, target)
        self.cursor = None

    def _Raise(self, node: cst.Raise) -> None:
        frames = self.unwinder.frames
        again = node.exc is None or (isinstance(node.exc, cst.Name) and node.exc.value == self.caught_as)
        if again:
            thrown: tuple[Thrown, ...] = self.caught
        else:
            assert node.exc is not None
            self.value(node.exc)
            if node.cause is not None:
                self.value(node.cause.item)
            if self.cursor is None:
                return
            raised = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
            name = self.dotted(raised) or (raised.value if isinstance(raised, cst.Name) else "")
            thrown = (Thrown(EdgeKind.CANCEL if cancels(name) else EdgeKind.EXCEPTION, name),)
        position = self.place(ops.Raise(thrown[0].name, node, again))
        for one in thrown:
            self.cfg.connect(position, self.unwinder.exception(frames, one), one.kind)
        self.cursor = None

    def _Assert(self, node: cst.Assert) -> None:
        # A failing assertion is a broken program, not a path to plan for: only its truth is used.
        self.cursor, _ = self.branch(node.test)

    def _Del(self, node: cst.Del) -> None:
        self._delete(node.target, node)

    def _delete(self, target: cst.BaseExpression, node: cst.Del) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._delete(element.value, node)
            return
        place = self.value(target)
        if place:
            self.place(ops.Unbind(place, node))

    def _Import(self, node: cst.Import | cst.ImportFrom) -> None:
        if isinstance(node.names, cst.ImportStar):
            return
        for alias in node.names:
            name = alias.asname.name if alias.asname is not None else alias.name
            while isinstance(name, cst.Attribute):
                name = name.value  # type: ignore[assignment]
            if isinstance(name, cst.Name):
                self.place(ops.Bind(self.variable(name.value), none=False))

    _ImportFrom = _Import

    def _TypeAlias(self, node: cst.TypeAlias) -> None:
        self.place(ops.Bind(self.variable(node.name.value), none=False))

    def _If(self, node: cst.If) -> None:
        # elif chains are walked, not recursed into: generated code has thousands.
        ends: list[int | None] = []
        current: cst.If | cst.Else | None = node
        while isinstance(current, cst.If) and self.cursor is not None:
            taken, other = self.branch(current.test)
            self.cursor = taken
            if taken is not None:
                self.place(ops.Forget())
                self.suite(current.body)
                ends.append(self.cursor)
            self.cursor = other
            if other is not None:
                self.place(ops.Forget())
            current = current.orelse
        if isinstance(current, cst.Else) and self.cursor is not None:
            self.suite(current.body)
        self.cursor = self.join(*ends, self.cursor)

    def _Match(self, node: cst.Match) -> None:
        subject = self.value(node.subject)
        guard = self.guard(node.subject)
        kept = self.hidden()
        self.place(ops.Bind(kept, subject))
        ends: list[int | None] = []
        for case in node.cases:
            if self.cursor is None:
                break
            split = self.cursor
            missed: int | None = None
            if not self.irrefutable(case.pattern):
                self.assume_pattern(case.pattern, kept, False, guard)
                missed = self.cursor
                self.cursor = split
                self.assume_pattern(case.pattern, kept, True, guard)
            self.bind_pattern(case.pattern, kept)
            if case.guard is not None:
                taken, other = self.branch(case.guard)
                missed = self.join(missed, other)
                self.cursor = taken
            if self.cursor is not None:
                self.suite(case.body)
                ends.append(self.cursor)
            self.cursor = missed
        self.cursor = self.join(*ends, self.cursor)
        if self.cursor is not None:
            self.place(ops.Unbind(kept))

    def _While(self, node: cst.While) -> None:
        start = len(self.cfg.ops)
        head = self.place(ops.Join("while", node))
        broken = self.cfg.add(ops.Join("loop end", node))
        taken, other = self.branch(node.test)
        self.cursor = taken
        if taken is not None:
            self.place(ops.Forget())
            self._loop_body(node.body, broken, head)
        self.cfg.loops.update(range(start, len(self.cfg.ops)))
        self.cursor = other
        if other is not None:
            self.place(ops.Forget())
            if node.orelse is not None:
                self.suite(node.orelse.body)
        self._end_loop(broken)

    def _For(self, node: cst.For) -> None:
        source = self.value(node.iter)
        if self.cursor is None:
            return
        iterator, item = self.hidden(), self.hidden()
        self.place(ops.Bind(iterator, source))
        self.place(ops.Forget())
        start = len(self.cfg.ops)
        head = self.place(ops.Join("for", node))
        broken = self.cfg.add(ops.Join("loop end", node))
        asynchronous = node.asynchronous is not None
        self.act(ops.Event(Use.ITERATE, iterator, node.iter), cancel=asynchronous)
        turn = self.cursor
        self.place(ops.Next(item, iterator))
        self.assign(node.target, item, node=node)
        self.place(ops.Forget())
        self._loop_body(node.body, broken, head)
        self.cfg.loops.update(range(start, len(self.cfg.ops)))
        self.cursor = turn
        self.place(ops.Exhausted(item, iterator))
        if node.orelse is not None:
            self.suite(node.orelse.body)
        self._end_loop(broken)
        if self.cursor is not None:
            self.place(ops.Unbind(item))
            self.place(ops.Unbind(iterator))

    def _loop_body(self, body: cst.BaseSuite, broken: int, again: int) -> None:
        frames = self.unwinder.frames
        self.unwinder.frames = (*frames, Loop(broken, again))
        self.suite(body)
        self.unwinder.frames = frames
        if self.cursor is not None:
            self.cfg.connect(self.cursor, again)

    def _end_loop(self, broken: int) -> None:
        if self.cursor is not None:
            self.cfg.connect(self.cursor, broken)
        self.cursor = broken if broken in self.cfg.entered else None

    def _lower_nested(self, node: cst.FunctionDef | cst.Lambda, scope: Scope) -> str:
        known = self.lowered.get(node)
        if known is not None:
            return known
        identity = scope.name if scope.name not in self.cfg.nested else f"{scope.name}#{len(self.cfg.nested)}"
        self.lowered[node] = identity
        inner = Statements(replace(scope, name=identity), self.catalogue, Cfg(identity))
        inner.functions = self.functions
        inner.run(node)
        self.cfg.nested[identity] = inner.cfg
        vars(inner).clear()
        return identity

    def _parameters(self, parameters: cst.Parameters) -> None:
        self.cfg.parameters = tuple(parameter_names(parameters))
        self.cfg.positional = len(parameters.posonly_params) + len(parameters.params)
        stars = (parameters.star_arg, parameters.star_kwarg)
        args, kwargs = (star.name.value if isinstance(star, cst.Param) else "" for star in stars)
        self.cfg.rest = (args, kwargs)

    def run(self, node: cst.FunctionDef | cst.Lambda | cst.Module) -> None:
        """Lower a function or a module into `cfg`."""
        self.cfg.locals = self.scope.locals
        if isinstance(node, cst.Module):
            self.suite(node.body)
        elif isinstance(node, cst.Lambda):
            self._parameters(node.params)
            place = self.value(node.body)
            if self.cursor is not None:
                self.place(ops.Bind(RESULT, place, node=node))
                self.place(ops.Forget())
        else:
            self._parameters(node.params)
            self.cfg.annotations = dict(self.annotations(node.params))
            self.cfg.asynchronous = node.asynchronous is not None
            self.suite(node.body)
        if self.cursor is not None:
            last = node.body if isinstance(node, cst.Lambda) else _last(node)
            self.place(ops.Join("end", last))
            self.cfg.connect(self.cursor, RETURN)


def _last(node: cst.FunctionDef | cst.Module) -> cst.CSTNode | None:
    """The statement with which the scope ends; None where it ends inside of a block: the path tells where."""
    body = node.body.body if isinstance(node, cst.FunctionDef) else node.body
    last = body[-1] if body else node
    return None if isinstance(last, cst.BaseCompoundStatement) and last is not node else last
