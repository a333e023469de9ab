"""What people do to a customer: say what is known of them, what they said, who they are not; export and erase what is held.

Promise: each is the call of the API, with its rights; what cannot be undone, and what takes all that is held out of here, is
confirmed by typing how the customer's id ends.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request
from starlette.responses import Response

from api.console.frame import HEADERS, PLACE, form, page, pages, read, seen
from api.console.session import sees
from api.ingest.telling import tell
from api.problems import Problem
from api.profiles.erasures import erase_profile, get_erasure
from api.profiles.held import NewWord, export_profile, say_consent
from api.profiles.routes import names, undo_merge
from api.state import Config, Db
from store import Database
from store.customers.certificate import as_text
from store.keys import Caller, Right

router = pages("customers")
erasures = pages("erasures")

_TYPED = 12  # characters of an id, as pages show it
_MOST = 500  # characters of a trait's name, and of one's own for a customer
_NAMES = {"user_id": "userId", "anonymous_id": "anonymousId"}
Changing = Annotated[Caller, sees(Right.OPERATE, "change customer", personal=True)]


@router.post("/new")
async def make(request: Request, caller: Changing, config: Config, database: Db) -> Response:
    """A customer by their user id, with what is known of them; whoever is there already is changed."""
    said = await form(request)
    user = said.pop("user_id", "")[:_MOST]
    if not user:
        raise Problem(422, "say the customer's user id", code="invalid-request")
    traits = {name: said[name] for name in ("email", "phone", "firstName", "lastName") if said.get(name)}
    customer = await tell(config, database, {"userId": user}, traits, caller.name)
    return seen(f"{PLACE}/customers/{customer}", "It is known of them now.")


@router.post("/{customer_id}/traits")
async def change(customer_id: UUID, request: Request, caller: Changing, config: Config, database: Db) -> Response:
    """Say a trait of a customer; nothing, that it is known no more."""
    said = await form(request)
    if not (trait := said.get("trait", "")[:_MOST]):
        raise Problem(422, "say which trait", code="invalid-request")
    await tell(config, database, await _called(database, customer_id), {trait: _value(said)}, caller.name)
    return seen(f"{PLACE}/customers/{customer_id}", "It is known of them now.")


async def _called(database: Database, customer: UUID) -> dict[str, str]:
    """By which name a customer is spoken of.

    Raises:
        Problem: 404, nobody has this id, or a name to be spoken of by.
    """
    for each in await names(database, customer):
        if each.kind in _NAMES:
            return {_NAMES[each.kind]: each.value}
    raise Problem(404, "no such customer, or none with a user id or a visitor's", code="unknown-customer")


def _value(said: Mapping[str, str]) -> Any:
    text = said.get("value", "")
    if not text:
        return None
    if said.get("as") != "json":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Problem(422, "the value is no number, yes or no, list or object; write it as JSON", code="not-json") from None


@router.post("/{customer_id}/consent")
async def consent(
    customer_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "say consent", personal=True)],
    config: Config,
    database: Db,
) -> Response:
    """Write down what was said about being written to."""
    said: dict[str, str | None] = {name: text or None for name, text in (await form(request)).items()}
    word = read(NewWord, said | {"source": said.get("source") or f"console: {caller.name}"})
    await say_consent(customer_id, word, caller, config, database)
    return seen(f"{PLACE}/customers/{customer_id}", "The word is written down; what holds follows from all of them.")


@router.post("/{customer_id}/merges/{merge_id}/undo")
async def undo(
    customer_id: UUID,
    merge_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    caller: Annotated[Caller, sees(Right.OPERATE, "undo merge", personal=True)],
    config: Config,
    database: Db,
) -> Response:
    """Make two customers of one again."""
    await undo_merge(customer_id, merge_id, caller, config, database)
    return seen(f"{PLACE}/customers/{customer_id}", "They are two customers again, and stay apart.")


@router.post("/{customer_id}/export")
async def export(
    customer_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.READ, personal=True)],
    config: Config,
    database: Db,
) -> Response:
    """All that is held of a customer, as a file for them."""
    await _typed(request, customer_id)
    found = await export_profile(customer_id, caller, config, database, Response())
    name = f"customer-{str(customer_id)[-_TYPED:]}.json"
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(found.model_dump_json(indent=2), media_type="application/json", headers=headers)


@router.post("/{customer_id}/erase")
async def erase(
    customer_id: UUID,
    request: Request,
    caller: Annotated[Caller, sees(Right.OPERATE, "erase customer")],
    config: Config,
    database: Db,
) -> Response:
    """Erase a customer, and all that is held of them."""
    await _typed(request, customer_id)
    begun = await erase_profile(customer_id, caller, config, database, Response())
    return seen(f"{PLACE}/erasures/{begun.id}", "Nothing more is sent to them; what is held is being purged.")


async def _typed(request: Request, customer: UUID) -> None:
    """Make sure that somebody means it.

    Raises:
        Problem: 422, they typed something else.
    """
    if (await form(request)).get("typed", "").lower() != (ends := str(customer)[-_TYPED:]):
        raise Problem(
            422, f"nothing was done: type {ends}, with which the customer's id ends, to confirm", code="not-confirmed"
        )


@erasures.get("/{erasure_id}")
async def erased(
    erasure_id: UUID, request: Request, caller: Annotated[Caller, sees(Right.READ)], database: Db, config: Config
) -> Response:
    """An erasure, and its certificate once it is finished."""
    found = await get_erasure(erasure_id, caller, database)
    certificate = as_text(found.certificate) if found.certificate else ""
    return page(request, "erasure", erasure=found, certificate=certificate, now=config.clock.now())
