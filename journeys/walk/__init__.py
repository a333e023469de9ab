"""A journey walked without running it: its paths, and parameters to walk them with."""
