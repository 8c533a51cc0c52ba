"""Suppressions: what ``# leaklint: ...`` and ``# noqa`` comments ask for, and which of them asked in vain.

    conn = connect()  # leaklint: ignore[LL101, LL102] kept for the next invocation
    conn = connect()  # leaklint: ignore
    conn = connect()  # noqa: LL101
    # leaklint: skip-file

A comment counts for a finding when it stands on any line of the statement that the finding stands in. A bare ``# noqa``
belongs to other tools as well: it suppresses, but is never called unused. Codes in ``# noqa`` that are not leaklint's
are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from io import StringIO

UNUSED = "LL901"
"""the rule that reports suppressions; one that names it is never reported itself"""

# Patterns are compiled when they are first used (and kept by `re`): most files hold no comment that concerns us.
_DIRECTIVE = r"(?i)#\s*leaklint\s*:\s*(?P<verb>[\w-]*)(?:\s*\[(?P<codes>[^\]#]*)\])?"
_NOQA = r"(?i)#\s*noqa\b(?:\s*:(?P<codes>[^#]*))?"
_CODE = r"(?i)[A-Z]+[0-9]+\Z"
_SEPARATOR = r"[\s,]+"
_OWN = r"LL[0-9]+\Z"
_REPORTABLE = rb"(?i)leaklint\s*:|#\s*noqa\b[^\r\n]*\bLL[0-9]"


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment: the 1-based line and columns of its directive (the end exclusive), and the codes that it names.

    No codes means every rule. ``shared`` is a ``# noqa``, of which only codes of leaklint are kept; ``wrong`` is what
    is wrong with the directive when it cannot suppress anything.
    """

    line: int
    column: int
    end_column: int
    codes: tuple[str, ...] = ()
    shared: bool = False
    wrong: str = ""

    def covers(self, rule: str) -> bool:
        """Whether a finding of ``rule`` on this line is suppressed."""
        if self.wrong:
            return False
        return rule in self.codes if self.codes or rule == UNUSED else True


@dataclass(frozen=True, slots=True)
class Comments:
    """All suppressions of a file, in source order."""

    suppressions: tuple[Suppression, ...] = ()
    skip_file: bool = False


@dataclass(frozen=True, slots=True)
class Unused:
    """A suppression, or some of its codes, that suppressed nothing. Lines and columns are 1-based, the end exclusive.

    ``codes`` are those that matched no finding, empty where the comment names none; ``detail`` says the same in words.
    """

    line: int
    column: int
    end_column: int
    detail: str
    codes: tuple[str, ...] = ()
    wrong: bool = False
    """the directive is misspelt: whoever wrote it meant something by it"""


def may_hold_comments(data: bytes) -> bool:
    """Whether ``read`` could find anything in a file of these bytes."""
    return b"leaklint" in data or b"noqa" in data.lower()


def may_be_unused(data: bytes) -> bool:
    """Whether a file of these bytes may hold a suppression that is reported when nothing is found in the file."""
    return (b"leaklint" in data.lower() or b"LL" in data.upper()) and re.search(_REPORTABLE, data) is not None


def read(text: str) -> Comments:
    """Return the suppressions of ``text``.

    Source that cannot be tokenized is read line by line from where the tokenizer gave up, so that a file in another
    language version can still say that it wants to be skipped. Raises nothing.
    """
    suppressions: list[Suppression] = []
    skip_file = False
    for line, column, comment in _comments(text):
        for match in re.finditer(_DIRECTIVE, comment):
            suppression = _own(match, line, column)
            if suppression is None:
                skip_file = True
            else:
                suppressions.append(suppression)
        for match in re.finditer(_NOQA, comment):
            codes = _noqa_codes(match["codes"] or "")
            own = tuple(code for code in codes if re.match(_OWN, code))
            if own or not codes:
                end = column + match.start() + len(match[0].rstrip())
                suppressions.append(Suppression(line, column + match.start(), end, own, shared=True))
    return Comments(tuple(suppressions), skip_file)


def suppresses(comments: Comments, rule: str, first_line: int, last_line: int) -> bool:
    """Whether a comment on one of these lines (1-based, both included) suppresses a finding of ``rule``."""
    return any(s.covers(rule) for s in comments.suppressions if first_line <= s.line <= last_line)


def unused(
    comments: Comments, suppressed: Iterable[tuple[str, int, int]], known: Collection[str], ran: Collection[str]
) -> Iterator[Unused]:
    """Yield what suppressed nothing, in source order.

    ``suppressed`` are all findings that met a comment, as (rule, first line, last line) of their statements; ``known``
    are the codes of all rules and ``ran`` those that were asked for: a code that was not judged in this run is not
    called unused, and a comment that names no code only when every rule was.
    """
    hits = list(suppressed)
    for s in comments.suppressions:
        if s.wrong:
            yield Unused(s.line, s.column, s.end_column, s.wrong, wrong=True)
            continue
        matched = {rule for rule, first, last in hits if first <= s.line <= last and s.covers(rule)}
        if not s.codes:
            if not s.shared and not matched and set(known) <= set(ran):
                yield Unused(s.line, s.column, s.end_column, "it matches no finding")
            continue
        if UNUSED in s.codes:
            continue
        unknown = tuple(code for code in s.codes if code not in known and not s.shared)
        idle = tuple(code for code in s.codes if code in known and code in ran and code not in matched)
        details = []
        if unknown:
            details.append(f"{_listed(unknown)} {'is no rule' if len(unknown) == 1 else 'are no rules'} of leaklint")
        if idle:
            details.append(f"{_listed(idle)} {'matches' if len(idle) == 1 else 'match'} no finding")
        if details:
            yield Unused(s.line, s.column, s.end_column, "; ".join(details), unknown + idle)


def _own(match: re.Match[str], line: int, column: int) -> Suppression | None:
    """The suppression of a ``leaklint:`` directive; None for ``skip-file``."""
    verb = match["verb"].lower()
    if verb == "skip-file":
        return None
    codes: tuple[str, ...] = ()
    wrong = ""
    if verb != "ignore":
        wrong = f"leaklint knows 'ignore' and 'skip-file', not '{match['verb']}'"
    elif match["codes"] is not None:
        codes = tuple(dict.fromkeys(code.upper() for code in re.split(_SEPARATOR, match["codes"]) if code))
        if not codes:
            wrong = "it names no code between its brackets"
    end = column + match.start() + len(match[0].rstrip())
    return Suppression(line, column + match.start(), end, codes, wrong=wrong)


def _noqa_codes(text: str) -> list[str]:
    """The leading codes of what follows ``noqa:``; words after them are the reason."""
    codes: list[str] = []
    for word in re.split(_SEPARATOR, text.strip()):
        if not re.match(_CODE, word):
            break
        codes.append(word.upper())
    return codes


def _listed(codes: tuple[str, ...]) -> str:
    return codes[0] if len(codes) == 1 else f"{', '.join(codes[:-1])} and {codes[-1]}"


def _comments(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (line, column, text) of each comment: both are 1-based, the column in code points."""
    import tokenize

    text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    last = 0
    try:
        for token in tokenize.generate_tokens(StringIO(text).readline):
            last = token.start[0]
            if token.type == tokenize.COMMENT:
                yield last, token.start[1] + 1, token.string
    except (tokenize.TokenError, SyntaxError, ValueError):
        for number, line in enumerate(text.split("\n")[last:], last + 1):
            start = line.find("#")
            if start >= 0:
                yield number, start + 1, line[start:]
