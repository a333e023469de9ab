"""Who owns a name when: worked out in memory from what the names point at now and what a batch says.

Promise: the owners of a device are a function of what was ever said of it, not of the order in which it was heard. At an
instant it belongs to whoever said it last by then together with a user id (of two at the same instant, the greater user id);
before that, to whoever said it first.
"""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from uuid_utils.compat import uuid7

USER = "user_id"
ANONYMOUS = "anonymous_id"
#: An id that an alias left before anybody used it as a user id: whoever comes with it later is that customer.
PREVIOUS = "previous_id"
#: -infinity (which asyncpg reads without a zone).
BEGINNING = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)

#: A kind and a value: ("user_id", "42").
Name = tuple[str, str]


class Span(NamedTuple):
    """From `since` on (up to the next span of the same name) it is this profile's, who got it at `created_at` (event time)."""

    since: datetime
    profile_id: UUID
    created_at: datetime


class Move(NamedTuple):
    """What a device said without a user id in [since, until) goes from one customer to another."""

    device: str
    since: datetime
    until: datetime
    giver: UUID
    taker: UUID


class NamesOf(NamedTuple):
    """A span of a name, as a merge records it."""

    kind: str
    value: str
    since: datetime
    created_at: datetime


class History(ABC):
    """What was said of a device before."""

    @abstractmethod
    async def around(
        self, profiles: Sequence[UUID], device: str, low: datetime, mine: tuple[datetime, str], high: datetime
    ) -> list[tuple[datetime, str]]:
        """Of what these profiles said in [low, high): one (time, user id) not after `mine` and the first after it."""


@dataclass(slots=True)
class Plan:
    """What a batch of claims changes."""

    history: History
    names: dict[Name, list[Span]] = field(default_factory=dict)
    known: set[UUID] = field(default_factory=set)
    apart: set[UUID] = field(default_factory=set)
    created: dict[UUID, datetime] = field(default_factory=dict)
    pointed: set[Name] = field(default_factory=set)
    merges: list[tuple[UUID, UUID, list[NamesOf]]] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    said: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)

    async def settle(self, user_id: str | None, anonymous_id: str | None, previous_id: str | None, at: datetime) -> None:
        """Note every change that this claim needs."""
        if user_id is None:
            assert anonymous_id is not None, "an item without a name is rejected before it comes here"
            self._profile((ANONYMOUS, anonymous_id), at)
            return
        if anonymous_id is not None:
            self._adopt((USER, user_id), (ANONYMOUS, anonymous_id), at)
        self._user(user_id, at)
        if anonymous_id is not None:
            await self._claim(anonymous_id, user_id, at)
        if previous_id is not None:
            await self._alias(previous_id, user_id, at)

    def whose(self, user_id: str | None, anonymous_id: str | None, at: datetime) -> UUID:
        """Who said it, once all is settled."""
        name = (USER, user_id) if user_id is not None else (ANONYMOUS, anonymous_id or "")
        return self._at(name, at).profile_id

    def final_moves(self) -> list[Move]:
        """The moves, between the profiles that are left after the merges."""
        root = self._roots()
        return [move._replace(giver=_root(move.giver, root), taker=_root(move.taker, root)) for move in self.moves]

    def _roots(self) -> dict[UUID, UUID]:
        return {absorbed: survivor for survivor, absorbed, _ in self.merges}

    def _user(self, user_id: str, at: datetime) -> UUID:
        left = self.names.get((PREVIOUS, user_id))
        if left and (USER, user_id) not in self.names:
            self._point((USER, user_id), left[0].profile_id, at)
        profile = self._profile((USER, user_id), at)
        self.known.add(profile)
        return profile

    def _adopt(self, user: Name, device: Name, at: datetime) -> None:
        """A new user on a device that nobody had: its profile becomes the user's."""
        spans = self.names.get(device)
        if spans and user not in self.names and (PREVIOUS, user[1]) not in self.names and spans[0].profile_id not in self.known:
            self._point(user, spans[0].profile_id, at)
            self.known.add(spans[0].profile_id)

    def _profile(self, name: Name, at: datetime) -> UUID:
        if name not in self.names:
            profile = uuid7()
            self.created[profile] = at
            self._point(name, profile, at)
        return self._at(name, at).profile_id

    def _at(self, name: Name, at: datetime) -> Span:
        spans = self.names[name]
        return spans[max(bisect_right(spans, at, key=lambda span: span.since) - 1, 0)]

    async def _claim(self, device: str, user_id: str, at: datetime) -> None:
        """A device is said together with a user id: it is this user's from then on."""
        name, profile = (ANONYMOUS, device), self._at((USER, user_id), at).profile_id
        if name not in self.names:
            self._point(name, profile, at)
        owner = self._at(name, at).profile_id
        if owner not in self.known:
            self._merge(profile, owner)
        elif owner != profile:
            await self._divide(name, user_id, at)
        self.said.setdefault(device, []).append((at, user_id))

    async def _alias(self, previous: str, user_id: str, at: datetime) -> None:
        """Another user id is this customer's. An id that was only ever anonymous is taken over, as a device is."""
        profile, user = self._at((USER, user_id), at).profile_id, (USER, previous)
        if user in self.names:
            self._merge(profile, self._at(user, at).profile_id)
        elif (left := self.names.get((PREVIOUS, previous))) is None or left[0].created_at <= at:
            self._point((PREVIOUS, previous), profile, at)
        if user not in self.names or (ANONYMOUS, previous) in self.names:
            await self._claim(previous, user_id, at)

    async def _divide(self, name: Name, user_id: str, at: datetime) -> None:
        """The user takes a part of another one's span: from this claim to the owner's next one, or the span's end."""
        spans, mine = self.names[name], (at, user_id)
        place = spans.index(self._at(name, at))
        span, profile = spans[place], self._at((USER, user_id), at).profile_id
        until = spans[place + 1].since if place + 1 < len(spans) else _END
        claims = await self._claims(name[1], span, mine, until)
        following = min((claim for claim in claims if claim > mine), default=(until, ""))[0]
        began = span.since > BEGINNING or span.profile_id in self.apart or any(claim <= mine for claim in claims)
        if began and following == at:
            return
        since = at if began else BEGINNING
        given = [span, Span(since, profile, at), *([Span(following, span.profile_id, following)] if following < until else [])]
        self.names[name] = united([*spans[:place], *(given[1:] if since == span.since else given), *spans[place + 1 :]])
        self.pointed.add(name)
        self.moves.append(Move(name[1], since, following, span.profile_id, profile))

    async def _claims(self, device: str, span: Span, mine: tuple[datetime, str], until: datetime) -> list[tuple[datetime, str]]:
        """What decides about `mine` in the span of another: said in this batch, and before."""
        root = self._roots()
        owner = [span.profile_id, *(absorbed for absorbed in root if _root(absorbed, root) == span.profile_id)]
        batch = [
            (at, user)
            for at, user in self.said.get(device, ())
            if span.since <= at < until and self._at((USER, user), at).profile_id == span.profile_id
        ]
        return [*batch, *await self.history.around(owner, device, span.since, mine, until)]

    def _point(self, name: Name, profile: UUID, at: datetime) -> None:
        self.names[name] = [Span(BEGINNING, profile, at)]
        self.pointed.add(name)

    def _merge(self, survivor: UUID, absorbed: UUID) -> None:
        if survivor == absorbed:
            return
        moved = [
            NamesOf(*name, span.since, span.created_at)
            for name, spans in self.names.items()
            for span in spans
            if span.profile_id == absorbed
        ]
        self.merges.append((survivor, absorbed, moved))
        for name, spans in self.names.items():
            if any(span.profile_id == absorbed for span in spans):
                self.names[name] = united([s._replace(profile_id=survivor) if s.profile_id == absorbed else s for s in spans])
                if len(spans) > 1:
                    self.pointed.add(name)


def united(spans: Sequence[Span]) -> list[Span]:
    """Neighbours of the same owner are one."""
    return [span for n, span in enumerate(spans) if not n or span.profile_id != spans[n - 1].profile_id]


def _root(profile: UUID, survivor: dict[UUID, UUID]) -> UUID:
    while profile in survivor:
        profile = survivor[profile]
    return profile
