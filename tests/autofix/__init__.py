"""Differential execution: a program runs before and after its fix, undisturbed and with each call failing in turn.

``execution`` observes runs and compares them (in a process of its own), ``fixing`` calls the command line,
``careless`` holds fixers that break programs, and ``programs`` writes programs of many shapes. The traps are in
``fixtures/autofix/traps``.
"""
