"""Handlers by convention and what they reach; what declares them in projects; the command that lists them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from leaklint.handlers import discover, frameworks, hcl, in_module
from leaklint.handlers.conventions import event_name, handlers, reachable
from leaklint.handlers.hcl_values import NOT_KNOWN, ROOT, Reference, Scope, evaluate
from leaklint.handlers.model import UNKNOWN, Discovery, Facts, Note
from leaklint.handlers.root import project_root
from tests.command import environment, leaklint


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


def test_what_stands_in_a_table_is_reached() -> None:
    source = """
        ROUTES = {"GET": (read, Service.run), "PUT": [{"then": write}]}
        OTHERS: dict = {"GET": unreached}
        COUNT = 1
        def handler(event, context):
            for step in (check, event):
                step(event)
            return COUNT + ROUTES[event["method"]](event)
        def read(e): ...
        def write(e): ...
        def check(e): ...
        def unreached(e): ...
        class Service:
            def run(): ...
            def stop(): ...
    """
    assert reached(source, "handler") == {"handler", "read", "write", "check", "Service.run"}


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


# discovery in projects


PROJECTS = Path(__file__).parent.parent / "fixtures" / "projects"


def project(name: str) -> Discovery:
    return discover(str(PROJECTS / f"handlers_{name}"))


def places(found: Discovery) -> list[str]:
    return [f"{one.path}:{one.line} {one.function} < {one.template}:{one.template_line}" for one in found.declared]


def facts(found: Discovery) -> dict[str, Facts]:
    return {f"{one.path}:{one.function}": one.facts for one in found.declared}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def declared(root: Path, files: dict[str, str], **arguments: Any) -> list[str]:
    found = discover(str(write(root, files)), **arguments)
    return [f"{one.path}:{one.function}" for one in found.declared]


SAM = """
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties: {Runtime: python3.12, Handler: app.handler, CodeUri: .}
    """
HANDLER = "def handler(event, context): ..."


class TestSam:
    def test_functions(self) -> None:
        assert places(project("sam")) == [
            "src/orders/app.py:1 lambda_handler < template.yaml:24",
            "src/reports/daily.py:1 run < template.yaml:36",
            "src/reports/daily.py:5 dry_run < template.yaml:36",
        ]

    def test_facts_with_globals_parameters_and_conditions(self) -> None:
        assert facts(project("sam")) == {
            "src/orders/app.py:lambda_handler": Facts("python3.12", 512, 10, provisioned=3, reserved=20),
            "src/reports/daily.py:run": Facts("python3.12", 256, 10, provisioned=UNKNOWN, snapstart=True),
            "src/reports/daily.py:dry_run": Facts("python3.12", 256, 10, provisioned=UNKNOWN, snapstart=True),
        }

    def test_the_reason_is_a_sentence_with_its_place(self) -> None:
        assert project("sam").declared[0].reason == "Handler of Orders in template.yaml:24"

    def test_inline_code_keeps_its_lines(self) -> None:
        [code] = project("sam").inline
        template = (PROJECTS / "handlers_sam" / "template.yaml").read_text(encoding="utf-8").splitlines()
        assert code.column == 8
        for line, text in zip(code.lines, code.text.splitlines(), strict=True):
            assert template[line - 1][code.column :].startswith(text.partition("__")[0])
        assert template[code.declared.line - 1].strip() == "def answer(event, context):"
        ast.parse(code.text)

    def test_layers_and_deployed_folders_are_roots_of_imports(self) -> None:
        assert project("sam").import_roots == ("src/orders", "src", "layer/python")

    def test_a_function_that_is_not_there_is_a_note(self) -> None:
        message = "no function app.no_such_function was found for the Handler of Gone"
        assert project("sam").notes == (Note("template.yaml", 61, message),)

    def test_another_language_is_none_of_ours(self, tmp_path: Path) -> None:
        template = """
            Resources:
              F:
                Type: AWS::Serverless::Function
                Properties: {CodeUri: ., Handler: app.handler, Runtime: %s}
        """
        assert declared(tmp_path / "a", {"app.py": HANDLER, "template.yml": template % "nodejs20.x"}) == []
        assert declared(tmp_path / "b", {"app.py": HANDLER, "template.yml": template % "python3.9"}) == [
            "app.py:handler"
        ]


class TestCloudFormation:
    def test_functions(self) -> None:
        assert places(project("cloudformation")) == [
            "src/import_orders/handler.py:1 main < stacks/api.yml:13",
            "worker/worker.py:1 handler < stacks/worker.template.json:7",
        ]

    def test_an_alias_keeps_sandboxes_warm(self) -> None:
        found = facts(project("cloudformation"))["src/import_orders/handler.py:main"]
        assert found == Facts("python3.11", 1024, provisioned=2)

    def test_joined_code_keeps_its_lines(self) -> None:
        [code] = project("cloudformation").inline
        assert (code.text, code.lines, code.column) == (
            "def handler(event, context):\n    return event",
            (35, 36),
            None,
        )

    def test_a_broken_template_is_a_note(self) -> None:
        [note] = project("cloudformation").notes
        assert (note.path, note.line) == ("stacks/broken.yaml", 7)

    @pytest.mark.parametrize(
        "content",
        [
            b"AWS::Lambda::Function: [",
            b"AWS::Lambda::Function\xff",
            b"Resources: &a [*a, AWS::Lambda::Function]",
            b"# AWS::Lambda::Function\n" + b"[" * 100_000,
            b"# AWS::Lambda::Function\n" + b"- " * 100_000,
            b"# AWS::Lambda::Function\n" + b"? " * 100_000,
            b"AWS::Lambda::Function\n---\n- 1\n--- {}\n",
            b"Resources: {A: AWS::Lambda::Function, B: {Type: AWS::Lambda::Function}, C: {Type: AWS::Lambda::Function,"
            b" Properties: [1]}}",
            b"!!python/object/apply:os.system ['AWS::Lambda::Function']",
        ],
    )
    def test_nothing_in_a_template_is_an_error(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "template.yaml").write_bytes(content)
        assert discover(str(tmp_path)).declared == ()

    def test_aliases_of_aliases_take_no_time(self, tmp_path: Path) -> None:
        levels = "".join(f"a{i + 1}: &a{i + 1} [{f'*a{i}, ' * 9}]\n" for i in range(30))
        template = "a0: &a0 AWS::Lambda::Function\n" + levels + "Resources: *a30\n"
        assert declared(tmp_path, {"template.yaml": template, "app.py": HANDLER}) == []

    def test_what_the_cdk_has_written_leads_to_the_originals(self, tmp_path: Path) -> None:
        template = """
            {"Resources": {"F": {"Type": "AWS::Lambda::Function", "Metadata": {"aws:asset:path": "asset.1"},
             "Properties": {"Runtime": "python3.12", "Handler": "app.handler",
              "Code": {"S3Bucket": {"Fn::Sub": "x"}}}}}}
        """
        first, second = f"{HANDLER}\nONE = 1\n", f"{HANDLER}\nTWO = 2\n"
        files = {
            "cdk.json": "{}",
            "cdk.out/Stack.template.json": template,
            "cdk.out/asset.1/app.py": second,
            "code/one/app.py": first,
            "code/two/app.py": second,
        }
        assert declared(tmp_path / "app", files) == ["code/two/app.py:handler"]
        del files["cdk.json"]
        assert declared(tmp_path / "no_app", files) == []


class TestServerless:
    def test_functions(self) -> None:
        assert places(project("serverless")) == [
            "src/jobs.py:1 nightly < functions/extra.yml:3",
            "src/orders.py:1 list < serverless.yml:13",
            "src/orders.py:5 get < serverless.yml:18",
            "src/dev.py:1 get < serverless.yml:24",
        ]

    def test_facts(self) -> None:
        found = facts(project("serverless"))
        assert found["src/orders.py:list"] == Facts("python3.12", 640, 20, 2, UNKNOWN, snapstart=True)
        assert found["src/orders.py:get"] == Facts("python3.12", 640, 5)

    def test_layers(self) -> None:
        assert "layer/python" in project("serverless").import_roots

    def test_the_wsgi_handler_stands_for_the_app(self, tmp_path: Path) -> None:
        service = """
            provider: {name: aws, runtime: python3.12}
            custom: {wsgi: {app: shop.web.app}}
            functions: {api: {handler: wsgi_handler.handler}}
        """
        assert declared(tmp_path, {"serverless.yml": service, "shop/web.py": "app = make()"}) == ["shop/web.py:app"]


class TestTerraform:
    def test_functions(self) -> None:
        assert places(project("terraform")) == [
            "lambdas/orders_api/main.py:1 lambda_handler < live/main.tf:16",
            "lambdas/images/resize.py:1 handler < live/main.tf:25",
            "lambdas/images/crop.py:1 handler < live/main.tf:25",
            "lambdas/report/report.py:1 run < live/main.tf:37",
        ]

    def test_facts(self) -> None:
        assert facts(project("terraform")) == {
            "lambdas/orders_api/main.py:lambda_handler": Facts("python3.11", 128, snapstart=True),
            "lambdas/images/resize.py:handler": Facts("python3.12", 1024, snapstart=True),
            "lambdas/images/crop.py:handler": Facts("python3.12", 256, snapstart=True),
            "lambdas/report/report.py:run": Facts("python3.12", None, 900, provisioned=4, reserved=UNKNOWN),
        }

    def test_code_in_the_configuration(self) -> None:
        [code] = project("terraform").inline
        assert (code.template, code.lines, code.column, code.declared.line) == (
            "live/main.tf",
            (72, 73, 74, 75, 76),
            6,
            75,
        )

    def test_layers(self) -> None:
        assert "layers/shared/python" in project("terraform").import_roots

    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ('"a${"b"}c"', "abc"),
            ('"$${a}"', "${a}"),
            (r'"a\"b\n"', 'a"b\n'),
            ("[1, true, null]", [1, True, None]),
            ('{ a = 1, "b" : "c", (local.name) = 2 }', {"a": 1, "b": "c", "x": 2}),
            ("local.name", "x"),
            ("local.itself", NOT_KNOWN),
            ("var.given", "argument"),
            ("var.missing", NOT_KNOWN),
            ('"${path.module}/a"', f"{ROOT}/modules/m/a"),
            ('var.given == "argument" ? "yes" : "no"', "yes"),
            ('var.missing ? "" : "no"', "no"),
            ('replace("A-b c", "/[^a-z]+/", "_")', "_b_c"),
            ('replace("aaa", "/(a+)+$/", "_")', NOT_KNOWN),
            ('format("%s-%s", "a", 1)', "a-1"),
            ('format("%999999999d", 1)', NOT_KNOWN),
            ('join("-", ["a", "b"])', "a-b"),
            ('lookup({ a = "b" }, "a")', "b"),
            ("[for x in y : x]", NOT_KNOWN),
            ("data.archive_file.code[0].output_path", Reference(("data", "archive_file", "code", "output_path"))),
            ("nonsense(", NOT_KNOWN),
            ("(" * 500 + ")" * 500, NOT_KNOWN),
        ],
    )
    def test_expressions(self, expression: str, value: object) -> None:
        body = hcl.parse('locals {\n  name = "x"\n  itself = local.itself\n}\n').blocks[0]
        scope = Scope("modules/m", "live", {"given": "argument"}, body.attributes)
        assert evaluate(hcl.tokens(expression), scope) == value

    def test_values_that_double_stay_small(self) -> None:
        doubled = "".join(f'  a{i} = "${{local.a{i + 1}}}${{local.a{i + 1}}}"\n' for i in range(20))
        body = hcl.parse(f'locals {{\n{doubled}  a20 = "{"x" * 100}"\n}}\n').blocks[0]
        assert evaluate(hcl.tokens("local.a0"), Scope(".", ".", {}, body.attributes)) is NOT_KNOWN

    @pytest.mark.parametrize(
        "text",
        [
            "}}}",
            'resource "a" {',
            'a = "unclosed\nb = 1',
            "<<EOT\nnever ends",
            "a = [\n(",
            "/* never ends",
            "\0\0",
            "{" * 5000,
        ],
    )
    def test_nothing_in_a_configuration_is_an_error(self, tmp_path: Path, text: str) -> None:
        hcl.parse(text)
        broken = f'# "aws_lambda_function"\n{text}\n'
        assert declared(tmp_path, {"main.tf": broken, "app.py": HANDLER}) == []

    def test_what_follows_an_unclosed_string_is_read(self) -> None:
        assert set(hcl.parse('a = "unclosed\nb = 1\n').attributes) == {"a", "b"}

    def test_modules_that_call_each_other_end(self, tmp_path: Path) -> None:
        function = """
            variable "name" {
              default = "app.handler"
            }
            resource "aws_lambda_function" "this" {
              runtime = "python3.12"
              handler = var.name
              filename = "code.zip"
            }
            module "again" {
              source = "../%s"
            }
        """
        files = {"a/main.tf": function % "b", "b/main.tf": function % "a", "app.py": HANDLER}
        assert set(declared(tmp_path, files)) == {"app.py:handler"}


class TestImages:
    def test_commands(self) -> None:
        assert places(project("image")) == [
            "api/src/app.py:5 second < template.yaml:11",
            "api/src/app.py:1 handler < api/Dockerfile:7",
            "batch/jobs.py:1 nightly < batch/batch.Dockerfile:4",
        ]

    def test_an_image_of_sam_has_the_facts_of_the_template(self) -> None:
        assert facts(project("image"))["api/src/app.py:second"] == Facts(memory=2048)

    @pytest.mark.parametrize(
        ("command", "found"),
        [
            ('CMD ["app.handler"]', True),
            ("CMD app.handler", True),
            ('cmd [ "app.handler" ]', True),
            ('ENTRYPOINT ["python", "-m", "awslambdaric", "app.handler"]', True),
            ('ENTRYPOINT ["/entry.sh", "app.handler"]', True),
            ('CMD ["app.py"]', False),
            ('CMD ["python", "-m", "app.handler"]', False),
            ('CMD ["uvicorn", "app.handler"]', False),
            ('CMD ["app.handler"\n', False),
            ('# CMD ["app.handler"]', False),
            ('CMD ["app.handler"]\nFROM scratch\nCMD ["other"]', False),
        ],
    )
    def test_what_is_a_command_of_lambda(self, tmp_path: Path, command: str, found: bool) -> None:
        files = {"Dockerfile": f"FROM python:3.12\nCOPY . .\n{command}\n", "app.py": f"{HANDLER}\npy = 1\n"}
        expected = ["app.py:py"] if "app.py" in command else ["app.py:handler"]
        assert declared(tmp_path, files) == (expected if found else [])


class TestCdk:
    def test_python(self) -> None:
        assert places(project("cdk_python")) == [
            "lambdas/orders/app.py:1 handler < stacks/shop.py:19",
            "lambdas/images/resize.py:1 handler < stacks/shop.py:29",
            "lambdas/reports/reports.py:1 run < stacks/shop.py:34",
            "lambdas/orders/app.py:1 handler < stacks/shop.py:49",
        ]

    def test_facts_of_python(self) -> None:
        found = [one.facts for one in project("cdk_python").declared]
        assert found[0] == Facts("python3.12", 512, 120, provisioned=3, reserved=5, snapstart=True)
        assert found[1:3] == [Facts(), Facts("python3.13", timeout=UNKNOWN)]

    def test_code_in_a_stack(self) -> None:
        [code] = project("cdk_python").inline
        assert (code.template, code.lines, code.column) == ("stacks/shop.py", (43, 44, 45), 0)

    def test_layers_of_python(self) -> None:
        assert project("cdk_python").import_roots[-1] == "layers/shared"

    def test_without_an_app_nothing_is_read(self, tmp_path: Path) -> None:
        stack = "import aws_cdk\nFunction(self, 'F', handler='app.handler', code=Code.from_asset('.'))\n"
        assert declared(tmp_path, {"stack.py": stack, "app.py": HANDLER}) == []
        assert declared(tmp_path / "app", {"stack.py": stack, "app.py": HANDLER, "cdk.json": "{}"}) == [
            "app.py:handler"
        ]

    def test_a_folder_that_is_computed_is_not_known(self, tmp_path: Path) -> None:
        stack = "import aws_cdk\nFunction(self, 'F', handler='app.handler', code=Code.from_asset(folder()))\n"
        files = {"stack.py": stack, "cdk.json": "{}", "a/app.py": HANDLER, "b/app.py": HANDLER}
        assert declared(tmp_path, files) == []

    def test_typescript(self) -> None:
        assert places(project("cdk_typescript")) == [
            "lambdas/orders/app.py:1 handler < infra/lib/shop.ts:12",
            "lambdas/images/resize.py:1 handler < infra/lib/shop.ts:21",
        ]

    def test_facts_of_typescript(self) -> None:
        found = [one.facts for one in project("cdk_typescript").declared]
        assert found == [Facts("python3.12", 512, 30, reserved=5, snapstart=True), Facts("python3.13")]


class TestChaliceAndZappa:
    def test_chalice(self) -> None:
        found = project("chalice")
        assert [f"{one.path}:{one.line} {one.function}" for one in found.declared] == [
            "app.py:9 order",
            "app.py:14 sweep",
            "chalicelib/jobs.py:7 received",
        ]
        assert facts(found)["app.py:order"] == Facts(memory=256)
        assert facts(found)["app.py:sweep"] == Facts(memory=256, timeout=300, reserved=1)

    def test_zappa(self) -> None:
        found = project("zappa")
        assert places(found) == [
            "shop/web.py:3 app < zappa_settings.json:5",
            "shop/jobs.py:1 nightly < zappa_settings.json:6",
            "shop/web.py:3 app < zappa_settings.json:5",
            "shop/jobs.py:1 nightly < zappa_settings.json:6",
        ]
        assert found.declared[2].facts == Facts("python3.12", 512, 30)


class TestFrameworks:
    @pytest.mark.parametrize(
        ("module", "expected"),
        [
            ("adapter", {"orders": "decorated with app.get of the app that an adapter serves"}),
            (
                "azure",
                {
                    "sweep": "decorated with app.timer_trigger of Azure Functions",
                    "place": "decorated with app.route of Azure Functions",
                },
            ),
            ("google", {"web": "decorated with ff.http of functions_framework"}),
            (
                "powertools",
                {
                    "orders": "decorated with app.get of Powertools",
                    "serve": "decorated with logger.inject_lambda_context of Powertools",
                    "consume": "decorated with event_source of Powertools",
                },
            ),
        ],
    )
    def test_decorators(self, module: str, expected: dict[str, str]) -> None:
        source = (PROJECTS / "handlers_frameworks" / f"{module}.py").read_text(encoding="utf-8")
        assert {entry.function: entry.reason for entry in frameworks.handlers(ast.parse(source))} == expected

    def test_an_adapter_makes_a_handler(self) -> None:
        source = (PROJECTS / "handlers_frameworks" / "adapter.py").read_text(encoding="utf-8")
        [adapter] = frameworks.adapters(ast.parse(source))
        assert (adapter.function, adapter.line, adapter.reason) == ("handler", 22, "made by Mangum")

    def test_a_namesake_of_an_adapter_makes_none(self) -> None:
        assert frameworks.adapters(ast.parse("from zoo import Mangum\nhandler = Mangum(app)")) == ()

    def test_a_decorator_says_more_than_the_signature(self) -> None:
        source = "from aws_lambda_powertools import Tracer\ntracer = Tracer()\n\n@tracer.capture_lambda_handler\n"
        [entry] = in_module(ast.parse(f"{source}{HANDLER}"))
        assert (entry.source, entry.reason) == (
            "powertools",
            "decorated with tracer.capture_lambda_handler of Powertools",
        )
        [entry] = in_module(ast.parse(HANDLER))
        assert entry.source == "signature"


class TestSettings:
    def test_by_path_and_by_name(self, tmp_path: Path) -> None:
        files = {"src/shop/jobs.py": "def nightly(): ...", "tool.py": "def run(): ..."}
        configured = ["tool.py:run", "shop.jobs.nightly"]
        assert declared(tmp_path, files, configured=configured) == ["tool.py:run", "src/shop/jobs.py:nightly"]

    def test_what_is_not_there_is_a_note(self, tmp_path: Path) -> None:
        write(tmp_path, {"tool.py": "def run(): ..."})
        found = discover(str(tmp_path), configured=["tool.py:walk", "../tool.py:run", "tool.fly"])
        assert found.declared == ()
        assert len(found.notes) == 3

    def test_they_come_first(self, tmp_path: Path) -> None:
        template = """
            Resources:
              F:
                Type: AWS::Serverless::Function
                Properties: {CodeUri: ., Handler: app.handler, Runtime: python3.12}
        """
        root = write(tmp_path, {"app.py": HANDLER, "template.yaml": template})
        found = discover(str(root), configured=["app.handler"])
        assert [one.source for one in found.declared] == ["configuration", "sam"]


class TestLocating:
    TEMPLATE = """
        Resources:
          F:
            Type: AWS::Lambda::Function
            Properties:
              Runtime: python3.12
              Handler: {handler}
              Code: {code}
    """

    def found(self, root: Path, handler: str, files: dict[str, str], code: str = "code") -> list[str]:
        template = dedent(self.TEMPLATE).format(handler=handler, code=code)
        return declared(root, {"template.yaml": template, **files})

    @pytest.mark.parametrize(
        ("handler", "file"),
        [
            ("app.handler", "code/app.py"),
            ("./app.handler", "code/app.py"),
            ("pkg.app.handler", "code/pkg/app.py"),
            ("pkg/app.handler", "code/pkg/app.py"),
            ("pkg.handler", "code/pkg/__init__.py"),
            ("get-order.handler", "code/get-order.py"),
        ],
    )
    def test_spellings(self, tmp_path: Path, handler: str, file: str) -> None:
        assert self.found(tmp_path, handler, {file: HANDLER}) == [f"{file}:handler"]

    @pytest.mark.parametrize(
        "handler", ["handler", "app", ".handler", "app.", "app:handler", "com.App::run", "a b", "é.é"]
    )
    def test_what_names_no_function(self, tmp_path: Path, handler: str) -> None:
        assert self.found(tmp_path, f"'{handler}'", {"code/app.py": HANDLER}) == []

    @pytest.mark.parametrize(
        ("module", "expected"),
        [
            (HANDLER, "code/app.py:handler"),
            ("async def handler(event, context): ...", "code/app.py:handler"),
            ("if True:\n    def handler(event, context): ...", "code/app.py:handler"),
            ("def main(event, context): ...\nhandler = main", "code/app.py:main"),
            ("def main(event, context): ...\nhandler = traced(main)", "code/app.py:main"),
            ("handler = Mangum(app)", "code/app.py:handler"),
            ("from inner import handler", "code/inner.py:handler"),
            ("from .inner import main as handler", "code/inner.py:main"),
            ("from inner import *", "code/inner.py:handler"),
            ("from library import handler", "code/app.py:handler"),
            ("class A:\n    def handler(self, event, context): ...", ""),
            ("def handle(event, context): ...", ""),
            ("from app import handler", "code/app.py:handler"),
            ("handler = handler", "code/app.py:handler"),
        ],
    )
    def test_definitions(self, tmp_path: Path, module: str, expected: str) -> None:
        inner = "def handler(event, context): ...\ndef main(event, context): ..."
        assert self.found(tmp_path, "app.handler", {"code/app.py": module, "code/inner.py": inner}) == (
            [expected] if expected else []
        )

    def test_the_only_module_of_the_name_when_the_folder_is_made_by_a_build(self, tmp_path: Path) -> None:
        files = {"lib/app.py": HANDLER, "lib/other.py": HANDLER}
        assert self.found(tmp_path, "app.handler", files, "build/out.zip") == ["lib/app.py:handler"]

    def test_of_two_the_one_that_the_archive_names(self, tmp_path: Path) -> None:
        files = {"lib/orders/app.py": HANDLER, "lib/reports/app.py": HANDLER}
        assert self.found(tmp_path / "a", "app.handler", files, "build/shop-orders.zip") == [
            "lib/orders/app.py:handler"
        ]
        assert self.found(tmp_path / "b", "app.handler", files, "build/code.zip") == []

    def test_a_module_elsewhere_does_not_stand_for_one_in_the_folder(self, tmp_path: Path) -> None:
        files = {"code/other.py": HANDLER, "lib/app.py": HANDLER}
        assert self.found(tmp_path, "app.handler", files) == []

    def test_nothing_outside_of_the_root(self, tmp_path: Path) -> None:
        write(tmp_path, {"outside/app.py": HANDLER})
        assert self.found(tmp_path / "root", "app.handler", {}, "../outside") == []
        assert self.found(tmp_path / "root", "app.handler", {}, str(tmp_path / "outside")) == []


class TestDiscovery:
    def test_the_files_may_be_given(self, tmp_path: Path) -> None:
        template = dedent(TestLocating.TEMPLATE).format(handler="app.handler", code=".")
        root = write(tmp_path, {"template.yaml": template, "app.py": HANDLER})
        assert len(discover(str(root), ["app.py", "template.yaml"]).declared) == 1
        assert len(discover(str(root), [str(root / "app.py"), str(root / "template.yaml")]).declared) == 1
        assert discover(str(root), ["app.py"]).declared == ()
        assert discover(str(root), ["../app.py", "template.yaml"]).declared == ()

    def test_what_is_written_later_counts(self, tmp_path: Path) -> None:
        root = write(tmp_path, {"app.py": HANDLER})
        assert discover(str(root)).declared == ()
        write(tmp_path, {"template.yaml": SAM})
        assert len(discover(str(root / "." / "")).declared) == 1

    def test_where_nothing_marks_a_project_a_large_tree_is_not_walked(self, tmp_path: Path) -> None:
        files = {f"data/{number}.txt": "" for number in range(5_001)}
        root = write(tmp_path, {"app.py": HANDLER, "template.yaml": SAM, **files})
        found = discover(str(root))
        assert found.declared == ()
        assert [note.message for note in found.notes] == ["templates are not looked for among more than 5,000 files"]
        (root / ".git").mkdir()
        assert len(discover(str(root)).declared) == 1

    def test_without_templates_only_the_settings_count(self, tmp_path: Path) -> None:
        root = write(tmp_path, {"app.py": HANDLER, "template.yaml": SAM})
        assert discover(str(root), templates=False).declared == ()
        found = discover(str(root), configured=["app.handler"], templates=False)
        assert [one.source for one in found.declared] == ["configuration"]

    def test_a_missing_root_has_no_handlers(self, tmp_path: Path) -> None:
        assert discover(str(tmp_path / "missing")).declared == ()

    def test_excluded_and_ignored_folders_are_passed_over(self, tmp_path: Path) -> None:
        template = dedent(TestLocating.TEMPLATE).format(handler="app.handler", code=".")
        files = {f"{folder}/{name}": text for folder in ("node_modules/x", ".aws-sam/build", "ignored", "taken")
                 for name, text in (("template.yaml", template), ("app.py", HANDLER))}  # fmt: skip
        (tmp_path / ".git").mkdir()
        assert declared(tmp_path, {**files, ".gitignore": "ignored/\n"}) == ["taken/app.py:handler"]

    def test_questions(self) -> None:
        found = project("sam")
        assert [one.function for one in found.of("src/reports/daily.py")] == ["run", "dry_run"]
        assert found.of("src/reports/missing.py") == ()
        assert found.code_root("src/orders/deep/helper.py") == "src/orders"
        assert found.code_root("src/helper.py") == "src"
        assert found.code_root("tests/test_it.py") == ""
        assert project("serverless").code_root("tests/test_it.py") == "."

    def test_a_large_file_is_data(self, tmp_path: Path) -> None:
        template = dedent(TestLocating.TEMPLATE).format(handler="app.handler", code=".")
        padding = "# " + "x" * 2_200_000 + "\n"
        assert declared(tmp_path, {"template.yaml": template + padding, "app.py": HANDLER}) == []

    def test_a_source_that_fails_is_a_note(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from leaklint.handlers import terraform

        def fail(collector: object) -> None:
            raise ZeroDivisionError("on\npurpose")

        monkeypatch.setattr(terraform, "read", fail)
        found = discover(str(write(tmp_path, {"main.tf": "", "Dockerfile": 'CMD ["app.handler"]', "app.py": HANDLER})))
        assert [one.path for one in found.declared] == ["app.py"]
        assert [note.message for note in found.notes] == ["terraform: not read: ZeroDivisionError: on"]

    def test_yaml_is_imported_only_for_templates(self, tmp_path: Path) -> None:
        write(
            tmp_path, {"plain/app.py": HANDLER, "plain/data.yml": "a: 1", "sam/template.yaml": "AWS::Lambda::Function"}
        )
        program = (
            "import sys; from leaklint.handlers import discover; discover(sys.argv[1]); print('yaml' in sys.modules)"
        )
        for folder, imported in (("plain", "False"), ("sam", "True")):
            command = [sys.executable, "-c", program, str(tmp_path / folder)]
            done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=True)
            assert done.stdout.strip() == imported


class TestProjectRoot:
    def test_the_order_of_the_marks(self, tmp_path: Path) -> None:
        inner = tmp_path / "a" / "b" / "c"
        inner.mkdir(parents=True)
        assert project_root(str(inner)) == os.path.realpath(inner)
        (tmp_path / "a" / ".git").mkdir()
        assert project_root(str(inner)) == os.path.realpath(tmp_path / "a")
        (tmp_path / "pyproject.toml").write_text("[project]\n")
        assert project_root(str(inner)) == os.path.realpath(tmp_path)
        (tmp_path / "a" / "b" / "pyproject.toml").write_text("[project]\n")
        assert project_root(str(inner)) == os.path.realpath(tmp_path / "a" / "b")
        (tmp_path / "pyproject.toml").write_text("[tool.leaklint]\n")
        assert project_root(str(inner)) == os.path.realpath(tmp_path)
        (tmp_path / "a" / "leaklint.toml").write_text("")
        assert project_root(str(inner)) == os.path.realpath(tmp_path / "a")

    def test_of_a_file_and_of_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("")
        assert project_root(str(tmp_path / "app.py")) == os.path.realpath(tmp_path)
        assert project_root(str(tmp_path / "missing.py")) == os.path.realpath(tmp_path)


class TestCommand:
    @pytest.fixture
    def shop(self, tmp_path: Path) -> Path:
        template = """
            Resources:
              Orders:
                Type: AWS::Serverless::Function
                Properties:
                  CodeUri: orders
                  Handler: app.handler
                  Runtime: python3.12
                  MemorySize: 512
                  ReservedConcurrentExecutions: !Ref Limit
                  SnapStart: {ApplyOn: PublishedVersions}
              Gone:
                Type: AWS::Serverless::Function
                Properties: {CodeUri: orders, Handler: app.gone, Runtime: python3.12}
        """
        return write(
            tmp_path,
            {
                "pyproject.toml": "",
                "template.yaml": template,
                "orders/app.py": f"{HANDLER[:-3]}read()\ndef read(): return open('x').read()\n",
                "tools/sweep.py": HANDLER,
                "tools/plain.py": "def f(a, b): ...",
            },
        )

    def test_the_configuration_names_handlers_or_all_of_them(self, shop: Path) -> None:
        def listed() -> list[str]:
            return [line.split()[1] for line in leaklint("handlers", "-q", cwd=shop).out[1:]]

        plain, swept = (f"{os.path.join('tools', name)}:1" for name in ("plain.py", "sweep.py"))
        (shop / "leaklint.toml").write_text('handlers = ["tools/plain.py:f"]\n')
        assert listed() == [f"{os.path.join('orders', 'app.py')}:1", plain, swept]
        (shop / "leaklint.toml").write_text('handlers = ["tools/plain.py:f"]\nhandler-discovery = false\n')
        assert listed() == [plain]
        (shop / "leaklint.toml").write_text("handlers = 1\n")
        assert leaklint("handlers", cwd=shop).code == 2

    def test_the_table(self, shop: Path) -> None:
        done = leaklint("handlers", cwd=shop)
        assert done.code == 0
        assert [line.split() for line in done.out] == [
            ["HANDLER", "WHERE", "RUNTIME", "MEMORY", "RESERVED", "SNAPSTART", "REACHES", "FOUND"],
            f"handler {os.path.join('orders', 'app.py')}:1 python3.12 512 MB ? yes file "
            "Handler of Orders in template.yaml:6".split(),
            f"handler {os.path.join('tools', 'sweep.py')}:1 its parameters are named (event, context)".split(),
        ]
        assert done.err == ["template.yaml:13: no function app.gone was found for the Handler of Gone"]

    def test_json(self, shop: Path) -> None:
        done = leaklint("handlers", "--output-format", "json", "-q", cwd=shop)
        document = json.loads("\n".join(done.out))
        assert (done.code, done.err, document["schema_version"]) == (0, [], 1)
        assert document["handlers"][0] == {
            "function": "handler",
            "path": os.path.join("orders", "app.py"),
            "line": 1,
            "source": "sam",
            "reason": "Handler of Orders in template.yaml:6",
            "template": "template.yaml",
            "template_line": 6,
            "inline": False,
            "code_root": "orders",
            "runtime": "python3.12",
            "memory": 512,
            "timeout": None,
            "provisioned": None,
            "reserved": "unknown",
            "snapstart": True,
            "reaches": ["read"],
            "acquires": ["file"],
        }
        assert document["handlers"][1]["source"] == "signature"
        assert [note["line"] for note in document["notes"]] == [13]

    def test_the_template_may_stand_outside_of_what_is_asked_for(self, shop: Path) -> None:
        done = leaklint("handlers", "-q", "app.py", cwd=shop / "orders")
        assert [line.split()[:2] for line in done.out[1:]] == [["handler", "app.py:1"]]

    def test_what_is_not_asked_for_is_not_listed(self, shop: Path) -> None:
        done = leaklint("handlers", "tools", "-q", cwd=shop)
        assert len(done.out) == 2

    def test_nothing_found(self, shop: Path) -> None:
        done = leaklint("handlers", "tools/plain.py", cwd=shop)
        assert (done.code, done.out, done.err[0]) == (0, [], "no handlers found")

    def test_a_missing_path(self, shop: Path) -> None:
        assert leaklint("handlers", "missing", cwd=shop).code == 2

    def test_what_the_stream_cannot_encode_is_escaped(self, tmp_path: Path) -> None:
        write(tmp_path, {"pyproject.toml": "", "größe.py": HANDLER})
        done = leaklint("handlers", cwd=tmp_path, env={"PYTHONIOENCODING": "ascii"})
        assert "gr\\xf6\\xdfe.py:1" in done.out[1]

    def test_code_in_a_template_and_adapters_are_listed(self) -> None:
        listed = leaklint(
            "handlers", "-q", "--output-format", "json", "handlers_sam", "handlers_frameworks", cwd=PROJECTS
        )
        found = {(one["path"], one["function"]): one for one in json.loads("\n".join(listed.out))["handlers"]}
        assert found["handlers_frameworks/adapter.py", "handler"]["source"] == "adapter"
        inline = [one for one in found.values() if one["inline"]]
        assert [(one["path"], one["line"], one["function"]) for one in inline] == [
            ("handlers_sam/template.yaml", 49, "answer")
        ]
