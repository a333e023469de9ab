"""Who somebody is: other segments, random buckets, lists written by hand; and how they may be reached."""

import random
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from activities.channels.kinds import addressed
from journeys.contracts import Purpose
from segments import (
    DefinitionError,
    Predicate,
    Segment,
    bucket,
    consented,
    customers,
    did,
    inside,
    last_location,
    member_of,
    near,
    position_in,
    reachable,
    trait,
)
from segments.evaluate import holds
from segments.facts import Person
from segments.language.moves import event_types, trait_names
from segments.language.names import expanded
from segments.language.wire import predicate_from_json
from segments.leaves.people import MemberOf
from segments.leaves.reach import CHANNELS, PURPOSES
from tests.consent_rules import Said, best, state_of
from tests.extent import LONG
from tests.segments.shop import T0, Shop

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


class Town:
    """A shop whose customers also have names, consents and addresses; it remembers what it wrote."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.pool = shop.database.pool
        self.names: dict[UUID, set[str]] = {}
        self.words: list[Said] = []
        self.addresses: dict[str, tuple[UUID, str, bool]] = {}

    async def customer(self, **traits: Any) -> UUID:
        profile = await self.shop.customer(**traits)
        self.names[profile] = set()
        return profile

    async def call(self, profile: UUID, user_id: str, at: datetime) -> None:
        insert = "insert into identity (kind, value, profile_id, created_at) values ('user_id', $1, $2, $3)"
        await self.pool.execute(insert, user_id, profile, at)
        self.names[profile].add(user_id)

    async def say(self, profile: UUID, state: str, at: datetime, about: str = "whatsapp:a-0", **more: Any) -> None:
        """A word about an address, or (without one) about the customer as a whole; received when it was said, if not told."""
        channel, _, address = about.partition(":")
        told = {"purpose": "marketing", "by": "customer", "received_at": at} | more
        row = (profile, channel, address or None, told["purpose"], state, told["by"], at, told["received_at"])
        insert = (
            "insert into consent (profile_id, channel, address, purpose, state, said_by, source, at, received_at)"
            " values ($1, $2, $3, $4, $5, $6, 'test', $7, $8) returning id"
        )
        self.words.append(Said(await self.pool.fetchval(insert, *row), *row))

    async def address(self, profile: UUID, address: str, at: datetime, channel: str = "push", *, valid: bool = True) -> None:
        """Give an address to a profile, or take it, or declare it dead or alive."""
        await self.pool.execute(
            "insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, invalid_at)"
            " values ($1, $2, $3, $4, $5, $5, $6) on conflict (channel, address) do update"
            " set profile_id = excluded.profile_id, last_seen_at = excluded.last_seen_at, invalid_at = excluded.invalid_at",
            UUID(str(uuid7())),
            profile,
            channel,
            address,
            at,
            None if valid else at,
        )
        self.addresses[f"{channel}:{address}"] = (profile, channel, valid)

    def person(self, profile: UUID) -> Person:
        mine = [(channel, name.partition(":")[2]) for name, (who, channel, _) in self.addresses.items() if who == profile]
        said = {
            (channel, purpose): best(
                state_of(self.words, profile, channel, each, purpose) for other, each in mine if other == channel
            )
            for channel, _ in mine
            for purpose in PURPOSES
        }
        channels = {channel for who, channel, valid in self.addresses.values() if who == profile and valid}
        return Person(profile, frozenset(self.names[profile]), said, frozenset(channels))

    def holds(self, predicate: Predicate, profile: UUID, at: datetime) -> bool:
        return holds(predicate, self.shop.traits[profile], self.shop.events[profile], at, self.person(profile))


@pytest.fixture
def town(shop: Shop) -> Town:
    return Town(shop)


def test_the_channels_and_purposes_are_those_of_the_house() -> None:
    assert {kind.name for kind in addressed()} <= set(CHANNELS)
    assert {purpose.value for purpose in Purpose} == set(PURPOSES)


async def test_a_bucket_is_a_stable_share(town: Town) -> None:
    ids = [UUID(str(uuid7())) for _ in range(4000)]
    insert = "insert into profile (id, created_at, updated_at) values ($1, $2, $2)"
    await town.pool.executemany(insert, [(who, T0) for who in ids])
    tenth, half, other = bucket(10, "spring"), bucket(50, "spring"), bucket(50, "autumn")
    for share in (tenth, half, other, bucket(0.5, "spring"), bucket(100, "x")):
        assert await town.shop.evaluated(share, T0) == {who for who in ids if holds(share, {}, [], T0, Person(who))}
    drawn = {each: {who for who in ids if holds(each, {}, [], T0, Person(who))} for each in (tenth, half, other)}
    assert 330 < len(drawn[tenth]) < 470
    assert drawn[tenth] < drawn[half]  # a larger share keeps who was in the smaller one
    assert 900 < len(drawn[half] & drawn[other]) < 1100  # another salt draws independently
    assert await town.shop.evaluated(~half, T0, ids[:99]) == set(ids[:99]) - drawn[half]


def test_a_bucket_never_changes() -> None:
    """Frozen: whoever was drawn once must stay drawn after any release."""
    people = [Person(UUID(int=n)) for n in range(20)]
    drawn = [n for n, who in enumerate(people) if holds(bucket(30, "frozen"), {}, [], T0, who)]
    assert drawn == [3, 5, 7, 9, 13, 18]


async def test_a_new_customer_falls_into_a_bucket_at_once(town: Town) -> None:
    segment = Segment("drawn", bucket(100, "all"))
    await town.shop.load(segment)
    ana = await town.customer()
    await town.shop.event(ana, "A", T0 + SECOND)
    await town.shop.tick(T0 + 2 * SECOND)
    assert await town.shop.members(segment) == {ana}


async def test_a_list_written_by_hand(town: Town) -> None:
    ana, luis, eva = [await town.customer() for _ in range(3)]
    await town.call(ana, "u-1", T0)
    await town.call(luis, "u-2", T0)
    by_hand = customers("u-1", ["u-2", "u-9"])
    assert await town.shop.evaluated(by_hand, T0) == {ana, luis}
    assert await town.shop.evaluated(~by_hand, T0) == {eva}
    segment = Segment("by-hand", by_hand)
    await town.shop.load(segment)
    await town.call(eva, "u-9", T0 + SECOND)
    await town.shop.tick(T0 + 2 * SECOND)
    assert await town.shop.log(segment) == [("entered", T0 + SECOND, {"event": "$name"})]


async def test_a_user_id_counts_and_an_anonymous_id_does_not(town: Town) -> None:
    ana = await town.customer()
    insert = "insert into identity (kind, value, profile_id, created_at) values ('anonymous_id', 'u-1', $1, $2)"
    await town.pool.execute(insert, ana, T0)
    assert await town.shop.evaluated(customers("u-1"), T0) == set()


vip = Segment("vip", did("Order Completed").at_least(2).within(days=30))


async def test_a_segment_of_segments_is_right_at_every_instant(town: Town) -> None:
    ana = await town.customer(city="Madrid")
    both = Segment("vips-of-madrid", member_of(vip) & (trait("city") == "Madrid"))
    neither = Segment("others", ~member_of(both))
    await town.shop.load(both, neither)
    for n in (1, 2):
        await town.shop.event(ana, "Order Completed", T0 + n * SECOND)
    await town.shop.tick(T0 + 3 * SECOND)
    await town.shop.tick(T0 + timedelta(days=31))
    assert [(kind, at) for kind, at, _ in await town.shop.log(both)] == [
        ("entered", T0 + 2 * SECOND),
        ("left", T0 + SECOND + timedelta(days=30)),
    ]
    assert [kind for kind, _, _ in await town.shop.log(neither)] == ["left", "entered"]


def test_a_changed_segment_changes_those_that_contain_it() -> None:
    changed = Segment("vip", did("Order Completed").at_least(3).within(days=30))
    assert Segment("x", member_of(vip)).version != Segment("x", member_of(changed)).version
    assert event_types(member_of(vip)) == {"Order Completed"}
    assert trait_names(member_of(Segment("y", trait("a.b") == 1))) == {"a"}


def test_names_in_json_are_expanded_and_circles_refused() -> None:
    known = {"vip": vip.predicate.to_json(), "good": {"all": [{"member_of": "vip"}, {"trait": "x", "is": "exists"}]}}
    plain = {"not": {"member_of": "good"}}
    assert predicate_from_json(expanded(plain, known)) == ~MemberOf(
        "good", MemberOf("vip", vip.predicate) & trait("x").exists()
    )
    with pytest.raises(DefinitionError, match="there is no segment 'bad'"):
        expanded({"member_of": "bad"}, known)
    with pytest.raises(DefinitionError, match="a → b → a: a segment cannot contain itself"):
        expanded({"member_of": "b"}, {"a": {"member_of": "b"}, "b": {"any": [{"member_of": "a"}]}}, around=("a",))
    with pytest.raises(DefinitionError, match="contain itself"):
        MemberOf("vip", did("A") & member_of(Segment("vip", did("B"))))
    with pytest.raises(DefinitionError, match="needs the predicate of 'vip'"):
        predicate_from_json({"member_of": "vip"})


@pytest.mark.parametrize(
    ("said", "yes"),
    [
        ([], False),
        ([("granted", 0)], True),
        ([("granted", 0), ("withdrawn", 1)], False),
        ([("withdrawn", 1), ("granted", 0)], False),
        ([("refused", 0), ("granted", 0)], False),  # a no in the same second wins
        ([("refused", 0), ("granted", 1)], True),
        ([("pending", 0)], False),
        ([("granted", 5)], True),  # a clock that is a little fast: the gate counts it too
        ([("granted", 5), ("withdrawn", 0)], False),  # a no beats every yes that was received before it
    ],
)
async def test_the_last_word_on_consent_decides(town: Town, said: list[tuple[str, int]], yes: bool) -> None:
    ana = await town.customer()
    await town.address(ana, "a-0", T0, "whatsapp")
    for state, seconds in said:
        await town.say(ana, state, T0 + seconds * SECOND, received_at=T0 + 9 * SECOND)
    await town.address(ana, "a-0", T0, "email")
    await town.say(ana, "granted", T0 + 9 * SECOND, "email:a-0")
    await town.say(ana, "refused", T0 + 9 * SECOND, purpose="transactional")
    by_whatsapp = consented("whatsapp")
    assert await town.shop.evaluated(by_whatsapp, T0) == ({ana} if yes else set())
    assert await town.shop.evaluated(~by_whatsapp, T0, [ana]) == (set() if yes else {ana})
    assert town.holds(by_whatsapp, ana, T0) is yes


async def test_consent_and_withdrawal_move_a_customer_with_no_event_at_all(town: Town) -> None:
    ana = await town.customer()
    segment, denied = Segment("opted-in", consented("whatsapp")), Segment("opted-out", ~consented("whatsapp"))
    await town.address(ana, "a-0", T0, "whatsapp")
    await town.shop.load(segment, denied)
    await town.say(ana, "granted", T0 + SECOND)
    await town.shop.tick(T0 + 2 * SECOND)
    await town.say(ana, "withdrawn", T0 + 3 * SECOND)
    await town.shop.tick(T0 + 4 * SECOND)
    entered, left = [("entered", T0 + SECOND), ("left", T0 + 3 * SECOND)]
    cause = {"event": "$consent"}
    assert await town.shop.log(segment) == [(*entered, cause), (*left, cause)]
    assert [(kind, at) for kind, at, _ in await town.shop.log(denied)] == [("left", entered[1]), ("entered", left[1])]


async def test_consent_is_for_an_address_and_does_not_go_with_it_but_a_no_does(town: Town) -> None:
    """FAULTS B3: what a segment says when a number changes hands, dated by the hand-over."""
    ana, luis = await town.customer(), await town.customer()
    segment = Segment("opted-in", consented("whatsapp"))
    await town.address(ana, "a-0", T0, "whatsapp")
    await town.say(ana, "granted", T0)
    await town.shop.load(segment)
    await town.address(luis, "a-0", T0 + SECOND, "whatsapp")
    await town.shop.tick(T0 + 2 * SECOND)
    assert await town.shop.members(segment) == set()
    await town.say(luis, "granted", T0 + 3 * SECOND, by="sync")
    await town.shop.tick(T0 + 4 * SECOND)
    assert await town.shop.members(segment) == {luis}
    await town.say(luis, "withdrawn", T0 + 5 * SECOND)
    await town.shop.tick(T0 + 6 * SECOND)
    await town.address(ana, "a-0", T0 + 7 * SECOND, "whatsapp")
    await town.shop.tick(T0 + 8 * SECOND)
    assert await town.shop.members(segment) == set()
    for who, left in ((ana, T0 + SECOND), (luis, T0 + 5 * SECOND)):
        assert (await town.shop.log(segment, who))[-1] == ("left", left, {"event": "$consent"})
    await town.say(ana, "granted", T0 + 9 * SECOND)
    await town.shop.tick(T0 + 10 * SECOND)
    assert await town.shop.members(segment) == {ana}


async def test_addresses_come_die_and_change_hands(town: Town) -> None:
    ana, luis = await town.customer(), await town.customer()
    segment = Segment("by-push", reachable("push"))
    await town.shop.load(segment)
    await town.address(ana, "t-1", T0 + SECOND)
    await town.shop.tick(T0 + 2 * SECOND)
    assert await town.shop.members(segment) == {ana}
    await town.address(luis, "t-1", T0 + 3 * SECOND)
    await town.shop.tick(T0 + 4 * SECOND)
    assert await town.shop.members(segment) == {luis}
    await town.address(luis, "t-1", T0 + 5 * SECOND, valid=False)
    await town.shop.tick(T0 + 6 * SECOND)
    assert await town.shop.members(segment) == set()
    assert await town.shop.log(segment, luis) == [
        ("entered", T0 + 3 * SECOND, {"event": "$endpoint"}),
        ("left", T0 + 5 * SECOND, {"event": "$endpoint"}),
    ]
    assert (await town.shop.log(segment, ana))[-1] == ("left", T0 + 3 * SECOND, {"event": "$endpoint"})


async def test_news_of_an_address_that_changes_nothing_marks_nobody(town: Town) -> None:
    ana = await town.customer()
    await town.address(ana, "t-1", T0)
    await town.pool.execute("delete from dirty")
    await town.address(ana, "t-1", T0 + SECOND)
    assert await town.pool.fetchval("select count(*) from dirty") == 0


def random_leaf(chance: random.Random) -> Predicate:
    recent = did(chance.choice("AB")).within(chance.choice([30 * SECOND, HOUR]))
    return chance.choice(
        [
            consented(chance.choice(["whatsapp", "email", "push"])),
            reachable(chance.choice(["push", "email"])),
            customers(*chance.sample(["u-0", "u-1", "u-2", "u-3", "u-4", "u-5"], 3)),
            bucket(chance.choice([20, 50]), chance.choice("xy")),
            near(0, 0, km=100, of=chance.choice([last_location, last_location.within(minutes=5), position_in("home")])),
            inside([(-1, -1), (-1, 1), (1, 1), (1, -1)]),
            recent,
            member_of(Segment("inner", recent & ~consented("email"))),
        ]
    )


def random_predicate(chance: random.Random) -> Predicate:
    one, other = random_leaf(chance), random_leaf(chance)
    return chance.choice([one, ~one, one & other, one | other, one & ~other, ~(one | other)])


async def happen(town: Town, chance: random.Random, profiles: list[UUID], at: datetime) -> None:
    who = chance.choice(profiles)
    match chance.randrange(8):
        case 0 | 6:
            about = chance.choice(["whatsapp", "email", "email", "push"]) + chance.choice(
                [f":a-{chance.randrange(6)}"] * 5 + [""]
            )
            by = chance.choice(["customer", "customer", "sync", "import"]) if ":" in about else "customer"
            state = chance.choice(["granted", "granted", "granted", "withdrawn", "refused", "pending"])
            await town.say(who, state, at - chance.randrange(3) * SECOND, about, by=by, received_at=at)
        case 1 | 7:
            channel = chance.choice(["push", "email", "whatsapp"])
            await town.address(who, f"a-{chance.randrange(6)}", at, channel, valid=chance.random() < 0.7)
        case 2:
            free = {f"u-{n}" for n in range(6)} - set().union(*town.names.values())
            if free:
                await town.call(who, min(free), at)
        case 3:
            point = {"lat": chance.choice([0, 0.5, 2, "x"]), "lon": chance.choice([0, 0.5])}
            await town.shop.event(who, "Location Updated", at - chance.choice([0, 1, 400]) * SECOND, point, received_at=at)
        case 4:
            await town.shop.identify(who, at, home={"lat": chance.choice([0, 5]), "lon": 0})
        case _:
            await town.shop.event(who, chance.choice("AB"), at + chance.choice([-60, 0, 20]) * SECOND, received_at=at)


@pytest.mark.parametrize("seed", range(20 if LONG else 1))
async def test_streaming_membership_is_that_of_a_full_evaluation_and_of_plain_python(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    profiles = [await town.customer() for _ in range(8)]
    segments = [Segment(f"s{n}", random_predicate(chance)) for n in range(25)]
    await town.shop.load(*segments)
    at = T0
    for step in range(40):
        at += chance.choice([1, 10, 45, 400]) * SECOND
        for _ in range(chance.randint(0, 4)):
            await happen(town, chance, profiles, at)
        if step == 20:
            profiles.append(await town.customer())
            await town.shop.event(profiles[-1], "A", at)
        await town.shop.tick(at)
        for segment in segments:
            expected = {who for who in profiles if town.holds(segment.predicate, who, at)}
            members = await town.shop.members(segment)
            if len(profiles) == 8 or step >= 20:
                assert members == expected, f"{step} {segment}"
        if step % 8 == 7:
            for segment in segments:
                assert await town.shop.evaluated(segment.predicate, at) == await town.shop.members(segment), str(segment)
    for segment in segments:
        for who in profiles:
            log = await town.shop.log(segment, who)
            assert all(one[0] != other[0] and one[1] <= other[1] for one, other in pairwise(log)), str(segment)


REFUSED: list[tuple[Any, str]] = [
    (lambda: bucket(0, "x"), "above 0"),
    (lambda: bucket(101, "x"), "up to 100"),
    (lambda: bucket(True, "x"), "percentage"),
    (lambda: bucket(10, ""), "salt"),
    (customers, "at least one user id"),
    (lambda: customers(7), "a user id is a text"),
    (lambda: consented("fax"), "unknown channel 'fax'"),
    (lambda: consented("push", "fun"), "unknown purpose 'fun'"),
    (lambda: reachable("fax"), "unknown channel"),
    (lambda: member_of("vip"), "needs a Segment"),
    (lambda: predicate_from_json({"bucket": 10}), "salt"),
    (lambda: predicate_from_json({"bucket": "10", "salt": "x"}), "percentage"),
    (lambda: predicate_from_json({"customers": "u-1"}), "at least one user id"),
    (lambda: predicate_from_json({"customers": [1]}), "user id"),
    (lambda: predicate_from_json({"consented": ["push"]}), "unknown channel"),
    (lambda: predicate_from_json({"reachable": "push", "purpose": "marketing"}), "purpose: unknown here"),
]


@pytest.mark.parametrize(("build", "problem"), REFUSED)
def test_what_cannot_be_is_refused(build: Any, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        build()


@pytest.mark.parametrize(
    ("predicate", "english", "denied"),
    [
        (bucket(10, "x"), 'in a random 10 % ("x")', 'not (in a random 10 % ("x"))'),
        (customers("a"), 'is one of the customers "a"', 'is none of the customers "a"'),
        (consented("push"), "has consented to marketing by push", "has not consented to marketing by push"),
        (reachable("sms"), "is reachable by sms", "is not reachable by sms"),
        (member_of(vip), 'in segment "vip"', 'not in segment "vip"'),
    ],
)
def test_it_reads_like_english_and_survives_json(predicate: Predicate, english: str, denied: str) -> None:
    assert (str(predicate), str(~predicate)) == (english, denied)
    assert predicate_from_json(predicate.to_json()) == predicate
