"""Show 2: a planted persuadable group is found, by people left alone by chance; and nothing is where nothing was planted."""

import numpy as np
import pytest
from models.planted import Floats, planted

from segments import did
from segments.errors import DefinitionError
from segments.models.stored import Kept
from segments.models.uplift import NEEDED, Helps, helps, uplift
from segments.predictions.features import DaysSince, Feature
from segments.predictions.uplift import Uplift

LEFT = 0.3


def shop(count: int, helps: float, seed: int) -> tuple[dict[str, Floats], Floats, Floats, Floats]:
    """Who opens the app now and then and has not bought for a while is brought back by a message: the risk falls by so much."""
    of = planted(count, seed=seed, season=1.2)
    persuadable = (of.table["opens"] >= 3) & (of.table["days"] > 30)
    dice = np.random.default_rng(seed + 1)
    written = dice.random(count) >= LEFT
    helped = np.where(persuadable, np.minimum(helps, of.truth - 0.01), 0.0)
    came = dice.random(count) < np.where(written, of.truth - helped, of.truth)
    return of.table, came.astype(np.float64), written, helped


def test_the_planted_persuadable_group_is_found() -> None:
    table, came, written, helped = shop(12_000, helps=0.45, seed=1)
    found = uplift(table, came, written)
    assert found.fewer
    assert found.area > 4 * found.error, "writing to the best first is better than by lot, beyond doubt"
    assert found.effect == pytest.approx(-helped.mean(), abs=0.035)
    (_, best_written, best_left), *_, (_, last_written, last_left) = found.fifths
    assert best_left - best_written > 2 * helped.mean(), "by 19 points in the best fifth, by 6 of all"
    assert abs(last_left - last_written) < 0.06
    assert next(iter(found.who)) == "days", "who they are, in words: they have not bought for a while,"
    assert found.who["days"][0] > 1.5 * found.who["days"][1]
    assert found.who["opens"][0] > found.who["opens"][1] + 0.3, "and open the app more than others"
    halfway = next(gain for share, gain in found.curve if share == pytest.approx(0.5))
    assert halfway > 0.7 * abs(found.effect), "half of the messages bring most of what all bring"


def test_what_is_kept_foretells_how_much_others_are_helped() -> None:
    """Of people whom the fit has not seen: the true help is known, and a score is what it says."""
    table, came, written, helped = shop(12_000, helps=0.45, seed=3)
    kept = Kept.of(helps(table, came, written, uplift(table, came, written)))
    model = kept.model()
    assert isinstance(model, Helps)
    others, *_, truth = shop(20_000, helps=0.45, seed=8)
    score = model.at(others)
    assert score.mean() == pytest.approx(helped.mean(), abs=0.03), "in the direction that helps: above 0"
    assert np.corrcoef(score, truth)[0, 1] > 0.6
    for chosen in np.array_split(np.argsort(score), 5):
        assert score[chosen].mean() == pytest.approx(truth[chosen].mean(), abs=0.08)
    declared = Uplift("helped", of=did("A"), by="churn", features=[Feature(name, DaysSince(did(name))) for name in table])
    values = {name: float(value[0]) for name, value in others.items()}
    told = declared.reasons(kept.text, kept.sha256, values)
    assert [each.effect for each in told] == sorted((each.effect for each in told), key=lambda by: -abs(by or 0))
    all_ = sum(curve.at(np.array([values[name]]))[0] for name, curve in model.curves.items())
    assert model.middle + all_ == pytest.approx(score[0])
    assert {each.words.split(": ")[1].split(" ", 1)[1] for each in told} <= {"points more help", "points less help"}


def test_where_everybody_is_helped_alike_or_nobody_is_the_ranking_shows_nothing() -> None:
    beyond = 0
    for seed in range(4):
        of = planted(1_500, seed=seed, season=1.2)
        dice = np.random.default_rng(seed + 50)
        written = dice.random(1_500) >= LEFT
        chance = np.where(written, of.truth - 0.1 * (seed % 2) * of.truth, of.truth)
        found = uplift(of.table, (dice.random(1_500) < chance).astype(np.float64), written)
        beyond += found.area > 3.5 * found.error
    assert beyond == 0


def test_it_says_how_many_are_needed() -> None:
    table, came, written, _ = shop(400, helps=0.3, seed=2)
    with pytest.raises(DefinitionError, match=rf"of those .* it came true for \d+ of \d+; .* takes {NEEDED} for whom"):
        uplift(table, came, written)
