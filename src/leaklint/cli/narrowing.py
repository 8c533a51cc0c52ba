"""The options that leave findings out or write them down: a baseline, the change since a revision, suppressions."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from leaklint.cli.output import say

if TYPE_CHECKING:
    from leaklint.baseline import Baseline
    from leaklint.changes import Lines
    from leaklint.finding import Finding
    from leaklint.result import Outcome, Report

F = TypeVar("F", bound=Callable[..., Any])

_ADD = "--add-ignores"
_STDIN = "-"
_JUDGING = (
    "select", "ignore", "extend_select", "extend_ignore", "per_file_ignores", "min_severity", "min_confidence",
    "preview", "exclude", "extend_exclude", "configs", "isolated",
)  # fmt: skip
"""options by which a run may show less than the baseline was written for"""

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--baseline", metavar="FILE", help="Do not report the findings that this file holds."),
    click.option("--write-baseline", metavar="FILE", help="Write all findings to this file, to be known from then on."),
    click.option(
        "--diff-base", metavar="REF", help="Report only what changed since this revision of git, by lines touched."
    ),
    click.option(
        _ADD, metavar="[=REASON]", help="Write a comment into the code that suppresses each finding that is shown."
    ),
)


def narrowing(command: F) -> F:
    """Give a command these options."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


class OptionalValue(click.Command):
    """A command whose option ``--add-ignores`` takes a value only behind an equals sign."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; the option alone has an empty value."""
        end = args.index("--") if "--" in args else len(args)
        return super().parse_args(ctx, [f"{_ADD}=" if a == _ADD and i < end else a for i, a in enumerate(args)])


@dataclass(slots=True)
class Narrowing:
    """What is to be left out of a report, known before anything is checked."""

    paths: tuple[str, ...]
    """as they were named; the current folder if none was"""
    full: bool
    """whether the run looks for all that a baseline may hold below its paths"""
    baseline: str = ""
    known: Baseline | None = None
    diff_base: str = ""
    changed: Callable[[str], Lines | None] | None = None
    stale: Baseline = field(default_factory=Counter)
    """the entries that no finding met"""

    def apply(self, report: Report) -> None:
        """Leave out of the report what is known, and what the change did not touch."""
        if self.known is not None:
            self._leave_out(report, self._unknown(report), f"in {click.format_filename(self.baseline)}")
        if self.changed is not None:
            self._leave_out(report, self._touched(report), f"not touched since {self.diff_base}")

    def notes(self, report: Report) -> list[str]:
        """What to say of entries of the baseline that no finding met."""
        if self.known is None or not self.full or not self.stale:
            return []
        from leaklint.report.plain import printer

        name = click.format_filename(self.baseline)
        looked_for = self._looked_for(report)
        printable = printer(getattr(sys.stderr, "encoding", None) or "ascii")
        lines = []
        for entry, count in sorted(self.stale.items()):
            if looked_for(entry.path):
                times = f" ({count} times)" if count > 1 else ""
                what = printable(f"{entry.rule} in {entry.function} of {entry.path}")
                lines.append(f"warning: {name}: {what} is found no more{times}")
        if lines:
            lines.append(f"warning: --write-baseline {name} would write it without them")
        return lines

    def _unknown(self, report: Report) -> list[Finding]:
        from leaklint import baseline

        assert self.known is not None
        text = _texts(report)

        def entry(finding: Finding) -> baseline.Entry:
            return baseline.entry(finding, _seen_from(self.baseline, finding.location.path), text(finding))

        fresh, self.stale = baseline.unmet(report.findings, self.known, entry)
        return fresh

    def _touched(self, report: Report) -> list[Finding]:
        from leaklint import changes

        assert self.changed is not None
        return changes.touched(report.findings, self.changed, _statements(report.sources))

    def _leave_out(self, report: Report, kept: Iterable[Finding], why: str) -> None:
        from leaklint.result import Skipped

        before = len(report.findings)
        identities = {id(finding) for finding in kept}

        def narrowed(outcome: Outcome) -> Outcome:
            if isinstance(outcome, Skipped):
                return outcome
            return replace(outcome, findings=tuple(f for f in outcome.findings if id(f) in identities))

        report.outcomes = [narrowed(outcome) for outcome in report.outcomes]
        report.aside[why] = before - len(report.findings)

    def _looked_for(self, report: Report) -> Callable[[str], bool]:
        """Whether the run looked for the file of an entry, by the path that the entry has, and could judge it."""
        folder = os.path.dirname(os.path.realpath(self.baseline))
        failed = {_seen_from(self.baseline, failed.path) for failed in report.not_analysed}
        checked = {_seen_from(self.baseline, outcome.path) for outcome in report.outcomes}
        roots = tuple(os.path.join(os.path.realpath(path), "") for path in self.paths)

        def looked_for(path: str) -> bool:
            below = os.path.normpath(os.path.join(folder, path)).startswith(roots)
            return path not in failed and (path in checked or below)

        return looked_for

    def record(self, report: Report, baseline: str | None, reason: str, *, quiet: bool) -> int:
        """Write the findings of the report into a baseline or, if there is none, into the code; returns the exit code.

        Raises click.ClickException for a baseline that cannot be written.
        """
        done, code = self._write(report, baseline) if baseline is not None else _add_ignores(report, reason)
        if not quiet:
            say(done)
        return 2 if report.not_analysed else code

    def _write(self, report: Report, path: str) -> tuple[str, int]:
        """Write the findings into a baseline; returns what was done, and the exit code.

        Entries of files that the run did not look at, or could not analyse, stay. Raises click.ClickException.
        """
        from leaklint import baseline
        from leaklint.cli.output import save

        old = _read(path) if os.path.exists(path) else Counter()
        from leaklint.report.summary import counted

        self.baseline = path
        text = _texts(report)
        looked_for = self._looked_for(report)
        stays = Counter({e: n for e, n in old.items() if not looked_for(e.path)})
        entries = Counter(
            baseline.entry(finding, _seen_from(path, finding.location.path), text(finding))
            for finding in report.findings
        )
        save(baseline.dump(stays | entries).rstrip("\n").split("\n"), path)
        others = f" ({stays.total()} of other files stay)" if stays else ""
        return f"Wrote {counted(len(report.findings), 'finding')} to {click.format_filename(path)}{others}.", 0


def prepared(
    paths: tuple[str, ...],
    overrides: Mapping[str, Any],
    *,
    listed: bool,
    baseline: str | None,
    write_baseline: str | None,
    diff_base: str | None,
    add_ignores: str | None,
) -> Narrowing:
    """What is to be left out of a run over ``paths`` (and of files that a list names, if it is ``listed``).

    Raises click.UsageError for options that contradict each other, and click.ClickException for a baseline that cannot
    be read, for a revision of which there is no change, and for a reason that would say more than a reason.
    """
    if write_baseline is not None and diff_base is not None:
        raise click.UsageError("--write-baseline writes all findings, --diff-base leaves some out")
    if write_baseline is not None and add_ignores is not None:
        raise click.UsageError("--write-baseline and --add-ignores are two ways to the same end")
    if _STDIN in paths and (write_baseline is not None or add_ignores is not None):
        raise click.UsageError("what is read from standard input can be neither suppressed nor put into a baseline")
    if add_ignores:
        from leaklint.ignores import is_reason

        if not is_reason(add_ignores):
            raise click.BadParameter("a comment cannot hold this as a reason", param_hint=_ADD)
    named = paths if listed else paths or (os.curdir,)
    judging = any(overrides.get(name) not in (None, (), False) for name in _JUDGING)
    full = not listed and diff_base is None and not judging and all(map(os.path.isdir, named))
    found = Narrowing(named, full)
    if baseline and write_baseline is None:
        found.baseline, found.known = baseline, _read(baseline)
    if diff_base is not None:
        found.diff_base, found.changed = diff_base, _since(diff_base)
    return found


def _read(path: str) -> Baseline:
    from leaklint import baseline

    name = click.format_filename(path)
    try:
        with open(path, encoding="utf-8") as stream:
            return baseline.load(stream.read())
    except OSError as error:
        raise click.ClickException(f"cannot read the baseline {name}: {error.strerror}") from None
    except (UnicodeDecodeError, baseline.BaselineError) as problem:
        raise click.ClickException(f"cannot read the baseline {name}: {problem}") from None


def _since(ref: str) -> Callable[[str], Lines | None]:
    from leaklint import git
    from leaklint.changes import Lines, NoSuchChange

    try:
        top, changes = git.changes_since(ref, os.curdir)
    except NoSuchChange as problem:
        raise click.ClickException(f"--diff-base: {problem}") from None

    def changed(path: str) -> Lines | None:
        return changes.get(os.fsencode(_from(top, os.path.realpath(path))), Lines())

    return changed


def _seen_from(baseline: str, path: str) -> str:
    """A path as a baseline names it: from its folder, with ``/`` between its parts."""
    folder, name = os.path.split(path)
    there = os.path.join(os.path.realpath(folder or os.curdir), name)
    return _from(os.path.dirname(os.path.realpath(baseline)), there)


def _from(folder: str, path: str) -> str:
    """A path as seen from a folder, with ``/`` between its parts; as it is where no way leads there."""
    try:
        return os.path.relpath(path, folder).replace(os.sep, "/")
    except ValueError:  # on another drive
        return path.replace(os.sep, "/")


def _texts(report: Report) -> Callable[[Finding], str]:
    """A function from a finding to the text of its line."""
    from leaklint.report.frame import lines

    split = {path: lines(source) for path, source in report.sources.items()}

    def text(finding: Finding) -> str:
        there = split.get(finding.location.path, [])
        return there[finding.location.line - 1] if finding.location.line <= len(there) else ""

    return text


def _statements(sources: Mapping[str, str]) -> Callable[[Finding], tuple[int, int]]:
    """A function from a finding to the first and the last line of its statement."""
    import ast

    from leaklint.syntax.statements import Statements

    known: dict[str, Statements | None] = {}

    def lines(finding: Finding) -> tuple[int, int]:
        at = finding.location
        if at.path not in known:
            try:
                known[at.path] = Statements(ast.parse(sources.get(at.path, "")))
            except (SyntaxError, ValueError):  # a template that holds code
                known[at.path] = None
        statements = known[at.path]
        return statements.lines(at.line, at.end_line) if statements is not None else (at.line, at.end_line)

    return lines


def _add_ignores(report: Report, reason: str) -> tuple[str, int]:
    """Write a suppression for each finding into its file; returns what was done, and the exit code.

    A file to which that cannot be done is named and left as it is, and the others are written.
    """
    from leaklint.report.summary import counted

    by_path: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_path.setdefault(finding.location.path, []).append(finding)
    added, files = 0, 0
    for path, findings in by_path.items():
        try:
            _suppress(path, report.sources.get(path, ""), findings, reason)
        except (OSError, ValueError, SyntaxError, RecursionError) as problem:
            why = getattr(problem, "strerror", None) or problem
            say(f"error: {click.format_filename(path)}: no suppression is written: {why}")
        else:
            added, files = added + len(findings), files + 1
    done = f"Suppressed {counted(added, 'finding')} in {counted(files, 'file')}."
    return done, 2 if files < len(by_path) else 0


def _suppress(path: str, source: str, findings: list[Finding], reason: str) -> None:
    """Rewrite one file. Raises OSError, or ValueError that says why it cannot be done."""
    import io
    import tokenize

    from leaklint import files
    from leaklint.handlers.templates import is_template
    from leaklint.ignores import NoPlace, suppressed

    if is_template(path):
        raise ValueError("its code stands in a template")
    with open(path, "rb") as stream:
        data = stream.read()
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    text = data.decode(encoding)
    if text != source:
        raise ValueError("it changed while it was checked")
    if text.encode(encoding) != data:
        raise ValueError(f"what is read as {encoding} is not written as the same bytes")
    try:
        written = suppressed(text, findings, reason).encode(encoding)
    except UnicodeEncodeError:
        raise ValueError(f"the reason cannot be written in {encoding}") from None
    except NoPlace as problem:
        raise ValueError(str(problem)) from None
    files.replace(path, written)
