"""Making a campaign: its rows are checked and staged, all in one transaction; or tried, and nothing is left of it.

Promise: what was answered with 201 stands in Postgres, whole; a call that breaks off leaves nothing. Who is asked for twice,
comes once.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from activities.channels.preview import TemplateKnown
from api.campaigns.models import ENTERING, WRITTEN_TO, RowProblem, Starts, Trial, When
from api.campaigns.models import NewCampaign as Letter
from api.campaigns.rows import Given
from api.problems import KEY_REUSED, Fault, Problem
from journeys import InvalidParams, JourneyDefinition
from journeys.campaigns.message import PREFIX, Message
from journeys.clock import Clock
from journeys.contracts import JourneySpec, Reason, because_of
from journeys.entering import check_entry
from journeys.entry import ALREADY_RUNNING, Entry, Refused, holdouts, is_left_alone, let_in, short_key
from journeys.errors import guess
from journeys.keepable import SAID, flaws, is_plain
from segments import Segment
from segments.ask.ask import everyone
from segments.ask.declared import leaves_alone
from segments.ask.overview import Standing, standing
from segments.language.events import LIST_EVENT
from segments.predictions.declared import Declared
from store import Connection, Database, campaigns
from store.campaigns import CampaignRow, NewCampaign, Staged, Twice
from store.lists import resolve
from store.runs import entries
from store.runs.switches import state_of

_AT_ONCE = 500
_PAGE = 2_000
_SHOWN = 100
_LONGEST = 300  # characters of what is wrong with a row
_NOBODY = "no such customer"
#: What is wrong with the parameters and the entering event of a row; nothing: they are as they shall be kept.
Check = Callable[[Given], tuple[dict[str, Any], dict[str, Any]] | str]


@dataclass
class _Report:
    told: int = 0  # how many of the problems stand in Postgres
    problems: list[tuple[int, str]] = field(default_factory=list)
    twice: list[Twice] = field(default_factory=list)


def asked_for(body: BaseModel, *more: str) -> str:
    """By what a call is known again: the hash of all that it asks for."""
    told = json.dumps([body.model_dump(), *more], sort_keys=True, default=str).encode()
    return blake2b(told, digest_size=16).hexdigest()


def checks_of(definition: JourneyDefinition, common: Mapping[str, Any]) -> Check:
    """By which a row of a journey's start is checked; rows with the same parameters are checked once."""
    known: dict[bytes, dict[str, Any]] = {}

    def check(row: Given) -> tuple[dict[str, Any], dict[str, Any]] | str:
        if found := flaws([row.params, row.entry, row.key]):
            return f"cannot be kept: {SAID[next(iter(found.values()))]}"
        if definition.spec.keyed and not row.key:
            return "no key: the journey is entered per key"
        given = {**common, **row.params}
        try:
            check_entry(definition.spec.entry_model, row.entry)
            told = orjson.dumps(given, option=orjson.OPT_SORT_KEYS)
            if told not in known:
                if len(known) >= _PAGE:
                    known.clear()
                known[told] = definition.accept(given)
            return known[told], row.entry
        except InvalidParams as error:
            return "; ".join(f"{where}: {what}" for where, what in error.problems)[:_LONGEST]

    return check


def plain(row: Given) -> tuple[dict[str, Any], dict[str, Any]] | str:
    """The same of a message, which takes what its template shows."""
    if wrong := [name for name, value in row.params.items() if not is_plain(value)]:
        return f"/params/{wrong[0]}: a number, a flag or a text"[:_LONGEST]
    return row.params, {}


def insist_on_params(templates: Iterable[TemplateKnown], message: Message) -> None:
    """See that a message brings what its template declares: without, it would fail for each customer alone.

    Raises:
        Problem: 422, something is missing, or is not declared; with each name.
    """
    known = next((each for each in templates if (each.channel, each.template) == (message.channel, message.template)), None)
    if known is None:
        return
    faults = [
        Fault(pointer=f"/message/params/{each}", detail="is needed") for each in known.params if each not in message.params
    ]
    faults += [
        Fault(pointer=f"/message/params/{each}", detail=f"is no param of this template; {guess(each, known.params)}")
        for each in message.params
        if each not in known.params
    ]
    if faults:
        told = "; ".join(f"{each.pointer} {each.detail}" for each in faults)
        raise Problem(
            422, f"the template {message.template!r} does not fit: {told}"[:1_000], code="invalid-params", errors=faults
        )


async def make(
    database: Database,
    new: NewCampaign,
    rows: Iterable[Given] = (),
    check: Check = plain,
    *,
    keyed: bool = False,
    asked: str = "",
) -> CampaignRow:
    """Make a campaign with its rows, or find the one that an earlier call with the same key made; `asked` is what for.

    Raises:
        Problem: 422, that call asked for something else, as draft-ietf-httpapi-idempotency-key-header §2.7 says.
        segments.errors.SegmentError: the rows are not CSV.
    """
    async with database.transaction() as connection:
        made = await campaigns.make(connection, new, asked)
        if made.id != new.id:
            if (earlier := await campaigns.asked_of(connection, made.id)) and earlier != asked:
                raise Problem(422, KEY_REUSED, code="key-reused")
            return made
        await _stage(connection, new.id, rows, check, keyed=keyed)
        await campaigns.staged(connection, new.id, new.created_at)
    found = await campaigns.campaign(database, new.id)
    assert found is not None, "it was made just now"
    return found


async def attempt(
    clock: Clock,
    database: Database,
    new: NewCampaign,
    of: JourneySpec | Message,
    rows: Iterable[Given] = (),
    check: Check = plain,
    *,
    keyed: bool = False,
    catalogue: Mapping[str, Segment],
    predictions: Mapping[str, Declared],
) -> Trial:
    """What would come of a campaign: it is made, looked at, and taken back.

    Who is in a segment that is not loaded yet is asked of its definition; `catalogue` are the segments of the code, and
    `predictions` its predictions.

    Raises:
        segments.ask.ask.TooSlow, segments.ask.ask.CannotAsk: it is not loaded yet, and cannot be asked.
    """
    stands = await standing(database, catalogue, new.segment) if new.segment else Standing(None, None)
    asked = await everyone(database, stands.segment.predicate, new.created_at) if stands.segment and stands.wanting else []
    async with database.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        try:
            await campaigns.make(connection, new)
            report = await _stage(connection, new.id, rows, check, keyed=keyed)
            if stands.wanting:
                members = (Staged(number, who) for number, who in enumerate(asked, 1))
                while some := list(islice(members, _PAGE)):
                    await campaigns.stage(connection, new.id, some, [])
            else:
                await campaigns.members(connection, new.id, LIST_EVENT)
            foretold = await leaves_alone(connection, predictions, stands.segment)
            await campaigns.prepared(connection, new.id, new.created_at, foretold)
            current = await campaigns.lock(connection, new.id)
            assert current is not None, "it was made just now"
            if isinstance(of, Message):
                found = await campaigns.trial_of_message(connection, new.id, of.channel.value, of.purpose.value)
                spec = of.spec(new.journey)
                would = Counter(reason or _left_alone(spec, foretold, who) or WRITTEN_TO for who, reason in found)
            else:
                would = await _entries(clock, connection, new, of, foretold)
        finally:
            await transaction.rollback()
    problems = [RowProblem(row=row, problem=problem) for row, problem in report.problems[:_SHOWN]]
    repeated = [RowProblem(row=each.number, problem=each.told) for each in report.twice[:_SHOWN]]
    told = dict(would.most_common())
    warnings = [f"{stands.wanting}; until then it is counted by asking the definition"] if stands.wanting else []
    return Trial(
        rows=current.rows,
        bad=len(report.problems),
        twice=current.twice,
        would=told,
        problems=problems,
        repeated=repeated,
        warnings=warnings,
    )


def drafted(
    when: When, now: datetime, by: str, journey: str, key: str | None = None, *, needs_approval: bool = False
) -> NewCampaign:
    """A campaign of a journey, to whomever is said yet."""
    named = when.name if isinstance(when, Starts) else None
    return NewCampaign(
        id=UUID(str(uuid7())),
        name=named or journey,
        journey=journey,
        message=None,
        segment=None,
        list=None,
        params={},
        by=by,
        key=key,
        created_at=now,
        begins_at=when.begins_at(now),
        wall_at=when.at if when.in_their_zone else None,
        per_second=when.per_second,
        cron=when.repeat.cron.strip() if when.repeat else None,
        zone=when.repeat.zone if when.repeat else None,
        needs_approval=needs_approval,
    )


def of_message(body: Letter, now: datetime, by: str, key: str | None = None, *, needs_approval: bool = False) -> NewCampaign:
    """A campaign of one message, to a segment or a list."""
    return replace(
        drafted(body, now, by, PREFIX + body.name, key, needs_approval=needs_approval),
        name=body.name,
        segment=body.to.segment,
        list=body.to.list,
        message=body.message.model_dump(mode="json"),
        params=body.message.params,
    )


def taken_by(definition: JourneyDefinition) -> list[str]:
    """The names of the parameters that a journey takes, as they are given."""
    fields = definition.params.model_fields if definition.params else {}
    return [each.alias or name for name, each in fields.items()]


async def _stage(connection: Connection, id_: UUID, rows: Iterable[Given], check: Check, *, keyed: bool) -> _Report:
    report, source = _Report(), iter(rows)
    while some := list(islice(source, _AT_ONCE)):
        good = list(_checked(some, check, report))
        found = await resolve(connection, [row.name for row, _ in good if row.name is not None])
        known = [
            Staged(row.number, profile, short_key(row.key) if keyed else "", *values)
            for (row, values), profile in zip(good, found, strict=True)
            if profile is not None
        ]
        missing = [(row.number, _NOBODY) for (row, _), profile in zip(good, found, strict=True) if profile is None]
        report.problems += missing
        wrong = sorted(report.problems[report.told :])
        report.told = len(report.problems)
        report.twice += await campaigns.stage(connection, id_, known, wrong)
    report.problems.sort()
    return report


def _checked(
    rows: Iterable[Given], check: Check, report: _Report
) -> Iterator[tuple[Given, tuple[dict[str, Any], dict[str, Any]]]]:
    for row in rows:
        told = row.problem or check(row)
        if isinstance(told, str):
            report.problems.append((row.number, told))
        else:
            yield row, told


def _left_alone(spec: JourneySpec, foretold: Mapping[str, float], drawn_as: UUID) -> str | None:
    """By which holdout nothing would be sent to a customer, in words."""
    own, left = holdouts(spec, foretold, drawn_as, withheld=is_left_alone(spec, foretold, drawn_as))
    by = next((name for name, lot in left.items() if lot.held), None)
    return because_of(Reason.HOLDOUT, {"prediction": by}) if by and not own else Reason.HOLDOUT.value if own else None


async def _entries(
    clock: Clock, connection: Connection, new: NewCampaign, spec: JourneySpec, foretold: Mapping[str, float]
) -> Counter[str]:
    """Who would enter, and why the others not, decided as it will be."""
    now, control = clock.now(), await state_of(connection, spec.name)
    would, after, taken = Counter[str](), -1, set[tuple[UUID, str]]()
    while page := await campaigns.rows_after(connection, new.id, after, _PAGE):
        places = [(spec.name, who, key, spec.keyed) for _, who, key in page]
        for (_, _, key), found in zip(page, await entries.standings(connection, places), strict=True):
            entry = Entry(spec=spec, by="campaign", at=now, key=key, control=control, foretold=foretold)
            decided = let_in(entry, found, now)
            place = found.profile_id, key
            comes = ALREADY_RUNNING if place in taken else _left_alone(spec, foretold, found.drawn_as) or ENTERING
            would[decided.reason if isinstance(decided, Refused) else comes] += 1
            taken.add(place)
        after = page[-1][0]
    return would
