"""What one provider did not take goes to the next in the same attempt: to nobody twice (marketing), and nobody is forgotten.

Random providers that accept, lose their answer, ask for patience, refuse, or die with the worker, over the real ledger.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from extent import LONG
from temporalio.exceptions import ApplicationError

from activities.channels.base import Sends
from activities.channels.carriers import Carriers
from activities.channels.errors import Ambiguous, Refused, TryLater, Unable
from activities.channels.message import Accepted, Outgoing
from activities.deliver.deliver import Delivery
from activities.deliver.doubt import COPIES
from journeys.contracts import Ceilings, Channel, DeliverRequest, Purpose, Receipt
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.activities.test_doubt import row
from workers.testing.shop import Shop

CASES = 2_000 if LONG else 150
MOST = 40  # attempts; what is not over by then never will be

ACCEPTS, LOSES, LATER, UNABLE, REFUSES = "accepts", "accepts, and its answer is lost", "later", "unable", "refuses"
SILENT = "takes nothing, and its answer is lost"
DIES_BEFORE, DIES_AFTER, NOT_READY, DIES_READY = "dies before", "dies after it accepted", "not ready", "dies while it waits"
OUTCOMES = (ACCEPTS, LOSES, LATER, UNABLE, REFUSES, SILENT, DIES_BEFORE, DIES_AFTER, NOT_READY, DIES_READY)


class Killed(BaseException):
    """The worker is gone, at this very point."""


@dataclass
class Moody(Sends):
    """A provider that does each time what it is told, by key; one that is idempotent sends nothing twice under a key."""

    name: str
    idempotent: bool = False
    told: dict[str, list[str]] = field(default_factory=dict)
    arrived: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    mood: str = ACCEPTS
    connections = 1
    tells_within = timedelta(0)

    @asynccontextmanager
    async def ready(self) -> AsyncIterator["Moody"]:
        self.mood = self.next()
        if self.mood == NOT_READY:
            raise TryLater(f"{self.name} is not there", timedelta(minutes=1))
        if self.mood == DIES_READY:
            raise Killed
        yield self

    def next(self) -> str:
        return self.told["*"].pop(0) if self.told.get("*") else ACCEPTS

    async def send(self, outgoing: Outgoing) -> Accepted:  # type: ignore[override]  # it is its own line
        key, mood = outgoing.key, self.mood
        if mood == DIES_BEFORE:
            raise Killed
        self.asked[key] += 1
        refused = {LATER: TryLater("busy"), UNABLE: Unable("cannot"), REFUSES: Refused("will not"), SILENT: Ambiguous("?")}
        if mood in refused:
            self.refused[key] += mood in (UNABLE, REFUSES)
            raise refused[mood]
        self.arrived[key] = 1 if self.idempotent else self.arrived[key] + 1
        if mood == LOSES:
            raise Ambiguous("no answer")
        if mood == DIES_AFTER:
            raise Killed
        return Accepted(provider_message_id=f"{self.name}-{key}")

    async def close(self) -> None:
        return


@pytest.fixture
async def run(trial: Shop) -> Run:
    await trial.signs_up("ana")
    return await start(trial, "while_vip")


def by(trial: Shop, *providers: Moody, **weights: int) -> Delivery:
    carriers = {Channel.EMAIL: Carriers(*providers, weights=weights)}
    return replace(trial.parts.delivery, carriers=carriers, ceilings=Ceilings(32_000, 32_000))


def letter(run: Run, n: int, purpose: Purpose = Purpose.MARKETING) -> DeliverRequest:
    return request(run, channel=Channel.EMAIL, step="email:note", occurrence=n, purpose=purpose)


async def attempted(delivery: Delivery, asked: DeliverRequest, n: int) -> Receipt | None:
    """What an attempt came to; nothing, where Temporal would try again."""
    later = replace(delivery, clock=lambda _: asked.due_at + timedelta(minutes=n))
    try:
        return await later.deliver(asked)
    except (ApplicationError, Killed):
        return None


async def test_whatever_providers_do_nobody_is_written_to_twice_or_forgotten(trial: Shop, run: Run) -> None:
    fates: Counter[tuple[str, str]] = Counter()
    for seed in range(CASES):
        dice = random.Random(seed)
        providers = [Moody(name, idempotent=dice.random() < 0.2) for name in ("one", "two", "three")[: dice.choice((2, 3))]]
        for each in providers:
            each.told["*"] = dice.choices(OUTCOMES, k=dice.randrange(8))
        purpose = dice.choice((Purpose.MARKETING, Purpose.TRANSACTIONAL))
        asked, delivery = letter(run, seed + 1, purpose), by(trial, *providers, one=2, two=1)
        receipt = None
        for n in range(MOST):
            receipt = await attempted(delivery, asked, n)
            arrived = {each.name: each.arrived[asked.key] for each in providers if each.arrived[asked.key]}
            found = await row(trial, asked)
            if receipt is not None:
                break
            if arrived:
                told = (seed, found["state"], arrived)
                assert found["state"] == "claimed", told
                assert set(arrived) == {found["provider"]}, told
        assert receipt is not None, seed
        fates[purpose.value, receipt.outcome.value] += 1
        total = sum(arrived.values())
        if purpose is Purpose.MARKETING:
            assert total <= 1, (seed, arrived)
        assert total <= COPIES, (seed, arrived)
        if receipt.outcome == "sent":
            assert total >= 1, seed
            assert found["provider"] in arrived, seed
        if receipt.outcome == "failed":
            assert (total, "will not" in found["detail"]["error"] or "cannot" in found["detail"]["error"]) == (0, True), seed
        if purpose is Purpose.TRANSACTIONAL and not total:
            refused = sum(each.refused[asked.key] for each in providers)
            assert receipt.outcome == "failed" or found["copies"] == COPIES or refused, (seed, found)
    assert set(fates) >= {
        ("marketing", "sent"), ("marketing", "unconfirmed"), ("marketing", "failed"),
        ("transactional", "sent"), ("transactional", "unconfirmed"), ("transactional", "failed"),
    }  # fmt: skip


async def test_who_is_busy_or_not_there_is_stood_in_for_in_the_same_attempt(trial: Shop, run: Run) -> None:
    for n, mood in enumerate((LATER, UNABLE, NOT_READY), 1):
        one, two = Moody("one", told={"*": [mood]}), Moody("two")
        asked = letter(run, n)
        assert (await by(trial, one, two).deliver(asked)).sent
        found = await row(trial, asked)
        assert (found["provider"], found["provider_message_id"]) == ("two", f"two-{asked.key}")
        assert (found["copies"], found["attempts"]) == (1, 1 if mood == NOT_READY else 2)


async def test_what_is_about_the_message_is_no_business_of_the_next(trial: Shop, run: Run) -> None:
    one, two = Moody("one", told={"*": [REFUSES]}), Moody("two")
    assert (await by(trial, one, two).deliver(letter(run, 1))).reason == "refused by the provider"
    assert not two.asked


async def test_where_all_are_busy_the_soonest_is_waited_for(trial: Shop, run: Run) -> None:
    one, two = (Moody(name, told={"*": [NOT_READY]}) for name in ("one", "two"))
    with pytest.raises(ApplicationError, match="one is not there; two is not there") as caught:
        await by(trial, one, two).deliver(letter(run, 1))
    assert caught.value.next_retry_delay == timedelta(minutes=1)
    found = await row(trial, letter(run, 1))
    assert (found["state"], found["attempts"]) == ("released", 0)


async def test_one_that_cannot_and_one_that_is_busy_is_no_refusal(trial: Shop, run: Run) -> None:
    for n, (first, second) in enumerate(((LATER, UNABLE), (UNABLE, LATER)), 1):
        delivery, asked = by(trial, Moody("one", told={"*": [first]}), Moody("two", told={"*": [second]})), letter(run, n)
        assert await attempted(delivery, asked, 0) is None
        assert (await row(trial, asked))["state"] == "released"
    one, two = (Moody(name, told={"*": [UNABLE]}) for name in ("one", "two"))
    assert (await by(trial, one, two).deliver(letter(run, 3))).reason == "refused by the provider"


async def test_a_doubt_stays_with_whom_it_is_about(trial: Shop, run: Run) -> None:
    """Where the worker died in mid-fail-over, and the first one is well again by the next attempt."""
    one, two = Moody("one", told={"*": [LATER]}), Moody("two", told={"*": [DIES_AFTER, ACCEPTS, LATER, NOT_READY]})
    delivery, asked = by(trial, one, two), letter(run, 1, Purpose.TRANSACTIONAL)
    assert await attempted(delivery, asked, 0) is None
    for n in range(1, 4):  # noticed, busy, not there
        assert await attempted(delivery, asked, n) is None
        found = await row(trial, asked)
        assert (found["state"], found["provider"]) == ("claimed", "two")
    assert await attempted(delivery, asked, 5) is not None
    assert (two.arrived[asked.key], one.arrived[asked.key]) == (2, 0)


async def test_a_doubt_with_one_that_is_gone_from_the_settings_is_anybodys(trial: Shop, run: Run) -> None:
    asked = letter(run, 1, Purpose.TRANSACTIONAL)
    assert await attempted(by(trial, Moody("one", told={"*": [DIES_AFTER]})), asked, 0) is None
    two = Moody("two")
    assert await attempted(by(trial, two), asked, 1) is None, "it is noticed, and waited for"
    assert (await attempted(by(trial, two), asked, 2)) is not None
    assert two.arrived[asked.key] == 1
    marketing = letter(run, 2)
    assert await attempted(by(trial, Moody("one", told={"*": [DIES_AFTER]})), marketing, 0) is None
    receipt = await attempted(by(trial, two), marketing, 1)
    assert receipt is not None
    assert (receipt.outcome, two.arrived[marketing.key]) == ("unconfirmed", 0)


@pytest.mark.parametrize("told", ["wamid.\x00\ud800x", "m" * 8_192, "\x00" * 300])
async def test_a_proof_is_kept_whatever_the_provider_calls_the_message(trial: Shop, told: str) -> None:
    """Postgres holds neither U+0000 in a text nor 8 kB in an index: a proof that cannot be kept would send another copy."""

    @dataclass
    class Odd(Moody):
        async def send(self, outgoing: Outgoing) -> Accepted:  # type: ignore[override]
            await super().send(outgoing)
            return Accepted(provider_message_id=told)

    await trial.signs_up("ana")
    run, odd = await start(trial, "while_vip"), Odd("odd")
    delivery = replace(trial.parts.delivery, carriers={Channel.EMAIL: Carriers(odd)})
    asked = request(run, channel=Channel.EMAIL, step="email:note", purpose=Purpose.TRANSACTIONAL)
    assert [(await delivery.deliver(asked)).sent for _ in range(2)] == [True, True]
    kept = await row(trial, asked)
    assert (kept["state"], kept["attempts"], odd.arrived[asked.key]) == ("sent", 1, 1)
    assert kept["provider_message_id"] == told.replace("\x00", "\ufffd").replace("\ud800", "?")[:256]
