"""A definition becomes live: everybody is evaluated while the watch goes on."""
