"""Which content suits the visitor of this moment: the first rule of a place that fits, and whose template can be rendered.

Promise: of a user whom the shop vouches for all is asked that is known now, as the gate asks it. An unsigned visitor is nobody
but what was done under their device's id while nobody was signed in there: no trait, no journey, no value of anybody's in the
text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from uuid import NAMESPACE_OID, UUID, uuid5

from activities.channels.languages import language_of
from activities.channels.message import InAppContent
from api.onsite.visitor import Visitor
from journeys.onsite.places import Drawn, Place, Standing
from segments import Predicate
from segments.facts import Event, Facts, Person
from segments.language.moves import event_types
from segments.sql.statements import among
from store import Connection
from store.customers.visits import Known, known, of_device

#: A template for a customer with these traits who reads this language; nothing, where it cannot be rendered for them.
Render: TypeAlias = Callable[[str, Mapping[str, Any], str | None], InAppContent | None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is shown, and how it was drawn."""

    drawn: Drawn
    content: InAppContent = field(repr=False)


async def choose(connection: Connection, place: Place, visitor: Visitor, render: Render, at: datetime) -> Chosen | None:
    """What a place shows this visitor now, if anything."""
    who = await _who(connection, place, visitor, at)
    for rule in place.rules:
        if not rule.is_at(who.runs) or not (rule.predicate is None or await who.meets(rule.predicate)):
            continue
        drawn = rule.drawn(who.arms, who.drawn_as)
        if (content := render(drawn.template, who.traits, who.language)) is not None:
            return Chosen(drawn, content)
    return None


async def _who(connection: Connection, place: Place, visitor: Visitor, at: datetime) -> "_Signed | _Stranger":
    if visitor.user_id is not None:
        found = await known(connection, "user_id", visitor.user_id)
        return _Stranger(visitor.user_id, (), {}, at) if found is None else _Signed(connection, found, at)
    if visitor.anonymous_id is None:
        return _Stranger("", (), {}, at)
    found = await known(connection, "anonymous_id", visitor.anonymous_id)
    if found is None:
        return _Stranger(visitor.anonymous_id, (), {}, at)
    return _Stranger(visitor.anonymous_id, await _deeds(connection, found.id, visitor.anonymous_id, place, at), found.arms, at)


async def _deeds(connection: Connection, profile: UUID, device: str, place: Place, at: datetime) -> list[Event]:
    types = {each for rule in place.rules if rule.predicate is not None for each in event_types(rule.predicate)}
    deeds = await of_device(connection, profile, device, types, at) if types else []
    return [Event(each.type, each.ts, each.properties, each.message_id) for each in deeds]


class _Signed:
    """A user, asked in Postgres."""

    def __init__(self, connection: Connection, found: Known, at: datetime) -> None:
        self._connection = connection
        self._id = found.id
        self._at = at
        self.runs = [Standing(each["journey"], frozenset(each["sent"])) for each in found.runs]
        self.arms, self.drawn_as, self.traits = found.arms, found.drawn_as, found.traits
        self.language = language_of(found.traits, found.device_locale)

    async def meets(self, predicate: Predicate) -> bool:
        statement = among(predicate)
        return bool(await self._connection.fetch(statement.sql, *statement.args(self._at, ids=[self._id])))


class _Stranger:
    """Somebody of whom nothing is known but what one device did; nobody's traits, and in no journey."""

    def __init__(self, name: str, deeds: Sequence[Event], arms: Mapping[str, str], at: datetime) -> None:
        self.drawn_as = uuid5(NAMESPACE_OID, name)  # no profile is theirs for certain
        self._facts = Facts.of({}, deeds, Person(self.drawn_as))
        self._at = at
        self.runs: list[Standing] = []
        self.traits: dict[str, Any] = {}
        self.language = None
        self.arms = arms

    async def meets(self, predicate: Predicate) -> bool:
        return predicate.holds(self._facts, self._at)
