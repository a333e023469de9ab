"""Opt-outs of another system, read from a spreadsheet's export: who must not be written to, by address or by its hash.

Promise: a row that cannot be understood is named with its line and what is wrong, never with what stands in it; the others are
taken. Nothing is written that the caller did not ask for (a dry run writes nothing), and taking a file twice changes nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.channels.kinds import KINDS
from activities.channels.suppression import hashed_digest, suppression_digest
from segments.define.sheets import sheet
from segments.errors import SegmentError
from store import Database
from store.addresses import AddressKind, email_address, phone_number
from store.customers.consent import SAID_NO
from store.customers.suppressions import Suppression, add, standing

_HASH, _REPORTED, _LONGEST, _AT_ONCE = 64, 100, 200, 5_000
_ADDRESS = ("address", "email", "phone", "number", "telephone", "key")
_HASHES = ("sha256", "hash", "addresssha256", "emailsha256")


class BadFile(SegmentError):
    """A file whose columns say nothing of addresses."""


@dataclass
class Report:
    """What was read: rows, those that are news, those suppressed already, and bad ones (the first with their lines)."""

    rows: int = 0
    added: int = 0
    already: int = 0
    bad: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)

    def refuse(self, row: int, problem: str) -> None:
        """Note a bad row."""
        self.bad += 1
        if len(self.problems) < _REPORTED:
            self.problems.append((row, problem))


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read: on which channel its addresses are, where its numbers are from, and what is written of each row."""

    channel: str
    region: str
    secret: str = field(repr=False)
    source: str
    now: datetime


def read(lines: Iterable[str], how: Reading, report: Report) -> Iterator[Suppression]:
    """The opt-outs of a CSV file: a column `email`, `phone`, `address` or `sha256`; perhaps `reason`, `since`, `expires`.

    `sha256`: in hex, of the address in its normal form (lower case; +34600000001).

    Raises:
        BadFile: no column holds addresses.
        NotCsv: it is not CSV.
    """
    columns, rows = sheet(lines)
    plain = [column.strip().lower().translate({ord(c): None for c in " _-"}) for column in columns]
    found = next((name for name in (*_ADDRESS, *_HASHES) if name in plain), None)
    if found is None:
        raise BadFile("the first line must name a column email, phone, address or sha256")
    for number, cells in rows:
        report.rows += 1
        row = {name: cells[place].strip() for place, name in enumerate(plain) if place < len(cells)}
        digest = _digest(row.get(found, ""), how, hashed=found in _HASHES)
        since, expires = _instant(row.get("since", "")), _instant(row.get("expires", ""))
        problem = (
            digest if isinstance(digest, str) else next((each for each in (since, expires) if isinstance(each, str)), None)
        )
        if problem is not None:
            report.refuse(number, problem)
        elif not isinstance(digest, str) and not isinstance(since, str) and not isinstance(expires, str):
            reason = row.get("reason", "")[:_LONGEST] or SAID_NO
            yield Suppression(how.channel, digest, "marketing", reason, min(since or how.now, how.now), expires, how.source)


def _digest(value: str, how: Reading, *, hashed: bool) -> bytes | str:
    if hashed:
        low = value.lower()
        if len(low) != _HASH or set(low) - set("0123456789abcdef"):
            return "the hash is no SHA-256 in hexadecimal digits"
        return hashed_digest(how.secret, how.channel, bytes.fromhex(low))
    kind = KINDS[how.channel].address
    read_as = {AddressKind.EMAIL: email_address(value), AddressKind.PHONE: phone_number(value, how.region)}
    address = read_as.get(kind, value or None)
    return suppression_digest(how.secret, how.channel, address) if address else f"this is no address for {how.channel}"


def _instant(value: str) -> datetime | str | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return "since and expires are instants as ISO 8601 writes them, such as 2026-03-01T12:00:00Z"
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def taken(database: Database, lines: Iterable[str], how: Reading, *, dry_run: bool) -> Report:
    """Suppress what a file names, or say what would come of it.

    Raises:
        BadFile: no column holds addresses.
        NotCsv: it is not CSV.
    """
    report = Report()
    found = list({(each.digest, each.scope): each for each in read(lines, how, report)}.values())
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        report.added += len(some) - await standing(database, some) if dry_run else await add(database, some)
    report.already = report.rows - report.bad - report.added
    return report
