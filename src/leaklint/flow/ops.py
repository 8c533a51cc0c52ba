"""The op vocabulary: what a function does, as far as resources can tell.

A *place* names a value: a variable ``f``, a path from one (``self.conn``, ``pair[0]``, ``files[]`` for any element),
a temporary ``%3`` that dies with its statement, or a hidden variable ``#3`` (the iterator of a loop, the manager of a
``with``). ``x = open(p)`` lowers to ``%1 = Call open``, ``x = %1``, ``forget``. The `node` of an op is its syntax node,
opaque here: it is looked up for a span when a finding needs one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

Place = str
Node = object

UNKNOWN = object()
"""the value of an argument that is no literal"""

RESULT: Place = "#result"
"""holds what a ``return`` gives, until the function is really left"""

ADDING = {"append": 0, "appendleft": 0, "add": 0, "insert": 1, "put": 0, "put_nowait": 0, "setdefault": 1}
"""methods of containers that keep an argument, with its position"""


class Test(Enum):
    """What a branch asks of a place."""

    TRUTH = "truth"
    NONE = "is None"
    CLOSED = "closed"
    STANDARD = "is a standard stream"
    NEGATIVE = "is negative"
    SAME = "is"  # the place in `key`
    OPAQUE = "opaque"


class Use(Enum):
    """Events that are no calls and may raise."""

    AWAIT = "await"
    YIELD = "yield"
    ITERATE = "iterate"
    SUBSCRIPT = "subscript"


class How(Enum):
    """How ownership leaves the function."""

    RETURN = "returned"
    YIELD = "yielded"
    GLOBAL = "stored in a global"
    ATTRIBUTE = "stored on an object"
    ELEMENT = "stored in a container"
    NONLOCAL = "stored in an enclosing function"
    DECORATOR = "kept by a decorator of the function"


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument: `key` is the position as digits or the keyword, ``*`` or ``**`` when it is unpacked.

    `value` is the value of a literal (of a dict display the tuple of its string keys), else UNKNOWN; `name` the dotted
    text of a name (``subprocess.PIPE``); `text` what is known of a string: of a literal or of a module's constant all,
    of an f-string what stands between its fields.
    """

    key: str
    place: Place
    value: object = UNKNOWN
    name: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """``dst = callee(args)``. `callee` is the dotted name behind the imports (``psycopg2.connect``), empty if unknown.

    `receiver` and `method` are set for a call on a value; `name` is the path as written (``self.helper``), for project
    functions. `discarded` says that nothing looks at the result.
    """

    dst: Place
    callee: str
    receiver: Place
    method: str
    name: str
    args: tuple[Arg, ...]
    node: Node
    awaited: bool = False
    discarded: bool = False

    def argument(self, spec: str) -> Arg | None:
        """The argument that ``keyword``, ``position`` or ``keyword/position`` names, if the call spells it."""
        wanted = spec.split("/")
        return next((arg for arg in self.args if arg.key in wanted), None)


@dataclass(frozen=True, slots=True)
class Bind:
    """``dst = src``; `src` empty for a value of no interest, whose truth `truth` and None-ness `none` may be known.

    `container` says that the value is a list, dict, set or tuple made here, which nobody else holds yet; a `weak`
    binding adds a possible value and replaces none, as every binding of an element ``x[]`` does.
    """

    dst: Place
    src: Place = ""
    truth: bool | None = None
    none: bool | None = None
    container: bool = False
    weak: bool = False
    node: Node = None


@dataclass(frozen=True, slots=True)
class Derive:
    """`dst` reads from `srcs` later (a generator expression), or `owns` them (a function with a default argument)."""

    dst: Place
    srcs: tuple[Place, ...]
    owns: bool = False


@dataclass(frozen=True, slots=True)
class Combine:
    """``dst = left <operator> ...``: matters for types whose operators keep the type."""

    dst: Place
    left: Place


@dataclass(frozen=True, slots=True)
class Spell:
    """`dst` is a text, or the template of one, in which `srcs` stand: an f-string."""

    dst: Place
    srcs: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Next:
    """``dst`` is the next element of `src`; the loop goes on."""

    dst: Place
    src: Place


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The loop over `src`, whose elements went to `dst`, ends."""

    dst: Place
    src: Place


@dataclass(frozen=True, slots=True)
class Unbind:
    """``del place``."""

    place: Place
    node: Node = None


@dataclass(frozen=True, slots=True)
class Forget:
    """The statement is over: all temporaries die."""

    node: Node = None


@dataclass(frozen=True, slots=True)
class Escape:
    """The value at `place` gets another owner."""

    place: Place
    how: How
    node: Node = None


@dataclass(frozen=True, slots=True)
class Enter:
    """``dst = place.__enter__()``; `dst` empty without ``as``."""

    dst: Place
    place: Place
    asynchronous: bool
    node: Node


@dataclass(frozen=True, slots=True)
class Leave:
    """``place.__exit__()``: one copy per way of leaving the block."""

    place: Place
    asynchronous: bool
    node: Node


@dataclass(frozen=True, slots=True)
class Assume:
    """The branch on which `test` of `place` is `value`; `key` identifies a condition that may be asked again."""

    test: Test
    place: Place
    value: bool
    key: str = ""
    node: Node = None
    holds: bool = True
    """whether the condition as it is written in `node` holds"""


@dataclass(frozen=True, slots=True)
class Raise:
    """An explicit raise of `exception` (a dotted name, empty when unknown); `again` for a bare ``raise``."""

    exception: str
    node: Node
    again: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """Something that may raise and is no call; yielding `place` to a caller that gives it back is one too."""

    use: Use
    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Mention:
    """The statement ``place.attribute``, which does nothing: a release that somebody forgot to call."""

    place: Place
    attribute: str
    node: Node


@dataclass(frozen=True, slots=True)
class Define:
    """A nested function or lambda: `function` is its identity, `captured` the names around it that it reads.

    It reads them when it is called.
    """

    dst: Place
    function: str
    captured: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """Nothing: a node where ways meet. `label` says which; `doubt` lowers the confidence of what passes, in steps."""

    label: str = ""
    node: Node = None
    doubt: int = 0


Op = (
    Call
    | Bind
    | Derive
    | Combine
    | Spell
    | Next
    | Exhausted
    | Unbind
    | Forget
    | Escape
    | Enter
    | Leave
    | Assume
    | Raise
    | Event
    | Mention
    | Define
    | Join
)


def within(place: Place, root: Place) -> bool:
    """Whether `place` is `root` or a path from it."""
    return place.startswith(root) and (len(place) == len(root) or place[len(root)] in ".[")


def root_of(place: Place) -> Place:
    """The variable that a path starts from."""
    for i, char in enumerate(place):
        if char in ".[":
            return place[:i]
    return place
