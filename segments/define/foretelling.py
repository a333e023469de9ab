"""Predictions that product teams declare through the API: written, approved by somebody else, taken out of use.

Promise: what is written can be read and asked of Postgres; no segment asks for a prediction that is not declared, or for what
it does not say, also when two people write at once, nor does another prediction; what one never looks at it does not learn from
another. Every version is kept, and one that waits for approval changes nothing.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from segments.ask.ask import check
from segments.ask.declared import declared
from segments.ask.outlook import Outlook, outlook
from segments.define.define import CannotChange, alive, named, noted
from segments.errors import DefinitionError
from segments.predictions.declared import Declared
from segments.predictions.paths import asked_in, asked_through, check_asked, leaves_asking, looking
from segments.predictions.prediction import Prediction
from segments.predictions.wire import declared_from_json
from store import Connection, Database, predictions
from store.audit import note
from store.segments import declarations
from store.segments.declarations import Declaration
from store.segments.rows import lock_definitions, stored


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing a declaration.

    Attributes:
        number: Of the version.
        new: Whether there was none of that name.
        same: Whether it stood so before, so that nothing was written.
        waits: Whether it holds only once somebody else has approved it.
    """

    number: int
    new: bool
    same: bool
    waits: bool


async def tried(
    database: Database, catalogue: Mapping[str, Declared], prediction: Declared, at: datetime, *, counting: bool = True
) -> Outlook | None:
    """What would come of declaring it; nothing is written. Without `counting` it is only seen that it can be declared.

    Raises:
        DefinitionError: it asks for itself, for a prediction that there is not, or for what it never looks at.
        CannotChange: the catalogue has one of that name, or what asks for it could not stand any more.
        CannotAsk: Postgres cannot evaluate it.
        TooSlow: it would take too long to tell.
    """
    _refuse_code(catalogue, prediction.name)
    await _fits(database, catalogue, prediction)
    await _evaluable(database, prediction, at)
    return await outlook(database, prediction, at, counting=counting)


async def declare(
    database: Database,
    catalogue: Mapping[str, Declared],
    prediction: Declared,
    *,
    by: str,
    at: datetime,
    waits: bool,
    own: Collection[str] = (),
) -> Written:
    """Declare a prediction, or change one; where it waits, nothing changes before somebody else approves it.

    `own`: what names people here beside the usual (`segments.define.naming`).

    Raises:
        DefinitionError: it asks for itself, for a prediction that there is not, or for what it never looks at.
        CannotChange: the catalogue has one of that name, or what asks for it could not stand any more.
        CannotAsk: Postgres cannot evaluate it.
    """
    _refuse_code(catalogue, prediction.name)
    await _evaluable(database, prediction, at)
    plain = prediction.to_json()
    async with database.transaction() as connection:
        await lock_definitions(connection)
        await _fits(connection, catalogue, prediction)
        newest, holds = await _stands(connection, prediction.name)
        if newest is not None and newest.definition == plain:
            return Written(newest.number, new=False, same=True, waits=newest.waits)
        was = holds.definition if holds else None
        number = await declarations.put(connection, prediction.name, plain, by=by, at=at, waits=waits)
        if not waits:
            await _holds(connection, prediction, at)
        told = {"waits_for_approval": True} if waits else {}
        await note(connection, "declare", "prediction", prediction.name, **noted(was, plain | told, own))
        return Written(number, new=was is None, same=False, waits=waits)


async def approve(
    database: Database, catalogue: Mapping[str, Declared], name: str, *, by: str, at: datetime, own: Collection[str] = ()
) -> Declaration | None:
    """Let the newest version hold that somebody else has written; None where there is none of that name.

    Raises:
        CannotChange: nothing of it waits, the same person wrote it, the catalogue has one of that name by now, or what asks
            for it could not stand any more.
        DefinitionError: it cannot be read any more, or asks for what it may not.
    """
    _refuse_code(catalogue, name)
    async with database.transaction() as connection:
        await lock_definitions(connection)
        newest, holds = await _stands(connection, name)
        if newest is None or newest.definition is None:
            return None
        if not newest.waits:
            raise CannotChange("no-approval", f"prediction {name!r} waits for no approval: version {newest.number} holds")
        if newest.by == by:
            told = "whoever declared it does not approve it; somebody else has to, with a key of their own"
            raise CannotChange("own-declaration", told)
        await _fits(connection, catalogue, prediction := declared_from_json(newest.definition))
        await declarations.approve(connection, name, newest.number, by=by, at=at)
        await _holds(connection, prediction, at)
        was = holds.definition if holds else None
        await note(connection, "approve", "prediction", name, **noted(was, newest.definition, own))
        return newest


async def undeclare(
    database: Database, catalogue: Mapping[str, Declared], name: str, *, by: str, at: datetime, own: Collection[str] = ()
) -> bool:
    """Take a prediction out of use: it is trained and scored no more, and its scores go; false where there is none.

    Raises:
        CannotChange: it is declared in code, or a segment or another prediction asks for it.
    """
    _refuse_code(catalogue, name)
    async with database.transaction() as connection:
        await lock_definitions(connection)
        newest, _ = await _stands(connection, name)
        if newest is None or newest.definition is None:
            return False
        if asking := await _asking(connection, await declared(connection, catalogue), name):
            told = " and by ".join(asking)
            raise CannotChange("still-named", f"prediction {name!r} is asked for by {told}; change that first")
        await declarations.put(connection, name, None, by=by, at=at)
        await predictions.retire(connection, [name], at)
        await note(connection, "delete", "prediction", name, **noted(newest.definition, None, own))
        return True


async def _evaluable(database: Database, prediction: Declared, at: datetime) -> None:
    for predicate in (prediction.of, *((prediction.label,) if isinstance(prediction, Prediction) else ())):
        await check(database, predicate, at)


async def _stands(connection: Connection, name: str) -> tuple[Declaration | None, Declaration | None]:
    """The newest version, and the one that holds, where one does."""
    versions = await declarations.versions(connection, name)
    holds = next((each for each in versions if not each.waits), None)
    return next(iter(versions), None), holds if holds and holds.definition is not None else None


async def _holds(connection: Connection, prediction: Declared, at: datetime) -> None:
    spans = prediction.retrain, prediction.score, prediction.max_age
    await predictions.declare(connection, prediction.name, prediction.version, *spans, at, kind=prediction.kind)


async def _asking(source: "Database | Connection", around: Mapping[str, Declared], name: str) -> list[str]:
    """The segments and the other predictions that ask for it, for a sentence."""
    segments = [row.name for row in alive(await stored(source)) if name in asked_in(row.definition)]
    others = [each.name for each in around.values() if each.name != name and name in asked_in(looking(each))]
    return [*named("segment", segments), *named("prediction", others)]


async def _fits(source: "Database | Connection", catalogue: Mapping[str, Declared], prediction: Declared) -> None:
    """Refuse one that asks for what it may not, or by which what asks for it could not stand any more."""
    before = await declared(source, catalogue)
    after = {**before, prediction.name: prediction}
    check_asked(after, prediction.name)
    was = before.get(prediction.name)
    if was is not None and was.kind != prediction.kind and (asking := await _asking(source, before, prediction.name)):
        told = f"prediction {prediction.name!r} is asked for by {' and by '.join(asking)} as what it is, {was.kind!r}"
        remedy = "change that first, or declare this one by another name"
        raise CannotChange("would-break", f"{told}; as {prediction.kind!r} its scores are of something else: {remedy}")
    for name, each in after.items():
        if name != prediction.name and prediction in asked_through(each, after):
            with _still("prediction", name, prediction):
                check_asked(after, name)
    for row in alive(await stored(source)):
        for leaf in leaves_asking(row.definition, prediction.name):
            with _still("segment", row.name, prediction):
                prediction.check(leaf)


@contextmanager
def _still(what: str, name: str, prediction: Declared) -> Iterator[None]:
    """What would be refused were it declared now, as what this change would break."""
    try:
        yield
    except DefinitionError as error:
        told = f"{what} {name!r} asks for {prediction.name!r} and could not be declared so any more: {error}"
        raise CannotChange("would-break", f"{told}; change that first") from None


def _refuse_code(catalogue: Mapping[str, Declared], name: str) -> None:
    if name in catalogue:
        told = f"prediction {name!r} is declared in code; change it there, or choose another name"
        raise CannotChange("in-code", told)
