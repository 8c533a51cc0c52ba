"""``leaklint rule CODE``: the page of one rule."""

from __future__ import annotations

from collections.abc import Iterator

import click

from leaklint.cli.output import colours, emit


@click.command("rule", short_help="Explain a rule.")
@click.argument("code")
def command(code: str) -> int:
    """Explain the rule CODE (a code or a name): what it reports, why, and what to write instead."""
    from leaklint.rules import RULES

    for rule in RULES:
        if code.upper() == rule.code or code.lower() == rule.name:
            page = rule.page.strip()
            emit(_coloured(page) if colours() else page.split("\n"))
            return 0
    from leaklint.config.problems import unknown_rule

    raise click.UsageError(unknown_rule(code, {rule.code: rule.name for rule in RULES}))


def _coloured(page: str) -> Iterator[str]:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(force_terminal=True, no_color=False, color_system="standard")
    with console.capture() as capture:
        console.print(Markdown(page, code_theme="ansi_dark"))
    yield from capture.get().rstrip("\n").split("\n")
