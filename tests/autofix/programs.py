"""Programs of many shapes: what is acquired, how it is used, what happens on the way, and how it is released."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent

from tests.conformance.databases import USER


@dataclass(frozen=True, slots=True)
class Kind:
    """What can be acquired. ``{v}`` is its variable, ``{n}`` a number that no other use has."""

    name: str
    imports: str
    acquire: tuple[str, ...]
    uses: tuple[str, ...]
    """statements; those that find something append it to ``found``"""
    last: tuple[str, ...]
    """expressions for a return"""
    release: str = "{v}.close()"
    needs: str = ""
    inline: tuple[str, ...] = ()
    """expressions that acquire, use and forget"""


FILES = Kind(
    "file",
    "import csv\nimport io\nimport json\nimport os\nfrom pathlib import Path",
    (
        'open(tmp + "/a.txt")', 'io.open(tmp + "/a.txt")', 'Path(tmp, "a.txt").open()',
        'open(os.path.join(tmp, "b.txt"), encoding="utf-8")',
    ),
    (
        "found.append({v}.readline())", "for line{n} in {v}:\n    found.append(line{n})",
        "while line{n} := {v}.readline():\n    found.append(line{n})", "found += list(csv.reader({v}))",
        "rows{n} = csv.reader({v})\nfound.append(next(rows{n}, None))\nfound.append(next(rows{n}, None))",
        "found += [len(line) for line in {v}]", "found.append(parse({v}.readline()))",
        "again{n} = {v}\nfound.append(again{n}.tell())", "take({v}, found)",
    ),
    ("{v}.read()", "len({v}.readlines())", "{v}.read().splitlines()", "[line for line in {v}]", "count({v})",
     "sorted({v})", "{v}.closed"),
    inline=('open(tmp + "/a.txt").read()', 'json.load(open(tmp + "/data.json"))',
            'len(open(tmp + "/a.txt").readlines())', 'list(csv.reader(open(tmp + "/rows.csv")))',
            'parse(open(tmp + "/a.txt").readline())'),
)  # fmt: skip
WRITER = Kind(
    "writer",
    "import csv\nimport json\nimport gzip",
    ('open(tmp + "/out{n}.txt", "w")', 'open(tmp + "/a.txt", "a")', 'open(tmp + "/new{n}.txt", "x")'),
    (
        '{v}.write("x{n}")', 'print("p{n}", file={v})', "json.dump([{n}], {v})", 'csv.writer({v}).writerow([{n}, "y"])',
        "writer{n} = csv.writer({v})\nwriter{n}.writerow([1])\nwriter{n}.writerow([2])",
        '{v}.writelines(["a", "b"])', '{v}.write("""one\n  two {n}\n""")', 'tell({v}, "t{n}")',
    ),
    ('{v}.write("last")', "{v}.tell()", "None"),
)  # fmt: skip
SQLITE = Kind(
    "sqlite",
    "import sqlite3",
    ('sqlite3.connect(tmp + "/data.db")', 'sqlite3.connect(tmp + "/data.db", isolation_level=None)'),
    (
        '{v}.execute("insert into t values ({n})")', "{v}.commit()",
        'found += {v}.execute("select a from t").fetchall()',
        'cursor{n} = {v}.execute("select a from t")\nfor row{n} in cursor{n}:\n    found.append(row{n})',
        'with {v}:\n    {v}.execute("insert into t values ({n})")', "{v}.rollback()",
        'cursor{n} = {v}.cursor()\ncursor{n}.execute("delete from t where a = 1")\ncursor{n}.close()',
    ),
    ('{v}.execute("select count(*) from t").fetchone()', "{v}.total_changes", "{v}.in_transaction",
     '[a for (a,) in {v}.execute("select a from t")]'),
)  # fmt: skip
SOCKET = Kind(
    "socket",
    "import socket",
    ("socket.socket()", "socket.create_server((\"127.0.0.1\", 0))", "socket.socket(socket.AF_UNIX)"),
    (
        "{v}.settimeout(1)", "found.append({v}.getsockname() is None)", "found.append({v}.fileno() > 0)",
        "found.append({v}.type.name)",
    ),
    ("{v}.gettimeout()", "{v}.family.name", "{v}.fileno() > 0"),
)  # fmt: skip
PAIR = Kind(
    "connected",
    "import socket",
    ('socket.create_connection(("127.0.0.1", PORT), 2)',),
    (
        '{v}.sendall(b"ping\\n")\nfound.append({v}.recv(5))', "{v}.setblocking(True)",
        'stream{n} = {v}.makefile("rwb")\nstream{n}.write(b"line\\n")\nstream{n}.flush()\n'
        "found.append(stream{n}.readline())\nstream{n}.close()",
    ),
    ("{v}.getpeername()[0]", "{v}.fileno() > 0"),
)  # fmt: skip
DESCRIPTOR = Kind(
    "descriptor",
    "import os",
    ('os.open(tmp + "/a.txt", os.O_RDONLY)', 'os.open(tmp + "/a.txt", os.O_RDWR)'),
    ("found.append(os.read({v}, 4))", "os.lseek({v}, 0, os.SEEK_SET)", "found.append(os.fstat({v}).st_size)"),
    ("os.read({v}, 100)", "os.fstat({v}).st_size"),
    "os.close({v})",
)  # fmt: skip
TEMPORARY = Kind(
    "temporary",
    "import os\nimport tempfile",
    ('tempfile.NamedTemporaryFile("w+")', 'tempfile.TemporaryFile("w+")', 'tempfile.SpooledTemporaryFile(4, "w+")'),
    ('{v}.write("some text{n}")', "{v}.flush()", "{v}.seek(0)", "found.append({v}.read())"),
    ("{v}.tell()", "{v}.read()"),
)  # fmt: skip
ARCHIVE = Kind(
    "archive",
    "import zipfile",
    ('zipfile.ZipFile(tmp + "/new{n}.zip", "w")', 'zipfile.ZipFile(tmp + "/new{n}.zip", "a")'),
    ("{v}.writestr(zipfile.ZipInfo('m{n}'), 'data')", "found.append({v}.namelist())", "{v}.comment = b'c{n}'"),
    ("{v}.namelist()", "len({v}.infolist())", "None"),
)  # fmt: skip
PYMYSQL = Kind(
    "pymysql",
    "import os\nimport pymysql",
    ('pymysql.connect(host="127.0.0.1", user="root", password="", database="test")',),
    (
        "cursor{n} = {v}.cursor()\ncursor{n}.execute(INSERT, (str({n}),))", "{v}.commit()", "{v}.rollback()",
        "with {v}.cursor() as cursor{n}:\n    cursor{n}.execute(SELECT)\n    found += sorted(cursor{n}.fetchall())",
        "{v}.ping()",
    ),
    ("{v}.open", "{v}.get_autocommit()"),
    needs="mariadb",
)  # fmt: skip
PSYCOPG2 = Kind(
    "psycopg2",
    "import os\nimport psycopg2",
    (f'psycopg2.connect("host=127.0.0.1 dbname=test user={USER}")',),
    (
        "cursor{n} = {v}.cursor()\ncursor{n}.execute(INSERT, (str({n}),))", "{v}.commit()", "{v}.rollback()",
        "with {v}.cursor() as cursor{n}:\n    cursor{n}.execute(SELECT)\n    found += sorted(cursor{n}.fetchall())",
        "with {v}:\n    {v}.cursor().execute(INSERT, ('with{n}',))",
    ),
    ("{v}.closed", "{v}.autocommit"),
    needs="postgres",
)  # fmt: skip
PSYCOPG = Kind(
    "psycopg",
    "import os\nimport psycopg",
    (f'psycopg.connect("host=127.0.0.1 dbname=test user={USER}")',),
    (
        "{v}.execute(INSERT, (str({n}),))", "{v}.commit()", "{v}.rollback()",
        "found += sorted({v}.execute(SELECT).fetchall())",
        "with {v}.transaction():\n    {v}.execute(INSERT, ('inner{n}',))",
    ),
    ("{v}.closed", "{v}.autocommit"),
    needs="postgres",
)  # fmt: skip
REDIS = Kind(
    "redis",
    "import os\nimport redis",
    ('redis.Redis(host="127.0.0.1")', 'redis.Redis(host="127.0.0.1", decode_responses=True)'),
    ("{v}.rpush(TABLE, {n})", "found += {v}.lrange(TABLE, 0, -1)",
     "with {v}.pipeline() as pipeline{n}:\n    pipeline{n}.rpush(TABLE, {n})\n    pipeline{n}.execute()"),
    ("{v}.llen(TABLE)", "{v}.ping()"),
    needs="redis",
)  # fmt: skip
LOCAL = (FILES, WRITER, SQLITE, SOCKET, PAIR, DESCRIPTOR, TEMPORARY, ARCHIVE)
SERVED = (PYMYSQL, PSYCOPG2, PSYCOPG, REDIS)
PRELUDE = """
import os
TABLE = os.environ.get("TABLE", "t")
PORT = int(os.environ.get("ECHO_PORT", "0"))
INSERT = "INSERT INTO " + TABLE + " VALUES (%s)"
SELECT = "SELECT v FROM " + TABLE


def parse(text):
    return int(text)


def note(text):
    print("note", text)
    return text


def count(source):
    return sum(1 for _ in source)


def take(source, found):
    found.append(source.readline())


def tell(target, text):
    target.write(text)


"""


def indented(text: str, depth: int = 1) -> str:
    """The lines of ``text`` that are not inside of a long string, ``depth`` levels deeper."""
    lines, quoted = [], False
    for line in text.split("\n"):
        lines.append(line if quoted or not line else "    " * depth + line)
        quoted ^= line.count('"""') % 2 == 1
    return "\n".join(lines)


class Maker:
    """Makes one program from a seed."""

    def __init__(self, seed: int, kinds: tuple[Kind, ...]) -> None:
        self.rng = random.Random(seed)
        self.kinds = kinds
        self.number = 0
        self.used: list[Kind] = []

    def n(self) -> int:
        self.number += 1
        return self.number

    def fill(self, text: str, variable: str) -> str:
        return text.replace("{v}", variable).replace("{n}", str(self.n()))

    def pick(self) -> Kind:
        kind = self.rng.choice(self.kinds)
        self.used.append(kind)
        return kind

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # pieces

    def use(self, kind: Kind, variable: str) -> str:
        text = self.fill(self.rng.choice(kind.uses), variable)
        if self.chance(0.2):
            text = f"# a comment on {variable}\n" + text
        shape = self.rng.random()
        if shape < 0.1:
            return f'if note("yes"):\n{indented(text)}\nelse:\n    found.append("no")'
        if shape < 0.18:
            return f"for turn{self.n()} in range(2):\n{indented(text)}"
        if shape < 0.26:
            return f'try:\n{indented(text)}\nexcept ValueError as problem:\n    found.append("caught")'
        if shape < 0.3:
            return f'try:\n{indented(text)}\nfinally:\n    note("finally")'
        return text

    def between(self) -> str:
        n = self.n()
        return self.rng.choice((
            f'note("n{n}")', f"value{n} = parse(\"{n}\")", f"found.append({n})", f"# only a comment {n}", "",
            'if len(found) > 9:\n    return "early"', f'text{n} = """a\n  b\n"""\nfound.append(text{n})',
            f'if parse("{n}") == {n}:\n    found.append("same")',
        ))  # fmt: skip

    def body(self, kind: Kind, variable: str) -> list[str]:
        parts: list[str] = []
        for _ in range(self.rng.randint(1, 3)):
            parts.append(self.use(kind, variable))
            if self.chance(0.5):
                parts.append(self.between())
        return [part for part in parts if part]

    # shapes of a region: each yields statements of the function's body

    def plain(self) -> str:
        kind, v = self.pick(), self.rng.choice(("f", "handle", "conn"))
        parts = [self.acquisition(kind, v), *self.body(kind, v)]
        if self.chance(0.6):
            parts.append(self.fill(kind.release, v) + self.rng.choice(("", "  # done", "")))
            parts += [p for p in [self.between()] if p]
            return "\n".join([*parts, "return found"])
        return "\n".join([*parts, f"return found, {self.fill(self.rng.choice(kind.last), v)}"])

    def acquisition(self, kind: Kind, variable: str) -> str:
        call = self.fill(self.rng.choice(kind.acquire), variable)
        return f"{variable} = {call}" + self.rng.choice(("", "", "  # opened"))

    @staticmethod
    def again(acquisition: str) -> str:
        """An acquisition that may come before an earlier one is released: no lock is held, and nothing truncated."""
        return acquisition.replace('data.db")', 'data.db", isolation_level=None)').replace('"w")', '"a")')

    def guarded(self) -> str:
        """The acquisition stands in a try of its own."""
        kind, v = self.pick(), "f"
        text = f"try:\n{indented(self.acquisition(kind, v))}\nexcept OSError:\n    return 'absent'"
        rest = [text, *self.body(kind, v)]
        if self.chance(0.5):
            rest.append(self.fill(kind.release, v))
        return "\n".join([*rest, "return found"])

    def inside_try(self) -> str:
        """All stands in a try with a handler that goes on."""
        kind, v = self.pick(), "f"
        inside = [self.acquisition(kind, v), *self.body(kind, v)]
        if self.chance(0.6):
            inside.append(self.fill(kind.release, v))
        handler = self.rng.choice(("ValueError", "Exception", "(OSError, ValueError)"))
        text = f"try:\n{indented(chr(10).join(inside))}\nexcept {handler} as problem:"
        text += "\n    found.append(type(problem).__name__)"
        if self.chance(0.3):
            text += '\nelse:\n    found.append("else")'
        return text + "\nreturn found"

    def tried(self) -> str:
        """The use stands in a try whose handler, else or finally does something else."""
        kind, v = self.pick(), "f"
        inside = "\n".join(self.body(kind, v))
        close = self.fill(kind.release, v)
        tail = self.rng.choice((
            "except ValueError:\n    found.append('value')", 'finally:\n    note("left")',
            f"except ValueError:\n    {close}\n    return 'bad'", "except Exception:\n    raise",
            "except KeyError:\n    pass\nelse:\n    found.append('else')",
        ))  # fmt: skip
        after = self.rng.choice((close, close, "pass"))
        return f"{self.acquisition(kind, v)}\ntry:\n{indented(inside)}\n{tail}\n{after}\nreturn found"

    def in_loop(self) -> str:
        kind, v = self.pick(), "f"
        start = self.again(self.acquisition(kind, v)).replace('"/new', 'f"/new{turn}_')
        inside = [start, *self.body(kind, v)]
        jump = self.rng.choice(("", "if len(found) > 2:\n    continue", "if len(found) > 1:\n    break"))
        if jump:
            inside.append(jump)
        if self.chance(0.6):
            inside.append(self.fill(kind.release, v))
        text = f"for turn in range(2):\n{indented(chr(10).join(inside))}"
        if self.chance(0.25):
            text += "\nelse:\n    found.append('all')"
        return text + "\nreturn found"

    def in_branch(self) -> str:
        kind, v = self.pick(), "f"
        inside = [self.acquisition(kind, v), *self.body(kind, v)]
        if self.chance(0.5):
            inside.append(self.fill(kind.release, v))
        text = f'if note("branch"):\n{indented(chr(10).join(inside))}\nelse:\n    found.append("other")'
        return text + "\nreturn found"

    def early(self) -> str:
        kind, v = self.pick(), "f"
        first, second = self.body(kind, v), self.body(kind, v)
        close = self.fill(kind.release, v)
        leave = self.rng.choice((
            'if len(found) > 0:\n    return "early"', f'if len(found) > 1:\n    {close}\n    return "early"',
            'if len(found) > 0:\n    raise KeyError("early")', 'assert len(found) < 9, "many"',
        ))  # fmt: skip
        parts = [self.acquisition(kind, v), *first, leave, *second, self.fill(kind.release, v), "return found"]
        return "\n".join(parts)

    def two(self) -> str:
        """Two resources whose lives nest, cross, or follow each other."""
        one, other = self.pick(), self.pick()
        acquire = [self.acquisition(one, "a"), self.acquisition(other, "b")]
        uses = [*self.body(one, "a"), *self.body(other, "b")]
        closes = [self.fill(one.release, "a"), self.fill(other.release, "b")]
        self.rng.shuffle(closes)
        keep = closes[: self.rng.randint(0, 2)]
        if self.chance(0.3):
            first, second = self.body(one, "a"), self.body(other, "b")
            parts = [acquire[0], *first, *keep[:1], acquire[1], *second, *keep[1:]]
            if keep[:1] == [self.fill(other.release, "b")]:
                parts = [*acquire, *uses, *keep]
        else:
            parts = [*acquire, *uses, *keep]
        return "\n".join([*parts, "return found"])

    def rebound(self) -> str:
        kind, v = self.pick(), "f"
        first, second = self.again(self.acquisition(kind, v)), self.again(self.acquisition(kind, v))
        parts = [first, *self.body(kind, v), second, *self.body(kind, v)]
        if self.chance(0.5):
            parts.append(self.fill(kind.release, v))
        return "\n".join([*parts, "return found"])

    def inline(self) -> str:
        self.used.append(FILES)
        expression = self.rng.choice(FILES.inline)
        form = self.rng.choice((
            "data = {e}\nfound.append(data)", "return {e}", "found.append({e})", "if {e}:\n    found.append(1)",
            'data = note("first"), {e}\nfound.append(data)', "for item in {e}:\n    found.append(item)",
            'data = {e} if note("") else "none"\nfound.append(data)', "value, found = {e}, [1]\nfound.append(value)",
            "found += [{e} for _ in range(2)]", "print({e})", "assert {e}", 'found.append(f"{{e}!r}")',
            "def inner():\n    return {e}\nfound.append(inner())",
        ))  # fmt: skip
        if 'f"' in form and '"' in expression:
            form = "found.append({e})"
        return form.replace("{e}", expression) + "\nreturn found"

    def discarded(self) -> str:
        self.used.append(WRITER)
        return self.rng.choice((
            'open(tmp + "/a.txt", "w")', 'f = open(tmp + "/a.txt", "w")', 'open(tmp + "/marker", "a").flush',
            'open(tmp + "/out.txt", "w").write("x")', 'f = open(tmp + "/none")\nfound.append("never")',
        )) + "\nreturn found"  # fmt: skip

    def escaping(self) -> str:
        """The handle, or what reads from it, outlives its last mention."""
        self.used.append(FILES)
        return 'f = open(tmp + "/a.txt")\n' + self.rng.choice((
            "return [line for line in (part.strip() for part in f)]", "lines = map(str.strip, f)\nfound.extend(lines)",
            "read = f.readline\nfound.append(read())\nfound.append(read())",
            "def rest():\n    return f.read()\nfound.append(f.readline())\nfound.append(rest())",
            "box = [f]\nfound.append(box[0].read())", "box = {}\nbox['f'] = f\nfound.append(box['f'].readline())",
            "pair = (f, 1)\nfound.append(pair[0].read())", "g = f\nfound.append(g.read())",
            "rows = enumerate(f)\nfor row in rows:\n    found.append(row)",
            "first, *rest = f\nfound.append(first)\nfound.append(rest)",
            "found.append(next(f))\nit = iter(f)\nfound.append(next(it))",
            "get = lambda: f.read()\nfound.append(get())", "found.append((lambda s: s.read())(f))",
            "import itertools\nhead = itertools.islice(f, 2)\nfound.append(list(head))",
            "import functools\nget = functools.partial(f.read, 2)\nfound.append(get())\nfound.append(get())",
            "def lines():\n    yield from f\nmade = lines()\nfound.append(next(made))\nfound.append(list(made))",
            "keep = found.append\nkeep(f)\nreturn [found[0].read()]", "buffer = f.buffer\nfound.append(buffer.read())",
            "setattr(note, 'f', f)\nfound.append(note.f.read())", "found = [f]\nreturn [each.read() for each in found]",
            "for each in [f]:\n    found.append(each.readline())\nfound.append(each.read())",
            "with f as g:\n    found.append(g.read())", "return (yield_ := f.read())",
        )) + "\nreturn found"  # fmt: skip


SHAPES: dict[Callable[[Maker], str], int] = {
    Maker.plain: 5, Maker.guarded: 2, Maker.inside_try: 3, Maker.tried: 3, Maker.in_loop: 3, Maker.in_branch: 2,
    Maker.early: 3, Maker.two: 4, Maker.rebound: 1, Maker.inline: 3, Maker.discarded: 1, Maker.escaping: 3,
}  # fmt: skip
SERVED_SHAPES: dict[Callable[[Maker], str], int] = {
    shape: weight
    for shape, weight in SHAPES.items()
    if shape not in (Maker.inline, Maker.discarded, Maker.escaping, Maker.in_loop)
}


@dataclass(frozen=True, slots=True)
class Program:
    """A generated module and the servers that it talks to."""

    name: str
    source: bytes
    needs: tuple[str, ...]


def programs(count: int, kinds: tuple[Kind, ...], shapes: dict[Callable[[Maker], str], int]) -> Iterator[Program]:
    """The first ``count`` programs that are made of these kinds and shapes."""
    for seed in range(count):
        maker = Maker(seed, kinds)
        shape = maker.rng.choices(list(shapes), list(shapes.values()))[0]
        body = shape(maker)
        imports = sorted({line for kind in maker.used for line in kind.imports.split("\n")})
        head = "\n".join([f'"""Program {seed}: {shape.__name__}."""', *imports])
        text = head + PRELUDE + "def target(tmp):\n    found = []\n" + indented(body)
        text += dedent("""


            def run(tmp):
                return target(tmp)
            """)
        needs = tuple(sorted({kind.needs for kind in maker.used if kind.needs}))
        yield Program(f"{kinds[0].name}_{seed}", text.encode(), needs)
