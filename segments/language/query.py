"""What a leaf may ask of a customer where Postgres answers: the words in which its `sql` is written.

Promise: pure. A leaf is given a query and names no SQL library; what it gets is combined like truths and numbers of Python's.
`segments.sql.query` keeps the words.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol, Self

from segments.time.calendar import Period

Path = tuple[str, ...]


class Sql(Protocol):
    """What Postgres works out of one customer: a truth (never unknown), an instant, a day, a number of days or years."""

    def __and__(self, other: Any, /) -> "Sql": ...
    def __or__(self, other: Any, /) -> "Sql": ...
    def __invert__(self) -> "Sql": ...
    def __lt__(self, other: Any, /) -> "Sql": ...
    def __le__(self, other: Any, /) -> "Sql": ...
    def __gt__(self, other: Any, /) -> "Sql": ...
    def __ge__(self, other: Any, /) -> "Sql": ...
    def __add__(self, other: Any, /) -> "Sql": ...
    def __sub__(self, other: Any, /) -> "Sql": ...


class Share(Protocol):
    """One number divided by another; no comparison is true where the other is 0."""

    def compares(self, op: str, value: Any) -> Sql:
        """With a plain number, or with two for "between"."""


class Number(Protocol):
    """An exact number; nothing is divided or rounded, and no comparison is true of one that is missing."""

    def compares(self, op: str, value: Any) -> Sql:
        """With a plain number, with two for "between", or with another of these."""

    def __mul__(self, times: Any, /) -> "Number": ...
    def __truediv__(self, other: Any, /) -> Share: ...


class Place(Protocol):
    """A point on Earth."""

    def metres(self, lat: float, lon: float) -> Sql:
        """How far away another one is."""

    def within(self, sides: Sequence[tuple[tuple[float, float], tuple[float, float]]]) -> Sql:
        """Whether a line from it to the east crosses an odd number of these."""


class Document(Protocol):
    """One JSON document: an event's properties, an item of a list, the traits of a customer."""

    def beside(self, part: Any, siblings: Iterable[Any]) -> Self:
        """The same, for a part next to which others have to be true, too: they may tell where to look."""

    def compares(self, path: Path, op: str, value: Any = None) -> Sql:
        """Whether a value at the path compares (`segments.language.comparing`)."""

    def any_item(self, path: Path, condition: Any) -> Sql:
        """Whether an object in a list at the path meets a condition."""

    def instants(self, path: Path, test: Callable[[Sql], Sql]) -> Sql:
        """Whether a date or time at the path meets a test."""

    def days(self, path: Path, test: Callable[[Sql], Sql]) -> Sql:
        """Whether a day at the path, as it is written, meets a test."""


class Query(Document, Protocol):
    """What can be asked of a customer at an instant; of the documents that there are, it is the traits."""

    @property
    def unwritten(self) -> frozenset[str]:
        """Types of events of which none was ever written, though what they would say is known."""

    def document(self, column: str, *fields: str) -> Document:
        """What is said beside the traits (`traits_at`, `traits_from`), or a field of it."""

    def known_since(self, trait: str) -> Sql:
        """The instant since which a trait is what it is."""

    def has(self, table: str, **columns: Any) -> Sql:
        """Whether the customer has a row with these texts (a list: one of them, None: nothing, a number: as much) there."""

    def drawn(self, salt: str, below: bytes | None) -> Sql:
        """Whether the customer's draw lies there (None: it always does)."""

    def happened(self, events: Any, least: int = 1, most: int | None = None) -> Sql:
        """Whether so many events count (`segments.leaves.events`)."""

    def first_or_last(self, which: str, named: str, window: timedelta | None, condition: Any) -> Sql:
        """Whether the "first" or the "last" event of a name is younger than a window and meets a condition."""

    def amounts(self, of: Sequence[Any], test: Callable[..., Sql], *, of_nothing: bool = False) -> Sql:
        """Whether amounts (`segments.leaves.amounts`) meet a test; `of_nothing` says that they do where no event counts."""

    def ranked(self, top: Any) -> Sql:
        """Whether an amount reaches the threshold that stands (`segments.leaves.top`)."""

    def points(self, earned: Iterable[tuple[Sql, Any]]) -> Number:
        """The sum of the points of what is true."""

    def located(self, position: Any, test: Callable[[Place], Sql]) -> Sql:
        """Whether the customer's position (`segments.leaves.places`) is known and meets a test."""

    def ago(self, span: timedelta) -> Sql:
        """The instant so long before the one asked about; after it where the span is below zero."""

    def today(self, day: Period) -> Sql:
        """The customer's day."""

    def year(self, day: Sql) -> Sql:
        """The year of a day."""

    def birthday(self, day: Sql, years: Sql) -> Sql:
        """The day so many years later, the 28th of February for the 29th."""

    def years_since(self, day: Sql, today: Sql) -> Number:
        """Whole years from a day to another."""

    def as_of(self, span: timedelta) -> "Query":
        """The same, asked so long ago."""

    def at_a_step(self, edges: Iterable[tuple[str, timedelta]], span: timedelta, test: Callable[["Query"], Sql]) -> Sql:
        """Whether a test is true at one of the instants in a span at which these edges were reached."""

    def in_turn(self, first: Sql, second: Sql) -> Sql:
        """Whether both are true; the second is looked at only where the first is."""
