"""The catalogue: it loads, and refuses what contradicts itself."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from leaklint.catalogue.load import FOLDER, CatalogueError, build, load, read
from leaklint.catalogue.model import Advice, Catalogue, Condition, Effect, Exit, Step, Tier
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
    assert table.get("version") or table["evidence"] == "docs"


def test_at_most_one_entry_acquires_without_conditions_and_it_comes_last(catalogue: Catalogue) -> None:
    for name, resources in catalogue.acquirers.items():
        alone = [resource for resource in resources if not resource.beside]
        assert all(resource.when for resource in alone[:-1]), name


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


def test_receivers_are_known_by_their_last_name() -> None:
    assert parse_resource(CURSOR | {"hint": ["conn", "self.conn", "self.db"]}, "acme.toml").hint == ("conn", "db")


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
