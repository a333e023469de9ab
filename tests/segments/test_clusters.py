"""Kinds of customers as they are declared, in Python and in JSON, and how a segment asks for one (ML-06)."""

import json
from typing import Any

import pytest

from segments import DefinitionError, Segment, days, did
from segments.models.kinds import Kinds, One, Scale
from segments.models.stored import Kept
from segments.predictions import Clusters, LifetimeValue, Prediction, declared_from_json, engagement, rfm
from segments.predictions.declared import predictions_in

ORDERED = did("Order Completed")
styles = Clusters("styles", of=ORDERED, features=rfm() + engagement(), into=5, names={"often, recent": "regulars"})


def test_ml_06_it_is_the_same_after_json_and_a_segment_asks_for_a_kind() -> None:
    plain = json.loads(json.dumps(styles.to_json()))
    assert Clusters.from_json(plain).to_json() == plain
    assert Clusters.from_json(plain).version == styles.version
    assert styles.called("often, recent") == "regulars"
    assert styles.called("seldom") == "seldom"
    friends = Segment("friends", ~styles.is_("regulars"))
    assert Segment.from_json(friends.to_json()) == friends
    assert friends.to_json()["predicate"] == {"not": {"prediction": "styles", "is": "regulars"}}
    assert str(friends.predicate) == 'the prediction "styles" is not "regulars"'
    assert [leaf.prediction for leaf in predictions_in(friends.predicate)] == ["styles"]
    assert str(styles) == 'styles: who did "Order Completed", sorted into 5 kinds by what they do'
    assert Clusters("styles", ORDERED, rfm()).choices == (2, 3, 4, 5, 6, 7, 8)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"into": 1}, "2 to 20"),
        ({"into": True}, "2 to 20"),
        ({"margin": 1}, "0 to below 1"),
        ({"names": {"a": "x", "b": "x"}}, "calls two kinds alike"),
        ({"names": {"a": ""}}, "not empty"),
        ({"features": ()}, "1 to 200 features"),
        ({"never": {"total"}}, "stands under never"),
        ({"of": "everybody"}, "needs a predicate"),
    ],
)
def test_what_cannot_be_sorted_is_refused(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        Clusters("styles", **{"of": ORDERED, "features": rfm()} | changed)


def test_json_that_is_none_is_refused_and_no_kind_reads_another() -> None:
    for changed in ({"names": []}, {"label": {"did": "A"}}, {"features": "rfm"}):
        with pytest.raises(DefinitionError):
            Clusters.from_json(styles.to_json() | changed)
    churn = Prediction("churn", ORDERED, ~ORDERED.within(days=30), days(30), rfm())
    clv = LifetimeValue("clv", orders=ORDERED)
    for each in (styles, churn, clv):
        assert (again := declared_from_json(each.to_json())).to_json() == each.to_json()
        assert type(again) is type(each)
    with pytest.raises(DefinitionError, match="of the kind 'lifetime-value', and read as 'clusters'"):
        Clusters.from_json({"kind": "lifetime-value", "name": "clv"})
    with pytest.raises(DefinitionError, match="one of probability, lifetime-value, clusters"):
        declared_from_json({"kind": "tarot", "name": "x"})
    with pytest.raises(DefinitionError, match="sorts customers"):
        styles.crosses(0.5)


def test_reasons_are_what_is_most_unlike_everybody() -> None:
    scale = Scale(tuple(float(n) for n in range(33)))
    model = Kinds({"orders": scale}, {"orders": 0.0}, {"often": One(1, (0.9,)), "seldom": One(2, (0.1,))}, 3)
    kept = Kept.of(model)
    (told,) = Clusters("styles", ORDERED, rfm()[2:3]).reasons(kept.text, kept.sha256, {"orders": 30.0})
    assert told.words == 'the number of "Order Completed" is 30: more than 92% of them have'
    with pytest.raises(DefinitionError, match="sha256"):
        Clusters("styles", ORDERED, rfm()[2:3]).reasons(kept.text + " ", kept.sha256, {"orders": 30.0})
