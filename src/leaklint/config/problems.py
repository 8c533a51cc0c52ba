"""What can be wrong with a configuration, and what may have been meant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Wrong(ValueError):
    """A value is not what its key takes. ``within`` leads to the wrong part of it: positions and keys."""

    def __init__(self, message: str, *within: str | int) -> None:
        super().__init__(message)
        self.within = within


class ConfigurationError(Exception):
    """A configuration cannot be used: ``path`` is its file as messages name it, ``line`` is 1-based or 0."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line
        self.message = message


def meant(word: str, known: Iterable[str]) -> str:
    """The known word that is most like ``word``, as the end of a message; empty when none is like it."""
    from difflib import get_close_matches

    close = get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def unknown_rule(word: str, rules: Mapping[str, str]) -> str:
    """Say that ``word`` is no rule of ``rules``, names by codes, and which one may be meant."""
    from difflib import get_close_matches

    spellings = {spelling: code for code, name in rules.items() for spelling in (code.lower(), name)}
    close = get_close_matches(word.lower(), spellings, n=1, cutoff=0.5)
    hint = f"; did you mean {spellings[close[0]]} ({rules[spellings[close[0]]]})?" if close else ""
    return f"{word} is no rule of leaklint{hint}"
