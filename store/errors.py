"""What can go wrong with the store; each message says what to do.

StoreError
├── StoreUnreachable   no server answered at the configured address
├── ListIsFrozen       a list is a snapshot, which nothing changes
├── DoneBefore         what is to be done once is done already
├── NoReport           a report cannot be had so
└── MigrationError     the schema is not the one these files describe
"""


class StoreError(Exception):
    """The store cannot do what was asked."""


class StoreUnreachable(StoreError):
    """No Postgres server answered at the configured address."""


class ListIsFrozen(StoreError):
    """A list is a snapshot of a segment, which nothing changes; put customers on another list."""


class DoneBefore(StoreError):
    """What is to be done once is done already, by another request; nothing of this one stays."""


class MigrationError(StoreError):
    """The database's schema is not the one the migration files describe."""


class NoReport(StoreError):
    """What was asked of a report is not to be had; the message says what is."""
