"""One renderer per format: each turns a report into lines, shows every finding it is given, and prints nothing."""
