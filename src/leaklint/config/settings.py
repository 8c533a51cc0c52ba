"""The settings under which a file is checked: plain, frozen and picklable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from leaklint.finding import Confidence, Severity

EXCLUDED = (
    ".aws-sam", ".bzr", ".direnv", ".eggs", ".git", ".git-rewrite", ".hg", ".ipynb_checkpoints", ".leaklint_cache",
    ".mypy_cache", ".nox", ".pants.d", ".pyenv", ".pytest_cache", ".pytype", ".ruff_cache", ".serverless", ".svn",
    ".terraform", ".tox", ".venv", ".vscode", "__pycache__", "__pypackages__", "_build", "buck-out", "build",
    "cdk.out", "dist", "node_modules", "site-packages", "venv",
)  # fmt: skip
"""names of what is not checked, wherever it is, unless it is named itself"""


FORMATS = ("text", "concise", "json", "github", "gitlab", "junit", "markdown", "rdjson", "sarif")
"""how findings can be written"""


Change = tuple[tuple[str, ...], tuple[str, ...]]
"""selectors that a later layer of the configuration adds, and those that it takes away"""


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """Selectors are rule codes or prefixes (``LL1``, empty for all); of those that fit the most specific wins."""

    select: tuple[str, ...] = ("LL",)
    ignore: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    """laid over ``select`` and ``ignore`` in turn: the last that says something of a rule decides"""
    file_ignores: tuple[str, ...] = ()
    """rules that ``per-file-ignores`` switches off for this file, whatever selects them"""
    min_severity: Severity = Severity.LOW
    min_confidence: Confidence = Confidence.MEDIUM
    preview: bool = False
    """whether rules run that are not yet promoted"""
    fixable: tuple[str, ...] = ("LL",)
    unfixable: tuple[str, ...] = ()
    unsafe_fixes: bool = False
    handlers: tuple[str, ...] = ()
    """``path.py:function`` or ``module.function``"""
    handler_discovery: bool = True
    """whether handlers are looked for beyond those that are named"""
    resources: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    """tables like those of the catalogue"""
    baseline: str = ""
    """path of the file with the findings that are known, empty for none"""
