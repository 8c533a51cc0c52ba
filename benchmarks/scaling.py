"""Doubling the lines of a module must not cost more than 2.2 times the time.

Modules are generated, with as many functions as asked for; each shape stresses one part: files opened and closed on
many paths, helpers that hand resources on to one another, one long function, a class with many methods, code at module
level. Time is the processor time of the run itself, without the start of the interpreter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

LIMIT = 2.2
TIMER = """
import sys, time
from leaklint.config import Settings
from leaklint.run import run
run([sys.argv[1]], Settings())
started = time.process_time()
report = run([sys.argv[2]], Settings())
print(time.process_time() - started, len(report.findings), len(report.not_analysed))
"""


def handlers(count: int) -> str:
    """Functions with branches, loops and try statements; one in three leaks."""
    parts = ["import json\nimport socket\nimport sqlite3\n"]
    for number in range(count):
        kind = number % 3
        if kind == 0:
            parts.append(f"""
def store_{number}(path, rows):
    connection = sqlite3.connect(path)
    try:
        for row in rows:
            if row.get("id") is None:
                continue
            connection.execute("insert into t values (?)", (row["id"],))
        connection.commit()
    finally:
        connection.close()
""")
        elif kind == 1:
            parts.append(f"""
def load_{number}(path, default=None):
    stream = open(path, encoding="utf-8")
    data = json.load(stream)
    if not data:
        return default
    stream.close()
    return {{key: value for key, value in data.items() if key}}
""")
        else:
            parts.append(f"""
def ask_{number}(host, port, message):
    with socket.create_connection((host, port)) as peer:
        peer.sendall(message)
        answer = b""
        while True:
            part = peer.recv(4096)
            if not part:
                break
            answer += part
    return answer
""")
    return "".join(parts)


def helpers(count: int) -> str:
    """A chain of functions, each handing on what the one before returned."""
    parts = ["def step_0(path):\n    return open(path)\n"]
    parts += [
        f"\n\ndef step_{number}(path):\n    stream = step_{number - 1}(path)\n    return stream\n"
        for number in range(1, count)
    ]
    return "".join(parts) + f"\n\ndef last(path):\n    stream = step_{count - 1}(path)\n    return stream.read()\n"


def statements(count: int) -> str:
    """One function, with one resource after another."""
    parts = ["def main(folder, work):\n"]
    for number in range(count):
        parts.append(f"    f{number} = open(folder + '/{number}')\n    work(f{number})\n    f{number}.close()\n")
    return "".join(parts)


def live(count: int) -> str:
    """One function that holds one resource over everything that it does."""
    parts = ["def main(path, work):\n    stream = open(path)\n"]
    for number in range(count):
        parts.append(f"    if work({number}):\n        work(stream.readline())\n")
    return "".join(parts) + "    stream.close()\n"


def methods(count: int) -> str:
    """A class with many methods that use a file it owns, and some of its own."""
    parts = ["class Store:\n    def __init__(self, path):\n        self.log = open(path)\n"]
    parts += [
        f"\n    def read_{number}(self, path):\n        part = open(path)\n        self.log.write(part.read())\n"
        for number in range(count)
    ]
    return "".join(parts) + "\n    def close(self):\n        self.log.close()\n"


def top_level(count: int) -> str:
    """A script: everything at module level."""
    return "import json\n" + "".join(
        f"f{number} = open('{number}.json')\nd{number} = json.load(f{number})\nf{number}.close()\n"
        for number in range(count)
    )


SHAPES: dict[Callable[[int], str], int] = {
    handlers: 200,
    helpers: 200,
    statements: 100,
    live: 200,
    methods: 200,
    top_level: 100,
}
"""shapes with the number of repetitions in the smallest module"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter in which leaklint is installed")
    parser.add_argument("--doublings", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    exceeded = False
    print("| shape | lines | seconds | times the half | findings |\n|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder, "small.py")
        small.write_text(handlers(3), encoding="utf-8")  # loads libcst and the catalogue before the clock runs
        for shape, smallest in SHAPES.items():
            sizes = [smallest << doubling for doubling in range(arguments.doublings + 1)]
            modules = []
            for size in sizes:
                module = Path(folder, f"{shape.__name__}_{size}.py")
                module.write_text(shape(size), encoding="utf-8")
                modules.append(module)
            rounds = [[timed(arguments.python, small, module) for module in modules] for _ in range(arguments.rounds)]
            for index, module in enumerate(modules):
                lines = module.read_bytes().count(b"\n")
                seconds = median(row[index][0] for row in rounds)
                found, failed = rounds[0][index][1:]
                note = f"{found:,}" + (" (not analysed whole)" if failed else "")
                growth = ""
                if index:
                    factor = median(row[index][0] / row[index - 1][0] for row in rounds)
                    growth = f"{factor:.2f}" + (" !" if factor > LIMIT else "")
                    exceeded |= factor > LIMIT
                print(f"| {shape.__name__} | {lines:,} | {seconds:.3f} | {growth} | {note} |", flush=True)
    return 1 if exceeded else 0


def timed(python: str, small: Path, module: Path) -> tuple[float, int, int]:
    """Seconds, findings and failures of checking a module."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [python, "-c", TIMER, str(small), str(module)], env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    seconds, found, failed = done.stdout.split()
    return float(seconds), int(found), int(failed)


if __name__ == "__main__":
    sys.exit(main())
