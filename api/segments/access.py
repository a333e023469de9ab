"""What the calls about segments share: a segment by its name, and what keeps a question from being answered as a problem."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from activities.measuring.planning import COMPANY, planned
from api.auth import insist_on
from api.config import ApiConfig
from api.problems import Problem
from api.segments.models import predicate_of, unusable
from api.segments.views import SegmentDetail, detail
from segments import DefinitionError, Predicate
from segments.ask.ask import CannotAsk, TooSlow, hinted
from segments.ask.concerns import Concern, WorryFrom
from segments.ask.declared import declared
from segments.ask.overview import AllSegments, KnownSegment, all_segments, overview
from segments.define.define import CannotChange
from segments.define.importing import checked_name
from segments.define.naming import names_people
from segments.define.snapshots import CannotFreeze
from segments.errors import TOO_MANY_PARTS
from segments.predictions.declared import Declared, check_predictions, predictions_in
from segments.predictions.paths import asked_through
from store import Database
from store.ids import ID_LIMIT
from store.keys import Caller, Right

#: Of what cannot be changed, where it is no conflict.
_STATUS = {"in-the-future": 422, "own-declaration": 403}
Text = Annotated[str | None, Query(min_length=1, max_length=ID_LIMIT, pattern=r"^[^\x00]*$")]
Silence = Annotated[float, Query(gt=0, le=87_600, description="hours without an event after which its readers count as stale")]


def entries(config: ApiConfig) -> dict[str, str]:
    """The name of the segment that each journey is entered by; without those that are started by API only."""
    named = {name: journey.spec.entered_by for name, journey in config.catalogue.items()}
    return {name: entry for name, entry in named.items() if entry is not None}


async def too_small_for(config: ApiConfig, database: Database, around: AllSegments) -> list[Concern]:
    """The segments that are too small for what the journeys that they feed are to find; of none: for the company's holdout."""
    specs = [journey.spec for journey in config.catalogue.values()]
    segments = {name: each.segment for name, each in around.known.items()}
    plans = await planned(database, specs, config.experiments, segments, config.clock.now(), config.holdout, config.predictions)
    small = [each for name in sorted(plans) for each in plans[name] if each.too_small and (each.segment or name == COMPANY)]
    return [Concern("GOV-03", "too small", each.segment, each.warning) for each in small]


def known_one(around: AllSegments, name: str) -> KnownSegment:
    """A segment by its name.

    Raises:
        Problem: 404, there is none; 409, it cannot be read any more.
    """
    if name in around.problems:
        raise Problem(409, f"segment '{name}' cannot be read any more: {around.problems[name]}", code="cannot-be-read")
    if name not in around.known:
        raise unknown(name)
    return around.known[name]


async def known(config: ApiConfig, database: Database, name: str) -> KnownSegment:
    """A segment by its name, looked up now."""
    return known_one(await all_segments(database, config.segments), name)


async def in_detail(config: ApiConfig, database: Database, name: str, at: datetime, caller: Caller) -> SegmentDetail:
    """A segment with its definition, size and worries; who may not look people up reads `…` in the place of what names them."""
    around = await all_segments(database, config.segments)
    [seen] = await overview(database, [known_one(around, name)], entries(config), around, at, WorryFrom())
    return detail(seen, await hinted(database, seen.known.segment.predicate, at), hidden(config, caller))


async def asked(config: ApiConfig, database: Database, definition: dict[str, Any]) -> Predicate:
    """The predicate of a question: it is refused for whatever it would be refused for when it is written.

    Raises:
        Problem: 422, with the place.
    """
    predicate = predicate_of(definition, (await all_segments(database, config.segments)).predicates)
    try:
        check_predictions((await declared(database, config.predictions)).values(), predictions_in(predicate))
    except DefinitionError as error:
        raise unusable(error, "/predicate") from None
    return predicate


async def insist_on_names(config: ApiConfig, database: Database, caller: Caller, what: Predicate | Declared) -> None:
    """Make sure that who names people, by a definition or by a prediction that it asks for, may look them up.

    Raises:
        Problem: 403, it does and they may not: its size, or what is foretold, would tell of somebody.
    """
    if not caller.may(Right.PERSONAL):
        around = asked_through(what, await declared(database, config.predictions))
        if any(names_people(each, config.personal_traits) for each in (what, *around)):
            insist_on(caller, Right.PERSONAL)


def hidden(config: ApiConfig, caller: Caller) -> tuple[str, ...] | None:
    """What names people here beside the usual, for whom it is hidden; None: the caller may be shown all."""
    return None if caller.may(Right.PERSONAL) else config.personal_traits


def unknown(name: str) -> Problem:
    """There is no such segment."""
    return Problem(404, f"no segment '{name}'; `GET /v1/segments` lists them", code="unknown-segment")


def no_customer() -> Problem:
    """There is no such customer."""
    return Problem(404, "no such customer", code="unknown-customer")


def one_name(user_id: str | None, customer_id: UUID | None, anonymous_id: str | None, email: str | None) -> tuple[str, str]:
    """The one name by which a customer was given, in the normal form that ingest stores.

    Raises:
        Problem: 422, there is none, there are several, or nobody can be called so.
    """
    given = {"user_id": user_id, "customer_id": customer_id, "anonymous_id": anonymous_id, "email": email}
    names = [(kind, str(value)) for kind, value in given.items() if value is not None]
    if len(names) != 1:
        raise Problem(422, "give exactly one of user_id, customer_id, anonymous_id and email", code="invalid-request")
    checked = checked_name(*names[0])
    if isinstance(checked, str):
        raise Problem(422, checked, code="invalid-request")
    return checked


@asynccontextmanager
async def answering() -> AsyncIterator[None]:
    """What keeps a definition from being evaluated, written or frozen, as a problem."""
    try:
        yield
    except TooSlow as error:
        raise Problem(422, f"the answer {error}", code="too-slow") from None
    except (CannotChange, CannotFreeze) as error:
        raise Problem(_STATUS.get(error.code, 409), str(error), code=error.code) from None
    except DefinitionError as error:
        raise unusable(error, "/predicate") from None
    except RecursionError:
        raise Problem(422, TOO_MANY_PARTS, code="invalid-definition") from None
    except (CannotAsk, NotImplementedError) as error:
        raise Problem(422, str(error), code="invalid-definition") from None
