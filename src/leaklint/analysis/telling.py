"""What the name of a callable tells of which nothing else is known: ``close_db_connection(conn)`` releases.

Lambda code is deployed with layers and private packages that nobody sees while it is checked. A name is believed when
it is made of a verb that releases and of words for what is released, and of nothing else: ``close_stale_orders(conn)``
works with the connection.
"""

from __future__ import annotations

import re

from leaklint.catalogue.model import Resource

_CLOSING = frozenset({"cleanup", "close", "disconnect", "dispose", "quit", "release", "shutdown", "teardown"})
_ENDING = frozenset({"join", "kill", "reap", "stop", "terminate", "wait"})
_REMOVING = frozenset({"cleanup", "delete", "remove", "rm", "rmtree", "unlink"})
_CLOSED = frozenset(
    {
        "channel", "child", "client", "conn", "connection", "connections", "cur", "cursor", "database", "db", "dir",
        "directory", "engine", "executor", "fd", "file", "files", "folder", "ftp", "handle", "handles", "mongo",
        "mysql", "pg", "pool", "postgres", "proc", "process", "processes", "redis", "resource", "resources", "session",
        "sftp", "socket", "sql", "ssh", "temp", "temporary", "tmp", "tree",
    }
)  # fmt: skip
_BETWEEN = frozenset({"a", "all", "and", "for", "if", "it", "quietly", "safe", "safely", "silently", "the"})
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def tells_release(name: str, resource: Resource) -> bool:
    """Whether a callable of this name releases the resource that it is given, by what its name says."""
    words = {word.lower() for word in _WORDS.findall(name)}
    verbs = _REMOVING if resource.is_path else _CLOSING
    if resource.runs or resource.kind == "process":
        verbs = verbs | _ENDING
    return not verbs.isdisjoint(words) and words <= verbs | _CLOSED | _BETWEEN


__all__ = ["tells_release"]
