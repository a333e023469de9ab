"""A prediction of the shop that the console shows: declared by API, with real models of made-up customers, and what came."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np

from activities.predicting.probabilities import against, card_of
from segments.models.stored import Kept
from segments.models.training import Cut, Trained, train
from segments.predictions.prediction import Prediction
from store import predictions
from store.predictions import NewModel, NewScore, Outcome, Told
from workers.testing.shop import Shop

WEEK = 7 * 86_400
VIEWED = {"did": "Product Viewed"}
BUYS: dict[str, Any] = {
    "of": {"any": [VIEWED, {"did": "Product Added"}, {"did": "Signed Up"}]},
    "label": {"did": "Order Completed", "within": WEEK},
    "horizon": WEEK,
    "features": [
        {"name": "views_30d", "count": True, "of": VIEWED | {"within": 30 * 86_400}},
        {"name": "days_since_view", "days_since": VIEWED},
        {"name": "added", "count": True, "of": {"did": "Product Added"}},
    ],
    "never": ["age"],
    "owner": "growth",
}
AT_LEAST_HALF = {"owner": "growth", "predicate": {"prediction": "buys", "over": 0.5, "back_at": 0.4}}


@cache
def trained(at: datetime, seed: int) -> Trained:
    """A model of people who buy the more often the more they have looked, the less the longer ago; the same for all shops."""
    dice = np.random.default_rng(seed)

    def cut(weeks: float) -> Cut:
        views, days = dice.poisson(4, 900).astype(float), dice.exponential(8, 900)
        true = 1 / (1 + np.exp(1.2 - 0.5 * views + 0.12 * days))
        table = {"views_30d": views, "days_since_view": np.where(views > 0, days, np.nan), "added": dice.poisson(1, 900) * 1.0}
        return Cut(at - timedelta(weeks=weeks), table, (dice.random(900) < true).astype(float))

    return train([cut(3), cut(2), cut(1)], seed=seed)


async def foretells(shop: Shop, description: str = "") -> None:
    """Three models, scores of everybody, eight weeks of what came, a segment that asks; and it is held, for it drifts."""
    database, now = shop.database, shop.clock.now()
    for path, body in (("models/buys", BUYS | {"description": description}), ("segments/may-buy", AT_LEAST_HALF)):
        answer = await shop.operate("PUT", f"/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
    prediction = Prediction.from_json(BUYS | {"name": "buys"})
    for n, wins in enumerate((True, True, False)):
        at = now - timedelta(days=21 - 7 * n)
        model = trained(at.replace(minute=0, second=0, microsecond=0), n)
        async with database.pool.acquire() as connection:
            champion = await predictions.champion(connection, "buys")
        match, kept = against(champion, prediction, model, at), Kept.of(model.model)
        card = card_of(prediction, model, kept, match, champion)
        new = NewModel(prediction.version, kept.family, kept.text, kept.sha256, card, at)
        await predictions.keep(database, "buys", new, replacing=champion.version if champion else None, wins=wins)
    who = [row["id"] for row in await database.pool.fetch("select id from profile where merged_into is null order by id")]
    scores = [NewScore(each, round(0.97 - 0.8 * n / len(who), 4)) for n, each in enumerate(who)]
    async with database.transaction() as connection:
        await predictions.write(connection, Told("buys", 2, now), scores)
    await predictions.scored(database, "buys", now, len(scores), [])
    for n in range(8):
        people, foretold = 400 + 20 * n, 0.38
        came = foretold + (0.01 if n < 4 else 0.04 * (n - 3))
        sums = people * foretold, people * came, people * came * (1 - came), people * 0.6
        await predictions.keep_outcome(database, "buys", 2, Outcome(now - timedelta(weeks=9 - n), people, *sums))
    await predictions.hold(database, "buys", now, "38.0 % were foretold, and 46.0 % came: it is not true any more")
