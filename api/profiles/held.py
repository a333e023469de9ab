"""What is held of one customer, for the customer who asks; and the proof of their consent, as JSON and as a document.

Promise: personal data stands in the answer and nowhere else; no cache keeps it.
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse

from activities.channels.suppression import suppression_digests
from api.auth import Operator, schemes
from api.problems import responses
from api.segments.access import no_customer
from api.state import Config, Db
from store.customers.held import Proof, held, proof

router = APIRouter(prefix="/v1/profiles", tags=["privacy"], dependencies=schemes())

_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "pages"), autoescape=True)
_UNKEPT = {"Cache-Control": "no-store"}
Rows = list[dict[str, Any]]


class Export(BaseModel):
    """All that is held of one customer, by kind (docs/privacy.md says what each holds)."""

    as_of: datetime
    profile: dict[str, Any]
    names: Rows
    addresses: Rows
    consents: Rows
    topics: Rows = Field(description="words about topics; `sale-of-data`: about the sale and sharing of their data")
    events: Rows
    segments: Rows
    moves: Rows = Field(description="segments entered and left")
    journeys: Rows
    refused_entries: Rows
    messages: Rows
    inbox: Rows = Field(description="what the app shows them, or showed")
    tasks: Rows = Field(description="what journeys waited for: tasks of people with their notes, and what happened")
    service_answers: Rows
    experiments: Rows
    merges: Rows
    suppressed: Rows = Field(description="why addresses of theirs are not written to")
    not_taken_in: Rows = Field(description="calls that could not be taken in and speak of them")


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class HoldingView(_View):
    """What holds at an address for a purpose, and the word that decides it."""

    channel: str
    address: str
    purpose: str
    state: str = Field(description="granted, pending, refused, withdrawn, expired or unknown")
    said_by: str | None
    source: str | None
    at: datetime | None


class WordView(_View):
    """A word of the log."""

    id: int
    channel: str
    address: str | None = Field(description="null: about the customer as a whole")
    purpose: str
    state: str
    said_by: str = Field(description="customer, sync or import")
    source: str
    text_version: str | None = Field(description="which text they saw, where that was said")
    message_id: str | None
    at: datetime = Field(description="when it was said")
    received_at: datetime
    own: bool = Field(description="false: somebody else's no, which goes with the address")


class ProofView(_View):
    """A customer's consent: what holds, and every word from which it follows."""

    customer_id: UUID
    as_of: datetime
    holds: list[HoldingView]
    words: list[WordView]


@router.get("/{customer_id}/export", responses=responses(401, 403, 404, 422, 503))
async def export_profile(customer_id: UUID, _: Operator, config: Config, database: Db, answer: Response) -> Export:
    """Everything that is held of a customer, in full, for the customer who asks for it."""
    digests = partial(suppression_digests, config.secret, config.former_secrets)
    found = await held(database, customer_id, digests, config.clock.now())
    if found is None:
        raise no_customer()
    answer.headers.update(_UNKEPT)
    return Export.model_validate(found)


@router.get("/{customer_id}/consent", responses=responses(401, 403, 404, 422, 503))
async def get_consent(customer_id: UUID, _: Operator, config: Config, database: Db, answer: Response) -> ProofView:
    """What a customer has said about being written to, word by word, and what holds now."""
    answer.headers.update(_UNKEPT)
    return ProofView.model_validate(await _proof(customer_id, config, database))


@router.get("/{customer_id}/consent/document", response_class=HTMLResponse, responses=responses(401, 403, 404, 422, 503))
async def get_consent_document(customer_id: UUID, _: Operator, config: Config, database: Db) -> HTMLResponse:
    """The same as a document that can be printed and filed."""
    return HTMLResponse(document(await _proof(customer_id, config, database)), headers=_UNKEPT)


def document(told: Proof) -> str:
    """A proof of consent as HTML."""
    return _PAGES.get_template("consent.html").render(proof=told)


async def _proof(customer_id: UUID, config: Config, database: Db) -> Proof:
    found = await proof(database, customer_id, config.clock.now())
    if found is None:
        raise no_customer()
    return found
