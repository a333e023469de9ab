"""Scores: SQL and Python agree on any sheet of rules, and every point can be explained."""

import random
from decimal import Decimal
from typing import Any

import pytest

from segments import (
    DefinitionError,
    Segment,
    bucket,
    check_goal,
    consented,
    customers,
    did,
    inside,
    near,
    points,
    prop,
    score,
    trait,
)
from segments.ask.why import why
from segments.evaluate import holds
from segments.facts import Facts
from segments.language.moves import event_types, trait_names
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json
from segments.leaves.people import MemberOf
from segments.leaves.places import position_in, position_of
from segments.sql.statements import among
from tests.segments.shop import T0, Shop

RULES = [
    points(20, did("Pricing Viewed").within(days=30), "saw the prices"),
    points(-30, did("Jobs Viewed"), "looks for a job"),
    points(Decimal("0.1"), trait("source") == "search"),
    points(Decimal("0.2"), trait("role").in_("CEO", "CTO")),
    points(5, did("Demo Requested").at_least(2)),
]


def random_score(chance: random.Random) -> Predicate:
    sheet = score(*chance.sample(RULES, chance.randint(1, len(RULES))))
    value = chance.choice([0, 20, 25, -10, Decimal("0.3"), Decimal("20.30")])
    compared = chance.choice([sheet >= value, sheet > value, sheet == value, sheet != value, sheet < value, sheet <= value])
    return chance.choice([compared, ~compared, compared & did("Pricing Viewed"), sheet.between(0, 20)])


async def test_sql_and_python_add_up_the_same(shop: Shop) -> None:
    chance = random.Random(3)
    ids = []
    for _ in range(40):
        traits = {"source": chance.choice(["search", "social"]), "role": chance.choice(["CEO", "clerk"])}
        ids.append(await shop.customer(**traits))
        for named in ("Pricing Viewed", "Jobs Viewed", "Demo Requested", "Demo Requested"):
            if chance.random() < 0.5:
                await shop.event(ids[-1], named, T0, mark=False)
    for predicate in (random_score(chance) for _ in range(30)):
        expected = {who for who in ids if holds(predicate, shop.traits[who], shop.events[who], T0)}
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)
        assert await shop.evaluated(predicate, T0, ids[::2]) == expected & set(ids[::2])
        assert predicate_from_json(predicate.to_json()) == predicate


def test_every_point_is_explained() -> None:
    finding = why(score(*RULES) >= 20, Facts.of({"source": "search"}, []), T0)
    assert finding.holds is False
    assert finding.saw["score"] == 0.1
    assert {rule: points for rule, points in finding.saw["points"].items() if points} == {'source is "search"': 0.1}
    assert len(finding.saw["points"]) == len(RULES)  # those that earned nothing, too
    assert [part.holds for part in finding.parts] == [False, False, True, False, False]


def test_what_it_looks_at() -> None:
    predicate = score(*RULES) >= 20
    assert event_types(predicate) == {"Pricing Viewed", "Jobs Viewed", "Demo Requested"}
    assert trait_names(predicate) == {"source", "role"}
    assert str(score(*RULES[:2]) >= 20) == "the score (+20 saw the prices; -30 looks for a job) is at least 20"


REFUSED: list[tuple[Any, str]] = [
    (lambda: score() >= 1, "1 to 200 rules"),
    (lambda: score(did("A")) >= 1, "written points"),
    (lambda: points(1.5, did("A")), "whole number or a Decimal"),
    (lambda: points(True, did("A")), "whole number"),
    (lambda: points(1, "A"), "needs a predicate"),
    (lambda: score(*RULES) >= 0.5, "whole number or a Decimal"),
    (lambda: bool(score(*RULES)), "no truth by itself"),
    (lambda: Segment("x", score(points(1, prop("x") == 1)) >= 1), r"prop\(…\) belongs inside"),
    (lambda: check_goal(did("B") & (score(points(1, did("A"))) >= 1)), "no moment at which it is reached"),
    (lambda: predicate_from_json({"score": {}, "is": ">=", "value": 1}), "needs a list of rules"),
    (lambda: predicate_from_json({"score": [1], "is": ">=", "value": 1}), r"score\[0\]: needs an object"),
    (lambda: predicate_from_json({"score": [{"points": 1}], "is": ">=", "value": 1}), r"score\[0\]\.when"),
    (
        lambda: predicate_from_json({"score": [{"points": 1, "when": {"did": "A"}}], "is": "near", "value": 1}),
        "unknown operator",
    ),
]


@pytest.mark.parametrize(("build", "problem"), REFUSED)
def test_what_cannot_be_scored_is_refused(build: Any, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        build()


def test_hostile_names_stay_parameters() -> None:
    """In every leaf that takes a name: none of them reaches the text of the statement."""
    bad = "x'); drop table profile; --"
    leaves = [
        bucket(10, bad),
        customers(bad),
        consented("push"),
        near(0, 0, km=1, of=position_of(bad, lat=bad, lon=bad)),
        inside([(0, 0), (0, 1), (1, 1)], of=position_in(bad)),
        MemberOf(bad, did(bad)),
        score(points(1, did(bad), bad)) >= 1,
    ]
    for leaf in leaves:
        assert "drop" not in among(leaf).sql
        assert "'" not in among(leaf).sql
