"""What a single file costs: start-up of leaklint next to bare Python and to the imports that it cannot avoid.

The commands run in turn, so that a busy machine slows all alike. Needs a Python in which leaklint is installed with its
bytecode.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

CLEAN = "def area(width: int, height: int) -> int:\n    return width * height\n"
MANAGED = "def read(path: str) -> str:\n    with open(path) as stream:\n        return stream.read()\n"
LEAKING = "def read(path: str) -> str:\n    stream = open(path)\n    return stream.read()\n"
TARGETS = {"a gated-out file": ("import click", 1.5), "a file with one finding": ("import click, libcst", 1.5)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter in which leaklint is installed")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()

    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "clean.py").write_text(CLEAN, encoding="utf-8")
        Path(folder, "managed.py").write_text(MANAGED, encoding="utf-8")
        Path(folder, "leaking.py").write_text(LEAKING, encoding="utf-8")
        check = ("-m", "leaklint", "check", "--quiet")
        commands = {
            "pass": (("-c", "pass"), 0),
            "import click": (("-c", "import click"), 0),
            "import click, libcst": (("-c", "import click, libcst"), 0),
            "leaklint --version": (("-m", "leaklint", "--version"), 0),
            "a gated-out file": ((*check, "clean.py"), 0),
            "a file with one resource": ((*check, "managed.py"), 0),
            "a file with one finding": ((*check, "leaking.py"), 1),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(arguments.rounds + 1):
            for name, (command, expected) in commands.items():
                started = time.perf_counter()
                done = subprocess.run(
                    [arguments.python, *command],
                    cwd=folder,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                elapsed = time.perf_counter() - started
                if done.returncode != expected:
                    print(f"{name}: exit code {done.returncode}, not {expected}", file=sys.stderr)
                    return 1
                if number:  # the first round only warms the disk's cache and writes bytecode
                    times[name].append(elapsed * 1000)

    print(f"{arguments.rounds} rounds\n")
    print("| command | min ms | median ms | median of the ratio to its target's base |\n|---|--:|--:|---|")
    for name, taken in times.items():
        against = ""
        if name in TARGETS:
            base, limit = TARGETS[name]
            ratio = median(mine / theirs for mine, theirs in zip(taken, times[base], strict=True))
            against = f"{ratio:.2f} x `{base}` (target: at most {limit})"
        print(f"| {name} | {min(taken):.0f} | {median(taken):.0f} | {against} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
