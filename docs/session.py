"""Draw the session of the README: ``python docs/session.py`` runs leaklint and writes ``docs/session.svg``."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "session.svg"
COMMANDS = (("check", "handler.py"), ("check", "--diff", "handler.py"))
"""what is run in ``fixtures/examples``"""
WIDTH = 108


def play() -> str:
    """The commands and what they print, with colours as escape sequences."""
    environment = {**os.environ, "FORCE_COLOR": "1", "FORCE_HYPERLINK": "0", "PYTHONPATH": str(ROOT / "src")}
    environment.pop("NO_COLOR", None)
    shown = []
    for command in COMMANDS:
        done = subprocess.run(
            [sys.executable, "-m", "leaklint", *command],
            cwd=ROOT / "fixtures" / "examples",
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        shown.append(f"\x1b[1m$ leaklint {' '.join(command)}\x1b[0m\n{done.stdout}")
    return "\n".join(shown)


def draw(session: str) -> str:
    """The session as SVG, which refers to nothing outside of itself."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    with open(os.devnull, "w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(session))
    plain = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.S)
    return console.export_svg(title="leaklint", code_format=plain, unique_id="leaklint")


def text_of(picture: str) -> str:
    """The words of a picture, without white space: what two runs are compared by."""
    from html import unescape

    body = picture.partition('<g class="leaklint-matrix">')[2]
    return "".join(unescape("".join(re.findall(r"<text[^>]*>([^<]*)</text>", body))).split())


if __name__ == "__main__":
    PICTURE.write_text(draw(play()), encoding="utf-8")
