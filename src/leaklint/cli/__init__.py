"""The command line: a file per command, imported when the command is called. The only package that prints or exits.

A command returns its exit code: 0 all was done, 1 something was found, 2 something could not be done.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from leaklint import __version__

COMMANDS = ("catalogue", "check", "config", "explain", "handlers", "rule", "rules")

_INTERRUPTED = 130


class Commands(click.Group):
    """A group whose commands are modules of this package: each has a click command of its own name in ``command``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None when there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Run the command line and exit: usage errors are 2, an interrupt is 130, never 1, which means findings."""
        kwargs["standalone_mode"] = False
        try:
            code = super().main(*args, **kwargs)
        except click.ClickException as error:
            error.show()
            code = 2
        except click.Abort:
            click.echo("interrupted", err=True)
            code = _INTERRUPTED
        sys.exit(code or 0)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    no_args_is_help=True,
)
@click.option("-V", "--version", is_flag=True, help="Show the version; with -v also Python, packages and platform.")
@click.option("-v", "--verbose", is_flag=True, hidden=True)
@click.pass_context
def main(context: click.Context, version: bool, verbose: bool) -> None:
    """Find what a warm AWS Lambda never gives back: files, sockets, database connections."""
    if version:
        click.echo(f"leaklint {__version__}")
        if verbose:
            from leaklint.cli.version import environment

            for line in environment():
                click.echo(line)
        context.exit()
    if verbose:
        raise click.UsageError("-v goes with --version, or after a command")
