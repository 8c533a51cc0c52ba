"""Recursion among summaries: what is believed of functions that are being summarised, and what rests on it.

A recursive call is first believed to release what it is given: the paths that end decide. Where they do not, it
borrows. What was found out under a belief about another function is no summary yet, but holds as long as the belief
does: without that, functions that call each other would be summarised once for every way through them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from leaklint.analysis.obligation import Fate

Question = tuple[object, ...]
"""a function, and what of it is asked"""


@dataclass(eq=False, slots=True)
class Beliefs:
    """The fates that are being found out."""

    held: dict[Question, Fate] = field(default_factory=dict)
    """what is believed of each"""
    _leaned_on: set[Question] = field(default_factory=set)
    """beliefs that the answer in the making used"""
    _provisional: dict[Question, tuple[Fate, dict[Question, Fate]]] = field(default_factory=dict)
    """answers with the beliefs that they rest on"""

    def fate(self, asked: Question, find: Callable[[], Fate]) -> tuple[Fate, bool]:
        """The answer to a question, and whether it is final; ``find`` finds it where nothing is known or believed."""
        if asked in self.held:
            self._leaned_on.add(asked)
            return self.held[asked], False
        known = self._provisional.get(asked)
        if known is None or any(self.held.get(question) is not fate for question, fate in known[1].items()):
            known = self._found(asked, find)
        fate, rests_on = known
        if rests_on:
            self._provisional[asked] = known
            self._leaned_on.update(rests_on)
        return fate, not rests_on

    def _found(self, asked: Question, find: Callable[[], Fate]) -> tuple[Fate, dict[Question, Fate]]:
        around, self._leaned_on = self._leaned_on, set()
        try:
            for belief in (Fate.CLOSES, Fate.BORROWS):
                self.held[asked] = belief
                self._leaned_on.discard(asked)
                fate = find()
                if asked not in self._leaned_on or fate in (Fate.CLOSES, Fate.CLOSES_NORMALLY):
                    break
            self._leaned_on.discard(asked)
            return fate, {question: self.held[question] for question in self._leaned_on}
        finally:
            del self.held[asked]
            self._leaned_on = around
            if not self.held:
                self._provisional.clear()  # nothing of it can hold any more, and it would keep modules alive
