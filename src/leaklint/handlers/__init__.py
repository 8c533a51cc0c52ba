"""Lambda entry points: which functions of a project AWS calls, and why they are thought to be ones."""
