"""The options that override the configuration, and the configuration of a run that they make.

Each option has the name of its key, and its value is read as the key's value in a file is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leaklint.finding import Confidence, Severity

if TYPE_CHECKING:
    from leaklint.config.layers import Layer
    from leaklint.config.resolve import Configuration, Resolved

F = TypeVar("F", bound=Callable[..., Any])

_LISTS = (
    "select", "ignore", "extend_select", "extend_ignore", "fixable", "unfixable", "exclude", "extend_exclude"
)  # fmt: skip
"""options that may be repeated, each time with a comma list"""
_SOURCE = "the command line"


class _Lines(click.types.StringParamType):
    """Text, of which a variable of the environment may hold several, one a line: patterns and values have spaces."""

    envvar_list_splitter = "\n"


def _several(name: str, help: str, metavar: str = "LIST") -> Callable[[F], F]:
    completed = _rules if "select" in name or name.endswith("ignore") else None
    return click.option(
        name, type=_Lines(), multiple=True, metavar=metavar, help=help, callback=_read, shell_complete=completed
    )


def _rules(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes that can end a comma list, for completion in a shell."""
    from leaklint.configure import rules

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{code}" for code in rules() if code.startswith(last.upper())]


def _read(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The value of an option, read by the kind of its key; None when it is not given."""
    if value is None or value == ():
        return None
    from leaklint.config.keys import BY_NAME
    from leaklint.config.problems import Wrong
    from leaklint.configure import KNOWLEDGE

    name = param.name or ""
    try:
        if name in _LISTS:
            value = [part.strip() for written in value for part in _commas(written) if part.strip()]
            if not value:
                raise Wrong("names no rule" if "exclude" not in name else "names no pattern")
        elif name == "per_file_ignores":
            value = _by_pattern(value)
        return BY_NAME[name.replace("_", "-")].kind.read(value, _here(), KNOWLEDGE)
    except Wrong as problem:
        raise click.BadParameter(str(problem)) from None


def _commas(text: str) -> list[str]:
    """The parts of a comma list; commas in braces choose within a pattern."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "{") - (char == "}")
        if char == "," and depth <= 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _by_pattern(values: tuple[str, ...]) -> dict[str, list[str]]:
    """``PATTERN:CODE`` pairs in comma lists, by pattern."""
    from leaklint.config.problems import Wrong

    found: dict[str, list[str]] = {}
    for pair in (part.strip() for written in values for part in _commas(written) if part.strip()):
        pattern, colon, code = pair.rpartition(":")
        if not (colon and pattern and code):
            raise Wrong(f"expected PATTERN:CODE, got `{pair}`")
        found.setdefault(pattern.strip(), []).append(code)
    return found


def _choice(name: str, values: list[str], default: str, help: str) -> Callable[[F], F]:
    return click.option(name, type=click.Choice(values), callback=_read, help=f"{help}  [default: {default}]")


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    _several("--select", help="Rules to run: codes or prefixes, with commas."),
    _several("--ignore", help="Rules to leave out: codes or prefixes."),
    _several("--extend-select", help="Rules to run besides those that are selected."),
    _several("--extend-ignore", help="Rules to leave out besides those that are ignored."),
    _several(
        "--per-file-ignores", metavar="PATTERN:CODE", help="Rules to leave out in files: pairs of pattern and code."
    ),
    _choice("--min-severity", [each.value for each in Severity], "low", "Show findings of at least this severity."),
    _choice(
        "--min-confidence", [each.value for each in Confidence], "medium", "Show findings of at least this confidence."
    ),
    click.option("--preview/--no-preview", default=None, help="Run the rules that are still on trial."),
    click.option(
        "--unsafe-fixes/--no-unsafe-fixes", default=None, help="Count fixes that may change what the program does."
    ),
    _several("--fixable", help="Rules whose findings may be fixed: codes or prefixes."),
    _several("--unfixable", help="Rules whose findings are left alone by --fix."),
    _several("--exclude", help="Patterns of what to leave out, in place of the default ones."),
    _several("--extend-exclude", help="Patterns of what to leave out besides."),
    click.option(
        "--force-exclude/--no-force-exclude", default=None, help="Leave it out even where it is named among PATHS."
    ),
    click.option(
        "--respect-gitignore/--no-respect-gitignore", default=None, help="Leave out what .gitignore files ignore."
    ),
    click.option(
        "-j",
        "--jobs",
        type=click.IntRange(1),
        callback=_read,
        metavar="N",
        help="Processes that share the files.  [default: the processors, for a run that is not soon over]",
    ),
    click.option("--required-version", callback=_read, metavar="VERSION", help="Stop unless this version is met."),
    click.option(
        "--config",
        "configs",
        type=_Lines(),
        multiple=True,
        envvar="LEAKLINT_CONFIG",
        metavar='FILE|"KEY=VALUE"',
        help="A file to use for all files in place of the closest ones, or a value of TOML that overrides a key.",
    ),
    click.option("--isolated", is_flag=True, help="Use no configuration file."),
)


def configured(command: F) -> F:
    """Give a command the options of the configuration."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def configuration(configs: tuple[str, ...] = (), isolated: bool = False, **given: Any) -> Configuration:
    """The configuration of a run from the values of its options, by parameter names; None is not given.

    Raises click.UsageError for options that contradict each other, and click.ClickException for a configuration that
    cannot be used.
    """
    from leaklint.config.layers import check_version, inline_layers
    from leaklint.config.problems import ConfigurationError
    from leaklint.config.resolve import Configuration
    from leaklint.configure import KNOWLEDGE

    _here()
    files = [config for config in configs if "=" not in config or os.path.isfile(config)]
    if len(files) > 1:
        raise click.UsageError(f"--config names two files, {files[0]} and {files[1]}")
    if files and isolated:
        raise click.UsageError(f"--isolated says to use no configuration file, and --config names {files[0]}")
    if files and not os.path.isfile(files[0]):
        raise click.UsageError(f"--config: {files[0]} is no file, and no KEY=VALUE")
    over: list[Layer] = []
    try:
        for config in configs:
            if config not in files:
                over.extend(inline_layers(config, KNOWLEDGE))
        over.append(_layer(given))
        if given.get("required_version"):
            check_version(given["required_version"], "--required-version")
    except ConfigurationError as problem:
        raise click.ClickException(str(problem)) from None
    return Configuration(KNOWLEDGE, over, pinned=os.path.abspath(files[0]) if files else "", isolated=isolated)


def _here() -> str:
    """The real path of the current folder, from which options count. Raises click.ClickException when it is gone."""
    try:
        return os.path.realpath(os.curdir)
    except OSError as error:
        raise click.ClickException(f"cannot tell the current folder: {error.strerror}") from None


def of_current_folder(chosen: Configuration) -> Resolved:
    """The configuration that holds for the run as a whole. Raises click.ClickException when it cannot be used."""
    from leaklint.config.problems import ConfigurationError

    try:
        return chosen.of_folder(_here())
    except ConfigurationError as problem:
        raise click.ClickException(str(problem)) from None


def _layer(given: Mapping[str, Any]) -> Layer:
    from leaklint.config.layers import Layer

    context = click.get_current_context()
    values, names = {}, {}
    for name, value in given.items():
        if value is not None:
            key = name.replace("_", "-")
            values[key] = value
            from_variable = context.get_parameter_source(name) is click.core.ParameterSource.ENVIRONMENT
            names[key] = f"{context.auto_envvar_prefix}_{name.upper()}" if from_variable else f"--{key}"
    return Layer(_SOURCE, values, names=names)
