"""The tests of leaklint; a package, so that `tests.oracle` and `tests.mutation` are importable and runnable."""
