"""ML-12: how good scores were by week, from sums in bins, against the same worked out of each person."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from models.planted import planted
from sklearn.metrics import roc_auc_score

from segments.models.card import Measures, bins
from segments.predictions.weeks import Bin, weeks

MONDAY = datetime(2026, 3, 2, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Looked:
    as_of: datetime
    version: int
    bins: list[Bin]


def test_ml_12_by_week_auc_lift_and_calibration_are_those_of_the_people() -> None:
    shop = planted(20_000, seed=3)
    parts = [shop.rows(n * 2_500, n * 2_500 + 2_500) for n in range(8)]
    looked = [Looked(MONDAY + n * timedelta(days=2), 1 + n // 3, bins(each.truth, each.came)) for n, each in enumerate(parts)]
    found = weeks(looked)
    assert [week.begins for week in found] == [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 16)]
    assert [(week.people, week.versions) for week in found] == [(10_000, (1, 2)), (7_500, (2, 3)), (2_500, (3,))]
    first = shop.rows(0, 10_000)
    measures = Measures.of(first.truth, first.came)
    assert found[0].auc == pytest.approx(roc_auc_score(first.came, first.truth), abs=0.001)
    assert (found[0].foretold, found[0].came) == pytest.approx((first.truth.mean(), first.came.mean()))
    assert found[0].calibration_error == pytest.approx(measures.calibration_error, abs=0.002)
    best = np.argsort(first.truth)[-1_000:]
    assert found[0].lift == pytest.approx(first.came[best].mean() / first.came.mean(), rel=0.03)


def test_ml_12_a_week_that_is_off_and_one_that_ranks_no_more_are_seen() -> None:
    shop, dice = planted(6_000, seed=4), np.random.default_rng(1)
    off = planted(6_000, seed=5, season=0.7)
    dealt = dice.permutation(shop.truth)
    well, late, lost = weeks(
        Looked(MONDAY + n * timedelta(days=7), 1, bins(scores, came))
        for n, (scores, came) in enumerate(
            [(shop.truth, shop.came), (planted(6_000, seed=5).truth, off.came), (dealt, shop.came)]
        )
    )
    assert well.calibration_error < 0.02
    assert late.calibration_error > 0.05
    assert late.auc == pytest.approx(well.auc, abs=0.02), "the season moves no rank"
    assert lost.auc == pytest.approx(0.5, abs=0.03)
    assert lost.lift == pytest.approx(1, abs=0.2)


def test_ml_12_of_few_people_no_rank_is_told() -> None:
    shop = planted(60, seed=6)
    (week,) = weeks([Looked(MONDAY, 1, bins(shop.truth, shop.came)), Looked(MONDAY, 1, [])])
    assert (week.people, week.auc, week.lift) == (60, None, None)
