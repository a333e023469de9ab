"""Lists of customers that people keep: put on, take off, replace, or send a whole CSV file and watch it come in.

Promise: idempotent, and honest about every row that could not be used.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from api.auth import Reader, may, schemes
from api.config import ApiConfig
from api.problems import Problem, responses
from api.segments.models import NAME
from api.segments.views import SnapshotView, snapshot
from api.state import Config, Db
from api.uploads import FILE_LIMIT, received
from segments.define.importing import BadFile, checked_name, import_rows, keep_only, put_on, read_rows, take_off
from segments.define.sheets import NotCsv, lines_of
from segments.define.snapshots import kept_lists
from store import Connection, Database
from store.keys import Caller, Right
from store.lists import import_of, problems_of, resolve

router = APIRouter(prefix="/v1", tags=["lists"], dependencies=schemes())

_AT_ONCE = 5_000
_ListName = Annotated[
    str, Path(pattern=NAME, description="the list's name; it exists from its first change on", examples=["vips"])
]


class ListedCustomer(BaseModel):
    """Who: one of the names that we know a customer by."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user_id", "customer_id", "anonymous_id", "email", "phone"] = "user_id"
    value: str = Field(max_length=512, examples=["u-1001"])


class Customers(BaseModel):
    """Some customers."""

    model_config = ConfigDict(extra="forbid")

    customers: list[ListedCustomer] = Field(max_length=_AT_ONCE, description="for more, import a CSV file")


class RowProblem(BaseModel):
    """A row that could not be used."""

    row: int = Field(description="its line in the file, or its place in `customers` from 1 on")
    problem: str


class Changed(BaseModel):
    """What a change did."""

    added: int
    removed: int
    already: int = Field(description="were as asked already")
    problems: list[RowProblem]


class ListView(BaseModel):
    """A list."""

    name: str
    members: int
    by: str = Field(description="whose key made it")
    created_at: datetime
    updated_at: datetime
    snapshot: SnapshotView | None = Field(description="of which segment and instant it is a snapshot, which never changes")


class ProblemPage(BaseModel):
    """Bad rows of an import."""

    problems: list[RowProblem]
    next: int | None = Field(description="pass as `after` for the following page; null on the last one")


class ImportView(BaseModel):
    """How far an import has come."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    list_name: str
    state: Literal["running", "finished", "failed"]
    rows: int
    added: int
    already: int
    removed: int = Field(description="were taken off because the file replaces the list")
    bad: int
    problems: list[RowProblem] = Field(description="the first hundred bad rows; `…/problems` has them all")
    started_at: datetime
    updated_at: datetime


@router.get("/lists", responses=responses(401, 403, 503))
async def list_lists(_: Reader, database: Db) -> list[ListView]:
    """Every list with its size. A segment uses one by `{"listed": "<name>"}`."""
    return [
        ListView(
            name=each.row.name,
            members=each.members,
            by=each.row.by,
            created_at=each.row.created_at,
            updated_at=each.row.updated_at,
            snapshot=each.snapshot and snapshot(each.snapshot),
        )
        for each in await kept_lists(database)
    ]


@router.post("/lists/{name}/members", responses=responses(401, 403, 409, 422, 503))
async def add_members(
    name: _ListName, body: Customers, caller: Annotated[Caller, may(Right.OPERATE, "put on list")], config: Config, database: Db
) -> Changed:
    """Put customers on a list, each by a name, `{"kind": "user_id", "value": "u-1"}`; those who are on it already stay."""
    async with database.transaction() as connection:
        known, problems = await _resolved(connection, body.customers, config.default_region)
        added = await put_on(connection, name, known, by=caller.name, at=config.clock.now())
    return Changed(added=added, removed=0, already=len(known) - added, problems=problems)


@router.put("/lists/{name}/members", responses=responses(401, 403, 409, 422, 503))
async def replace_members(
    name: _ListName, body: Customers, caller: Annotated[Caller, may(Right.OPERATE, "put on list")], config: Config, database: Db
) -> Changed:
    """Make a list consist of exactly these customers. Nothing changes when one of them is unknown: 422 names them."""
    async with database.transaction() as connection:
        known, problems = await _resolved(connection, body.customers, config.default_region)
        if problems:
            told = "; ".join(f"{each.row}: {each.problem}" for each in problems[:3])
            raise Problem(422, f"nothing was replaced, {len(problems)} customers cannot be used ({told})", code="bad-rows")
        added = await put_on(connection, name, known, by=caller.name, at=config.clock.now())
        removed = await keep_only(connection, name, set(known), by=caller.name, at=config.clock.now())
    return Changed(added=added, removed=removed, already=len(known) - added, problems=[])


@router.post("/lists/{name}/members/remove", responses=responses(401, 403, 409, 422, 503))
async def remove_members(
    name: _ListName,
    body: Customers,
    caller: Annotated[Caller, may(Right.OPERATE, "take off list")],
    config: Config,
    database: Db,
) -> Changed:
    """Take customers off a list."""
    async with database.transaction() as connection:
        known, problems = await _resolved(connection, body.customers, config.default_region)
        removed = await take_off(connection, name, known, by=caller.name, at=config.clock.now())
    return Changed(added=0, removed=removed, already=len(known) - removed, problems=problems)


@router.put(
    "/lists/{name}/imports/{import_id}",
    max_body_size=FILE_LIMIT,
    responses=responses(400, 401, 403, 409, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "first line: column names; one is user_id, email, phone, customer_id or anonymous_id",
            "content": {"text/csv": {"schema": {"type": "string"}, "example": "user_id\nu-1001\nu-1002\n"}},
        }
    },
)
async def import_csv(
    name: _ListName,
    import_id: Annotated[UUID, Path(description="choose one (a UUID); sending again under the same id is harmless")],
    request: Request,
    caller: Annotated[Caller, may(Right.OPERATE, "import list")],
    config: Config,
    database: Db,
    *,
    replace: Annotated[bool, Query(description="take everybody else off the list")] = False,
) -> ImportView:
    """Put the customers of a CSV file on a list. While it runs, `GET` on the same address shows how far it has come."""
    async with received(request) as file:
        return await imported(config, database, name, import_id, file, caller, replace=replace)


async def imported(
    config: ApiConfig, database: Database, name: str, import_id: UUID, file: IO[bytes], caller: Caller, *, replace: bool = False
) -> ImportView:
    """Put the customers of a CSV file on a list.

    Raises:
        Problem: 400, it is no file of customers; 409, the list is a snapshot, or the id is that of another import.
    """
    try:
        rows = read_rows(lines_of(file), config.default_region)
        await import_rows(database, name, rows, import_id, config.clock.now, by=caller.name, replace=replace)
    except (BadFile, NotCsv) as error:
        raise Problem(400, f"{error}", code="bad-file") from None
    return await _import(database, name, import_id)


@router.get("/lists/{name}/imports/{import_id}", responses=responses(401, 403, 404, 422, 503))
async def get_import(name: _ListName, import_id: UUID, _: Reader, database: Db) -> ImportView:
    """How far an import has come, and its first bad rows."""
    return await _import(database, name, import_id)


@router.get("/lists/{name}/imports/{import_id}/problems", responses=responses(401, 403, 404, 422, 503))
async def list_problems(
    name: _ListName,
    import_id: UUID,
    _: Reader,
    database: Db,
    after: Annotated[int, Query(ge=0, le=2**31 - 1, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
) -> ProblemPage:
    """Every bad row of an import by its line, so that the file can be mended."""
    await _import(database, name, import_id)
    found = [RowProblem(row=row, problem=problem) for row, problem in await problems_of(database, import_id, after, limit)]
    return ProblemPage(problems=found, next=found[-1].row if len(found) == limit else None)


async def _import(database: Database, name: str, import_id: UUID) -> ImportView:
    found = await import_of(database, import_id)
    if found is None or found.list_name != name:
        raise Problem(404, f"no import {import_id} into list '{name}'", code="unknown-import")
    return ImportView.model_validate(found)


async def _resolved(
    connection: Connection, given: Sequence[ListedCustomer], region: str
) -> tuple[list[UUID], list[RowProblem]]:
    checked = [checked_name(each.kind, each.value.strip(), region) for each in given]
    found = iter(await resolve(connection, [name for name in checked if not isinstance(name, str)]))
    results = list(_matched(checked, found))
    known = dict.fromkeys(each for each in results if isinstance(each, UUID))
    return list(known), [each for each in results if isinstance(each, RowProblem)]


def _matched(checked: Sequence[Any], found: Iterator[UUID | None]) -> Iterator[UUID | RowProblem]:
    for row, name in enumerate(checked, 1):
        if isinstance(name, str):
            yield RowProblem(row=row, problem=name)
        else:
            yield next(found) or RowProblem(row=row, problem="no such customer")
