"""Whether this process lives, and whether it can do its work."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.problems import responses, unavailable
from api.state import Store

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """A process that answers."""

    status: str = Field(examples=["ok"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Answers as long as the process does; restart it when this fails."""
    return Health(status="ok")


@router.get("/readyz", summary="Whether requests can be served", responses=responses(503))
async def readyz(request: Request) -> Health:
    """Answers in two seconds, by what Postgres says; while it fails take the process out of the balancer, do not restart it."""
    store: Store = request.app.state.store
    if not await store.answers():
        raise unavailable()
    return Health(status="ok")
