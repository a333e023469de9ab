"""Customers by file: those of a CSV file are created or changed, and each row that could not be used is told."""

from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Request
from pydantic import BaseModel, Field

from api.auth import insist_on, may, schemes
from api.ingest.taking import Taking
from api.problems import Problem, responses
from api.profiles.importing import BadFile, How, Report, column, digest, taken
from api.state import Config, Db
from api.uploads import FILE_LIMIT, received
from segments.define.sheets import NotCsv, Written, lines_of, written_in
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/customers", tags=["profiles"], dependencies=schemes())

_EXAMPLE = "user_id,email,phone,Age\nu-1001,ana@shop.example,600 000 001,34\n"
_BODY = {
    "requestBody": {
        "required": True,
        "description": "first line: column names; one is user_id or anonymous_id, or mapped to it. Comma, semicolon or tab;"
        " UTF-8, UTF-16 or Windows-1252",
        "content": {"text/csv": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


class BadRow(BaseModel):
    """A row that was not taken."""

    row: int = Field(description="its line in the file")
    problem: str


class Repeat(BaseModel):
    """A row that names somebody whom a row before named, too."""

    row: int = Field(description="its line in the file; what it says counts")
    before: int = Field(description="the line before that named the same customer")


class CustomersTaken(BaseModel):
    """What became of a file's rows, or would."""

    id: str = Field(description="of this import: its rows are taken once")
    dry_run: bool
    rows: int
    created: int
    updated: int
    already: int = Field(description="taken before, when the same file was sent")
    bad: int
    twice: int = Field(description="rows that name somebody whom a row before named; the later one counts")
    becomes: dict[str, str] = Field(
        description="what each column becomes; a dot leads into an object", examples=[{"City": "city in address", "Notes": "-"}]
    )
    encoding: str = Field(description="in which the file was read", examples=["utf-8", "cp1252"])
    sample: list[str] = Field(description="words of it that are not ASCII, which show whether that is right")
    doubt: str | None = Field(description="why it may be another encoding")
    problems: list[BadRow] = Field(description="the first hundred bad rows, each with all that is wrong with it")
    repeats: list[Repeat] = Field(description="the first hundred rows that name somebody once more")


@router.post(
    "/file",
    max_body_size=FILE_LIMIT,
    responses=responses(401, 403, 413, 422, 503),
    openapi_extra=_BODY,
)
async def import_customers(
    request: Request,
    caller: Annotated[Caller, may(Right.OPERATE, "import customers")],
    config: Config,
    database: Db,
    mapping: Annotated[
        list[str] | None,
        Query(
            alias="map",
            max_length=200,
            description="Column=trait, Column=trait:number (or boolean, date), Column=user_id, Column=consent:email, Column=at"
            " (when it was so) or Column=- (left out); others go by their names; a dot leads into an object: City=address.city",
            examples=["Age=age:number"],
        ),
    ] = None,
    encoding: Annotated[
        str | None, Query(max_length=40, description="of the file; else as it looks", examples=["mac_roman", "koi8-r"])
    ] = None,
    region: Annotated[
        str | None, Query(pattern="^[A-Z]{2}$", description="of phone numbers without a country code; else the deployment's")
    ] = None,
    consent: Annotated[
        list[Literal["email", "sms", "whatsapp"]] | None, Query(description="on which everybody in the file has consented")
    ] = None,
    consent_source: Annotated[
        str | None, Query(min_length=1, max_length=80, description="where consent was given; needed to write any")
    ] = None,
    text: Annotated[str | None, Query(min_length=1, max_length=80, description="which text they saw then")] = None,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="of this import; else the file itself: sent again, it changes nothing")
    ] = None,
    *,
    clear: Annotated[bool, Query(description="an empty cell takes the trait away; else it says nothing")] = False,
    dry_run: Annotated[bool, Query(description="say what would come of it, and write nothing")] = False,
) -> CustomersTaken:
    """Create or change the customers of a CSV file. Bad rows are told by their line and left out; others are taken."""
    if dry_run:  # it tells of each whether they are here
        insist_on(caller, Right.PERSONAL)
    async with received(request) as file:
        id_ = idempotency_key or digest(file) + (f":{encoding}" if encoding else "")
        try:
            columns = dict(column(each) for each in mapping or ())
            how = How(
                source=caller.name,
                now=config.clock.now(),
                region=region or config.default_region,
                columns=columns,
                consent=consent or (),
                consent_source=consent_source,
                text=text,
                clear=clear,
                id=id_,
            )
            taking = Taking(database, how.region, config.readings)
            written = written_in(file, encoding)
            report = await taken(database, lines_of(file, encoding), how, taking, dry_run=dry_run)
        except (BadFile, NotCsv) as error:
            raise Problem(422, str(error), code="bad-file") from None
    return _told(id_, report, written, dry_run=dry_run)


def _told(id_: str, report: Report, written: Written, *, dry_run: bool) -> CustomersTaken:
    counts = {name: getattr(report, name) for name in ("rows", "created", "updated", "already", "bad", "twice", "becomes")}
    problems = [BadRow(row=row, problem=problem) for row, problem in report.problems]
    how = {"encoding": written.encoding, "sample": [*written.sample], "doubt": written.doubt}
    repeats = [Repeat(row=row, before=before) for row, before in report.repeats]
    told = {"id": id_, "dry_run": dry_run, "problems": problems, "repeats": repeats}
    return CustomersTaken.model_validate({**told, **counts, **how})
