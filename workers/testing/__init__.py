"""The test kit that ships: journeys rehearsed in milliseconds, or on real servers, in one vocabulary (`shop`)."""

from workers.testing.customer import Customer
from workers.testing.rehearsal import Rehearsal

__all__ = ["Customer", "Rehearsal"]
