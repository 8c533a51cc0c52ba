"""Productions of the grammar that are idioms of passing on: aliases, containers, closures, helpers, other owners."""

from __future__ import annotations

from tests.oracle.grammar import DESCRIPTOR, FILE, Env, Maker, Production, Var, indent


def return_open(m: Maker, env: Env) -> list[str] | None:
    """A factory: closed when something fails, else handed to the caller."""
    if env.starred or env.depth > 1:
        return None
    var, bind = m.bind()
    head = "except Exception:" if m.slip() else "except BaseException:"
    lines = [bind, "try:", *m.body(env, var, size=1), head, *indent([*m.release(env, var), "raise"])]
    give = [f"return {var.name}", f"return {var.name}, 1", f'return {{"handle": {var.name}}}']
    give += [f"sink.handle = {var.name}"] if m.mode != "handler" else []
    return [*lines, m.rng.choice(give)]


def collect(m: Maker, env: Env) -> list[str]:
    """Many in a list, closed one by one."""
    kind = m.kind(method=True)
    pile, one = m.name("pile"), m.name("one")
    add = f"{pile}.append({m.acquire(kind)})"
    if m.slip():
        add = f"{one} = {m.acquire(kind)}; work({m.number()}); {pile}.append({one})"
    close = [f"for {one} in {pile}:", *indent(m.release(env, Var(one, kind)))]
    fill = [f"for item in items({m.number()}):", *indent(add.split("; "))] if m.chance(0.6) else add.split("; ")
    return [f"{pile} = []", "try:", *indent(fill), *m.body(env, size=1), "finally:", *indent(close)]


def alias(m: Maker, env: Env) -> list[str]:
    """Released under another name."""
    var, bind = m.bind()
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
    return [*how, "try:", *m.body(env, other), "finally:", *indent(m.release(env, still))]


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
    return [*lines, "try:", *m.body(env), "finally:", *indent(m.release(env, Var(place, kind)))]


def closure(m: Maker, env: Env) -> list[str]:
    """Released by a nested function."""
    var, bind = m.bind(kind=m.kind(method=True))
    name = m.name("cleanup")
    late = [m.work()] if m.slip() and m.mode != "async" else []
    if m.chance(0.5):
        define, call = [f"def {name}():", *indent([*late, f"{var.name}.close()"])], f"{name}()"
    elif m.chance(0.5):
        define, call = [f"def {name}(x):", *indent([*late, "x.close()"])], f"{name}({var.name})"
    else:
        define, call = [f"{name} = lambda: {var.name}.close()"], f"{name}()"
    head = [bind, *define] if m.chance(0.5) else [*define, bind]
    return [*head, "try:", *m.body(env, var), "finally:", f"    {call}"]


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
        return [*lines[:-1], f"with {maker}() as {var.name}:", *m.body(env, var)]
    return [*lines, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]


def with_helper(m: Maker, env: Env) -> list[str]:
    var = Var(m.name("r"), FILE)
    return [f"with {m.helper('opened')}() as {var.name}:", *m.body(env, var)]


def by_helper(m: Maker, env: Env) -> list[str]:
    """Released by a helper that may fail first or not release at all."""
    var, bind = m.bind(kind=m.kind(method=True))
    flag = m.rng.choice(env.flags) if env.flags else "True"
    call = m.rng.choice(
        (
            f"{m.helper('shut')}({var.name})",
            f"{m.helper('shut_late')}({var.name})",
            f"{m.helper('shut_finally')}({var.name})",
            f"{m.helper('shut_if')}({var.name}, {flag})",
        )
    )
    return [bind, "try:", *m.body(env, var), "finally:", f"    {call}"]


def wrapped_descriptor(m: Maker, env: Env) -> list[str]:
    """A descriptor that a file object takes over."""
    fd, bind = m.bind(kind=DESCRIPTOR)
    var = Var(m.name("r"), FILE)
    gap = [m.work()] if m.slip() else []
    if m.chance(0.5):
        return [bind, *gap, f"with os.fdopen({fd.name}) as {var.name}:", *m.body(env, var)]
    lines = [
        bind,
        "try:",
        f"    {var.name} = os.fdopen({fd.name})",
        "except Exception:",
        f"    os.close({fd.name})",
        "    raise",
    ]
    return [*lines, *gap, "try:", *m.body(env, var), "finally:", *indent(m.release(env, var))]


def registered(m: Maker, env: Env) -> list[str]:
    var, bind = m.bind(kind=m.kind(method=True))
    gap = [m.work()] if m.slip() else []
    ways = (f"{var.name}.close", f"{m.helper('shut')}, {var.name}", f"lambda: {var.name}.close()")
    return [bind, *gap, f"{m.module('atexit')}.register({m.rng.choice(ways)})", *m.block(env.inner(), 1)]


def conditional_alias(m: Maker, env: Env) -> list[str]:
    """Released under a name that holds it on some paths only."""
    var, bind = m.bind()
    other = Var(m.name("s"), var.kind, optional=True)
    lines = [bind, f"{other.name} = {var.name} if {m.condition(env)} else None"]
    if m.chance(0.5):
        lines = [bind, f"{other.name} = None", f"if {m.condition(env)}:", f"    {other.name} = {var.name}"]
    return [*lines, "try:", *m.body(env, other), "finally:", *indent(m.release(env, other))]


def many(m: Maker, env: Env) -> list[str]:
    """A list made by a comprehension: when one acquisition fails, those before it are lost."""
    kind = m.kind(method=True)
    pile, one = m.name("pile"), m.name("one")
    make = f"{pile} = [{m.acquire(kind)} for item in items({m.number()})]"
    m.budget -= 1
    close = [f"for {one} in {pile}:", *indent(m.release(env, Var(one, kind)))]
    return [make, "try:", *m.body(env, size=1), "finally:", *indent(close)]


def read_by_generator(m: Maker, env: Env) -> list[str]:
    """A generator of the module reads it; the generator owns nothing."""
    var, bind = m.bind(kind=FILE)
    m.budget -= 1
    loop = [f"for line in {m.helper('lines_of')}({var.name}):", *m.body(env, var, size=1, loop=True, repeated=True)]
    return [bind, "try:", *indent(loop), "finally:", *indent(m.release(env, var))]


def owned_by_generator(m: Maker, env: Env) -> list[str]:
    """A generator of the module opens it, and is abandoned or not."""
    m.budget -= 1
    rows = m.helper(m.rng.choice(("rows", "rows", "rows_loosely")))
    return [f"for row in {rows}():", *m.body(env, size=1, loop=True, repeated=True)]


def popped(m: Maker, env: Env) -> list[str] | None:
    """A stack gives all that it holds to the caller."""
    if env.starred or env.depth > 1 or m.mode == "generator":
        return None
    stack, var = m.name("stack"), Var(m.name("r"), m.kind(releasing=True))
    lines = [f"{var.name} = {stack}.enter_context({m.acquire(var.kind)})"]
    inner = env.inner()
    inner.variables.append(var)
    lines += m.block(inner, 1)
    lines.append(f"return {stack}.pop_all()")
    return [f"with {m.module('contextlib')}.ExitStack() as {stack}:", *indent(lines)]


PASSING: dict[Production, int] = {
    return_open: 3, collect: 3, alias: 4, holder: 2, closure: 3, from_helper: 3, with_helper: 1, by_helper: 3,
    wrapped_descriptor: 2, registered: 1, conditional_alias: 2, many: 2, read_by_generator: 1, owned_by_generator: 1,
    popped: 1,
}  # fmt: skip
"""how often each idiom is drawn, relative to all others"""
