"""Guards: the conditions that are known to hold on a path, so that what is asked twice is answered once.

A guard is (condition, value); the condition is a key that lowering made of the text, and `Cfg.guards` says which
variables it reads. Only what is asked again is remembered. Example::

    if flag: f = open(p)    on this branch (``flag``, True) holds
    if flag: f.close()      asking again: the other branch contradicts it, and does not exist for this path
    flag = other()          the variable is bound again: the guard dies
"""

from __future__ import annotations

from leaklint.flow import ops
from leaklint.flow.cfg import Cfg
from leaklint.flow.ops import Op, Place, Test, root_of


def guards_after(op: Op, guards: frozenset[tuple[str, bool]], cfg: Cfg) -> frozenset[tuple[str, bool]] | None:
    """The conditions known after an op, or None when it contradicts one."""
    match op:
        case ops.Assume() if op.key in cfg.asked:
            if (op.key, not op.value) in guards:
                return None
            known = {(op.key, op.value)}
            if op.test is Test.TRUTH and op.value:
                known.add((f"{op.key} is None", False))
            elif op.test is Test.NONE and op.value:
                known.add((op.key.removesuffix(" is None"), False))
            for key, value in known:
                if (key, not value) in guards:
                    return None
            return guards | known
        case ops.Bind() | ops.Next() | ops.Enter():
            if not op.dst:
                return guards
            kept = _without(op.dst, guards, cfg) if guards else guards
            if isinstance(op, ops.Bind) and not op.src and not op.weak and op.dst in cfg.asked:
                if op.truth is not None:
                    kept |= {(op.dst, op.truth)}
                if op.none is not None and f"{op.dst} is None" in cfg.asked:
                    kept |= {(f"{op.dst} is None", op.none)}
            return kept
        case ops.Unbind():
            return _without(op.place, guards, cfg) if guards else guards
        case _:
            return guards


def _without(place: Place, guards: frozenset[tuple[str, bool]], cfg: Cfg) -> frozenset[tuple[str, bool]]:
    root = root_of(place)
    return frozenset(
        (key, value) for key, value in guards if not any(root_of(n) == root for n in cfg.guards.get(key, ()))
    )
