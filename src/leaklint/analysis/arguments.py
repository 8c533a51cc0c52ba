"""How the arguments of a call reach the parameters of a function, and what literal ones rule out.

``run(command, wait=True)`` never takes the ways on which ``wait`` is false: what is only returned there is
not acquired.
"""

from __future__ import annotations

from collections.abc import Mapping

from leaklint.analysis.acquired import Returned
from leaklint.analysis.places import relative
from leaklint.analysis.project import Target
from leaklint.flow import ops
from leaklint.flow.cfg import ENTRY, Cfg, EdgeKind
from leaklint.flow.ops import Place, Test


def constants(target: Target, cfg: Cfg, call: ops.Call) -> dict[Place, object]:
    """The parameters of a function that are asked about, hold a literal in this call, and are never bound again."""
    asked = {op.place for op in cfg.ops if isinstance(op, ops.Assume) and op.test in (Test.TRUTH, Test.NONE)}
    asked.intersection_update(cfg.parameters)
    if not asked or any(arg.key in ("*", "**") for arg in call.args):
        return {}
    bound = {op.dst for op in cfg.ops if isinstance(op, ops.Bind | ops.Call | ops.Enter | ops.Next)}
    info = target.module.functions.get(target.function)
    found: dict[Place, object] = dict(info.defaults) if info is not None else {}
    positional = cfg.parameters[: cfg.positional]
    for arg in call.args:
        index = int(arg.key) + target.bound if arg.key.isdigit() else -1
        name = positional[index] if 0 <= index < len(positional) else arg.key
        found[name] = arg.value
    return {name: found[name] for name in asked - bound if found.get(name, ops.UNKNOWN) is not ops.UNKNOWN}


def may_return(cfg: Cfg, values: Mapping[Place, object], returned: Returned) -> bool:
    """Whether a function, called with these values, can acquire a resource and return it."""
    if not values or not returned.returning:
        return True
    reached = _reached(cfg, values, {ENTRY}).intersection(returned.found.positions)
    return bool(reached) and not returned.returning.isdisjoint(_reached(cfg, values, reached))


def _reached(cfg: Cfg, values: Mapping[Place, object], starts: set[int]) -> set[int]:
    seen = set(starts)
    stack = list(starts)
    while stack:
        for kind, target in cfg.successors[stack.pop()]:
            if target in seen or (kind is EdgeKind.NORMAL and _is_ruled_out(cfg.ops[target], values)):
                continue
            seen.add(target)
            stack.append(target)
    return seen


def _is_ruled_out(op: ops.Op, values: Mapping[Place, object]) -> bool:
    if not isinstance(op, ops.Assume) or op.place not in values:
        return False
    value = values[op.place]
    if op.test is Test.TRUTH:
        return bool(value) is not op.value
    return op.test is Test.NONE and (value is None) is not op.value


def parameter_of(target: Target, cfg: Cfg, call: ops.Call, place: Place) -> Place | None:
    """The place in the function that receives `place`: a parameter, an attribute of the object whose method it is, or
    an element of a starred one; None when it cannot be told."""
    if target.bound and call.receiver and cfg.parameters and (rest := relative(place, call.receiver)):
        return f"{cfg.parameters[0]}{rest}"
    for arg in call.args:
        if arg.place != place:
            continue
        if arg.key.isdigit():
            index = int(arg.key) + target.bound
            return cfg.parameters[index] if index < cfg.positional else _element(cfg.rest[0])
        if arg.key in cfg.parameters:
            return arg.key
        return _element(cfg.rest[1]) if arg.key not in ("*", "**") else None
    return None


def _element(name: str) -> Place | None:
    return f"{name}[]" if name else None
