"""What is said of predictions where they are refused, fail or compare: in the words of the door, the reason first."""

import copy
from dataclasses import fields
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from activities.predicting.failing import words
from api.models.bodies import EXAMPLE, PredictionBody
from api.models.declaring import read
from api.problems import Problem
from journeys.arms import WITHHELD
from journeys.experiments.acting import WRITTEN, Acting, Came, acting
from segments import DefinitionError, days, did, trait
from segments.ask.outlook import Outlook
from segments.models.kinds import Kinds, in_words
from segments.predictions import Prediction, engagement, feature, rfm
from segments.predictions.features import Feature
from store.predictions import PredictionRow
from workers.reference.declared import sections

ORDERED = did("Order Completed")
NOW = "2026-11-30T00:00:00+00:00"


def refused(feature: dict[str, Any]) -> list[str]:
    body = copy.deepcopy(EXAMPLE)
    body["features"][2] = feature
    with pytest.raises(Problem) as found:
        read("buys", PredictionBody.model_validate(body))
    return [each.pointer for each in found.value.errors]


@pytest.mark.parametrize(
    ("feature", "pointer"),
    [
        ({"name": "age", "trait": "age"}, "/features/2"),
        ({"name": "points", "trait": "points"}, "/features/3"),
        ({"total": "total"}, "/features/2"),
        ({"trait": "points"}, "/features/2"),
        ({"name": "nothing"}, "/features/2"),
        ({"name": "some", "count": True, "of": {"did": "X", "within": -1}}, "/features/2/of"),
    ],
)
def test_a_wrong_feature_is_refused_at_its_number(feature: dict[str, Any], pointer: str) -> None:
    """The second of two names is the one that is refused."""
    assert refused(feature) == [pointer]


def test_what_can_be_declared_stands_in_the_description_of_the_api() -> None:
    described = PredictionBody.model_json_schema()["properties"].keys()
    assert {each.name for each in fields(Prediction)} <= described


def test_remedies_are_code_and_json() -> None:
    with pytest.raises(DefinitionError, match=r'narrow it with \.within\(days=90\) in code, "within": 7776000 in JSON') as long:
        Prediction("p", ORDERED, ~ORDERED.within(days=91), days(90), rfm())
    assert "'90 days'" not in str(long.value)
    with pytest.raises(DefinitionError, match=r"\.within\(hours=36\) in code"):
        Prediction("p", ORDERED, ~ORDERED, timedelta(hours=36), rfm())
    with pytest.raises(DefinitionError, match=r"say it by events; .* TraitValue\('tier'\) in code, .* in JSON"):
        Prediction("p", ORDERED, trait("tier") == "gold", days(90), rfm())


def test_features_of_ones_own_are_added_as_a_list_or_a_tuple_on_either_side() -> None:
    own = feature("refunds", did("Order Refunded").count())
    for found in (rfm() + [own], rfm() + (own,), rfm() + engagement() + [own]):  # noqa: RUF005 - it is this that is tested
        assert found[-1] is own
        assert Prediction("p", ORDERED, ~ORDERED.within(days=9), days(9), found).features == tuple(found)
    for found in ([own] + rfm(), (own,) + rfm()):  # noqa: RUF005 - as above
        assert found[0] is own
        assert all(isinstance(each, Feature) for each in found)
    with pytest.raises(TypeError):
        rfm() + 1  # type: ignore[operator]


def test_a_dry_run_asks_for_as_many_as_a_training_of_one_instant_needs() -> None:
    """Fifty of either outcome in three fifths of the people."""
    at = np.datetime64("2026-11-30").astype("datetime64[s]").item()
    assert Outlook(400, at, 400, 84).enough
    few = Outlook(400, at, 400, 83)
    assert not few.enough
    assert "84 of either outcome (60% of them are fitted to, by 50 of either)" in few.told


def test_why_it_failed_is_told_first_and_of_the_prediction() -> None:
    why = words(DefinitionError("prediction", "knows of 3 messages; it needs 50"), "training")
    assert why == "it knows of 3 messages; it needs 50"
    given = dict.fromkeys(each.name for each in fields(PredictionRow)) | {"name": "best-channel", "failure": why}
    row = PredictionRow(**given)  # type: ignore[arg-type]  # of what is not looked at nothing is given
    assert row.held(np.datetime64("2026-11-30").astype("datetime64[s]").item()) == f"no model has been trained yet: {why}"


def test_what_nobody_differs_in_sets_no_kind_apart_and_never_is_not_long_ago() -> None:
    dice = np.random.default_rng(3)
    which = np.arange(900) % 3
    days_since = {0: 3.0, 1: 60.0, 2: 200.0}
    table = {
        "days_since_order": np.array([days_since[each] for each in which]) + dice.uniform(0, 5, 900),
        "days_since_visit": np.where(which == 2, np.nan, dice.uniform(0, 30, 900)),
        "days_since_product_added": np.full(900, np.nan),
    }
    model = Kinds.fit(table, (3,), ["days_since_order", "days_since_visit", "days_since_product_added"])
    assert not any("product added" in name for name in model.kinds)
    assert any("never visit" in name for name in model.kinds)
    (without,) = [name for name in model.kinds if "never visit" in name]
    assert (np.array([*model.kinds])[model.of(table)][which == 2] == without).all()
    assert in_words({"days_since_visit": 0.9}) == ["visit long ago"]


def test_of_whom_nothing_came_it_is_not_said_that_they_converted() -> None:
    (told, *_) = acting_of_nothing().sentences
    assert "it came true for only 0 customers" in told
    assert "converted" not in told


def acting_of_nothing() -> Acting:
    came = [Came(date(2026, 11, 1), 8, arm, people, 0) for arm, people in ((WRITTEN, 90), (WITHHELD, 10))]
    return acting("$prediction/churn", 0.1, came)


def test_the_reference_has_what_a_rule_of_products_takes() -> None:
    (products,) = [each for each in sections() if each.name == "declaring-products"]
    assert "`BoughtTogether(within: timedelta = timedelta(days=180), apart: timedelta = _DAY, people: int = 10" in str(products)
    assert "`PriceDrops(within: timedelta = timedelta(days=30), least: float = 0.1)`" in str(products)
