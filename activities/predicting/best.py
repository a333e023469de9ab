"""How customers are best reached: shares fitted to the messages of a sample, tried on those of the last month."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from activities.predicting.kind import Chosen, Columns, Floats, Kind, Labels, Made, Says, numbers
from segments.ask import known
from segments.errors import DefinitionError
from segments.models.best import Shares, surprise
from segments.models.stored import Kept
from segments.predictions.best import Best, answered_of, sent_of
from store import Database, predictions
from store.predictions import Champion

_MOST = 50_000  # customers that it is fitted to
_MONTH = timedelta(days=30)
_FEWEST_TRIED = 50  # messages
_LITTLE = 0.002  # of a share: what changes less is no news
_RULE = "it replaces the champion always: it is the same model of what is known by now"


class Reaching(Kind):
    """Beta-Binomial shares by option."""

    async def train(self, database: Database, declared: Best, at: datetime, champion: Champion | None) -> Made:  # noqa: ARG002 - as all
        """Shares of those messages that are known now, and how well those of a month ago foretold the last month's answers."""
        await predictions.doing(database, declared.name, f"messages as of {at:%Y-%m-%d %H:%M}")
        async with database.transaction() as connection:
            table = numbers(await known.table(connection, declared, at, most=_MOST))
        async with database.transaction() as connection:
            then = await known.table(connection, declared, at - _MONTH, most=_MOST)
            later = await known.columns(connection, declared.lately(_MONTH), len(then), at)
        model = await asyncio.to_thread(_fit, declared, table)
        since = {name: np.frombuffer(values) for name, values in later.items()}
        trial = await asyncio.to_thread(_tried, declared, numbers(then), since)
        kept = Kept.of(model)
        card = _card(declared, model, table, trial)
        card |= {"family": kept.family, "window": [(at - declared.within).isoformat(), at.isoformat()]}
        card |= {"judged_as_of": at.isoformat(), "against": None}
        return Made(kept, card, wins=True, by=f"fitted to {card['people']['fitted']:,} customers, {card['told']}")

    def says(self, model: Any, declared: Best, columns: Columns, before: Labels | None = None) -> Says:
        """The best option of each, where it is sure enough; who was sorted into it stays while nothing is better."""
        if not isinstance(model, Shares):
            raise DefinitionError("model", "is of a family that knows no options; train it again")
        names = np.array([*model.options], object)
        believed = model.believed(declared.options, *_counts(declared, columns))
        best, sure = model.best(believed)
        labels = names[best]
        certain = sure >= declared.sure
        if before is not None:
            certain |= before == labels
        rates = believed.rates
        more = {name: np.round(rates[:, n], 4) for n, name in enumerate(model.options)} | {"sure": np.round(sure, 3)}
        sorted_into: Labels = labels.copy()
        sorted_into[~certain] = None
        scores: Floats = np.round(rates[np.arange(len(rates)), best], 4)
        return Says(scores, labels=sorted_into, more=more)

    def news(self, scores: Floats, before: Floats) -> Chosen:
        """Whose share moved by more than two in a thousand."""
        other: Chosen = ~(np.abs(scores - before) <= _LITTLE)
        return other


def _counts(declared: Best, columns: Columns) -> tuple[Floats, Floats]:
    """Messages and answers, a column for each option."""
    sent = np.stack([columns[sent_of(each)] for each in declared.options], axis=1)
    return sent, np.stack([columns[answered_of(each)] for each in declared.options], axis=1)


def _fit(declared: Best, columns: Columns) -> Shares:
    return Shares.fit(declared.options, *_counts(declared, columns), circular=declared.circular)


def _tried(declared: Best, then: Columns, since: Columns) -> dict[str, Any] | None:
    """How much the answers to the last month's messages surprise who went by what was known before them."""
    try:
        model = _fit(declared, then)
    except DefinitionError:
        return None
    sent, answered = _counts(declared, since)
    places = [declared.options.index(each) for each in model.options]
    sent, answered = sent[:, places], answered[:, places]
    if sent.sum() < _FEWEST_TRIED:
        return None
    believed = model.believed(declared.options, *_counts(declared, then))
    alike = np.broadcast_to(np.array([each.mean for each in model.options.values()]), sent.shape)
    best, sure = model.best(believed)
    told: dict[str, Any] = {"messages": int(sent.sum()), "log_loss": surprise(believed.rates, sent, answered)}
    told |= {"naive": surprise(alike, sent, answered)}
    rows = np.flatnonzero(sure >= declared.sure)
    on = sent[rows, best[rows]], answered[rows, best[rows]]
    off = sent[rows].sum() - on[0].sum(), answered[rows].sum() - on[1].sum()
    told["best"] = {"messages": int(on[0].sum()), "answered": int(on[1].sum())}
    return told | {"others": {"messages": int(off[0]), "answered": int(off[1])}}


def _card(declared: Best, model: Shares, table: Mapping[str, Floats], trial: dict[str, Any] | None) -> dict[str, Any]:
    """What is told of a model."""
    sent, answered = _counts(declared, table)
    _, sure = model.best(model.believed(declared.options, sent, answered))
    names = list(declared.options)
    options: list[dict[str, Any]] = [
        {
            "name": name,
            "sent": int(sent[:, n].sum()),
            "answered": int(answered[:, n].sum()),
            "people": int((sent[:, n] > 0).sum()),
            "rate": each.mean,
            "strength": each.strength,
        }
        for name, each in model.options.items()
        for n in (names.index(name),)
    ]
    best = max(options, key=lambda each: each["rate"])
    certain = float((sure >= declared.sure).mean())
    told = f"{len(options)} options, {best['name']} the best of all ({best['rate']:.1%}); sure of {certain:.0%} of them"
    return {
        "kind": declared.kind,
        "told": told,
        **declared.told,
        "never": [],
        "people": {"fitted": len(sent)},
        "options": options,
        "left_out": sorted(set(names) - model.options.keys()),
        "measures": trial or {},
        "rule": _RULE,
    }
