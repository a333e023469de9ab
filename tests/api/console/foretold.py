"""Predictions of the shop that the console shows, of every kind: declared by API, with real models of made-up customers."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from activities.predicting.kind import Says
from activities.predicting.kinds import kind_of
from activities.predicting.news import rows_of
from activities.predicting.probabilities import against, card_of
from api.models.bodies import EXAMPLES
from segments.models.best import Shares
from segments.models.kinds import Kinds
from segments.models.lifetime import Orders, Value
from segments.models.stored import Kept, Lifetime, Model
from segments.models.training import Cut, Trained, train
from segments.predictions.best import BestChannel
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction
from segments.predictions.wire import declared_from_json
from store import predictions
from store.predictions import NewModel, Outcome
from workers.testing.shop import Shop

Floats = NDArray[np.float64]
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
    ids = np.frombuffer(b"".join(each.bytes for each in who), "V16")
    scores = rows_of(ids, np.full(len(who), 2), Says(np.round(0.97 - 0.8 * np.arange(len(who)) / len(who), 4)))
    async with database.transaction() as connection:
        await predictions.write(connection, "buys", now, scores)
    await predictions.scored(database, "buys", now, len(who), [])
    for n in range(8):
        people, foretold = 400 + 20 * n, 0.38
        came = foretold + (0.01 if n < 4 else 0.04 * (n - 3))
        sums = people * foretold, people * came, people * came * (1 - came), people * 0.6
        await predictions.keep_outcome(database, "buys", 2, Outcome(now - timedelta(weeks=9 - n), people, *sums))
    await predictions.hold(database, "buys", now, "38.0 % were foretold, and 46.0 % came: it is not true any more")


#: Those of other kinds.
OTHERS = ("value-of-a-year", "styles", "best-channel")


async def tells_of_other_kinds(shop: Shop) -> None:
    """What customers will bring, of which kind they are, and on which channel they answer: a model and scores of each."""
    for plain in EXAMPLES.values():
        if plain["name"] in OTHERS:
            answer = await shop.operate("PUT", f"/v1/models/{plain['name']}", json=plain)
            assert answer.status_code == 201, answer.text
            declared = declared_from_json(plain)
            await _tells(shop, declared, *_made(declared))


def _made(declared: Declared) -> tuple[Model, dict[str, Floats], dict[str, Any]]:
    """A model, what is known of 400 people, and what is told of it."""
    dice, count = np.random.default_rng(3), 400
    if declared.kind == "lifetime-value":
        purchases, first = dice.poisson(3, count) + 1.0, dice.uniform(100, 400, count)
        last, worth = first * dice.uniform(0.02, 0.9, count), dice.gamma(4, 12, count)
        table = {
            "purchases": purchases,
            "first": first,
            "last": np.where(purchases > 1, last, first),
            "spent": purchases * worth,
        }
        told = {"told": "of 400 people 30,100 was foretold for 180 days, 29,800 came"}
        return Lifetime(Orders(0.9, 6.0, 0.8, 2.5), Value(4.0, 4.0, 45.0)), table, told
    if declared.kind == "clusters":
        table = {each.name: dice.gamma(2, 10, count) for each in declared.columns}
        return Kinds.fit(table, (5,), ["days_since_order"]), table, {"told": "5 kinds, silhouette 0.31"}
    table = {}
    for option in ("push", "email", "whatsapp"):
        table[f"sent {option}"] = dice.poisson(8, count) * 1.0
        often = dice.choice([0.05, 0.7], count)
        table[f"answered {option}"] = dice.binomial(table[f"sent {option}"].astype(int), often) * 1.0
    assert isinstance(declared, BestChannel)
    sent, answered = (np.stack([table[f"{what} {each}"] for each in declared.options], 1) for what in ("sent", "answered"))
    told = {"told": "3 options, push the best of all (38.0%); sure of 61% of them"}
    return Shares.fit(declared.options, sent, answered, circular=False), table, told


async def _tells(shop: Shop, declared: Declared, model: Model, table: dict[str, Floats], told: dict[str, Any]) -> None:
    """Keep the model, and what it says of the shop's customers, as if each were one of those people."""
    database, now, kept = shop.database, shop.clock.now(), Kept.of(model)
    card = told | {
        "kind": declared.kind,
        "family": kept.family,
        "features": {each.name: str(each.of) for each in declared.columns},
    }
    card |= {"window": [now.isoformat()] * 2, "judged_as_of": now.isoformat(), "people": {"fitted": 400}}
    new = NewModel(declared.version, kept.family, kept.text, kept.sha256, card, now)
    await predictions.keep(database, declared.name, new, replacing=None, wins=True)
    says = kind_of(declared).says(model, declared, table)
    who = [row["id"] for row in await database.pool.fetch("select id from profile where merged_into is null order by id")]
    ids = np.frombuffer(b"".join(each.bytes for each in who), "V16")
    scores = rows_of(ids, np.ones(len(who), np.int64), says.some(np.arange(len(who))))
    async with database.transaction() as connection:
        await predictions.write(connection, declared.name, now, scores)
    await predictions.scored(database, declared.name, now, len(who), [])
