"""Fixes of one file made: together where they do not meet, round after round, each validated before it counts.

A fix is dropped, and the finding says why, when there is any doubt: the result must compile, hold every comment and
every untouched statement as it was, bind the same names (and those that a template makes), have the finding no more and
none that was not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from leaklint import validate
from leaklint.config import Settings
from leaklint.edit import Applicability, Edit, apply
from leaklint.finding import Finding
from leaklint.result import Failed, Outcome, Skipped
from leaklint.unit import decode, encode

Check = Callable[[bytes, str, Settings], Outcome]
IMPORTED = frozenset({"closing", "ExitStack", "ExitStack, closing"})
"""what templates import from a module that the file names already"""
MOST_ROUNDS = 100
"""rounds after which a file is left as it is: every one mends at least one finding"""


@dataclass(frozen=True, slots=True)
class Fixed:
    """One file: its bytes before and after, and the findings that went."""

    path: str
    before: bytes
    after: bytes
    findings: tuple[Finding, ...]
    outcome: Outcome
    """what was found before"""


@dataclass(slots=True)
class Fixer:
    """A check that mends what it finds: it returns what remains, and remembers what it changed. Writes nothing."""

    check: Check
    keep: bool = True
    """whether the file will hold the result: else what others see of it is what stands on the disk"""
    shown: Callable[[Outcome], Outcome] = lambda outcome: outcome
    """leaves out of an outcome what is not to be mended"""
    fixed: list[Fixed] = field(default_factory=list)

    def __call__(self, data: bytes, path: str, settings: Settings) -> Outcome:
        """Check the bytes of a file and mend them. What remains has the reason for which it was refused."""
        first = outcome = self.check(data, path, settings)
        before = data
        left_out = {f.fingerprint for f in _findings(first)} - {f.fingerprint for f in _findings(self.shown(first))}
        dropped: dict[str, str] = {}
        done: list[Finding] = []
        for _ in range(MOST_ROUNDS):
            wanted = [
                f for f in _findings(outcome) if _allowed(f, settings) and f.fingerprint not in {*dropped, *left_out}
            ]
            if not wanted:
                break
            step = self._round(data, path, settings, outcome, wanted, dropped)
            if step is None:
                continue
            data, outcome, mended = step
            done += mended
        if data != before:
            data, outcome = self._tidied(before, data, path, settings, outcome)
            self.fixed.append(Fixed(path, before, data, tuple(done), first))
            if not self.keep:
                self.check(before, path, settings)
        return _with_reasons(outcome, dropped)

    def _tidied(
        self, before: bytes, data: bytes, path: str, settings: Settings, outcome: Outcome
    ) -> tuple[bytes, Outcome]:
        """The file with the heads of nested blocks joined that its fixes made."""
        from leaklint.fixes import join_heads

        tidied = data
        for _ in range(MOST_ROUNDS):
            text = decode(tidied)
            body = text.removeprefix("\ufeff")
            edits = join_heads.edits(decode(before).removeprefix("\ufeff"), body)
            if not edits:
                break
            changed, after = rewritten(tidied, text, edits)
            if validate.text(body, after, edits):
                break
            tidied = changed
        if tidied == data:
            return data, outcome
        again = self.check(tidied, path, settings)
        if isinstance(again, Failed) or validate.findings(_findings(outcome), _findings(again), ()):
            self.check(data, path, settings)
            return data, outcome
        return tidied, again

    def _round(
        self,
        data: bytes,
        path: str,
        settings: Settings,
        outcome: Outcome,
        wanted: list[Finding],
        dropped: dict[str, str],
    ) -> tuple[bytes, Outcome, list[Finding]] | None:
        """The file with as many of the fixes made as do not meet; None when none stands."""
        together = apart(wanted)
        for chosen in (together, *([one] for one in together)) if len(together) > 1 else (together,):
            result, problem = self._try(data, path, settings, outcome, chosen)
            if result is not None:
                return (*result, list(chosen))
            if len(chosen) == 1:
                dropped[chosen[0].fingerprint] = problem
        return None

    def _try(
        self, data: bytes, path: str, settings: Settings, outcome: Outcome, chosen: Sequence[Finding]
    ) -> tuple[tuple[bytes, Outcome] | None, str]:
        text = decode(data)
        fixes = [finding.fix for finding in chosen if finding.fix is not None]
        edits = [edit for fix in fixes for edit in fix.edits]
        try:
            changed, after = rewritten(data, text, edits)
        except (ValueError, UnicodeEncodeError) as error:
            return None, f"the result cannot be written: {error}"
        problem = validate.text(
            text.removeprefix("\ufeff"),
            after,
            edits,
            comments=_keeps_comments(chosen),
            moved=[name for fix in fixes for name in fix.moved],
            gained=[method for fix in fixes for method in fix.gained],
        )
        if problem:
            return None, problem
        again = self.check(changed, path, settings)
        problem = validate.findings(_findings(outcome), _findings(again), chosen)
        if not problem and isinstance(again, Failed) and not isinstance(outcome, Failed):
            problem = "the result cannot be analysed"
        return (None, problem) if problem else ((changed, again), "")


@dataclass(slots=True)
class Validator:
    """A check that validates every fix, for formats that carry edits: those that fail become reasons.

    Fixes that do not meet are tried together, since none touches what another does; each by itself when that fails.
    """

    check: Check

    def __call__(self, data: bytes, path: str, settings: Settings) -> Outcome:
        """Check the bytes of a file; the fixes of its findings have been tried out."""
        outcome = self.check(data, path, settings)
        offered = [finding for finding in _findings(outcome) if finding.fix is not None]
        dropped: dict[str, str] = {}
        fixer = Fixer(self.check)
        waiting = list(offered)
        while waiting:
            together = apart(waiting)
            waiting = [finding for finding in waiting if finding not in together]
            if len(together) > 1 and fixer._try(data, path, settings, outcome, together)[0] is not None:
                continue
            for finding in together:
                result, problem = fixer._try(data, path, settings, outcome, [finding])
                if result is None:
                    dropped[finding.fingerprint] = problem
        if offered:
            self.check(data, path, settings)
        return _with_reasons(outcome, dropped)


def apart(findings: Iterable[Finding]) -> list[Finding]:
    """Findings whose fixes do not meet, the smallest (innermost) first; what adds the same import may share it.

    A fix by which a class gains methods is made alone: others are findings from then on, and what is derived from the
    class inherits them.
    """
    taken: list[tuple[int, int]] = []
    shared: set[Edit] = set()
    chosen: list[Finding] = []
    for finding in sorted(findings, key=_size):
        assert finding.fix is not None
        if chosen and (finding.fix.gained or (chosen[0].fix is not None and chosen[0].fix.gained)):
            continue
        imports = {edit for edit in finding.fix.edits if _is_import(edit)}
        start, end = _extent(finding)
        if any(start <= known_end and known_start <= end for known_start, known_end in taken):
            continue
        if any(a.start == b.start and a != b for a in imports for b in shared):
            continue
        taken.append((start, end))
        shared |= imports
        chosen.append(finding)
    return chosen


def rewritten(data: bytes, text: str, edits: Sequence[Edit]) -> tuple[bytes, str]:
    """The bytes and the text (without a byte-order mark) of a file after edits; equal edits are made once.

    Raises ValueError for edits that overlap, and for a file that decoding and encoding change.
    """
    body = text.removeprefix("\ufeff")
    if encode(text, data) != data:
        raise ValueError("decoding and encoding the file changes it")
    after = apply(body, list(dict.fromkeys(edits)))
    return encode(text[: len(text) - len(body)] + after, data), after


def allowed(finding: Finding, *, unsafe: bool) -> bool:
    """Whether a finding has a fix that may be made."""
    return finding.fix is not None and (unsafe or finding.fix.applicability is Applicability.SAFE)


def _allowed(finding: Finding, settings: Settings) -> bool:
    return allowed(finding, unsafe=settings.unsafe_fixes)


def _is_import(edit: Edit) -> bool:
    return edit.start == edit.end and ("import " in edit.text or edit.text.strip(" ,") in IMPORTED)


def _extent(finding: Finding) -> tuple[int, int]:
    """Where the edits of a fix begin and end, imports aside."""
    assert finding.fix is not None
    own = [edit for edit in finding.fix.edits if not _is_import(edit)] or list(finding.fix.edits)
    return min(e.start for e in own), max(e.end for e in own)


def _size(finding: Finding) -> tuple[int, int]:
    start, end = _extent(finding)
    return end - start, start


def _findings(outcome: Outcome) -> tuple[Finding, ...]:
    return () if isinstance(outcome, Skipped) else outcome.findings


def _keeps_comments(findings: Iterable[Finding]) -> bool:
    return all(finding.rule != "LL901" for finding in findings)


def _with_reasons(outcome: Outcome, dropped: dict[str, str]) -> Outcome:
    if not dropped or isinstance(outcome, Skipped):
        return outcome
    findings = tuple(
        replace(f, fix=None, refused=dropped[f.fingerprint]) if f.fingerprint in dropped and f.fix else f
        for f in outcome.findings
    )
    return replace(outcome, findings=findings)
