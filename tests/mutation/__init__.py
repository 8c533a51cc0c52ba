"""Mutation of correct code: break functions that leak nothing, and see that leaklint says so.

``correct/*.py`` hold functions that release what they acquire. A comment ``# acquire: CALL`` marks the line of an
acquiring call (``with-keeps``: its own ``with`` does not release), ``# release: NAME`` the statement that gives back
what NAME holds. Each mutator removes what makes the function correct, so each mutant leaks at a marked line; the
functions themselves must give no finding. They are data: read, never run.
"""
