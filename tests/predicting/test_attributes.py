"""ML-10: attributes that are always in and those that are never looked at; both told on the card and in the audit."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from models.planted import planted as planted_shop
from predicting.conftest import Planted

from journeys import days, did
from segments.errors import DefinitionError
from segments.models.training import Choice, Cut, train
from segments.predictions import DaysSince, feature
from segments.predictions.prediction import Prediction
from store.audit import Which, page

AT = datetime(2026, 3, 2, tzinfo=UTC)
ORDERS = did("Order Completed")
CHURN = Prediction(
    "churn",
    of=ORDERS.at_least(2),
    label=~ORDERS.within(days=30),
    horizon=days(30),
    features=[feature("recency", DaysSince(ORDERS)), feature("orders", ORDERS.count())],
)


def test_ml_10_what_is_always_in_no_selection_drops() -> None:
    """It says nothing and is in the model all the same; of the others those that matter most are, by who does not judge."""
    shop = planted_shop(6_000, seed=1)
    cut = Cut(AT, shop.table, shop.came)
    free = train([cut], choice=Choice(most=3))
    assert "days" in free.importance
    assert "nothing_1" in free.dropped
    assert len(free.importance) == 3
    forced = train([cut], choice=Choice(most=3, always=frozenset({"nothing_1"})))
    assert "nothing_1" in forced.importance
    assert len(forced.importance) == 3
    assert "nothing_1" not in forced.to_json()["dropped"]
    moved = {**shop.table, "age": np.zeros(6_000)}
    assert "age" in forced.dropped
    assert np.array_equal(forced.model.at(moved), forced.model.at(shop.table)), "what is dropped moves no score"
    everything = train([cut])
    assert (everything.importance.keys(), everything.dropped) == (shop.table.keys(), {})


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"always": {"nobody"}}, "'nobody', which is none of its features"),
        ({"always": {"recency", "orders"}, "most": 1}, "2 or more, not 1"),
        ({"most": 0}, "1 or more, not 0"),
        ({"always": {"recency"}, "never": {"recency"}}, "stands under never"),
    ],
)
def test_ml_10_what_cannot_be_kept_in_is_refused(said: dict[str, object], why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        replace(CHURN, **said)  # type: ignore[arg-type]


def test_ml_10_it_reads_back_from_json() -> None:
    told = replace(CHURN, always=frozenset({"orders"}), most=1, family="both", holdout=0.1)
    assert Prediction.from_json(told.to_json()).to_json() == told.to_json()
    assert told.version == CHURN.version, "which of its features a model goes by is no other prediction"
    with pytest.raises(DefinitionError, match="never and always"):
        Prediction.from_json(CHURN.to_json() | {"always": "orders"})


async def test_ml_10_the_audit_tells_by_what_each_model_goes_and_what_was_refused(planted: Planted) -> None:
    await planted.people(400)
    await planted.pass_until(0)
    await planted.train()
    (kept,) = [each for each in await audit(planted) if each["verb"] == "keep model"]
    assert (kept["by"], kept["kind"], kept["name"], kept["became"]["version"]) == ("journeys", "prediction", "churn", 1)
    assert (kept["became"]["never"], kept["became"]["always"]) == (["age", "sex"], [])
    assert "days_since_order" in kept["became"]["by"]

    declared = planted.shop.parts.catalogue.predictions["churn"]
    object.__setattr__(declared, "never", frozenset({"total"}))  # as if what is read had been changed behind the declaration
    try:
        told = await planted.train()
    finally:
        object.__setattr__(declared, "never", frozenset({"sex", "age"}))
    assert "not trained: " in told
    assert "which stands under never" in told
    (refused,) = [each for each in await audit(planted) if each["verb"] == "refuse"]
    assert refused["became"]["never"] == ["total"]
    assert "reads 'total', which stands under never" in refused["became"]["why"]
    assert (await planted.stands()).champion == 1, "the one that was trained before goes on"


async def audit(planted: Planted, kind: str = "prediction") -> list[dict[str, Any]]:
    return [asdict(each) for each in await page(planted.database, Which(kind=kind), limit=50)]
