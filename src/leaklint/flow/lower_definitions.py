"""Functions, lambdas and classes that are defined inside, and the annotations that tell types of parameters.

A nested function is lowered into a graph of its own, once, however often a copied ``finally`` defines it. Where it
stands, a `Define` says which names around it it reads, and a `Derive` that it keeps its default arguments. The body of
a class runs where it stands; a name that it binds is an attribute from then on.

Example, ``shut = lambda: f.close()`` in a function ``work``::

    %1 = function work.<locals>.<lambda>(f)    captures ``f``; in its own graph, #result = f.close()
    shut = %1
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_blocks import Blocks
from leaklint.flow.ops import Place
from leaklint.flow.scope import Scope
from leaklint.syntax.names import function_bindings


class Definitions(Blocks):
    """Nested functions, lambdas and classes."""

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

    def _Lambda(self, node: cst.Lambda) -> Place:
        parameters = set(parameter_names(node.params))
        defaults = self.defaults(node.params)
        names: set[str] = set()
        stack: list[cst.CSTNode] = [node.body]
        while stack:
            child = stack.pop()
            if isinstance(child, cst.Name):
                names.add(child.value)
            elif isinstance(child, cst.Attribute | cst.Arg):
                stack.append(child.value)
            else:
                stack.extend(child.children)
        captured = sorted((names - parameters) & self._captives())
        result = self.temporary()
        inner = self._inner_scope("<lambda>", frozenset(parameters))
        function = self.lower_nested(node, inner)
        self.place(ops.Define(result, function, tuple(captured)))
        if defaults:
            self.place(ops.Derive(result, defaults, owns=True))
        return result

    def defaults(self, parameters: cst.Parameters) -> tuple[Place, ...]:
        """Lower the default arguments of a function; the places of their values, which the function keeps."""
        found = []
        for parameter in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params):
            if parameter.default is not None:
                found.append(self.value(parameter.default))
        return tuple(place for place in found if place)

    def _captives(self) -> frozenset[str]:
        if self.scope.module:
            return frozenset()
        return self.scope.locals | self.scope.outer | self.scope.nonlocals

    def _inner_scope(self, name: str, names: frozenset[str], **more: object) -> Scope:
        prefix = "" if self.scope.module else f"{self.scope.name}.<locals>."
        path = "".join(f"{p}." for p, _ in self.classes[-1:])
        return Scope(
            name=f"{prefix}{path}{name}",
            locals=names,
            outer=self._captives(),
            event="" if self.scope.event in names else self.scope.event,
            follow=self.scope.follow,
            texts=self.scope.texts,
            variable=self.scope.variable,
            resolve=self.scope.resolve if self.scope.module else self.scope.dotted,
            **more,  # type: ignore[arg-type]
        )

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

    def annotations(self, parameters: cst.Parameters) -> Iterator[tuple[str, str]]:
        """The parameters whose annotation names a type, with its dotted name."""
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


def parameter_names(parameters: cst.Parameters) -> list[str]:
    """The names of all parameters, starred ones last."""
    found = [p.name.value for p in (*parameters.posonly_params, *parameters.params, *parameters.kwonly_params)]
    stars = (parameters.star_arg, parameters.star_kwarg)
    return found + [star.name.value for star in stars if isinstance(star, cst.Param)]
