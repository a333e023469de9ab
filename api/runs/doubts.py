"""Messages in doubt, for operators: listed with a reason, settled by what somebody found out, or repeated on purpose."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from activities.channels.message import ID_LENGTH
from api.auth import JourneyReader, Of, Reader, insist_on_journey, may, schemes
from api.cursors import cursor, cursor_after
from api.problems import Problem, responses
from api.runs.models import Model, Text
from api.state import Config, Db
from store import Database
from store.deliveries import doubts
from store.deliveries.doubts import Doubt, Which
from store.deliveries.ledger import MessageKey
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/messages/in-doubt", tags=["operations"], dependencies=schemes())

_NAMES = {"max_length": 200, "pattern": r"^[^\x00]*$"}
_MOST = 2**63


def _key(text: str) -> str:
    try:
        key = MessageKey.parse(text)
    except ValueError:
        key = None
    if key is None or not key.step or not 0 < key.occurrence < _MOST:
        raise ValueError("give a message as the list does: run/step/occurrence")
    return text


Message = Annotated[
    str,
    Field(max_length=400, pattern=r"^[^\x00]*$", examples=["019a2251-0000-7000-8000-000000000001/email:paid/1"]),
    AfterValidator(_key),
]


class DoubtOut(BaseModel):
    """A message that a provider may have, and nobody knows."""

    message: str = Field(description="its key: run / step / occurrence")
    run_id: UUID
    journey: str
    channel: str
    purpose: str
    template: str
    provider: str | None = Field(description="who may have it")
    state: Literal["unconfirmed", "claimed"] = Field(description="unconfirmed: it stays so; claimed: it is tried again")
    reason: str = Field(description="what happened, or what the provider said last", examples=["no answer within 30 s"])
    since: datetime = Field(description="when it was last handed over")
    copies: int = Field(description="how many the provider may have taken")
    attempts: int
    again_at: datetime | None = Field(description="when it is tried again by itself")
    not_repeatable: str | None = Field(description="why it cannot be repeated; null: it can")
    repeat_asked_at: datetime | None = Field(description="when somebody last asked for a repetition")
    repeat_by: str | None
    repeat_refused: str | None = Field(description="why nothing was sent for that")


class DoubtPage(BaseModel):
    """A page, and where the next one begins."""

    messages: list[DoubtOut]
    next: str | None = Field(description="pass it as `after` for the next page; null on the last one")


class _Chosen(Model):
    message: Message | None = Field(default=None, description="this one; the answer is 409 where it is in doubt no more")
    provider: Text | None = Field(default=None, description="all that this provider may have")
    channel: Text | None = None
    journey: Text | None = None
    run_id: UUID | None = None
    since: AwareDatetime | None = Field(default=None, description="handed over then or later")
    until: AwareDatetime | None = Field(default=None, description="handed over before then")
    at_most: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="how many you mean, as counted before; without it they are only counted",
    )

    @model_validator(mode="after")
    def _said(self) -> Self:
        others = (self.provider, self.channel, self.journey, self.run_id, self.since, self.until)
        if (self.message is None) is all(each is None for each in others):
            raise ValueError("say which: a message, or a filter (provider, channel, journey, run_id, since, until)")
        return self

    @property
    def which(self) -> Which:
        """The choice, as the store takes it."""
        message = None if self.message is None else MessageKey.parse(self.message)
        return Which(self.provider, self.channel, self.journey, self.run_id, self.since, self.until, message)


class SettleDoubts(_Chosen):
    """Messages in doubt of which somebody found out what became of them, as in the provider's own list."""

    outcome: Literal["sent", "failed"] = Field(description="failed: they were not sent; caps and budgets count them no more")
    provider_message_id: Text | None = Field(
        default=None, max_length=ID_LENGTH, description="of one message that was sent: what its provider calls it"
    )

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if self.provider_message_id is not None and (self.message is None or self.outcome != "sent"):
            raise ValueError("provider_message_id is for one message that was sent")
        return self


class RepeatDoubts(_Chosen):
    """Messages in doubt that are to be sent once more."""

    may_arrive_twice: Literal[True] = Field(description="that their customers may get them twice is what you want")


class Done(BaseModel):
    """How many such messages there are, and of how many it was done."""

    messages: int
    repeatable: int = Field(description="how many of them may be repeated")
    done: int = Field(description="settled, or asked to be repeated")


class SaidOut(BaseModel):
    """What an operator said of a message in doubt."""

    id: int
    message: str
    said: Literal["sent", "failed", "repeat"]
    at: datetime
    by: str = Field(description="the name of the key, or who was logged in")
    begun_at: datetime | None = Field(description="of a repetition: when it began")
    refused: str | None = Field(description="of a repetition: why nothing was sent")


class SaidPage(BaseModel):
    """A page, and where the next one begins."""

    said: list[SaidOut]
    next: int | None = Field(description="pass it as `before` for the next page; null on the last one")


@router.get("", summary="Messages in doubt", responses=responses(400, 401, 403, 422, 503))
async def list_doubts(
    _: JourneyReader,
    database: Db,
    provider: Annotated[str | None, Query(**_NAMES)] = None,
    channel: Annotated[str | None, Query(**_NAMES)] = None,
    journey: Annotated[str | None, Query(**_NAMES)] = None,
    run_id: UUID | None = None,
    since: Annotated[AwareDatetime | None, Query(description="handed over then or later")] = None,
    until: Annotated[AwareDatetime | None, Query(description="handed over before then")] = None,
    after: Annotated[str | None, Query(max_length=1_000, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> DoubtPage:
    """What a provider may have and nobody knows, newest first, each with what happened; not what a worker has in hand."""
    which = Which(provider, channel, journey, run_id, since, until)
    found = await doubts.page(database, which, before=cursor(after, lambda key: MessageKey.parse(_key(key))), limit=limit)
    return DoubtPage(
        messages=[_out(each) for each in found],
        next=cursor_after(found[-1].since, found[-1].key) if len(found) == limit else None,
    )


@router.get("/said", summary="What operators said of messages in doubt", responses=responses(401, 403, 422, 503))
async def list_said(
    _: Reader,
    database: Db,
    before: Annotated[int | None, Query(ge=1, lt=_MOST)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SaidPage:
    """Who said what, and when, newest first; of a repetition, why nothing was sent, where nothing was."""
    found = await doubts.said(database, before=before, limit=limit)
    page = [SaidOut.model_validate(asdict(each) | {"message": each.key}) for each in found]
    return SaidPage(said=page, next=page[-1].id if len(page) == limit else None)


@router.post("/settle", summary="Say what became of messages in doubt", responses=responses(400, 401, 403, 404, 409, 422, 503))
async def settle_doubts(
    body: SettleDoubts,
    caller: Annotated[Caller, may(Right.OPERATE, "settle messages", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Done:
    """One, or all of a filter, which are only counted without `at_most`. A report of the provider outweighs it, also later."""
    insist_on_journey(caller, body.journey)
    counted = await _counted(database, body)
    if body.message is None and body.at_most is None:
        return Done(messages=counted.messages, repeatable=counted.repeatable, done=0)
    done = await doubts.settle(
        database, body.which, body.outcome, config.clock.now(), caller.name, id_=body.provider_message_id, most=counted.messages
    )
    if body.message is not None and not done:
        raise await _not_in_doubt(database, body.message)
    return Done(messages=counted.messages, repeatable=counted.repeatable, done=done)


@router.post(
    "/repeat",
    status_code=202,
    summary="Send messages in doubt once more",
    responses=responses(400, 401, 403, 404, 409, 422, 503),
)
async def repeat_doubts(
    body: RepeatDoubts,
    caller: Annotated[Caller, may(Right.OPERATE, "repeat messages", of=Of.ITSELF)],
    config: Config,
    database: Db,
) -> Done:
    """One, or all of a filter that may be repeated, which are only counted without `at_most`.

    Each passes the gate as it is now and is tried once, within a tick of the watch. What came of it stands in the list:
    still in doubt, or refused and why; what was sent is in doubt no more.
    """
    insist_on_journey(caller, body.journey)
    counted = await _counted(database, body)
    if body.message is None and body.at_most is None:
        return Done(messages=counted.messages, repeatable=counted.repeatable, done=0)
    if body.message is not None:
        for found in await doubts.page(database, body.which, limit=1):
            if (why := found.not_repeatable) is not None:
                raise Problem(409, why, code="not-repeatable")
    done = await doubts.repeat(database, body.which, config.clock.now(), caller.name, most=max(counted.repeatable, 1))
    if body.message is not None and not done:
        raise await _not_in_doubt(database, body.message)
    return Done(messages=counted.messages, repeatable=counted.repeatable, done=done)


async def _counted(database: Database, body: SettleDoubts | RepeatDoubts) -> doubts.Counted:
    counted = await doubts.count(database, body.which)
    number = counted.messages if isinstance(body, SettleDoubts) else counted.repeatable
    if body.message is None and body.at_most is not None and number > body.at_most:
        more = f"these are {number} messages, more than the {body.at_most} that you allow; look at them, and say how many"
        raise Problem(409, more, code="more-messages")
    return counted


async def _not_in_doubt(database: Database, message: str) -> Problem:
    """What became of it meanwhile, or that there is no such message."""
    stands = await doubts.settled_as(database, MessageKey.parse(message))
    if stands is None:
        return Problem(404, f"no message {message}; GET /v1/messages/in-doubt lists those in doubt", code="unknown-message")
    return Problem(409, stands, code="not-in-doubt")


def _out(found: Doubt) -> DoubtOut:
    derived = {"message": found.key, "again_at": found.retry_at, "not_repeatable": found.not_repeatable}
    return DoubtOut.model_validate(asdict(found) | derived)
