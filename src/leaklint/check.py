"""One file: gate -> facts -> rules -> findings, behind a barrier that turns what cannot be analysed into a result."""

from __future__ import annotations

from leaklint.catalogue._gate import GATE
from leaklint.config import Settings
from leaklint.result import Checked, Failed, Outcome, Skipped, Work
from leaklint.syntax import comments, gate

MAX_BYTES = 20_000_000


def check_source(data: bytes, path: str, settings: Settings) -> Outcome:
    """Check the bytes of one file; `path` is written into findings as given."""
    work = Work(files=1)
    passed = gate.passes(data, GATE)
    if not passed and not comments.may_be_unused(data):
        work.gated = 1
        return Checked(path, work=work)
    from leaklint.inspection import Inspection, NotAnalysed

    try:
        inspection = Inspection.open(data, path, work)
    except NotAnalysed as problem:
        return Failed(path, problem.reason, problem.line, work=work)
    if inspection.comments.skip_file:
        return Skipped(path, "skip-file comment")
    return inspection.judge(settings)


__all__ = ["Checked", "Failed", "Outcome", "Skipped", "check_source"]
