"""What templates say reaches the findings: handlers, roots of imports, concurrency, snapshots, versions of Python."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from leaklint.config import Settings
from leaklint.deployment import Deployments
from leaklint.finding import Finding
from leaklint.run import run

TEMPLATE = """
    Resources:
      Orders:
        Type: AWS::Serverless::Function
        Properties:
          Runtime: {runtime}
          Handler: app.main
          CodeUri: orders/
          {more}
    """
DESCRIPTOR = """
    import os

    def main(request, about):
        fd = os.open("/tmp/x", os.O_RDONLY)
        return work(request, fd)
    """
HELPER = """
    import os

    def fetch(path):
        fd = os.open(path, os.O_RDONLY)
        return fd + 1
    """
RESTART = "import psycopg2\n\nconn = psycopg2.connect('')\n\ndef main(request, about):\n    return conn.status\n"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return root


def template(more: str = "", runtime: str = "python3.12") -> str:
    return TEMPLATE.format(more=more, runtime=runtime)


def project(root: Path, files: dict[str, str]) -> Path:
    return write(root, {"pyproject.toml": "", **files})


def findings(path: Path, **settings: Any) -> list[Finding]:
    report = run([str(path)], Settings(**settings))
    assert not report.not_analysed
    return report.findings


def one(path: Path, **settings: Any) -> Finding:
    (finding,) = findings(path, **settings)
    return finding


def test_a_declared_function_is_handler_code_whatever_its_parameters_are_called(tmp_path: Path) -> None:
    root = project(tmp_path, {"orders/app.py": DESCRIPTOR})
    assert (one(root / "orders/app.py").severity.value, one(root / "orders/app.py").handler) == ("medium", False)
    write(root, {"template.yaml": template()})
    assert (one(root / "orders/app.py").severity.value, one(root / "orders/app.py").handler) == ("high", True)


def test_helpers_below_the_root_of_the_code_are_handler_code(tmp_path: Path) -> None:
    root = project(tmp_path, {"template.yaml": template(), "orders/app.py": DESCRIPTOR, "orders/lib/files.py": HELPER})
    assert one(root / "orders/lib/files.py").severity.value == "high"


@pytest.mark.parametrize("path", ["orders/tests/files.py", "orders/test_files.py", "orders/setup.py"])
def test_tests_and_set_up_below_it_are_not(tmp_path: Path, path: str) -> None:
    root = project(tmp_path, {"template.yaml": template(), "orders/app.py": DESCRIPTOR, path: HELPER})
    assert (one(root / path).severity.value, one(root / path).handler) == ("medium", False)


def test_nor_is_a_script(tmp_path: Path) -> None:
    script = dedent(HELPER) + "\n\nif __name__ == '__main__':\n    fetch('x')\n"
    root = project(tmp_path, {"template.yaml": template(), "orders/app.py": DESCRIPTOR, "orders/fill.py": script})
    assert not one(root / "orders/fill.py").handler


def test_what_no_function_is_deployed_with_is_low(tmp_path: Path) -> None:
    files = {"template.yaml": template(), "orders/app.py": DESCRIPTOR, "tools/fill.py": HELPER}
    root = project(tmp_path, files)
    assert one(root / "tools/fill.py").severity.value == "low"
    write(root, {"other.yaml": template().replace("orders/", "users/")})  # a function that is not found: it may be any
    assert one(root / "tools/fill.py").severity.value == "medium"


def test_what_may_be_installed_beside_a_function_is_not(tmp_path: Path) -> None:
    files = {
        "template.yaml": template(),
        "orders/app.py": DESCRIPTOR,
        "shared/setup.py": "",
        "shared/db/files.py": HELPER,
    }
    assert one(project(tmp_path, files) / "shared/db/files.py").severity.value == "medium"


def test_provisioned_concurrency_raises_it_one_step_and_says_so(tmp_path: Path) -> None:
    reading = "def main(request, about):\n    return open(request['path']).read()\n"
    root = project(tmp_path, {"template.yaml": template(), "orders/app.py": reading})
    assert one(root / "orders/app.py").severity.value == "low"
    write(root, {"template.yaml": template("ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 2}")})
    finding = one(root / "orders/app.py")
    assert finding.severity.value == "medium"
    assert finding.message.endswith("; provisioned concurrency keeps the sandbox alive longer)")


def test_the_runtime_decides_what_reclaims_it(tmp_path: Path) -> None:
    source = "import sqlite3\n\ndef main(request, about):\n    return sqlite3.connect('/tmp/x').total_changes\n"
    root = project(tmp_path, {"template.yaml": template(runtime="python3.10"), "orders/app.py": source})
    assert "last reference" in one(root / "orders/app.py").message
    for runtime in ("python3.11", "python3.13"):
        write(root, {"template.yaml": template(runtime=runtime)})
        assert "only a garbage collection" in one(root / "orders/app.py").message


def test_the_budget_of_descriptors_is_told_where_it_is_certain(tmp_path: Path) -> None:
    def told(source: str) -> list[str]:
        root = project(tmp_path, {"template.yaml": template(), "orders/app.py": source})
        return [f.message.partition("; ")[2].rstrip(")") for f in findings(root / "orders/app.py")]

    main = "import os\n\ndef main(request, about):\n"
    once = "1 descriptor per invocation: EMFILE after about 1,000"
    assert told(main + "    fd = os.open('x', 0)\n    return request[fd]\n") == [once]
    assert told(main + "    r, w = os.pipe()\n") == ["2 descriptors per invocation: EMFILE after about 500"] * 2
    assert told(main + "    if request:\n        fd = os.open('x', 0)\n") == [
        once.replace("per invocation", "each time")
    ]
    looped = main + "    for name in request:\n        os.open(name, 0)\n"
    assert told(looped) == [once.replace("invocation", "turn of the loop")]
    assert told(main + "    fd = os.open('x', 0)\n    if request:\n        os.close(fd)\n") == [""]
    assert told(main + "    return open('x').read()\n") == [""]


LAYER = """
      Layer:
        Type: AWS::Serverless::LayerVersion
        Properties: {ContentUri: shared/common}
    """


def with_layer(more: str = "") -> str:
    return dedent(template(more)).rstrip() + LAYER.replace("\n    ", "\n")


CALLER = """
    from ourdb import get_conn

    def main(request, about):
        return get_conn().status
    """
GIVER = "import psycopg2\n\ndef get_conn():\n    return psycopg2.connect('')\n"


def test_layers_are_roots_of_imports(tmp_path: Path) -> None:
    root = project(tmp_path, {"orders/app.py": CALLER.replace("main(request", "handler(event")})
    write(root, {"shared/common/ourdb.py": GIVER})
    assert findings(root / "orders/app.py") == []
    write(root, {"template.yaml": with_layer().replace("app.main", "app.handler")})
    assert [f.rule for f in findings(root / "orders/app.py")] == ["LL104"]


@pytest.mark.parametrize("content", ["shared/common.zip", "s3://bucket/common.zip"])
def test_what_is_laid_out_like_a_layer_is_a_root_of_imports(content: str, tmp_path: Path) -> None:
    root = project(tmp_path, {"orders/app.py": CALLER.replace("main(request", "handler(event")})
    write(root, {"shared/common/python/ourdb.py": GIVER})
    write(root, {"template.yaml": with_layer().replace("shared/common", content)})
    assert [f.rule for f in findings(root / "orders/app.py")] == ["LL104"]


def test_the_folder_of_an_archive_is_what_it_is_made_of(tmp_path: Path) -> None:
    root = project(tmp_path, {"orders/app.py": CALLER.replace("main(request", "handler(event")})
    archive = with_layer().replace("shared/common", "shared/common.zip")
    write(root, {"shared/common/ourdb.py": GIVER, "template.yaml": archive})
    assert [f.rule for f in findings(root / "orders/app.py")] == ["LL104"]


def test_code_of_a_layer_is_handler_code(tmp_path: Path) -> None:
    root = project(tmp_path, {"orders/app.py": DESCRIPTOR, "shared/common/python/files.py": HELPER})
    write(root, {"template.yaml": with_layer()})
    assert one(root / "shared/common/python/files.py").severity.value == "high"


def test_each_function_imports_its_own_helpers(tmp_path: Path) -> None:
    """Code that is deployed apart has modules of the same name: those of a neighbour are not meant."""
    both = template() + template().partition("Resources:")[2].replace("Orders", "Users").replace("orders/", "users/")
    kept = "conn = None\n\ndef get_conn():\n    return conn\n"
    inner = "import os\nfrom ourdb import get_conn\n\ndef fetch():\n    return get_conn().status\n"
    root = project(tmp_path, {"template.yaml": both, "users/app.py": CALLER, "users/ourdb.py": GIVER})
    write(root, {"orders/app.py": DESCRIPTOR, "orders/ourdb.py": kept, "orders/lib/inner.py": inner})
    write(root, {"users/lib/inner.py": inner})
    deployments = Deployments()
    roots = deployments.import_roots(str(root / "orders" / "lib"))
    assert roots[0] == str(root / "orders")
    assert str(root / "users") not in roots
    assert findings(root / "orders/lib/inner.py") == []
    assert [f.rule for f in findings(root / "users/lib/inner.py")] == ["LL104"]


def test_the_settings_name_handlers_or_switch_discovery_off(tmp_path: Path) -> None:
    root = project(tmp_path, {"template.yaml": template(), "orders/app.py": DESCRIPTOR, "jobs.py": DESCRIPTOR})
    signed = {"signed.py": DESCRIPTOR.replace("request, about", "event, context").replace("(request,", "(event,")}
    write(root, signed)
    assert one(root / "jobs.py", handlers=("jobs.py:main",)).handler
    assert one(root / "jobs.py", handlers=("jobs.main",), handler_discovery=False).handler
    assert one(root / "orders/app.py").handler
    assert not one(root / "orders/app.py", handler_discovery=False).handler
    assert one(root / "signed.py").handler
    assert not one(root / "signed.py", handler_discovery=False).handler


def test_a_broken_template_is_no_error(tmp_path: Path) -> None:
    root = project(tmp_path, {"template.yaml": "AWS::Lambda::Function: [", "orders/app.py": DESCRIPTOR})
    assert one(root / "orders/app.py").severity.value == "medium"


@pytest.mark.parametrize(
    "source", ["import json, os\n\nx = 1\n", "import yaml\n\ndef f(p):\n    return yaml.load(p)\n"]
)
def test_a_clean_file_costs_no_look_at_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    def walked(*_: object, **__: object) -> None:
        raise AssertionError("the project is walked")

    monkeypatch.setattr("leaklint.handlers.discover", walked)
    root = project(tmp_path, {"template.yaml": template(), "clean.py": source})
    assert findings(root / "clean.py") == []
