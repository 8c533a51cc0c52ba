"""Rule codes and prefixes as options spell them."""

from __future__ import annotations

import click


def parse(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """The selectors of a repeatable option of comma lists, in capitals; ``ALL`` is the empty prefix of all codes.

    Raises click.BadParameter for one that is no prefix of any rule's code.
    """
    selectors = [part.strip().upper() for value in values for part in value.split(",") if part.strip()]
    if selectors:
        from leaklint.rules import RULES

        for selector in selectors:
            if selector != "ALL" and not any(rule.code.startswith(selector) for rule in RULES):
                raise click.BadParameter(unknown(selector))
    elif values:
        raise click.BadParameter("names no rule")
    return tuple("" if selector == "ALL" else selector for selector in selectors)


def unknown(word: str) -> str:
    """Say that ``word`` is no rule, and which rule may be meant."""
    import difflib

    from leaklint.rules import RULES

    spellings = {spelling: rule for rule in RULES for spelling in (rule.code.lower(), rule.name)}
    close = difflib.get_close_matches(word.lower(), spellings, n=1, cutoff=0.5)
    hint = f"; did you mean {spellings[close[0]].code} ({spellings[close[0]].name})?" if close else ""
    return f"{word} is no rule of leaklint{hint}"
