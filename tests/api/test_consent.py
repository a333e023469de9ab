"""FAULTS B3, A12 and issue 7's fifth show: words by every way in, in random orders, and whom the gate then lets write to."""

import hashlib
import hmac
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import orjson
import pytest
from pydantic import PrivateAttr
from uuid_utils.compat import uuid7

from activities.channels import sign_unsubscribe
from api import create_app
from api.config import ApiConfig
from journeys.clock import Clock
from segments import consented, reachable
from segments.sql.statements import among
from store import Database
from store.deliveries import ledger as deliveries
from tests.api.server import INGEST_KEY
from tests.extent import scaled, some

T0 = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
CHANNELS = {"EMAIL": "email", "WHATSAPP": "whatsapp", "ANDROID_PUSH": "push"}


class HandClock(Clock):
    """Business time as the test sets it."""

    _now: datetime = PrivateAttr(default=T0)

    def now(self) -> datetime:
        return self._now

    def forward(self, span: timedelta) -> None:
        self._now += span


@dataclass
class Town:
    """The whole API, and runs of whom the gate is asked."""

    http: httpx.AsyncClient
    database: Database
    clock: HandClock
    runs: dict[str, UUID] = field(default_factory=dict)

    async def identify(self, user: str, *said: tuple[str, str, str, str], ahead: float = 0, **traits: Any) -> None:
        """Subscriptions (type, key, status, by) and traits, dated so many seconds ahead."""
        named = [{"type": kind, "key": key, "status": status, "by": by} for kind, key, status, by in said]
        await self.call("identify", userId=user, traits=traits, ahead=ahead, context={"messaging_subscriptions": named})

    async def call(self, call: str, ahead: float = 0, **body: Any) -> None:
        when = self.clock.now() + ahead * SECOND
        body |= {"messageId": str(uuid4()), "timestamp": when.isoformat()}
        answer = await self.http.post(f"/v1/{call}", json=body, auth=(INGEST_KEY, ""))
        assert answer.status_code == 200, answer.text

    async def replies(self, number: str, text: str) -> None:
        stamp = str(int(self.clock.now().timestamp()))
        inbound = {"from": number[1:], "id": f"wamid.{uuid4()}", "timestamp": stamp, "type": "text", "text": {"body": text}}
        body = orjson.dumps({"entry": [{"changes": [{"field": "messages", "value": {"messages": [inbound]}}]}]})
        signed = "sha256=" + hmac.new(b"meta", body, hashlib.sha256).hexdigest()
        answer = await self.http.post("/v1/webhooks/whatsapp", content=body, headers={"x-hub-signature-256": signed})
        assert answer.status_code == 200, answer.text

    async def profile(self, user: str) -> UUID:
        return UUID(str(await self.database.pool.fetchval("select profile_id from identity where value = $1", user)))

    async def run(self, user: str) -> UUID:
        """A run of this customer, which a merge takes along."""
        if user not in self.runs:
            self.runs[user] = run = uuid7()
            await self.database.pool.execute(
                "insert into run (id, journey, profile_id, entry_key, entered_by, entered_at, workflow_id, created_at)"
                " values ($1, 'j', $2, $3, 'api', $4, $3, $4)",
                *(run, await self.profile(user), str(run), T0),
            )
        return self.runs[user]

    async def clicks(self, user: str, address: str) -> None:
        """A letter to this address, and its unsubscribe link."""
        run, step = await self.run(user), str(uuid4())
        endpoint = await self.database.pool.fetchval("select id from endpoint where address = $1", address)
        await self.database.pool.execute(
            "insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state,"
            " endpoint_id, due_at) values ($1, $2, 1, $3, 'j', 'email', 'marketing', 't', 'sent', $4, $5)",
            *(run, step, await self.profile(user), endpoint, T0),
        )
        token = sign_unsubscribe("pepper", await self.profile(user), "email", "marketing", f"{run}/{step}/1")
        assert (await self.http.post(f"/u/{token}")).status_code == 200

    async def written_to(self, user: str, channel: str, purpose: str = "marketing") -> list[str]:
        """The addresses to which the gate would let a message go, the first one first."""
        async with self.database.transaction() as connection:
            facts = await deliveries.facts(connection, await self.run(user), channel, purpose, (T0, T0))
        assert facts is not None
        allowed = purpose != "marketing" or facts.consent == "granted"
        return [endpoint.address for endpoint in facts.endpoints] if allowed else []

    async def asked(self, user: str, channel: str) -> tuple[bool, bool]:
        """What segments say: consented, reachable."""
        found = []
        for leaf in (consented(channel), reachable(channel)):
            statement = among(leaf)
            who = [await self.profile(user)]
            found.append(bool(await self.database.pool.fetch(statement.sql, *statement.args(self.clock.now(), ids=who))))
        return found[0], found[1]


@pytest.fixture
async def town(keyed: Database) -> AsyncIterator[Town]:
    clock = HandClock()
    config = ApiConfig(dsn="", secret="pepper", whatsapp_app_secret="meta", clock=clock)
    app = create_app(config, database=keyed)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as http:
        yield Town(http, keyed, clock)


ANA = ("EMAIL", "ana@x.example")
NUMBER = "+34600111222"


@pytest.mark.parametrize("by", ["customer", "sync", "import"])
async def test_a_no_beats_a_yes_dated_five_minutes_ahead(town: Town, by: str) -> None:
    await town.identify("ana", (*ANA, "SUBSCRIBED", "customer"), ahead=299)
    assert await town.written_to("ana", "email") == ["ana@x.example"]
    await town.identify("ana", (*ANA, "UNSUBSCRIBED", by))
    assert await town.written_to("ana", "email") == []


async def test_unsubscribed_for_one_address_is_not_overridden_by_subscribed_for_another(town: Town) -> None:
    await town.identify("ana", (*ANA, "UNSUBSCRIBED", "sync"), ("EMAIL", "b@x.example", "SUBSCRIBED", "sync"))
    assert await town.written_to("ana", "email") == ["b@x.example"]
    await town.identify("ana", (*ANA, "UNSUBSCRIBED", "sync"), email="ana@x.example", ahead=1)
    assert await town.written_to("ana", "email") == []


async def test_a_nightly_sync_never_undoes_what_the_customer_withdrew_and_the_customer_does(town: Town) -> None:
    await town.identify("ana", (*ANA, "SUBSCRIBED", "sync"))
    await town.identify("ana", (*ANA, "UNSUBSCRIBED", "sync"))
    for by, reached in (("sync", []), ("import", []), ("customer", ["ana@x.example"])):
        town.clock.forward(timedelta(days=1))
        await town.identify("ana", (*ANA, "SUBSCRIBED", by))
        assert await town.written_to("ana", "email") == reached


async def test_a_stop_goes_with_the_number_and_start_undoes_it(town: Town) -> None:
    number = ("WHATSAPP", NUMBER)
    await town.identify("ana", (*number, "SUBSCRIBED", "customer"))
    await town.replies(NUMBER, "Stop, please")
    assert await town.written_to("ana", "whatsapp") == []
    town.clock.forward(SECOND)
    await town.identify("luis", (*number, "SUBSCRIBED", "sync"))
    assert await town.written_to("luis", "whatsapp") == []
    town.clock.forward(SECOND)
    await town.replies(NUMBER, "START")
    assert await town.written_to("luis", "whatsapp") == [NUMBER]
    town.clock.forward(SECOND)
    await town.identify("ana", (*number, "SUBSCRIBED", "sync"))
    assert await town.written_to("ana", "whatsapp") == [], "her own no is not Luis's to take back"


async def test_who_says_so_must_be_one_of_three(town: Town) -> None:
    entry = {"key": "ana@x.example", "type": "EMAIL", "status": "SUBSCRIBED", "by": "me"}
    body = {"userId": "ana", "traits": {}, "context": {"messaging_subscriptions": [entry]}}
    answer = await town.http.post("/v1/identify", json=body, auth=(INGEST_KEY, ""))
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault == {
        "pointer": "/context/messaging_subscriptions/0/by",
        "detail": "must be one of customer, sync, import: who says so",
    }


@pytest.mark.parametrize("nothing", [None, "", "  ", "not an address"])
@pytest.mark.parametrize("purpose", ["marketing", "transactional"])
async def test_an_address_that_was_taken_away_is_not_written_to(town: Town, nothing: str | None, purpose: str) -> None:
    """FAULTS A12."""
    said = [(*ANA, "SUBSCRIBED", "sync"), ("WHATSAPP", NUMBER, "SUBSCRIBED", "sync")]
    await town.identify("ana", *said, email="ana@x.example", phone=NUMBER)
    town.clock.forward(SECOND)
    await town.identify("ana", email=nothing, phone=nothing)
    for channel in ("email", "whatsapp", "sms"):
        assert await town.written_to("ana", channel, purpose) == []
        assert await town.asked("ana", channel) == (False, False)
    town.clock.forward(SECOND)
    await town.identify("ana", ahead=-1.5, email="ana@x.example", phone=NUMBER)  # a late call
    assert await town.written_to("ana", "email", purpose) == []
    await town.identify("ana", email="ana@x.example", phone=NUMBER)
    assert await town.written_to("ana", "email", purpose) == ["ana@x.example"]
    assert await town.written_to("ana", "whatsapp", purpose) == [NUMBER]


@pytest.mark.parametrize("late", [False, True])
async def test_the_newest_word_takes_the_place_of_the_old_address(town: Town, *, late: bool) -> None:
    """FAULTS A12: whichever call arrives first; the old one comes back by a newer subscription of its own."""
    new = ("EMAIL", "new@x.example")
    calls: list[tuple[Sequence[tuple[str, str, str, str]], str, float]] = [
        ([(*ANA, "SUBSCRIBED", "customer")], "ana@x.example", -9),
        ([(*new, "SUBSCRIBED", "customer")], "new@x.example", -5),
    ]
    for said, email, ahead in reversed(calls) if late else calls:
        await town.identify("ana", *said, email=email, ahead=ahead)
    assert await town.written_to("ana", "email") == ["new@x.example"]
    assert await town.written_to("ana", "email", "transactional") == ["new@x.example"]
    await town.identify("ana", (*ANA, "UNSUBSCRIBED", "sync"), ahead=-4)
    assert await town.written_to("ana", "email", "transactional") == ["new@x.example"], "a no names nobody's address"
    await town.identify("ana", (*ANA, "SUBSCRIBED", "customer"), ahead=-2)
    assert await town.written_to("ana", "email") == ["ana@x.example", "new@x.example"]
    await town.identify("ana", email="new@x.example", ahead=-1)  # nothing new
    assert await town.written_to("ana", "email") == ["new@x.example", "ana@x.example"]


async def test_a_guess_is_no_address(town: Town) -> None:
    guess = {"provenance": {"email": {"source": "model", "confidence": 0.9}}}
    await town.call("identify", userId="ana", traits={"email": "maybe@x.example"}, context=guess)
    assert await town.written_to("ana", "email", "transactional") == []


async def test_a_renewed_push_token_keeps_what_was_said_and_one_with_a_no_of_its_own_does_not(town: Town) -> None:
    await town.identify("ana", ("ANDROID_PUSH", "phone", "SUBSCRIBED", "customer"))
    await town.call("track", userId="ana", event="Opened", ahead=1, context={"device": {"token": "renewed", "type": "android"}})
    assert await town.written_to("ana", "push") == ["renewed", "phone"]
    await town.identify("ana", ("ANDROID_PUSH", "tablet", "UNSUBSCRIBED", "customer"), ahead=2)
    assert await town.written_to("ana", "push") == ["phone"]


HOLDER = "select profile_id from endpoint where address = $1 and channel = $2"
KEYS = [("EMAIL", f"{n}@x.example") for n in "abc"] + [("WHATSAPP", f"+3460011122{n}") for n in "123"]


class Spoken(NamedTuple):
    """What a customer said themselves, about an address or about all."""

    user: str
    channel: str
    address: str | None
    no: bool


@dataclass
class Heard:
    """The test's own memory of what customers themselves said, in order, without the rules."""

    said: list[Spoken] = field(default_factory=list)

    def says_no(self, user: str, channel: str, address: str) -> bool:
        """Whether the last that they said about this address, or about all, was a no."""
        about = [word for word in self.said if word[:2] == (user, channel) and word.address in (address, None)]
        return bool(about) and about[-1].no

    def is_bound(self, user: str, channel: str, address: str) -> bool:
        """Whether somebody's last word about this address was a no, and this customer has said nothing since."""
        about = [word for word in self.said if word[1:3] == (channel, address)]
        others = {word.user for word in about} - {user}
        last = [max(n for n, word in enumerate(about) if word.user == other) for other in others]
        return any(about[n].no and not any(word.user == user for word in about[n:]) for n in last)


@pytest.mark.parametrize("seed", some(range(scaled(4, 150))))
async def test_nobody_who_said_no_last_is_ever_written_to(town: Town, seed: int) -> None:
    """Yes, no, STOP, START, link, merge, hand-over and sync, over three addresses of each channel and two customers."""
    chance, heard, users = random.Random(seed), Heard(), ["ana", "luis"]
    for user in users:
        await town.identify(user)
    reached = 0
    for step in range(50):
        town.clock.forward(chance.choice([0, 0.3, 1, 1, 60]) * SECOND)
        if step == 30 and seed % 2:
            await town.call("alias", userId="ana", previousId="luis")
            users, heard.said = ["ana"], [word._replace(user="ana") for word in heard.said]
        await happen(town, chance, heard, users)
        reached += await look(town, heard, step, users)
    assert reached, "a test in which nobody may ever be written to shows nothing"


async def happen(town: Town, chance: random.Random, heard: Heard, users: Sequence[str]) -> None:
    user, (kind, key) = chance.choice(users), chance.choice(KEYS)
    channel = CHANNELS[kind]
    owners = {str(await town.profile(each)): each for each in users}
    holder = owners.get(str(await town.database.pool.fetchval(HOLDER, key, channel)))
    match chance.choice(["subscription"] * 5 + ["trait"] * 2 + (["answer"] * 2 if holder else [])):
        case "subscription":
            status = chance.choice(["SUBSCRIBED"] * 4 + ["UNSUBSCRIBED", "DID_NOT_SUBSCRIBE"])
            by = chance.choice(["customer", "sync", "import"])
            await town.identify(user, (kind, key, status, by), ahead=chance.choice([0, 0, 0, 290]))
            if by == "customer" or status == "UNSUBSCRIBED":
                heard.said.append(Spoken(user, channel, key, status != "SUBSCRIBED"))
        case "trait":
            name = "email" if channel == "email" else "phone"
            await town.identify(user, **{name: chance.choice([key, key, key, None])})
        case "answer" if holder and channel == "email":
            await town.clicks(holder, key)
            heard.said += [Spoken(holder, channel, where, no=True) for where in (key, None)]
        case "answer" if holder:
            stops = chance.random() < 0.6
            await town.replies(key, chance.choice(["STOP", "baja por favor"]) if stops else "START")
            heard.said += [Spoken(holder, channel, where, no=stops) for where in (key, None)]


async def look(town: Town, heard: Heard, step: int, users: Sequence[str]) -> int:
    """Whom the gate would write to now: nobody who said no last; and segments say the same."""
    reached = 0
    for user in users:
        for channel in ("email", "whatsapp"):
            addresses = await town.written_to(user, channel)
            reached += len(addresses)
            for address in addresses:
                assert not heard.says_no(user, channel, address), (step, user, address, heard.said)
                assert not heard.is_bound(user, channel, address), (step, user, address, heard.said)
            assert (channel, bool(addresses)) == (channel, all(await town.asked(user, channel))), (step, user)
    return reached
