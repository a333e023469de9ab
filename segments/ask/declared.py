"""All predictions that there are: the catalogue's, which win, and those that product teams declared through the API.

Promise: what cannot be read any more is left out, never in the way of the others.
"""

from collections.abc import Mapping

import structlog

from segments.errors import SegmentError
from segments.language.segment import Segment
from segments.predictions.declared import Declared, predictions_in
from segments.predictions.prediction import left_alone
from segments.predictions.wire import declared_from_json
from store import Connection, Database
from store.segments.declarations import Declaration, standing

log = structlog.get_logger(__name__)


async def declared(source: "Database | Connection", catalogue: Mapping[str, Declared]) -> Mapping[str, Declared]:
    """By name, as they are declared at this moment."""
    return dict(sorted(({each.name: each for each in map(_read, await standing(source)) if each} | dict(catalogue)).items()))


async def leaves_alone(
    source: "Database | Connection", catalogue: Mapping[str, Declared], segment: Segment | None
) -> Mapping[str, float]:
    """The predictions that let customers in by a segment, wherever both are declared, and leave this share of them alone."""
    if segment is None or next(predictions_in(segment.predicate), None) is None:
        return {}
    return left_alone(segment.predicate, await declared(source, catalogue))


def _read(row: Declaration) -> Declared | None:
    if row.definition is None:
        return None
    try:
        return declared_from_json(row.definition)
    except SegmentError as error:
        log.warning("a declared prediction cannot be read; it is left out", prediction=row.name, problem=str(error))
        return None
