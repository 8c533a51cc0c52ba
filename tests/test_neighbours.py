"""Files near a file that use a name of its module."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaklint.autofix import Fixer
from leaklint.config import Settings
from leaklint.neighbours import Neighbours
from leaklint.result import Skipped
from leaklint.run import check_data, checker

USES = [
    "from app import conn\n",
    "from shop.app import (\n    handler,\n    conn,\n)\n",
    "from .app import handler, conn as c\n",
    "from app import *\n",
    "import app\n\napp.conn.close()\n",
    "import app as tested\n\ntested.conn = None\n",
    "def test(mocker):\n    mocker.patch('shop.app.conn')\n",
    "import app\n\nmock.patch.object(app, 'conn')\n",
    "import app\n\nmonkeypatch.setattr(app, 'conn', None)\n",
]
DOES_NOT = [
    "from app import handler\n\nconn = 1\n",
    "from app import connect\n",
    "from myapp import conn\n",
    "import other\n\nother.conn.close()\n",
    "import app\n\napp.connect()\n",
]


@pytest.mark.parametrize("text", USES)
def test_what_uses_it(text: str, tmp_path: Path) -> None:
    app, other = tmp_path / "app.py", tmp_path / "other.py"
    app.write_text("conn = 1\n")
    other.write_text(text)
    assert Neighbours().using(str(app), "conn") == "other.py"


@pytest.mark.parametrize("text", DOES_NOT)
def test_what_does_not(text: str, tmp_path: Path) -> None:
    app, other = tmp_path / "app.py", tmp_path / "other.py"
    app.write_text("conn = 1\n\n\ndef f():\n    return app.conn\n")
    other.write_text(text)
    assert Neighbours().using(str(app), "conn") == ""


def test_tests_above_and_what_stands_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    app = tmp_path / "src" / "shop" / "app.py"
    tests, elsewhere = tmp_path / "tests" / "unit" / "test_app.py", tmp_path / "tools" / "run.py"
    for path in (app, tests, elsewhere):
        path.parent.mkdir(parents=True)
        path.write_text("from shop.app import conn\n")
    neighbours = Neighbours()
    assert neighbours.using(str(app), "conn") == "../../tests/unit/test_app.py"
    tests.unlink()
    assert Neighbours().using(str(app), "conn") == ""
    assert Neighbours().using(str(tmp_path / "none.py"), "conn") == ""


def test_a_connection_that_others_use_stays(tmp_path: Path) -> None:
    source = b"import redis\n\nr = redis.Redis()\n\n\ndef handler(event, context):\n    return r.get(event)\n"
    app = tmp_path / "app.py"
    app.write_bytes(source)
    for used in (True, False):
        (tmp_path / "test_app.py").write_text("import app\n\napp.r = None\n" if used else "import app\n")
        fixer = Fixer(checker())
        outcome = check_data(source, str(app), Settings(unsafe_fixes=True), fixer)
        assert not isinstance(outcome, Skipped)
        assert [finding.refused for finding in outcome.findings] == (["`test_app.py` uses `r` as well"] if used else [])
        assert bool(fixer.fixed) is not used
