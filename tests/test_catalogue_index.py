"""The byte gate's index: fresh, let every acquisition pass, and holds back what cannot acquire."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from leaklint.catalogue import _gate, index
from leaklint.catalogue.load import FOLDER, TABLES, load, tables
from leaklint.catalogue.model import Catalogue
from leaklint.catalogue.schema import parse_resource
from tests.test_catalogue import CURSOR, PLAIN


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def passes(text: str, gate: Mapping[bytes, index.Companions] = _gate.GATE) -> bool:
    words = frozenset(text.encode().replace(b".", b" ").split())
    return any(companions <= words for word in gate.keys() & words for companions in gate[word])


def test_the_generated_index_is_fresh(catalogue: Catalogue) -> None:
    expected = index.built_in(catalogue)
    assert expected == _gate.GATE
    assert index.MODULE.read_text(encoding="utf-8") == index.source(expected)


class TestTables:
    PATHS = sorted(FOLDER.glob("*.toml"))

    def test_the_prepared_tables_are_fresh(self) -> None:
        assert TABLES.read_text(encoding="utf-8") == index.prepared(self.PATHS)

    def test_they_say_what_the_files_say(self) -> None:
        known = json.loads(TABLES.read_bytes())
        assert {name: each["tables"] for name, each in known.items()} == tables(self.PATHS)

    def test_a_catalogue_that_was_edited_is_read_from_its_files(self, tmp_path: Path) -> None:
        code = (
            "import sys; from leaklint.catalogue import load; load.FOLDER = load.Path(sys.argv[1]); load.TABLES = "
            "load.FOLDER / '_tables.json'; print(load.load().resources['open'].noun, 'tomllib' in sys.modules)"
        )

        def noun() -> str:
            command = [sys.executable, "-c", code.replace("tomllib", toml), str(tmp_path)]
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout

        toml = "tomllib" if sys.version_info >= (3, 11) else "tomli"
        for path in (*self.PATHS, TABLES):
            shutil.copy(path, tmp_path)
        assert noun() == "file False\n"
        path = tmp_path / "stdlib.toml"
        path.write_bytes(path.read_bytes().replace(b'noun = "file"', b'noun = "data"'))
        assert noun() == "data True\n"
        (tmp_path / "_tables.json").unlink()
        assert noun() == "data True\n"


def test_the_index_lets_every_acquiring_name_pass(catalogue: Catalogue) -> None:
    for resource in catalogue.resources.values():
        keywords = " ".join(condition.argument.partition("/")[0] for condition in resource.when)
        paired = any(condition.is_ == "paired" for condition in resource.when)
        release = resource.release[0][0].call if paired else ""
        for name in resource.acquire:
            assert passes(f"{name} {resource.package} {keywords} {release}"), name
            assert not paired or not passes(f"{name} {keywords}"), name


@pytest.mark.parametrize(
    "text",
    [
        "open",
        "import psycopg2 as pg pg connect",
        "from sqlite3 import connect",
        "sqlite3 conn cursor",
        "conn cursor",
        "pathlib open",
        "os open",
    ],
)
def test_the_index_lets_pass(text: str) -> None:
    assert passes(text)


@pytest.mark.parametrize(
    "text",
    ["", "connect", "psycopg2", "cursor", "requests get", "opener", "import os os path join", "wrap_socket"],
)
def test_the_index_holds_back(text: str) -> None:
    assert not passes(text)


def test_a_keyword_that_makes_the_resource_is_a_companion() -> None:
    resource = parse_resource(PLAIN | {"when": [{"argument": "stream", "is": "true"}]}, "acme.toml")
    assert index.gate_entries([resource]) == {b"connect": (frozenset({b"acme", b"stream"}),)}
    for argument, test, default in (("stream/1", "true", False), ("stream", "absent", False), ("stream", "true", True)):
        condition = {"argument": argument, "is": test, "default": default}
        resource = parse_resource(PLAIN | {"when": [condition]}, "acme.toml")
        assert index.gate_entries([resource]) == {b"connect": (frozenset({b"acme"}),)}, condition


def test_a_method_asks_for_its_package_or_a_believed_receiver() -> None:
    resource = parse_resource(CURSOR | {"hint": ["conn", "self.db"]}, "acme.toml")
    expected = (frozenset({b"acme"}), frozenset({b"conn"}), frozenset({b"db"}))
    assert index.gate_entries([resource]) == {b"cursor": expected}


def test_a_call_of_a_value_asks_for_no_method() -> None:
    resource = parse_resource(CURSOR | {"acquire": ["acme.Connection.__call__"]}, "acme.toml")
    assert index.gate_entries([resource]) == {b"acme": (frozenset(),)}


def test_the_index_takes_the_users_resources() -> None:
    mine = index.gate_entries([parse_resource(PLAIN | {"acquire": ["acme.connect", "acme.open_all"]}, "acme.toml")])
    gate = index.merged(_gate.GATE, mine)
    assert passes("acme connect", gate)
    assert not passes("acme connect")
    assert passes("psycopg2 connect", gate)
    assert gate[b"open_all"] == (frozenset({b"acme"}),)
    assert gate.keys() - _gate.GATE.keys() == {b"open_all"}


def test_the_gate_needs_neither_the_catalogue_nor_toml() -> None:
    code = "import sys, leaklint.catalogue._gate; print(*(n for n in sys.modules if 'toml' in n or 'leaklint' in n))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"leaklint", "leaklint.catalogue", "leaklint.catalogue._gate"}
