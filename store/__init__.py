"""Postgres: migrations, named SQL and the connection pool; nothing here knows a journey's meaning."""

from store.database import Connection, Database, Pool, connect
from store.errors import MigrationError, StoreError, StoreUnreachable
from store.migrate import migrate
from store.named import Query, queries

__all__ = [
    "Connection",
    "Database",
    "MigrationError",
    "Pool",
    "Query",
    "StoreError",
    "StoreUnreachable",
    "connect",
    "migrate",
    "queries",
]
