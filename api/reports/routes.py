"""Reports over HTTP: what there is, and each as JSON, CSV or a page."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, Field

from api.auth import JourneyReader, Reader, schemes
from api.html import HEADERS
from api.problems import Problem, responses
from api.reports import printed
from api.reports.known import REPORTS, report
from api.reports.page import as_html
from api.state import Config, Db
from store.errors import NoReport
from store.reports.report import Asked

router = APIRouter(prefix="/v1/reports", tags=["reports"], dependencies=schemes())

_LONGEST = 200
_CSV = "text/csv; charset=utf-8"
_ACCEPT_READ = 1000  # characters of what a client would like


class Form(StrEnum):
    """As what a report is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


_BY_TYPE = {"application/json": Form.JSON, "text/csv": Form.CSV, "text/html": Form.HTML}


class NamedView(BaseModel):
    """A report that there is."""

    name: str = Field(examples=["messages"])
    title: str = Field(examples=["Messages"])
    about: str = Field(description="what it answers")
    takes: list[str] = Field(description="what it may be asked for, beside `to`", examples=[["by", "from", "journey"]])
    needs: list[str] = Field(description="without what it says nothing", examples=[["journey"]])
    by: list[str] = Field(description="by what its rows may be told apart", examples=[["journey", "channel"]])


class ColumnView(BaseModel):
    """A column of a table."""

    name: str = Field(examples=["delivery_rate"])
    unit: str = Field(
        description="text, count, number, share (0.031 is 3.1 %), points (0.01 is one), lift, money (in whole units) or day"
    )
    currency: str | None = Field(description="of money; null: the row's `currency` says it")
    about: str = Field(description="what it says, with its denominator")


class ChartView(BaseModel):
    """What may be drawn of a table, by the names of its columns."""

    drawn: str = Field(description="bars, lines or intervals")
    title: str
    label: list[str]
    values: list[str]
    low: str | None
    high: str | None
    by: str | None


class TableView(BaseModel):
    """Rows under columns."""

    name: str
    title: str = Field(description="a caption")
    columns: list[ColumnView]
    rows: list[dict[str, str | int | float | None]] = Field(
        description="each an object by the names of the columns; null is unknown, or nothing to divide by: never 0"
    )
    charts: list[ChartView]


class ReportView(BaseModel):
    """A report: its rules, what may be concluded, its tables, and what is missing."""

    name: str
    title: str
    since: str | None = Field(alias="from", description="the first day; null: from the first one on")
    until: str = Field(alias="to", description="the first day that is not in it")
    rules: list[str] = Field(description="by what is counted, a sentence each")
    findings: list[str] = Field(description="what may be concluded, and what not")
    notes: list[str] = Field(description="what is missing or unknown, and why")
    tables: list[TableView] = Field(description="the first is the report; others stand beside it")


@router.get("", responses=responses(401, 403, 503))
async def list_reports(_: Reader) -> list[NamedView]:
    """What may be asked, and of each with what."""
    return [
        NamedView(
            name=each.name,
            title=each.title,
            about=each.about,
            takes=sorted(each.takes | each.needs),
            needs=sorted(each.needs),
            by=list(each.by),
        )
        for each in REPORTS.values()
    ]


@router.get(
    "/{name}",
    response_model=ReportView,
    responses=responses(401, 403, 404, 422, 503)
    | {200: {"content": {"text/csv": {"schema": {"type": "string"}}, "text/html": {"schema": {"type": "string"}}}}},
)
async def make_report(
    name: Annotated[str, Path(max_length=_LONGEST, description="one of GET /v1/reports")],
    _: JourneyReader,
    config: Config,
    database: Db,
    journey: Annotated[str | None, Query(max_length=_LONGEST, description="of one journey")] = None,
    since: Annotated[
        str | None, Query(alias="from", max_length=_LONGEST, description="from this day on (UTC)", examples=["2026-03-01"])
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=_LONGEST, description="and before this one; else with today")
    ] = None,
    by: Annotated[
        list[str] | None, Query(max_length=_LONGEST, description="by what rows are told apart; several by commas")
    ] = None,
    version: Annotated[list[str] | None, Query(max_length=2, description="two of a journey's versions")] = None,
    spend: Annotated[
        list[str] | None,
        Query(max_length=_LONGEST, description="of commerce: what a source cost", examples=["google=1200 EUR"]),
    ] = None,
    acquisition: Annotated[
        list[str] | None, Query(max_length=_LONGEST, description="of commerce: journeys that win customers")
    ] = None,
    experiment: Annotated[
        str | None, Query(max_length=_LONGEST, description="of experiments: this one alone, also day by day")
    ] = None,
    form: Annotated[Form | None, Query(alias="format", description="else what `Accept` asks for, else JSON")] = None,
    table: Annotated[str | None, Query(max_length=_LONGEST, description="of CSV: which table; else the first")] = None,
    accept: Annotated[str | None, Header()] = None,
) -> Response:
    """A report over some days: JSON, a table of it as CSV, or a page to pass on. Shares are parts of 1, null is unknown."""
    if name not in REPORTS:
        raise Problem(404, f"there is no report '{name}'; there are {', '.join(REPORTS)}", code="unknown-report")
    now = config.clock.now()
    try:
        more = {"by": by or (), "versions": version or (), "spend": spend or (), "acquisition": acquisition or ()}
        asked = Asked.of(now, since=since, until=until, journey=journey, experiment=experiment, **more)
        made = await report(database, name, asked)
        match form or _wanted(accept):
            case Form.CSV:
                told = printed.as_csv(made.table(table))
                disposition = {"Content-Disposition": f'attachment; filename="{made.name}.csv"'}
                return Response(told, media_type=_CSV, headers=disposition)
            case Form.HTML:
                return HTMLResponse(as_html(made, now), headers=HEADERS)
    except NoReport as error:
        raise Problem(422, str(error), code="no-report") from None
    return JSONResponse(printed.as_json(made))


def _wanted(accept: str | None) -> Form:
    """The first that a client names of those that there are."""
    asked = (each.partition(";")[0].strip() for each in (accept or "")[:_ACCEPT_READ].split(","))
    return next((_BY_TYPE[each] for each in asked if each in _BY_TYPE), Form.JSON)
