"""A shop made from a seed, of which it is known what works: a lift, none, arms that were not drawn as declared, and much noise.

What the house itself did (runs, exposures, messages) is written as the house writes it, in the order of time. What customers
say comes by the API, what providers say as their webhooks store it: in an order and in batches that the test chooses.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx

import api
from activities.dispatch.hearing import Hearing
from activities.measuring.folding import COMPANYS, Folding
from activities.measuring.values import CANCELLED, REFUNDED
from activities.versions import OnlyOwn, Served
from api.config import ApiConfig
from journeys.policies import Conversion
from segments import Segment, did, purchases, trait
from segments.load.load import load
from segments.watch.tick import tick
from store import Connection, Database
from store.deliveries import feedback, ledger
from store.deliveries.feedback import Delivered
from store.deliveries.ledger import Entry, MessageKey, Settlement
from store.keys import Role, put_key
from store.measuring import values
from store.measuring.values import Declared
from store.runs import exposures
from store.runs.rows import mark_raced
from tests.measuring.messages import hear
from workers.testing.shop import HandClock

START = datetime(2026, 3, 2, tzinfo=UTC)
DAY, HOUR, MINUTE, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1), timedelta(microseconds=1)
#: Of the last thing that happened, and of the reports.
NOW = START + 70 * DAY
WEEK = 7 * DAY
SOURCES = ("web", "server")
CITIES = ("Porto", "Lisbon", "Faro")
#: When some customers move to another city.
MOVING = START + 12 * DAY
SEGMENTS = (Segment("porto", trait("city") == "Porto"), Segment("plus", trait("plus") == True))  # noqa: E712 - of the language
WRITTEN, WITHHELD = "written to", "withheld"

#: By version; the later one is the journey's latest.
RULES: dict[str, tuple[Conversion | None, Conversion | None]] = {
    "carts": (
        Conversion(by=purchases, currency="EUR", cap=150, margin=0.4),
        Conversion(by=purchases, within=10 * DAY, currency="EUR", cap=200, margin=0.5),
    ),
    "winback": (Conversion(by=purchases, since="entry", before=14 * DAY, kpi="revenue"),) * 2,
    "drives": (Conversion(by=did("Drive Completed") | purchases, within=3 * DAY),) * 2,
    "silent": (None, None),
}


@dataclass(frozen=True)
class Planted:
    """A journey: its customers, the share declared of those written to, that by which they come, and how many buy in both."""

    journey: str
    people: int
    share: float | None = None
    comes: float = 1.0
    buys: tuple[float, float] = (0.3, 0.3)


PLANTED = (
    Planted("carts", 300, 0.75, 0.75, (0.65, 0.3)),
    Planted("winback", 130, 0.5, 0.5, (0.4, 0.4)),
    Planted("drives", 120, 0.75, 0.35, (0.4, 0.4)),
    Planted("silent", 20, 0.5, 0.5),
    Planted("news", 20),
    Planted("welcome", 40),
)
#: Visitors who turn out to be customers of the same number, late.
DEVICES = 24


@dataclass(frozen=True)
class Person:
    """A customer (or device) in a journey."""

    name: str
    journey: str
    run: UUID
    segment: str
    version: str
    entered_at: datetime
    exposed_at: datetime
    arm: str

    @property
    def names(self) -> dict[str, str]:
        """As a call says who it is about."""
        return {"anonymousId": self.name} if self.name.startswith("dev") else {"userId": self.name}


#: What is done at an instant; and a call of the API, from a source.
Act = tuple[datetime, Callable[[Connection], Awaitable[None]]]
Said = tuple[datetime, str, dict[str, Any]]


@dataclass
class GeneratedShop:
    """A shop that is planned from chance alone, and comes into a database as it is told to."""

    database: Database
    api_database: Database
    random: Random
    clock: HandClock = field(default_factory=HandClock)
    people: list[Person] = field(default_factory=list)
    profiles: dict[str, UUID] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    told: list[Act] = field(default_factory=list)
    machines: list[tuple[MessageKey, datetime, datetime]] = field(default_factory=list)
    http: httpx.AsyncClient = field(init=False)

    async def arrives(self, arrival: Random | None = None) -> None:
        """All of it, day by day, and folded now and then; with chance in that order, in any batches, and folded at the end."""
        app = api.create_app(ApiConfig(dsn="", clock=self.clock), database=self.api_database)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as self.http:
            self._plan()
            await self._begin()
            await (self._by_day() if arrival is None else self._in_any_order(arrival))
            self.clock.set(NOW)
            await self._afterwards()
            await self._fold()
            await app.state.ingest.intake.close()
        assert await self.database.pool.fetchval("select count(*) from dead_letter") == 0

    async def _by_day(self) -> None:
        for day in range(-40, 71):
            at, until = START + day * DAY, START + (day + 1) * DAY
            self.clock.set(until)
            if at == MOVING:
                await self._some_move()
            await self._do([act for act in (*self.acts, *self.told) if at <= act[0] < until])
            await self._send([each for each in self.said if at <= each[0] < until], lambda: 100)
            if day % 8 == 0:
                await self._fold()

    async def _in_any_order(self, arrival: Random) -> None:
        self.clock.set(NOW)
        await self._do([act for act in self.acts if act[0] < MOVING])
        await self._some_move()
        await self._do([act for act in self.acts if act[0] >= MOVING])
        said, told, half = list(self.said), list(self.told), len(self.told) // 2
        arrival.shuffle(said)
        arrival.shuffle(told)
        await self._do(told[:half])
        await self._send(said, lambda: arrival.choice([1, 20, 200]))
        await self._do(told[half:])

    async def _do(self, acts: Sequence[Act]) -> None:
        async with self.database.transaction() as connection:
            for _, act in acts:
                await act(connection)

    async def _send(self, said: Sequence[Said], many: Callable[[], int]) -> None:
        rest = list(said)
        while rest:
            size = many()
            now, rest = rest[:size], rest[size:]
            for source in SOURCES:
                if calls := [call for _, of, call in now if of == source]:
                    answer = await self.http.post("/v1/batch", json={"batch": calls}, auth=(f"jk_{source}", ""))
                    assert answer.is_success, answer.text

    async def _fold(self) -> None:
        """The watch looks, and what it has heard of is added up."""
        hearing = Hearing(OnlyOwn(Served("v1", {}, {}, None, {}, {}, {})))  # type: ignore[arg-type]  # it has no templates
        while (await tick(self.database, SEGMENTS, 0, 1, self.clock.now(), also=hearing.hear)).more:
            pass
        await Folding(self.database, None, self.clock).fold()

    def _plan(self) -> None:
        """Everything that will happen, from the seed alone."""
        for planted in PLANTED:
            for n in range(planted.people):
                self._comes(planted, f"{'carts' if planted.journey == 'welcome' else planted.journey}-{n}")
        for n in range(DEVICES):
            self._comes(PLANTED[0], f"dev-{n}")
            self._says(START + 40 * DAY + n * HOUR, "identify", {"userId": f"carts-{n}", "anonymousId": f"dev-{n}"}, traits={})
        for person in self.people:
            self._exposed(person)
            self._written_to(person)
            self._does(person)
        self._told_again()
        self.acts.sort(key=lambda act: act[0])
        self.told.sort(key=lambda act: act[0])
        self.said.sort(key=lambda each: each[0])

    def _comes(self, planted: Planted, name: str) -> None:
        random = self.random
        entered = START + random.randrange(24 * 24 * 60) * MINUTE
        arm = WRITTEN if random.random() < planted.comes else WITHHELD
        later = random.randrange(30 * 60) * MINUTE
        self.people.append(
            Person(
                name,
                planted.journey,
                UUID(int=10_000 + len(self.people)),
                random.choice(["all", "vips"]),
                "v1" if entered < START + 12 * DAY else "v2",
                entered,
                entered + later,
                arm,
            )
        )

    def _planted(self, person: Person) -> Planted:
        return next(each for each in PLANTED if each.journey == person.journey)

    # What the house does.

    def _exposed(self, person: Person) -> None:
        random, planted, at = self.random, self._planted(person), person.exposed_at
        if planted.share is None:
            return
        drawn: list[tuple[str, str, float]] = [
            (f"$holdout/{person.journey}", person.arm, planted.share if person.arm == WRITTEN else 1 - planted.share)
        ]
        if person.journey in ("carts", "winback") and random.random() < 0.4:
            companys = WRITTEN if random.random() < 0.8 else WITHHELD
            drawn.append(("$holdout", companys, 0.8 if companys == WRITTEN else 0.2))
        withheld = any(arm == WITHHELD for _, arm, _ in drawn)  # who is in neither arm of what the journey asks about
        if person.journey == "carts":
            arm = random.choice(["control", "control", "b", "c"])
            drawn += [] if withheld else [("layout", arm, 0.5 if arm == "control" else 0.25)]
        if person.journey == "winback":
            often = 0.9 if START + 12 * DAY <= at < START + 16 * DAY else 0.5  # and back
            arm = "x" if random.random() < often else "y"
            drawn += [] if withheld else [("moved", arm, often if arm == "x" else 1 - often)]

        async def expose(connection: Connection) -> None:
            for experiment, arm, share in drawn:
                await exposures.holdout_asked(connection, person.run, experiment, arm, share, at)

        self.acts.append((at, expose))

    def _written_to(self, person: Person) -> None:
        random = self.random
        if random.random() < 0.05:
            return
        channels = [random.choice(["email", "email", "push"])]
        if random.random() < 0.6:
            channels.append(random.choice(["push", "whatsapp", "email"] + ["sms"] * (person.journey != "carts")))
        for n, channel in enumerate(channels, 1):
            due = person.exposed_at + (n - 1) * random.choice([DAY, DAY, DAY, timedelta()]) + MINUTE
            purpose = "transactional" if person.journey == "welcome" and n > 1 else "marketing"
            self._message(person, MessageKey(person.run, f"{channel}:{n}", n), channel, purpose, due)

    def _message(self, person: Person, key: MessageKey, channel: str, purpose: str, due: datetime) -> None:
        random = self.random
        provider = {"email": random.choice(["ses", "ses", "smtp"]), "push": "fcm", "whatsapp": "meta", "sms": "twilio"}[channel]

        template = random.choice(["note", "hello"])

        def entry(state: str, **known: Any) -> Entry:
            return Entry(
                key=key, profile_id=self.profiles[person.name], journey=person.journey, channel=channel, purpose=purpose,
                template=template, due_at=due, state=state, provider=provider, **known,
            )  # fmt: skip

        if person.arm == WITHHELD:
            self._record(due, lambda: entry("withheld", reason="holdout", settled_at=due))
            return
        if random.random() < 0.1:
            reason = random.choice(["no consent", "goal reached"])
            self._record(due, lambda: entry("skipped", reason=reason, settled_at=due + HOUR))
            return
        if random.random() < 0.2:  # a night in between
            self._record(due, lambda: entry("deferred", reason="quiet hours", retry_at=due + 8 * HOUR))
            if random.random() < 0.1:
                return
        claimed = due + random.choice([MINUTE, 8 * HOUR])
        self._record(claimed, lambda: entry("claimed", claimed_at=claimed, attempts=1))
        state = random.choices(["sent", "failed", "unconfirmed", "claimed"], [88, 5, 5, 2])[0]
        if state == "claimed":
            return
        cost = {"email": 500, "push": None, "whatsapp": 60_000, "sms": 80_000}[channel]
        money = {} if cost is None else {"cost": cost, "currency": "USD" if channel == "sms" else "EUR"}
        why = None if state == "sent" else "refused by the provider"
        settled = Settlement(state, claimed + MINUTE, why, provider_message_id=f"{key.run_id}/{key.step}", **money)  # type: ignore[arg-type]
        raced = state == "sent" and random.random() < 0.03

        async def settle(connection: Connection) -> None:
            await ledger.settle(Database(connection, ""), key, settled, 1)  # type: ignore[arg-type]  # it only executes
            if raced:
                await mark_raced(connection, [(person.run, claimed)])

        self.acts.append((claimed + MINUTE, settle))
        if state != "failed":
            self._heard(person, key, channel, purpose, claimed)

    def _record(self, at: datetime, entry: Callable[[], Entry]) -> None:
        async def record(connection: Connection) -> None:
            await ledger.record(connection, entry())

        self.acts.append((at, record))

    def _heard(self, person: Person, key: MessageKey, channel: str, purpose: str, claimed: datetime) -> None:
        """What a provider says of a message, some of it twice; machines open, and follow links."""
        random = self.random
        kinds = ["delivered"] * 3 + ["read", "read", "clicked", "failed", "complained", "replied", "unsubscribed"]
        for kind in random.choices(kinds, [6, 6, 6, 5, 5, 4, 1, 0.3, 1, 1], k=random.randrange(5)):
            at = claimed + 2 * MINUTE + random.randrange(60 * 24 * 6) * MINUTE
            about = {
                "which": f"{kind}:{key.run_id}:{key.step}:{len(self.told)}",
                "machine": random.choice([True, False, False, None]),
                "bounce": random.choice(["hard", "soft", None]),
            }
            if kind == "clicked" and random.random() < 0.2:
                self.machines.append((key, at - HOUR, at))

            async def tell(connection: Connection, kind: str = kind, at: datetime = at, about: dict[str, Any] = about) -> None:
                to = Delivered(key, person.journey, "note", purpose, self.profiles[person.name])
                await hear(connection, to, channel, kind, at, **about)

            self.told += [(at, tell)] * random.choices([1, 2], [9, 1])[0]

    async def _afterwards(self) -> None:
        """What is known of clicks only once there were others."""
        async with self.database.transaction() as connection:
            for key, since, until in self.machines:
                await feedback.called_machines(connection, key, since, until)

    # What customers say.

    def _says(self, at: datetime, type_: str, names: dict[str, str], source: str = "web", **more: Any) -> None:
        call = {"type": type_, "messageId": f"m{len(self.said)}", "timestamp": at.isoformat(), **names, **more}
        self.said.append((at, source, call))

    def _tracks(self, person: Person, at: datetime, event: str, context: dict[str, Any] | None = None, **said: Any) -> None:
        random = self.random
        self._says(at, "track", person.names, random.choice(SOURCES), event=event, properties=said, context=context or {})
        if random.random() < 0.05:
            self.said.append(self.said[-1])  # the SDK sends it again
        if random.random() < 0.05:  # and so does another source, by the same id, which is another event
            at, source, call = self.said[-1]
            self.said.append((at, SOURCES[source == SOURCES[0]], call))

    def _does(self, person: Person) -> None:
        random, since = self.random, person.exposed_at
        for _ in range(random.randrange(3)):
            at = since + random.randrange(-35 * 24, 20 * 24) * HOUR
            seen = random.choice(
                ["Product Viewed", "Product Added", "Drive Completed" if person.journey == "drives" else "Wished"]
            )
            campaign = random.choice([None, "google", "newsletter", ""])
            self._tracks(person, at, seen, {} if campaign is None else {"campaign": {"source": campaign}})
        if random.random() < 0.35:
            self._orders(person, since - random.randrange(1, 30 * 24) * HOUR)
        rates = self._planted(person).buys
        if random.random() < rates[person.arm == WITHHELD]:
            edge = (
                random.choice([timedelta(), WEEK - MICRO, WEEK, 10 * DAY - MICRO, 10 * DAY]) if random.random() < 0.1 else None
            )
            self._orders(person, since + (edge if edge is not None else random.randrange(1, 3 * 24 * 60) * MINUTE))
        for _ in range(random.choices([0, 1, 2], [6, 3, 1])[0]):  # late
            self._orders(person, since + random.randrange(4 * 24, 25 * 24) * HOUR)

    def _orders(self, person: Person, at: datetime) -> None:
        random, n = self.random, len(self.said)
        id_ = random.choices([f"o{n}", n, str(n), f"shared{n % 40}", n + 0.5, "", None, True], [60, 10, 10, 6, 4, 3, 4, 3])[0]
        said: dict[str, Any] = {} if id_ is None else {"order_id": id_}
        currency = random.choices(["EUR", "eur", "USD", None, ""], [70, 10, 10, 5, 5])[0]
        usual = round(random.lognormvariate(3.5, 0.8), 2)
        odd = ["12.50", 0, 1000, "much", True, -5, " 7.1 ", "1e2", "NaN", "Infinity", [3], "1_000", "0.0000005"]

        def amount(*names: str) -> dict[str, Any]:
            told = {random.choice(names): usual if random.random() < 0.85 else random.choice([*odd, None])}
            return told | ({"revenue": round(usual / 2, 2)} if random.random() < 0.1 else {})

        self._tracks(person, at, "Order Completed", **said, **amount("revenue", "total"), currency=currency)
        if random.random() < 0.12:  # told again, with other money
            again = at + random.choice([timedelta(), MINUTE, DAY])
            self._tracks(person, again, "Order Completed", **said, revenue=round(usual * 1.5, 2), currency=currency)
        for _ in range(random.choices([0, 1, 2], [80, 15, 5])[0]):
            back = at + random.choice([-HOUR, timedelta(), DAY, 9 * DAY])
            money = amount("total") if random.random() < 0.7 else {}
            self._tracks(person, back, "Order Refunded", **said, **money, currency=random.choice([currency, currency, "USD"]))
        if random.random() < 0.08:
            self._tracks(person, at + random.choice([HOUR, 2 * DAY, 12 * DAY]), "Order Cancelled", **said)

    def _told_again(self) -> None:
        """Orders of long ago, of which there is news: before customers were exposed, or afterwards; some order nothing else.

        And some whose currency is no currency.
        """
        random = Random(2)  # of its own, so that all else is what it was
        for n, person in enumerate(self.people):
            if n % 30 == 0:
                said = {"order_id": f"strange{n}", "total": 33, "currency": "=cmd|calc"}
                self._says(person.exposed_at + HOUR, "track", person.names, event="Order Completed", properties=said)
            if random.random() < 0.2:
                first, news = random.randrange(29 * 24, 39 * 24) * HOUR, random.randrange(-10 * 24, 6 * 24) * HOUR
                for ago, money in ((-first, 40), (news, 60)):
                    said = {"order_id": f"old{n}", "total": money + random.randrange(20), "currency": "EUR"}
                    at = person.exposed_at + ago
                    self._says(at, "track", person.names, random.choice(SOURCES), event="Order Completed", properties=said)

    # The beginning.

    async def _begin(self) -> None:
        """Customers sign up, devices are seen, segments are live, runs are entered, and it is declared what counts."""
        at = START - 40 * DAY
        self.clock.set(at + HOUR)
        for source in SOURCES:
            await put_key(self.database.pool, source, Role.INGEST, f"jk_{source}")
        await self._send([self._signs_up(at, n, person) for n, person in enumerate(self._everybody)], lambda: 500)
        rows = await self.database.pool.fetch("select value, profile_id from identity")
        self.profiles = {row["value"]: row["profile_id"] for row in rows}
        await load(self.database, SEGMENTS, self.clock.now())
        ours = frozenset({REFUNDED, CANCELLED})
        await values.declare(self.database, [Declared("", "", COMPANYS.to_json(), COMPANYS.types | ours)], at)
        for n, version in enumerate(("v1", "v2")):
            rules = {journey: both[n] for journey, both in RULES.items()}
            told = [
                Declared(journey, version, rule.to_json() if rule else None, rule.types | ours if rule else frozenset())
                for journey, rule in rules.items()
            ]
            await values.declare(self.database, told, at + n * HOUR)
        await self.database.pool.executemany(
            "insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, version,"
            " ended_at, outcome) values ($1::uuid, $2, $3, 'segment', $4, $5, $1::text, $5, $6, $7, $8)",
            [
                (each.run, each.journey, self.profiles[each.name], each.segment, each.entered_at, each.version, *_ended(each))
                for each in self.people
            ],
        )
        await self._fold()

    @property
    def _everybody(self) -> list[Person]:
        return list({each.name: each for each in self.people}.values())

    def _signs_up(self, at: datetime, n: int, person: Person) -> Said:
        call = {"messageId": f"{at} {person.name}", "timestamp": at.isoformat(), **person.names}
        if person.name.startswith("dev"):
            return at, "web", call | {"type": "page"}
        traits = {"city": CITIES[n % 3], "plus": n % 4 == 0, "email": f"{person.name}@example.com"}
        return at, "web", call | {"type": "identify", "traits": traits}

    async def _some_move(self) -> None:
        """To another city, of which the watch hears at once."""
        now = self.clock.now()
        self.clock.set(MOVING)
        movers = [each for each in self._everybody[::6] if not each.name.startswith("dev")]
        await self._send([self._signs_up(MOVING, n, person) for n, person in enumerate(movers)], lambda: 500)
        await self._fold()
        self.clock.set(now)


def _ended(person: Person) -> tuple[datetime | None, str | None]:
    outcome = "goal reached" if person.run.int % 3 == 0 else "finished"
    return (person.entered_at + 5 * DAY, outcome) if person.run.int % 4 else (None, None)
