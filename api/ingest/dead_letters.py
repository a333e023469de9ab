"""Dead letters for operators: what was sent and could not be taken; listed, read again after a fix, and purged."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from api.auth import PersonReader, may, schemes
from api.ingest.replay import replay
from api.problems import Problem, responses
from api.state import Config, Db
from store.ingest.dead_letters import Which, dead_letters, purge
from store.keys import Caller, Right

router = APIRouter(prefix="/v1", tags=["operations"], dependencies=schemes())

_Text = Annotated[str | None, Query(max_length=200, pattern="^[^\\x00]*$")]


class DeadLetterOut(BaseModel):
    """One item that could not be taken."""

    id: int
    source: str = Field(description="name of the key that sent it", examples=["shop-web"])
    received_at: datetime = Field(description="when it came first")
    last_at: datetime = Field(description="when it came last")
    times: int = Field(description="how often it came")
    message_id: str | None = Field(description="the item's message id, if it had a usable one")
    reason: str = Field(examples=["no-identity: /userId userId or anonymousId is required"])
    item: str = Field(description="the item's JSON text, cut at 64 K characters")


class DeadLetterPage(BaseModel):
    """A page, and where the next one begins."""

    dead_letters: list[DeadLetterOut]
    next: int | None = Field(description="pass it as `before` for the next page; null on the last one")


class Choice(BaseModel):
    """Which dead letters; what is left out does not matter, but something must be said."""

    model_config = ConfigDict(extra="forbid")

    ids: list[Annotated[int, Field(ge=1, le=2**63 - 1)]] | None = Field(default=None, max_length=10_000)
    source: str | None = Field(default=None, max_length=200, pattern="^[^\\x00]*$", description="of this key")
    reason: str | None = Field(
        default=None, max_length=200, pattern="^[^\\x00]*$", description="how the reason begins", examples=["bad-identity"]
    )
    since: AwareDatetime | None = Field(default=None, description="that came at this time or later")
    until: AwareDatetime | None = Field(default=None, description="that came before this time")
    all: bool = Field(default=False, description="every one there is")

    @property
    def which(self) -> Which:
        """The choice, as the store takes it.

        Raises:
            Problem: 422, nothing is said.
        """
        which = Which(self.ids, self.source, self.reason, self.since, self.until)
        if which == Which() and not self.all:
            raise Problem(
                422, "say which dead letters: ids, source, reason, since or until, or all: true", code="invalid-request"
            )
        return which


class ReplayOut(BaseModel):
    """What became of dead letters that were read again."""

    model_config = ConfigDict(from_attributes=True)

    stored: int = Field(description="taken now; they are dead letters no more")
    duplicates: int = Field(description="had been taken before under their message id")
    refused: int = Field(description="cannot be taken today either; their reasons are those of today")
    skipped: int = Field(description="are no items of ingest, or were too long to be kept whole")


class PurgeOut(BaseModel):
    """How many are gone."""

    purged: int


@router.get("/dead-letters", summary="Items that could not be taken", responses=responses(401, 403, 422, 503))
async def list_dead_letters(
    _: PersonReader,
    database: Db,
    before: Annotated[int | None, Query(ge=1, le=2**63 - 1, description="only those with a smaller id")] = None,
    source: _Text = None,
    reason: _Text = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DeadLetterPage:
    """Newest first, by key, beginning of the reason and time. An item that was sent again counts on its letter."""
    found = await dead_letters(database.pool, Which(None, source, reason, since, until), before=before, limit=limit)
    page = [DeadLetterOut.model_validate(letter, from_attributes=True) for letter in found]
    return DeadLetterPage(dead_letters=page, next=page[-1].id if len(page) == limit else None)


@router.post("/dead-letters/replay", summary="Read dead letters again", responses=responses(400, 401, 403, 422, 503))
async def replay_dead_letters(
    body: Choice, _: Annotated[Caller, may(Right.OPERATE, "replay dead-letters")], config: Config, database: Db
) -> ReplayOut:
    """By the same path as when they came, under their own time; each is stored once, however often this is called."""
    done = await replay(database, body.which, config.clock.now(), config.default_region, config.readings)
    return ReplayOut.model_validate(done)


@router.post("/dead-letters/purge", summary="Forget dead letters", responses=responses(400, 401, 403, 422, 503))
async def purge_dead_letters(
    body: Choice, _: Annotated[Caller, may(Right.OPERATE, "purge dead-letters")], database: Db
) -> PurgeOut:
    """For good."""
    return PurgeOut(purged=await purge(database.pool, body.which))
