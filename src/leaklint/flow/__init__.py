"""Functions as graphs of ops in evaluation order."""
