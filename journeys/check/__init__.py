"""All that is refused when a catalogue is loaded."""
