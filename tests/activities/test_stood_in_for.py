"""Two providers a channel, and one of them out for an hour: over their real protocols nothing is lost, and nothing doubled."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.deliver.deliver import Delivery
from activities.deliver.doubt import COPIES
from journeys.contracts import Ceilings, Channel, DeliverRequest, Purpose, Receipt
from store import Database
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from tests.activities.test_doubt import row
from workers.assembly import channels
from workers.sandbox.server import SES_SECRET
from workers.testing.shop import Shop, open_shop
from workers.worker import serving, workers

MINUTE = timedelta(minutes=1)
OUTAGE = 60  # minutes
STEP = {"sms": "sms:note", "email": "email:note"}


def providers(shop: Shop, channel: str) -> dict[str, Any]:
    """Settings by which two providers share a channel, both in the sandbox."""
    url = shop.sandbox.url
    if channel == "sms":
        keys = {"aws_sms_access_key_id": "AKIAEXAMPLE", "aws_sms_secret_access_key": SES_SECRET}
        return {"aws_sms_region": "eu-west-1", "aws_sms_url": url, "provider_weights": "twilio=1, aws-sms=1", **keys}
    keys = {"ses_access_key_id": "AKIAEXAMPLE", "ses_secret_access_key": SES_SECRET}
    letters = {"smtp_url": "", "ses_region": "eu-west-1", "ses_url": url, "resend_api_key": "re_key", "resend_url": url}
    return {**letters, "provider_weights": "ses=1, resend=1", **keys}


@asynccontextmanager
async def two_ways(shop: Shop, channel: str) -> AsyncIterator[Delivery]:
    given = type(shop.settings).model_validate(shop.settings.model_dump() | providers(shop, channel))
    carriers = channels(given)
    yield replace(shop.parts.delivery, carriers=carriers, ceilings=Ceilings(32_000, 32_000))
    for each in carriers.values():
        await each.close()


async def signs_up(shop: Shop) -> None:
    said = [
        {"key": key, "type": kind, "status": "SUBSCRIBED"}
        for key, kind in (("+34600112233", "SMS"), ("ana@example.com", "EMAIL"))
    ]
    traits = {"firstName": "Ana", "email": "ana@example.com", "phone": "+34600112233"}
    await shop.send("identify", userId="ana", traits=traits, context={"messaging_subscriptions": said})


@dataclass
class Hour:
    """A message a minute, and each tried again as Temporal would until it is over."""

    delivery: Delivery
    asked: list[DeliverRequest]
    over: dict[str, Receipt] = field(default_factory=dict)
    again: dict[str, timedelta] = field(default_factory=dict)

    async def attempt(self, minute: int) -> None:
        for carriers in self.delivery.carriers.values():
            for breaker in carriers.breakers.values():
                breaker.clock = lambda: minute * 60.0
        for asked in self.asked:
            due = self.again.get(asked.key, asked.occurrence * MINUTE)
            if asked.key in self.over or due > minute * MINUTE:
                continue
            at = asked.due_at + minute * MINUTE
            try:
                self.over[asked.key] = await replace(self.delivery, clock=lambda _, at=at: at).deliver(asked)
            except ApplicationError as later:
                self.again[asked.key] = minute * MINUTE + (later.next_retry_delay or MINUTE)


def messages(run: Run, channel: str) -> list[DeliverRequest]:
    purposes = (Purpose.MARKETING, Purpose.TRANSACTIONAL)
    about = {"channel": Channel(channel), "step": STEP[channel]}
    return [request(run, **about, occurrence=n, purpose=purposes[n % 2]) for n in range(1, OUTAGE + 1)]


PAIRS = [("sms", "twilio", "aws-sms"), ("sms", "aws-sms", "twilio"), ("email", "ses", "resend"), ("email", "resend", "ses")]


@pytest.mark.parametrize(("channel", "first", "second"), PAIRS)
async def test_an_hours_outage_of_one_loses_and_doubles_nothing(trial: Shop, channel: str, first: str, second: str) -> None:
    """It says 503, or takes the message and drops the answer, or drops it without having taken the message."""
    await signs_up(trial)
    run = await start(trial, "while_vip")
    trial.sandbox.faults.tell(first, "503", probability=0.6, seed=7)
    lost = "lost" if first == "twilio" else "timeout_after_accept"  # all are to one number: its list would find another one
    trial.sandbox.faults.tell(first, lost, probability=0.5, seed=7, hold_seconds=0)
    trial.sandbox.faults.tell(first, "drop_before_accept", hold_seconds=0)
    async with two_ways(trial, channel) as delivery:
        hour = Hour(delivery, messages(run, channel))
        for minute in range(1, OUTAGE + 1):
            await hour.attempt(minute)
        during = Counter(message.provider.value for message in trial.sandbox.messages)
        trial.sandbox.faults.clear()
        for minute in range(OUTAGE + 1, 12 * OUTAGE):
            await hour.attempt(minute)
    accepted = Counter(message.key for message in trial.sandbox.messages)
    assert during[second] > OUTAGE / 6, "it stood in"
    assert len(hour.over) == OUTAGE, "all are over before their deadline"
    for asked in hour.asked:
        receipt = hour.over[asked.key]
        if asked.purpose is Purpose.MARKETING:
            assert accepted[asked.key] <= 1
            assert receipt.outcome in ("sent", "unconfirmed")
        else:
            copies = (await row(trial, asked))["copies"]
            assert receipt.sent or copies == COPIES, "as often as is stated"
            assert bool(receipt.sent) <= accepted[asked.key] <= copies
        if receipt.outcome == "sent":
            assert accepted[asked.key]


async def urgent(shop: Shop, user: str) -> None:
    await shop.signs_up(user)
    await shop.over(await start(shop, "urgent", user))


async def test_both_carry_and_where_one_is_away_runs_go_on_by_the_other(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    """Through Temporal: nobody waits for the outage to end."""
    async with (
        open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as shop,
        two_ways(shop, "email") as delivery,
        serving(workers(shop.client, replace(shop.parts, carriers=delivery.carriers, delivery=delivery))),
    ):
        for n in range(8):
            await urgent(shop, f"a{n}")
        both = Counter(message.provider.value for message in shop.sandbox.messages)
        shop.sandbox.faults.tell("ses", "503", retry_after=3600)
        for n in range(8):
            await urgent(shop, f"b{n}")
    assert set(both) == {"ses", "resend"}
    told = Counter(message.key for message in shop.sandbox.messages)
    assert (len(told), set(told.values())) == (16, {1})
    assert Counter(m.provider.value for m in shop.sandbox.messages)["resend"] == both["resend"] + 8
