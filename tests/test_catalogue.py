"""The catalogue: it loads, refuses what contradicts itself, and says of the standard library what is there."""

from __future__ import annotations

import builtins
import importlib
import inspect
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from leaklint.catalogue import _gate, index
from leaklint.catalogue.load import FOLDER, CatalogueError, build, load, read
from leaklint.catalogue.model import Advice, Catalogue, Condition, Effect, Exit, Resource, Step, Tier
from leaklint.catalogue.schema import EVIDENCE, parse_function, parse_resource, parse_value

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILES = sorted(FOLDER.glob("*.toml"))

PLAIN: dict[str, Any] = {
    "id": "acme.connect",
    "kind": "connection",
    "noun": "acme connection",
    "package": "acme",
    "type": "acme.Connection",
    "acquire": ["acme.connect"],
    "release": ["close"],
}
CURSOR: dict[str, Any] = {
    "id": "acme.Connection.cursor",
    "kind": "cursor",
    "noun": "acme cursor",
    "package": "acme",
    "type": "acme.Cursor",
    "acquire": ["acme.Connection.cursor"],
    "release": ["close"],
    "owner": "acme.Connection",
}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load()


def tables(kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in FILES:
        for table in tomllib.loads(path.read_text(encoding="utf-8")).get(kind, []):
            yield path.name, table


# --- the built-in catalogue ---


def test_every_file_describes_something() -> None:
    described = {name for kind in ("resource", "function", "value") for name, _ in tables(kind)}
    assert described == {path.name for path in FILES}
    assert {"stdlib.toml", "functions.toml"} <= described


def test_every_entry_is_loaded(catalogue: Catalogue) -> None:
    assert list(catalogue.resources) == sorted(table["id"] for _, table in tables("resource"))
    names = [name for _, table in tables("function") for name in table["names"]]
    assert sorted(catalogue.functions) == sorted(names)


@pytest.mark.parametrize("table", [pytest.param(table, id=table["id"]) for _, table in tables("resource")])
def test_a_resource_names_its_evidence(table: Mapping[str, Any]) -> None:
    assert table.get("evidence") in EVIDENCE
    assert table.get("version")


def test_at_most_one_entry_acquires_without_conditions_and_it_comes_last(catalogue: Catalogue) -> None:
    for name, resources in catalogue.acquirers.items():
        assert all(resource.when for resource in resources[:-1]), name


def test_every_release_is_a_step_that_can_be_recognised(catalogue: Catalogue) -> None:
    for resource in catalogue.resources.values():
        assert resource.release or Exit.RELEASES in (resource.with_, resource.async_with), resource.id
        for steps in resource.release:
            assert steps, resource.id
            for step in steps:
                assert step.form in ("method", "function", "owner"), resource.id
                assert all(part.isidentifier() for part in step.call.split(".")), resource.id
                if step.form == "function":
                    assert step.call in catalogue.release_functions
                else:
                    assert step.call.rpartition(".")[2] in catalogue.release_methods


def test_types_are_canonical(catalogue: Catalogue) -> None:
    for canonical in catalogue.types.values():
        assert catalogue.types[canonical] == canonical
    for canonical, resource in catalogue.by_type.items():
        assert resource.type == canonical
    for resource in catalogue.resources.values():
        assert not resource.owner or resource.owner in catalogue.types
        assert resource.enter == "self" or "." in resource.enter or hasattr(builtins, resource.enter), resource.id
    assert set(catalogue.makers.values()) <= catalogue.types.keys()
    assert catalogue.operators <= catalogue.types.keys()


def test_only_methods_are_believed_by_the_name_of_the_receiver(catalogue: Catalogue) -> None:
    assert "sqlite3.Connection.cursor" in {resource.id for resource in catalogue.hints["cursor"]}
    for method, resources in catalogue.hints.items():
        for resource in resources:
            assert resource.hint
            assert any(name.endswith(f".{method}") for name in resource.acquire)


def test_every_effect_has_a_function(catalogue: Catalogue) -> None:
    assert {function.effect for function in catalogue.functions.values()} == set(Effect)


def test_the_catalogue_is_read_once() -> None:
    assert load() is load()


def test_resources_can_be_members_of_sets(catalogue: Catalogue) -> None:
    assert len(set(catalogue.resources.values())) == len(catalogue.resources)


# --- what a table means ---


def test_the_fields_of_a_resource() -> None:
    table = PLAIN | {
        "release": ["close", ["await stop", "await wait_closed"], "os.close(_)", "await owner.release(_)", "pool.quit"],
        "owner": "acme.Pool",
        "when": [{"argument": "mode/1", "is": "contains:w", "default": True}],
        "with": "transaction",
        "async_with": "releases",
        "tier": "G1",
        "tiers": {"<3.11": "G3"},
        "cache": {"advice": "mitigate", "why": "stale", "heals": ["ping"], "bounds": ["timeout"]},
    }
    resource = parse_resource(table, "acme.toml")
    assert resource.release == (
        (Step("close", "method"),),
        (Step("stop", "method", True), Step("wait_closed", "method", True)),
        (Step("os.close", "function"),),
        (Step("release", "owner", True),),
        (Step("pool.quit", "method"),),
    )
    assert resource.when == (Condition("mode/1", "contains:w", True),)
    assert (resource.with_, resource.async_with, resource.tier) == (Exit.TRANSACTION, Exit.RELEASES, Tier.G1)
    assert resource.tiers == {"<3.11": "G3"}
    assert (resource.cache.advice, resource.cache.bounds) == (Advice.MITIGATE, ("timeout",))


def test_the_defaults_of_a_resource() -> None:
    resource = parse_resource(PLAIN, "acme.toml")
    assert (resource.parts, resource.when, resource.enter, resource.again) == (("",), (), "self", "ok")
    assert (resource.with_, resource.tier, resource.cache.advice) == (Exit.UNSUPPORTED, Tier.G3, Advice.NEVER)


BAD_RESOURCES = {
    "unknown field": ({"colour": "red"}, "colour", "unknown"),
    "empty id": ({"id": ""}, "id", "expected an id"),
    "unknown kind": ({"kind": "spaceship"}, "kind", "expected one of"),
    "empty noun": ({"noun": ""}, "noun", "not empty"),
    "noun of the wrong type": ({"noun": 1}, "noun", "expected a string"),
    "malformed package": ({"package": "acme-db"}, "package", "expected a dotted name"),
    "malformed type": ({"type": "acme..Connection"}, "type", "expected a dotted name"),
    "acquire no list": ({"acquire": "acme.connect"}, "acquire", "expected a list"),
    "acquire empty": ({"acquire": []}, "acquire", "empty"),
    "malformed acquiring name": ({"acquire": ["acme.connect()"]}, "acquire", "expected a dotted name"),
    "name twice": ({"acquire": ["acme.connect", "acme.connect"]}, "acquire", "twice"),
    "release no list": ({"release": "close"}, "release", "expected a list"),
    "malformed step": ({"release": ["close()"]}, "release", "expected a step"),
    "step of the wrong type": ({"release": [1]}, "release", "expected a step"),
    "alternative without a step": ({"release": [[]]}, "release", "without a step"),
    "no release at all": ({"release": []}, "release", "neither 'with' nor 'async_with' releases"),
    "no release but a transaction": ({"release": [], "with": "transaction"}, "release", "neither"),
    "owner's method without an owner": ({"release": ["owner.give(_)"]}, "release", "'owner' is missing"),
    "malformed spelling": ({"also": ["9lives"]}, "also", "expected a dotted name"),
    "flag of the wrong type": ({"awaited": "yes"}, "awaited", "expected true or false"),
    "condition without a test": ({"when": [{"argument": "mode/1"}]}, "when", "'is' is missing"),
    "condition with an unknown test": ({"when": [{"argument": "mode", "is": "red"}]}, "when", "'is': expected one of"),
    "condition with an empty text": ({"when": [{"argument": "mode", "is": "contains:"}]}, "when", "'is'"),
    "condition with an unknown field": (
        {"when": [{"argument": "m", "is": "true", "or": 1}]},
        "when",
        "'or' is unknown",
    ),
    "condition on a malformed argument": ({"when": [{"argument": "1/m", "is": "true"}]}, "when", "'argument'"),
    "condition no table": ({"when": ["stream"]}, "when", "expected a table"),
    "malformed part": ({"parts": ["0"]}, "parts", "expected a part"),
    "parts empty": ({"parts": []}, "parts", "empty"),
    "malformed start": ({"starts": ["a.b"]}, "starts", "expected a name"),
    "malformed owned argument": ({"owns": ["-1"]}, "owns", "expected a keyword"),
    "with unknown": ({"with": "closes"}, "with", "expected one of releases"),
    "async_with unknown": ({"async_with": True}, "async_with", "expected one of releases"),
    "enter malformed": ({"enter": "its name"}, "enter", "expected a dotted name"),
    "again unknown": ({"again": "sometimes"}, "again", "expected one of ok, raises"),
    "release that is said to be none": ({"looks_like": ["close"]}, "looks_like", "release of its own"),
    "release that is said to be weak": ({"finishes": ["close"]}, "finishes", "release of its own"),
    "tier unknown": ({"tier": "G9"}, "tier", "expected one of G0"),
    "tier of a malformed range": ({"tiers": {"3.11": "G0"}}, "tiers", "range of Python versions"),
    "tier of a range unknown": ({"tiers": {"<3.11": "G9"}}, "tiers", "expected one of G0"),
    "tiers no table": ({"tiers": ["G0"]}, "tiers", "expected a table"),
    "descriptors negative": ({"descriptors": -1}, "descriptors", "expected a count"),
    "descriptors of the wrong type": ({"descriptors": True}, "descriptors", "expected a count"),
    "advice unknown": ({"cache": {"advice": "maybe"}}, "cache", "'advice': expected one of"),
    "advice missing": ({"cache": {"why": "it is slow"}}, "cache", "'advice' is missing"),
    "receiver of a function": ({"acquire": ["connect"], "hint": ["conn"]}, "hint", "receiver"),
    "malformed receiver": ({"hint": ["conn[0]"]}, "hint", "expected the name of a receiver"),
    "evidence unknown": ({"evidence": "hearsay"}, "evidence", "expected one of"),
    "version empty": ({"version": ""}, "version", "not empty"),
}


@pytest.mark.parametrize(("change", "field", "problem"), BAD_RESOURCES.values(), ids=BAD_RESOURCES.keys())
def test_a_bad_resource_is_refused(change: dict[str, Any], field: str, problem: str) -> None:
    table = PLAIN | change
    with pytest.raises(CatalogueError) as caught:
        parse_resource(table, "acme.toml")
    message = str(caught.value)
    assert message.startswith(f"acme.toml: resource {table['id']!r}: field {field!r}: ")
    assert problem in message


@pytest.mark.parametrize("field", PLAIN)
def test_a_missing_field_is_named(field: str) -> None:
    table = {key: value for key, value in PLAIN.items() if key != field}
    with pytest.raises(CatalogueError, match=rf"acme\.toml: resource .*: field '{field}': missing"):
        parse_resource(table, "acme.toml")


def test_an_entry_that_is_no_table_is_refused() -> None:
    with pytest.raises(CatalogueError, match=r"acme\.toml: resource: expected a table, got 'close'"):
        parse_resource("close", "acme.toml")  # type: ignore[arg-type]


BAD_FUNCTIONS = {
    "unknown effect": ({"names": ["a.b"], "effect": "eats"}, "effect"),
    "missing effect": ({"names": ["a.b"]}, "effect"),
    "missing names": ({"effect": "quiet"}, "names"),
    "malformed name": ({"names": ["a.*.b"], "effect": "quiet"}, "names"),
    "malformed argument": ({"names": ["a.b"], "effect": "quiet", "argument": "first one"}, "argument"),
    "unknown field": ({"names": ["a.b"], "effect": "quiet", "when": []}, "when"),
}


@pytest.mark.parametrize(("table", "field"), BAD_FUNCTIONS.values(), ids=BAD_FUNCTIONS.keys())
def test_a_bad_function_is_refused(table: dict[str, Any], field: str) -> None:
    with pytest.raises(CatalogueError, match=rf"^acme\.toml: function .*: field '{field}': "):
        parse_function(table, "acme.toml")


BAD_VALUES = {
    "missing type": ({"made_by": ["a.b"]}, "type"),
    "missing makers": ({"type": "a.B"}, "made_by"),
    "malformed maker": ({"type": "a.B", "made_by": ["a.b()"]}, "made_by"),
    "flag of the wrong type": ({"type": "a.B", "made_by": ["a.b"], "operators": 1}, "operators"),
}


@pytest.mark.parametrize(("table", "field"), BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_a_bad_value_is_refused(table: dict[str, Any], field: str) -> None:
    with pytest.raises(CatalogueError, match=rf"^acme\.toml: value .*: field '{field}': "):
        parse_value(table, "acme.toml")


# --- entries that contradict each other ---

RESOURCE = """
[[resource]]
id = "{id}"
kind = "connection"
noun = "acme connection"
package = "acme"
type = "{type}"
acquire = ["{acquire}"]
release = ["close"]
{more}
"""

CONTRADICTIONS = {
    "id twice": (
        RESOURCE.format(id="a", type="acme.A", acquire="acme.a", more="")
        + RESOURCE.format(id="a", type="acme.B", acquire="acme.b", more=""),
        r"acme\.toml: resource 'a': field 'id': another entry",
    ),
    "acquired twice": (
        RESOURCE.format(id="a", type="acme.A", acquire="acme.connect", more="")
        + RESOURCE.format(id="b", type="acme.B", acquire="acme.connect", more=""),
        r"acme\.toml: resource 'b': field 'acquire': 'acme\.connect' acquires 'a' as well",
    ),
    "unknown owner": (
        RESOURCE.format(id="a", type="acme.A", acquire="acme.a", more='owner = "acme.Pool"'),
        r"acme\.toml: resource 'a': field 'owner': 'acme\.Pool' is no known type",
    ),
    "spelling of two types": (
        RESOURCE.format(id="a", type="acme.A", acquire="acme.a", more='also = ["acme.T"]')
        + RESOURCE.format(id="b", type="acme.B", acquire="acme.b", more='also = ["acme.T"]'),
        r"acme\.toml: resource 'b': field 'also': 'acme\.T' is a spelling of 'acme\.A' as well",
    ),
    "spelling of no type": (
        RESOURCE.format(id="a", type="", acquire="acme.a", more='also = ["acme.T"]'),
        r"acme\.toml: resource 'a': field 'also': other spellings of no type",
    ),
    "function twice": (
        '[[function]]\nnames = ["a.b"]\neffect = "quiet"\n[[function]]\nnames = ["a.b"]\neffect = "parser"\n',
        r"acme\.toml: function 'parser': field 'names': 'a\.b' is described twice",
    ),
    "value twice": (
        '[[value]]\ntype = "a.B"\nmade_by = ["a.b"]\n[[value]]\ntype = "a.B"\nmade_by = ["a.c"]\n',
        r"acme\.toml: value 'a\.B': field 'type': another entry",
    ),
    "maker of two values": (
        '[[value]]\ntype = "a.B"\nmade_by = ["a.b"]\n[[value]]\ntype = "a.C"\nmade_by = ["a.b"]\n',
        r"acme\.toml: value 'a\.C': field 'made_by': 'a\.b' makes 'a\.B' as well",
    ),
    "unknown table": ("[[thing]]\nid = 'a'\n", r"acme\.toml: field 'thing': unknown"),
    "one table instead of many": ("[resource]\nid = 'a'\n", r"acme\.toml: field 'resource': expected tables"),
    "no TOML": ("[[resource\n", r"acme\.toml: "),
}


@pytest.mark.parametrize(("text", "message"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_contradictions_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=f"^{message}"):
        build(read([path]))


def test_conditions_tell_entries_of_one_name_apart(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(
        RESOURCE.format(id="plain", type="acme.A", acquire="acme.get", more="")
        + RESOURCE.format(
            id="stream", type="acme.B", acquire="acme.get", more='when = [{ argument = "stream", is = "true" }]'
        ),
        encoding="utf-8",
    )
    found = build(read([path])).acquirers["acme.get"]
    assert [resource.id for resource in found] == ["stream", "plain"]


# --- resources of the user ---


def test_a_user_adds_resources(catalogue: Catalogue) -> None:
    extended = load([PLAIN, CURSOR])
    assert extended.resources.keys() - catalogue.resources.keys() == {"acme.connect", "acme.Connection.cursor"}
    assert extended.acquirers["acme.connect"][0].noun == "acme connection"
    assert extended.by_type["acme.Cursor"].owner == "acme.Connection"
    assert extended.functions == catalogue.functions
    assert "acme.connect" not in load().resources


def test_a_user_replaces_a_built_in_resource() -> None:
    mine = PLAIN | {"id": "sqlite3.connect", "type": "sqlite3.Connection", "acquire": ["sqlite3.connect"]}
    extended = load([mine])
    assert extended.resources["sqlite3.connect"].noun == "acme connection"
    assert extended.acquirers["sqlite3.connect"] == (extended.resources["sqlite3.connect"],)


def test_a_user_cannot_contradict_a_built_in_resource() -> None:
    with pytest.raises(CatalogueError, match=r"'sqlite3\.connect' acquires"):
        load([PLAIN | {"acquire": ["sqlite3.connect"]}])


def test_complaints_about_a_users_resource_name_the_configuration() -> None:
    with pytest.raises(CatalogueError, match=r"^configuration: resource 'acme\.connect': field 'tier': "):
        load([PLAIN | {"tier": "low"}])


# --- the gate's index ---


def passes(text: str, gate: Mapping[bytes, index.Companions] = _gate.GATE) -> bool:
    words = frozenset(text.encode().replace(b".", b" ").split())
    return any(companions <= words for word in gate.keys() & words for companions in gate[word])


def test_the_generated_index_is_fresh(catalogue: Catalogue) -> None:
    expected = index.built_in(catalogue)
    assert expected == _gate.GATE
    assert index.MODULE.read_text(encoding="utf-8") == index.source(expected)


def test_the_index_lets_every_acquiring_name_pass(catalogue: Catalogue) -> None:
    for resource in catalogue.resources.values():
        keywords = " ".join(condition.argument.partition("/")[0] for condition in resource.when)
        for name in resource.acquire:
            assert passes(f"{name} {resource.package} {keywords}"), name


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
    ["", "connect", "psycopg2", "cursor", "requests get", "socket", "opener", "import os os path join", "wrap_socket"],
)
def test_the_index_holds_back(text: str) -> None:
    assert passes(text) == (text == "socket")  # the module and the class have one name


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


# --- the standard library is as the catalogue says ---

REMOVED = {"aifc", "nntplib", "sunau", "telnetlib"}  # modules that 3.13 has no more
ELSEWHERE = {
    "asyncio.ProactorEventLoop": "Windows",
    "dbm.gnu.gdbm": "where gdbm is installed",
    "dbm.gnu.open": "where gdbm is installed",
    "dbm.ndbm.open": "where ndbm is installed",
    "dbm.sqlite3.open": "3.13",
    "multiprocessing.context.BaseContext.Process": "an attribute of every subclass",
    "os.eventfd": "Linux",
    "os.memfd_create": "Linux",
    "os.pidfd_open": "Linux",
    "os.pipe2": "not on macOS",
    "os.posix_openpt": "3.13",
    "os.timerfd_create": "3.13",
    "posix.ScandirIterator": "a type without a name",
    "selectors.DevpollSelector": "Solaris",
    "selectors.EpollSelector": "Linux",
    "selectors.KqueueSelector": "BSD",
    "select.epoll": "Linux",
    "socket.fromshare": "Windows",
    "ssl.wrap_socket": "until 3.11",
    "xml.etree.cElementTree.iterparse": "until 3.8",
    "asyncio.Runner": "3.11",
    "asyncio.runners.Runner": "3.11",
    "importlib.resources.abc.Traversable.open": "3.11",
    "importlib.resources.open_binary": "not in every version",
    "importlib.resources.open_text": "not in every version",
}
INSTANCE = {  # attributes that only an instance has
    "codecs.StreamReaderWriter.close",
    "multiprocessing.managers.SyncManager.shutdown",
    "subprocess.Popen.stderr",
    "subprocess.Popen.stdin",
    "subprocess.Popen.stdout",
    "zipfile.Path.root",
}
MISSING = object()


def resolve(name: str) -> Any:
    """The object behind a dotted name, or MISSING when this Python has none."""
    parts = name.split(".")
    if len(parts) == 1:
        return getattr(builtins, name, MISSING)
    for cut in range(len(parts) - 1, 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for part in parts[cut:]:
                found = getattr(found, part, MISSING)
        return found
    return MISSING


STDLIB: list[Resource] = [
    resource
    for resource, _ in read([FOLDER / "stdlib.toml"]).resources
    if not (resource.package in REMOVED and sys.version_info >= (3, 13))
]
ids = [resource.id for resource in STDLIB]


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_acquiring_names_exist(resource: Resource) -> None:
    for name in resource.acquire:
        if name.partition(".")[0] in sys.stdlib_module_names and name not in ELSEWHERE:
            assert resolve(name) is not MISSING, name


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_arguments_stand_where_the_conditions_look_for_them(resource: Resource) -> None:
    parameters = [names for name in resource.acquire if (names := positional(resolve(name)))]
    for argument in [*(c.argument for c in (*resource.when, *resource.write_when)), *resource.owns]:
        keyword, _, position = argument.partition("/")
        if position and parameters:
            found = {names.index(keyword) for names in parameters if keyword in names}
            assert found == {int(position)}, argument


def positional(function: object) -> list[str]:
    """The names of the parameters after self; empty when the function is missing, written in C or passes them on."""
    try:
        parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []
    names = [p.name for p in parameters if p.name != "self"]
    return [] if any(p.kind is p.VAR_POSITIONAL for p in parameters) else names


@pytest.mark.parametrize("resource", STDLIB, ids=ids)
def test_types_have_the_methods_and_the_context_manager(resource: Resource) -> None:
    kind = resolve(resource.type) if resource.type else MISSING
    if not inspect.isclass(kind):
        assert kind is not MISSING or not resource.type or resource.type in ELSEWHERE, resource.type
        return
    steps = [step.call for steps in resource.release for step in steps if step.form == "method"]
    for method in [*steps, *resource.starts, *resource.looks_like, *resource.finishes]:
        first = method.partition(".")[0]
        assert f"{resource.type}.{first}" in INSTANCE or hasattr(kind, first), method
    assert hasattr(kind, "__enter__") == (resource.with_ is not Exit.UNSUPPORTED)
    assert hasattr(kind, "__aenter__") == (resource.async_with is not Exit.UNSUPPORTED)


def test_functions_of_the_standard_library_exist(catalogue: Catalogue) -> None:
    newer = {"itertools.batched", "itertools.pairwise", "typing.assert_never", "aiter", "contextlib.aclosing"}
    newer |= {"unittest.enterModuleContext", "tomllib.load", "tomllib.loads"}
    for name in catalogue.functions:
        root, _, rest = name.partition(".")
        if name in newer | ELSEWHERE.keys() or root == "*" or (rest and root not in sys.stdlib_module_names):
            continue
        assert resolve(name) is not MISSING, name
