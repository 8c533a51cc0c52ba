"""The program, called ``leaklint`` or ``python -m leaklint``: what is settled for its process as a whole."""

from __future__ import annotations

import atexit
import gc


def run() -> None:
    """Run the command line and end the process with its exit code.

    Garbage is collected when a run asks for it, and what is alive at the end is not looked through once more: with the
    modules of a parser loaded, either would cost as much as checking a file.
    """
    gc.disable()
    atexit.register(gc.freeze)
    from leaklint.cli import main

    main(prog_name="leaklint")


if __name__ == "__main__":
    run()
