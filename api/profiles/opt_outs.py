"""Opt-outs of another system, read from a spreadsheet's export: who must not be written to, by address or by its hash.

Promise: a row that cannot be understood is named with its line and what is wrong, never with what stands in it; the others are
taken. Nothing is written that the caller did not ask for (a dry run writes nothing), and taking a file twice changes nothing.
However long the file, nobody else waits for it: it is read in a thread that pauses, and written a thousand rows at a time.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from activities.channels.kinds import KINDS
from activities.channels.suppression import hashed_digest, suppression_digest
from segments.define.sheets import lost, ragged, sheet
from segments.errors import SegmentError
from store import Database
from store.addresses import AddressKind, read_as
from store.customers.consent import SAID_NO
from store.customers.suppressions import Suppression, add, standing

_HASH, _REPORTED, _LONGEST, _AT_ONCE = 64, 100, 200, 1_000
_SLICE, _PAUSE = 0.005, 0.001  # seconds of reading (after these the interpreter is taken away anyway), and of rest
#: What columns of addresses are called: by their kind, and whatever it is.
_COLUMNS = {AddressKind.EMAIL: ("email", "emailaddress"), AddressKind.PHONE: ("phone", "phonenumber", "number", "telephone")}
_ADDRESS = ("address", "key")
_HASHES = ("sha256", "hash", "addresssha256", "emailsha256", "phonesha256")


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


def read(lines: Iterable[str], how: Reading) -> Iterator[tuple[int, Suppression | str]]:
    """Each row of a CSV file by its line: an opt-out, or what is wrong with it.

    A column holds addresses (`email` or `phone` as the channel has it, else `address`) or `sha256`: in hex, of the address in
    its normal form (lower case; +34600000001). Perhaps `reason`, `since`, `expires`.

    Raises:
        BadFile: no column holds addresses of this channel.
        NotCsv: it is not CSV.
    """
    columns, rows = sheet(lines)
    plain = [column.strip().lower().translate({ord(c): None for c in " _-"}) for column in columns]
    own, hashes = _COLUMNS.get(KINDS[how.channel].address, ()), _HASHES
    found = next((name for name in (*own, *_ADDRESS, *hashes) if name in plain), None)
    if found is None:
        known = ", ".join((*own[:1], "address"))
        raise BadFile(f"the first line must name a column with what is to be suppressed on {how.channel}: {known} or sha256")
    if twice := next((name for name in (found, "reason", "since", "expires") if plain.count(name) > 1), None):
        raise BadFile(f"the first line names {twice!r} twice; leave one of them")
    for number, cells in rows:
        row = {name: cells[place].strip() for place, name in enumerate(plain) if place < len(cells)}
        yield number, lost(cells) or ragged(columns, cells) or _opt_out(row, row.get(found, ""), how, hashed=found in hashes)


def _opt_out(row: dict[str, str], named: str, how: Reading, *, hashed: bool) -> Suppression | str:
    if any("\0" in cell for cell in row.values()):
        return "a field holds the character U+0000, which cannot be stored"
    digest = _digest(named, how, hashed=hashed)
    since, expires = _instant(row.get("since", "")), _instant(row.get("expires", ""))
    if isinstance(digest, str) or isinstance(since, str) or isinstance(expires, str):
        return next(each for each in (digest, since, expires) if isinstance(each, str))
    if expires is not None and expires <= how.now:
        return "it has expired already, so that it suppresses nobody"
    reason = row.get("reason", "")[:_LONGEST] or SAID_NO
    return Suppression(how.channel, digest, "marketing", reason, min(since or how.now, how.now), expires, how.source)


def _digest(value: str, how: Reading, *, hashed: bool) -> bytes | str:
    if hashed:
        low = value.lower()
        if len(low) != _HASH or set(low) - set("0123456789abcdef"):
            return "the hash is no SHA-256 in hexadecimal digits"
        return hashed_digest(how.secret, how.channel, bytes.fromhex(low))
    address = read_as(KINDS[how.channel].address, value, how.region)
    return suppression_digest(how.secret, how.channel, address) if address else f"this is no address for {how.channel}"


def _instant(value: str) -> datetime | str | None:
    if not value:
        return None
    try:
        at = datetime.fromisoformat(value)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except ValueError:
        return "since and expires are instants as ISO 8601 writes them, such as 2026-03-01T12:00:00Z"
    except OverflowError:
        return "since and expires are instants of the years 1 to 9999 (UTC)"


async def taken(database: Database, lines: Iterable[str], how: Reading, *, dry_run: bool) -> Report:
    """Suppress what a file names, or say what would come of it.

    Raises:
        BadFile: no column holds addresses of this channel.
        NotCsv: it is not CSV.
    """
    report, found = await asyncio.to_thread(_read_all, lines, how)
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        report.added += len(some) - await standing(database, some) if dry_run else await add(database, some)
    report.already = report.rows - report.bad - report.added
    return report


def _read_all(lines: Iterable[str], how: Reading) -> tuple[Report, list[Suppression]]:
    report, found, begun = Report(), dict[bytes, Suppression](), time.monotonic()
    for number, told in read(lines, how):
        report.rows += 1
        if isinstance(told, str):
            report.refuse(number, told)
        else:
            found[told.digest] = told
        if time.monotonic() - begun > _SLICE:
            time.sleep(_PAUSE)  # lets go of the interpreter: the event loop need not wait for it until it is taken away
            begun = time.monotonic()
    return report, list(found.values())
