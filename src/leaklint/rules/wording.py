"""How findings speak: the resource, what was left undone, the steps of the path, and how to mend it.

Every sentence is made of facts: the noun, the release and the ``with`` behaviour of the catalogue, the names
and lines of the code. Messages name what is wrong; ``advice`` says what to do.
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import Event, Leak, ModuleFacts, Site
from leaklint.catalogue.model import Exit, Resource, Step
from leaklint.edit import Span
from leaklint.severity import is_explicit, reclaim

DESCRIPTORS = 1_000
"""descriptors that an invocation may still open: of 1,024 the runtime takes some 20"""

Steps = tuple[tuple[Span, str], ...]

_PARTICIPLES = {"give back": "given back", "close": "closed", "release": "released"}


def subject(site: Site) -> str:
    """The resource as a message calls it: "psycopg2 connection `conn`"."""
    name, element, _ = (site.place or site.kept_as).partition("[")
    text = site.resource.noun
    if name:
        text += f" in `{name}`" if element else f" `{name}`"
    # The catalogue names what acquires its resources; an object of the project's own class says it in its noun.
    return f"{text} from `{site.helper[0]}()`" if site.helper is not None and site.resource.acquire else text


def undone(site: Site) -> str:
    """The participle of its release: "closed", "given back" or "released"."""
    return _PARTICIPLES[_verb(site.resource)]


def present(site: Site) -> str:
    """The third person of its release: "closes", "gives back" or "releases"."""
    verb, _, rest = _verb(site.resource).partition(" ")
    return f"{verb}s {rest}".rstrip()


def infinitive(site: Site) -> str:
    """The verb of its release: "close", "give back" or "release"."""
    return _verb(site.resource)


def is_awaited(site: Site) -> bool:
    """Whether its release is a coroutine."""
    return any(step.awaited for step in _release(site.resource))


def with_reason(text: str, site: Site, leak: Leak | None) -> str:
    """``text`` and what becomes of the resource: the reclaim tier in words, and what makes it worse."""
    return f"{text} ({'; '.join((reclaim(site, leak), *aggravations(site)))})"


def aggravations(site: Site) -> Iterator[str]:
    """What the count of invocations and the life of a sandbox make of it, as clauses."""
    if site.budget is not None:
        amount = site.budget.descriptors
        plural = "s" if amount > 1 else ""
        yield f"{amount} descriptor{plural} {site.budget.per}: EMFILE after about {_rounded(DESCRIPTORS // amount):,}"
    if site.provisioned:
        yield "provisioned concurrency keeps the sandbox alive longer"


def _rounded(number: int) -> int:
    """With two leading digits: what is used at the start differs from runtime to runtime."""
    unit = int("1".ljust(len(str(number)) - 1, "0"))
    return number // unit * unit


def on_line(facts: ModuleFacts, span: Span) -> str:
    """ "on line 12"."""
    return f"on line {facts.line(span)}"


def event(facts: ModuleFacts, leak: Leak) -> str:
    """The implicit exception by which a path leaves, as a clause: "`work(f)` on line 3 raises"."""
    if leak.trigger is None:
        return f"an exception leaves the function {on_line(facts, leak.end)}"
    where = f"`{leak.trigger.text}` {on_line(facts, leak.trigger.span)}"
    if leak.trigger.iterated and leak.trigger.event is not Event.T3:
        return f"iterating over {where} raises"
    if leak.trigger.event is not Event.T3:
        return f"{where} raises"
    return f"the caller abandons the generator at {where}" if _yields(leak) else f"the task is cancelled at {where}"


def departure(leak: Leak) -> str:
    """What may happen at the trigger of an implicit exception."""
    if leak.trigger is not None and leak.trigger.event is Event.T3:
        return "may be abandoned here" if _yields(leak) else "may be cancelled here"
    return "may raise here"


def _yields(leak: Leak) -> bool:
    return leak.trigger is not None and leak.trigger.text.lstrip("(").startswith("yield")


def way(facts: ModuleFacts, leak: Leak, state: str = "still open") -> str:
    """The way that the code itself takes, as a clause: "when `return` on line 3 leaves the function"."""
    if leak.trigger is not None and is_explicit(leak):
        return f"when `{leak.trigger.text}` {on_line(facts, leak.trigger.span)} leaves the function"
    if leak.turn is not None:
        span, branch = leak.turn
        return f"if {branch} {on_line(facts, span)}"
    return f"on every path: it is {state} at the end {on_line(facts, leak.end)}"


def path_steps(
    site: Site, leak: Leak, departure: str = "leaves here", *, opened: str = "opened here", state: str = "still open"
) -> Steps:
    """The witness path: where it was opened, what happened between, where it leaves while still open."""
    steps = [(site.span, opened)]
    if site.helper is not None and site.helper[1] is not None:
        steps.append((site.helper[1], f"by this call in `{site.helper[0]}`"))
    if site.with_exit is not None:
        steps.append((site.with_exit, f"leaving this `with` does not {_verb(site.resource)} it"))
    if site.uncalled is not None:
        steps.append((site.uncalled, "this releases nothing"))
    if site.looks_released is not None and not site.released:
        steps.append((site.looks_released[0], f"`{site.looks_released[1]}` does not {_verb(site.resource)} it"))
    steps.extend(leak.path)
    if leak.trigger is not None and leak.trigger.span != leak.end:
        steps.append((leak.trigger.span, departure))
        steps.append((leak.end, f"leaves here, {state}"))
    else:
        steps.append((leak.end, f"{departure}, {state}"))
    return tuple(steps)


def release_call(site: Site) -> str:
    """The code that releases it: "conn.close()", "os.close(fd)", "await client.aclose()"."""
    name = _variable(site) or "handle"
    owner = "pool" if site.resource.kind == "checkout" else "owner"
    return " and ".join(f"`{_code(step, name, owner)}`" for step in _release(site.resource))


def advice(site: Site) -> str:
    """One sentence on how to mend a leak of this resource, by what its ``with`` does."""
    resource = site.resource
    ways = [f"open it in `{_keyword(resource)} ...:`{_remark(resource)}"] if _keyword(resource) else []
    if not ways and _guard(_release(resource)):
        ways.append(f"open it in `{_guard(_release(resource))}`")
    if resource.release and (_variable(site) or not ways):
        naming = "" if _variable(site) else "give it a name and "
        ways.append(f"{naming}call {release_call(site)} in a `finally`")
    return ", or ".join(ways)


def guarded(site: Site) -> str:
    """The guard to put around a resource whose own ``with`` does not release it; empty when there is none."""
    return _guard(_release(site.resource))


def exit_reason(site: Site) -> str:
    """Why leaving the ``with`` leaves the resource open."""
    kind = site.resource.with_ if not site.resource.with_.releases else site.resource.async_with
    if kind is Exit.TRANSACTION:
        return "it only ends the transaction"
    if kind is Exit.RESTORES:
        return "it only restores the state found on entering"
    return "its exit releases nothing"


def _keyword(resource: Resource) -> str:
    if resource.with_.releases and resource.with_ is not Exit.VARIES:
        return "with"
    return "async with" if resource.async_with.releases else ""


def _remark(resource: Resource) -> str:
    """What to know of the ``with`` that releases: what else it does on leaving."""
    if resource.with_also:
        return f" (leaving it also {resource.with_also})"
    return " (leaving it ends what still runs)" if Exit.TERMINATES in (resource.with_, resource.async_with) else ""


def _guard(steps: tuple[Step, ...]) -> str:
    if len(steps) != 1 or steps[0].form != "method":
        return ""
    if steps[0].call == "close" and not steps[0].awaited:
        return "with contextlib.closing(...):"
    if steps[0].call == "aclose" and steps[0].awaited:
        return "async with contextlib.aclosing(...):"
    return ""


def _release(resource: Resource) -> tuple[Step, ...]:
    """The steps of the first alternative; empty when only a ``with`` releases it."""
    return resource.release[0] if resource.release else ()


def _verb(resource: Resource) -> str:
    steps = _release(resource)
    if any(step.form == "owner" for step in steps):
        return "give back"
    return "close" if any("close" in step.call.rpartition(".")[2] for step in steps) else "release"


def _variable(site: Site) -> str:
    """The variable (or attribute) that holds it; empty when it has no name or sits in a container."""
    name = site.place or site.kept_as
    return "" if "[" in name else name


def _code(step: Step, name: str, owner: str) -> str:
    if step.form == "method":
        code = f"{name}.{step.call}()"
    elif step.form == "function":
        code = f"{step.call}({name})"
    else:
        code = f"{owner}.{step.call}({name})"
    return f"await {code}" if step.awaited else code
