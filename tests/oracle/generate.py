"""One seed, one program: the module around the function under test."""

from __future__ import annotations

from tests.oracle.grammar import HELPERS, Env, Maker, Program, indent
from tests.oracle.regions import REGIONS
from tests.oracle.standins import LIBRARY
from tests.oracle.statements import STATEMENTS

HEADS = {
    "plain": "def target(a, b, sink, bag):",
    "generator": "def target(a, b, sink, bag):",
    "method": "def target(self, a, b, sink, bag):",
    "async": "async def target(a, b, sink, bag):",
    "handler": "def target(event, context):",
}
OWNER = [
    "class Owner:",
    "    def __init__(self):",
    "        self.handle = None",
    "    def close(self):",
    "        if self.handle is not None:",
    "            self.handle.close()",
]


def generate(seed: int, *, stars: bool) -> Program:
    """The program of ``seed``; ``stars``: whether it may use ``except*`` (Python 3.11)."""
    maker = Maker(seed, STATEMENTS, REGIONS, stars)
    env = Env(flags=["a", "b"])
    body: list[str] = []
    for _ in range(maker.rng.choice((1, 1, 2))):
        if maker.chance(0.3):
            body += maker.statement(env)
        body += maker.region(env)
    if maker.chance(0.3):
        body += maker.statement(env)
    if maker.mode == "handler":
        body = ["a = cond(901)", "b = cond(902)", *body]
    if maker.mode == "generator":
        body = [f"yield {maker.number()}", *body]
    if any("HELD = " in line for line in body):
        body = ["global HELD", *body]
    function = [HEADS[maker.mode], *indent(body)]
    if maker.mode == "method":
        function = [*OWNER, *indent(function)]
    lines = [f"import {name}" for name in sorted(maker.used - {""})]
    lines += [f"from lib import {', '.join(LIBRARY)}", 'P = "path"', "HELD = None", "KEPT = []"]
    for name in sorted(maker.helpers):
        lines += HELPERS[name]
    return Program(seed, "\n".join([*lines, *function, ""]), frozenset(maker.tags | {f"({maker.mode})"}))
