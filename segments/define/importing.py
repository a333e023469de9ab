"""Lists as people change them: by hand or from a CSV file, row by row, with progress and a report of the bad rows.

Promise: idempotent. Every thousand rows are one transaction, so an import that broke off can simply be sent again; a report
names rows by their number, never by what stands in them.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from segments.define.sheets import NotCsv, lost, ragged, sheet
from segments.errors import SegmentError
from segments.language.events import LIST_EVENT
from segments.leaves.listed import check_list_name
from store import Connection, Database
from store import lists as rows_of_lists
from store.addresses import AddressKind, normalised, phone_number
from store.audit import note
from store.ids import ID_LIMIT, NotAnId, as_id, exact_text

#: Column names that are understood (without case, spaces, `_` and `-`), and the kind of name that stands there.
COLUMNS = {
    "userid": "user_id",
    "customerid": "customer_id",
    "id": "customer_id",
    "anonymousid": "anonymous_id",
    "email": "email",
    "emailaddress": "email",
    **dict.fromkeys(("phone", "phonenumber", "mobile", "mobilephone", "telephone"), "phone"),
}
KINDS_IN_WORDS = "user_id, email, phone, customer_id or anonymous_id"
#: Bad rows that a report names itself; `store.lists.problems_of` has them all.
REPORTED = 100
_AT_ONCE = 1_000
_NOWHERE = "ZZ"  # numbers need their country code
_TEXTS = ("email", "customer_id")
_ABSENT = "no such customer"


class BadFile(SegmentError):
    """A file that is not a list of customers at all."""


class Row(NamedTuple):
    """A line of the file: its number as an editor shows it, and the customer's name or what is wrong."""

    number: int
    name: tuple[str, str] | None
    problem: str = ""
    given: str = ""


@dataclass
class Report:
    """How far an import has come, and what was wrong; `fresh` are the bad rows that are not written down yet.

    `given` has what stands in the bad rows that are named: for whoever has the file, never written down.
    """

    rows: int = 0
    added: int = 0
    already: int = 0
    removed: int = 0
    bad: int = 0
    problems: list[dict[str, int | str]] = field(default_factory=list)
    fresh: list[tuple[int, str]] = field(default_factory=list, repr=False)
    given: dict[int, str] = field(default_factory=dict, repr=False)

    @property
    def counts(self) -> tuple[int, int, int, int, int]:
        """Rows, added, already, removed, bad."""
        return self.rows, self.added, self.already, self.removed, self.bad

    def refuse(self, number: int, problem: str, given: str) -> None:
        """Note a bad row."""
        self.bad += 1
        self.fresh.append((number, problem))
        if len(self.problems) < REPORTED:
            self.problems.append({"row": number, "problem": problem})
            self.given[number] = given


#: Called after every transaction, to show progress.
Heard = Callable[[Report], Awaitable[None]]


def read_rows(lines: Iterable[str], region: str = "ES") -> Iterator[Row]:
    """The rows of a CSV file, whose first line names the columns; numbers without a country code are read as of `region`.

    Raises:
        BadFile: no column names customers.
        NotCsv: it is not CSV.
    """
    columns, rows = sheet(lines)
    place, kind = _column(columns)
    for number, cells in rows:
        value = cells[place].strip() if place < len(cells) else ""
        problem = lost([value]) or ragged(columns, cells)
        yield Row(number, None, problem, value) if problem else _row(number, kind, value, region)


def _column(columns: Sequence[str]) -> tuple[int, str]:
    plain = [column.strip().lower().translate({ord(c): None for c in " _-"}) for column in columns]
    for known, kind in COLUMNS.items():
        if plain.count(known) > 1:
            raise BadFile(f"the first line names {known!r} twice; leave one of them")
        if known in plain:
            return plain.index(known), kind
    found = ", ".join(repr(column.strip()) for column in columns if column.strip())[:200] or "nothing"
    raise BadFile(f"the first line must name a column {KINDS_IN_WORDS}; it names {found}")


def _row(number: int, kind: str, value: str, region: str) -> Row:
    checked = checked_name(kind, value, region)
    return Row(number, None, checked, value) if isinstance(checked, str) else Row(number, checked, given=value)


def checked_name(kind: str, value: str, region: str = _NOWHERE) -> tuple[str, str] | str:
    """A name as the store looks for it, or what is wrong with it."""
    try:
        text = exact_text(value, ID_LIMIT) if kind in _TEXTS else as_id(value)
    except NotAnId as error:
        return f"the {kind} {error}"
    if text is None:
        return f"the {kind} is empty"
    return _OF_KIND[kind](text, region) if kind in _OF_KIND else (kind, text)


def _customer_id(value: str, _: str) -> tuple[str, str] | str:
    try:
        return "customer_id", str(UUID(value))
    except ValueError:
        return "the customer_id is no UUID"


def _phone(value: str, region: str) -> tuple[str, str] | str:
    number = phone_number(value, region)
    return ("phone", number) if number else f"the phone is no number; write it with its country code, or as in {region}"


def _email(value: str, _: str) -> tuple[str, str] | str:
    return ("email", normalised(AddressKind.EMAIL, value)) if "@" in value else "the email is no address"


_OF_KIND = {"customer_id": _customer_id, "phone": _phone, "email": _email}


async def import_rows(
    database: Database,
    name: str,
    rows: Iterable[Row],
    id_: UUID,
    now: Callable[[], datetime],
    *,
    by: str,
    replace: bool = False,
    heard: Heard | None = None,
) -> Report:
    """Put the customers of these rows on a list; with `replace`, take everybody else off.

    Raises:
        DefinitionError: a list cannot have this name.
        BadFile: the file is none, or the id is that of another list's import.
        ListIsFrozen: the list is a snapshot.
        asyncpg.PostgresError, OSError: the store failed; importing again goes on.
    """
    check_list_name(name)
    if not await rows_of_lists.begin_import(database, id_, name, by, now()):
        raise BadFile(f"{id_} is the id of another list's import; choose a new one")
    report, seen, source = Report(), set[UUID](), iter(rows)
    try:
        while chunk := list(islice(source, _AT_ONCE)):
            async with database.transaction() as connection:
                known = await _put_on(connection, name, chunk, report, by, now())
                await rows_of_lists.note_problems(connection, id_, report.fresh)
                await rows_of_lists.note_import(connection, id_, "running", report.counts, report.problems, now())
            report.fresh.clear()
            seen.update(known if replace else ())
            if heard:
                await heard(report)
    except (BadFile, NotCsv):
        await _note(database, id_, "failed", report, now())
        raise
    if replace:
        async with database.transaction() as connection:
            report.removed = await keep_only(connection, name, seen, by=by, at=now())
    await _note(database, id_, "finished", report, now())
    return report


async def _put_on(connection: Connection, name: str, chunk: Sequence[Row], report: Report, by: str, at: datetime) -> set[UUID]:
    report.rows += len(chunk)
    for row in chunk:
        if row.name is None:
            report.refuse(row.number, row.problem, row.given)
    named = [row for row in chunk if row.name is not None]
    found = await rows_of_lists.resolve(connection, [row.name for row in named if row.name is not None])
    for row, profile in zip(named, found, strict=True):
        if profile is None:
            report.refuse(row.number, _ABSENT, row.given)
    known = [profile for profile in found if profile is not None]
    added = await rows_of_lists.change(connection, name, LIST_EVENT + name, known, on=True, by=by, at=at)
    report.added += added
    report.already += len(known) - added
    return set(known)


async def put_on(connection: Connection, name: str, profiles: Sequence[UUID], *, by: str, at: datetime) -> int:
    """Put customers on a list; returns how many were not on it."""
    changed = await rows_of_lists.change(connection, name, LIST_EVENT + name, profiles, on=True, by=by, at=at)
    await note(connection, "put on", "list", name, became={"customers": changed})
    return changed


async def take_off(connection: Connection, name: str, profiles: Sequence[UUID], *, by: str, at: datetime) -> int:
    """Take customers off a list; returns how many were on it."""
    changed = await rows_of_lists.change(connection, name, LIST_EVENT + name, profiles, on=False, by=by, at=at)
    await note(connection, "take off", "list", name, became={"customers": changed})
    return changed


async def keep_only(connection: Connection, name: str, profiles: set[UUID], *, by: str, at: datetime) -> int:
    """Take everybody else off a list; returns how many."""
    others = await rows_of_lists.on_list(connection, LIST_EVENT + name) - profiles
    return await take_off(connection, name, sorted(others), by=by, at=at)


async def _note(database: Database, id_: UUID, state: str, report: Report, at: datetime) -> None:
    async with database.transaction() as connection:
        await rows_of_lists.note_import(connection, id_, state, report.counts, report.problems, at)
