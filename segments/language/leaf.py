"""The base of leaves: predicates without parts, each with all that it can do in one file.

Promise: pure. A leaf says what it looks at (edges, traits, marks) and how far back, so that the watch needs no other list.
"""

from datetime import datetime

from segments.facts import Facts
from segments.language.predicate import Predicate


class Leaf(Predicate):
    """A predicate without parts that knows its own truth."""

    @property
    def dated_by(self) -> str | None:
        """What in `Person.dates` says since when it is as it is."""
        return None

    def since(self, facts: Facts) -> dict[str, datetime]:
        """Since when it is as it is, where that is known."""
        known = facts.person.dates.get(str(self.dated_by))
        return {} if known is None else {"since": known}
