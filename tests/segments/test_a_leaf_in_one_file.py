"""The recipe for a leaf in CONTRIBUTING.md, followed: one class, and the whole house knows it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

import pytest

from segments import DefinitionError, Segment, held, prop, trait
from segments.ask.why import why
from segments.evaluate import true_of
from segments.facts import Facts
from segments.language.edges import Edge, Leaning
from segments.language.leaf import Leaf
from segments.language.predicate import Read
from segments.language.query import Query, Sql
from segments.language.reading import only
from segments.language.wire import predicate_from_json
from tests.segments.shop import T0, Shop

HOUR = timedelta(hours=1)
OPENED = "App Opened"


@dataclass(frozen=True, eq=False)
class LastOn(Leaf, keys=("last_on",)):
    """The app was last opened on this system."""

    system: str

    def __post_init__(self) -> None:
        if not isinstance(self.system, str):
            raise DefinitionError("last_on", f"needs the name of a system, not {self.system!r}")

    @property
    def edges(self) -> frozenset[Edge]:
        return frozenset({Edge(OPENED, timedelta(0))})

    @property
    def memory(self) -> timedelta | None:
        return None

    def holds(self, facts: Facts, at: datetime) -> bool:
        known = facts.until(OPENED, at)
        return any(each.properties.get("os") == self.system for each in known if each.ts == known[-1].ts)

    def sql(self, q: Query) -> Sql:
        return q.first_or_last("last", OPENED, None, prop("os") == self.system)

    def saw(self, facts: Facts, at: datetime) -> Any:
        known = facts.until(OPENED, at)
        return {"os": known[-1].properties.get("os"), "last_seen": known[-1].ts} if known else None

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:  # noqa: ARG003 - one signature for all leaves
        only(plain, "last_on")
        return cls(plain["last_on"])

    def to_json(self) -> dict[str, Any]:
        return {"last_on": self.system}

    def __str__(self) -> str:
        return f"last opened the app on {self.system}"


SEGMENT = Segment("gold-on-ios", LastOn("ios") & (trait("plan") == "gold"))


def test_it_is_written_and_read_like_any_other() -> None:
    assert str(~LastOn("ios")) == "not (last opened the app on ios)"
    assert predicate_from_json(SEGMENT.predicate.to_json()) == SEGMENT.predicate
    with pytest.raises(DefinitionError, match=r"all\[1\]\.last_on: needs the name of a system, not 7"):
        predicate_from_json({"all": [{"did": "A"}, {"last_on": 7}]})


def test_what_it_does_not_say_is_taken_to_be_anything() -> None:
    assert LastOn("ios").leanings == {Leaning(OPENED, up=True), Leaning(OPENED, up=False)}
    with pytest.raises(DefinitionError, match="it is not known what this was in the past"):
        held(LastOn("ios"), days=1)


async def test_the_watch_moves_by_it_and_tells_why(shop: Shop) -> None:
    ana, bob, eva = [await shop.customer(plan=plan) for plan in ("gold", "gold", "free")]
    for customer, system in ((ana, "ios"), (bob, "android"), (eva, "ios")):
        await shop.event(customer, OPENED, T0 - HOUR, {"os": system})
    await shop.load(SEGMENT)
    assert await shop.members(SEGMENT) == {ana}
    await shop.event(ana, OPENED, T0 + HOUR, {"os": "android"})
    await shop.event(bob, OPENED, T0 + HOUR, {"os": "ios"})
    await shop.tick(T0 + HOUR)
    assert await shop.members(SEGMENT) == {bob}
    assert [true_of(SEGMENT.predicate, shop.facts(each), T0 + HOUR) for each in (ana, bob, eva)] == [False, True, False]
    assert why(SEGMENT.predicate, shop.facts(ana), T0 + HOUR).parts[0].saw == {"os": "android", "last_seen": T0 + HOUR}
