"""Suppressed addresses for operators: listed, looked up by an address that they know, and taken back.

Promise: an address stands in a request's body only, never in a URL or an answer; what a customer said is not taken back here.
"""

from datetime import UTC, datetime
from io import BytesIO
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from activities.channels.kinds import KINDS, addressed
from activities.channels.suppression import suppression_digest, suppression_digests
from api.auth import PersonReader, Reader, insist_on, may, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.profiles.opt_outs import Reading, taken
from api.state import Config, Db
from journeys.contracts import Channel
from segments.define.sheets import lines_of
from segments.errors import SegmentError
from store.addresses import AddressKind, read_as
from store.customers import suppressions
from store.customers.suppressions import Suppression
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/suppressions", tags=["operations"], dependencies=schemes())

_DIGEST = "^[0-9a-f]{64}$"
_CSV = {
    "requestBody": {
        "required": True,
        "content": {"text/csv": {"schema": {"type": "string"}, "example": "email,reason\nana@shop.example,asked by phone\n"}},
    }
}


def _has_addresses(channel: Channel) -> Channel:
    if KINDS[channel].address is AddressKind.NONE:
        raise ValueError(f"there are no addresses on {channel.value}, and so none that is suppressed")
    return channel


#: A channel of addresses. Shown as the names themselves.
OnChannel = Annotated[
    Channel,
    AfterValidator(_has_addresses),
    WithJsonSchema({"type": "string", "enum": [kind.name for kind in addressed()]}),
]


class SuppressionOut(BaseModel):
    """An address that is not written to. It is known by its digest alone."""

    channel: str
    digest: str = Field(description="keyed hash of the address, in hex", examples=["9f" * 32])
    scope: Literal["all", "marketing"] = Field(description="all: a provider says it is dead; marketing: its owner said no")
    reason: str = Field(examples=["hard bounce", "STOP"])
    since: datetime
    expires_at: datetime | None = Field(description="null: it does not end by itself")
    source: str = Field(description="who brought it, where that is not a provider or the customer")


class SuppressionPage(BaseModel):
    """A page, and where the next one begins."""

    suppressions: list[SuppressionOut]
    next: str | None = Field(description="pass it as `before` for the next page; null on the last one")


class Named(BaseModel):
    """An address, as somebody types it, or its digest."""

    model_config = ConfigDict(extra="forbid")

    channel: OnChannel
    address: str | None = Field(default=None, min_length=1, max_length=512, repr=False, examples=["ana@shop.example"])
    digest: str | None = Field(default=None, pattern=_DIGEST, description="as the list shows it")

    @model_validator(mode="after")
    def _one(self) -> "Named":
        if (self.address is None) is (self.digest is None):
            raise ValueError("name either the address or its digest")
        return self

    def digests(self, config: ApiConfig) -> list[bytes]:
        """The digests under which it may be suppressed."""
        if self.digest is not None:
            return [bytes.fromhex(self.digest)]
        return suppression_digests(config.secret, config.former_secrets, self.channel, str(self.address))


class Lifted(Named):
    """An address to be written to again, and why."""

    why: str = Field(default="", max_length=500, description="kept with who asked", examples=["our relay was set up wrongly"])


class Added(Named):
    """An address that is not to be written to from now on."""

    scope: Literal["all", "marketing"] = "marketing"
    reason: str = Field(min_length=1, max_length=200, examples=["asked by phone"])
    expires_at: AwareDatetime | None = Field(default=None, description="null: for good")

    def digest_of(self, config: ApiConfig) -> bytes:
        """The digest under which it is suppressed.

        Raises:
            Problem: 422, nobody could be written to at this address.
        """
        if self.digest is not None:
            return bytes.fromhex(self.digest)
        address = read_as(KINDS[self.channel].address, str(self.address), config.default_region)
        if address is None:
            raise Problem(422, f"this is no address for {self.channel}; give one that could be written to, or its digest")
        return suppression_digest(config.secret, self.channel, address)


class ProblemRow(BaseModel):
    """A row that could not be understood: its line and what is wrong, never what stands in it."""

    row: int
    problem: str


class ImportOut(BaseModel):
    """What came of a file."""

    rows: int
    added: int = Field(description="addresses that are suppressed now, or would be, and were not")
    already: int
    bad: int
    problems: list[ProblemRow] = Field(description="the first hundred bad rows")
    dry_run: bool


class Found(BaseModel):
    """Every suppression of one address."""

    suppressions: list[SuppressionOut]


class TakenBackOut(BaseModel):
    """What became of it."""

    lifted: int = Field(description="suppressions that are no more")
    revived: int = Field(description="addresses of customers that count as alive again")
    kept: int = Field(
        description="suppressions that stay: the owner said no, or an operator or a file did and `why` is missing"
    )


@router.get("", summary="Suppressed addresses", responses=responses(401, 403, 422, 503))
async def list_suppressions(
    _: Reader,
    database: Db,
    channel: Annotated[OnChannel | None, Query(description="only those of this channel")] = None,
    before: Annotated[str | None, Query(pattern="^[^\\x00]{1,200}$", description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> SuppressionPage:
    """Newest first."""
    found = await suppressions.newest(database, channel=channel, before=_place(before), limit=limit)
    last = f"{found[-1].at.isoformat()}~{found[-1].digest.hex()}" if len(found) == limit else None
    return SuppressionPage(suppressions=[_out(each) for each in found], next=last)


@router.post("/look-up", summary="Whether an address is suppressed", responses=responses(400, 401, 403, 413, 415, 422, 503))
async def look_up(_: PersonReader, database: Db, config: Config, named: Named) -> Found:
    """Why an address is not written to; an empty list where nothing stands in the way."""
    found = await suppressions.found(database, named.channel, named.digests(config))
    return Found(suppressions=[_out(each) for each in found])


@router.post("/take-back", summary="Write to an address again", responses=responses(400, 401, 403, 413, 415, 422, 503))
async def take_back(
    caller: Annotated[Caller, may(Right.OPERATE, "lift suppression")], database: Db, config: Config, named: Lifted
) -> TakenBackOut:
    """Lift what a provider said of an address (a hard bounce, of a relay set up wrongly); with `why` what a file said, too."""
    told = await suppressions.take_back(
        database,
        named.channel,
        named.digests(config),
        lambda address: suppression_digests(config.secret, config.former_secrets, named.channel, address),
        at=config.clock.now(),
        by=caller.name,
        why=named.why,
    )
    return TakenBackOut(lifted=told.lifted, revived=told.revived, kept=told.kept)


@router.post("", status_code=201, summary="Suppress an address", responses=responses(400, 401, 403, 413, 415, 422, 503))
async def add_suppression(
    caller: Annotated[Caller, may(Right.OPERATE, "add suppression")], database: Db, config: Config, added: Added
) -> Found:
    """Write to an address no more, for marketing or at all, for good or until an instant. Saying it again changes nothing."""
    digest, now = added.digest_of(config), config.clock.now()
    if added.expires_at is not None and added.expires_at <= now:
        raise Problem(422, "expires_at is over, so that nobody would be suppressed; leave it out to suppress for good")
    source = f"API: {caller.name}"
    told = Suppression(added.channel, digest, added.scope, added.reason, now, added.expires_at, source)
    await suppressions.add(database, [told])
    found = await suppressions.found(database, added.channel, [digest])
    return Found(suppressions=[_out(each) for each in found])


@router.post("/import", summary="Opt-outs of another system", responses=responses(401, 403, 413, 422, 503), openapi_extra=_CSV)
async def import_opt_outs(
    request: Request,
    caller: Annotated[Caller, may(Right.OPERATE, "add suppression")],
    database: Db,
    config: Config,
    channel: Annotated[OnChannel, Query(description="of the addresses in the file")] = Channel.EMAIL,
    dry_run: Annotated[bool, Query(description="say what would come of it, and write nothing")] = False,
) -> ImportOut:
    """A CSV file with a column `email` or `phone` (as the channel has it), `address` or `sha256` (hex, of the normal form).

    Perhaps also `reason`, `since` and `expires`. Bad rows are told and left out, and so is what has expired; a file may be
    sent again.
    """
    if dry_run:  # it tells of each whether they are suppressed
        insist_on(caller, Right.PERSONAL)
    how = Reading(channel, config.default_region, config.secret, f"import: {caller.name}", config.clock.now())
    try:
        report = await taken(database, lines_of(BytesIO(await request.body())), how, dry_run=dry_run)
    except SegmentError as error:
        raise Problem(422, str(error), code="bad-file") from None
    problems = [ProblemRow(row=row, problem=problem) for row, problem in report.problems]
    counts = {name: getattr(report, name) for name in ("rows", "added", "already", "bad")}
    return ImportOut(**counts, problems=problems, dry_run=dry_run)


def _place(before: str | None) -> tuple[datetime, bytes] | None:
    if before is None:
        return None
    at, _, digest = before.partition("~")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), bytes.fromhex(digest)
    except (ValueError, OverflowError):
        raise Problem(422, "before must be the `next` of a page", code="invalid") from None


def _out(found: Suppression) -> SuppressionOut:
    return SuppressionOut.model_validate(
        {
            "channel": found.channel,
            "digest": found.digest.hex(),
            "scope": found.scope,
            "reason": found.reason,
            "since": found.at,
            "expires_at": found.expires_at,
            "source": found.source,
        }
    )
