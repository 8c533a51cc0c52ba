"""Functions and classes that are defined inside, and the annotations that tell types of parameters."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_blocks import Blocks
from leaklint.syntax.names import function_bindings


class Definitions(Blocks):
    """Nested functions and classes."""

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


def _loaded(tree: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
