"""Who somebody is, as a predicate: a member of another segment, in a random bucket, on a list written by hand.

Promise: pure. A bucket is the same in SQL and in Python, for ever, and independent of every bucket with another salt.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self
from unicodedata import normalize

from segments.errors import DefinitionError
from segments.evaluate import flipped_at
from segments.facts import Facts
from segments.language.chance import draw
from segments.language.edges import Edge, Leaning
from segments.language.events import NAME_CHANGED
from segments.language.leaf import Leaf
from segments.language.predicate import Predicate, Read
from segments.language.query import Query, Sql
from segments.language.reading import only, operand
from segments.language.values import check_name, kind_of
from segments.language.words import operand_in_words, to_plain

if TYPE_CHECKING:
    from segments.language.segment import Segment

_LONGEST_LIST = 10_000
_LONGEST_ID = 512  # what ingest takes (store.ids)
_RING = 2**32


@dataclass(frozen=True, eq=False)
class MemberOf(Predicate, keys=("member_of",), part_at="predicate", past=True):
    """In another segment: its predicate under its name, so that a changed definition changes this one's version too."""

    name: str
    inner: Predicate

    def __post_init__(self) -> None:
        check_name("member_of", "segment", self.name)
        if not isinstance(self.inner, Predicate):
            raise DefinitionError(f"member_of({self.name!r})", f"needs the segment's predicate, not {self.inner!r}")
        if self.name in mentions(self.inner):
            raise DefinitionError(f"member_of({self.name!r})", "is defined by itself; a segment cannot contain itself")

    def holds(self, facts: Facts, at: datetime) -> bool:
        """Whether what the segment says is true."""
        return self.inner.holds(facts, at)

    def sql(self, q: Query) -> Sql:
        """What the segment says."""
        return self.inner.sql(q)

    def saw(self, facts: Facts, at: datetime) -> Any:
        """Since when."""
        since = flipped_at(self, facts, at)
        return None if since is None else {"since": since}

    def moment(self, facts: Facts, at: datetime) -> datetime | None:
        """When the customer came in."""
        return self.inner.moment(facts, at)

    @property
    def leanings(self) -> frozenset[Leaning]:
        """Those of what the segment says."""
        return self.inner.leanings

    def turning(self, *, to: bool) -> frozenset[Edge]:
        """Those of what the segment says."""
        return self.inner.turning(to=to)

    @property
    def parts(self) -> tuple[Predicate, ...]:
        """What the segment says."""
        return (self.inner,)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The name and the predicate beside it."""
        only(plain, "member_of", "predicate")
        name = plain["member_of"]
        if "predicate" not in plain:
            raise DefinitionError("member_of", f"needs the predicate of {name!r} beside it (see `naming.expanded`)")
        inner = read("predicate", plain["predicate"])
        check_no_circle(name, inner)
        return cls(name, inner)

    def to_json(self) -> dict[str, Any]:
        """`{"member_of": name, "predicate": …}`."""
        return {"member_of": self.name, "predicate": self.inner.to_json()}

    def __str__(self) -> str:
        return f'in segment "{self.name}"'

    def denied(self) -> str:
        """The opposite, in words."""
        return f'not in segment "{self.name}"'


def member_of(segment: "Segment") -> MemberOf:
    """The customers of another segment, by its definition (not by its table): right at every instant, also of the past."""
    predicate, name = getattr(segment, "predicate", None), getattr(segment, "name", None)
    if not isinstance(predicate, Predicate) or not isinstance(name, str):
        raise DefinitionError("member_of", f"needs a Segment, not {segment!r}")
    return MemberOf(name, predicate)


@dataclass(frozen=True, eq=False)
class Bucket(Leaf, keys=("bucket",), past=True):
    """A stable random share of the customers: by SHA-256 of the salt and the profile's id, or the one it is drawn as."""

    percent: int | float | Decimal
    salt: str

    def __post_init__(self) -> None:
        place = f"bucket({self.percent!r}, {self.salt!r})"
        if kind_of(place, self.percent) != "number" or not 0 < self.percent <= 100:  # noqa: PLR2004 - per cent
            raise DefinitionError(place, "needs a percentage above 0 and up to 100")
        check_name(place, "salt", self.salt)

    @property
    def personal(self) -> bool:
        """It is true of some customers of whom nothing else is known."""
        return True

    @property
    def below(self) -> bytes | None:
        """What the hash must lie below, as its first four bytes; None when every hash does."""
        share = int(Decimal(str(self.percent)) * _RING / 100)
        return share.to_bytes(4, "big") if share < _RING else None

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether the customer's hash is in the share."""
        below = self.below
        return below is None or self._draw(facts) < int.from_bytes(below)

    def sql(self, q: Query) -> Sql:
        """The same draw."""
        return q.drawn(self.salt, self.below)

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """The number that decides, and below which one is in."""
        return {"number": self.number(facts), "in_below": self.percent}

    def number(self, facts: Facts) -> float:
        """The customer's place among all, 0 to 100: in are those below the percentage (not rounded up to it)."""
        return self._draw(facts) * 1_000_000 // _RING / 10_000

    def _draw(self, facts: Facts) -> int:
        return draw(self.salt.encode() + (facts.person.drawn_as or facts.person.id).bytes, 4)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The percentage and the salt."""
        only(plain, "bucket", "salt")
        return cls(operand(plain["bucket"]), plain.get("salt", ""))

    def to_json(self) -> dict[str, Any]:
        """`{"bucket": percent, "salt": …}`."""
        return {"bucket": to_plain(self.percent), "salt": self.salt}

    def __str__(self) -> str:
        return f'in a random {self.percent} % ("{self.salt}")'


def bucket(percent: float | Decimal, salt: str) -> Bucket:
    """A random share of all customers, the same ones every time; another salt draws anew."""
    return Bucket(percent, salt)


@dataclass(frozen=True, eq=False)
class Customers(Leaf, keys=("customers",)):
    """One of these user ids."""

    user_ids: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.user_ids, tuple) or not self.user_ids:
            raise DefinitionError("customers", "needs at least one user id")
        if len(self.user_ids) > _LONGEST_LIST:
            raise DefinitionError("customers", f"takes at most {_LONGEST_LIST:,} user ids; import longer lists as CSV")
        for user_id in self.user_ids:
            check_name("customers", "user id", user_id, longest=_LONGEST_ID)
            if user_id != user_id.strip():
                raise DefinitionError("customers", f"{user_id!r} has white space around it, and no id is stored with it")

    @property
    def marks(self) -> frozenset[str]:
        """A profile may get a user id later."""
        return frozenset({NAME_CHANGED})

    @property
    def dated_by(self) -> str:
        """When the profile got its last name."""
        return "name"

    def holds(self, facts: Facts, at: datetime) -> bool:  # noqa: ARG002 - one signature for all leaves
        """Whether the customer has one of the ids."""
        return not facts.person.user_ids.isdisjoint(self.user_ids)

    def sql(self, q: Query) -> Sql:
        """One of the ids is the customer's."""
        return q.has("identity", kind="user_id", value=list(self.user_ids))

    def saw(self, facts: Facts, at: datetime) -> Any:  # noqa: ARG002 - one signature for all leaves
        """The user ids there are."""
        return {"user_ids": sorted(facts.person.user_ids)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        """The user ids."""
        only(plain, "customers")
        return cls(operand(plain["customers"]))

    def to_json(self) -> dict[str, Any]:
        """`{"customers": […]}`."""
        return {"customers": list(self.user_ids)}

    def __str__(self) -> str:
        return f"is one of the customers {operand_in_words(self.user_ids)}"

    def denied(self) -> str:
        """The opposite, in words."""
        return f"is none of the customers {operand_in_words(self.user_ids)}"


def customers(*user_ids: str | Iterable[str]) -> Customers:
    """Customers named by user id, one by one or as a list: a segment written by hand."""
    lists = (given if isinstance(given, list | tuple | set | frozenset) else [given] for given in user_ids)
    flat: list[Any] = [one for given in lists for one in given]
    if wrong := [one for one in flat if not isinstance(one, str)]:
        raise DefinitionError("customers", f"a user id is a text, not {wrong[0]!r}")
    return Customers(tuple(sorted({normalize("NFC", one).strip() for one in flat})))


def check_no_circle(name: str, predicate: Predicate) -> None:
    """Refuse a segment that refers to its own name somewhere inside."""
    if name in mentions(predicate):
        raise DefinitionError(f"segment {name!r}", "is defined by itself; a segment cannot contain itself")


def mentions(predicate: Predicate) -> set[str]:
    """The names of the segments inside a predicate, at any depth."""
    own = {predicate.name} if isinstance(predicate, MemberOf) else set()
    return own.union(*(mentions(part) for part in predicate.parts))
