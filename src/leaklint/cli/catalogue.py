"""``leaklint catalogue``: what is known of the libraries' resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from leaklint.cli.output import emit

if TYPE_CHECKING:
    from leaklint.catalogue.model import Resource, Step

_TIERS = {
    "G0": "never reclaimed",
    "G1": "reclaimed by a garbage collection",
    "G2": "its finaliser cannot await",
    "G3": "reclaimed with the last reference",
}
_EXITS = {
    "releases": "releases it",
    "varies": "releases it where the library has it",
    "transaction": "only ends the transaction",
    "restores": "only restores the state found on entering",
    "terminates": "terminates what still runs",
    "nothing": "releases nothing",
    "unsupported": "not supported",
}
_ADVICE = {
    "keep": "fit to be kept",
    "mitigate": "only with a mitigation",
    "never": "not fit to be kept",
}


@click.command("catalogue", short_help="List the resources that leaklint knows.")
@click.argument("words", nargs=-1)
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to list them."
)
def command(words: tuple[str, ...], output_format: str) -> int:
    """List the resources that leaklint knows: all, or those that contain each of WORDS.

    One id alone shows everything that is known of that resource. Resources of the configuration of the current folder
    are listed too.
    """
    from leaklint.catalogue.load import load
    from leaklint.cli.options import configuration, of_current_folder

    resources = load(of_current_folder(configuration()).settings.resources).resources
    if len(words) == 1 and words[0] in resources:
        found = [resources[words[0]]]
        lines = _facts(found[0])
    else:
        found = [resource for resource in resources.values() if _matches(resource, words)]
        lines = _table(found)
    if not found:
        raise click.UsageError(f"nothing in the catalogue contains {' and '.join(words)}{_hint(words, resources)}")
    if output_format == "json":
        import json

        emit(json.dumps([_plain(resource) for resource in found], indent=2).split("\n"))
    else:
        emit(lines)
    return 0


def _matches(resource: Resource, words: tuple[str, ...]) -> bool:
    text = " ".join((resource.id, resource.kind, resource.noun, resource.package, *resource.acquire)).casefold()
    return all(word.casefold() in text for word in words)


def _hint(words: tuple[str, ...], resources: Mapping[str, Resource]) -> str:
    import difflib

    close = difflib.get_close_matches(" ".join(words), resources, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _table(resources: list[Resource]) -> Iterator[str]:
    width = max((len(resource.id) for resource in resources), default=0)
    kind = max((len(resource.kind) for resource in resources), default=0)
    for resource in resources:
        yield f"{resource.id:<{width}}  {resource.kind:<{kind}}  {resource.acquire[0]}"


def _facts(resource: Resource) -> Iterator[str]:
    yield f"{resource.id}: {resource.noun} ({resource.kind})"
    rows = [(label, text) for label, text in _rows(resource) if text]
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        yield f"  {label:<{width}}  {text}"


def _rows(resource: Resource) -> Iterator[tuple[str, str]]:
    yield "package", f"{resource.package} {resource.version}".rstrip()
    yield "type", ", ".join((resource.type, *resource.also)).removeprefix(", ")
    yield "acquired by", ", ".join(resource.acquire) + (", awaited" if resource.awaited else "")
    conditions = [f"{c.argument} is {c.is_}{' (or not known)' if c.default else ''}" for c in resource.when]
    yield "if", " and ".join(conditions)
    yield "parts", ", ".join(part for part in resource.parts if part)
    yield "is argument", resource.argument
    yield "beside", "what else the call acquires" if resource.beside else ""
    yield "open after", ", ".join(resource.starts)
    yield "runs on", "until it is waited for" if resource.runs else ""
    yield "owns argument", ", ".join(resource.owns)
    yield "released by", " or ".join(" and ".join(map(_call, steps)) for steps in resource.release)
    yield "released with", resource.owner if resource.owner_releases else ""
    yield "asked by", ", ".join(resource.asked_by)
    yield "finished by", ", ".join(resource.finishes)
    yield "no release", ", ".join(resource.looks_like)
    yield "with", _EXITS[resource.with_.value] + (f" and {resource.with_also}" if resource.with_also else "")
    yield "async with", _EXITS[resource.async_with.value]
    yield "as binds", "" if resource.enter == "self" else resource.enter
    yield "second release", "raises" if resource.again == "raises" else ""
    yield "dropped", f"{_TIERS[resource.tier.value]} ({resource.tier.value})"
    yield "holds", ", ".join(_holds(resource))
    yield "opens", "nothing before it is used" if resource.lazy else ""
    yield "data loss", "what was written is lost if it is not released" if resource.data_loss else ""
    why = f": {resource.cache.why}" if resource.cache.why else ""
    yield "at module level", _ADVICE[resource.cache.advice.value] + why
    yield "healed by", ", ".join(resource.cache.heals)
    yield "bounded by", ", ".join(resource.cache.bounds)
    yield "event loop", "only the one in which it was opened" if resource.cache.loop else ""
    yield "once released", "opens anew what it needs" if resource.cache.reopens else ""
    yield "evidence", resource.evidence
    yield "note", resource.note


def _call(step: Step) -> str:
    call = {"method": f".{step.call}()", "function": f"{step.call}(it)", "owner": f"owner.{step.call}(it)"}[step.form]
    return f"await {call}" if step.awaited else call


def _holds(resource: Resource) -> Iterator[str]:
    if resource.server:
        yield "a session of a server"
    if resource.threads:
        yield "threads"
    if resource.descriptors:
        yield f"{resource.descriptors} descriptor{'s' if resource.descriptors > 1 else ''}"


def _plain(value: Any) -> Any:
    """Dataclasses, enums, tuples and mappings as JSON has them; a field named with a trailing ``_`` loses it."""
    if is_dataclass(value):
        return {field.name.rstrip("_"): _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
