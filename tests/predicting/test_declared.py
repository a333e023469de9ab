"""Predictions of a catalogue: gathered, written down, and what asks for one that there is not refused (ML-09, ML-10, ML-15)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from predicting.conftest import CATALOGUE, opened

from activities.predicting.failing import BEYOND_TRYING, words
from activities.predicting.guard import Drift, why_held
from journeys import CatalogueError, days, did
from journeys.catalogue import load
from segments.models.propensity import Curve, Propensity
from segments.models.stored import Kept
from segments.predictions import DaysSince, feature
from segments.predictions.declared import predictions_in
from segments.predictions.reasons import effect, reasons
from store import Database, predictions
from store.predictions import Champion, Outcome
from tests.command_line import in_thread
from workers.definitions import examine

ORDERS = did("Order Completed")
DECLARED = """
from journeys import Prediction, Segment, days, did, rfm
ordered = did("Order Completed")
churn = Prediction("churn", of=ordered, label=~ordered.within(days=30), horizon=days(30), features=rfm({features}){more})
at_risk = Segment("at-risk", {segment})
"""


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, **told: str) -> str:
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(
        DECLARED.format(**{"features": "", "more": "", "segment": "churn.crosses(0.7)"} | told)
    )
    monkeypatch.syspath_prepend(folder)
    return name


def test_ml_15_one_declaration_and_a_segment_stand_in_a_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = load(written(tmp_path, monkeypatch, "foretelling_shop"))
    assert [each.name for each in found.predictions.values()] == ["churn"]
    assert {leaf.prediction for each in found.asks for leaf in predictions_in(each)} == {"churn"}


def test_a_segment_that_asks_for_what_nobody_foretells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "Prediction('chrun', of=ordered, label=~ordered.within(days=3), horizon=days(3), features=rfm()).crosses(.7)"
    name = written(tmp_path, monkeypatch, "misspelt_shop", segment=f"did('X') & ~({other})")
    with pytest.raises(CatalogueError, match=r"segment at-risk: prediction 'chrun': is not declared; there are: churn"):
        load(name)


ASKING = """

@journey(entry=at_risk, goal=ordered)
async def retention(j: Journey) -> None:
    told = await j.foretold("chrun")
    if await j.foretold(churn) or told:
        await j.set_traits(risky=True)
"""


def test_a_journey_that_asks_what_nobody_foretells_is_told_by_check_and_may_ask_what_the_api_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(tmp_path, monkeypatch, "asking_shop")
    source = tmp_path / name / "__init__.py"
    known = (
        source.read_text().replace("import Prediction", "import Journey, Prediction").replace("did, rfm", "did, journey, rfm")
    )
    source.write_text(known + ASKING)
    (problem,) = [each for each in examine(name).problems if "prediction" in each.text]
    assert (problem.serious, problem.line) == (False, known.count("\n") + 5)
    assert (
        problem.text == "journey retention asks for the prediction 'chrun', which the catalogue does not declare; it has: churn"
    )
    assert "if it is declared over the API, all is well" in problem.remedy


def test_ml_10_what_is_never_looked_at_is_refused_when_the_catalogue_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = written(tmp_path, monkeypatch, "nosy_shop", more=", never={'total'}")
    with pytest.raises(CatalogueError, match="reads 'total', which stands under never"):
        load(name)


@pytest.mark.parametrize(
    ("asking", "said"),
    [
        ("buys = Prediction('buys', of=churn.crosses(.7), never={'total'}, **SAME)", "buys → churn → total"),
        ("buys = Prediction('buys', of=did('$crossed:buys:0.5:0.5'), **SAME)", "asks for itself: buys → buys"),
        ("buys = Prediction('buys', of=did('$crossed:lottery:0.5:0.5'), **SAME)", "'lottery', which is not declared"),
    ],
)
def test_ml_10_nor_is_another_prediction_asked_for_it_nor_one_that_there_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asking: str, said: str
) -> None:
    same = "SAME = dict(label=ordered.within(days=9), horizon=days(9), features=rfm(total='price'))"
    name = written(tmp_path, monkeypatch, f"asking_shop_{len(said)}", segment=f"churn.crosses(0.7))\n{same}\n{asking}\n(1")
    with pytest.raises(CatalogueError, match=said):
        load(name)


def test_ml_09_the_reasons_are_those_features_alone_that_are_declared() -> None:
    """Worked out by hand, they are numpy's to the last digits; features that are not in the model have none."""
    curve = Curve((1.0, 4.0, 30.0), (-1.0, 0.5, 2.0), 0.25)
    for value in (0.0, 1.0, 2.0, 3.999, 4.0, 17.0, 30.0, 99.0, float("nan")):
        by_hand = effect({"places": curve.places, "effects": curve.effects, "unknown": curve.unknown}, value)
        assert by_hand == pytest.approx(float(curve.at(np.array([value]))[0]))
    kept = Kept.of(Propensity(0.0, {"days": curve}))
    declared = [feature("days", DaysSince(ORDERS)), feature("more", ORDERS.count())]
    (told,) = reasons(kept.text, kept.sha256, declared, {"days": 30.0, "more": 1e9})
    assert told.words == 'days since the last "Order Completed" is 30: raises the odds 7.4 times'


async def test_each_is_written_down_once_and_trained_at_once_when_it_means_something_else(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    async with opened(database, dsn, temporal_address, tmp_path, serve=False) as planted:
        (row,) = await predictions.found(database)
        assert (row.name, row.asked_at is not None, row.standing(planted.shop.clock.now())) == ("churn", True, "waiting")
        await predictions.taken_up(database, "churn", trains=True)
        predicting = planted.shop.parts.predicting
        await predicting.declare()
        assert (await planted.stands()).asked_at is None, "it means the same"
        spans = timedelta(days=7), timedelta(days=1), timedelta(days=28)
        await predictions.declare(database, "churn", "another", *spans, planted.shop.clock.now())
        assert (await planted.stands()).asked_at is not None


async def test_while_its_first_model_is_trained_it_is_not_said_to_fail(
    database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> None:
    """Why the last try failed is of the last try; what is being done stands in the list, too."""
    async with opened(database, dsn, temporal_address, tmp_path, serve=False) as planted:
        now, given = planted.shop.clock.now(), {"database_url": dsn, "catalogue": CATALOGUE, "path": ("tests",)}
        await predictions.fail(database, "churn", now, "train", "too few of either")
        assert (await planted.stands()).standing(now) == "failing"
        listed = await in_thread("models", "list", **given)
        assert ("failing" in listed.stdout, "too few" in listed.stdout) == (True, True), listed.stderr
        await predictions.doing(database, "churn", "500 of 1,375")
        assert (await planted.stands()).standing(now) == "training"
        listed = await in_thread("models", "list", **given)
        assert ("training: 500 of 1,375" in listed.stdout, "too few" in listed.stdout) == (True, False), listed.stdout
        shown = await in_thread("models", "show", "churn", **given)
        assert "churn: training; the last try failed: too few of either" in shown.stdout
        (view,) = (await planted.shop.operate("GET", "/v1/models")).json()["models"]
        assert (view["state"], view["doing"]) == ("training", "500 of 1,375")


def test_a_definition_that_is_too_large_is_told_as_that_and_not_tried_again() -> None:
    assert isinstance(RecursionError(), BEYOND_TRYING)
    told = words(RecursionError("maximum recursion depth exceeded"), "training")
    assert "too many parts" in told
    assert "write fewer" in told


def test_the_guard_by_hand() -> None:
    churn = load(CATALOGUE).predictions["churn"]
    at = datetime(2026, 3, 1, tzinfo=UTC)
    good = Champion(3, churn.version, "propensity", "{}", "", {}, at - days(1))
    assert why_held(churn, good, [], at) is None
    assert why_held(churn, None, [], at) == "no model has been trained yet"
    old = Champion(3, churn.version, "propensity", "{}", "", {}, at - days(28.5))
    assert "28.5 days old" in str(why_held(churn, old, [], at))
    other = Champion(3, "other", "propensity", "{}", "", {}, at)
    assert "another declaration" in str(why_held(churn, other, [], at))
    true = [Outcome(at - n * days(1), 200, 60.0, 62.0, 40.0, 80.0) for n in range(10)]
    assert why_held(churn, good, true, at) is None
    wrong = [Outcome(at - n * days(1), 200, 60.0, 110.0, 60.0, 80.0) for n in range(10)]
    assert "0.300 was foretold on average and 0.550 came, of 2,000 people" in str(why_held(churn, good, wrong, at))
    assert Drift.of(wrong[:1]) is not None
    assert Drift.of([Outcome(at, 99, 0.0, 99.0, 99.0, 1.0)]) is None, "too few to say"


def test_the_guard_rarely_errs_however_often_it_looks() -> None:
    """Of 400 models that are right, looked at each day for a year, at most 5 in 100 are ever said to be wrong."""
    dice, ever = np.random.default_rng(5), 0
    for _ in range(400):
        p = dice.uniform(0.05, 0.6, (365, 40))
        off = (dice.random(p.shape) < p) - p
        people, sums, squares = 40 * np.arange(1, 366), off.sum(1).cumsum(), (off * off).sum(1).cumsum()
        drifts = (
            Drift.of([Outcome(None, int(n), 0.0, float(s), float(q), 0.0)])  # type: ignore[arg-type]
            for n, s, q in zip(people, sums, squares, strict=True)
        )
        ever += any(each is not None and each.beyond(0.0) for each in drifts)
    assert ever <= 20
