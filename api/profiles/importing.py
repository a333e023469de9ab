"""Customers from a spreadsheet's export, created or changed row by row, as a mapping of its columns says.

Promise: a row is taken whole, or named by its line with what is wrong and never with what stands in it. Rows come in as calls
of `identify`, each with an id from the file and its line: a file sent again changes nothing, and one that broke off goes on.
Consent is written only where a column or the caller declares it, with where it was given, as the word of an import.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice
from typing import IO, Any, NamedTuple, NoReturn

from activities.channels.kinds import KINDS
from api.ingest.taking import Taking
from journeys.keepable import is_plain
from segments.define.sheets import lost, ragged, sheet
from segments.errors import SegmentError
from store import Database
from store.addresses import email_address, phone_number
from store.audit import note
from store.lists import resolve

#: Bad rows that a report names.
REPORTED = 100
_AT_ONCE = 500
_LONGEST = 80
_PIECE = 1 << 20
_NAMES = {"user_id": "userId", "anonymous_id": "anonymousId"}
_IGNORED, _AT, _CONSENT = "-", "at", "consent:"
#: Columns that are understood without a mapping (without case, spaces, `_` and `-`); any other is a trait of its own name.
_KNOWN = {
    "userid": "user_id",
    "anonymousid": "anonymous_id",
    **dict.fromkeys(("email", "emailaddress"), "email"),
    **dict.fromkeys(("phone", "phonenumber", "mobile", "mobilephone", "telephone"), "phone"),
    **{name.lower(): name for name in ("firstName", "lastName", "createdAt", "postalCode")},
}
#: Channels that a file can have the consent for, and the trait with the address.
ADDRESSED = {"email": "email", "sms": "phone", "whatsapp": "phone"}
_YES = frozenset(("yes", "y", "true", "1", "x", "si", "sí", "ja", "oui", "sim", "subscribed", "granted", "opt-in", "optin"))
_NO = frozenset(("no", "n", "false", "0", "nein", "non", "não", "unsubscribed", "withdrawn", "refused", "opt-out", "optout"))


class BadFile(SegmentError):
    """A file or a mapping that cannot be used at all; the message says what to write."""


class _Bad(ValueError):
    """A row that cannot be used."""


def _number(text: str) -> float | int:
    try:
        value = float(text)
    except ValueError:
        raise _Bad("is no number; write 1234.5") from None
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - what is not a number is not itself
        raise _Bad("is no number; write 1234.5")
    exact = int(text) if text.lstrip("+-").isdecimal() else value
    if not is_plain(exact):
        raise _Bad("has more digits than can be kept (64 bits); map it as text")
    return exact


def _boolean(text: str) -> bool:
    low = text.casefold()
    if low in _YES or low in _NO:
        return low in _YES
    raise _Bad("is neither yes nor no")


def _date(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise _Bad("is no date; write 2026-03-01, or an instant such as 2026-03-01T12:00:00Z") from None
    return text


_READ: dict[str, Callable[[str], Any]] = {"text": str, "number": _number, "boolean": _boolean, "date": _date}
#: As what a column may be read.
SHAPES = tuple(_READ)


class Column(NamedTuple):
    """What a column of the file becomes: `target` is user_id, anonymous_id, at, consent:<channel>, - or a trait's name."""

    target: str
    shape: str = "text"

    @property
    def path(self) -> list[str]:
        """Where its value stands among the traits: `address.city` is `city` in the object `address`."""
        return self.target.split(".")

    @property
    def told(self) -> str:
        """What it becomes, for people."""
        *within, last = self.path
        return f"{last} in {'.'.join(within)}" if within else self.target


@dataclass(frozen=True, slots=True)
class How:
    """How a file is read: what its columns become, where its numbers are from, and which consent is declared for all of it."""

    source: str
    now: datetime
    region: str
    #: Columns by their names as the file has them; those that are not here go by their names.
    columns: Mapping[str, Column] = field(default_factory=dict)
    #: Channels on which everybody in the file has consented.
    consent: Sequence[str] = ()
    #: Where consent was given; without it none is written.
    consent_source: str | None = None
    #: Which text they saw.
    text: str | None = None
    #: Whether an empty cell takes the trait away; else it says nothing.
    clear: bool = False
    #: Of this import: rows under the same one are taken once. See `digest`.
    id: str = ""


@dataclass
class Report:
    """How far it has come. `already`: taken before, by an earlier sending of the same file."""

    rows: int = 0
    created: int = 0
    updated: int = 0
    already: int = 0
    bad: int = 0
    #: Rows that name somebody whom a row before named; the later one counts.
    twice: int = 0
    problems: list[tuple[int, str]] = field(default_factory=list)
    #: The first of these, each with its line and the line before.
    repeats: list[tuple[int, int]] = field(default_factory=list)
    #: What each column of the file becomes.
    becomes: dict[str, str] = field(default_factory=dict)

    def refuse(self, number: int, problem: str) -> None:
        """Note a bad row."""
        self.bad += 1
        if len(self.problems) < REPORTED:
            self.problems.append((number, problem))

    def repeated(self, number: int, before: int) -> None:
        """Note that a row names somebody once more."""
        self.twice += 1
        if len(self.repeats) < REPORTED:
            self.repeats.append((number, before))


#: Called after every transaction, to show progress.
Heard = Callable[[Report], Awaitable[None]]
#: Called for every bad row: its line, what is wrong, and its cells, for whoever has the file.
Refused = Callable[[int, str, Sequence[str]], None]


def column(text: str) -> tuple[str, Column]:
    """A mapping as people write it: `Age=age:number`, `E-Mail=email`, `Newsletter=consent:email`, `Notes=-`.

    Raises:
        BadFile: it is none; says what to write.
    """
    name, equals, target = (part.strip() for part in text.rpartition("="))
    if not equals or not name or not target:
        raise BadFile(f"{text!r} maps nothing; write Column=trait, Column=trait:number, Column=user_id or Column=-")
    if target.startswith(_CONSENT):
        return name, Column(_CONSENT + _channel(target.removeprefix(_CONSENT)))
    target, _, shape = target.partition(":")
    if shape and shape not in _READ:
        raise BadFile(f"{text!r}: a trait is {', '.join(_READ)}, not {shape!r}")
    return name, Column(target, shape or "text")


def _channel(channel: str) -> str:
    if channel not in ADDRESSED:
        raise BadFile(f"consent is read for {', '.join(ADDRESSED)}, not for {channel!r}")
    return channel


def digest(file: IO[bytes]) -> str:
    """What tells a file from others: the same file is taken once. It is at its beginning again."""
    file.seek(0)
    hashed = blake2b(digest_size=16)
    while piece := file.read(_PIECE):
        hashed.update(piece)
    file.seek(0)
    return hashed.hexdigest()


async def taken(
    database: Database,
    lines: Iterable[str],
    how: How,
    taking: Taking,
    *,
    dry_run: bool = False,
    heard: Heard | None = None,
    refused: Refused | None = None,
) -> Report:
    """Create or change the customers of these rows; a dry run says what would come of it and writes nothing.

    Raises:
        BadFile: no column names customers, or the mapping names a column that is not there, or consent has no source.
        NotCsv: it is not CSV.
        asyncpg.PostgresError, OSError: the store failed; sending the file again goes on.
    """
    names, rows = sheet(lines)
    columns = _columns(names, how)
    if not dry_run:
        async with database.transaction() as connection:
            targets = sorted({each.target for each in columns if each.target != _IGNORED})
            await note(connection, "import", "customers", how.id, became={"source": how.source, "columns": targets})
    report, seen, told = Report(), _Seen(), refused or (lambda *_: None)
    report.becomes = {name.strip(): each.told for name, each in zip(names, columns, strict=True) if name.strip()}
    while chunk := list(islice(rows, _AT_ONCE)):
        await _some(database, taking, _calls(chunk, names, columns, how), how, report, seen, told, dry_run=dry_run)
        if heard:
            await heard(report)
    return report


def _columns(names: Sequence[str], how: How) -> list[Column]:
    given = {name.strip(): each for name, each in how.columns.items()}
    if strange := sorted(set(given) - {name.strip() for name in names}):
        there = ", ".join(repr(name.strip()) for name in names if name.strip())[:300] or "nothing"
        raise BadFile(f"there is no column {strange[0]!r}; the first line names {there}")
    columns = [given.get(name.strip()) or _by_name(name.strip()) for name in names]
    targets = [each.target for each in columns if each.target != _IGNORED]
    if not set(targets) & set(_NAMES):
        raise BadFile("no column names customers; call one user_id or anonymous_id, or map it: Customer number=user_id")
    if twice := sorted(each for each, times in Counter(targets).items() if times > 1):
        raise BadFile(f"two columns become {twice[0]!r}; map one of them to something else, or to - to leave it out")
    _insist_on_paths([each for each in targets if not each.startswith(_CONSENT)])
    if len(how.consent_source or "") > _LONGEST or len(how.text or "") > _LONGEST:
        raise BadFile(f"where consent was given, and the text, are said in at most {_LONGEST} characters")
    declared = [*how.consent, *(each for each in targets if each.startswith(_CONSENT))]
    if declared and not how.consent_source:
        raise BadFile("say where consent was given (consent_source), such as 'shop checkout 2025'; without it none is written")
    for channel in how.consent:
        _channel(channel)
        if ADDRESSED[channel] not in targets:
            raise BadFile(f"consent for {channel} needs a column with the {ADDRESSED[channel]}")
    return columns


def _insist_on_paths(targets: Sequence[str]) -> None:
    """See that dots lead somewhere: a trait cannot be a value and an object."""
    for each in targets:
        parts = each.split(".")
        if not all(parts):
            raise BadFile(f"{each!r} names no trait: a dot leads into an object, as in address.city; map that column")
        within = {".".join(parts[:length]) for length in range(1, len(parts))}
        if both := sorted(within & set(targets)):
            raise BadFile(f"{both[0]!r} and {each!r} cannot both be: {both[0]!r} would be an object; map one to something else")


def _by_name(name: str) -> Column:
    if not name:
        return Column(_IGNORED)
    if name.startswith(_CONSENT):
        return Column(_CONSENT + _channel(name.removeprefix(_CONSENT)))
    plain = name.lower().translate({ord(c): None for c in " _-"})
    return Column(_KNOWN.get(plain, name))


class _Row(NamedTuple):
    number: int
    cells: Sequence[str]
    call: dict[str, Any] | None
    problem: str = ""


def _calls(chunk: Iterable[tuple[int, list[str]]], names: Sequence[str], columns: Sequence[Column], how: How) -> Iterator[_Row]:
    for number, cells in chunk:
        try:
            yield _Row(number, cells, _call(number, cells, names, columns, how))
        except _Bad as wrong:
            yield _Row(number, cells, None, str(wrong))


@dataclass
class _Said:
    """What a row says as far as it can be read, and all that is wrong with it."""

    consents: dict[str, str]
    named: dict[str, str] = field(default_factory=dict)
    traits: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    at: datetime | None = None

    def hear(self, column: Column, text: str, how: How) -> None:
        """Take what a cell says."""
        try:
            if column.target in _NAMES:
                self.named |= {column.target: text} if text else {}
            elif column.target == _AT:
                self.at = _instant(text) if text else None
            elif column.target.startswith(_CONSENT):
                self.consents |= _consent(column.target.removeprefix(_CONSENT), text)
            elif column.target != _IGNORED and (text or how.clear):
                _put(self.traits, column.path, _value(column, text, how.region) if text else None)
        except _Bad as wrong:
            self.faults.append(str(wrong))

    def subscriptions(self, how: How) -> Iterator[dict[str, Any]]:
        """The consents, each with the address beside it; without one it is a fault, unless that is one already."""
        for channel, status in self.consents.items():
            address, trait = self.traits.get(ADDRESSED[channel]), ADDRESSED[channel]
            if address is None:
                wrong = any(each.startswith(f"{trait} ") for each in self.faults)
                self.faults += [] if wrong else [f"consent for {channel} has no {trait} beside it"]
                continue
            type_ = next(iter(KINDS[channel].subscriptions))
            yield {"key": address, "type": type_, "status": status, "by": "import"} | ({"text": how.text} if how.text else {})


def _call(number: int, cells: Sequence[str], names: Sequence[str], columns: Sequence[Column], how: How) -> dict[str, Any]:
    if problem := lost(cells) or ragged(names, cells):
        raise _Bad(problem)
    said = _Said(consents=dict.fromkeys(how.consent, "SUBSCRIBED"))
    for place, each in enumerate(columns):
        said.hear(each, cells[place].strip() if place < len(cells) else "", how)
    if not said.named:
        said.faults.insert(0, "names nobody: neither user_id nor anonymous_id")
    subscriptions = [*said.subscriptions(how)]
    if said.faults:
        raise _Bad("; ".join(said.faults))
    id_ = blake2b(repr((how.id, number, *cells)).encode("utf-8", "replace"), digest_size=16, person=b"customers").hexdigest()
    return {
        "type": "identify",
        **{_NAMES[name]: value for name, value in said.named.items()},
        "messageId": id_,
        "timestamp": (said.at or how.now).isoformat(),
        "traits": said.traits,
        "context": {"messaging_subscriptions": subscriptions} if said.consents else {},
    }


def _put(traits: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *within, last = path
    for each in within:
        traits = traits.setdefault(each, {})
    traits[last] = value


def _value(column: Column, text: str, region: str) -> Any:
    try:
        if column.target == "phone":
            return phone_number(text, region) or _refuse(f"is no number; write it with its country code, or as in {region}")
        if column.target == "email":
            return text if email_address(text) else _refuse("is no address")
        return _READ[column.shape](text)
    except _Bad as wrong:
        raise _Bad(f"{column.target} {wrong}") from None


def _refuse(problem: str) -> NoReturn:
    raise _Bad(problem)


def _consent(channel: str, text: str) -> dict[str, str]:
    low = text.casefold()
    if not low:
        return {}
    if low in _YES:
        return {channel: "SUBSCRIBED"}
    if low in _NO:
        return {channel: "UNSUBSCRIBED"}
    if low == "pending":
        return {channel: "PENDING"}
    raise _Bad(f"consent for {channel} is none of yes, no and pending")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Bad("at is no instant; write 2026-03-01T12:00:00Z") from None


@dataclass
class _Seen:
    """Whom the rows before named: who is new with them, and in which line each was named last, how often before."""

    new: set[tuple[str, str]] = field(default_factory=set)
    lines: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def before(self, row: _Row, call: dict[str, Any]) -> int | None:
        """The line that named the same customer last; the row's own word is made the newer one by a millionth of a second each.

        Two words of one instant would both hold: a customer had both addresses.
        """
        found = [self.lines[each] for each in _named(call) if each in self.lines]
        line, times = max(found, default=(None, -1))
        self.lines |= dict.fromkeys(_named(call), (row.number, times + 1))
        if line is not None:
            call["timestamp"] = (datetime.fromisoformat(call["timestamp"]) + timedelta(microseconds=times + 1)).isoformat()
        return line


async def _some(
    database: Database,
    taking: Taking,
    rows: Iterable[_Row],
    how: How,
    report: Report,
    seen: _Seen,
    refused: Refused,
    *,
    dry_run: bool,
) -> None:
    """Take some rows in, and count what became of each."""
    good: list[_Row] = []
    for row in rows:
        report.rows += 1
        if row.call is None:
            report.refuse(row.number, row.problem)
            refused(row.number, row.problem, row.cells)
            continue
        good.append(row)
        if (line := seen.before(row, row.call)) is not None:
            report.repeated(row.number, line)
    calls = [row.call for row in good if row.call is not None]
    known = await _known(database, calls)
    source = f"import: {how.consent_source or how.source}"
    outcomes = taking.tried(calls, how.now, source) if dry_run else await taking.outcomes(calls, how.now, source)
    for row, call, there, outcome in zip(good, calls, known, outcomes, strict=True):
        if isinstance(outcome, str):
            report.refuse(row.number, outcome)
            refused(row.number, outcome, row.cells)
            continue
        names = set(_named(call))
        first = not there and not seen.new & names
        if not there:
            seen.new |= names
        report.already += not outcome
        report.created += outcome and first
        report.updated += outcome and not first


async def _known(database: Database, calls: Sequence[dict[str, Any]]) -> list[bool]:
    """For each whether somebody of one of its names is there."""
    names = [each for call in calls for each in _named(call)]
    async with database.pool.acquire() as connection:
        found = dict(zip(names, await resolve(connection, names), strict=True))
    return [any(found[each] is not None for each in _named(call)) for call in calls]


def _named(call: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(kind, call[key]) for kind, key in _NAMES.items() if key in call]
