"""Small programs under the engine: what they lower to, how their resources walk, what is found in them."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

from leaklint.analysis.obligation import Context
from leaklint.analysis.summary import Found
from leaklint.analysis.tracker import Walk
from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.finding import Confidence, Finding
from leaklint.flow.cfg import Cfg, EdgeKind, describe
from leaklint.flow.ops import Op
from leaklint.result import Checked, Outcome, Skipped, Work
from leaklint.unit import Unit
from leaklint.workspace import Workspace

PATH = "/nowhere/module.py"
"""has no neighbours that an import could mean"""
EVERYTHING = Settings(min_confidence=Confidence.LOW)


def text(source: str) -> str:
    """An indented program as a file: its first line is line 1."""
    return dedent(source).lstrip("\n")


def opened(source: str) -> Unit:
    """A program, decoded and outlined."""
    return Workspace().checked(text(source).encode(), PATH, Work())


def graph(source: str, function: str = "f") -> Cfg:
    """The graph of one function."""
    return opened(source).lower(function)


def at(cfg: Cfg, line: str) -> int:
    """The only node that reads so in a dump."""
    (found,) = [node for node, op in enumerate(cfg.ops) if describe(op) == line and node in cfg.entered]
    return found


def op_after(cfg: Cfg, node: int, kind: EdgeKind) -> Op:
    """The op to which the only edge of this kind leads."""
    (target,) = [target for each, target in cfg.successors[node] if each is kind]
    return cfg.ops[target]


def reached(cfg: Cfg, start: int) -> set[int]:
    """The nodes to which some way leads from `start`."""
    seen: set[int] = set()
    stack = [start]
    while stack:
        node = stack.pop()
        for _, target in cfg.successors[node]:
            if target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


class Engine:
    """The summaries of one program, and the questions asked of them."""

    def __init__(self, source: str) -> None:
        workspace = Workspace()
        self.unit = workspace.checked(text(source).encode(), PATH, Work())
        self.module = self.unit.module
        self.summaries = workspace.summaries

    def graph(self, function: str = "f") -> Cfg:
        """The graph of a function by its qualified name."""
        cfg = self.module.graph(function)
        assert cfg is not None, self.module.failed.get(function, function)
        return cfg

    def acquired(self, function: str = "f") -> tuple[Found, ...]:
        """What a function acquires."""
        return self.summaries.acquisitions(self.module, self.graph(function))

    def walk(self, function: str = "f", index: int = 0) -> tuple[Walk, Context]:
        """What becomes of the acquisition with this number."""
        cfg = self.graph(function)
        return self.summaries.walk(self.module, cfg, self.acquired(function)[index])


def outcome(source: str, settings: Settings = EVERYTHING) -> Outcome:
    """What checking a program comes to."""
    return check_source(text(source).encode(), PATH, settings)


def findings(source: str, settings: Settings = EVERYTHING) -> tuple[Finding, ...]:
    """What is found in a program that is analysed whole or in part."""
    result = outcome(source, settings)
    assert not isinstance(result, Skipped)
    return result.findings


def codes(source: str) -> list[str]:
    """``line:code`` of each finding, at every confidence."""
    return [f"{f.location.line}:{f.rule}" for f in findings(source)]


def example_codes(section: str, folder: Path) -> set[str]:
    """The codes found in the Python of a section of a rule's page, in a project with the templates that stand there."""
    for language, name in (("yaml", "template.yaml"), ("python", "app.py")):
        for block in re.findall(rf"^```{language}\n(.*?)^```", section, re.M | re.S):
            (folder / name).write_text(block, encoding="utf-8")
    outcome = check_source((folder / "app.py").read_bytes(), str(folder / "app.py"), Settings())
    assert isinstance(outcome, Checked), outcome
    return {finding.rule for finding in outcome.findings}
