"""The best of some options for each customer: planted tastes are found, who says little is as all."""

import numpy as np
import pytest
from models.cdnow import Floats
from scipy.stats import beta

from segments.errors import DefinitionError
from segments.models.best import Believed, Prior, Shares, surprise
from segments.models.stored import Kept
from segments.predictions.messaged import HOURS

CHANNELS = ("push", "email", "whatsapp")


def answers(count: int, seed: int, each: float = 12) -> tuple[Floats, Floats, Floats]:
    """How many messages customers were sent on each channel and answered, and their true shares."""
    dice = np.random.default_rng(seed)
    true = np.stack([dice.beta(a, b, count) for a, b in ((1, 9), (0.6, 11.4), (0.5, 2))], axis=1)
    sent = dice.poisson(each, (count, 3)).astype(float)
    return sent, dice.binomial(sent.astype(int), true).astype(float), true


def test_ch_11_the_shares_of_all_are_those_that_were_planted_and_come_back_from_json() -> None:
    sent, answered, _ = answers(8000, 1)
    model = Shares.fit(CHANNELS, sent, answered, circular=False)
    found = {name: (each.mean, each.strength) for name, each in model.options.items()}
    assert found["push"] == pytest.approx((0.1, 10), rel=0.12)
    assert found["email"] == pytest.approx((0.05, 12), rel=0.15)
    assert found["whatsapp"] == pytest.approx((0.2, 2.5), rel=0.12)
    kept = Kept.of(model)
    assert (kept.family, kept.model()) == ("shares", model)
    assert Kept.of(kept.model()) == kept
    with pytest.raises(DefinitionError, match="sha256 differs"):
        Kept("shares", kept.text.replace("0", "1", 1), kept.sha256).model()


def test_ch_13_how_sure_it_is_is_how_often_it_is_right() -> None:
    """Of those of whom it is sure by nine in ten, their best channel truly beats the other one of nine in ten."""
    sent, answered, true = answers(20000, 2)
    model = Shares.fit(CHANNELS, sent, answered, circular=False)
    believed = model.believed(CHANNELS, sent, answered)
    order = list(model.options)
    true = true[:, [CHANNELS.index(each) for each in order]]
    best, sure = model.best(believed)
    rows = np.arange(len(true))
    others = believed.rates.copy()
    others[rows, best] = -1
    right = true[rows, best] > true[rows, np.argmax(others, axis=1)]
    for low, high in ((0.5, 0.7), (0.7, 0.85), (0.85, 0.95), (0.95, 1.0)):
        some = (sure >= low) & (sure < high)
        assert some.sum() > 300
        assert right[some].mean() == pytest.approx(sure[some].mean(), abs=0.03)
    known = believed.rates
    assert surprise(known, sent, answered) < surprise(np.broadcast_to(true.mean(axis=0), true.shape), sent, answered)


def test_how_probable_it_is_that_one_share_is_above_another_is_what_drawing_them_tells() -> None:
    model = Shares({"email": Prior(0.1, 1.0), "push": Prior(0.1, 1.0)}, None)
    dice = np.random.default_rng(1)
    for a, b, c, d in ((0.2, 1.8, 0.1, 1.9), (4.0, 6.0, 3.0, 9.0), (40.0, 60.0, 30.0, 70.0), (1.0, 1.0, 0.5, 0.6)):
        of = Believed(np.array([[a, c]]), np.array([[b, d]]))
        best, (sure,) = model.best(of)
        one, other = beta(a, b).rvs(200_000, random_state=dice), beta(c, d).rvs(200_000, random_state=dice)
        above = float((one > other).mean())
        assert sure == pytest.approx(above if best[0] == 0 else 1 - above, abs=0.01)


def test_ch_11_who_was_sent_nothing_is_as_all_and_not_sure() -> None:
    sent, answered, _ = answers(4000, 3)
    model = Shares.fit(CHANNELS, sent, answered, circular=False)
    nobody = np.zeros((1, 3))
    believed = model.believed(CHANNELS, nobody, nobody)
    assert believed.rates[0] == pytest.approx([each.mean for each in model.options.values()])
    (best,), (sure,) = model.best(believed)
    assert list(model.options)[best] == "whatsapp"
    assert sure < 0.75
    talks = np.array([[8.0, 0.0, 0.0]]), np.array([[7.0, 0.0, 0.0]])
    (best,), (sure,) = model.best(model.believed(CHANNELS, *talks))
    assert (list(model.options)[best], sure > 0.8) == ("push", True)


def test_ch_11_hours_are_smoothed_in_a_circle_and_those_at_which_nothing_was_sent_are_none() -> None:
    """Two kinds of customers, one of whom answers around midnight: 23 and 1 tell of 0; at four nobody is asked."""
    dice = np.random.default_rng(4)
    owls = dice.random(6000) < 0.5
    hours = np.arange(24)
    peak = np.where(owls, 0, 9)[:, None]
    far = np.minimum((hours - peak) % 24, (peak - hours) % 24)
    true = 0.05 + 0.5 * np.exp(-((far / 1.5) ** 2))
    sent = dice.poisson(5, (6000, 24)).astype(float)
    sent[:, 3:7] = 0
    answered = dice.binomial(sent.astype(int), true).astype(float)
    model = Shares.fit(HOURS, sent, answered, circular=True)
    assert {"04", "05"}.isdisjoint(model.options)
    assert model.level is not None
    best, sure = model.best(model.believed(HOURS, sent, answered))
    at = np.array([int(each) for each in model.options])[best]
    near = np.minimum((at - peak[:, 0]) % 24, (peak[:, 0] - at) % 24) <= 1
    assert near[sure >= 0.8].mean() > 0.95
    assert (sure >= 0.8).mean() > 0.5
    one, other = np.zeros((1, 24)), np.zeros((1, 24))
    one[0, [23, 1]] = 5
    other[0, [23, 1]] = 5
    (mine,), _ = model.best(model.believed(HOURS, one, other))
    assert int(list(model.options)[mine]) in (23, 0, 1)
    assert Kept.of(model).model() == model


def test_what_cannot_be_learned_is_said() -> None:
    few = np.ones((10, 3))
    with pytest.raises(DefinitionError, match="knows of 30 messages; it needs 200"):
        Shares.fit(CHANNELS, few, few, circular=False)
    many = np.full((100, 3), 5.0)
    with pytest.raises(DefinitionError, match="nothing to learn"):
        Shares.fit(CHANNELS, many, many * 0, circular=False)
    alone = many * [1, 0, 0]
    with pytest.raises(DefinitionError, match="fewer than two options"):
        Shares.fit(CHANNELS, alone, np.minimum(alone, 1), circular=False)
