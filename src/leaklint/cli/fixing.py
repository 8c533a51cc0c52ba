"""``--fix`` and ``--diff``: which check a run uses, what is written, and what is said about it."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from leaklint.cli.output import silence

if TYPE_CHECKING:
    from leaklint.autofix import Fixed, Fixer
    from leaklint.cli.narrowing import Narrowing
    from leaklint.config import Settings
    from leaklint.result import Outcome, Report
    from leaklint.run import Check

CARRY_FIXES = frozenset({"json", "rdjson", "sarif"})
"""formats that hold edits: each is tried out before it is written"""


@dataclass(slots=True)
class Fixing:
    """What a run is to mend, as its options say."""

    fix: bool
    diff: bool
    show: bool
    non_zero: bool
    narrowed: Narrowing
    """what is left out of the report is left as it is"""
    fixer: Fixer | None = None
    source: bytes | None = None
    """what was checked last: that of standard input, when that is all there is"""
    errors: list[str] = field(default_factory=list)

    def check(self, formats: Sequence[str], *, recording: bool) -> Check | None:
        """The check of the run; None for the plain one.

        Raises click.UsageError for a run that is to write findings down (``recording``) and mend them as well.
        """
        if recording:
            if self.fix or self.diff:
                raise click.UsageError("--fix and --diff mend what --write-baseline and --add-ignores would keep")
            return None
        if not (self.fix or self.diff) and not CARRY_FIXES.intersection(formats):
            return None
        from leaklint.autofix import Fixer, Validator
        from leaklint.run import checker

        if not (self.fix or self.diff):
            return Validator(checker())
        self.fixer = fixer = Fixer(checker(), keep=not self.diff, shown=self._shown_of)

        def check(data: bytes, path: str, settings: Settings) -> Outcome:
            self.source = data
            return fixer(data, path, settings)

        return check

    @property
    def fixed(self) -> list[Fixed]:
        """The files that changed, or would."""
        return self.fixer.fixed if self.fixer is not None else []

    def _shown_of(self, outcome: Outcome) -> Outcome:
        from leaklint.result import Report

        report = Report([outcome])
        self.narrowed.apply(report)
        return report.outcomes[0]

    def write(self, report: Report, *, standard_input: bool) -> bool:
        """Write the files, or the source that was read from standard input, or the diff.

        Returns whether standard output was for that. The findings of a file that cannot be written are those that
        it had.
        """
        if self.diff:
            self._put(b"".join(line for fixed in self.fixed for line in _diff(fixed)))
        elif self.fix and standard_input:
            self._put(self.fixed[0].after if self.fixed else self._source())
        elif self.fix:
            from leaklint.files import replace

            for fixed in list(self.fixed):
                try:
                    _check_writable(fixed.path)
                    replace(fixed.path, fixed.after)
                except (OSError, ValueError) as error:
                    reason = getattr(error, "strerror", None) or error
                    name = click.format_filename(fixed.path)
                    self.errors.append(f"error: {name}: cannot write: {reason}")
                    self.fixed.remove(fixed)
                    report.outcomes[:] = [fixed.outcome if o.path == fixed.path else o for o in report.outcomes]
        return self.diff or (self.fix and standard_input)

    def _source(self) -> bytes:
        """What was read from standard input, or still has to be: an excluded file passes as it is."""
        from leaklint.cli.targets import read_input

        if self.source is not None:
            return self.source
        try:
            return read_input()
        except OSError:
            return b""

    def _put(self, data: bytes) -> None:
        """Write bytes to standard output; a reader that went away is no error."""
        if sys.stdout is None:
            return
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except BrokenPipeError:
            silence(sys.stdout.fileno())
        except OSError as error:
            silence(sys.stdout.fileno())
            self.errors.append(f"error: cannot write to standard output: {error.strerror or error}")

    def say(self, report: Report, *, quiet: bool) -> Iterator[str]:
        """The lines that say what was mended, what remains, and why; errors alone when ``quiet``."""
        yield from self.errors
        if quiet or not (self.fix or self.diff):
            return
        from leaklint.report.summary import counted

        count = sum(len(fixed.findings) for fixed in self.fixed)
        if self.show:
            yield from self._shown()
        verb = "Would fix" if self.diff else "Fixed"
        files = f" in {counted(len(self.fixed), 'file')}" if self.fixed else ""
        left = len(report.findings)
        yield f"{verb} {counted(count, 'finding')}{files}; {left:,} {'remains' if left == 1 else 'remain'}."
        reasons = Counter(f.refused for f in report.findings if f.refused)
        for reason, number in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
            yield f"  {number:,} not fixed: {reason}"

    def _shown(self) -> Iterator[str]:
        for fixed in self.fixed:
            yield f"{fixed.path}:"
            rules = Counter((f.rule, f.name) for f in fixed.findings)
            for (rule, name), number in sorted(rules.items()):
                yield f"  {number} x {rule} ({name})"

    def exit_code(self, code: int) -> int:
        """The exit code of the run, by what remains and by what was asked."""
        if self.errors:
            return 2
        if code == 2:
            return code
        if self.diff:
            return 1 if self.fixed else 0
        if self.fix and self.non_zero and self.fixed:
            return 1
        return code


def _check_writable(path: str) -> None:
    """Raise PermissionError for a file that nobody is to write, whoever asks."""
    if not os.stat(path).st_mode & 0o222:
        raise PermissionError(13, "it is read-only", path)


def _diff(fixed: Fixed) -> Iterator[bytes]:
    """A unified diff in the file's own bytes; a last line without an end is marked as ``diff`` does."""
    from difflib import diff_bytes, unified_diff

    name = os.fsencode(fixed.path)
    for line in diff_bytes(unified_diff, _lines(fixed.before), _lines(fixed.after), name, name):
        yield line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def _lines(data: bytes) -> list[bytes]:
    """The lines as ``patch`` counts them, with their ends."""
    return data.splitlines(keepends=True) if b"\r" not in data else re.findall(rb"[^\n]*\n|[^\n]+\Z", data)
