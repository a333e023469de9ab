"""Exports: what may be had, column by column, and the rows of a table as Arrow, Parquet or CSV, streamed as they are read."""

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field

from api.auth import PersonReader, Reader, schemes
from api.problems import Problem, responses
from api.state import Db
from store.exports import Format, Name, NoArrow, Span, Table, csv, tables, written

router = APIRouter(prefix="/v1/export", tags=["reports"], dependencies=schemes())

#: Each holds a connection to Postgres and a thread, for as long as its reader takes.
AT_ONCE = 3
_FORMATS = (
    "arrow: an IPC stream; parquet: compressed by zstd; csv: exact, for programs. A spreadsheet may take a cell for a formula"
    " (it begins with =, +, - or @, whatever a visitor has sent): import its columns as text, or open a report's CSV"
)
_BUSY = {"Retry-After": "10"}
MEDIA_TYPES = {
    Format.ARROW: "application/vnd.apache.arrow.stream",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.CSV: "text/csv; charset=utf-8",
}


def _instant(given: object) -> object:
    """A day is its first instant (UTC); a number is no instant, though it might be read as seconds."""
    if isinstance(given, str) and _DAY.fullmatch(given):
        return f"{given}T00:00:00Z"
    if not isinstance(given, datetime) and "-" not in str(given):
        raise ValueError("a day is written 2026-03-01, an instant 2026-03-01T12:00:00Z")
    return given


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
#: A day, or an instant with its zone.
Since = Annotated[AwareDatetime, BeforeValidator(_instant)]


@dataclass(slots=True)
class Places:
    """How many more exports this process may begin."""

    left: int = AT_ONCE


class ColumnView(BaseModel):
    """A column."""

    name: str = Field(examples=["customer_id"])
    type: str = Field(description="as Postgres calls it", examples=["text"])
    about: str = Field(description="what it means", examples=["Whose it is: the id of the profile, after all merges so far."])


class TableView(BaseModel):
    """A table that can be exported."""

    name: str = Field(examples=["events"])
    about: str = Field(description="what a row is", examples=["What customers did; a row for each event."])
    clock: str = Field(description="the column that `from` and `to` are about", examples=["received_at"])
    columns: list[ColumnView]


@router.get("", responses=responses(401, 403, 503))
async def list_exports(_: Reader, database: Db) -> list[TableView]:
    """What can be exported: each table with its columns and what they mean. The same are views of the schema `reporting`."""
    return [TableView.model_validate(table, from_attributes=True) for table in (await tables(database)).values()]


@router.get(
    "/{table}",
    operation_id="export_table",
    response_class=StreamingResponse,
    responses=responses(401, 403, 422, 501, 503)
    | {200: {"content": {name.partition(";")[0]: {"schema": {"type": "string"}} for name in MEDIA_TYPES.values()}}},
)
async def export(
    request: Request,
    table: Annotated[Name, Path(description="one of GET /v1/export")],
    _: PersonReader,
    database: Db,
    since: Annotated[Since | None, Query(alias="from", description="rows from this day (UTC) or instant on (RFC 3339)")] = None,
    until: Annotated[Since | None, Query(alias="to", description="and before this one")] = None,
    format: Annotated[Format, Query(description=_FORMATS)] = Format.CSV,  # noqa: A002 - the parameter's name
) -> StreamingResponse:
    """The rows of a table, all or those of a span, streamed. An export that breaks off ends its connection, not its file."""
    _insist_on_order(since, until)
    told = (await tables(database))[table]
    try:
        rows = await _begun(_rows(told, Span(since, until), format, database, request.app.state.exports))
    except NoArrow as error:
        raise Problem(501, str(error), code="no-arrow") from None
    headers = {"Content-Disposition": f'attachment; filename="{told.name}.{format.value}"'}
    return StreamingResponse(rows, media_type=MEDIA_TYPES[format], headers=headers)


async def _rows(table: Table, span: Span, form: Format, database: Db, places: Places) -> AsyncGenerator[bytes]:
    with _place(places):
        async with aclosing(csv(database, table, span)) as rows, aclosing(written(rows, table, form)) as pieces:
            async for piece in pieces:
                yield piece


async def _begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """What can go wrong at once does so here, while there is still a status to say it with."""
    first = await anext(pieces)

    async def all_of_them() -> AsyncGenerator[bytes]:
        async with aclosing(pieces):
            yield first
            async for piece in pieces:
                yield piece

    return all_of_them()


@contextmanager
def _place(places: Places) -> Iterator[None]:
    if places.left < 1:
        raise Problem(503, f"{AT_ONCE} exports are under way; ask again in a while", headers=_BUSY, code="busy")
    places.left -= 1
    try:
        yield
    finally:
        places.left += 1


def _insist_on_order(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and since >= until:
        raise Problem(422, "`from` is not before `to`, so there is nothing between them", code="no-span")
