"""Colours: when a stream gets them, and the function that puts them around text. rich is imported only then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum


class Style(Enum):
    """What a piece of a report is; the value is how it looks."""

    ERROR = "bold red"
    WARNING = "bold yellow"
    NOTICE = "bold cyan"
    FRAME = "bold blue"
    STRONG = "bold"


Paint = Callable[[str, Style], str]


def wanted(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to colour: NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE, then whether it is a terminal that can.

    Variables that are set but empty say nothing, and forcing with ``0`` forces nothing.
    """
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return terminal and environment.get("TERM") != "dumb"


def plain(text: str, style: Style) -> str:
    """The text as it is."""
    return text


def painter() -> Paint:
    """A function that wraps text in the escape sequences of a style."""
    from rich.color import ColorSystem
    from rich.style import Style as RichStyle

    styles = {style: RichStyle.parse(style.value) for style in Style}

    def paint(text: str, style: Style) -> str:
        return styles[style].render(text, color_system=ColorSystem.STANDARD) if text else text

    return paint
