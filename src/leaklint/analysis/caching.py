"""What a module keeps for the next invocations, and what becomes of it there: told from the ast.

`leaklint.analysis.survey` says by which store a resource outlives the call that opened it. This analysis asks what the
rest of the module does with the slot: whether the store waits for the slot to be empty, whether code closes what is in
it, and whether the next call then finds that out. Example::

    def get():
        global conn
        if conn is None:            the store is guarded by the slot's being empty
            conn = connect()
        return conn

    def handler(event, context):
        db = get()
        try:
            return query(db)
        finally:
            db.close()              closes what is kept: the next call finds it in the slot, closed
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from leaklint.analysis.facts import Cached, Closing, Site
from leaklint.analysis.keepers import keeper
from leaklint.analysis.lasting import Lasting, lasting, nodes_of
from leaklint.analysis.slots import Holders, Module, parsed
from leaklint.analysis.uses import Close, Guard, Uses
from leaklint.catalogue.model import Advice, Resource
from leaklint.edit import Span
from leaklint.flow.ops import How

_NEW_LOOPS = frozenset(
    {"asyncio.run", "asyncio.runners.run", "asyncio.new_event_loop", "asyncio.events.new_event_loop", "asyncio.Runner"}
    | {"anyio.run", "asgiref.sync.async_to_sync", "uvloop.run", "uvloop.new_event_loop"}
)
"""what makes an event loop of its own"""


@dataclass(eq=False)
class Caching:
    """The questions about one module. `closes_argument` knows callables that make a closer of their argument; a script
    without handlers does not run again (`runs_again`) with what it has closed."""

    module: Module
    closes_argument: Callable[[str], bool]
    span: Callable[[ast.AST], Span]
    runs_again: bool = True
    _uses: dict[tuple[str, str], Uses] = field(default_factory=dict)

    @cached_property
    def once(self) -> Lasting:
        """The code that runs once in a sandbox."""
        return lasting(self.module.code)

    # what keeps a site

    def cached(self, site: Site) -> Cached | None:
        """What keeps a site's resource for the next invocations, None where nothing does."""
        if site.module_level:
            return self._at_import(site)
        for stored in site.stored:
            slot, where, sure = keeper(self.module, stored, site.function)
            if where:
                node = self._call(site)
                return self._judged(site, slot, where, node, sure)
        return None

    def _at_import(self, site: Site) -> Cached | None:
        if site.kept_as:
            node = parsed(site.kept_as)
            slot = self.module.place(node, "") if node is not None else ""
            return self._judged(site, slot, f"`{site.kept_as}`", None, True)
        found = self._defaults.get(site.span)
        if found is None:
            return None
        name, argument = found
        return self._judged(site, f"{name}#{argument}", f"the default of `{argument}` in `{name}()`", None, True)

    @cached_property
    def _defaults(self) -> dict[Span, tuple[str, str]]:
        """The calls that are defaults, with the function and its parameter."""
        found: dict[Span, tuple[str, str]] = {}
        for name, function in self.module.code.functions.items():
            arguments = function.args
            positional = [*arguments.posonlyargs, *arguments.args]
            pairs = [
                *zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True),
                *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
            ]
            for argument, default in pairs:
                if isinstance(default, ast.Call):
                    found[self.span(default)] = name, argument.arg
        return found

    def _call(self, site: Site) -> ast.Call | None:
        node = self.module.code.functions.get(site.function)
        for inner in ast.walk(node) if node is not None else ():
            if isinstance(inner, ast.Call) and self.span(inner) == site.span:
                return inner
        return None

    # what becomes of it

    def _judged(self, site: Site, slot: str, where: str, node: ast.Call | None, sure: bool) -> Cached:
        getter = site.function if any(s.how is How.DECORATOR for s in site.stored) else ""
        uses = self._uses_of(slot, getter)
        closes = list(uses.closes(site.resource))
        lazily = not site.module_level
        guard = Guard.ABSENT if getter or not lazily else Guard.NONE
        if guard is Guard.NONE and node is not None:
            guard = uses.guard(node, site.function)
        reopens = guard is not Guard.ABSENT or any(s.empties or s.guard is not Guard.ABSENT for s in uses.stores)
        regular = [close for close in closes if not close.on_error]
        used = [close for close in regular if self._is_used(close, uses)]
        given_up = lazily and reopens and bool(used)
        replaces = ""
        if lazily and node is not None and not given_up and not self._closed_before(node, site.function, closes):
            if guard is Guard.FAILED:
                replaces = "when the one before it has failed"
            elif guard is Guard.NONE and site.function in self.module.code.reached:
                replaces = "each time"
        mitigations = tuple(dict.fromkeys(uses.mitigations(site.resource)))
        stays = self.runs_again and not (reopens or mitigations or _survives(site.resource))
        loop = self._loop if site.resource.cache.loop and not given_up and "[]" not in slot else None
        return Cached(
            where,
            lazily,
            closed_each_time=given_up,
            maybe_closed=lazily and reopens and bool(regular) and not used,
            replaces=replaces,
            closings=tuple(self._closings(closes, uses)) if stays else (),
            loop=loop,
            sure=sure,
            mitigations=mitigations,
        )

    def _uses_of(self, slot: str, getter: str) -> Uses:
        key = slot, getter
        if key not in self._uses:
            holders = Holders(self.module, slot, getters={getter} if getter else set())
            self._uses[key] = Uses(holders, self.closes_argument)
        return self._uses[key]

    def _is_used(self, close: Close, uses: Uses) -> bool:
        """Whether code that works with what is kept closes it: handler code, or a function that does both."""
        if self.module.code.entries:
            return close.function in self.module.code.reached
        called = (
            node.func.value
            for node in nodes_of(self.module.code.functions[close.function])
            if isinstance(node, ast.Call) and node is not close.node and isinstance(node.func, ast.Attribute)
        )
        return isinstance(close.node, ast.Name) or any(uses.holders.holds(value, close.function) for value in called)

    def _closings(self, closes: list[Close], uses: Uses) -> Iterator[Closing]:
        for close in closes:
            if self._is_used(close, uses):
                yield Closing(self.span(close.node), close.function, bool(self.module.code.entries))

    def _closed_before(self, node: ast.Call, function: str, closes: list[Close]) -> bool:
        closing = {close.function for close in closes if close.function != function}
        if any(close.function == function and close.node.lineno < node.lineno for close in closes):
            return True
        return any(t in closing and call.lineno < node.lineno for call, t in self.module.calls(function))

    @cached_property
    def _loop(self) -> Span | None:
        """The first call in handler code that makes an event loop."""
        found = [
            node
            for name in self.module.code.reached & self.module.code.functions.keys()
            for node in nodes_of(self.module.code.functions[name])
            if isinstance(node, ast.Call) and self.module.dotted(node.func) in _NEW_LOOPS
            if not self.once.covers(name, node.lineno)
        ]
        return self.span(min(found, key=lambda node: node.lineno)) if found else None


def _survives(resource: Resource) -> bool:
    """Whether the resource works again after its release, or is of those that mend themselves, where nobody knows."""
    return resource.cache.reopens or resource.cache.advice is Advice.KEEP


__all__ = ["Caching"]
