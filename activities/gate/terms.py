"""On what terms a provider takes a message: its template as the provider has it, or its customer's service window.

Promise: asked in the transaction that claims the message, and only of messages to which it matters.
Source: Meta, "Messages: customer service windows" (24 hours from the last message of the customer's).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from activities.channels.languages import language_of
from activities.versions import Wishes
from journeys.contracts import DeliverRequest
from journeys.gate.approval import Approved
from segments.language.events import MESSAGE_REPLIED
from store import Connection
from store.deliveries import ledger as deliveries
from store.deliveries import whatsapp
from store.deliveries.ledger import Endpoint, RunFacts
from store.deliveries.replies import last_reply

#: How long after a customer's last message one may write what one likes.
SERVICE_WINDOW = timedelta(hours=24)


async def in_service_window(
    connection: Connection,
    request: DeliverRequest,
    templates: Wishes,
    facts: RunFacts,
    endpoints: Sequence[Endpoint],
    now: datetime,
) -> tuple[Endpoint, ...]:
    """To which of these a message may go: of an approved template to all, any other where the number's window is open."""
    terms = templates.terms(request.channel, request.template)
    if terms is None or not terms.free_form:
        return tuple(endpoints)
    asked = facts.profile_id, request.channel.value, now - SERVICE_WINDOW, MESSAGE_REPLIED
    wrote = await deliveries.wrote_from(connection, *asked)
    return tuple(each for each in endpoints if not wrote.isdisjoint({each.id, None}))


async def approved(connection: Connection, request: DeliverRequest, templates: Wishes, facts: RunFacts) -> Approved | None:
    """The template that a message is made of, as Meta has it; None where it needs none, or Meta has said nothing of it."""
    terms = templates.terms(request.channel, request.template, language_of(facts.traits, facts.device_locale))
    if terms is None or terms.approved is None:
        return None
    standing = await whatsapp.standing(connection, *terms.approved)
    return Approved(*standing) if standing else None


async def last_words(connection: Connection, profile_id: UUID, run_id: UUID) -> dict[str, str]:
    """What a run's customer answered it last, for whom it may be told."""
    said = await last_reply(connection, profile_id, run_id, MESSAGE_REPLIED)
    return {"text": said.text} if said else {}
