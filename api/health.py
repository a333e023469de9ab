"""Whether this process lives, and whether it can do its work."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.problems import responses
from api.state import Db

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """A process that answers."""

    status: str = Field(examples=["ok"])


@router.get("/healthz", summary="Whether the process lives")
async def healthz() -> Health:
    """Answers as long as the process does; restart it when this fails."""
    return Health(status="ok")


@router.get("/readyz", summary="Whether requests can be served", responses=responses(503))
async def readyz(database: Db) -> Health:
    """Answers when Postgres does; take the process out of the balancer while this fails, do not restart it."""
    await database.pool.fetchval("select 1")
    return Health(status="ok")
