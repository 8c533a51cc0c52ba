"""Every key of ``[tool.leaklint]``: the one table from which parser, pages, JSON schema and options are made."""

from __future__ import annotations

from dataclasses import dataclass

from leaklint.config import kinds
from leaklint.config.kinds import Kind
from leaklint.config.settings import EXCLUDED, FORMATS
from leaklint.finding import Confidence, Severity


@dataclass(frozen=True, slots=True)
class Key:
    """One key. ``default`` and ``example`` are TOML; an example is all that stands below the table's header."""

    name: str
    kind: Kind
    default: str
    help: str
    example: str
    option: str = ""
    """the option of ``leaklint check`` that overrides it"""
    of_run: bool = False
    """whether it is read once for a run, from the configuration of the current folder"""


KEYS = (
    Key(
        "extend",
        kinds.PATH,
        "none",
        "A configuration to build upon: its keys hold where this file does not set them, and what the `extend-` keys "
        "add is added to its own. The path counts from the folder of this file; a `pyproject.toml` is read for its "
        "`[tool.leaklint]`, any other file is a table of its own.",
        'extend = "../leaklint.toml"',
    ),
    Key(
        "required-version",
        kinds.VERSION,
        "none",
        "The versions of leaklint that may use this configuration. Any other one stops with exit code 2.",
        'required-version = ">=0.1,<1"',
        "--required-version",
    ),
    Key(
        "select",
        kinds.SELECTORS,
        '["LL"]',
        "The rules that run, by code or by the beginning of their codes. Of the selectors that fit a rule the most "
        "specific decides; of equal ones, the one that takes away. In a file that sets `select`, nothing counts that "
        "the configuration it extends says of rules.",
        'select = ["LL1", "LL201"]',
        "--select",
    ),
    Key(
        "ignore",
        kinds.SELECTORS,
        "[]",
        "The rules that do not run.",
        'ignore = ["LL304"]',
        "--ignore",
    ),
    Key(
        "extend-select",
        kinds.SELECTORS,
        "[]",
        "The rules that run besides those of `select`, or of the configuration that is extended.",
        'extend-select = ["LL201"]',
        "--extend-select",
    ),
    Key(
        "extend-ignore",
        kinds.SELECTORS,
        "[]",
        "The rules that do not run, besides those of `ignore`.",
        'extend-ignore = ["LL901"]',
        "--extend-ignore",
    ),
    Key(
        "per-file-ignores",
        kinds.IGNORED_IN,
        "{}",
        "The rules that do not run in the files that a pattern names, whatever selects them. A pattern that begins "
        "with `!` names the files that it does not fit.",
        '[per-file-ignores]\n"tests/**" = ["LL1"]\n"!src/**" = ["LL2"]',
        "--per-file-ignores",
    ),
    Key(
        "preview",
        kinds.FLAG,
        "false",
        "Whether rules run that are still on trial.",
        "preview = true",
        "--preview",
    ),
    Key(
        "min-severity",
        kinds.choice([severity.value for severity in Severity], Severity),
        '"low"',
        "Findings of a lower severity are not shown.",
        'min-severity = "medium"',
        "--min-severity",
    ),
    Key(
        "min-confidence",
        kinds.choice([confidence.value for confidence in Confidence], Confidence),
        '"medium"',
        "Findings of a lower confidence are not shown.",
        'min-confidence = "high"',
        "--min-confidence",
    ),
    Key(
        "exclude",
        kinds.PATTERNS,
        "[" + ", ".join(f'"{name}"' for name in EXCLUDED) + "]",
        "What is left out when folders are searched, in place of the names that are left out by default.",
        'exclude = [".venv", "vendor", "src/generated"]',
        "--exclude",
    ),
    Key(
        "extend-exclude",
        kinds.PATTERNS,
        "[]",
        "What is left out besides.",
        'extend-exclude = ["src/generated", "*_pb2.py"]',
        "--extend-exclude",
    ),
    Key(
        "force-exclude",
        kinds.FLAG,
        "false",
        "Whether files and folders are left out even when they are named on the command line, as hooks name them.",
        "force-exclude = true",
        "--force-exclude",
    ),
    Key(
        "respect-gitignore",
        kinds.FLAG,
        "true",
        "Whether folders are searched without what `.gitignore` files ignore.",
        "respect-gitignore = false",
        "--respect-gitignore",
    ),
    Key(
        "handlers",
        kinds.HANDLERS,
        "[]",
        "Functions that are Lambda handlers, whatever else declares them. Paths and modules are those of the project's "
        "root, the folder of this file.",
        'handlers = ["src/app.py:main", "jobs.nightly.run"]',
    ),
    Key(
        "handler-discovery",
        kinds.FLAG,
        "true",
        "Whether handlers are looked for in templates and by their signatures too; if not, `handlers` names them all.",
        "handler-discovery = false",
    ),
    Key(
        "resource",
        kinds.RESOURCES,
        "none",
        "Resources of one's own, each a table with the fields of leaklint's own catalogue (`leaklint catalogue "
        "psycopg2.connection` shows one). One with the `id` of a built-in resource replaces it; those of an extended "
        "configuration stay.",
        '[[resource]]\nid = "ourdb.lease"\nkind = "connection"\nnoun = "lease"\npackage = "ourdb"\n'
        'type = "ourdb.Lease"\nacquire = ["ourdb.lease"]\nrelease = ["give_back"]\nwith = "releases"\nserver = true',
    ),
    Key(
        "fixable",
        kinds.SELECTORS,
        '["LL"]',
        "The rules whose findings `--fix` may repair.",
        'fixable = ["LL101", "LL102"]',
        "--fixable",
    ),
    Key(
        "unfixable",
        kinds.SELECTORS,
        "[]",
        "The rules whose findings `--fix` leaves alone; `fixable` and this are weighed as `select` and `ignore` are.",
        'unfixable = ["LL105"]',
        "--unfixable",
    ),
    Key(
        "unsafe-fixes",
        kinds.FLAG,
        "false",
        "Whether fixes are applied that may change what the program does.",
        "unsafe-fixes = true",
        "--unsafe-fixes",
    ),
    Key(
        "baseline",
        kinds.PATH,
        "none",
        "A file of known findings, which are not reported. The path counts from the folder of this file.",
        'baseline = "leaklint-baseline.json"',
        "--baseline",
        of_run=True,
    ),
    Key(
        "output-format",
        kinds.choice(FORMATS),
        '"text"',
        "How findings are written.",
        'output-format = "concise"',
        "--output-format",
        of_run=True,
    ),
    Key(
        "jobs",
        kinds.COUNT,
        "none",
        "How many processes share the files of a run. Unless this is set, as many as there are processors, and only if "
        "the run is not soon over.",
        "jobs = 4",
        "--jobs",
        of_run=True,
    ),
)
BY_NAME = {key.name: key for key in KEYS}
