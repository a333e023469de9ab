"""From rows to Temporal and back: entries, starts, exits, ends."""
