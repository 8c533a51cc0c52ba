"""Whether an exception can leave a function: the part of its summary that needs no resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from leaklint.analysis.project import Module, Target
from leaklint.flow import ops
from leaklint.flow.cfg import ENTRY, RAISE, Cfg, EdgeKind

DEPTH = 24
"""calls of calls that are followed"""

Resolve = Callable[[ops.Call, Module, str], Target | None]
"""the project function that a call in a function (by name) of a module reaches"""


@dataclass(eq=False, slots=True)
class Raising:
    """Answers, and whom it is being asked about: a function that calls itself may raise."""

    resolve: Resolve
    _active: set[tuple[Module, str]] = field(default_factory=set)

    def target(self, target: Target) -> bool:
        """Whether an exception can leave what a call reaches."""
        info = target.module.functions.get(target.function)
        if info is not None and info.quiet is not None:
            return not info.quiet
        graph = target.module.graph(target.function) if target.function and len(self._active) <= DEPTH else None
        return graph is None or self.function(target.module, graph)

    def function(self, module: Module, cfg: Cfg) -> bool:
        """Whether an exception can leave the function."""
        key = (module, cfg.name)
        known = module.raises.get(cfg.name)
        if known is not None:
            return known
        if key in self._active:
            return True
        self._active.add(key)
        seen = {ENTRY}
        stack = [ENTRY]
        while stack and RAISE not in seen:
            node = stack.pop()
            for kind, target in cfg.successors[node]:
                if target in seen or (kind is not EdgeKind.NORMAL and not self._raises(module, cfg, cfg.ops[node])):
                    continue
                seen.add(target)
                stack.append(target)
        self._active.discard(key)
        module.raises[cfg.name] = RAISE in seen
        return RAISE in seen

    def _raises(self, module: Module, cfg: Cfg, op: ops.Op) -> bool:
        if isinstance(op, ops.Event):
            return op.use is not ops.Use.ITERATE and op.use is not ops.Use.YIELD
        if not isinstance(op, ops.Call):
            return True
        if op.method in ("close", "aclose"):
            return False
        target = self.resolve(op, module, cfg.name)
        return target is None or self.target(target)
