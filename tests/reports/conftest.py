"""A database that is emptied after each test."""

from tests.emptied import database, dsn, emptying, pooled, untouched  # noqa: F401 - fixtures
