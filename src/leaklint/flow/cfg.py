"""The graph of one function: numbered ops, and edges that say how they are left.

Example. ``f = open(p)`` / ``try: work(f)`` / ``finally: f.close()`` gives two copies of the release: one on the normal
way, one on the way of an exception that goes on afterwards::

    0 entry                     -> 3
    1 return                    (exit)
    2 raise                     (exit)
    3 %1 = open(p)              -> 4, exception 2
    4 f = %1                    -> 5
    ...
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from leaklint.flow import ops
from leaklint.flow.ops import Op


class EdgeKind(Enum):
    """How control goes on: an exception that ``except Exception`` catches, or one that it does not (cancellation,
    GeneratorExit, SystemExit)."""

    NORMAL = "normal"
    EXCEPTION = "exception"
    CANCEL = "cancel"


ENTRY, RETURN, RAISE = 0, 1, 2
MAX_OPS = 200_000
"""ops of one function beyond which it is not analysed"""


class TooLarge(Exception):
    """A function lowers to more ops than the budget allows."""


@dataclass(eq=False, slots=True)
class Cfg:
    """A function's graph. Nodes 0, 1 and 2 are the entry and the two exits; `guards` maps the key of a condition that
    may be asked again to the variables it reads."""

    name: str
    parameters: tuple[str, ...] = ()
    positional: int = 0
    """how many of the parameters take positional arguments"""
    rest: tuple[str, str] = ("", "")
    """the names of ``*args`` and ``**kwargs``, which are parameters too"""
    annotations: dict[str, str] = field(default_factory=dict)
    """dotted type by parameter, where the annotation is a plain name"""
    ops: list[Op] = field(default_factory=list)
    successors: list[list[tuple[EdgeKind, int]]] = field(default_factory=list)
    guards: dict[str, frozenset[str]] = field(default_factory=dict)
    nested: dict[str, Cfg] = field(default_factory=dict)
    """graphs of functions defined inside, by the `function` of their Define"""
    generator: bool = False
    asynchronous: bool = False
    locals: frozenset[str] = frozenset()
    foreign: dict[str, str] = field(default_factory=dict)
    """places that name a variable of another module, and its dotted name"""
    loops: set[int] = field(default_factory=set)
    """nodes that lie inside of a loop"""
    expected: set[int] = field(default_factory=set)
    """nodes that are meant to raise: inside of ``with pytest.raises``"""
    entered: set[int] = field(default_factory=set)
    """nodes that some edge leads to"""

    _asked: frozenset[str] | None = None
    _order: list[int] | None = None

    def __post_init__(self) -> None:
        for label in ("entry", "return", "raise"):
            self.add(ops.Join(label))

    def add(self, op: Op) -> int:
        """Append a node and return its number. Raises TooLarge."""
        if len(self.ops) >= MAX_OPS:
            raise TooLarge(f"more than {MAX_OPS:,} ops")
        self.ops.append(op)
        self.successors.append([])
        return len(self.ops) - 1

    def connect(self, source: int, target: int, kind: EdgeKind = EdgeKind.NORMAL) -> None:
        """Add an edge once."""
        edge = (kind, target)
        if edge not in self.successors[source]:
            self.successors[source].append(edge)
            self.entered.add(target)

    @property
    def order(self) -> list[int]:
        """The rank of each node in reverse post order from the entry; known once the function is lowered."""
        if self._order is None:
            rank = [0] * len(self.ops)
            left: list[int] = []
            seen = {ENTRY}
            stack = [(ENTRY, iter(self.successors[ENTRY]))]
            while stack:
                node, edges = stack[-1]
                for _, target in edges:
                    if target not in seen:
                        seen.add(target)
                        stack.append((target, iter(self.successors[target])))
                        break
                else:
                    left.append(node)
                    stack.pop()
            for place, node in enumerate(reversed(left)):
                rank[node] = place
            self._order = rank
        return self._order

    @property
    def asked(self) -> frozenset[str]:
        """The conditions of `guards` worth remembering: those that something else asks or sets as well.

        Known once the function is lowered. A condition and its ``is None`` form belong together; copies of a finally
        ask with one syntax node.
        """
        if self._asked is None:
            sources: dict[str, set[int]] = {}
            for op in self.ops:
                if isinstance(op, ops.Assume) and op.key:
                    sources.setdefault(op.key.removesuffix(" is None"), set()).add(id(op.node))
                elif isinstance(op, ops.Bind) and (op.truth is not None or op.none is not None):
                    sources.setdefault(op.dst, set()).add(id(op))
            again = {key for key, nodes in sources.items() if len(nodes) > 1}
            self._asked = frozenset(key for key in self.guards if key.removesuffix(" is None") in again)
        return self._asked

    def uses(self, variables: frozenset[str]) -> bool:
        """Whether some op calls, passes, binds or enters the value of one of these variables."""
        for op in self.ops:
            match op:
                case ops.Call():
                    used: tuple[str, ...] = (op.receiver, *(a.place for a in op.args))
                case ops.Bind():
                    used = (op.src,)
                case ops.Enter():
                    used = (op.place,)
                case _:
                    continue
            if any(place and ops.root_of(place) in variables for place in used):
                return True
        return False

    def walk_nested(self) -> Iterator[Cfg]:
        """This graph and, depth first, those of the functions defined inside."""
        stack = [self]
        while stack:
            cfg = stack.pop()
            yield cfg
            stack.extend(cfg.nested.values())

    def dump(self) -> str:
        """The reachable graph as text, one node a line, numbered in the order of discovery: golden files compare it."""
        order: dict[int, int] = {}
        stack = [ENTRY]
        while stack:
            node = stack.pop()
            if node in order or node in (RETURN, RAISE):
                continue
            order[node] = len(order)
            stack.extend(target for _, target in reversed(self.successors[node]))
        names = {node: str(number) for node, number in order.items()} | {RETURN: "return", RAISE: "raise"}
        lines = [f"def {self.name}"]
        for node, number in order.items():
            ways = []
            for kind, target in self.successors[node]:
                ways.append(("" if kind is EdgeKind.NORMAL else f"{kind.value} ") + names[target])
            lines.append(f"{number:>4} {describe(self.ops[node]):<44} -> {', '.join(ways) or 'nothing'}")
        for cfg in self.nested.values():
            lines.extend(["", *cfg.dump().splitlines()])
        return "\n".join(lines).rstrip() + "\n"


def describe(op: Op) -> str:
    """One op as a line of text."""
    match op:
        case ops.Call():
            what = op.callee or (f"{op.receiver}.{op.method}" if op.receiver else op.name) or "?"
            args = ", ".join((a.key + "=" if not a.key.isdigit() else "") + (a.place or a.name or "_") for a in op.args)
            return f"{op.dst} = {'await ' if op.awaited else ''}{what}({args}){' discarded' if op.discarded else ''}"
        case ops.Bind():
            known = {None: "_", True: "true", False: "false"}[op.truth]
            return f"{op.dst} = {op.src or ('None' if op.none else known)}"
        case ops.Derive():
            return f"{op.dst} reads {', '.join(op.srcs)}"
        case ops.Combine():
            return f"{op.dst} = {op.left} <op> _"
        case ops.Spell():
            return f"{op.dst} spells {', '.join(op.srcs)}"
        case ops.Next():
            return f"{op.dst} = next {op.src}"
        case ops.Exhausted():
            return f"exhausted {op.src}"
        case ops.Unbind():
            return f"del {op.place}"
        case ops.Forget():
            return "forget"
        case ops.Escape():
            return f"escape {op.place}: {op.how.value}"
        case ops.Enter():
            return f"{op.dst or '_'} = {'async ' if op.asynchronous else ''}enter {op.place}"
        case ops.Leave():
            return f"{'async ' if op.asynchronous else ''}leave {op.place}"
        case ops.Assume():
            subject = op.place if op.test is not ops.Test.OPAQUE else op.key
            if op.test is ops.Test.SAME:
                return f"assume {'' if op.value else 'not '}{op.place} is {op.key}"
            tail = "" if op.test in (ops.Test.TRUTH, ops.Test.OPAQUE) else f" {op.test.value}"
            return f"assume {'' if op.value else 'not '}{subject or '?'}{tail}"
        case ops.Raise():
            return f"raise {op.exception}".rstrip()
        case ops.Event():
            return f"{op.use.value} {op.place}".rstrip()
        case ops.Mention():
            return f"mention {op.place}.{op.attribute}"
        case ops.Define():
            return f"{op.dst} = function {op.function}({', '.join(op.captured)})"
        case ops.Join():
            return op.label or "join"
