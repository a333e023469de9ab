"""Whom other systems are told of, as an author declares it."""
