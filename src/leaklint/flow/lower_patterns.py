"""The patterns of ``match``: which names they bind to what, and when they cannot fail.

Example, ``match pair:`` / ``case [f, None]: ...`` / ``case other: ...``, with the subject kept in ``#1``::

    assume not #1 is None    a sequence is not None
    f = #1[0]                then the body of the first case
    other = #1               on the other way: irrefutable, so nothing falls through
"""

from __future__ import annotations

import libcst as cst

from leaklint.flow import ops
from leaklint.flow.lower_expressions import Expressions
from leaklint.flow.ops import Place, Test


class Patterns(Expressions):
    """Expressions, and the patterns of match statements."""

    def irrefutable(self, pattern: cst.MatchPattern) -> bool:
        """Whether the pattern matches everything."""
        if isinstance(pattern, cst.MatchAs):
            return pattern.pattern is None or self.irrefutable(pattern.pattern)
        if isinstance(pattern, cst.MatchOr):
            return any(self.irrefutable(element.pattern) for element in pattern.patterns)
        return False

    def bind_pattern(self, pattern: cst.MatchPattern, subject: Place) -> None:
        """Bind the names of a pattern that has matched `subject`."""
        if isinstance(pattern, cst.MatchAs):
            if pattern.pattern is not None:
                self.bind_pattern(pattern.pattern, subject)
            if pattern.name is not None:
                self.assign(pattern.name, subject)
        elif isinstance(pattern, cst.MatchOr):
            split, ends = self.cursor, []
            for alternative in pattern.patterns:
                self.cursor = split
                self.bind_pattern(alternative.pattern, subject)
                ends.append(self.cursor)
            self.cursor = self.join(*ends)
        elif isinstance(pattern, cst.MatchSequence):
            starred = False
            for index, element in enumerate(pattern.patterns):
                if isinstance(element, cst.MatchStar):
                    starred = True
                    self._bind_rest(element.name, subject)
                else:
                    part = f"{subject}[{'' if starred else index}]" if subject else ""
                    self.bind_pattern(element.value, part)
        elif isinstance(pattern, cst.MatchMapping):
            for entry in pattern.elements:
                self.bind_pattern(entry.pattern, f"{subject}[{self.key(entry.key)}]" if subject else "")
            self._bind_rest(pattern.rest, subject)
        elif isinstance(pattern, cst.MatchClass):
            for positional in pattern.patterns:
                self.bind_pattern(positional.value, f"{subject}[]" if subject else "")
            for keyword in pattern.kwds:
                self.bind_pattern(keyword.pattern, f"{subject}.{keyword.key.value}" if subject else "")

    def _bind_rest(self, name: cst.Name | None, subject: Place) -> None:
        if name is None:
            return
        part = self.temporary()
        self.place(ops.Bind(part, container=True))
        if subject:
            self.place(ops.Bind(f"{part}[]", f"{subject}[]"))
        self.assign(name, part)

    def assume_pattern(self, pattern: cst.MatchPattern, subject: Place, value: bool, guard: str) -> None:
        """What is known of `subject` when the pattern has matched (or has not)."""
        if isinstance(pattern, cst.MatchSingleton) and pattern.value.value == "None":
            self.place(ops.Assume(Test.NONE, subject, value, f"{guard} is None" if guard else "", pattern, value))
            return
        if value and subject and _literal(pattern):
            # A resource equals no literal.
            self.place(ops.Assume(Test.NONE, subject, True, "", pattern, value))
            return
        key = ""
        if guard and isinstance(pattern, cst.MatchValue):
            constant = self.guard(pattern.value, constants=True)
            if constant:
                key = f"{guard} == {constant}"
                self.cfg.guards[key] = self.cfg.guards[guard]
        elif isinstance(pattern, cst.MatchClass | cst.MatchSequence | cst.MatchMapping) and value and subject:
            self.place(ops.Assume(Test.NONE, subject, False, "", pattern))
        self.place(ops.Assume(Test.OPAQUE, "", value, key, pattern, value))


def _literal(pattern: cst.MatchPattern) -> bool:
    if isinstance(pattern, cst.MatchOr):
        return all(_literal(element.pattern) for element in pattern.patterns)
    if isinstance(pattern, cst.MatchSingleton):
        return True
    return isinstance(pattern, cst.MatchValue) and isinstance(pattern.value, cst.SimpleString | cst.ConcatenatedString)
