"""# LL303 work-left-running

## What it does
Reports work that handler code starts and does not wait for on every normal path: a `threading.Thread` or `Timer` that
is not joined (or cancelled), an executor or a pool that is not shut down, a `multiprocessing.Process` that is not
joined, a `subprocess.Popen` without pipes that is not waited for; `terminate` and `kill` only ask it to end. Here it
stands in place of LL101, LL103 and LL104: one finding per thing that was started. What only an exception or a `raise`
leaves running, what is started outside of handler code, child processes with pipes, which hold descriptors, and
executors in functions that ask for the results of what they submit, stay with LL1; a thread is not reported there,
for it ends by itself. Work that is started once in a sandbox, behind a guard on a global, is not reported.

## Why it matters in Lambda
When the handler returns, the sandbox is frozen with all its threads and processes in the middle of what they were
doing. They go on when the next event arrives, minutes later or never: an upload that was "sent in the background"
may not be sent, its connection has timed out by then, and its memory and its time are charged to an invocation that has
nothing to do with it. `daemon=True` changes nothing: a daemon thread is not waited for when the process ends, but it is
frozen with the sandbox and thawed like any other, and of those that loop for ever each warm invocation adds one. The
same is true of tasks of an event loop that nobody awaits.

## Example
```python
import threading


def handler(event, context):
    threading.Thread(target=report, args=(event,)).start()
    return {"statusCode": 202}


def report(event):
    print(event["id"])
```

## Use instead
```python
import threading


def handler(event, context):
    worker = threading.Thread(target=report, args=(event,))
    worker.start()
    try:
        return {"statusCode": 202}
    finally:
        worker.join()


def report(event):
    print(event["id"])
```
`with ThreadPoolExecutor() as pool:` waits for all that was submitted. Work that must outlive the answer belongs into a
queue or another function (an asynchronous invocation), or behind a response that is streamed.

## Fix safety
Waiting makes the invocation as long as the work: a deadlock or an endless loop that nobody noticed becomes a timeout.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts, Site
from leaklint.rules import verdict, wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import Verdict


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per thread, executor or process that a normal path of handler code leaves running."""
    for site in facts.sites:
        found = verdict.gravest(site)
        if found is None or not verdict.is_left_running(site, found):
            continue
        yield Draft(
            site,
            _text(facts, site, found),
            found.confidence,
            wording.path_steps(site, found.leak, opened="made here", state="still running"),
            found.leak,
            help=_help(site),
        )


def _text(facts: ModuleFacts, site: Site, found: Verdict) -> str:
    way = wording.way(facts, found.leak, "still running") if found.code == verdict.NOT_ON_SOME_PATH else ""
    way = way and f" {way}"
    if site.looks_released is not None:
        span, method = site.looks_released
        told = f"after `{method}` {wording.on_line(facts, span)}"
        return f"{wording.subject(site)} is not waited for {told}{way}: it may still run when the handler returns"
    return f"{wording.subject(site)} is left running{way}: it is frozen with the sandbox when the handler returns"


def _help(site: Site) -> str:
    return f"wait for it: {wording.advice(site)}"


RULE = Rule(
    code="LL303",
    name="work-left-running",
    summary="a thread, an executor or a process that still runs when the handler returns",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
