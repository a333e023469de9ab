"""Versions of a catalogue: its sources and templates as an archive, and archives loaded side by side."""
