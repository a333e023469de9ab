"""What can go wrong with the store; each message says what to do.

StoreError
├── StoreUnreachable   no server answered at the configured address
└── MigrationError     the schema is not the one these files describe
"""


class StoreError(Exception):
    """The store cannot do what was asked."""


class StoreUnreachable(StoreError):
    """No Postgres server answered at the configured address."""


class MigrationError(StoreError):
    """The database's schema is not the one the migration files describe."""
