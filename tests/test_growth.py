"""What grows over warm invocations: the guards that keep code from running again, the way of the event's data, the byte
test for containers, and what the rules say."""

from __future__ import annotations

import ast
from textwrap import dedent
from typing import Any

import pytest

from leaklint.analysis.facts import Growth, Site
from leaklint.analysis.influence import influenced
from leaklint.analysis.lasting import Code, Lasting, lasting
from leaklint.catalogue.load import load
from leaklint.catalogue.model import Step, Tier
from leaklint.check import check_source
from leaklint.config import Settings
from leaklint.finding import Confidence, Finding, Severity
from leaklint.handlers import conventions
from leaklint.result import Checked
from leaklint.rules import RULES, Draft
from leaklint.severity import severity
from leaklint.syntax.containers import may_grow
from leaklint.syntax.names import bound_names
from leaklint.syntax.outline import outline
from tests.sites import at, facts, leak, lost, may_raise, raised, resource, returned, site

THREAD = resource(kind="thread", noun="thread", runs=True, tier=Tier.G0, release=((Step("join", "method"),),))
PROCESS = resource(kind="process", noun="child process", runs=True, tier=Tier.G0, release=((Step("wait", "method"),),))
POOL = resource(kind="executor", noun="executor", runs=True, release=((Step("shutdown", "method"),),))
PATH = resource(kind="temp-path", noun="temporary file", type="", release=((Step("os.unlink", "function"),),))
ADDED = resource(kind="registration", noun="logging handler", type="", argument="0")


def drafts(*sites: Site, **changes: Any) -> list[tuple[str, Draft]]:
    return [(rule.code, draft) for rule in RULES for draft in rule.check(facts(*sites, **changes))]


def code(found: Site) -> str:
    return ", ".join(code for code, _ in drafts(found))


def only(found: Site) -> Draft:
    [(_, draft)] = drafts(found)
    return draft


def found(source: str) -> list[Finding]:
    settings = Settings(min_confidence=Confidence.LOW)
    outcome = check_source(dedent(source).encode(), "module.py", settings)
    assert isinstance(outcome, Checked), outcome
    return list(outcome.findings)


class TestWhichRule:
    @pytest.mark.parametrize("entry", [THREAD, PROCESS, POOL])
    @pytest.mark.parametrize("way", [returned(), lost()])
    def test_work_that_runs_when_a_handler_returns(self, entry: Any, way: Any) -> None:
        assert code(site(way, resource=entry, handler=True, repeats=True)) == "LL303"
        assert code(site(way, resource=entry, handler=True, repeats=True, released=True)) in ("LL303", "LL104")

    def test_elsewhere_processes_and_executors_are_leaks_and_threads_are_silent(self) -> None:
        assert code(site(returned(), resource=POOL)) == "LL101"
        assert code(site(returned(), resource=PROCESS, handler=True)) == "LL101"
        assert code(site(returned(), resource=THREAD, handler=True)) == ""

    def test_what_only_an_exception_leaves_running_stays_with_the_leaks(self) -> None:
        assert code(site(may_raise(), resource=POOL, handler=True, repeats=True)) == "LL102"
        assert code(site(raised(), resource=POOL, handler=True, repeats=True, released=True)) == "LL103"
        assert code(site(raised(), resource=THREAD, handler=True, repeats=True, released=True)) == ""

    def test_paths_are_no_leaks_of_the_first_family(self) -> None:
        for way in (returned(), lost(), may_raise(), raised()):
            assert code(site(way, resource=PATH)) == "LL301"
        assert code(site(returned(), resource=PATH, module_level=True, kept_as="path")) == ""

    def test_a_path_that_only_an_exception_leaves_matters_in_handlers(self) -> None:
        assert only(site(may_raise(), resource=PATH)).confidence is Confidence.LOW
        assert only(site(may_raise(), resource=PATH, repeats=True)).confidence is Confidence.HIGH

    def test_what_is_added_and_never_taken_off(self) -> None:
        assert code(site(returned(), resource=ADDED, repeats=True)) == "LL302"
        assert code(site(lost(), resource=ADDED, repeats=True)) == "LL302"
        assert code(site(returned(), resource=ADDED, handler=True)) == ""
        assert code(site(returned(), resource=ADDED, repeats=True, released=True)) == ""
        assert code(site(may_raise(), resource=ADDED, repeats=True, released=True)) == ""

    @pytest.mark.parametrize("rule", ["LL301", "LL302", "LL303"])
    def test_growth_is_medium_where_invocations_repeat_it(self, rule: str) -> None:
        way = returned()
        assert severity(site(way, resource=THREAD, repeats=True, in_loop=True), way, rule) is Severity.MEDIUM
        assert severity(site(way, resource=THREAD, handler=True), way, rule) is Severity.LOW
        assert severity(None, None, "LL304") is Severity.MEDIUM


class TestWords:
    def test_paths(self) -> None:
        assert "temporary file `f` is never removed (it takes room" in only(site(returned(), resource=PATH)).message
        assert "never removed: its path is kept nowhere" in only(site(lost(), resource=PATH, place="")).message
        assert "before its path is overwritten on line 12" in only(site(lost("rebound"), resource=PATH)).message
        assert "if `f.read()` on line 9 raises" in only(site(may_raise(), resource=PATH)).message
        given = only(site(raised(), resource=PATH, released=True))
        assert "not removed when `raise ValueError` on line 9 leaves the function" in given.message
        assert given.help == "call `os.unlink(f)` in a `finally`"
        assert only(site(lost(), resource=PATH, place="")).help == "keep its path and remove it in a `finally`"

    def test_work(self) -> None:
        thread = {"resource": THREAD, "repeats": True, "place": "worker"}
        assert only(site(returned(), **thread)).message.startswith("thread `worker` is left running: it is frozen")
        branch = leak(path=((at(7), "`wait` is false"),), turn=(at(7), "`wait` is false"))
        assert "left running if `wait` is false on line 7" in only(site(branch, released=True, **thread)).message
        told = site(returned(), resource=PROCESS, repeats=True, looks_released=(at(8), "kill"))
        assert "is not waited for after `kill` on line 8" in only(told).message

    def test_containers(self) -> None:
        growth = Growth("rows", "list", at(1), (at(5), at(6)), "handler", "", Confidence.HIGH)
        keyed = Growth("cache", "dict", at(1), (at(5),), "handler", "`key`", Confidence.MEDIUM)
        (_, each), (_, one) = drafts(growths=(growth, keyed))
        assert each.message == "module-level list `rows` only grows: every invocation adds to it and nothing takes away"
        assert "it keeps an entry for each `key`" in one.message
        assert each.where == at(5)
        assert [message for _, message in each.steps] == ["made once per sandbox", "grows here", "and here"]
        assert each.function == "handler"

    def test_a_finding_without_a_site_says_where_it_is(self) -> None:
        [finding] = found("""
            rows = []
            def handler(event, context):
                add(event)
            def add(event):
                rows.append(event)
        """)
        assert (finding.rule, finding.function, finding.handler) == ("LL304", "add", True)
        assert finding.severity is Severity.MEDIUM


def module(source: str) -> Code:
    tree = ast.parse(dedent(source))
    functions = {name.replace(".<locals>", ""): f.node for name, f in outline(tree).functions.items()}
    entries = [entry.function for entry in conventions.handlers(tree)]
    return Code(
        tree,
        functions,
        frozenset(bound_names(tree.body)) - functions.keys(),
        conventions.reachable(tree, entries),
        frozenset(entries),
        frozenset(name for name in functions if "cached" in name),
        frozenset({"handlers"}),
    )


def once(source: str, **settings: Any) -> Lasting:
    return lasting(module(source), **settings)


class TestLasting:
    def guarded(self, lines: str, **settings: Any) -> bool:
        """Whether the call of ``add`` runs once."""
        source = "flag = None\nseen = {}\nDEBUG = False\ndef handler(event, context):\n"
        body = dedent(lines).strip().splitlines()
        source += "".join(f"    {line}\n" for line in body)
        number = next(i for i, line in enumerate(source.splitlines(), 1) if "add()" in line)
        return once(source, **settings).covers("handler", number)

    @pytest.mark.parametrize(
        "lines",
        [
            "global flag\nif flag is None:\n    add()\n    flag = 1",
            "global flag\nif flag:\n    return flag\nadd()\nflag = 1",
            "global flag\nif not flag:\n    pass\nelse:\n    return\nadd()\nflag = 1",
            "global flag\ntry:\n    if flag is None:\n        add()\nfinally:\n    flag = 1",
            "global flag\nwhile not flag:\n    add()\n    flag = 1",
            "if event in seen:\n    return\nseen[event] = 1\nadd()",
            "if not hasattr(context, 'x'):\n    add()",
            "if not handler.done:\n    add()\nhandler.done = True",
            "for h in log.handlers:\n    log.remove(h)\nadd()",
        ],
    )
    def test_a_test_of_what_lasts_is_a_guard(self, lines: str) -> None:
        assert self.guarded(lines)

    @pytest.mark.parametrize(
        "lines",
        [
            "add()",
            "if DEBUG:\n    add()",
            "if event['x']:\n    add()",
            "global flag\nadd()\nif flag:\n    return\nflag = 1",
            "global flag\nif flag:\n    print(1)\nadd()\nflag = 1",
            "flag = 1\nif flag:\n    add()",
            "import logging.handlers\nx = logging.handlers.MemoryHandler(1)\nadd()",
        ],
    )
    def test_anything_else_is_none(self, lines: str) -> None:
        assert not self.guarded(lines)

    def test_asking_for_a_key_guards_what_runs_once_for_each(self) -> None:
        lines = "if event not in seen:\n    seen[event] = 1\n    add()"
        assert self.guarded(lines)
        assert not self.guarded(lines, keyed=False)
        assert self.guarded("if not seen:\n    seen[event] = 1\n    add()", keyed=False)
        assert not self.guarded("if seen.get(event):\n    return\nseen[event] = 1\nadd()", keyed=False)

    def test_functions_called_from_there_run_once_too(self) -> None:
        result = once("""
            flag = None
            def handler(event, context):
                global flag
                if flag is None:
                    flag = make()
                always()
                also()
            def make():
                return deeper()
            def deeper(): return 1
            def always(): also()
            def also(): cached()
            def cached(): return 1
            make()
        """)
        assert result.functions == {"make", "deeper", "cached"}

    def test_a_handler_never_runs_once_because_nobody_calls_it(self) -> None:
        assert once("def handler(event, context):\n    return 1").functions == set()


def test_the_data_of_the_event_is_followed_through_bindings_and_calls() -> None:
    result = influenced(
        module("""
        def handler(event, context):
            body = load(event["body"])
            for record in body:
                with open(record) as (first, second):
                    keep(record, 3, extra=first)
            fixed = 3
            keep(fixed, fixed)
            Store().put(event)
        def load(text): return text
        def keep(key, number, extra=None, other=None): inner = key
        def unused(x): return x
        class Store:
            def put(self, item): self.add(item)
            def add(self, item): return item
    """)
    )
    assert result["handler"] == {"event", "body", "record", "first", "second"}
    assert result["load"] == {"text"}
    assert result["keep"] == {"key", "extra", "inner"}
    assert "unused" not in result


class TestGrowth:
    def rated(self, lines: str, made: str = "[]", more: str = "") -> str:
        """The confidence of the finding on the container ``x``, or an empty string."""
        body = "".join(f"    {line}\n" for line in dedent(lines).strip().splitlines())
        source = f"import uuid\nfrom lib import helper\nx = {made}\ndef handler(event, context):\n{body}\n{more}\n"
        results = [f for f in found(source) if f.rule == "LL304"]
        assert len(results) <= 1
        return results[0].confidence.value if results else ""

    @pytest.mark.parametrize(
        ("lines", "made", "confidence"),
        [
            ("x.append(1)", "[]", "high"),
            ("x.append(1)", "list()", "high"),
            ("x.append(1)", "[i for i in range(3)]", "high"),
            ("x.append(1)", "collections.deque()", "high"),
            ("x.append(1)", "collections.deque(maxlen=3)", ""),
            ("x.append(1)", "collections.deque((), 3)", ""),
            ("x.append(1)", "make()", ""),
            ("x['a'].append(1)", "{'a': []}", "high"),
            ("x[event['a']].append(1)", "defaultdict(list)", "high"),
            ("if event not in x:\n    x.append(event)", "[]", "medium"),
            ("if helper() not in x:\n    x.append(helper())", "[]", "low"),
            ("x.add(event['a'])", "set()", "medium"),
            ("x.add(helper())", "set()", "low"),
            ("x.add('a')", "set()", ""),
            ("x[event['a']] = 1", "{}", "medium"),
            ("x[uuid.uuid4().hex] = 1", "{}", "high"),
            ("x[context.aws_request_id] = 1", "{}", "high"),
            ("x[helper()] = 1", "{}", "low"),
            ("x['a'] = event", "{}", ""),
            ("x['a', event['b']] = 1", "{}", "medium"),
            ("x.setdefault(event['a'], []).append(1)", "{}", "medium"),
            ("x.update(event)", "{}", "low"),
            ("x.update({'a': event})", "{}", ""),
            ("x.update(a=event)", "{}", ""),
            ("x[0] = event", "[1]", ""),
            ("x[event['a']] = event", "[1]", ""),
            ("global x\nx += [event]", "[]", "high"),
            ("global x\nx |= {event}", "set()", "low"),
            ("helper(x)\nx.append(1)", "[]", "low"),
            ("y = x\nx.append(1)", "[]", "low"),
            ("client.put(x)\nprint(len(x))\nx.append(1)\nreturn x", "[]", "high"),
            ("for y in x:\n    print(y)\nx.append(1)", "[]", "high"),
            ("if event['a'] in ('b', 'c'):\n    x[event['a']] = 1", "{}", "low"),
            ("if event['a'] > 9:\n    return\nx[event['a']] = 1", "{}", "low"),
        ],
    )
    def test_what_bounds_the_additions_says_how_sure_it_is(self, lines: str, made: str, confidence: str) -> None:
        assert self.rated(lines, made) == confidence

    @pytest.mark.parametrize(
        "lines",
        [
            "x.append(1)\nx.clear()",
            "x.append(1)\nx.pop()",
            "x.append(1)\ndel x[0]",
            "x.append(1)\nx[:] = x[-3:]",
            "global x\nx = []\nx.append(1)",
            "if not x:\n    x.append(1)",
            "if len(x) < 10:\n    x.append(1)",
            "if x:\n    return x\nx.append(1)",
            "x = []\nx.append(1)",
            "def inner(x):\n    x.append(1)\ninner([])",
        ],
    )
    def test_what_takes_away_or_asks_first(self, lines: str) -> None:
        assert self.rated(lines) == ""

    @pytest.mark.parametrize(
        "more",
        ["def other():\n    x.clear()", "def drain(rows):\n    rows.pop()\ndef other():\n    drain(x)"],
    )
    def test_another_function_takes_away(self, more: str) -> None:
        assert self.rated("x.append(1)", more=more) == ""
        assert self.rated("x.append(1)", more="def drain(rows):\n    print(rows)\ndrain(x)") == "high"

    def test_a_part_that_gets_a_new_value_does_not_grow(self) -> None:
        made = "{'a': [], 'b': 0}"
        assert self.rated("x['a'] = []\nx['a'].append(1)", made) == ""
        assert self.rated("x['a'].append(1)\nx['b'] = len(x['a'])", made) == "high"

    def test_only_handlers_repeat(self) -> None:
        assert not found("rows = []\ndef work(item):\n    rows.append(item)\n")
        assert not found("rows = []\ndef signal_handler(number, frame):\n    rows.append(number)\n")
        assert not found("rows = []\ndef handler(event, context):\n    return rows\ndef work(x):\n    rows.append(x)\n")


class TestByteTest:
    @pytest.mark.parametrize(
        "line",
        [
            "x.append(1)",
            "x [ event ] .append (1)",
            "x[event['a']] = 1",
            "x[event['a']] += 1",
            "x += [1]",
            "x.setdefault(1, 2)",
        ],
    )
    @pytest.mark.parametrize("made", ["x = []", "x: list[int] = []", "x=dict()", "x = collections.deque()", "x = {}"])
    @pytest.mark.parametrize("head", ["def handler(e, c):", "async def on(event, _):", "def run(\n    evt, ctx\n):"])
    def test_a_handler_that_adds_passes(self, line: str, made: str, head: str) -> None:
        assert may_grow(f"{made}\n\n{head}\n    {line}\n".encode())

    @pytest.mark.parametrize(
        "source",
        [
            "x = []\n\ndef work(e, c):\n    x.append(1)\n",
            "x = []\n\ndef handler(e, c):\n    y.append(1)\n",
            "x = 3\n\ndef handler(e, c):\n    x.append(1)\n",
            "def handler(e, c):\n    x = []\n    x.append(1)\n",
            "x = []\n\ndef handler(e, c):\n    return x == [1]\n",
            "",
        ],
    )
    def test_anything_else_does_not(self, source: str) -> None:
        assert not may_grow(source.encode())

    def test_what_the_analysis_finds_passes(self) -> None:
        """The byte test is the first to be asked, and must not hide what the ast shows."""
        source = "rows = []\n\n\ndef handler(event, context):\n    rows.append(event)\n"
        assert may_grow(source.encode())
        assert [finding.rule for finding in found(source)] == ["LL304"]


def test_a_call_gives_what_comes_beside_its_result() -> None:
    entries = load().acquirers
    assert [r.kind for r in entries["tempfile.mkstemp"]] == ["descriptor", "temp-path"]
    assert {r.kind for r in entries["*.addHandler"]} == {"registration"}
