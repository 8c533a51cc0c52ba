"""Repairs: one template a file, each with its preconditions in its docstring; `choose` asks them in order.

A template either returns edits that keep what the program does, or refuses with the reason. Nothing here runs or
re-checks anything: that is `leaklint.autofix`.
"""
