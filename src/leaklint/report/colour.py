"""Colours and links: when a stream gets them, and what puts them around text. rich is imported only then."""

from __future__ import annotations

import os
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
Link = Callable[[str, str], str]
"""puts around a text, the first argument, a link to the file of a path, the second"""

_LINKING = frozenset({"Hyper", "Tabby", "WezTerm", "ghostty", "iTerm.app", "rio", "vscode"})
"""terminals, as TERM_PROGRAM names them, that know OSC 8"""
_LINKING_TERMS = frozenset({"alacritty", "contour", "foot", "foot-extra", "wezterm", "xterm-ghostty", "xterm-kitty"})
_MARKS = ("DOMTERM", "KONSOLE_VERSION", "WT_SESSION")
"""variables that only terminals set that know OSC 8"""
_VTE = 5001
"""the first VTE that can (0.50.0 crashed on it)"""
_BETWEEN = ("CI", "SSH_CONNECTION", "SSH_TTY", "STY", "TMUX")
"""variables that say that the terminal is far away, or behind something that may not pass links on"""


def wanted(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to colour: NO_COLOR, then FORCE_COLOR or CLICOLOR_FORCE, then whether it is a terminal that can.

    Variables that are set but empty say nothing, and forcing with ``0`` forces nothing.
    """
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return terminal and environment.get("TERM") != "dumb"


def links(environment: Mapping[str, str], *, terminal: bool) -> bool:
    """Whether to write links: FORCE_HYPERLINK, or a terminal that takes colours and is known to take links.

    They lead to files of this machine, so a terminal at the other end of a connection gets none.
    """
    if not wanted(environment, terminal=terminal):
        return False
    forced = environment.get("FORCE_HYPERLINK", "")
    if forced:
        return forced != "0"
    if not terminal or any(environment.get(name) for name in _BETWEEN):
        return False
    vte = environment.get("VTE_VERSION", "")
    return (
        environment.get("TERM_PROGRAM") in _LINKING
        or environment.get("TERM") in _LINKING_TERMS
        or any(environment.get(name) for name in _MARKS)
        or (vte.isdecimal() and int(vte) >= _VTE)
    )


def unlinked(text: str, path: str) -> str:
    """The text as it is."""
    return text


def linker(folder: str) -> Link:
    """A function that links text to files, whose paths are from ``folder``, by OSC 8."""

    def link(text: str, path: str) -> str:
        from pathlib import Path

        address = Path(os.path.abspath(os.path.join(folder, path))).as_uri()
        return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"

    return link


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
