"""Productions of the grammar that are idioms: from acquisition to release, right or with a mistake."""

from __future__ import annotations

from tests.oracle.grammar import DESCRIPTOR, KINDS, SESSION, Env, Kind, Maker, Production, Var, indent
from tests.oracle.passing import PASSING
from tests.oracle.statements import jump_out

CONNECTIONS = tuple(k for k in KINDS if k.name in ("sqlite", "postgres"))


def _with(m: Maker, kind: Kind) -> str:
    return "async with" if kind is SESSION else "with"


def with_block(m: Maker, env: Env) -> list[str]:
    kind = SESSION if m.mode == "async" and m.chance(0.4) else m.kind(releasing=not m.slip())
    var, bind = m.bind(kind=kind)
    head, pick = _with(m, kind), m.rng.random()
    if kind is DESCRIPTOR:
        return [bind, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]
    if pick < 0.55:
        return [f"{head} {bind.split(' = ')[1]} as {var.name}:", *m.body(env, var)]
    if pick < 0.7:
        return [bind, *([m.work()] if m.slip() else []), f"{head} {var.name}:", *m.body(env, var)]
    if pick < 0.85 and kind is not SESSION:
        other, second = m.bind(kind=m.kind(releasing=True))
        first = f"{bind.split(' = ')[1]} as {var.name}"
        return [f"with {first}, {second.split(' = ')[1]} as {other.name}:", *m.body(env, var, other)]
    return [f"{head} {bind.split(' = ')[1]}:", *m.body(env)]


def with_closing(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind(kind=m.kind(method=True))
    closing = f"{m.module('contextlib')}.closing"
    if m.chance(0.6):
        return [f"with {closing}({bind.split(' = ')[1]}) as {var.name}:", *m.body(env, var)]
    gap = [m.work()] if m.slip() else []
    return [bind, *gap, f"with {closing}({var.name}):", *m.body(env, var)]


def with_transaction(m: Maker, env: Env) -> list[str]:
    """A connection's own ``with``, inside of something that closes it or not."""
    kind = m.rng.choice(CONNECTIONS)
    var, bind = m.bind(kind=kind)
    inner = [f"with {var.name}:", *m.body(env, var)]
    if m.chance(0.3):
        return [bind, *inner, *m.release(env, var)]
    return [bind, "try:", *indent(inner), "finally:", *indent(m.release(env, var))]


def exit_stack(m: Maker, env: Env) -> list[str]:
    stack = m.name("stack")
    module = m.module("contextlib")
    pick = m.rng.randrange(7)
    kind = m.kind(releasing=True) if pick in (0, 1, 4) else m.kind(method=True)
    var, bind = m.bind(kind=kind)
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
        var, bind = m.bind(kind=DESCRIPTOR)
        inside = [bind, *gap, f"{stack}.callback(os.close, {var.name})"]
    else:
        inside = [
            f"for item in items({m.number()}):",
            f"    {stack}.enter_context({m.module('contextlib')}.closing({acquire}))",
        ]
        return [f"with {module}.ExitStack() as {stack}:", *indent(inside), *m.body(env)]
    if m.chance(0.8):
        return [f"with {module}.ExitStack() as {stack}:", *indent(inside), *m.body(env, var)]
    lines = [f"{stack} = {module}.ExitStack()", "try:", *indent(inside), *m.body(env, var)]
    return [*lines, "finally:", f"    {stack}.close()"]


def try_finally(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind()
    gap = [m.work()] if m.slip() else []
    lines = [bind, *gap, "try:", *m.body(env, var)]
    if m.chance(0.25):
        lines += [m.broad(), *m.body(env, var, size=1, handling=True)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def none_finally(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind(optional=True)
    sure = Var(var.name, var.kind)
    early = [m.work()] if m.chance(0.4) else []
    lines = [f"{var.name} = None", "try:", *indent([*early, bind]), *m.body(env, sure)]
    if m.chance(0.25):
        lines += [m.broad(), *m.body(env, var, size=1, handling=True)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def except_release(m: Maker, env: Env) -> list[str]:
    """Released in a handler and on the normal way, apart."""
    var, bind = m.bind()
    head = m.broad()
    if m.slip():
        m.tags.add("narrow")
        head = m.narrow()
    after = m.rng.choice(("raise", "raise", "return", "pass")) if not env.starred else "raise"
    lines = [bind, "try:", *m.body(env, var)]
    lines += [head, *indent([*m.release(env, var), after])]
    if m.chance(0.4):
        return [*lines, "else:", *indent(m.release(env, var))]
    if after == "pass" and m.chance(0.5):
        return lines
    return [*lines, *m.release(env, var)]


def flag_finally(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind()
    flag = m.name("opened")
    open_it = [bind, f"{flag} = True"]
    if m.slip():
        open_it.insert(1, m.work())
    if m.chance(0.4):
        open_it = [f"if {m.condition(env)}:", *indent(open_it)]
    lines = [f"{flag} = False", f"{var.name} = None", "try:", *indent(open_it), *m.body(env)]
    return [*lines, "finally:", f"    if {flag}:", *indent(indent(m.release(env, var)))]


def guarded_twice(m: Maker, env: Env) -> list[str]:
    """Acquired and released under the same condition."""
    flag = m.rng.choice(env.flags) if env.flags else "True"
    var, bind = m.bind()
    test = f"not {flag}" if m.chance(0.2) else flag
    again = m.condition(env) if m.slip() else test
    lines = [f"if {test}:", f"    {bind}"]
    if m.chance(0.4):
        lines += ["else:", f"    {var.name} = None"]
    release = [f"if {again}:", *indent(m.release(env, var))]
    if m.chance(0.3):
        return [*lines, *release]
    return [*lines, "try:", *m.body(env), "finally:", *indent(release)]


def straight(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind()
    inner = env.inner()
    inner.variables.append(var)
    return [bind, *m.block(inner, 1), *m.release(env, var)] if m.chance(0.6) else [bind, *m.release(env, var)]


def loop_each(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind()
    head = f"for item in items({m.number()}):" if m.chance(0.7) else f"while cond({m.number()}):"
    if m.chance(0.2):
        return [head, *indent([bind, *m.release(env, var)])]
    body = [bind, "try:", *m.body(env, var, loop=True, repeated=True), "finally:", *indent(m.release(env, var))]
    return [head, *indent(body)]


def pair(m: Maker, env: Env) -> list[str]:
    """Two at once, the second protected or not."""
    first, bind = m.bind()
    second, bind2 = m.bind()
    if first.kind.method and second.kind.method and m.chance(0.3):
        one = m.name("one")
        each = [f"for {one} in ({first.name}, {second.name}):", f"    {one}.close()"]
        if m.chance(0.5):
            return [bind, bind2, "try:", *m.body(env, first, second), "finally:", *indent(each)]
        inner = [bind2, "try:", *m.body(env, first, second, size=1), "finally:", f"    {second.name}.close()"]
        return [bind, "try:", *indent(inner), "finally:", f"    {first.name}.close()"]
    inner = [bind2, "try:", *m.body(env, first, second), "finally:", *indent(m.release(env, second))]
    if m.slip():
        return [bind, *inner, *m.release(env, first)]
    return [bind, "try:", *indent(inner), "finally:", *indent(m.release(env, first))]


def matched(m: Maker, env: Env) -> list[str]:
    """Released in every case, or in all but one."""
    var, bind = m.bind()
    lines = [bind, f"match pick({m.number()}):"]
    for pattern in ("1", "2", "_" if not m.slip() else "3"):
        lines += [f"    case {pattern}:", *indent(indent(m.release(env, var)))]
    m.budget -= 1
    return lines


def conditional(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind(optional=True)
    lines = [f"{bind} if {m.condition(env)} else None"]
    return [*lines, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]


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
    var, bind = m.bind()
    lines = [bind, *m.release(env, var), f"{var.name} = {m.acquire(var.kind)}"]
    return [*lines, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]


def dropped(m: Maker, env: Env) -> list[str]:
    """The name is deleted, after the release or instead of it."""
    var, bind = m.bind()
    return [bind, *m.release(env, var), f"del {var.name}", m.work()]


def retry(m: Maker, env: Env) -> list[str] | None:
    """Try to acquire a few times; then use and release."""
    var, bind = m.bind()
    head = m.rng.choice(("except Exception:", "except OSError:"))
    if m.chance(0.5):
        lines = [f"for item in items({m.number()}):", *indent(["try:", f"    {bind}", head, "    continue", "break"])]
        if env.starred:
            return None
        lines += ["else:", "    return"]
    else:
        attempt = ["try:", f"    {bind}", head, f"    if stop({m.number()}):", '        raise ValueError("own")']
        lines = [f"{var.name} = None", f"while {var.name} is None:", *indent(attempt)]
    return [*lines, "try:", *m.body(env, var, size=1), "finally:", *indent(m.release(env, var))]


def group_finally(m: Maker, env: Env) -> list[str] | None:
    if not m.stars:
        return None
    var, bind = m.bind()
    lines = [bind, "try:", *m.body(env, var)]
    lines += ["except* ValueError:", *m.body(env, var, size=1, starred=True, handling=True, loop=False)]
    if m.chance(0.4):
        return [*lines, *m.release(env, var)]
    return [*lines, "finally:", *indent(m.release(env, var))]


def finally_in_finally(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind()
    inner = ["try:", *m.body(env, var, size=1), "finally:", *indent(m.release(env, var))]
    return [bind, "try:", *m.body(env, var, size=1), "finally:", *indent(inner)]


def jumping_finally(m: Maker, env: Env) -> list[str] | None:
    """A finally that ends by a jump of its own, swallowing what was under way."""
    if env.starred or env.handling:
        return None
    var, bind = m.bind()
    jump = jump_out(m, env) or ["pass"]
    return [bind, "try:", *m.body(env, var), "finally:", *indent([*m.release(env, var), *jump])]


def guard_return(m: Maker, env: Env) -> list[str] | None:
    """Maybe acquired; without it the function leaves early."""
    if env.starred or env.depth > 1:
        return None
    var, bind = m.bind()
    lines = [f"{var.name} = None", f"if {m.condition(env)}:", f"    {bind}"]
    lines += [m.rng.choice((f"if {var.name} is None:", f"if not {var.name}:")), "    return"]
    return [*lines, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]


def compared(m: Maker, env: Env) -> list[str]:
    """Acquired and released under the same comparison."""
    mode = m.name("mode")
    var, bind = m.bind()
    m.budget -= 1
    test = m.rng.choice((f"{mode} == 1", f"{mode} != 1", f"{mode} > 1", f"{mode} in (1, 2)"))
    lines = [f"{mode} = pick({m.number()})", f"if {test}:", f"    {bind}"]
    return [*lines, "try:", *m.body(env), "finally:", f"    if {test}:", *indent(indent(m.release(env, var)))]


def matched_none(m: Maker, env: Env) -> list[str]:
    """Maybe acquired; a match on it decides whether to release."""
    var, bind = m.bind()
    lines = [f"{var.name} = None", "try:", f"    if {m.condition(env)}:", f"        {bind}", *m.body(env)]
    release = ["    case None:", "        pass", "    case _:", *indent(indent(m.release(env, var)))]
    return [*lines, "finally:", *indent([f"match {var.name}:", *release])]


def with_optional(m: Maker, env: Env) -> list[str]:
    """A with over the resource or over nothing."""
    var = Var(m.name("r"), m.kind(releasing=True))
    null = f"{m.module('contextlib')}.nullcontext()"
    head = f"with {m.acquire(var.kind)} if {m.condition(env)} else {null} as {var.name}:"
    return [head, *m.body(env)]


def paused(m: Maker, env: Env) -> list[str]:
    """Between acquisition and release there is nothing but a call of the module's own."""
    var, bind = m.bind()
    return [bind, f"{m.helper(m.rng.choice(('pause', 'rest')))}()", *m.release(env, var)]


def raised(m: Maker, env: Env) -> list[str]:
    """Between acquisition and release there is nothing but a raise, or nothing but a use."""
    var, bind = m.bind()
    middle = ["if a:", '    raise ValueError("own")'] if m.chance(0.5) else [var.kind.uses[0].format(v=var.name)]
    if m.chance(0.5):
        return [bind, *middle, *m.release(env, var)]
    return [bind, "try:", *indent(middle), "finally:", *indent(m.release(env, var))]


def jumped(m: Maker, env: Env) -> list[str] | None:
    """A jump out of a with block that releases."""
    jump = jump_out(m, env)
    if jump is None:
        return None
    kind = m.kind(releasing=True)
    return [f"with {m.acquire(kind)}:", f"    if {m.condition(env)}:", *indent(indent(jump))]


def suspended(m: Maker, env: Env) -> list[str] | None:
    """Cancelled or abandoned in the middle: ``except Exception`` does not see that."""
    if m.mode not in ("generator", "async"):
        return None
    var, bind = m.bind()
    m.budget -= 1
    wait = f"yield {m.number()}" if m.mode == "generator" else f"await awork({m.number()})"
    head = m.rng.choice(("except Exception:", "except BaseException:", "except:"))
    return [bind, "try:", f"    {wait}", head, *indent([*m.release(env, var), "raise"]), *m.release(env, var)]


def suppressed(m: Maker, env: Env) -> list[str]:
    """What is swallowed does not pass the release by."""
    var, bind = m.bind()
    kinds = "ValueError" if m.slip() else m.rng.choice(("Exception", "BaseException"))
    head = f"with {m.module('contextlib')}.suppress({kinds}):"
    return [bind, head, f"    {m.work()}", *m.release(env, var)]


def replaced(m: Maker, env: Env) -> list[str]:
    """In a loop the old one is closed before the new one is acquired."""
    var, bind = m.bind(optional=True)
    old = ["pass"] if m.slip() else m.release(env, var, mistakes=False)
    m.budget -= 1
    head = f"for item in items({m.number()}):" if m.chance(0.7) else f"while cond({m.number()}):"
    return [f"{var.name} = None", head, *indent([*old, f"{var.name} = None", bind]), *m.release(env, var)]


REGIONS: dict[Production, int] = {
    with_block: 6, with_closing: 3, with_transaction: 2, exit_stack: 4, try_finally: 8, none_finally: 6,
    except_release: 5, flag_finally: 3, guarded_twice: 4, straight: 4, loop_each: 3, pair: 4, matched: 2,
    conditional: 2, anonymous: 2, again: 2, retry: 2, group_finally: 1, finally_in_finally: 2, jumping_finally: 1,
    guard_return: 2, compared: 2, matched_none: 1, with_optional: 1, dropped: 1, suspended: 4, suppressed: 1,
    replaced: 2, paused: 1, jumped: 1, raised: 2,
    **PASSING,
}  # fmt: skip
"""how often each idiom is drawn, relative to the others"""
