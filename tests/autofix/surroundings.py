"""What a program finds when it runs, and what it leaves: files, rows of databases, open descriptors."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from tests.conformance.databases import MARIADB, USER
from tests.conformance.probe import library

FILES = {
    "a.txt": b"one\ntwo\nthree\n",
    "b.txt": b"1\n2\n",
    "empty.txt": b"",
    "data.json": b'{"a": 1, "b": [2, 3]}',
    "rows.csv": b"x,y\n1,2\n3,4\n",
}
TABLE = f"leaklint_autofix_{os.getpid()}"
"""of this process alone, in the databases of the servers"""
POSTGRES = f"host=127.0.0.1 port=5432 dbname=test user={USER}"


class Folder:
    """The folder that a program is given: always the same path, furnished anew for each run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = self._made()

    def _made(self) -> bytes:
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        database = self.path / "data.db"
        with contextlib.closing(sqlite3.connect(database)) as made, made:
            made.execute("create table t (a)")
            made.executemany("insert into t values (?)", [(1,), (2,)])
        return database.read_bytes()

    def furnish(self) -> None:
        """Make the folder as a run must find it."""
        for entry in os.scandir(self.path):
            if entry.is_dir(follow_symlinks=False):
                if entry.name != "temp" or next(os.scandir(entry.path), None) is not None:
                    shutil.rmtree(entry.path)
            else:
                os.unlink(entry.path)
        (self.path / "temp").mkdir(exist_ok=True)
        for name, data in FILES.items():
            (self.path / name).write_bytes(data)
        (self.path / "data.db").write_bytes(self._data)
        tempfile.tempdir = str(self.path / "temp")

    def contents(self) -> dict[str, str]:
        """The files by relative path; of databases what they hold, of temporary files, whose names vary, how many."""
        found: dict[str, str] = {}
        for path in sorted(self.path.rglob("*")):
            name = path.relative_to(self.path).as_posix()
            if name.startswith("temp/") or name.endswith(("-journal", "-wal", "-shm")) or not path.is_file():
                continue
            data = path.read_bytes()
            found[name] = _dump(path) if data.startswith(b"SQLite format 3") else repr(data)
        return found

    def temporary(self) -> int:
        """How many entries a run left in the folder for temporary files."""
        return sum(1 for _ in (self.path / "temp").rglob("*"))


def _dump(path: Path) -> str:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.1)) as database:
            return "\n".join(database.iterdump())
    except sqlite3.Error as problem:
        return f"cannot be read: {problem}"


def descriptors() -> int:
    """How many descriptors this process has open."""
    return len(os.listdir("/proc/self/fd"))


# --- servers: one table each, whose committed rows a second connection reads ---


class Server:
    """The table of one database server, over one connection that commits each statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.execute(f"CREATE TABLE IF NOT EXISTS {TABLE} (v VARCHAR(50))")

    def execute(self, statement: str) -> list[Any]:
        """Run and commit one statement; the rows that it yields."""
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            rows = list(cursor.fetchall()) if cursor.description else []
        self._connection.commit()
        return rows

    def reset(self) -> None:
        """Leave one row, ``kept``."""
        self.execute(f"DELETE FROM {TABLE}")
        self.execute(f"INSERT INTO {TABLE} VALUES ('kept')")

    def rows(self) -> list[str]:
        """The committed values."""
        return sorted(str(row[0]) for row in self.execute(f"SELECT v FROM {TABLE}"))

    def drop(self) -> None:
        """Remove the table."""
        self.execute(f"DROP TABLE IF EXISTS {TABLE}")
        self._connection.close()


class Keys:
    """The list of this process in Redis."""

    def __init__(self) -> None:
        self._client = library("redis").Redis(host="127.0.0.1", socket_timeout=5)

    def reset(self) -> None:
        """Leave one value, ``kept``."""
        self._client.delete(TABLE)
        self._client.rpush(TABLE, "kept")

    def rows(self) -> list[str]:
        """The values."""
        return sorted(value.decode() for value in self._client.lrange(TABLE, 0, -1))

    def drop(self) -> None:
        """Remove the list."""
        self._client.delete(TABLE)
        self._client.close()


def server(name: str) -> Server | Keys:
    """The server with this name: ``mariadb``, ``postgres`` or ``redis``."""
    if name == "mariadb":
        return Server(library("pymysql").connect(**MARIADB))
    if name == "postgres":
        return Server(library("psycopg2").connect(POSTGRES))
    assert name == "redis", name
    return Keys()
