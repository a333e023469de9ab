"""A toy channel: a message in a bottle, which reaches whoever it is for wherever they are."""
