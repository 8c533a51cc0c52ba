"""A cold run of leaklint over a tree, next to other linters and to Python's own parser, on the same files.

Every tool runs once per round, in turn, so that a busy machine slows all of them alike; what is compared are the
medians of the ratios within a round. Each run is a process of its own: wall time, processor time (user and system, of
the process and all that it waited for) and the peak memory of its largest process. A kernel may count the peak of this
program for those that it starts: what is not above it is printed as `<`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

PARSER = """
import ast, os, sys, warnings
warnings.simplefilter("ignore")
for path in sys.stdin.read().split("\\0"):
    with open(path, "rb") as stream:
        data = stream.read()
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
"""


@dataclass(frozen=True)
class Tool:
    """A command that is measured; a slow one is given every `every`-th file only, and scaled up by lines."""

    name: str
    command: tuple[str, ...]
    good: frozenset[int]
    """exit codes that mean that the tool did its work"""
    every: int = 1
    files_on: str = "arguments"
    """how it gets the files: the folder itself (tree), a file of names (list), standard input (stdin)"""


@dataclass(frozen=True)
class Sample:
    """One run: seconds of wall and processor time, MiB of the largest process, the exit code."""

    wall: float
    cpu: float
    peak: float
    code: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path, help="the folder to check; point at an installed site-packages itself")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--leaklint", default="leaklint", help="the command, installed with its bytecode")
    parser.add_argument("--bin", type=Path, help="the folder of ruff, pylint and flake8; the PATH unless given")
    parser.add_argument("--slow-every", type=int, default=1, help="give pylint and flake8 every Nth file only")
    parser.add_argument("--without", default="", help="tools to leave out, with commas")
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    arguments = parser.parse_args()

    files = sorted(str(path) for path in arguments.tree.rglob("*.py") if path.is_file())
    lines = {path: count_lines(path) for path in files}
    total = sum(lines.values())
    if not files:
        parser.error(f"no Python files below {arguments.tree}")
    wanted = [
        tool
        for tool in tools(arguments.tree, arguments.leaklint, arguments.bin, arguments.slow_every)
        if tool.name not in arguments.without.split(",")
    ]
    sampled = {tool.name: files[:: tool.every] for tool in wanted}
    scale = {tool.name: total / sum(lines[path] for path in sampled[tool.name]) for tool in wanted}
    for path in files:  # so that no tool pays for the first read from the disk
        Path(path).read_bytes()

    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    rounds: list[dict[str, Sample]] = []
    for number in range(arguments.rounds):
        row = {}
        for tool in wanted:
            row[tool.name] = sample = run(tool, sampled[tool.name], environment)
            print(f"round {number + 1}: {tool.name}: {sample.wall:.1f} s, exit {sample.code}", file=sys.stderr)
            if sample.code not in tool.good:
                print(f"{tool.name} failed with {sample.code}; leave it out with --without", file=sys.stderr)
                return 1
        rounds.append(row)

    print(f"{len(files):,} files, {total:,} lines; {arguments.rounds} rounds; {os.cpu_count()} processors\n")
    print(table(rounds, wanted, sampled, scale))
    if arguments.json:
        document = {
            "files": len(files),
            "lines": total,
            "processors": os.cpu_count(),
            "python": sys.version.split()[0],
            "scale": scale,
            "rounds": [{name: asdict(sample) for name, sample in row.items()} for row in rounds],
        }
        arguments.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def tools(tree: Path, leaklint: str, folder: Path | None, slow_every: int) -> list[Tool]:
    """The commands, those of `folder` where it is given. ruff and leaklint get the tree, the others lists of files."""

    def found(name: str) -> str:
        path = shutil.which(name, path=str(folder) if folder else None)
        if path is None:
            raise SystemExit(f"{name} is not installed")
        return path

    pylint = (found("pylint"), "--rcfile=" + os.devnull, "--disable=all", "--enable=R1732", "--score=n")
    flake8 = (found("flake8"), "--isolated", "--select", "SIM", "--exit-zero")
    ruff = ("check", "--isolated", "--no-cache", "--select", "SIM115", "--exit-zero", "--quiet", "--exclude", "")
    return [
        Tool("leaklint", (leaklint, "check", str(tree), "--exit-zero", "--quiet"), frozenset({0, 2}), files_on="tree"),
        Tool(
            "ruff SIM115", (found("ruff"), *ruff, "--no-respect-gitignore", str(tree)), frozenset({0}), files_on="tree"
        ),
        Tool("ast.parse", (sys.executable, "-c", PARSER), frozenset({0}), files_on="stdin"),
        # pylint's exit code is a set of flags; only 32 (usage) means that nothing was done
        Tool("pylint R1732 -j1", (*pylint, "-j1"), frozenset(range(32)), every=slow_every),
        Tool("pylint R1732 -j2", (*pylint, "-j2"), frozenset(range(32)), every=slow_every),
        Tool("flake8 SIM -j2", (*flake8, "-j2"), frozenset({0}), every=slow_every),
    ]


def run(tool: Tool, files: Sequence[str], environment: dict[str, str]) -> Sample:
    """Run a tool once. The kernel counts for us: `wait4` gives the time of the process and of what it waited for."""
    command = [*tool.command, *(files if tool.files_on == "arguments" else ())]
    with tempfile.TemporaryFile() as given, open(os.devnull, "wb") as nowhere:
        if tool.files_on == "stdin":
            given.write("\0".join(files).encode())
            given.seek(0)
        actions = [
            (os.POSIX_SPAWN_DUP2, given.fileno(), 0),
            (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2),
        ]
        started = time.perf_counter()
        process = os.posix_spawnp(command[0], command, environment, file_actions=actions)
        _, status, usage = os.wait4(process, 0)
        wall = time.perf_counter() - started
    return Sample(wall, usage.ru_utime + usage.ru_stime, peak_of(usage), os.waitstatus_to_exitcode(status))


def peak_of(usage: resource.struct_rusage) -> float:
    """The peak resident memory in MiB."""
    return usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def table(
    rounds: Sequence[dict[str, Sample]],
    wanted: Sequence[Tool],
    sampled: dict[str, list[str]],
    scale: dict[str, float],
) -> str:
    """The medians as a Markdown table; times of a tool that got a part of the files are scaled up to all lines."""
    header = "| tool | files | wall s | CPU s | peak MiB | leaklint's wall / this | leaklint's CPU / this |"
    own = peak_of(resource.getrusage(resource.RUSAGE_SELF))
    rows = [header, "|---|--:|--:|--:|--:|--:|--:|"]
    for tool in wanted:
        name, factor = tool.name, scale[tool.name]
        wall = median(row[name].wall for row in rounds) * factor
        cpu = median(row[name].cpu for row in rounds) * factor
        peak = median(row[name].peak for row in rounds)
        memory = f"{peak:.0f}" if peak > own else f"< {own:.0f}"
        ratios = ["", ""]
        if "leaklint" in rounds[0]:
            ratios = [
                f"{median(row['leaklint'].wall / (row[name].wall * factor) for row in rounds):.2f}",
                f"{median(row['leaklint'].cpu / (row[name].cpu * factor) for row in rounds):.2f}",
            ]
        part = f"{len(sampled[name]):,}" + (f" (1 of {tool.every}, scaled x {factor:.1f})" if tool.every > 1 else "")
        rows.append(f"| {name} | {part} | {wall:.1f} | {cpu:.1f} | {memory} | {ratios[0]} | {ratios[1]} |")
    return "\n".join(rows)


def count_lines(path: str) -> int:
    with open(path, "rb") as stream:
        return stream.read().count(b"\n")


if __name__ == "__main__":
    sys.exit(main())
