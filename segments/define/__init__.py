"""Writing definitions, lists and snapshots."""
