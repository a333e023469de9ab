"""A merge taken back: two customers again, each with its names and what came under them, also since.

Promise: one transaction. What the merge recorded goes back; what arrived after it goes by its names. Messages sent since stay
on the survivor's ledger, a run that the merge ended stays ended, and memberships follow at the next tick of the watch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from store.audit import note
from store.customers.endpoints import replace_addresses
from store.customers.identity import lock_values, point
from store.customers.owners import ANONYMOUS, BEGINNING, Span, united
from store.customers.traits import retell
from store.database import Connection, Database
from store.errors import StoreError
from store.named import queries

_SQL = queries("identity")
_RECORDED = ("runs", "deliveries", "transitions", "refusals", "members")


class CannotUndo(StoreError):
    """There is no such merge, or it was undone before."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Two profiles that became one: what the absorbed one was called, and whether that was undone."""

    id: int
    survivor: UUID
    absorbed: UUID
    at: datetime
    undone_at: datetime | None
    undone_by: str | None
    names: list[str]


@dataclass(frozen=True, slots=True)
class _Case:
    """A merge to undo: everything is the root's now."""

    connection: Connection
    merge_id: int
    root: UUID
    absorbed: UUID

    async def run(self, name: str) -> None:
        await self.connection.execute(_SQL[name], self.merge_id, self.root, self.absorbed)


async def merges_of(connection: Connection, customer: UUID) -> list[Merge]:
    """The merges that made a customer what it is, newest first."""
    return [Merge(**dict(row)) for row in await connection.fetch(_SQL["merges_of"], customer)]


async def undo(database: Database, merge_id: int, at: datetime, by: str) -> Merge:
    """Take a merge back.

    Raises:
        CannotUndo: there is no such merge, or it was undone before.
    """
    async with database.transaction() as connection:
        case = await _case(connection, merge_id)
        await note(connection, "undo", "merge", merge_id, became={"customer": str(case.absorbed)}, customer=case.root)
        await connection.execute(_SQL["stand_alone"], merge_id, case.absorbed, at, by)
        await connection.execute(_SQL["dates_before"], merge_id, case.root)
        await case.run("give_back_names")
        await _divide_devices(case)
        types = await connection.fetchval(_SQL["give_back_events"], merge_id, case.root, case.absorbed)
        for name in ("consents", "topics", "endpoints", *_RECORDED):
            await case.run(f"give_back_{name}")
        await retell(connection, [case.root, case.absorbed])
        await replace_addresses(connection, [case.root, case.absorbed])
        await connection.execute(_SQL["touch"], case.root, case.absorbed)
        await connection.execute(_SQL["tell_apart"], case.root, case.absorbed)
        await connection.execute(_SQL["mark_both"], case.root, case.absorbed, types, at)
        return next(merge for merge in await merges_of(connection, case.absorbed) if merge.id == merge_id)


async def _case(connection: Connection, merge_id: int) -> _Case:
    row = await connection.fetchrow(_SQL["merge_to_undo"], merge_id)
    if row is None:
        raise CannotUndo(f"there is no merge {merge_id}; a customer's merges are listed with its profile")
    if row["undone_at"] is not None:
        raise CannotUndo(f"merge {merge_id} was undone at {row['undone_at']:%Y-%m-%d %H:%M}")
    await lock_values(connection, [name["value"] for name in await connection.fetch(_SQL["names_of"], row["root"])])
    await connection.execute(_SQL["lock_profiles_to_merge"], [row["root"], row["absorbed"]])
    return _Case(connection, merge_id, row["root"], row["absorbed"])


async def _divide_devices(case: _Case) -> None:
    """Who has which device, now that they are two.

    By what was said on it together with a user id; one that was never is whose it was before the merge.
    """
    said: dict[str, list[tuple[datetime, bool]]] = {}
    for row in await case.connection.fetch(_SQL["claims_of"], case.root, case.absorbed):
        said.setdefault(row["device"], []).append((row["ts"], row["theirs"]))
    known = any(kind == "user_id" for kind, _ in await case.connection.fetch(_SQL["names_of"], case.absorbed))
    rows = await case.connection.fetch(_SQL["devices_of"], case.merge_id, case.root)
    for device, group in groupby(rows, key=lambda row: str(row["value"])):
        spans, brought = [], False
        for row in group:
            spans.append(Span(row["since"] if row["since"].tzinfo else BEGINNING, row["profile_id"], row["created_at"]))
            brought = row["brought"]
        claims = said.get(device, []) if known or not brought else []
        divided = [piece for n, span in enumerate(spans) for piece in _pieces(case, span, spans[n + 1 :], claims, brought)]
        await point(case.connection, {(ANONYMOUS, device): united(divided)})


def _pieces(
    case: _Case, span: Span, later: Sequence[Span], claims: Sequence[tuple[datetime, bool]], brought: bool
) -> Iterator[Span]:
    """A span of the root, cut where the other one of the two spoke."""
    if span.profile_id != case.root:
        yield span
        return
    inside = [(ts, theirs) for ts, theirs in claims if span.since <= ts and (not later or ts < later[0].since)]
    first = inside[0][1] if inside else brought
    yield span._replace(profile_id=case.absorbed if first else case.root)
    for ts, theirs in inside[1:]:
        yield Span(ts, case.absorbed if theirs else case.root, ts)
