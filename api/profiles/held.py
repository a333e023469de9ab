"""What is held of one customer, for the customer who asks; and the proof of their consent, as JSON and as a document.

Promise: personal data stands in the answer and nowhere else; no cache keeps it.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse

from activities.channels.kinds import KINDS
from activities.channels.suppression import suppression_digests
from api.auth import PersonReader, may, schemes
from api.config import ApiConfig
from api.html import PAGES
from api.problems import Problem, responses
from api.profiles.suppressions import OnChannel
from api.segments.access import no_customer
from api.state import Config, Db
from store.addresses import AddressKind, read_as
from store.audit import note
from store.customers.consent import By, Subject, Word, say, take_back_kept
from store.customers.held import Proof, held, proof
from store.deliveries.feedback import living
from store.keys import Caller, Right

router = APIRouter(prefix="/v1/profiles", tags=["privacy"], dependencies=schemes())

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
    passes: Rows = Field(description="what the passes in their wallets show, and on which devices those are")
    tasks: Rows = Field(description="what journeys waited for: tasks of people with their notes, and what happened")
    service_answers: Rows
    experiments: Rows
    choices: Rows = Field(description="what they were given of choices, with which chance, and what came of it")
    counted: Rows = Field(description="what counts for them in experiments: converted, orders and money, by day")
    told: Rows = Field(description="what systems of the company were told of them by webhooks, a month back")
    audiences: Rows = Field(description="other systems that know them as part of an audience, and by which ids")
    foretold: Rows = Field(description="what predictions say of them, by which version of the model, and when")
    due: Rows = Field(description="when they are expected to buy something again, and by how many of their own gaps")
    campaigns: Rows = Field(description="starts of many and campaigns that they were to be in, and what came of it")
    merges: Rows
    changes: Rows = Field(description="what people and other systems of the company changed, and which fields")
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


class SuppressedView(_View):
    """Why an address is not written to: it bounced, or a no was imported or outlived the customer who said it."""

    channel: str
    address: str
    scope: Literal["all", "marketing"]
    reason: str
    since: datetime


class ProofView(_View):
    """A customer's consent: what holds, and every word from which it follows."""

    customer_id: UUID
    as_of: datetime
    holds: list[HoldingView]
    suppressed: list[SuppressedView] = Field(description="addresses that are not written to, whatever holds")
    words: list[WordView]


class NewWord(BaseModel):
    """What was said about one address."""

    model_config = ConfigDict(extra="forbid")

    channel: OnChannel
    address: str | None = Field(
        default=None,
        min_length=1,
        max_length=2000,
        repr=False,
        description="null: about the customer as a whole, by themselves",
    )
    purpose: Literal["marketing", "transactional"] = "marketing"
    state: Literal["granted", "pending", "refused", "withdrawn", "expired"]
    by: By = Field(description="who said it: the customer themselves, another system, or a file")
    source: str | None = Field(default=None, min_length=1, max_length=200, examples=["call centre"])
    text_version: str | None = Field(default=None, min_length=1, max_length=100, examples=["newsletter-2026-03"])
    at: AwareDatetime | None = Field(default=None, description="when it was said; null: now")

    def normal(self, config: ApiConfig) -> str | None:
        """The address as it is stored.

        Raises:
            Problem: 422, it is none for the channel, or only customers can speak of themselves as a whole.
        """
        if self.address is None:
            if self.by is not By.CUSTOMER:
                raise Problem(422, "only customers speak of themselves as a whole; name an address", code="invalid-request")
            return None
        kind, region = KINDS[self.channel].address, config.default_region
        found = read_as(kind, self.address, region)
        if not found or kind is AddressKind.NONE:
            raise Problem(422, f"this is no address for {self.channel}", code="invalid-request")
        return found


@router.get("/{customer_id}/export", responses=responses(401, 403, 404, 422, 503))
async def export_profile(customer_id: UUID, _: PersonReader, config: Config, database: Db, answer: Response) -> Export:
    """Everything that is held of a customer, in full, for the customer who asks for it."""
    digests = partial(suppression_digests, config.secret, config.former_secrets)
    found = await held(database, customer_id, digests, config.clock.now())
    if found is None:
        raise no_customer()
    answer.headers.update(_UNKEPT)
    return Export.model_validate(found)


@router.get("/{customer_id}/consent", responses=responses(401, 403, 404, 422, 503))
async def get_consent(customer_id: UUID, _: PersonReader, config: Config, database: Db, answer: Response) -> ProofView:
    """What a customer has said about being written to, word by word, and what holds now."""
    answer.headers.update(_UNKEPT)
    return ProofView.model_validate(await _proof(customer_id, config, database))


@router.post("/{customer_id}/consent", status_code=201, responses=responses(400, 401, 403, 404, 413, 415, 422, 503))
async def say_consent(
    customer_id: UUID,
    said: NewWord,
    caller: Annotated[Caller, may(Right.OPERATE, "say consent", personal=True)],
    config: Config,
    database: Db,
) -> ProofView:
    """Write down what was said about an address, with who said it, when, and on which text; answers with what follows.

    What is said here is subject to the rules of docs/consent.md: a sync or an import undoes no withdrawal.
    """
    now = config.clock.now()
    async with database.transaction() as connection:
        found = await living(connection, [customer_id])
        if not found:
            raise no_customer()
        about = Subject(found[customer_id], said.channel, said.normal(config), said.purpose)
        source = said.source or f"API: {caller.name}"
        word = Word(about, said.state, said.by, source, said.at or now, now, text_version=said.text_version)
        if said.state == "granted" and said.by is By.CUSTOMER and about.address is not None:
            digests = suppression_digests(config.secret, config.former_secrets, about.channel, about.address)
            await take_back_kept(connection, about.channel, digests, word.at)
        await say(connection, [word])
        fields = [f"{said.channel}:{said.purpose}"]
        await note(connection, "say", "consent", found[customer_id], customer=found[customer_id], fields=fields)
    return ProofView.model_validate(await _proof(found[customer_id], config, database))


@router.get("/{customer_id}/consent/document", response_class=HTMLResponse, responses=responses(401, 403, 404, 422, 503))
async def get_consent_document(customer_id: UUID, _: PersonReader, config: Config, database: Db) -> HTMLResponse:
    """The same as a document that can be printed and filed."""
    return HTMLResponse(document(await _proof(customer_id, config, database)), headers=_UNKEPT)


def document(told: Proof) -> str:
    """A proof of consent as HTML."""
    return PAGES.get_template("consent.html").render(proof=told)


async def _proof(customer_id: UUID, config: Config, database: Db) -> Proof:
    digests = partial(suppression_digests, config.secret, config.former_secrets)
    found = await proof(database, customer_id, digests, config.clock.now())
    if found is None:
        raise no_customer()
    return found
