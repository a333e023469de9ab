"""What a customer has chosen, as their preference page shows it and as they save it.

Promise: what is not news is not written; each choice is the customer's own word, with the text that they saw. A channel that is
turned off is off for every address of theirs, of now and later.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from store.customers.consent import NOES, SAID_NO, By, Subject, Word, say, take_back_kept, withdraw
from store.customers.profiles import hint
from store.customers.topics import SALE, choose, turned_off
from store.database import Connection
from store.named import queries

_SQL = queries("preferences")
MARKETING, TRANSACTIONAL = "marketing", "transactional"
#: Under what an address on a channel is suppressed.
Digests = Callable[[str, str], Sequence[bytes]]
#: A channel and a purpose.
Toggle = tuple[str, str]


@dataclass(frozen=True, slots=True)
class OnChannel:
    """A channel of a customer: their addresses in part, and for which purposes they are written to on it."""

    name: str
    hints: tuple[str, ...] = field(repr=False)
    purposes: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What holds now."""

    channels: tuple[OnChannel, ...]
    off: frozenset[str]  # topics

    @property
    def no_sale(self) -> bool:
        """Whether their data must not be sold or shared."""
        return SALE in self.off


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer wants: each toggle that was shown to them, on or off, and each topic; `none`: no marketing whatever."""

    toggles: Mapping[Toggle, bool]
    topics: Mapping[str, bool]
    text_version: str
    source: str
    at: datetime
    none: bool = False


async def chosen(connection: Connection, profile_id: UUID, everywhere: Collection[str], digests: Digests) -> Chosen:
    """What a customer has chosen; `everywhere` are channels without addresses, on which everybody is reached.

    A no that outlived them, or was imported (under one of an address' `digests`), is one of theirs.
    """
    rows = await connection.fetch(_SQL["holding"], profile_id, list(everywhere))
    reached = {(row["channel"], row["address"]) for row in rows if row["address"] is not None}
    refused = await _refused(connection, reached, digests)
    found: dict[str, tuple[list[str], dict[str, bool]]] = {}
    for row in rows:
        hints, purposes = found.setdefault(row["channel"], ([], {}))
        hints += [shown] if row["address"] and (shown := hint(row["channel"], row["address"])) not in hints else []
        purposes[row["purpose"]] = purposes.get(row["purpose"], False) or (
            (row["channel"], row["address"], row["purpose"]) not in refused and _allows(**dict(row))
        )
    channels = tuple(OnChannel(name, tuple(hints), purposes) for name, (hints, purposes) in found.items())
    return Chosen(channels, frozenset(await turned_off(connection, profile_id)))


async def save(
    connection: Connection,
    profile_id: UUID,
    wish: Wish,
    everywhere: Collection[str],
    digests: Digests,
) -> list[Toggle]:
    """Write down what is news in a wish; returns the toggles that were turned off by it. Lock the profile first."""
    before = await chosen(connection, profile_id, everywhere, digests)
    held = {(each.name, purpose): on for each in before.channels for purpose, on in each.purposes.items()}
    insisted = {toggle for toggle in wish.toggles if wish.none and toggle[1] == MARKETING}
    news = {toggle: on for toggle, on in wish.toggles.items() if toggle in insisted or held.get(toggle, on) is not on}
    addresses = await connection.fetch(_SQL["addresses"], profile_id)
    for (channel, purpose), on in news.items():
        theirs = [row["address"] for row in addresses if row["channel"] == channel]
        if on:
            await _grant(connection, profile_id, (channel, purpose), theirs, wish, digests)
        else:
            subjects = [Subject(profile_id, channel, address, purpose) for address in (*theirs, None)]
            told = {"source": wish.source, "at": wish.at, "received_at": wish.at}
            await withdraw(connection, subjects, text_version=wish.text_version, **told)  # type: ignore[arg-type]
    told_topics = {"source": wish.source, "at": wish.at, "text_version": wish.text_version}
    await choose(connection, profile_id, wish.topics, **told_topics)  # type: ignore[arg-type]
    return [toggle for toggle, on in news.items() if not on and held.get(toggle)]


async def _grant(
    connection: Connection,
    profile_id: UUID,
    toggle: Toggle,
    addresses: Sequence[str],
    wish: Wish,
    digests: Digests,
) -> None:
    """Yes for each address, and for the customer as a whole: it takes back what they said no to before."""
    channel, purpose = toggle
    for address in addresses:
        await take_back_kept(connection, channel, digests(channel, address), wish.at)
    about = [Subject(profile_id, channel, address, purpose) for address in (*addresses, None)]
    yes = ("granted", By.CUSTOMER, wish.source, wish.at, wish.at)
    await say(connection, [Word(subject, *yes, text_version=wish.text_version) for subject in about])


async def _refused(connection: Connection, reached: Collection[tuple[str, str]], digests: Digests) -> set[tuple[str, str, str]]:
    """Channel, address and purpose of each no that stands under a digest."""
    whose = {(channel, digest): address for channel, address in reached for digest in digests(channel, address)}
    refused = set[tuple[str, str, str]]()
    for row in await connection.fetch(_SQL["refused"], [digest for _, digest in whose], SAID_NO):
        address = whose.get((row["channel"], bytes(row["digest"])))
        if address is not None:
            purposes = (MARKETING,) if row["scope"] == MARKETING else (MARKETING, TRANSACTIONAL)
            refused |= {(row["channel"], address, purpose) for purpose in purposes}
    return refused


def _allows(purpose: str, state: str, address: str | None, **_: object) -> bool:
    """Marketing needs a yes at an address; anything else, and a channel without addresses, no more than the absence of a no."""
    return state == "granted" if purpose == MARKETING and address is not None else state not in NOES
