"""The stack of frames: what catches what, and which copies a way out runs."""

from __future__ import annotations

import pytest

from leaklint.flow import ops
from leaklint.flow.cfg import RAISE, RETURN, Cfg, EdgeKind
from leaklint.flow.frames import (
    ANY,
    CANCELLED,
    Catches,
    Finally,
    Frames,
    Handler,
    Loop,
    Thrown,
    Try,
    Unwinder,
    Way,
    With,
    cancels,
)
from leaklint.flow.ops import Join, Leave

YES, NO, MAYBE = Catches.YES, Catches.NO, Catches.MAYBE
NORMAL = EdgeKind.NORMAL


def thrown(name: str) -> Thrown:
    return Thrown(EdgeKind.CANCEL if cancels(name) else EdgeKind.EXCEPTION, name)


@pytest.mark.parametrize(
    ("classes", "exception", "verdict"),
    [
        ((), ANY, YES),
        ((), CANCELLED, YES),
        (("BaseException",), ANY, YES),
        (("BaseException",), CANCELLED, YES),
        (("Exception",), ANY, YES),
        (("Exception",), CANCELLED, NO),
        (("OSError",), ANY, MAYBE),
        (("OSError",), CANCELLED, NO),
        (("psycopg2.Error",), ANY, MAYBE),
        (("psycopg2.Error",), CANCELLED, NO),
        (("?",), ANY, MAYBE),
        (("GeneratorExit",), ANY, NO),
        (("GeneratorExit",), CANCELLED, MAYBE),
        (("asyncio.CancelledError",), CANCELLED, MAYBE),
        (("asyncio.CancelledError",), ANY, NO),
        (("OSError",), thrown("FileNotFoundError"), YES),
        (("FileNotFoundError",), thrown("OSError"), NO),
        (("KeyError",), thrown("OSError"), NO),
        (("LookupError", "OSError"), thrown("KeyError"), YES),
        (("KeyError",), thrown("app.Missing"), MAYBE),
        (("app.Missing",), thrown("app.Missing"), YES),
        (("app.Missing",), thrown("ValueError"), MAYBE),
        (("Exception",), thrown("app.Missing"), YES),
        (("Exception",), thrown("SystemExit"), NO),
        (("SystemExit",), thrown("SystemExit"), YES),
        (("BaseException",), thrown("KeyboardInterrupt"), YES),
        (("KeyboardInterrupt",), thrown("SystemExit"), NO),
        (("KeyError", "app.Missing"), thrown("ValueError"), MAYBE),
    ],
)
def test_a_handler_catches_what_is_of_its_classes(
    classes: tuple[str, ...], exception: Thrown, verdict: Catches
) -> None:
    assert Handler(classes, 0).catches(exception) is verdict


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("BaseException", True), ("SystemExit", True), ("GeneratorExit", True), ("asyncio.CancelledError", True),
        ("asyncio.exceptions.CancelledError", True), ("Exception", False), ("OSError", False), ("app.Error", False),
        ("print", False), ("", False),
    ],
)  # fmt: skip
def test_what_except_exception_does_not_catch(name: str, expected: bool) -> None:
    assert cancels(name) is expected


class Bench:
    """An unwinder over an empty graph; `cleanup` makes a ``finally`` whose copies are nodes with its label."""

    def __init__(self) -> None:
        self.cfg = Cfg("f")
        self.unwinder = Unwinder(self.cfg)

    def cleanup(self, label: str) -> Finally:
        def lower() -> None:
            self.unwinder.place(Join(label))

        return Finally(lower)

    def handler(self, *classes: str) -> Handler:
        return Handler(classes, self.cfg.add(Join("handler")))

    def labels(self, start: int) -> list[str]:
        """What runs from a node on, where there is one way."""
        found = []
        at = start
        while at not in (RETURN, RAISE):
            op = self.cfg.ops[at]
            found.append(op.label if isinstance(op, Join) else f"leave {op.place}" if isinstance(op, Leave) else "?")
            ((kind, at),) = self.cfg.successors[at]
            assert kind is NORMAL
        return [*found, "return" if at == RETURN else "raise"]

    def ways(self, start: int) -> set[int]:
        """Where a node leads."""
        return {target for _, target in self.cfg.successors[start]}


def manager(place: str) -> With:
    return With(Leave(place, False, None))


def test_without_frames_control_leaves_the_function() -> None:
    unwinder = Bench().unwinder
    assert unwinder.exception((), ANY) == RAISE
    assert unwinder.jump((), Way.RETURN) == RETURN


def test_a_return_runs_what_stands_around_it_from_inside_out() -> None:
    bench = Bench()
    frames: Frames = (bench.cleanup("outer"), Loop(7, 8), Try([bench.handler()]), manager("#1"), bench.cleanup("inner"))
    onward = ["finally", "inner", "with exit", "leave #1", "finally", "outer", "return"]
    assert bench.labels(bench.unwinder.jump(frames, Way.RETURN)) == onward


def test_break_and_continue_stop_at_the_loop() -> None:
    bench = Bench()
    again, broken = bench.cfg.add(Join("again")), bench.cfg.add(Join("broken"))
    bench.cfg.connect(again, RETURN)
    bench.cfg.connect(broken, RETURN)
    frames: Frames = (bench.cleanup("outer"), Loop(broken, again), manager("#1"))
    assert bench.labels(bench.unwinder.jump(frames, Way.BREAK)) == ["with exit", "leave #1", "broken", "return"]
    assert bench.labels(bench.unwinder.jump(frames, Way.CONTINUE)) == ["with exit", "leave #1", "again", "return"]


def test_an_exception_passes_loops() -> None:
    bench = Bench()
    frames: Frames = (bench.cleanup("outer"), Loop(7, 8), manager("#1"), Loop(9, 10))
    assert bench.labels(bench.unwinder.exception(frames, ANY)) == ["with exit", "leave #1", "finally", "outer", "raise"]


def test_each_way_has_one_copy_however_often_it_is_taken() -> None:
    bench = Bench()
    frames: Frames = (bench.cleanup("cleanup"),)
    entries = [
        bench.unwinder.exception(frames, ANY),
        bench.unwinder.exception(frames, CANCELLED),
        bench.unwinder.exception(frames, thrown("KeyError")),
        bench.unwinder.jump(frames, Way.RETURN),
    ]
    assert len(set(entries)) == 4
    size = len(bench.cfg.ops)
    assert bench.unwinder.exception(frames, ANY) == entries[0]
    assert bench.unwinder.exception(frames, thrown("KeyError")) == entries[2]
    assert bench.unwinder.jump((*frames, Loop(1, 2)), Way.RETURN) == entries[3]
    assert len(bench.cfg.ops) == size


def test_making_a_copy_does_not_move_the_cursor() -> None:
    bench = Bench()
    here = bench.unwinder.place(Join("here"))
    bench.unwinder.frames = (bench.cleanup("cleanup"),)
    bench.unwinder.exception(bench.unwinder.frames, ANY)
    assert bench.unwinder.cursor == here
    assert len(bench.unwinder.frames) == 1


def test_the_body_of_a_finally_runs_in_the_frames_around_it() -> None:
    bench = Bench()
    seen: list[Frames] = []
    around: Frames = (manager("#1"),)
    frame = Finally(lambda: seen.append(bench.unwinder.frames))
    bench.unwinder.exception((*around, frame), ANY)
    assert seen == [around]


def test_a_finally_that_jumps_swallows_the_exception() -> None:
    bench = Bench()

    def lower() -> None:
        node = bench.unwinder.place(Join("return of its own"))
        bench.cfg.connect(node, bench.unwinder.jump(bench.unwinder.frames, Way.RETURN))
        bench.unwinder.cursor = None

    entry = bench.unwinder.exception((Finally(lower),), ANY)
    assert bench.labels(entry) == ["finally", "return of its own", "return"]


def test_the_first_handler_that_catches_ends_the_search() -> None:
    bench = Bench()
    narrow, broad, late = bench.handler("KeyError"), bench.handler("Exception"), bench.handler()
    frames: Frames = (Try([narrow, broad, late]),)
    assert bench.ways(bench.unwinder.exception(frames, ANY)) == {narrow.entry, broad.entry}
    assert bench.ways(bench.unwinder.exception(frames, thrown("KeyError"))) == {narrow.entry}
    assert bench.ways(bench.unwinder.exception(frames, CANCELLED)) == {late.entry}


def test_what_no_handler_catches_for_sure_goes_on() -> None:
    bench = Bench()
    handler = bench.handler("app.Missing")
    frames: Frames = (bench.cleanup("cleanup"), Try([handler]))
    entry = bench.unwinder.exception(frames, ANY)
    (onward,) = bench.ways(entry) - {handler.entry}
    assert bench.labels(onward) == ["finally", "cleanup", "raise"]


@pytest.mark.parametrize("name", ["OSError", "psycopg2.Error", "requests.RequestException"])
def test_what_handlers_of_the_usual_errors_do_not_catch_is_doubted(name: str) -> None:
    bench = Bench()
    handler = bench.handler("KeyError", name)
    frames: Frames = (Try([handler]),)
    (onward,) = bench.ways(bench.unwinder.exception(frames, ANY)) - {handler.entry}
    doubted = bench.cfg.ops[onward]
    assert isinstance(doubted, Join)
    assert doubted.doubt > 0
    assert bench.ways(onward) == {RAISE}


def test_of_except_star_all_that_may_catch_are_reached() -> None:
    bench = Bench()
    first, second, third = bench.handler("OSError"), bench.handler("Exception"), bench.handler("KeyError")
    entry = bench.unwinder.exception((Try([first, second, third], several=True),), ANY)
    assert bench.ways(entry) == {first.entry, second.entry, third.entry}


@pytest.mark.parametrize(
    ("exception", "swallowed", "passes"),
    [(ANY, True, True), (thrown("FileNotFoundError"), True, False), (thrown("KeyError"), False, True),
     (CANCELLED, False, True)],
)  # fmt: skip
def test_a_manager_that_suppresses_swallows_what_it_catches(exception: Thrown, swallowed: bool, passes: bool) -> None:
    bench = Bench()
    after = bench.handler("OSError")
    frame = With(Leave("#1", False, None), after)
    entry = bench.unwinder.exception((frame,), exception)
    (leaving,) = bench.ways(entry)
    assert (after.entry in bench.ways(leaving)) is swallowed
    assert (RAISE in bench.ways(leaving)) is passes


def test_a_return_is_not_suppressed() -> None:
    bench = Bench()
    frame = With(Leave("#1", False, None), bench.handler())
    assert bench.labels(bench.unwinder.jump((frame,), Way.RETURN)) == ["with exit", "leave #1", "return"]


def test_deep_inside_of_finally_bodies_all_ways_share_one_copy() -> None:
    bench = Bench()
    unwinder = bench.unwinder
    entries: list[int] = []

    def nested(level: int) -> Finally:
        def lower() -> None:
            node = unwinder.place(ops.Join(f"level {level}"))
            if level < 3:
                frames = (*unwinder.frames, nested(level + 1))
                for key in (ANY, CANCELLED):
                    target = unwinder.exception(frames, key)
                    bench.cfg.connect(node, target)
                    if level == 2:
                        entries.append(target)

        return Finally(lower)

    unwinder.exception((nested(1),), ANY)
    labels = [op.label for op in bench.cfg.ops if isinstance(op, Join)]
    assert labels.count("level 1") == 1
    assert labels.count("level 2") == 2
    assert labels.count("level 3") == 2, "one for each copy around it, not for each way"
    assert len(set(entries)) == 2
    assert labels.count("finally, shared") == 2
