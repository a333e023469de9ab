"""A prediction as it is declared: in Python, in JSON, and what is refused."""

import json
from datetime import timedelta
from typing import Any

import pytest

from segments import DefinitionError, Segment, age, bucket, consented, customers, days, did, hours, prop, trait
from segments.predictions import Prediction, TraitValue, daily, engagement, feature, rfm, weekly
from segments.predictions.declared import check_predictions

ORDERED = did("Order Completed")
CHURN: dict[str, Any] = {
    "of": ORDERED.at_least(2), "label": ~ORDERED.within(days=90), "horizon": days(90), "features": rfm() + engagement(),
    "never": {"sex", "age"}, "retrain": weekly(), "score": daily(), "max_age": days(28), "holdout": 0.1,
}  # fmt: skip
churn = Prediction("churn", **CHURN)


def test_it_is_the_same_after_json() -> None:
    plain = json.loads(json.dumps(churn.to_json()))
    assert Prediction.from_json(plain).to_json() == plain
    assert Prediction.from_json(plain).version == churn.version
    few = {word: plain[word] for word in ("name", "of", "label", "horizon", "features")}
    assert Prediction.from_json(few).max_age == days(28), "what is not said has its default"


def test_one_line_and_a_segment() -> None:
    """ML-15."""
    at_risk = Segment("at-risk", churn.crosses(0.7, back_at=0.6))
    assert Segment.from_json(at_risk.to_json()) == at_risk
    assert str(at_risk.predicate) == 'the prediction "churn" is 0.7 or more (until it is below 0.6)'
    assert str(churn) == (
        'churn: who did "Order Completed" at least 2 times, and 90 days on did not do "Order Completed" within 90 days'
    )


def test_its_version_is_of_what_it_means() -> None:
    assert Prediction("churn", **CHURN | {"max_age": days(60), "owner": "ana", "score": hours(6)}).version == churn.version
    assert Prediction("churn", **CHURN | {"horizon": days(100)}).version != churn.version
    assert Prediction("churn", **CHURN | {"features": rfm()}).version != churn.version


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"label": ~ORDERED}, "at all that ever happened"),
        ({"label": ~ORDERED.within(days=91)}, r"back 91 days.*within\(days=90\)"),
        ({"label": trait("plan") == "gold"}, "the trait 'plan'"),
        ({"of": consented("email")}, "tell of any instant of the past"),
        ({"of": customers("u-1")}, "tell of any instant of the past"),
        ({"of": ORDERED & bucket(10, "x")}, "tell of any instant of the past"),
        ({"of": age("born") >= 18}, "the trait 'born'"),
        ({"of": ORDERED.where(prop("age") > 30)}, "reads 'age', which stands under never"),
        ({"of": "everybody"}, "needs a predicate"),
        ({"features": ()}, "1 to 200 features"),
        ({"features": (feature("a", TraitValue("age")),)}, "stands under never"),
        ({"horizon": 90}, "a span of an hour"),
        ({"score": timedelta(minutes=1)}, "a span of an hour"),
        ({"max_age": days(3)}, "a new model comes only every 7 days"),
        ({"holdout": 0.6}, "from 0 to 0.5"),
        ({"holdout": float("nan")}, "from 0 to 0.5"),
    ],
)
def test_what_cannot_be_predicted_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Prediction("churn", **CHURN | changed)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"horizn": 5}, "horizn"),
        ({"features": "rfm"}, "lists as features"),
        ({"of": {"did": 7}}, "prediction 'churn', of"),
        ({"horizon": "soon"}, ""),
        ({"name": "Churn!"}, "lower-case"),
        ({"never": [1]}, "lists as features"),
    ],
)
def test_json_that_is_none_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Prediction.from_json(churn.to_json() | changed)
    with pytest.raises(DefinitionError, match="has no label"):
        Prediction.from_json({"name": "churn", "of": {"did": "A"}})


@pytest.mark.parametrize("bounds", [(0, None), (1, None), (0.5, 0), (True, None), ("0.5", None), (0.5, 0.6)])
def test_a_threshold_is_a_probability(bounds: tuple[Any, Any]) -> None:
    with pytest.raises(DefinitionError, match="prediction 'churn'"):
        churn.crosses(bounds[0], back_at=bounds[1])


def test_what_segments_ask_for_is_there() -> None:
    check_predictions([churn], [churn.crosses(0.5)])
    with pytest.raises(DefinitionError, match=r"'loyal'.*there are: churn"):
        check_predictions([churn], [Prediction("loyal", **CHURN).crosses(0.5)])
    with pytest.raises(DefinitionError, match="declared twice"):
        check_predictions([churn, churn], [])


@pytest.mark.parametrize("looks", ["age", "person.age", "demographics.age", "Age", "AGE.years"])
def test_what_stands_under_never_is_refused_wherever_it_stands_in_a_path(looks: str) -> None:
    with pytest.raises(DefinitionError, match="stands under never"):
        Prediction("x", ORDERED, ~ORDERED.within(days=9), days(9), (feature("s", TraitValue(looks)),), never={"age"})


def test_a_name_alone_is_no_set_of_names() -> None:
    with pytest.raises(DefinitionError, match=r"never: is a set of names, \{\"age\"\}, not 'age'"):
        Prediction("x", ORDERED, ~ORDERED.within(days=9), days(9), rfm(), never="age")  # type: ignore[arg-type]
