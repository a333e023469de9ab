"""The watch: who entered and who left since the last tick, because of events or because of time."""
