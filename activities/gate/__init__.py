"""Whether a message may go out now."""
