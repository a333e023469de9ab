"""Send only to whom it helps: help is learned by a prediction's holdout, kept where it is shown, and asked for by segments."""

from datetime import datetime
from uuid import UUID

import numpy as np
import pytest
from predicting.conftest import DAY, HELD, Planted, console_page

from journeys import Prediction, Uplift, days, did, rfm
from segments.ask.ask import estimate
from segments.errors import DefinitionError
from segments.predictions.wire import declared_from_json
from store import predictions
from tests.command_line import in_thread

ordered = did("Order Completed")
churn = Prediction(
    "churn", of=ordered.at_least(2), label=~ordered.within(days=30), horizon=days(30), features=rfm(days=(30, 90)), holdout=0.4
)
helped = Uplift("helped", by=churn)
EXPOSED = (
    "insert into exposure (experiment, profile_id, arm, share, exposed_at, score, came) values ($1, $2, $3, 0.5, $4, 0.8, $5)"
)


def test_it_is_of_the_prediction_by_whose_holdout_it_is_learned() -> None:
    assert (helped.by, helped.of, helped.features) == ("churn", churn.of, churn.features)
    again = declared_from_json(helped.to_json())
    assert (again.to_json(), again.version) == (helped.to_json(), helped.version)
    assert str(helped.crosses(0.05, back_at=0.02)) == 'the prediction "helped" is 0.05 or more (until it is below 0.02)'
    assert 'while the prediction "churn" lets them in' in str(helped)
    with pytest.raises(DefinitionError, match="difference of probabilities between 0 and 1"):
        helped.crosses(5)
    with pytest.raises(DefinitionError, match="leaves nobody alone"):
        Uplift("helped", by=Prediction("churn", churn.of, churn.label, churn.horizon, churn.features))
    with pytest.raises(DefinitionError, match="are needed beside the name"):
        Uplift("helped", of=churn.of, by="churn")
    with pytest.raises(DefinitionError, match="is a prediction with a holdout"):
        Uplift("helped", of=churn.of, by="No Name", features=churn.features)
    with pytest.raises(DefinitionError, match="never"):
        Uplift("helped", by=churn, never={churn.features[0].name})


async def test_whom_it_helps_can_be_asked_for_once_it_is_shown_and_not_before(held: Planted, dsn: str) -> None:
    shop = held.shop
    held.of = "helped"
    who = await held.people(800, leaving=0.1)
    await held.pass_until(0)
    everybody = {"owner": "crm", "predicate": {"prediction": "churn", "over": 0.001}}
    answer = await shop.operate("PUT", "/v1/segments/let-in", json=everybody)
    assert answer.status_code == 201, answer.text
    held.of = "churn"
    assert "it is champion" in await held.train()
    let_in = await held.over()
    assert len(let_in) > 700
    held.of = "helped"
    plain = {name: value for name, value in helped.to_json().items() if name != "name"}
    assert (await shop.operate("PUT", "/v1/models/helped", json=plain)).status_code == 201
    asks = {"prediction": "helped", "over": 0.3, "back_at": 0.2}
    answer = await shop.operate("PUT", "/v1/segments/persuadable", json={"owner": "crm", "predicate": asks})
    assert answer.status_code == 201, answer.text
    assert "of nobody whom 'churn' let in or left alone it is known what came" in await held.train()

    last: dict[UUID, datetime] = {each: at for at, each, _ in held.orders if at <= held.opened}
    persuadable = {each for each, at in last.items() if held.opened - at > 20 * DAY}
    assert 150 < len(persuadable) < len(who) - 150
    dice = np.random.default_rng(7)
    rows = []
    for each in who:
        written = bool(dice.random() < 0.5)
        chance = (0.15 if written else 0.85) if each in persuadable else 0.5
        rows.append((each, "written to" if written else "withheld", bool(dice.random() < chance), bool(dice.random() < 0.5)))
    told = [("$prediction/churn", each, arm, held.opened, by_chance) for each, arm, _, by_chance in rows]
    await held.database.pool.executemany(EXPOSED, told)
    assert "not trained: uplift: it may not be concluded that anybody is more persuadable" in await held.train()
    (stands,) = [each for each in (await shop.operate("GET", "/v1/models")).json()["models"] if each["name"] == "helped"]
    assert (stands["version"], stands["state"]) == (None, "failing")
    assert "scores would be by chance" in stands["failure"]
    assert await held.scores() == {}

    came = [(each, what_came) for each, _, what_came, _ in rows]
    await held.database.pool.executemany("update exposure set came = $2 where profile_id = $1", came)
    assert "it is champion" in await held.train()
    scores = await held.scores()
    theirs = [score for each, score in scores.items() if each in persuadable]
    others = [score for each, score in scores.items() if each not in persuadable]
    assert 0.4 < np.mean(theirs) < 0.8, "0.7 was planted; 800 people do not show all of it"
    assert -0.2 < np.mean(others) < 0.2, "and nothing here"
    over = await held.over()
    assert over == {each for each, score in scores.items() if score >= 0.3}
    assert len(over & persuadable) > 0.8 * len(over)
    assert len(over & persuadable) > 0.6 * len(theirs)
    asked = await estimate(held.database, helped.crosses(0.3, back_at=0.2), shop.clock.now())
    assert asked.members == len(over), "whom a segment lets in"
    assert scores.keys() == let_in
    await it_is_told(held, scores, dsn)
    await nothing_is_told_of_who_is_not_let_in(held)


async def nothing_is_told_of_who_is_not_let_in(held: Planted) -> None:
    """Whether it helps them nobody has learned: curves go on beyond those by whom they were fitted, and rank them high."""
    shop, now = held.shop, held.shop.clock.now()
    before = len(await held.scores())
    assert (await shop.operate("DELETE", "/v1/segments/let-in")).status_code == 204  # the catalogue's asks for 0.7
    await held.score()
    by = await held.database.pool.fetch("select profile_id, score from prediction_score where prediction = 'churn'")
    over = {row["profile_id"] for row in by if row["score"] >= 0.7}
    assert 20 < len(over) < before / 2
    assert (await held.scores()).keys() == over
    assert await held.over() <= over, "nor is anybody else over a threshold of it"
    await held.pass_until(4)
    held.of = "churn"
    await held.score()
    (row,) = await predictions.found(held.database, "helped")
    assert row.score_asked_at is not None, "who is let in from now on has a score at once, not with the next round"
    assert row.score_asked_at > now


async def it_is_told(held: Planted, scores: dict[UUID, float], dsn: str) -> None:
    """In numbers and words, by API, console and command."""
    shop = held.shop
    best = max(scores, key=lambda each: scores[each])
    (why,) = [
        each
        for each in (await shop.operate("GET", f"/v1/profiles/{best}/scores")).json()["scores"]
        if each["prediction"] == "helped"
    ]
    assert (why["score"], why["unexplained"]) == (scores[best], None)
    assert why["reasons"][0]["words"].endswith("points more help")
    card = (await shop.operate("GET", "/v1/models/helped")).json()["versions"][0]
    assert (card["family"], card["card"]["measures"]["fewer"]) == ("helps", True)
    assert card["card"]["measures"]["area"] > card["card"]["measures"]["half"]
    assert 0 < card["card"]["slope"] <= 1
    assert "help is that it comes true less often" in await console_page(shop, "/console/models/helped")
    done = await in_thread("models", "show", "helped", database_url=dsn, catalogue=HELD, path=("tests",))
    assert "some are more persuadable than others, and are found" in done.stdout, done.stderr
    assert "Writing to the best first (Qini" in done.stdout
