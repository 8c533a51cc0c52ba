"""The grammar's state: kinds of resource, what is in scope, and the maker that joins productions to programs."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of resource is written. ``{v}`` stands for the variable."""

    name: str
    module: str
    acquire: tuple[str, ...]
    close: str
    uses: tuple[str, ...]
    with_releases: bool = False
    method: bool = True
    """released by ``v.close()``"""
    file: bool = False
    """iterable and with ``closed``"""


KINDS = (
    Kind("file", "", ("open(P)", 'open(P, "w")'), "{v}.close()", ("{v}.read()", '{v}.write("x")'), True, file=True),
    Kind("descriptor", "os", ("os.open(P, os.O_RDONLY)",), "os.close({v})", ("os.read({v}, 1)",), method=False),
    Kind("sqlite", "sqlite3", ("sqlite3.connect(P)",), "{v}.close()", ("{v}.commit()",)),
    Kind("postgres", "psycopg2", ("psycopg2.connect(P)",), "{v}.close()", ("{v}.commit()", "{v}.rollback()")),
    Kind("socket", "socket", ("socket.socket()",), "{v}.close()", ('{v}.sendall(b"x")', "{v}.recv(1)"), True),
    Kind("temporary", "tempfile", ("tempfile.TemporaryFile()",), "{v}.close()", ("{v}.read()",), True, file=True),
)  # fmt: skip
SESSION = Kind(
    "session", "aiohttp", ("aiohttp.ClientSession()",), "await {v}.close()", ("await ause({v})",), method=False
)
FILE = KINDS[0]
DESCRIPTOR = KINDS[1]


@dataclass(frozen=True, slots=True)
class Var:
    """A variable that holds a resource; ``optional``: or None."""

    name: str
    kind: Kind
    optional: bool = False


@dataclass(slots=True)
class Env:
    """What a block may mention and do."""

    variables: list[Var] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    depth: int = 0
    loop: bool = False
    repeated: bool = False
    """the block may run more than once"""
    starred: bool = False
    """inside of ``except*``, where nothing may jump out"""
    handling: bool = False
    """inside of a handler, where a bare ``raise`` is meaningful"""

    def inner(self, **changes: object) -> Env:
        """A copy for a nested block: what it binds does not reach this one."""
        copy = replace(self, variables=list(self.variables), flags=list(self.flags), depth=self.depth + 1)
        return replace(copy, **changes)  # type: ignore[arg-type]


Production = Callable[["Maker", Env], "list[str] | None"]
"""Lines of a statement or a region, or None when it does not fit."""

MODES = {"plain": 8, "method": 1, "generator": 2, "async": 3, "handler": 1}
HELPERS = {
    "make": ["def make():", "    return open(P)"],
    "make_slowly": ["def make_slowly():", "    x = open(P)", "    work(90)", "    return x"],
    "make_safely": [
        "def make_safely():",
        "    x = open(P)",
        "    try:",
        "        work(91)",
        "    except BaseException:",
        "        x.close()",
        "        raise",
        "    return x",
    ],
    "make_pair": ["def make_pair():", "    x = open(P)", '    return x, "name"'],
    "shut": ["def shut(x):", "    x.close()"],
    "shut_late": ["def shut_late(x):", "    work(92)", "    x.close()"],
    "shut_if": ["def shut_if(x, yes):", "    if yes:", "        x.close()"],
    "shut_finally": ["def shut_finally(x):", "    try:", "        work(93)", "    finally:", "        x.close()"],
    "pause": ["def pause():", "    work(94)"],
    "rest": ["def rest():", "    return 1"],
    "fail": ["def fail():", '    raise ValueError("own")'],
    "keep": ["def keep(x):", "    KEPT.append(x)"],
    "same": ["def same(x):", "    return x"],
    "lines_of": ["def lines_of(x):", "    for line in x:", "        yield line"],
    "rows": ["def rows():", "    with open(P) as x:", "        for line in x:", "            yield line"],
    "rows_loosely": [
        "def rows_loosely():",
        "    x = open(P)",
        "    for line in x:",
        "        yield line",
        "    x.close()",
    ],
    "slurp": ["def slurp(x):", "    return x.read()"],
    "opened": [
        "@contextlib.contextmanager",
        "def opened():",
        "    x = open(P)",
        "    try:",
        "        yield x",
        "    finally:",
        "        x.close()",
    ],
}
"""functions of the module that programs may call, by name"""


def indent(lines: list[str]) -> list[str]:
    """The lines, one level deeper."""
    return ["    " + line for line in lines]


def ends(lines: list[str]) -> bool:
    """Whether control cannot pass the last of ``lines``."""
    return bool(lines) and lines[-1].split("(")[0].split(" ")[0] in ("return", "raise", "break", "continue")


@dataclass(frozen=True, slots=True)
class Program:
    """A generated module and the names of the constructs that it was made of."""

    seed: int
    source: str
    tags: frozenset[str]


class Maker:
    """Makes one program. Productions draw from it: names, numbers, blocks, releases."""

    def __init__(
        self, seed: int, statements: dict[Production, int], regions: dict[Production, int], stars: bool
    ) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.statements = statements
        self.regions = regions
        self.stars = stars
        self.tags: set[str] = set()
        self.helpers: set[str] = set()
        self.used: set[str] = set()
        self.count = 0
        self.budget = 8
        self.mode = self.weighted(MODES)
        self.sloppy = self.rng.choice((0.0, 0.05, 0.2, 0.4))

    # draws

    def weighted(self, table: dict[str, int]) -> str:
        return self.rng.choices(list(table), list(table.values()))[0]

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def slip(self) -> bool:
        """Whether this program makes a mistake here."""
        return self.chance(self.sloppy)

    def number(self) -> int:
        self.count += 1
        return self.count

    def name(self, stem: str) -> str:
        return f"{stem}{self.number()}"

    def kind(self, *, releasing: bool | None = None, method: bool | None = None) -> Kind:
        """A kind of resource; with ``releasing`` one whose ``with`` does, with ``method`` one that has ``close()``."""
        if self.mode == "async" and releasing is None and method is None and self.chance(0.5):
            return SESSION
        fitting = [
            k
            for k in KINDS
            if (releasing is None or k.with_releases == releasing) and (method is None or k.method == method)
        ]
        return self.rng.choice([*fitting, fitting[0]])

    def acquire(self, kind: Kind) -> str:
        self.used.add(kind.module)
        return self.rng.choice(kind.acquire)

    def helper(self, name: str) -> str:
        self.helpers.add(name)
        if name == "opened":
            self.used.add("contextlib")
        return name

    def module(self, name: str) -> str:
        self.used.add(name)
        return name

    # text

    def work(self) -> str:
        """A statement that may raise."""
        self.budget -= 1
        n = self.number()
        if self.mode == "async" and self.chance(0.5):
            return f"await awork({n})"
        if self.mode == "handler" and self.chance(0.3):
            return f'value{n} = event["key"]'
        return f"work({n})"

    def condition(self, env: Env) -> str:
        """An expression whose truth nobody knows; names of flags repeat on purpose."""
        pick = self.rng.random()
        if env.flags and pick < 0.6:
            flag = self.rng.choice(env.flags)
            if pick < 0.15:
                return f"not {flag}"
            return (
                flag if pick < 0.55 or len(env.flags) < 2 else f"{flag} {self.rng.choice(('and', 'or'))} {env.flags[0]}"
            )
        self.budget -= 1
        if pick < 0.92:
            return f"cond({self.number()})"
        return f"({self.name('seen')} := cond({self.number()}))"

    def broad(self) -> str:
        """A handler's head that catches every fault, cancellation included or not."""
        return self.rng.choice(("except Exception:", "except BaseException:", "except:"))

    def narrow(self) -> str:
        """A handler's head that catches some faults."""
        return self.rng.choice(("except ValueError:", "except (ValueError, KeyError):", "except OSError:"))

    def block(self, env: Env, size: int = 2) -> list[str]:
        """Statements for ``env``; at least one line."""
        lines: list[str] = []
        for _ in range(self.rng.randint(1, size)):
            lines += self.statement(env)
            if ends(lines) or self.budget <= 0:
                break
        return lines

    def statement(self, env: Env) -> list[str]:
        """One statement; when the budget is spent, one that cannot raise."""
        if self.budget <= 0:
            return [self.rng.choice(('print("x")', 'size = len("abc")', "pass"))]
        if env.depth >= 4:
            return [self.work()]
        if self.chance(0.16):
            return self.region(env)
        return self._draw(self.statements, env)

    def region(self, env: Env) -> list[str]:
        """One idiom around a resource."""
        self.budget -= 1
        return self._draw(self.regions, env)

    def _draw(self, table: dict[Production, int], env: Env) -> list[str]:
        while True:
            production = self.rng.choices(list(table), list(table.values()))[0]
            lines = production(self, env)
            if lines is not None:
                self.tags.add(production.__name__.strip("_"))
                return lines

    def bind(self, *, optional: bool = False, kind: Kind | None = None) -> tuple[Var, str]:
        """A new variable and the assignment that acquires it."""
        var = Var(self.name("r"), kind or self.kind(), optional)
        return var, f"{var.name} = {self.acquire(var.kind)}"

    def body(self, env: Env, *variables: Var, size: int = 2, **changes: object) -> list[str]:
        """An indented block in which ``variables`` are in scope too."""
        inner = env.inner(**changes)
        inner.variables.extend(variables)
        return indent(self.block(inner, size))

    def release(self, env: Env, var: Var, *, mistakes: bool = True) -> list[str]:
        """Release ``var`` in one of many spellings, guarded when it may be None; with ``mistakes``, maybe not."""
        if mistakes and self.slip():
            self.tags.add("mistake")
            return self._mistaken(env, var)
        return self._guarded(var, self._spelled(var))

    def _mistaken(self, env: Env, var: Var) -> list[str]:
        plain = var.kind.close.format(v=var.name)
        pick = self.rng.randrange(5)
        if pick == 0 and var.kind.method:
            return [f"{var.name}.close"]
        if pick == 1 and env.flags:
            return [f"if {self.rng.choice(env.flags)}:", *indent(self._guarded(var, [plain]))]
        if pick == 2:
            return [self.work(), *self._guarded(var, [plain])]
        if plain.startswith("await"):
            self.tags.add("unawaited")
            return self._guarded(var, [plain.removeprefix("await ")])
        return ["pass"]

    def _spelled(self, var: Var) -> list[str]:
        name, kind = var.name, var.kind
        plain = kind.close.format(v=name)
        pick = self.rng.random()
        if pick < 0.7 or plain.startswith("await"):
            return [plain]
        if pick < 0.74:
            return ["try:", f"    {plain}", "except Exception:", "    pass"]
        if pick < 0.78:
            return [f"with {self.module('contextlib')}.suppress(Exception):", f"    {plain}"]
        if not kind.method:
            return [plain]
        if pick < 0.84:
            return [f"{self.helper('shut')}({name})"]
        if pick < 0.88 and kind.file:
            return [f"if not {name}.closed:", f"    {plain}"]
        if pick < 0.91:
            return [f"with {self.module('contextlib')}.closing({name}):", "    pass"]
        if pick < 0.94 and kind.with_releases:
            return [f"with {name}:", "    pass"]
        if pick < 0.97:
            return [f"{self.helper('shut_finally')}({name})"]
        other = self.name("z")
        return [f"{other} = {name}", f"{other}.close()"]

    def _guarded(self, var: Var, lines: list[str]) -> list[str]:
        if not var.optional:
            return lines
        pick = self.rng.random()
        if pick < 0.55 or not var.kind.method:
            return [f"if {var.name} is not None:", *indent(lines)]
        if pick < 0.8:
            return [f"if {var.name}:", *indent(lines)]
        if pick < 0.9:
            return [f"if {var.name} is None:", "    pass", "else:", *indent(lines)]
        return [f"{var.name} and {var.name}.close()"]
