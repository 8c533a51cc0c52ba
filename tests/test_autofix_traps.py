"""Traps: programs that a careless fixer breaks. Each behaves the same after ``--fix`` and ``--fix --unsafe-fixes``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.autofix.careless import CARELESS
from tests.autofix.execution import Case, Verdict, compare
from tests.autofix.fixing import SAFE, UNSAFE, Fixed, fixed
from tests.autofix.text import damage

TRAPS = Path(__file__).parent.parent / "fixtures" / "autofix" / "traps"
SOURCES = {path.name: path.read_bytes() for path in sorted(TRAPS.glob("*.py"))}
NEEDS = re.compile(rb"^# needs: (\w+)$", re.MULTILINE)

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc/self/fd")
