"""# LL206 restored-connection

## What it does
Reports a connection to a server that is opened while the module is imported, in a function for which a template
switches SnapStart on (`SnapStart: {ApplyOn: PublishedVersions}`, `snap_start` in Terraform, `snapStart` in
serverless.yml). It stands in place of LL201. Engines and clients that connect at their first use, and those that
connect again by themselves, are left to LL201, and so is a connection with which a hook of `snapshot_restore_py` deals.
The confidence is lower for a module that is only deployed beside such a function.

## Why it matters in Lambda
With SnapStart the module is imported once, when a version is published. Memory is written into a snapshot, and every
sandbox starts from a copy of it, days later and on another machine. The copied connection has the number of a
descriptor and the keys of a session, and no server at the other end: the first query of every sandbox fails, or hangs
where no read timeout is set. What was drawn at random for the session is the same in all copies, too.

## Example
```yaml
Resources:
  Cart:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      Runtime: python3.13
      AutoPublishAlias: live
      SnapStart:
        ApplyOn: PublishedVersions
```
```python
import psycopg2

conn = psycopg2.connect(host="db.internal", dbname="shop")


def handler(event, context):
    with conn, conn.cursor() as cursor:
        cursor.execute("SELECT total FROM cart WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```

## Use instead
```python
from contextlib import closing

import psycopg2


def handler(event, context):
    with closing(psycopg2.connect(host="db.internal", dbname="shop")) as conn, conn, conn.cursor() as cursor:
        cursor.execute("SELECT total FROM cart WHERE id = %s", (event["id"],))
        return cursor.fetchone()
```
A connection that is to be kept is opened by a function that `@register_after_restore` of `snapshot_restore_py`
registers, and closed by one that `@register_before_snapshot` does. Then it is as good, and as bad, as any kept
connection: see LL201.

## Fix safety
Unsafe: where a single handler of the file uses the connection, it is opened there with every call, as for LL201.

## Since
0.1.0
"""

from __future__ import annotations

from collections.abc import Iterator

from leaklint.analysis.facts import ModuleFacts
from leaklint.finding import Confidence
from leaklint.rules import wording
from leaklint.rules.rule import Draft, Rule
from leaklint.rules.verdict import is_dead_after_restore


def check(facts: ModuleFacts) -> Iterator[Draft]:
    """A draft per server session that is opened before the snapshot and used after it."""
    restored = facts.restored
    if restored is None:
        return
    for site in facts.sites:
        if not is_dead_after_restore(facts, site):
            continue
        confidence = Confidence.HIGH if restored.sure else Confidence.MEDIUM
        yield Draft(
            site,
            f"{wording.subject(site)} is opened at import and dead in every sandbox that SnapStart restores "
            f"(`{restored.function}` in {restored.template}:{restored.line})",
            confidence.lowered(1 if site.receiver_by_name else 0),
            ((site.span, "opened before the snapshot is taken"),),
            help=f"open it in the handler and call {wording.release_call(site)} in a `finally`, "
            "or in a function registered with `register_after_restore` of `snapshot_restore_py`",
        )


RULE = Rule(
    code="LL206",
    name="restored-connection",
    summary="a server's connection opened before SnapStart takes its snapshot",
    page=__doc__ or "",
    since="0.1.0",
    check=check,
)
