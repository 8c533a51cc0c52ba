"""Handlers by convention, and what they reach."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest

from leaklint.handlers.conventions import event_name, handlers, reachable


def found(source: str) -> dict[str, str]:
    return {entry.function: entry.reason for entry in handlers(ast.parse(dedent(source)))}


def reached(source: str, *entries: str) -> set[str]:
    return set(reachable(ast.parse(dedent(source)), entries))


@pytest.mark.parametrize(
    "signature",
    [
        "event, context",
        "_event, _context",
        "evt, ctx",
        "event, _",
        "event, __",
        "event: dict, context: object",
        "event, context, /",
        "event, context, *rest",
        "event, context, table=None",
        "event, context, *, table=None",
        "lambda_event, lambda_context",
        "event={}, context=None",
    ],
)
def test_parameters_make_a_handler(signature: str) -> None:
    assert list(found(f"def work({signature}): ...")) == ["work"]
    assert list(found(f"async def work({signature}): ...")) == ["work"]


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "event",
        "context, event",
        "event, context, table",
        "event, context, *, table",
        "self, event, context",
        "request, response",
        "*args",
        "_, __",
    ],
)
def test_other_parameters_do_not(signature: str) -> None:
    assert found(f"def work({signature}): ...") == {}


def test_the_reason_names_what_was_seen() -> None:
    assert found("def work(evt, _ctx): ...") == {"work": "its parameters are named (evt, _ctx)"}
    assert found("def lambda_handler(*args): ...") == {"lambda_handler": "it is named lambda_handler"}


def test_names_make_a_handler() -> None:
    assert set(found("def handler(request): ...\ndef lambda_handler(): ...")) == {"handler", "lambda_handler"}
    assert set(found("def order_handler(a, b): ...\ndef any_handler(*args): ...")) == {"order_handler", "any_handler"}
    assert found("def order_handler(a): ...\ndef order_handler_factory(a, b): ...") == {}


def test_methods_and_nested_functions_are_none() -> None:
    assert found("class A:\n    def handler(self, event, context): ...") == {}
    assert found("def make():\n    def handler(event, context): ...") == {}


def test_branches_of_the_module_count() -> None:
    source = """
        if DEBUG:
            def handler(event, context): ...
        try:
            import x
        except ImportError:
            def main(event, context): ...
        else:
            with y:
                def other(event, context): ...
        match z:
            case 1:
                def last(event, context): ...
    """
    assert list(found(source)) == ["handler", "main", "other", "last"]


def test_the_event_is_the_first_parameter() -> None:
    [entry] = handlers(ast.parse("def handler(payload, context): ..."))
    assert event_name(entry.node) == "payload"
    [entry] = handlers(ast.parse("def handler(): ..."))
    assert event_name(entry.node) == ""


def test_a_call_by_name_reaches() -> None:
    source = """
        def handler(event, context): first()
        def first(): second()
        def second(): first()
        def other(): first()
    """
    assert reached(source, "handler") == {"handler", "first", "second"}
    assert reached(source, "missing") == set()


def test_a_function_that_is_handed_on_is_reached() -> None:
    source = """
        def handler(event, context):
            pool.map(work, event)
            Thread(target=run)
        def work(x): ...
        def run(): ...
    """
    assert reached(source, "handler") == {"handler", "work", "run"}


def test_a_context_manager_is_reached() -> None:
    assert reached("def handler(e, c):\n    with opened() as f: ...\ndef opened(): ...", "handler") == {
        "handler",
        "opened",
    }


def test_construction_and_methods_of_known_instances() -> None:
    source = """
        class Service:
            def __init__(self): self.prepare()
            def __enter__(self): ...
            def prepare(self): ...
            def run(self): ...
            def idle(self): ...
            @classmethod
            def make(cls): ...
        def handler(event, context):
            service = Service()
            service.run()
            Service.make()
    """
    methods = {"Service.__init__", "Service.__enter__", "Service.prepare", "Service.run", "Service.make"}
    assert reached(source, "handler") == {"handler"} | methods


def test_instances_of_the_module_and_of_a_with() -> None:
    source = """
        class Service:
            def run(self): ...
            def stop(self): ...
        service = Service()
        def handler(event, context):
            service.run()
            with Service() as other:
                other.stop()
    """
    assert reached(source, "handler") == {"handler", "Service.run", "Service.stop"}


def test_inherited_methods_and_super() -> None:
    source = """
        class Base:
            def run(self): self.step()
            def step(self): ...
        class Derived(Base):
            def step(self): super().step()
        def handler(event, context):
            Derived().run()
            Derived().step()
    """
    assert reached(source, "handler") == {"handler", "Base.run", "Base.step", "Derived.step"}


def test_a_class_that_is_its_own_base_ends() -> None:
    assert reached("class A(A): ...\ndef handler(e, c): A().run()", "handler") == {"handler"}


def test_nested_functions_are_reached_when_they_are_called() -> None:
    source = """
        def handler(event, context):
            def inner(): helper()
            def unused(): other()
            inner()
        def helper(): ...
        def other(): ...
    """
    assert reached(source, "handler") == {"handler", "handler.inner", "helper"}


def test_a_nested_function_shadows_one_of_the_module() -> None:
    source = """
        def handler(event, context):
            def work(): ...
            work()
        def work(): ...
    """
    assert reached(source, "handler") == {"handler", "handler.work"}


def test_every_definition_of_a_name_counts() -> None:
    source = """
        if fast:
            def handler(event, context): quick()
        else:
            def handler(event, context): thorough()
        def quick(): ...
        def thorough(): ...
    """
    assert reached(source, "handler") == {"handler", "quick", "thorough"}


def test_depth_is_no_limit() -> None:
    calls = "\n".join(f"def f{i}(): f{i + 1}()" for i in range(3000))
    assert len(reached(f"{calls}\ndef f3000(): ...", "f0")) == 3001
