"""Obligations walked to their exits: no libcst, no I/O, no rule codes."""
