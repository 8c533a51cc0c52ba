"""Productions of the grammar that are single statements: noise around resources, and what may become of them."""

from __future__ import annotations

from tests.oracle.grammar import Env, Maker, Production, indent


def work(m: Maker, env: Env) -> list[str]:
    return [m.work()]


def quiet(m: Maker, env: Env) -> list[str]:
    return [m.rng.choice(('print("x")', 'size = len("abc")', "number = 1 + 2", "pass"))]


def use(m: Maker, env: Env) -> list[str] | None:
    if not env.variables:
        return None
    m.budget -= 1
    var = m.rng.choice(env.variables)
    text = m.rng.choice(var.kind.uses).format(v=var.name)
    if m.chance(0.25):
        text = m.rng.choice((f"use({var.name})", f"data = use({var.name})", f"use(number=1, handle={var.name})"))
    elif var.kind.method and m.chance(0.08):
        text = f"{m.helper('slurp')}({var.name})" if var.kind.file else f"use({m.helper('same')}({var.name}))"
    return [f"if {var.name}:", f"    {text}"] if var.optional else [text]


def read_lines(m: Maker, env: Env) -> list[str] | None:
    files = [v for v in env.variables if v.kind.file and not v.optional]
    if not files:
        return None
    var = m.rng.choice(files)
    m.budget -= 1
    pick = m.rng.randrange(3)
    if pick == 0:
        return [f"lines = [line for line in {var.name}]"]
    if pick == 1:
        return [f"reader = {var.name}.readline", "reader()"]
    return [f"for line in {var.name}:", *indent(m.block(env.inner(loop=True, repeated=True), 1))]


def set_flag(m: Maker, env: Env) -> list[str]:
    if env.flags and m.chance(0.4):
        return [f"{m.rng.choice(env.flags)} = {m.rng.choice(('True', 'False'))}"]
    name = m.name("flag")
    value = m.condition(env)
    env.flags.append(name)
    return [f"{name} = {value}"]


def branch(m: Maker, env: Env) -> list[str]:
    lines = [f"if {m.condition(env)}:", *indent(m.block(env.inner()))]
    if m.chance(0.2):
        lines += [f"elif {m.condition(env)}:", *indent(m.block(env.inner(), 1))]
    if m.chance(0.35):
        lines += ["else:", *indent(m.block(env.inner()))]
    return lines


def leave(m: Maker, env: Env) -> list[str] | None:
    """A jump, behind an opaque condition."""
    jump = jump_out(m, env)
    if jump is None:
        return None
    return [f"if {m.condition(env)}:", *indent(jump)]


def jump_out(m: Maker, env: Env) -> list[str] | None:
    jumps = ['raise ValueError("own")']
    if env.handling:
        jumps.append("raise")
    if not env.starred:
        jumps += ["return", "return None"]
        if env.loop:
            jumps += ["break", "continue"] * 2
    if m.chance(0.08):
        return [f"{m.module('sys')}.exit(1)"]
    return [m.rng.choice(jumps)]


def give_away(m: Maker, env: Env) -> list[str] | None:
    """Ownership leaves: returned, yielded, stored, kept by a helper; behind a condition."""
    if not env.variables or env.starred:
        return None
    var = m.rng.choice(env.variables)
    name = var.name
    ways = [f"return {name}"] * 2
    ways += [f"return {name}, 1", f"return [{name}]", f'return {{"handle": {name}}}']
    ways += [f"sink.handle = {name}"] if m.mode != "handler" else []
    ways += [f"{m.helper('keep')}({name})", f"return {m.helper('same')}({name})"] if m.chance(0.3) else []
    if m.mode == "generator":
        ways = [f"yield {name}", f"yield {name}, 1", *ways[5:]]
    if m.mode == "method":
        ways += [f"self.handle = {name}"] * 3
    if not env.repeated:
        ways += ["HELD = " + name]
    way = m.rng.choice(ways)
    lines = [way]
    if m.chance(0.7):
        lines = [f"if {m.condition(env)}:", *indent(lines)]
    return lines


def suspend(m: Maker, env: Env) -> list[str] | None:
    """A yield or an await, where the function may be abandoned or cancelled."""
    if m.mode == "generator":
        m.budget -= 1
        return [m.rng.choice((f"yield {m.number()}", f"yield work({m.number()})", f"got = yield {m.number()}"))]
    if m.mode == "async":
        m.budget -= 1
        return [f"await awork({m.number()})"]
    return None


def forget(m: Maker, env: Env) -> list[str] | None:
    """Rebind a name, to nothing where its release is guarded."""
    if not env.variables or not m.chance(0.25):
        return None
    var = m.rng.choice(env.variables)
    value = "None" if var.optional and m.chance(0.5) else m.acquire(var.kind)
    return [f"{var.name} = {value}"]


def attempt(m: Maker, env: Env) -> list[str]:
    """try with any handlers, else and finally."""
    lines = ["try:", *indent(m.block(env.inner()))]
    pick = m.rng.random()
    if pick < 0.8:
        if m.chance(0.4):
            lines += [m.narrow(), *indent(m.block(env.inner(handling=True), 1))]
        if m.chance(0.7) or len(lines) < 3:
            lines += [m.broad(), *indent(m.block(env.inner(handling=True), 1))]
        handled = any(line.startswith("except") for line in lines)
        if handled and m.chance(0.25):
            lines += ["else:", *indent(m.block(env.inner(), 1))]
        if not handled or m.chance(0.25):
            lines += ["finally:", *indent(m.block(env.inner(), 1))]
    else:
        lines += ["finally:", *indent(m.block(env.inner(), 1))]
    return lines


def attempt_group(m: Maker, env: Env) -> list[str] | None:
    if not m.stars:
        return None
    lines = ["try:", *indent(m.block(env.inner()))]
    lines += [
        m.narrow().replace("except", "except*"),
        *indent(m.block(env.inner(starred=True, handling=True, loop=False), 1)),
    ]
    if m.chance(0.4):
        lines += ["except* Exception:", *indent(m.block(env.inner(starred=True, handling=True, loop=False), 1))]
    if m.chance(0.3):
        lines += ["finally:", *indent(m.block(env.inner(), 1))]
    return lines


def repeat(m: Maker, env: Env) -> list[str]:
    """A loop, with else or not."""
    body = indent(m.block(env.inner(loop=True, repeated=True)))
    if m.chance(0.6):
        lines = [f"for item in items({m.number()}):", *body]
    elif m.chance(0.6):
        lines = [f"while cond({m.number()}):", *body]
    else:
        return ["while True:", f"    if stop({m.number()}):", "        break", *body]
    if m.chance(0.25):
        lines += ["else:", *indent(m.block(env.inner(), 1))]
    return lines


def choose(m: Maker, env: Env) -> list[str]:
    """match on an opaque value."""
    m.budget -= 1
    lines = [f"match pick({m.number()}):"]
    lines += ["    case 1:", *indent(indent(m.block(env.inner(), 1)))]
    if m.chance(0.4) and env.flags:
        lines += [f"    case 2 if {m.rng.choice(env.flags)}:", *indent(indent(m.block(env.inner(), 1)))]
    if m.chance(0.4):
        lines += ["    case 2 | 3:", *indent(indent(m.block(env.inner(), 1)))]
    if m.chance(0.4):
        lines += [f"    case {m.rng.choice(('_', 'other', 'int()'))}:", *indent(indent(m.block(env.inner(), 1)))]
    return lines


def within(m: Maker, env: Env) -> list[str]:
    """An opaque context manager, or one that swallows."""
    pick = m.rng.random()
    if pick < 0.45:
        head = f"with guard({m.number()}):"
    else:
        kinds = m.rng.choice(("Exception", "ValueError", "ValueError, KeyError", "BaseException"))
        head = f"with {m.module('contextlib')}.suppress({kinds}):"
    return [head, *indent(m.block(env.inner()))]


def expression(m: Maker, env: Env) -> list[str]:
    """Calls inside of larger expressions."""
    m.budget -= 2
    n, k = m.number(), m.number()
    flag = m.condition(env)
    return [
        m.rng.choice(
            (
                f"data = work({n}) if {flag} else work({k})",
                f"data = {flag} and work({n})",
                f"data = [work({n}) for item in items({k})]",
                f"data = {{item: work({n}) for item in items({k})}}",
                f"(data := work({n}))",
                f'data = f"{{work({n})}} {{cond({k})}}"',
                f"data = (work({n}), cond({k}))",
            )
        )
    ]


def call_helper(m: Maker, env: Env) -> list[str]:
    """A function of the module that has nothing to do with resources: may raise, cannot, or always does."""
    m.budget -= 1
    name = m.helper(m.rng.choice(("pause", "pause", "rest", "rest", "fail")))
    return [f"if {m.condition(env)}:", f"    {name}()"] if name == "fail" else [f"{name}()"]


def check(m: Maker, env: Env) -> list[str]:
    return [f"assert {m.condition(env)}"]


STATEMENTS: dict[Production, int] = {
    work: 9, quiet: 3, use: 9, read_lines: 2, set_flag: 3, branch: 5, leave: 5, give_away: 3, suspend: 3, forget: 2,
    attempt: 5, attempt_group: 1, repeat: 3, choose: 2, within: 3, expression: 2, call_helper: 2, check: 1,
}  # fmt: skip
"""how often each production is drawn, relative to the others"""
