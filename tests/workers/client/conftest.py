from tests.emptied import database, dsn, emptying, pooled, pooled_for_api, untouched  # noqa: F401 - fixtures
