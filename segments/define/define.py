"""Writing and deleting definitions through the API: names are looked up, and nothing that others rely on breaks.

Promise: what is written can be read and evaluated together with everything that names it, also when two people write at
once; a definition follows the segments that it names, because it is kept by their names.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from segments.ask.ask import CannotAsk, check
from segments.ask.declared import declared
from segments.define.naming import veiled
from segments.errors import SegmentError
from segments.language.names import by_name, named_in, predicates, read, resolved
from segments.language.segment import Segment
from segments.predictions.declared import Declared, check_predictions, predictions_in
from store import Connection, Database
from store.audit import note
from store.campaigns import that_need
from store.segments.rows import Stored, delete_stored, lock_definitions, put_stored, stored

_ATTEMPTS = 5
_FEW = 5  # campaigns that a refusal names
#: The code of a change of what somebody else has changed meanwhile.
CHANGED = "changed-meanwhile"
#: Whether what stands under a name, if anything, may be written over.
Standing = Callable[[Stored | None], bool]


def anyhow(_: Stored | None) -> bool:
    """Whatever stands there."""
    return True


class CannotChange(SegmentError):
    """A segment that may not be changed or deleted; `code` names the reason in one word."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition as somebody wrote it: JSON that may name other segments, and whether who is in already enters journeys."""

    name: str
    plain: Mapping[str, Any]
    announce: bool = False


async def define(
    database: Database,
    catalogue: Mapping[str, Segment],
    draft: Draft,
    *,
    by: str,
    at: datetime,
    foretold: Mapping[str, Declared] = MappingProxyType({}),
    own: Collection[str] = (),
    if_it_stands: Standing = anyhow,
) -> bool:
    """Write a definition; true when there was none of that name.

    `foretold` are the predictions of the catalogue, `own` what names people here beside the usual (`segments.define.naming`);
    `if_it_stands` looks at what it is written over.

    Raises:
        DefinitionError: it means nothing, names a segment that does not exist or that contains it, or asks for a prediction
            that is not declared; with the place.
        CannotAsk: Postgres cannot evaluate it.
        CannotChange: it is defined in code, a segment that names it could not be evaluated any more, or another stands there.
    """
    _refuse_code(catalogue, draft.name)
    for _ in range(_ATTEMPTS):
        rows = await stored(database)
        if not if_it_stands(next((row for row in alive(rows) if row.name == draft.name), None)):
            raise CannotChange(CHANGED, f"somebody has changed segment {draft.name!r} meanwhile; look at it again")
        written = {row.name: row.definition for row in alive(rows)}
        segment = read(draft.name, draft.plain, predicates(catalogue, written | {draft.name: draft.plain}))
        await check(database, segment.predicate, at)
        await _check_those_that_name_it(database, catalogue, written, draft, at)
        plain = segment.to_json()
        plain["predicate"] = by_name(plain["predicate"], resolved(catalogue, _without(written, draft.name)).segments)
        async with database.transaction() as connection:
            if await _unchanged(connection, rows):
                check_predictions((await declared(connection, foretold)).values(), predictions_in(segment.predicate))
                put = connection, draft.name, segment.version, plain
                new = await put_stored(*put, announce=draft.announce, by=by, at=at)
                await note(connection, "define", "segment", draft.name, **noted(written.get(draft.name), plain, own))
                return new
    raise CannotChange("busy", "others keep changing segments at this moment; try again")


async def undefine(
    database: Database,
    catalogue: Mapping[str, Segment],
    entries: Mapping[str, str],
    name: str,
    *,
    by: str,
    at: datetime,
    own: Collection[str] = (),
) -> bool:
    """Take a definition out of use; false when there is none. `entries` has the segment that each journey is entered by.

    Raises:
        CannotChange: it is defined in code, or a segment, a journey or a campaign that is yet to begin names it.
    """
    _refuse_code(catalogue, name)
    async with database.transaction() as connection:
        await lock_definitions(connection)
        rows = alive(await stored(connection))
        if all(row.name != name for row in rows):
            return False
        segments = [row.name for row in rows if name in named_in(row.definition.get("predicate"))]
        journeys = sorted(journey for journey, entry in entries.items() if entry == name)
        starts = await that_need(connection, name, _FEW)
        if segments or journeys or starts:
            whose = [*named("segment", segments), *named("journey", journeys), *named("campaign", starts)]
            remedy = "change or cancel that first" if starts else "change that first"
            raise CannotChange("still-named", f"segment {name!r} is named by {' and by '.join(whose)}; {remedy}")
        was = next(row.definition for row in rows if row.name == name)
        await note(connection, "delete", "segment", name, **noted(was, None, own))
        return await delete_stored(connection, name, by=by, at=at)


def alive(rows: Sequence[Stored]) -> list[Stored]:
    """The definitions that are not deleted."""
    return [row for row in rows if row.deleted_at is None]


async def _check_those_that_name_it(
    database: Database, catalogue: Mapping[str, Segment], written: Mapping[str, Mapping[str, Any]], draft: Draft, at: datetime
) -> None:
    before, after = resolved(catalogue, written), resolved(catalogue, {**written, draft.name: draft.plain})
    for name, segment in before.segments.items():
        if name == draft.name or after.segments.get(name) == segment:
            continue
        if name in after.problems:
            raise _would_break(name, draft, after.problems[name])
        try:
            await check(database, after.segments[name].predicate, at)
        except CannotAsk as error:
            raise _would_break(name, draft, str(error)) from None


def _would_break(name: str, draft: Draft, problem: str) -> CannotChange:
    told = f"segment {name!r} names {draft.name!r} and could not be evaluated any more: {problem}"
    return CannotChange("would-break", told)


def noted(was: Mapping[str, Any] | None, became: Mapping[str, Any] | None, own: Collection[str]) -> dict[str, Any]:
    """What the audit keeps of definitions: who is named in one stands in no log that outlives them."""
    return {"was": was and veiled(was, own), "became": became and veiled(became, own)}


async def _unchanged(connection: Connection, rows: Sequence[Stored]) -> bool:
    await lock_definitions(connection)
    return await stored(connection) == list(rows)


def _without(written: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    return {other: plain for other, plain in written.items() if other != name}


def _refuse_code(catalogue: Mapping[str, Segment], name: str) -> None:
    if name in catalogue:
        raise CannotChange("in-code", f"segment {name!r} is defined in code; change it there, or choose another name")


def named(kind: str, names: Sequence[str]) -> list[str]:
    """Who keeps something from being changed, for a sentence; nothing where there is nobody."""
    return [f"{kind}{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"] if names else []
