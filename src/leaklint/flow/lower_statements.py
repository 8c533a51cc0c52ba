"""Statements to ops: the frames that jumps unwind, and the graph of one function or module."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

import libcst as cst

from leaklint.catalogue.model import Catalogue, Effect
from leaklint.flow import ops
from leaklint.flow.cfg import RETURN, Cfg, EdgeKind
from leaklint.flow.frames import ANY, CANCELLED, Catches, Finally, Handler, Loop, Thrown, Try, Way, With, cancels
from leaklint.flow.lower_expressions import parameter_names
from leaklint.flow.lower_patterns import Patterns
from leaklint.flow.ops import RESULT, Use
from leaklint.flow.scope import Scope
from leaklint.syntax.names import function_bindings

_ANY_CAUGHT = (ANY, CANCELLED)


class Statements(Patterns):
    """Everything about statements."""

    def __init__(self, scope: Scope, catalogue: Catalogue, cfg: Cfg) -> None:
        super().__init__(scope, catalogue, cfg)
        self.caught: tuple[Thrown, ...] = _ANY_CAUGHT
        self.caught_as = ""
        self.lowered: dict[cst.CSTNode, str] = {}
        """what each nested function is called: copies of a finally define it again"""
        self.lower_nested = self._lower_nested

    def suite(self, block: cst.BaseSuite | Sequence[cst.BaseStatement | cst.BaseSmallStatement]) -> None:
        """Lower statements until control cannot go on."""
        body = block.body if isinstance(block, cst.BaseSuite) else block
        for statement in body:
            if self.cursor is None:
                return
            if isinstance(statement, cst.SimpleStatementLine):
                for small in statement.body:
                    if self.cursor is not None:
                        self.statement(small)
            else:
                self.statement(statement)

    def statement(self, node: cst.CSTNode) -> None:
        """Lower one statement; temporaries die with it."""
        method = getattr(self, f"_{type(node).__name__}", None)
        if method is None:
            return
        before = self.counter
        method(node)
        if self.cursor is not None and self.counter != before:
            self.place(ops.Forget(node))

    # simple statements

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

    # branches

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
        guard = self._guard(node.subject)
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

    # loops

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

    # try and with

    def _Try(self, node: cst.Try | cst.TryStar) -> None:
        outer = self.unwinder.frames
        finally_: Finally | None = None
        if node.finalbody is not None:
            body = node.finalbody.body
            finally_ = Finally(lambda: self._finally_copy(body))
            self.unwinder.frames = (*outer, finally_)
        guarded = self.unwinder.frames
        clauses: list[cst.ExceptHandler | cst.ExceptStarHandler] = list(node.handlers)
        handlers = [Handler(self._classes(h), self.cfg.add(ops.Join("handler", h))) for h in clauses]
        starred = isinstance(node, cst.TryStar)
        if handlers:
            self.unwinder.frames = (*guarded, Try(handlers, starred))
        self.suite(node.body)
        self.unwinder.frames = guarded
        if node.orelse is not None and self.cursor is not None:
            self.suite(node.orelse.body)
        ends = [self.cursor]
        for index, (handler, clause) in enumerate(zip(handlers, clauses, strict=True)):
            self._handler(handler, clause)
            ends.append(self.cursor)
            if starred and self.cursor is not None:
                for later in handlers[index + 1 :]:
                    self.cfg.connect(self.cursor, later.entry)
                if not any(h.catches(ANY) is Catches.YES for h in handlers):
                    self.cfg.connect(self.cursor, self.unwinder.exception(guarded, ANY))
        self.cursor = self.join(*ends)
        self.unwinder.frames = outer
        if finally_ is not None and self.cursor is not None:
            self.unwinder.fall_through(finally_)

    _TryStar = _Try

    def _finally_copy(self, body: cst.BaseSuite) -> None:
        caught = self.caught, self.caught_as
        self.suite(body)
        self.caught, self.caught_as = caught

    def _classes(self, clause: cst.ExceptHandler | cst.ExceptStarHandler) -> tuple[str, ...]:
        if clause.type is None:
            return ()
        kinds: list[cst.BaseExpression] = [clause.type]
        if isinstance(clause.type, cst.Tuple):
            kinds = [element.value for element in clause.type.elements]
        return tuple(self._class_name(kind) for kind in kinds) or ("?",)

    def _class_name(self, kind: cst.BaseExpression) -> str:
        return self.dotted(kind) or (kind.value if isinstance(kind, cst.Name) else "?")

    def _handler(self, handler: Handler, clause: cst.ExceptHandler | cst.ExceptStarHandler) -> None:
        before = self.caught, self.caught_as
        self.caught = tuple(
            Thrown(
                EdgeKind.CANCEL if cancels(name) else EdgeKind.EXCEPTION,
                "" if name in ("Exception", "BaseException", "?") else name,
            )
            for name in handler.classes
        )
        if not handler.classes or "BaseException" in handler.classes:
            self.caught = _ANY_CAUGHT
        self.cursor = handler.entry
        self.place(ops.Forget())
        name = clause.name.name if clause.name is not None else None
        self.caught_as = name.value if isinstance(name, cst.Name) else ""
        if self.caught_as:
            self.place(ops.Bind(self.variable(self.caught_as), none=False))
        self.suite(clause.body)
        self.caught, self.caught_as = before

    def _With(self, node: cst.With) -> None:
        outer = self.unwinder.frames
        asynchronous = node.asynchronous is not None
        managers: list[tuple[str, With]] = []
        for item in node.items:
            if self.cursor is None:
                break
            place = self.value(item.item)
            if self.cursor is None:
                break
            manager = self.hidden()
            self.place(ops.Bind(manager, place))
            entered = self.temporary()
            enter = ops.Enter(entered, manager, asynchronous, item)
            if asynchronous:
                self.act(enter, cancel=True)
            else:
                self.place(enter)
            if item.asname is not None:
                self.assign(item.asname.name, entered, node=node)
            self.place(ops.Forget())
            frame = With(ops.Leave(manager, asynchronous, item), self._swallows(item.item))
            managers.append((manager, frame))
            self.unwinder.frames = (*self.unwinder.frames, frame)
        start = len(self.cfg.ops)
        if self.cursor is not None:
            self.suite(node.body)
        if any(self._effect(item.item) is Effect.EXPECTS for item in node.items):
            self.cfg.expected.update(range(start, len(self.cfg.ops)))
        for manager, frame in reversed(managers):
            self.unwinder.frames = self.unwinder.frames[: self.unwinder.frames.index(frame)]
            if self.cursor is not None:
                self.place(frame.leave)
            after = frame.suppresses.entry if frame.suppresses is not None else -1
            if after in self.cfg.entered:
                if self.cursor is not None:
                    self.cfg.connect(self.cursor, after)
                self.cursor = after
            if self.cursor is not None:
                self.place(ops.Unbind(manager, node))
        self.unwinder.frames = outer

    def _effect(self, manager: cst.BaseExpression) -> Effect | None:
        """The effect of a manager that handles exceptions, where it is one."""
        if not isinstance(manager, cst.Call):
            return None
        name = manager.func.attr.value if isinstance(manager.func, cst.Attribute) else ""
        for known in (self.dotted(manager.func), f"*.{name}"):
            function = self.catalogue.functions.get(known)
            if function is not None and function.effect in (Effect.SUPPRESSES, Effect.EXPECTS):
                return function.effect
        return None

    def _swallows(self, manager: cst.BaseExpression) -> Handler | None:
        if self._effect(manager) is None or not isinstance(manager, cst.Call):
            return None
        classes = tuple(self._class_name(a.value) for a in manager.args if a.keyword is None)
        return Handler(classes or ("?",), self.cfg.add(ops.Join("after with")))

    # definitions

    def _FunctionDef(self, node: cst.FunctionDef) -> None:
        for decorator in node.decorators:
            self.value(decorator.decorator)
        defaults = self.defaults(node.params)
        if self.cursor is None:
            return
        dst = self.temporary()
        if defaults:
            self.place(ops.Derive(dst, defaults, owns=True))
        tree = self.functions.get(node)
        if tree is not None:
            bindings = function_bindings(tree)
            captives = self._captives()
            free = {name for statement in tree.body for name in _loaded(statement)} - bindings.names
            captured = tuple(sorted((free | bindings.nonlocals) & captives))
            inner = self._inner_scope(
                node.name.value,
                bindings.names,
                nonlocals=bindings.nonlocals,
                globals=bindings.globals,
                imported=bindings.imports,
            )
            function = self.lower_nested(node, inner)
            self.place(ops.Define(dst, function, captured))
        self.assign(node.name, dst)

    def _ClassDef(self, node: cst.ClassDef) -> None:
        for decorator in node.decorators:
            self.value(decorator.decorator)
        for argument in (*node.bases, *node.keywords):
            self.value(argument.value)
        path = self.variable(node.name.value)
        self.assign(node.name, "")
        self.classes.append((path, set()))
        self.suite(node.body)
        self.classes.pop()

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
        return identity

    # the whole

    def run(self, node: cst.FunctionDef | cst.Lambda | cst.Module) -> None:
        """Lower a function or a module into `cfg`."""
        self.cfg.locals = self.scope.locals
        if isinstance(node, cst.Module):
            self.suite(node.body)
        elif isinstance(node, cst.Lambda):
            self.cfg.parameters = tuple(parameter_names(node.params))
            place = self.value(node.body)
            if self.cursor is not None:
                self.place(ops.Bind(RESULT, place, node=node))
                self.place(ops.Forget())
        else:
            self.cfg.parameters = tuple(parameter_names(node.params))
            self.cfg.annotations = dict(self._annotations(node.params))
            self.cfg.asynchronous = node.asynchronous is not None
            self.suite(node.body)
        if self.cursor is not None:
            last = node.body if isinstance(node, cst.Lambda) else _last(node)
            self.place(ops.Join("end", last))
            self.cfg.connect(self.cursor, RETURN)

    def _annotations(self, parameters: cst.Parameters) -> Iterator[tuple[str, str]]:
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params):
            if parameter.annotation is None:
                continue
            annotation = parameter.annotation.annotation
            if isinstance(annotation, cst.SimpleString):
                annotation = _parsed(annotation)
            for kind in _alternatives(annotation):
                name = self.dotted(kind)
                if name:
                    yield parameter.name.value, name
                    break


def _parsed(text: cst.SimpleString) -> cst.BaseExpression:
    try:
        return cst.parse_expression(str(text.evaluated_value))
    except cst.ParserSyntaxError:
        return text


def _alternatives(annotation: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """The types of ``X``, ``X | None`` and ``Optional[X]``."""
    if isinstance(annotation, cst.BinaryOperation):
        yield from (annotation.left, annotation.right)
    elif isinstance(annotation, cst.Subscript):
        for element in annotation.slice:
            if isinstance(element.slice, cst.Index):
                yield element.slice.value
        yield annotation.value
    else:
        yield annotation


def _last(node: cst.FunctionDef | cst.Module) -> cst.CSTNode:
    body = node.body.body if isinstance(node, cst.FunctionDef) else node.body
    return body[-1] if body else node


def _loaded(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
