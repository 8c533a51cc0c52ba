"""What lowering must know of names: which are local, and which dotted name an import gave them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scope:
    """The names of one function (or of a module).

    `locals` are bound here; `outer` names bound in enclosing functions, by name; `module` says that this is the module
    itself. `dotted` resolves a name that no function binds to the dotted name behind it (an import, a builtin), or "".
    """

    name: str
    locals: frozenset[str]
    globals: frozenset[str] = frozenset()
    nonlocals: frozenset[str] = frozenset()
    outer: frozenset[str] = frozenset()
    event: str = ""
    """the handler's event parameter: its subscripts raise on bad input"""
    yields_back: bool = False
    """a generator whose caller gives control back (a context manager, a fixture): yielding is no escape"""
    resumed: bool = False
    """and always does, without an exception"""
    module: bool = False
    imported: Mapping[str, str] = field(default_factory=dict)
    """names that an import statement of this scope binds"""
    texts: Mapping[str, str] = field(default_factory=dict)
    """the module's constants that are strings"""
    resolve: Callable[[str], str] = lambda name: ""
    follow: Callable[[str], str] = lambda name: name
    """resolves a dotted name through the project's re-exports"""
    variable: Callable[[str], str] = lambda name: ""
    """the beginning of a dotted name that is a variable of another module of the project, worth being followed"""

    def dotted(self, name: str) -> str:
        """The dotted name behind `name`, or an empty string when it is a variable."""
        if name in self.imported:
            return self.imported[name]
        if (name in self.locals and not self.module) or name in self.outer or name in self.nonlocals:
            return ""
        return self.resolve(name)

    def text(self, name: str) -> str:
        """The string that the module's constant `name` stands for, or an empty string."""
        hidden = (name in self.locals and not self.module) or name in self.outer or name in self.nonlocals
        return "" if hidden else self.texts.get(name, "")
