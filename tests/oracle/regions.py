"""Productions of the grammar that are idioms: from acquisition to release, right or with a mistake."""

from __future__ import annotations

from tests.oracle.grammar import DESCRIPTOR, FILE, KINDS, SESSION, Env, Kind, Maker, Production, Var, indent
from tests.oracle.statements import jump_out

CONNECTIONS = tuple(k for k in KINDS if k.name in ("sqlite", "postgres"))


def _with(m: Maker, kind: Kind) -> str:
    return "async with" if kind is SESSION else "with"


def _bind(m: Maker, env: Env, *, optional: bool = False, kind: Kind | None = None) -> tuple[Var, str]:
    """A new variable and the assignment that acquires it."""
    var = Var(m.name("r"), kind or m.kind(), optional)
    return var, f"{var.name} = {m.acquire(var.kind)}"


def _body(m: Maker, env: Env, *variables: Var, size: int = 2, **changes: object) -> list[str]:
    """A block in which ``variables`` are in scope too, indented."""
    inner = env.inner(**changes)
    inner.variables.extend(variables)
    return indent(m.block(inner, size))


def with_block(m: Maker, env: Env) -> list[str]:
    kind = SESSION if m.mode == "async" and m.chance(0.4) else m.kind(releasing=not m.slip())
    var, bind = _bind(m, env, kind=kind)
    head, pick = _with(m, kind), m.rng.random()
    if kind is DESCRIPTOR:
        return [bind, "try:", *_body(m, env, var), "finally:", *indent(m.release(env, var))]
    if pick < 0.55:
        return [f"{head} {bind.split(' = ')[1]} as {var.name}:", *_body(m, env, var)]
    if pick < 0.7:
        return [bind, *([m.work()] if m.slip() else []), f"{head} {var.name}:", *_body(m, env, var)]
    if pick < 0.85 and kind is not SESSION:
        other, second = _bind(m, env, kind=m.kind(releasing=True))
        first = f"{bind.split(' = ')[1]} as {var.name}"
        return [f"with {first}, {second.split(' = ')[1]} as {other.name}:", *_body(m, env, var, other)]
    return [f"{head} {bind.split(' = ')[1]}:", *_body(m, env)]


def with_closing(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env, kind=m.kind(method=True))
    closing = f"{m.module('contextlib')}.closing"
    if m.chance(0.6):
        return [f"with {closing}({bind.split(' = ')[1]}) as {var.name}:", *_body(m, env, var)]
    gap = [m.work()] if m.slip() else []
    return [bind, *gap, f"with {closing}({var.name}):", *_body(m, env, var)]


def with_transaction(m: Maker, env: Env) -> list[str]:
    """A connection's own ``with``, inside of something that closes it or not."""
    kind = m.rng.choice(CONNECTIONS)
    var, bind = _bind(m, env, kind=kind)
    inner = [f"with {var.name}:", *_body(m, env, var)]
    if m.chance(0.3):
        return [bind, *inner, *m.release(env, var)]
    return [bind, "try:", *indent(inner), "finally:", *indent(m.release(env, var))]


def exit_stack(m: Maker, env: Env) -> list[str]:
    stack = m.name("stack")
    module = m.module("contextlib")
    pick = m.rng.randrange(7)
    kind = m.kind(releasing=True) if pick in (0, 1, 4) else m.kind(method=True)
    var, bind = _bind(m, env, kind=kind)
    acquire = bind.split(" = ")[1]
    gap = [m.work()] if m.slip() else []
    if pick == 0:
        inside = [f"{var.name} = {stack}.enter_context({acquire})"]
    elif pick == 1:
        inside = [bind, *gap, f"{stack}.{m.rng.choice(('enter_context', 'push'))}({var.name})"]
    elif pick == 2:
        ways = (f"{var.name}.close", f"{m.helper('shut')}, {var.name}", f"lambda: {var.name}.close()")
        inside = [bind, *gap, f"{stack}.callback({m.rng.choice(ways)})"]
    elif pick == 3:
        inside = [f"{var.name} = {stack}.enter_context({module}.closing({acquire}))"]
    elif pick == 4:
        var = Var(var.name, kind, optional=True)
        inside = [f"{var.name} = None", f"if {m.condition(env)}:", f"    {var.name} = {stack}.enter_context({acquire})"]
    elif pick == 5:
        var, bind = _bind(m, env, kind=DESCRIPTOR)
        inside = [bind, *gap, f"{stack}.callback(os.close, {var.name})"]
    else:
        inside = [
            f"for item in items({m.number()}):",
            f"    {stack}.enter_context({m.module('contextlib')}.closing({acquire}))",
        ]
        return [f"with {module}.ExitStack() as {stack}:", *indent(inside), *_body(m, env)]
    if m.chance(0.8):
        return [f"with {module}.ExitStack() as {stack}:", *indent(inside), *_body(m, env, var)]
    lines = [f"{stack} = {module}.ExitStack()", "try:", *indent(inside), *_body(m, env, var)]
    return [*lines, "finally:", f"    {stack}.close()"]


def try_finally(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env)
    gap = [m.work()] if m.slip() else []
    lines = [bind, *gap, "try:", *_body(m, env, var)]
    if m.chance(0.25):
        lines += [m.broad(), *_body(m, env, var, size=1, handling=True)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def none_finally(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env, optional=True)
    sure = Var(var.name, var.kind)
    early = [m.work()] if m.chance(0.4) else []
    lines = [f"{var.name} = None", "try:", *indent([*early, bind]), *_body(m, env, sure)]
    if m.chance(0.25):
        lines += [m.broad(), *_body(m, env, var, size=1, handling=True)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def except_release(m: Maker, env: Env) -> list[str]:
    """Released in a handler and on the normal way, apart."""
    var, bind = _bind(m, env)
    head = m.narrow() if m.slip() else m.broad()
    after = m.rng.choice(("raise", "raise", "return", "pass")) if not env.starred else "raise"
    lines = [bind, "try:", *_body(m, env, var)]
    lines += [head, *indent([*m.release(env, var), after])]
    if m.chance(0.4):
        return [*lines, "else:", *indent(m.release(env, var))]
    if after == "pass" and m.chance(0.5):
        return lines
    return [*lines, *m.release(env, var)]


def return_open(m: Maker, env: Env) -> list[str] | None:
    """A factory: closed when something fails, else handed to the caller."""
    if env.starred or env.depth > 1:
        return None
    var, bind = _bind(m, env)
    head = "except Exception:" if m.slip() else "except BaseException:"
    lines = [bind, "try:", *_body(m, env, var, size=1), head, *indent([*m.release(env, var), "raise"])]
    give = [f"return {var.name}", f"return {var.name}, 1", f'return {{"handle": {var.name}}}']
    give += [f"sink.handle = {var.name}"] if m.mode != "handler" else []
    return [*lines, m.rng.choice(give)]


def flag_finally(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env)
    flag = m.name("opened")
    open_it = [bind, f"{flag} = True"]
    if m.slip():
        open_it.insert(1, m.work())
    if m.chance(0.4):
        open_it = [f"if {m.condition(env)}:", *indent(open_it)]
    lines = [f"{flag} = False", f"{var.name} = None", "try:", *indent(open_it), *_body(m, env)]
    return [*lines, "finally:", f"    if {flag}:", *indent(indent(m.release(env, var)))]


def guarded_twice(m: Maker, env: Env) -> list[str]:
    """Acquired and released under the same condition."""
    flag = m.rng.choice(env.flags) if env.flags else "True"
    var, bind = _bind(m, env)
    test = f"not {flag}" if m.chance(0.2) else flag
    again = m.condition(env) if m.slip() else test
    lines = [f"if {test}:", f"    {bind}"]
    if m.chance(0.4):
        lines += ["else:", f"    {var.name} = None"]
    release = [f"if {again}:", *indent(m.release(env, var))]
    if m.chance(0.3):
        return [*lines, *release]
    return [*lines, "try:", *_body(m, env), "finally:", *indent(release)]


def straight(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env)
    inner = env.inner()
    inner.variables.append(var)
    return [bind, *m.block(inner, 1), *m.release(env, var)] if m.chance(0.6) else [bind, *m.release(env, var)]


def loop_each(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env)
    head = f"for item in items({m.number()}):" if m.chance(0.7) else f"while cond({m.number()}):"
    if m.chance(0.2):
        return [head, *indent([bind, *m.release(env, var)])]
    body = [bind, "try:", *_body(m, env, var, loop=True, repeated=True), "finally:", *indent(m.release(env, var))]
    return [head, *indent(body)]


def collect(m: Maker, env: Env) -> list[str]:
    """Many in a list, closed one by one."""
    kind = m.kind(method=True)
    pile, one = m.name("pile"), m.name("one")
    add = f"{pile}.append({m.acquire(kind)})"
    if m.slip():
        add = f"{one} = {m.acquire(kind)}; work({m.number()}); {pile}.append({one})"
    close = [f"for {one} in {pile}:", *indent(m.release(env, Var(one, kind)))]
    fill = [f"for item in items({m.number()}):", *indent(add.split("; "))] if m.chance(0.6) else add.split("; ")
    return [f"{pile} = []", "try:", *indent(fill), *_body(m, env, size=1), "finally:", *indent(close)]


def pair(m: Maker, env: Env) -> list[str]:
    """Two at once, the second protected or not."""
    first, bind = _bind(m, env)
    second, bind2 = _bind(m, env)
    if first.kind.method and second.kind.method and m.chance(0.3):
        one = m.name("one")
        each = [f"for {one} in ({first.name}, {second.name}):", f"    {one}.close()"]
        if m.chance(0.5):
            return [bind, bind2, "try:", *_body(m, env, first, second), "finally:", *indent(each)]
        inner = [bind2, "try:", *_body(m, env, first, second, size=1), "finally:", f"    {second.name}.close()"]
        return [bind, "try:", *indent(inner), "finally:", f"    {first.name}.close()"]
    inner = [bind2, "try:", *_body(m, env, first, second), "finally:", *indent(m.release(env, second))]
    if m.slip():
        return [bind, *inner, *m.release(env, first)]
    return [bind, "try:", *indent(inner), "finally:", *indent(m.release(env, first))]


def alias(m: Maker, env: Env) -> list[str]:
    """Released under another name."""
    var, bind = _bind(m, env)
    other = Var(m.name("s"), var.kind)
    a, b, acquire = var.name, other.name, bind.split(" = ", 1)[1]
    how = m.rng.choice(
        (
            [bind, f"{b} = {a}"],
            [f"{b} = {a} = {acquire}"],
            [bind, f"{b}, spare = {a}, 1"],
            [bind, f"[{b}, *spare] = [{a}, 1, 2]"],
            [f"{b} = ({a} := {acquire})"],
            [bind, f"bundle = ({a}, 1)", f"{b} = bundle[0]"],
            [bind, f"bundle = ({a}, 1)", f"{b}, spare = bundle"],
            [bind, f"{b} = {m.helper('same')}({a})"],
            [bind, f"{b} = {a}", f"{a} = None"],
            [f"if ({a} := {acquire}):", f"    {b} = {a}"],
        )
    )
    still = other if how[-1] == f"{a} = None" else m.rng.choice((other, other, var))
    return [*how, "try:", *_body(m, env, other), "finally:", *indent(m.release(env, still))]


def holder(m: Maker, env: Env) -> list[str]:
    """Kept in a local object or container, and released through it."""
    kind = m.kind(method=True)
    box, acquire = m.name("box"), m.acquire(kind)
    make, place = m.rng.choice(
        (
            (f"{box} = {m.module('types')}.SimpleNamespace()", f"{box}.handle"),
            (f"{box} = {{}}", f'{box}["handle"]'),
            (f"{box} = [None]", f"{box}[0]"),
        )
    )
    lines = [make, f"{place} = {acquire}"]
    if m.chance(0.2):
        lines = [f'{box} = {{"handle": {acquire}}}']
        place = f'{box}["handle"]'
    return [*lines, "try:", *_body(m, env), "finally:", *indent(m.release(env, Var(place, kind)))]


def closure(m: Maker, env: Env) -> list[str]:
    """Released by a nested function."""
    var, bind = _bind(m, env, kind=m.kind(method=True))
    name = m.name("cleanup")
    late = [m.work()] if m.slip() and m.mode != "async" else []
    if m.chance(0.5):
        define, call = [f"def {name}():", *indent([*late, f"{var.name}.close()"])], f"{name}()"
    elif m.chance(0.5):
        define, call = [f"def {name}(x):", *indent([*late, "x.close()"])], f"{name}({var.name})"
    else:
        define, call = [f"{name} = lambda: {var.name}.close()"], f"{name}()"
    head = [bind, *define] if m.chance(0.5) else [*define, bind]
    return [*head, "try:", *_body(m, env, var), "finally:", f"    {call}"]


def from_helper(m: Maker, env: Env) -> list[str]:
    """Acquired by a helper of the module, or by a nested function."""
    var = Var(m.name("r"), FILE)
    maker = m.rng.choice(("make", "make_slowly", "make_safely", "make_pair", "local", "lambda"))
    lines: list[str] = []
    if maker == "local":
        maker = m.name("fresh")
        lines = [f"def {maker}():", "    return open(P)"]
    elif maker == "lambda":
        maker = m.name("fresh")
        lines = [f"{maker} = lambda: open(P)"]
    else:
        m.helper(maker)
    lines.append(f"{var.name}, label = {maker}()" if maker == "make_pair" else f"{var.name} = {maker}()")
    if maker != "make_pair" and m.chance(0.2):
        return [*lines[:-1], f"with {maker}() as {var.name}:", *_body(m, env, var)]
    return [*lines, "try:", *_body(m, env, var), "finally:", *indent(m.release(env, var))]


def with_helper(m: Maker, env: Env) -> list[str]:
    var = Var(m.name("r"), FILE)
    return [f"with {m.helper('opened')}() as {var.name}:", *_body(m, env, var)]


def by_helper(m: Maker, env: Env) -> list[str]:
    """Released by a helper that may fail first or not release at all."""
    var, bind = _bind(m, env, kind=m.kind(method=True))
    flag = m.rng.choice(env.flags) if env.flags else "True"
    call = m.rng.choice(
        (
            f"{m.helper('shut')}({var.name})",
            f"{m.helper('shut_late')}({var.name})",
            f"{m.helper('shut_finally')}({var.name})",
            f"{m.helper('shut_if')}({var.name}, {flag})",
        )
    )
    return [bind, "try:", *_body(m, env, var), "finally:", f"    {call}"]


def matched(m: Maker, env: Env) -> list[str]:
    """Released in every case, or in all but one."""
    var, bind = _bind(m, env)
    lines = [bind, f"match pick({m.number()}):"]
    for pattern in ("1", "2", "_" if not m.slip() else "3"):
        lines += [f"    case {pattern}:", *indent(indent(m.release(env, var)))]
    m.budget -= 1
    return lines


def conditional(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env, optional=True)
    lines = [f"{bind} if {m.condition(env)} else None"]
    return [*lines, "try:", *_body(m, env, var), "finally:", *indent(m.release(env, var))]


def anonymous(m: Maker, env: Env) -> list[str]:
    kind = m.kind(method=True)
    acquire = m.acquire(kind)
    method = kind.uses[0].format(v="").lstrip(".")
    m.budget -= 1
    return [
        m.rng.choice(
            (f"{acquire}.close()", f"{acquire}.close()", f"data = {acquire}.{method}", f"use({acquire})", acquire)
        )
    ]


def again(m: Maker, env: Env) -> list[str]:
    """One name for two, one after the other."""
    var, bind = _bind(m, env)
    lines = [bind, *m.release(env, var), f"{var.name} = {m.acquire(var.kind)}"]
    return [*lines, "try:", *_body(m, env, var), "finally:", *indent(m.release(env, var))]


def retry(m: Maker, env: Env) -> list[str] | None:
    """Try to acquire a few times; then use and release."""
    var, bind = _bind(m, env)
    head = m.rng.choice(("except Exception:", "except OSError:"))
    if m.chance(0.5):
        lines = [f"for item in items({m.number()}):", *indent(["try:", f"    {bind}", head, "    continue", "break"])]
        if env.starred:
            return None
        lines += ["else:", "    return"]
    else:
        attempt = ["try:", f"    {bind}", head, f"    if stop({m.number()}):", '        raise ValueError("own")']
        lines = [f"{var.name} = None", f"while {var.name} is None:", *indent(attempt)]
    return [*lines, "try:", *_body(m, env, var, size=1), "finally:", *indent(m.release(env, var))]


def wrapped_descriptor(m: Maker, env: Env) -> list[str]:
    """A descriptor that a file object takes over."""
    fd, bind = _bind(m, env, kind=DESCRIPTOR)
    var = Var(m.name("r"), FILE)
    gap = [m.work()] if m.slip() else []
    if m.chance(0.5):
        return [bind, *gap, f"with os.fdopen({fd.name}) as {var.name}:", *_body(m, env, var)]
    lines = [
        bind,
        "try:",
        f"    {var.name} = os.fdopen({fd.name})",
        "except Exception:",
        f"    os.close({fd.name})",
        "    raise",
    ]
    return [*lines, *gap, "try:", *_body(m, env, var), "finally:", *indent(m.release(env, var))]


def group_finally(m: Maker, env: Env) -> list[str] | None:
    if not m.stars:
        return None
    var, bind = _bind(m, env)
    lines = [bind, "try:", *_body(m, env, var)]
    lines += ["except* ValueError:", *_body(m, env, var, size=1, starred=True, handling=True, loop=False)]
    if m.chance(0.4):
        return [*lines, *m.release(env, var)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def finally_in_finally(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env)
    inner = ["try:", *_body(m, env, var, size=1), "finally:", *indent(m.release(env, var))]
    return [bind, "try:", *_body(m, env, var, size=1), "finally:", *indent(inner)]


def jumping_finally(m: Maker, env: Env) -> list[str] | None:
    """A finally that ends by a jump of its own, swallowing what was under way."""
    if env.starred or env.handling:
        return None
    var, bind = _bind(m, env)
    jump = jump_out(m, env) or ["pass"]
    return [bind, "try:", *_body(m, env, var), "finally:", *indent([*m.release(env, var), *jump])]


def registered(m: Maker, env: Env) -> list[str]:
    var, bind = _bind(m, env, kind=m.kind(method=True))
    gap = [m.work()] if m.slip() else []
    ways = (f"{var.name}.close", f"{m.helper('shut')}, {var.name}", f"lambda: {var.name}.close()")
    return [bind, *gap, f"{m.module('atexit')}.register({m.rng.choice(ways)})", *m.block(env.inner(), 1)]


REGIONS: dict[Production, int] = {
    with_block: 6, with_closing: 3, with_transaction: 2, exit_stack: 4, try_finally: 8, none_finally: 6,
    except_release: 5, return_open: 3, flag_finally: 3, guarded_twice: 4, straight: 4, loop_each: 3, collect: 3,
    pair: 4, alias: 4, holder: 2, closure: 3, from_helper: 3, with_helper: 1, by_helper: 3, matched: 2,
    conditional: 2, anonymous: 2, again: 2, retry: 2, wrapped_descriptor: 2, group_finally: 1,
    finally_in_finally: 2, jumping_finally: 1, registered: 1,
}  # fmt: skip
"""how often each idiom is drawn, relative to the others"""
