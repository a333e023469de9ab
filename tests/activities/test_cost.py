"""What messages cost by declared prices is on the ledger: each part of a text, by country, each copy that may have arrived."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.deliver.deliver import Delivery
from activities.versions import OnlyOwn
from journeys import Prices
from journeys.contracts import Channel, Purpose
from journeys.errors import CatalogueError
from journeys.gate.budget import cost_of
from store.runs.views import messages_of
from tests.activities.test_deliver import request, start
from tests.activities.test_doubt import row
from workers.testing.shop import Shop

PRICES = Prices("EUR", push=0, email="0.0004", sms={"*": "0.09", "ES": "0.0609"})


def priced(trial: Shop, prices: Mapping[str, int] = PRICES, currency: str | None = "EUR") -> Delivery:
    own = replace(trial.parts.library.own, prices=prices, currency=currency)
    return replace(trial.parts.delivery, versions=OnlyOwn(own))


def test_a_price_is_that_of_its_country_else_that_of_all_others() -> None:
    assert dict(PRICES) == {"push": 0, "email": 400, "sms": 90_000, "sms/ES": 60_900}
    assert [cost_of(PRICES, "sms", country, 2) for country in ("ES", "FR", None)] == [121_800, 180_000, 180_000]
    assert (cost_of(PRICES, "push"), cost_of(PRICES, "whatsapp")) == (0, None)
    assert dict(Prices(sms={"ES": "0.06", "FR": Decimal("0.08")}))["sms"] == 80_000, "the dearest, where none is for all others"


@pytest.mark.parametrize(("currency", "sms"), [("euro", "1"), ("eur", "1"), (None, {"es": "1"}), (None, {"ES": "much"})])
def test_what_is_no_price_is_refused(currency: str | None, sms: Any) -> None:
    with pytest.raises(CatalogueError):
        Prices(currency, sms=sms)


@pytest.mark.parametrize(("phone", "cost"), [("+34600112233", 60_900), ("+33612345678", 90_000)])
async def test_a_text_costs_what_its_country_does(trial: Shop, phone: str, cost: int) -> None:
    said = [{"key": phone, "type": "SMS", "status": "SUBSCRIBED"}]
    await trial.send(
        "identify", userId="ana", traits={"firstName": "Ana", "phone": phone}, context={"messaging_subscriptions": said}
    )
    run = await start(trial, "while_vip")
    asked = request(run, channel=Channel.SMS, step="sms:note", purpose=Purpose.TRANSACTIONAL)
    assert (await priced(trial).deliver(asked)).sent
    found = await row(trial, asked)
    assert (found["cost"], found["currency"]) == (cost, "EUR")
    shown = (await trial.operate("GET", f"/v1/runs/{run.id}")).json()["timeline"]
    assert [(each["cost"], each["currency"], each["provider"]) for each in shown] == [(cost / 1_000_000, "EUR", "twilio")]
    [carried] = (await trial.operate("GET", "/v1/providers")).json()["carried"]
    assert (carried["provider"], carried["cost"], carried["currency"]) == ("twilio", cost / 1_000_000, "EUR")


async def test_each_copy_that_may_have_arrived_costs_and_one_that_was_refused_does_not(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    asked = request(run, channel=Channel.EMAIL, step="email:note", purpose=Purpose.TRANSACTIONAL)
    trial.sandbox.faults.tell("smtp", "451", times=1)
    trial.sandbox.faults.tell("smtp", "timeout_after_accept", hold_seconds=0, times=1)
    for _ in range(2):
        with pytest.raises(ApplicationError):
            await priced(trial).deliver(asked)
    assert (await priced(trial).deliver(asked)).sent
    assert ((await row(trial, asked))["copies"], (await row(trial, asked))["cost"]) == (2, 800)


async def test_without_a_price_there_is_no_cost(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    await priced(trial, Prices(sms=1)).deliver(request(run))
    assert [(each.cost, each.currency) for each in await messages_of(trial.database, run.id)] == [(None, None)]
