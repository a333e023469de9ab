"""Kinds of customers: fitted to a sample as it is now; each kind goes on as the former one that it is most like."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from activities.predicting.kind import Columns, Floats, Kind, Labels, Made, Says, numbers, readable
from segments.ask import known
from segments.errors import DefinitionError
from segments.models.kinds import Kinds, agreement, apart, in_words, never, telling
from segments.models.stored import Kept
from segments.predictions.clusters import Clusters
from segments.predictions.features import DaysSince
from segments.predictions.ordered import Ordered
from store import Database, predictions
from store.predictions import Champion

_MOST = 50_000  # customers that it is fitted to
_RULE = (
    "it replaces the champion always; a kind goes on as the former one whose centre it is nearest to, all together,"
    " and is a new one where that is further than a third of the way"
)


class Sorting(Kind):
    """k-means over ranks."""

    async def train(self, database: Database, declared: Clusters, at: datetime, champion: Champion | None) -> Made:
        """Kinds of those who are there now."""
        await predictions.doing(database, declared.name, f"features as of {at:%Y-%m-%d %H:%M}")
        async with database.transaction() as connection:
            table = numbers(await known.table(connection, declared, at, most=_MOST))
        before = _former(champion, declared)
        longest = _longest(declared)
        await predictions.doing(database, declared.name, "finding kinds")
        model = await asyncio.to_thread(Kinds.fit, table, declared.choices, longest, before=before)
        kept = Kept.of(model)
        card = await asyncio.to_thread(_card, declared, model, before, table)
        card |= {"family": kept.family, "window": [at.isoformat()] * 2, "judged_as_of": at.isoformat(), "against": None}
        if before is not None and champion is not None:
            card["stability"]["version"] = champion.version
        return Made(kept, card, wins=True, by=f"fitted to {card['people']['fitted']:,} customers, {card['told']}")

    def says(self, model: Any, declared: Clusters, columns: Columns, before: Labels | None = None) -> Says:
        """Of which kind each is: of the nearest, and of the one before while that is hardly further."""
        if not isinstance(model, Kinds):
            raise DefinitionError("model", "is of a family that sorts nobody; train it again")
        far = model.far(columns)
        chosen, rows = np.argmin(far, axis=1), np.arange(len(far))
        names = [declared.called(name) for name in model.kinds]
        if before is not None:
            place = {name: n for n, name in enumerate(names)}
            was = np.array([place.get(each, -1) for each in before])
            stays = (was >= 0) & (far[rows, was] * (1 - declared.margin) <= far[rows, chosen])
            chosen = np.where(stays, was, chosen)
        own = far[rows, chosen]
        others = far.copy()
        others[rows, chosen] = np.inf
        more = {"distance": np.round(own, 4), "next": np.round(others.min(axis=1), 4)}
        ids: Floats = np.array([each.id for each in model.kinds.values()], dtype=np.float64)
        return Says(ids[chosen], labels=np.array(names, object)[chosen], more=more)


def _former(champion: Champion | None, declared: Clusters) -> Kinds | None:
    """The model whose numbers and names are kept: that of the same features, if it can be read."""
    model = readable(champion)
    return model if isinstance(model, Kinds) and model.scales.keys() == {each.name for each in declared.columns} else None


def _longest(declared: Clusters) -> list[str]:
    """The features that count as longest ago where they are not known."""
    return [each.name for each in declared.columns if _is_since(each.of)]


def _all_alike(values: Floats) -> bool:
    """Whether everybody has the same, or nobody anything."""
    known = values[~np.isnan(values)]
    return not len(known) or (len(known) == len(values) and bool((known == known[0]).all()))


def _is_since(of: Any) -> bool:
    return isinstance(of, DaysSince) or (isinstance(of, Ordered) and of.which in ("first", "last"))


def _card(declared: Clusters, model: Kinds, before: Kinds | None, table: Mapping[str, Floats]) -> dict[str, Any]:
    """What is told of a model."""
    of, ranks, longest = model.of(table), model.ranks(table), _longest(declared)
    tells = telling(model.scales, np.array([each.centre for each in model.kinds.values()]))
    alike = [each.name for each in declared.columns if _all_alike(table[each.name])]
    kinds = []
    for n, (name, each) in enumerate(model.kinds.items()):
        mine = of == n
        means = {column: float(np.nanmean(values[mine])) for column, values in table.items() if (~np.isnan(values[mine])).any()}
        unlike = {column: at for column, at in zip(model.scales, each.centre, strict=True) if column in tells}
        words = in_words(unlike, never({column: values[mine] for column, values in table.items()}, longest))
        told = {"name": declared.called(name), "found_as": name, "id": each.id, "people": int(mine.sum())}
        kinds.append(told | {"words": ", ".join(words), "means": means})
    silhouette = apart(ranks, of)
    stability = None
    if before is not None:
        was = before.of(table)
        stays = np.array([[*model.kinds][n] == [*before.kinds][m] for n, m in zip(of, was, strict=True)])
        stability = {"agreement": agreement(of, was), "same": float(stays.mean())}
    said = "" if stability is None else f", {stability['same']:.0%} of the customers as before"
    return {
        "kind": declared.kind,
        "told": f"{len(kinds)} kinds, silhouette {silhouette:.2f}{said}",
        **declared.told,
        "alike": alike,
        "never": sorted(declared.never),
        "people": {"fitted": len(of)},
        "kinds": sorted(kinds, key=lambda each: -each["people"]),
        "measures": {"silhouette": silhouette},
        "stability": stability,
        "rule": _RULE,
    }
