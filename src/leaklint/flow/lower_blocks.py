"""Suites and the statements that protect them: ``try`` and ``with``.

``try: work(f)`` / ``finally: f.close()`` pushes a frame that can lower the body of the ``finally`` again and again:
once for the way on which control falls through, and a copy for each jump that unwinds the frame.
"""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from leaklint.catalogue.model import Catalogue, Effect
from leaklint.flow import ops
from leaklint.flow.cfg import Cfg, EdgeKind
from leaklint.flow.frames import ANY, CANCELLED, Catches, Finally, Handler, Thrown, Try, With, cancels
from leaklint.flow.lower_patterns import Patterns
from leaklint.flow.scope import Scope

_ANY_CAUGHT = (ANY, CANCELLED)


class Blocks(Patterns):
    """Suites, try and with."""

    def __init__(self, scope: Scope, catalogue: Catalogue, cfg: Cfg) -> None:
        super().__init__(scope, catalogue, cfg)
        self.caught: tuple[Thrown, ...] = _ANY_CAUGHT
        self.caught_as = ""

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
            if starred:
                # What a handler of ``except*`` raises goes on when the others have had their parts.
                others = [Handler(("?",), later.entry) for later in handlers[index + 1 :]]
                self.unwinder.frames = (*guarded, Try(others, several=True)) if others else guarded
            self._handler(handler, clause)
            self.unwinder.frames = guarded
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
        names = tuple(self._class_name(kind) for kind in _kinds(clause))
        return names or (("?",) if clause.type is not None else ())

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
        for kind in _kinds(clause):
            self.value(kind)
        name = clause.name.name if clause.name is not None else None
        self.caught_as = name.value if isinstance(name, cst.Name) else ""
        if self.caught_as and self.cursor is not None:
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
            frame = With(ops.Leave(manager, asynchronous, item), self._swallows(item.item))
            managers.append((manager, frame))
            self.unwinder.frames = (*self.unwinder.frames, frame)
            if item.asname is not None:
                self.assign(item.asname.name, entered, node=node)
            if self.cursor is not None:
                self.place(ops.Forget())
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


def _kinds(clause: cst.ExceptHandler | cst.ExceptStarHandler) -> list[cst.BaseExpression]:
    """The expressions of the classes that a handler catches."""
    if isinstance(clause.type, cst.Tuple):
        return [element.value for element in clause.type.elements]
    return [clause.type] if clause.type is not None else []
