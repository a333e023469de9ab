"""A provider that is out for an hour: what is wanted afterwards arrives, once, the rest is dropped with that reason (Show 3).

The hour is the message's own: attempts are made when Temporal would make them, by the retry policy of the workflow, and time
is what lies between them. The protocol is the provider's, and so is the way in which it is away.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.exceptions import ApplicationError

from activities.channels.base import Provider
from activities.channels.carriers import Carriers
from activities.channels.kinds import KINDS, Kind, sending
from activities.channels.platforms import by_platform
from activities.deliver.deliver import Delivery
from activities.deliver.limits import Limits
from journeys.contracts import Channel, DeliverRequest, Purpose, Reason, Receipt
from journeys.temporal.workflow import RETRY
from store import Database
from store.deliveries import passes, providers
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.emptied import database, dsn, emptying, pooled, untouched  # noqa: F401 - fixtures
from workers.sandbox.push.apns_account import KEY_ID, TEAM_ID, TOPIC
from workers.sandbox.server import SES_SECRET
from workers.testing.shop import Shop, open_shop

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
TOKEN = "0f" * 32
#: Each provider outside: what it is told to answer for an hour, and the setting that leads to it; browsers name their own.
AWAY = {
    "fcm": ("503", "fcm_url"),
    "apns": ("503", "apns_url"),
    "web-push": ("503", ""),
    "whatsapp": ("503", "whatsapp_url"),
    "smtp": ("421", "smtp_url"),
    "ses": ("503", "ses_url"),
    "resend": ("503", "resend_url"),
    "twilio": ("503", "twilio_url"),
    "aws-sms": ("429", "aws_sms_url"),
}
CLASSES = {provider.name: (kind, provider) for kind in sending() for provider in kind.provider_classes}
#: Nothing of theirs is outside when a message is delivered; what follows a change of a pass is tried below.
OURS = {"inbox", "wallet"}
NOBODY = "127.0.0.1:1"


@dataclass
class Time:
    """The shop's, as it passes between attempts."""

    now: datetime

    def seconds(self) -> float:
        return self.now.timestamp()


@pytest.fixture
async def trial(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:  # noqa: F811 - fixtures
    """Without workers: the attempts are the test's."""
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


@pytest.fixture
async def run(trial: Shop) -> Run:
    await trial.signs_up("ana")
    return await start(trial, "while_vip")


def test_no_provider_is_forgotten() -> None:
    assert AWAY.keys() | OURS == CLASSES.keys()


def provider_of(trial: Shop, name: str, **settings: Any) -> Provider:
    url, secret = trial.sandbox.url, SecretStr(SES_SECRET)
    told = {
        "apns_url": trial.sandbox.apns_url, "apns_key": trial.sandbox.apns_key,
        "apns_key_id": KEY_ID, "apns_team_id": TEAM_ID, "apns_topic": TOPIC,
        "ses_url": url, "ses_region": "eu-west-1", "ses_access_key_id": "AKID", "ses_secret_access_key": secret,
        "resend_url": url, "resend_api_key": SecretStr("re_1"), "aws_sms_url": url, "aws_sms_region": "eu-west-1",
        "aws_sms_access_key_id": "AKID", "aws_sms_secret_access_key": secret,
    }  # fmt: skip
    found = CLASSES[name][1].configured(trial.settings.model_copy(update=told | settings))
    assert found is not None
    (provider,) = by_platform([found])
    return provider


def by(trial: Shop, kind: Kind, time: Time, *providers: Provider, **weights: int) -> Delivery:
    """Delivery by these alone, whose breakers go by the same time."""
    carriers = Carriers(*providers, weights=weights)
    for breaker in carriers.breakers.values():
        breaker.clock = time.seconds
    return replace(trial.parts.delivery, carriers={kind.channel: carriers}, clock=lambda _: time.now)


async def attempts(delivery: Callable[[], Delivery], asked: DeliverRequest, time: Time) -> Receipt:
    """What becomes of a message in the end, as Temporal goes about it."""
    assert RETRY.maximum_interval is not None
    for attempt in range(500):
        try:
            return await delivery().deliver(asked)
        except ApplicationError as error:
            usual = min(RETRY.initial_interval * RETRY.backoff_coefficient ** min(attempt, 30), RETRY.maximum_interval)
            time.now += error.next_retry_delay or usual
    raise AssertionError("it would be tried for ever")


def messages(run: Run, kind: Kind, first: int = 1) -> list[tuple[DeliverRequest, bool]]:
    """Of both purposes, some of which nobody wants any more when the hour is over."""
    about = {"channel": kind.channel, "step": f"{kind.name}:note", "useless_after": run.entered_at + 12 * HOUR}
    hurried = {"useless_after": run.entered_at + 30 * MINUTE}
    asked = [about | {"purpose": purpose} | more for purpose in Purpose for more in ({}, hurried)]
    return [(request(run, **each, occurrence=first + n), n % 2 == 0) for n, each in enumerate(asked)]


@pytest.mark.parametrize("name", AWAY)
async def test_whoever_is_wanted_after_the_hour_arrives_and_the_others_are_dropped(trial: Shop, run: Run, name: str) -> None:
    """Where it answers that it is ill, and where nobody answers."""
    kind, (fault, setting) = CLASSES[name][0], AWAY[name]
    if name == "apns":
        await trial.send("track", userId="ana", event="Opened", context={"device": {"token": TOKEN, "type": "ios"}})
    there = provider_of(trial, name)
    await becomes_of(trial, run, messages(run, kind), there, there, lambda: trial.sandbox.faults.tell(name, fault))
    if setting:
        address = SecretStr(f"smtp://{NOBODY}") if name == "smtp" else f"http://{NOBODY}"
        nowhere = provider_of(trial, name, **{setting: address})
        await becomes_of(trial, run, messages(run, kind, first=9), nowhere, there, lambda: None)
        await nowhere.close()
    await there.close()


async def becomes_of(
    trial: Shop, run: Run, asked: list[tuple[DeliverRequest, bool]], away: Provider, back: Provider, ill: Callable[[], Any]
) -> None:
    """What becomes of messages for which there is one provider for an hour, and another one afterwards."""
    for message, wanted in asked:
        time = Time(run.entered_at)
        before, after = [by(trial, KINDS[message.channel.value], time, each) for each in (away, back)]

        def now(time: Time = time, before: Delivery = before, after: Delivery = after) -> Delivery:
            if time.now < run.entered_at + HOUR:
                return before
            trial.sandbox.faults.clear()
            return after

        ill()
        receipt = await attempts(now, message, time)
        arrived = len(trial.sandbox.messages)
        if wanted:
            assert (receipt.outcome, arrived) == ("sent", 1), receipt
            assert HOUR <= time.now - run.entered_at <= HOUR + 6 * MINUTE, "as soon as Temporal asks again"
        else:
            assert (receipt.outcome, receipt.reason, arrived) == ("failed", Reason.EXPIRED, 0), receipt
            assert time.now <= message.useless_after + 6 * MINUTE, "by the first attempt after its deadline"
        assert (await attempts(now, message, time)).outcome == receipt.outcome
        assert len(trial.sandbox.messages) == arrived, "asked again, nothing is done again"
        trial.sandbox.faults.clear()
        trial.sandbox.log.clear()


@pytest.mark.parametrize("first", ["smtp", "ses", "resend", "twilio", "aws-sms"])
async def test_where_another_provider_stands_in_nobody_waits_and_nobody_gets_it_twice(
    trial: Shop, run: Run, first: str
) -> None:
    kind, time = CLASSES[first][0], Time(run.entered_at)
    names = [first, *(name for name in AWAY if CLASSES[name][0] is kind and name != first)]
    providers = [provider_of(trial, name) for name in names]
    delivery = by(trial, kind, time, *providers, **{first: 1})
    trial.sandbox.faults.tell(first, AWAY[first][0])
    about = {"channel": kind.channel, "step": f"{kind.name}:note", "useless_after": run.entered_at + 12 * HOUR}
    asked = [request(run, **about, purpose=list(Purpose)[n % 2], occurrence=n) for n in range(1, 15)]
    for each in asked:
        assert (await delivery.deliver(each)).sent
        time.now += 4 * MINUTE
    assert time.now - run.entered_at < HOUR
    assert sorted(each.key or "" for each in trial.sandbox.messages) == sorted(each.key for each in asked)
    assert first not in {each.provider.value for each in trial.sandbox.messages}
    trial.sandbox.faults.clear()
    time.now += HOUR
    for each in asked:
        assert (await delivery.deliver(each)).sent
    assert len(trial.sandbox.messages) == len(asked)
    assert (await delivery.deliver(request(run, **about, purpose=Purpose.TRANSACTIONAL, occurrence=99))).sent
    assert trial.sandbox.messages[-1].provider.value == first, "it is used again"
    for provider in providers:
        await provider.close()


@pytest.mark.parametrize("platform", ["ios", "android"])
async def test_a_wallet_that_is_out_for_an_hour_is_told_once_it_is_back(trial: Shop, run: Run, platform: str) -> None:
    about = {"channel": Channel.WALLET, "step": "wallet:card", "template": "card"}
    first, second = [
        request(run, **about, occurrence=n, params={"points": n, "used": False}, useless_after=run.entered_at + 12 * HOUR)
        for n in (1, 2)
    ]
    time, wallet = Time(run.entered_at), KINDS["wallet"]
    delivery = by(trial, wallet, time, trial.parts.delivery.carriers[Channel.WALLET].all[0])
    assert (await delivery.deliver(first)).sent
    (pass_,) = await passes.of_customer(trial.database, run.profile_id)
    token = TOKEN if platform == "ios" else ""
    async with trial.database.transaction() as connection:
        await passes.register(
            connection, pass_.serial, platform, token, push_token=token, added_at=time.now, state=pass_.modified_at
        )
    trial.sandbox.faults.tell("wallet", "503")

    def now() -> Delivery:
        if time.now >= run.entered_at + HOUR:
            trial.sandbox.faults.clear()
        return delivery

    assert (await attempts(now, second, time)).sent
    assert HOUR <= time.now - run.entered_at <= HOUR + 6 * MINUTE
    assert [each.provider.value for each in trial.sandbox.messages] == ["wallet"]


async def test_who_is_out_for_one_platform_is_out_for_no_other_and_each_has_its_own_limit(trial: Shop, run: Run) -> None:
    await trial.signs_up("bea")
    await trial.send("track", userId="bea", event="Opened", context={"device": {"token": TOKEN, "type": "ios"}})
    other, time = await start(trial, "while_vip", "bea"), Time(run.entered_at)
    apple = CLASSES["apns"][1].configured(trial.settings.model_copy(update={
        "apns_url": trial.sandbox.apns_url, "apns_key": trial.sandbox.apns_key,
        "apns_key_id": KEY_ID, "apns_team_id": TEAM_ID, "apns_topic": TOPIC,
    }))  # fmt: skip
    assert apple is not None
    (both,) = by_platform([provider_of(trial, "fcm"), apple])
    delivery = by(trial, KINDS["push"], time, both)
    trial.sandbox.faults.tell("apns", "503")
    for n in range(1, 15):
        with pytest.raises(ApplicationError, match="apns"):
            await delivery.deliver(request(other, occurrence=n))
    breakers = delivery.carriers[Channel.PUSH].breakers
    assert {name: each.stopped is not None for name, each in breakers.items()} == {"fcm": False, "apns": True}
    assert [each.provider for each in await providers.stopped(trial.database)] == ["apns"]
    about = "select state, provider, copies from delivery where run_id = $1 and occurrence = 14"
    last = dict(await trial.database.pool.fetchrow(about, other.id) or {})
    assert (last["provider"], last["copies"]) == ("apns", 0), "not claimed while it is not used"
    await providers.set_limit(trial.database, providers.Limit("fcm", per_day=1), time.now, "olga")
    delivery = replace(delivery, limits=Limits(trial.database))  # which has not asked yet
    assert (await delivery.deliver(request(run, occurrence=1))).sent, "Android's go on"
    assert not (await delivery.deliver(request(run, occurrence=2))).sent
    assert (await providers.used(trial.database, time.now.date()))["fcm"] == (1, 0)
    ledger = await trial.database.pool.fetch("select distinct provider from delivery where provider is not null")
    assert sorted(each["provider"] for each in ledger) == ["apns", "fcm"], "by its own name"
    await both.close()
