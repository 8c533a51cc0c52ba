"""Functions that a framework registers as handlers: by decorators, by the app that an adapter serves, by resolvers.

What a name stands for is told by the module's own imports; methods of an object count when the module itself makes it
(``app = Chalice(...)``). Methods of Powertools' helpers go by their names alone, since ``logger`` is often imported
from a module of the project.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leaklint.handlers.conventions import Entry, FunctionNode, statements
from leaklint.syntax.names import Names, module_names

WORDS = (
    b"Mangum", b"apig_wsgi", b"aws_lambda_powertools", b"azure", b"capture_lambda_handler", b"chalice",
    b"functions_framework", b"inject_lambda_context", b"log_metrics",
)  # fmt: skip
"""a file that registers a handler with one of the frameworks has one of these in it"""


@dataclass(frozen=True, slots=True)
class _App:
    """An object whose methods, used as decorators, register functions."""

    source: str
    name: str
    """as people call it"""
    constructors: tuple[str, ...]
    methods: tuple[str, ...]
    """exact names, or endings that begin with ``*``"""


@dataclass(frozen=True, slots=True)
class _Decorator:
    """A function that registers what it decorates, by its module's beginning and its own name."""

    source: str
    name: str
    prefix: str
    names: frozenset[str]


_ROUTES = ("get", "post", "put", "patch", "delete", "head", "options", "route", "api_route", "websocket")
_APPS = (
    _App(
        "chalice",
        "Chalice",
        ("chalice.Chalice", "chalice.Blueprint", "chalice.app.Chalice", "chalice.app.Blueprint"),
        ("route", "lambda_function", "schedule", "authorizer", "on_s3_event", "on_sns_message", "on_sqs_message",
         "on_cw_event", "on_kinesis_record", "on_dynamodb_record", "on_ws_connect", "on_ws_message",
         "on_ws_disconnect"),
    ),
    _App(
        "azure",
        "Azure Functions",
        ("azure.functions.FunctionApp", "azure.functions.Blueprint", "azure.durable_functions.DFApp",
         "azure.durable_functions.Blueprint"),
        ("route", "schedule", "function_name", "*_trigger"),
    ),
    _App(
        "powertools",
        "Powertools",
        tuple(
            f"aws_lambda_powertools.event_handler.{module}{name}"
            for module, names in (
                ("", ("APIGatewayRestResolver", "APIGatewayHttpResolver", "ALBResolver", "LambdaFunctionUrlResolver",
                      "VPCLatticeResolver", "VPCLatticeV2Resolver", "AppSyncResolver", "AppSyncEventsResolver",
                      "BedrockAgentResolver", "BedrockAgentFunctionResolver", "ApiGatewayResolver")),
                ("api_gateway.", ("APIGatewayRestResolver", "APIGatewayHttpResolver", "ALBResolver", "Router",
                                  "ApiGatewayResolver")),
                ("router.", ("APIGatewayRouter", "APIGatewayHttpRouter", "ALBRouter", "LambdaFunctionUrlRouter")),
                ("appsync.", ("AppSyncResolver", "Router")),
            )
            for name in names
        ),
        (*_ROUTES, "resolver", "batch_resolver", "async_batch_resolver", "on_publish", "on_subscribe", "tool"),
    ),
)  # fmt: skip
_DECORATORS = (
    _Decorator(
        "functions-framework",
        "functions_framework",
        "functions_framework.",
        frozenset({"http", "cloud_event", "typed"}),
    ),
    _Decorator(
        "powertools",
        "Powertools",
        "aws_lambda_powertools.",
        frozenset({"event_source", "event_parser", "idempotent", "validator", "batch_processor",
                   "async_batch_processor", "sqs_batch_processor"}),
    ),
)  # fmt: skip
_METHODS: Mapping[str, tuple[str, str]] = {
    "inject_lambda_context": ("powertools", "Powertools"),
    "capture_lambda_handler": ("powertools", "Powertools"),
    "log_metrics": ("powertools", "Powertools"),
}
_ADAPTERS: Mapping[str, str] = {
    "mangum.Mangum": "Mangum",
    "mangum.adapter.Mangum": "Mangum",
    "apig_wsgi.make_lambda_handler": "apig-wsgi",
}


@dataclass(frozen=True, slots=True)
class Adapter:
    """``function = Mangum(app)``: a handler that is no function of the module."""

    function: str
    reason: str
    line: int


def names_of(tree: ast.Module) -> Names:
    """What the imports of the module itself, not those inside of functions, say of its names."""
    imports = [node for node in statements(tree.body) if isinstance(node, ast.Import | ast.ImportFrom)]
    return module_names(tree, imports, lambda name: False)


def handlers(tree: ast.Module, names: Names | None = None) -> tuple[Entry, ...]:
    """The functions at module level that a framework registers, in their order; each with its first reason.

    ``names`` says what the module's names stand for; its imports are read when it is not given.
    """
    names = names or names_of(tree)
    apps = dict(_apps(tree, names))
    served = {name for adapter in _adapters(tree, names) for name in adapter[1]}
    found: list[Entry] = []
    for node in statements(tree.body):
        if isinstance(node, FunctionNode):
            entry = next((e for d in node.decorator_list if (e := _entry(node, d, names, apps, served))), None)
            found.extend([entry] if entry is not None else [])
    return tuple(found)


def adapters(tree: ast.Module, names: Names | None = None) -> tuple[Adapter, ...]:
    """The handlers that are made by handing an app to an adapter, in their order."""
    return tuple(adapter for adapter, _ in _adapters(tree, names or names_of(tree)))


def _entry(
    node: FunctionNode, decorator: ast.expr, names: Names, apps: Mapping[str, _App], served: set[str]
) -> Entry | None:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    full = names.dotted(target)
    for known in _DECORATORS:
        if full.startswith(known.prefix) and full.rpartition(".")[2] in known.names:
            return Entry(node.name, f"decorated with {ast.unparse(target)} of {known.name}", node, known.source)
    if not isinstance(target, ast.Attribute):
        return None
    if target.attr in _METHODS:
        source, name = _METHODS[target.attr]
        return Entry(node.name, f"decorated with {ast.unparse(target)} of {name}", node, source)
    owner = target.value.id if isinstance(target.value, ast.Name) else ""
    app = apps.get(owner)
    if app is not None and any(_matches(target.attr, method) for method in app.methods):
        return Entry(node.name, f"decorated with {owner}.{target.attr} of {app.name}", node, app.source)
    if owner in served and target.attr in _ROUTES:
        return Entry(
            node.name, f"decorated with {owner}.{target.attr} of the app that an adapter serves", node, "adapter"
        )
    return None


def _matches(method: str, pattern: str) -> bool:
    return method.endswith(pattern[1:]) if pattern.startswith("*") else method == pattern


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.Call, int]]:
    """(name, call, line) of each ``name = call()`` of the module."""
    for node in statements(tree.body):
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from ((t.id, node.value, node.lineno) for t in targets if isinstance(t, ast.Name))


def _apps(tree: ast.Module, names: Names) -> Iterator[tuple[str, _App]]:
    for name, call, _ in _assigned(tree):
        full = names.dotted(call.func)
        yield from ((name, app) for app in _APPS if full in app.constructors)


def _adapters(tree: ast.Module, names: Names) -> Iterator[tuple[Adapter, tuple[str, ...]]]:
    """Each adapter with the names that are handed to it."""
    for name, call, line in _assigned(tree):
        adapter = _ADAPTERS.get(names.dotted(call.func))
        if adapter is not None:
            handed = [*call.args, *(keyword.value for keyword in call.keywords)]
            apps = tuple(node.id for node in handed if isinstance(node, ast.Name))
            yield Adapter(name, f"made by {adapter}", line), apps
