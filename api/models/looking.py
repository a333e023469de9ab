"""How predictions stand, for whoever asks: the API, the console and commands."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from api.models.views import AskView, CustomerView, ModelView, ReasonView, WaitingView
from segments import Segment
from segments.ask.declared import declared
from segments.ask.foretold import some
from segments.ask.overview import all_segments
from segments.leaves.crossed import Crossed, Foretold, Sorted
from segments.predictions.declared import Declared, predictions_in
from store import Database, predictions
from store.segments.declarations import waiting


async def stands(database: Database, now: datetime) -> list[ModelView]:
    """All of them."""
    return [ModelView.of(each, now) for each in await predictions.found(database)]


async def waiting_for_approval(database: Database) -> list[WaitingView]:
    """Declarations that hold only once somebody else approves them."""
    return [WaitingView(name=each.name, number=each.number, by=each.by, at=each.at) for each in await waiting(database)]


def _asks(leaf: Foretold) -> dict[str, Any]:
    if isinstance(leaf, Crossed):
        return {"over": leaf.up, "back_at": leaf.back}
    return {"sorted_into": leaf.label} if isinstance(leaf, Sorted) else {}


async def ask_for(database: Database, segments: Mapping[str, Segment], entries: Mapping[str, str], name: str) -> list[AskView]:
    """The segments that ask for a prediction; `segments` are those in code, `entries` has what each journey is entered by."""
    found: list[AskView] = []
    for segment in (await all_segments(database, segments)).segments:
        journeys = sorted(journey for journey, entry in entries.items() if entry == segment.name)
        found += [
            AskView(segment=segment.name, **_asks(leaf), journeys=journeys)
            for leaf in predictions_in(segment.predicate)
            if leaf.prediction == name
        ]
    return found


async def customers(
    database: Database,
    catalogue: Mapping[str, Declared],
    name: str,
    most: int,
    *,
    band: int | None = None,
    kind: str | None = None,
) -> list[CustomerView]:
    """Some customers of a tenth (1 to 10) or of a kind, the highest score first, each with the strongest reasons."""
    said = (await declared(database, catalogue)).get(name)
    return [
        CustomerView(
            customer_id=who,
            score=each.score,
            low=each.low,
            high=each.high,
            label=each.label,
            more=None if each.more is None else dict(each.more),
            version=each.version,
            as_of=each.as_of,
            reasons=[ReasonView.model_validate(reason) for reason in each.reasons],
            unexplained=each.unexplained,
        )
        for who, each in await some(database, name, said, most, band=band, label=kind)
    ]
