"""``leaklint rules``: what leaklint looks for."""

from __future__ import annotations

import click

from leaklint.cli.output import emit


@click.command("rules", short_help="List all rules.")
@click.option(
    "--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to list them."
)
def command(output_format: str) -> int:
    """List all rules: code, name and what is wrong."""
    from leaklint.rules import RULES

    if output_format == "json":
        import json

        table = [
            {
                "rule": rule.code,
                "name": rule.name,
                "summary": rule.summary,
                "since": rule.since,
                "preview": rule.preview,
            }
            for rule in RULES
        ]
        emit(json.dumps(table, indent=2).split("\n"))
        return 0
    width = max(len(rule.name) for rule in RULES)
    emit(f"{rule.code}  {rule.name:<{width}}  {rule.summary}{' (preview)' if rule.preview else ''}" for rule in RULES)
    return 0
