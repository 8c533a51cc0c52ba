"""One file: gate -> facts -> rules -> findings, behind a barrier that turns what cannot be analysed into a result."""

from __future__ import annotations

import os

from leaklint.config import Settings
from leaklint.handlers.templates import is_template
from leaklint.result import Checked, Failed, Outcome, Skipped, Work
from leaklint.syntax import comments, containers, words
from leaklint.workspace import Workspace


def check_source(data: bytes, path: str, settings: Settings, workspace: Workspace | None = None) -> Outcome:
    """Check the bytes of one file; `path` is written into findings as given.

    `workspace` is shared by the files of a run that know the same resources, to read each module of the project once;
    findings do not depend on it.
    """
    workspace = workspace or Workspace.under(settings)
    if is_template(path):
        from leaklint.template import check_template

        return check_template(data, path, settings, workspace)
    work = Work(files=1)
    directives = comments.may_be_unused(data)
    passed = words.passes(data, workspace.gate) or directives or containers.may_grow(data)
    if not passed and not workspace.comes_back(data, os.path.realpath(path)):
        work.gated = 1
        return Checked(path, work=work)
    from leaklint.inspection import Inspection
    from leaklint.unit import NotAnalysed, decode

    found: comments.Comments | None = comments.Comments()
    try:
        if b"leaklint" in data.lower() or directives:
            found = comments.read(decode(data))
            if found.skip_file:
                return Skipped(path, "skip-file comment")
        elif comments.may_hold_comments(data):
            # Directives of other tools matter when there is something to suppress: they are read then.
            found = None
        unit = workspace.checked(data, path, work)
    except NotAnalysed as problem:
        return Failed(path, problem.reason, problem.line, work=work)
    return Inspection(unit, workspace, found).judge(settings)


__all__ = ["Checked", "Failed", "Outcome", "Skipped", "check_source"]
