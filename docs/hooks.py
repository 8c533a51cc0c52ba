"""Pages that mkdocs does not find in this folder, because the code is their source: the rules and the catalogue."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from leaklint.catalogue.load import load
from leaklint.catalogue.model import Exit, Resource, Step, Tier
from leaklint.rules import RULES

_STANDARD = "The standard library"
_TIERS = {
    Tier.G0: "never",
    Tier.G1: "by a garbage collection",
    Tier.G2: "not in order: its finaliser cannot await",
    Tier.G3: "with the last reference",
}
_EXITS = {
    Exit.RELEASES: "releases",
    Exit.TRANSACTION: "ends the transaction",
    Exit.VARIES: "releases it where the library has it",
    Exit.RESTORES: "restores the state found on entering",
    Exit.TERMINATES: "ends what still runs",
    Exit.NOTHING: "releases nothing",
    Exit.UNSUPPORTED: "",
}


def pages() -> dict[str, str]:
    """The text of each generated page by its path from the folder of the documents."""
    made = {f"rules/{rule.code.lower()}.md": f"{rule.page.strip()}\n" for rule in RULES}
    return {"rules/index.md": _rules(), **made, "catalogue.md": _catalogue()}


def _rules() -> str:
    rows = "\n".join(f"| [{rule.code}]({rule.code.lower()}.md) | {rule.name} | {rule.summary} |" for rule in RULES)
    return (
        "# Rules\n\n"
        "LL1 are leaks, LL2 connections that are kept between invocations, LL3 what grows from one warm invocation to "
        "the next, LL9 is about suppressions. `leaklint rules` lists them, and `leaklint rule LL101` prints the page "
        "of one.\n\n"
        f"| Code | Name | What is wrong |\n|---|---|---|\n{rows}\n"
    )


def _catalogue() -> str:
    resources = load().resources
    groups: dict[str, list[Resource]] = {}
    for resource in resources.values():
        own = resource.package in sys.stdlib_module_names or not resource.package
        groups.setdefault(_STANDARD if own else resource.package, []).append(resource)
    text = (
        "# Catalogue\n\n"
        f"What leaklint knows: {len(resources)} resources of the standard library and {len(groups) - 1} packages. "
        "`leaklint catalogue` lists them, and `leaklint catalogue psycopg2.connection` shows everything that is known "
        "of one, with its evidence. Resources of your own are the same table under [`resource`](configuration.md).\n\n"
        "*Reclaimed* says what gives the resource back when the code does not.\n"
    )
    for package in sorted(groups, key=lambda name: (name != _STANDARD, name.lower())):
        text += f"\n## {package}\n\n| Id | Opened by | Released by | `with` | Reclaimed |\n|---|---|---|---|---|\n"
        text += "".join(f"{_row(resource)}\n" for resource in sorted(groups[package], key=lambda r: r.id))
    return text


def _row(resource: Resource) -> str:
    opened = ", ".join(f"`{name}`" for name in resource.acquire)
    released = " or ".join(" and ".join(_step(step) for step in steps) for steps in resource.release)
    leaving = {_EXITS[resource.with_]: None}
    if resource.async_with is not Exit.UNSUPPORTED:
        leaving[f"`async with` {_EXITS[resource.async_with]}"] = None
    withs = "; ".join(filter(None, leaving))
    return f"| `{resource.id}` | {opened} | {released} | {withs} | {_TIERS[resource.tier]} |"


def _step(step: Step) -> str:
    call = {"method": f".{step.call}()", "function": f"{step.call}(it)", "owner": f"owner.{step.call}(it)"}[step.form]
    return f"`await {call}`" if step.awaited else f"`{call}`"


def on_config(config: Any) -> Any:
    """Put the pages of the rules into the navigation."""
    for entry in config.nav:
        if isinstance(entry, dict) and "Rules" in entry:
            entry["Rules"] = ["rules/index.md", *(f"rules/{rule.code.lower()}.md" for rule in RULES)]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files
