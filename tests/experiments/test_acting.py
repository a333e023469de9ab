"""Whether acting helps, by bands of the score: nothing is shown where nothing is, and no more is told than that."""

from datetime import date, timedelta

import numpy as np
import pytest

from journeys.experiments.acting import Came, acting

FIRST = date(2026, 3, 2)
ARMS = {"withheld": 0.1, "written to": 0.9}


def came(days: int, a_day: int, helps: dict[int, float], seed: int, left: float = 0.8) -> list[Came]:
    """Of each day some of each arm and tenth; `helps`: by tenth how much less often it comes true of who is written to."""
    dice = np.random.default_rng(seed)
    found = []
    for n in range(days):
        for tenth in (8, 9, 10):
            for arm, share in ARMS.items():
                people = int(dice.binomial(a_day, share))
                chance = left - (helps.get(tenth, 0.0) if arm == "written to" else 0.0)
                found.append(Came(FIRST + n * timedelta(days=1), tenth, arm, people, int(dice.binomial(people, chance))))
    return found


def test_an_effect_in_one_band_is_found_there() -> None:
    found = acting("$prediction/churn", 0.1, came(60, 200, {9: 0.15}, seed=1))
    assert [str(each.decision) for each in found.bands] == ["open", "lower", "open"]
    assert found.sentences[-1].startswith("Acting changes for how many it comes true of scores 80 to 90 % (fewer).")
    assert [each.lacks for each in found.bands] == [0, 0, 0]
    assert found.bands[1].low == pytest.approx(0.8)


def test_where_nothing_is_planted_five_of_a_hundred_at_most_are_shown_over_all_bands_and_days() -> None:
    shown = bands = 0
    for seed in range(200):
        found = acting("$prediction/churn", 0.1, came(20, 60, {}, seed=seed))
        shown += str(found.all.decision) in ("higher", "lower")
        bands += any(str(each.decision) in ("higher", "lower") for each in found.bands)
    assert shown <= 10, "of 200"
    assert bands <= 10, "of 200, over three bands"


def test_few_people_are_told_how_many_it_takes() -> None:
    found = acting("$prediction/churn", 0.1, came(2, 100, {}, seed=3))
    assert str(found.all.decision) == "early"
    assert "in the smallest group it came true for only" in found.sentences[0]
    assert found.sentences[1].startswith("To show a lift of +10 % takes some ")
    assert found.sentences[-1].startswith("Too few are known yet of scores 70 to 80 % (lacking ")


def test_a_band_with_too_few_is_told_apart_from_one_in_which_nothing_is_shown() -> None:
    some = [Came(FIRST, 1, "written to", 130, 50), Came(FIRST, 1, "withheld", 117, 4)]
    some += [Came(FIRST, 2, "written to", 130, 50), Came(FIRST, 2, "withheld", 117, 45)]
    found = acting("$prediction/soon", 0.5, some)
    assert [(str(each.decision), each.lacks) for each in found.bands] == [("early", 21), ("open", 0)]
    looked, early = found.sentences[-2:]
    assert looked == "Of scores 10 to 20 %, each looked at alone, neither is a difference shown, nor that there is none."
    assert early == (
        "Too few are known yet of scores 0 to 10 % (lacking 21). A band is compared once in either arm it has come true for 25"
        " customers, and not come true for 25."
    )


def test_a_share_that_was_changed_and_arms_unlike_their_shares_conclude_nothing() -> None:
    some = came(20, 200, {9: 0.3}, seed=4)
    assert acting("$prediction/churn", 0.1, some, "the share was changed").sentences == [
        "Nothing may be concluded: the share was changed."
    ]
    assert acting("$prediction/churn", 0.3, some).sentences[0].startswith("Nothing may be concluded: there are ")


def test_who_had_no_score_counts_over_all_and_in_no_band() -> None:
    some = [Came(FIRST, None, "withheld", 50, 30), Came(FIRST, None, "written to", 450, 200)]
    found = acting("$prediction/churn", 0.1, some)
    assert (found.bands, found.all.result.people) == ((), 500)
