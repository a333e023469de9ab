"""What the API counts, for Prometheus; labels are bounded and never name a customer."""

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest
from starlette.responses import Response

ACCEPTED = Counter("journeys_ingest_accepted", "Events stored, by source", ["source"])
DUPLICATES = Counter("journeys_ingest_duplicates", "Events stored before under the same message id, by source", ["source"])
DEAD_LETTERS = Counter("journeys_ingest_dead_letters", "Items not taken, by reason", ["reason"])
REFUSED = Counter("journeys_ingest_refused", "Requests answered 429, by cause", ["cause"])
SECONDS = Histogram(
    "journeys_ingest_seconds",
    "Real time from a request's first byte to its commit",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    summary="Prometheus metrics of this process",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text format"},
    },
)
async def metrics() -> Response:
    """Everything this process counts."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
