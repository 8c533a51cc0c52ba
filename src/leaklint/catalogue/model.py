"""What leaklint knows of the world: plain data, loaded from the TOML files beside this module.

A *resource* is what an acquisition yields and a release gives back; a *function* is a callable whose effect on a
resource is known; a *value* is a type that is no resource itself, but has methods that acquire one.
The TOML tables ``[[resource]]``, ``[[function]]`` and ``[[value]]`` have the fields of these classes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

KINDS = frozenset(
    {
        "archive", "archive-member", "aws-client", "cache", "checkout", "client", "compressed", "connection",
        "cursor", "data-file", "dbm", "descriptor", "executor", "file", "ftp", "ipc", "iterator", "ldap",
        "logging-handler", "loop", "mail", "mmap", "pool", "process", "queue", "registration", "response", "selector",
        "server", "session", "socket", "ssh", "stream", "temp-path", "temporary", "thread",
    }
)  # fmt: skip
"""What a resource can be, in one word: the values of ``Resource.kind``."""


class Tier(Enum):
    """What reclaims a dropped resource (design: severity).

    G0 nothing; G1 only the cyclic collector; G2 an async client, whose finaliser cannot await; G3 reference counting,
    at once.
    """

    G0 = "G0"
    G1 = "G1"
    G2 = "G2"
    G3 = "G3"


class Exit(Enum):
    """What leaving a ``with`` block over the resource does."""

    RELEASES = "releases"
    VARIES = "varies"  # of a type known by a convention alone: releases where the library has it, which not all have
    TRANSACTION = "transaction"  # ends the transaction, the resource stays open
    RESTORES = "restores"  # puts back the state found at __enter__: stays open when it was open
    TERMINATES = "terminates"  # kills workers, loses queued work; counts as released
    NOTHING = "nothing"  # __exit__ exists and releases nothing
    UNSUPPORTED = "unsupported"  # no context manager, or one that raises

    @property
    def releases(self) -> bool:
        """Whether the resource is released when the block is left."""
        return self in (Exit.RELEASES, Exit.VARIES, Exit.TERMINATES)


class Advice(Enum):
    """Whether the resource is fit to be kept at module level for warm invocations."""

    KEEP = "keep"  # its makers and AWS advise it; it heals itself
    MITIGATE = "mitigate"  # only with a measured mitigation
    NEVER = "never"  # sessions with heartbeats, checked-out connections, transactions, per-invocation things


class Effect(Enum):
    """What a known callable does with the resource that it is given (or with the program)."""

    CLOSER = "closer"  # returns a context manager that releases its argument: contextlib.closing
    STACK = "stack"  # constructs an exit stack: contextlib.ExitStack
    STACK_ENTER = "stack-enter"  # method of a stack: enters the argument, returns what entering binds
    STACK_CALLBACK = "stack-callback"  # method of a stack: calls the argument on exit
    STACK_POP = "stack-pop"  # method of a stack: moves all to a new stack
    FINALIZER = "finalizer"  # registers a release for later: atexit.register, weakref.finalize, addCleanup
    PASSES = "passes"  # returns its first argument, or what awaiting it yields: asyncio.wait_for, typing.cast
    WRAPS = "wraps"  # returns something that holds the argument, and may own it: functools.partial
    DERIVES = "derives"  # returns something that reads its argument lazily: csv.reader, enumerate, map
    BORROWS = "borrows"  # uses the argument and keeps nothing (said where a constructor might be thought to own)
    EXHAUSTS = "exhausts"  # iterates the argument to its end and does not raise by itself: list, sorted
    DRAINS = "drains"  # reads the argument to its end: pandas.read_csv, shutil.copyfileobj
    KEEPS = "keeps"  # takes ownership of the argument: a streaming response
    QUIET = "quiet"  # does not raise in practice: len, print, logging
    SPELLS = "spells"  # does not raise, and returns the argument or a text with it inside: str, os.path.join
    UNIQUE = "unique"  # does not raise, and never returns the same twice: uuid.uuid4, time.time
    PARSER = "parser"  # raises on bad data: json.loads, int
    NEVER_RETURNS = "never-returns"  # raises SystemExit: sys.exit
    ENDS_PROCESS = "ends-process"  # os._exit, os.execv, serve_forever: nothing is left to leak
    MEMORY = "memory"  # constructs an in-memory buffer: io.BytesIO
    HOLDS = "holds"  # constructs a plain object whose attributes hold what is given and release nothing
    SUPPRESSES = "suppresses"  # a context manager that swallows exceptions: contextlib.suppress
    EXPECTS = "expects"  # a context manager in which a call is expected to raise: pytest.raises
    CACHES = "caches"  # a decorator that runs its function once and keeps the result: functools.cache
    PATCHES = "patches"  # a decorator that replaces functions of the program while its function runs: mock.patch
    RESUMES = "resumes"  # a decorator whose generator always runs on after its yield: pytest.fixture
    GIVES_BACK = "gives-back"  # a decorator whose generator is resumed by its caller: contextlib.contextmanager


SILENT_KINDS = frozenset({"aws-client"})
"""kinds of which no rule speaks: AWS clients matter as types, for what their methods acquire"""
HANDLER_KINDS = frozenset({"registration", "thread"})
"""kinds that matter in handler code alone: elsewhere a thread ends by itself, and what is registered is to stay"""


@dataclass(frozen=True, slots=True)
class Condition:
    """A test on the arguments of the acquiring call.

    ``argument`` is a keyword, a position, or ``keyword/position`` for both spellings. ``is_`` says what makes it hold:
    ``true`` | ``false`` (a literal, or unknown: see ``default``), ``present`` | ``absent``, ``made`` (an object that
    this function constructed), ``paired`` (the call has no arguments, its receiver is of unknown type, and the function
    releases that receiver as well), ``pipe`` (mentions a name that ends in PIPE), ``memory`` | ``not-memory`` (an
    in-memory buffer, or an open file object), ``string``, ``contains:TEXT`` (a string literal that contains TEXT),
    ``equals:TEXT`` (a string literal, or a name that ends in TEXT). ``default`` is the verdict when the argument is
    absent or its value is not known.
    """

    argument: str
    is_: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a release.

    ``call`` is a method (``close``), an attribute path to one (``connection_pool.disconnect``), a dotted function
    (``os.close``) that gets the resource as an argument, or a method of the resource's owner (``putconn`` of a pool).
    """

    call: str
    form: str  # "method" | "function" | "owner"
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Cache:
    """Advice for keeping the resource at module level; ``heals`` are mitigations measured to heal a closed socket,
    ``bounds`` the arguments that bound a read from a silent peer."""

    advice: Advice
    why: str = ""
    heals: tuple[str, ...] = ()
    bounds: tuple[str, ...] = ()
    loop: bool = False
    """works only in the event loop in which it was opened, or first used"""
    reopens: bool = False
    """works again after its release: it opens anew what it needs"""


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of resource and everything that leaklint knows about it."""

    id: str
    kind: str
    noun: str
    """how messages call it: ``psycopg2 connection``"""
    package: str
    """import root whose presence the gate looks for; ``stdlib`` modules name their module"""
    type: str
    """canonical dotted name of the run-time type: methods on a value of this type are ``<type>.<method>``; empty when
    it is a plain ``int`` or ``str`` (raw descriptors)"""
    acquire: tuple[str, ...]
    """dotted callables, ``<type>.<method>`` for methods on a value of a known type, ``*.<method>`` for a method that
    means the same on any receiver"""
    release: tuple[tuple[Step, ...], ...]
    """alternatives; of each, all steps are owed"""
    also: tuple[str, ...] = ()
    """other spellings of ``type``, for annotations and re-exports"""
    awaited: bool = False
    """the acquisition happens when the call is awaited or entered by ``async with``"""
    when: tuple[Condition, ...] = ()
    """all must hold for the call to acquire"""
    beside: bool = False
    """acquired beside what else the call acquires: the path of mkstemp, beside its descriptor"""
    argument: str = ""
    """keyword, position or ``keyword/position`` of the argument that is the resource, where the result is none: the
    handler that is added to a logger; ``receiver`` when it is what the method is called on"""
    runs: bool = False
    """work that goes on while nobody waits for it: a thread, an executor, a child process"""
    asked_by: tuple[str, ...] = ()
    """attributes and methods of the receiver that tell what is registered already: ``handlers``"""
    parts: tuple[str, ...] = ("",)
    """which elements of the result are resources: ``("[0]",)`` for mkstemp, ``("[0]", "[1]")`` for os.pipe,
    ``(".name",)`` for the path of a temporary file"""
    starts: tuple[str, ...] = ()
    """methods that turn a dormant object into a resource: ``connect`` of paramiko.SSHClient; empty: open at once"""
    owns: tuple[str, ...] = ()
    """arguments (positions or keywords) whose ownership the acquisition takes: ``("0",)`` for io.TextIOWrapper"""
    owner: str = ""
    """type of the owner (cursor: its connection): releasing the owner releases this one too, if ``owner_releases``"""
    owner_releases: bool = True
    with_: Exit = Exit.UNSUPPORTED
    async_with: Exit = Exit.UNSUPPORTED
    with_also: str = ""
    """what leaving the ``with`` does besides: ``commits``"""
    enter: str = "self"
    """what ``as`` binds: ``self`` or the dotted type of something else (``str`` for TemporaryDirectory)"""
    again: str = "ok"
    """``ok`` or ``raises``: a second release"""
    looks_like: tuple[str, ...] = ()
    """methods that look like a release and are none: ``shutdown`` of a socket, ``close`` of imaplib"""
    alive: tuple[str, ...] = ()
    """attributes and methods that are true while it is open, and dotted functions that are true of it:
    ``is_connected``, ``os.path.exists``; ``closed`` is known of all"""
    finishes: tuple[str, ...] = ()
    """methods after which it releases itself when they return: a ``read`` to the end, ``__iter__`` for a loop that runs
    to its end; a weaker release that no fix adds"""
    finishes_read: tuple[str, ...] = ()
    """attributes whose value takes reading the resource to its end: ``text`` of a streamed response"""
    finishes_raising: bool = False
    """it also releases itself when such a method raises"""
    tier: Tier = Tier.G3
    server: bool = False
    """holds a session of a server (database, broker, directory)"""
    lazy: bool = False
    """opens no connection before it is used"""
    threads: bool = False
    """a client with threads of its own"""
    descriptors: int = 1
    """descriptors held by one, when known; 0 when none"""
    data_loss: bool = False
    """writes are lost, or the file is unreadable, when it is not released"""
    write_when: tuple[Condition, ...] = ()
    """any one that holds says that the resource is written to"""
    cache: Cache = field(default_factory=lambda: Cache(Advice.NEVER))
    hint: tuple[str, ...] = ()
    """last names of receivers by which a method acquisition is believed though the receiver's type is unknown: ``conn``
    stands for ``self.conn`` as well"""
    tiers: Mapping[str, str] = field(default_factory=dict, hash=False)
    """tier by version range of Python where it differs from ``tier``: ``{"<3.11" = "G3"}``"""
    evidence: str = "docs"
    """``measured`` | ``measured-stub`` | ``source-read`` | ``docs``"""
    version: str = ""
    """version of the package that was measured or read"""
    note: str = ""

    def on(self, pythons: Collection[tuple[int, int]]) -> Resource:
        """The same with the tier that it has on these versions of Python; of several the worst, without any as it is.

        `tiers` are measured at the border that they name, and hold from there on.
        """
        found = [tier for python in pythons for tier in [self._tier(python)]]
        worst = min(found, key=lambda tier: tier.value, default=self.tier)
        return self if worst is self.tier else replace(self, tier=worst)

    def _tier(self, python: tuple[int, int]) -> Tier:
        for bounds, tier in self.tiers.items():
            if all(_meets(python, bound.strip()) for bound in bounds.split(",")):
                return Tier(tier)
        return self.tier

    @property
    def is_path(self) -> bool:
        """Whether it is a path: a text that goes on in other texts."""
        return self.kind == "temp-path"


_COMPARISONS: Mapping[str, Callable[[tuple[int, int], tuple[int, int]], bool]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt,
}  # fmt: skip


def _meets(python: tuple[int, int], bound: str) -> bool:
    comparison = next(sign for sign in _COMPARISONS if bound.startswith(sign))
    major, minor = bound.removeprefix(comparison).split(".")[:2]
    return _COMPARISONS[comparison](python, (int(major), int(minor)))


@dataclass(frozen=True, slots=True)
class Function:
    """Callables of one effect.

    Names are dotted; ``Type.method`` for methods; ``*.method`` for a method of any receiver, looked up last. A name
    that acquires as well is meant here when the conditions of the acquisition do not hold: ``ZipFile`` over an open
    file.
    """

    names: tuple[str, ...]
    effect: Effect
    argument: str = "0"
    """keyword, position or ``keyword/position`` of the resource; ``*`` any argument"""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A type that is no resource: what makes a value of it (callables, ``Type.method``, ``Type.attribute``; ``Type.*``
    for every method and attribute that nothing else is known about)."""

    type: str
    made_by: tuple[str, ...]
    operators: bool = False
    """whether ``value / x`` and ``value + x`` have the same type (pathlib)"""
    also: tuple[str, ...] = ()
    """other spellings of ``type``"""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All entries, indexed. Built by ``leaklint.catalogue.load``."""

    resources: Mapping[str, Resource]
    """by id"""
    acquirers: Mapping[str, tuple[Resource, ...]]
    """by acquiring name; the first whose conditions hold is meant (entries with conditions come first)"""
    functions: Mapping[str, Function]
    """by name"""
    types: Mapping[str, str]
    """canonical type by any spelling of it"""
    by_type: Mapping[str, Resource]
    """the entry that describes a value of this canonical type"""
    makers: Mapping[str, str]
    """canonical type of the value that a callable, method or attribute yields, where it is no resource"""
    operators: frozenset[str]
    """types that keep their type under ``/`` and ``+``"""
    hints: Mapping[str, tuple[Resource, ...]]
    """method name -> entries that may be believed by the receiver's name"""
    release_methods: frozenset[str]
    """every method name that releases something"""
    release_functions: frozenset[str]
    """every dotted function that releases something"""
    removals: frozenset[str] = frozenset()
    """those that remove a file or folder: unlike a close, they often fail"""
    asking: frozenset[str] = frozenset()
    """attributes and methods that tell what is registered already"""
    roots: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """by canonical type, the top-level packages through which a program can come by a value of it"""
    prefixes: frozenset[str] = frozenset()
    """every dotted name that is known, and every beginning of one"""

    def made(self, name: str) -> str:
        """The canonical type of what a callable, method or attribute of this name yields; empty where none is known."""
        return self.makers.get(name) or self.makers.get(f"{name.rpartition('.')[0]}.*", "")
