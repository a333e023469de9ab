"""Show 2: a planted persuadable group is found, by people left alone by chance; and nothing is where nothing was planted."""

import numpy as np
import pytest
from models.planted import Floats, planted

from segments.errors import DefinitionError
from segments.models.uplift import NEEDED, uplift

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
