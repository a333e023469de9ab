"""`/_sandbox`: what arrived, which faults are in force, customers' replies, and what services answer."""

import json
from datetime import datetime
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field

from workers.sandbox.faults import FAULTS, ArmedFault, FaultRule, Faults
from workers.sandbox.messages import Message, MessageLog, Provider, Stats
from workers.sandbox.services import Answers, ServiceAnswer
from workers.sandbox.sms.twilio_callbacks import SENDER, Callbacks
from workers.sandbox.webhooks import Webhooks, tap
from workers.sandbox.whatsapp import WhatsApp


class Reply(BaseModel):
    """What a customer writes on WhatsApp, or by SMS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sender: str = Field(alias="from", pattern=r"^\+?\d{7,15}$", description="the customer's number")
    text: str = Field(min_length=1, max_length=4096)
    context_id: str | None = Field(default=None, description="the message answered (WhatsApp); empty: the last to this number")
    choice: str | None = Field(
        default=None, description="the name of the button or row that is tapped (WhatsApp); text is its title"
    )


class SandboxStats(Stats):
    """Counts of messages and of faults that struck."""

    faults: dict[str, int]


class TemplateChange(BaseModel):
    """How a WhatsApp template stands from now on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9_]{1,512}$")
    language: str = "en"
    status: str = "APPROVED"
    category: str = "MARKETING"


def inspection(log: MessageLog, faults: Faults, whatsapp: WhatsApp, callbacks: Callbacks, answers: Answers) -> APIRouter:
    """The routes under `/_sandbox`; what changes something runs on the loop, beside the providers."""
    router = APIRouter(prefix="/_sandbox")
    _add_messages(router, log, faults)
    _add_faults(router, faults)
    _add_replies(router, log, whatsapp.webhooks)
    _add_templates(router, whatsapp)
    _add_texts(router, log, callbacks)
    _add_answers(router, answers)
    return router


def invalid(_request: Request, error: Exception) -> Response:
    """What is wrong, without echoing the input: it may hold what JSON cannot (NaN, half a surrogate pair)."""
    assert isinstance(error, RequestValidationError)
    detail = [{"loc": e["loc"], "msg": e["msg"], "type": e["type"]} for e in error.errors()]
    return Response(json.dumps({"detail": detail}), 422, media_type="application/json")


def _add_messages(router: APIRouter, log: MessageLog, faults: Faults) -> None:
    @router.get("/messages")
    def messages(
        provider: Provider | None = None,
        to: str | None = None,
        since: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
    ) -> list[Message]:
        """Accepted messages, newest first."""
        if since is not None and since.tzinfo is None:
            raise HTTPException(422, "since needs a time zone, e.g. 2026-01-31T12:00:00Z")
        return list(islice(log.select(provider, to, since), limit))

    @router.delete("/messages", status_code=204)
    async def forget() -> None:
        """Forget every message."""
        log.clear()

    @router.get("/messages/{message_id:path}")
    def message(message_id: str) -> Message:
        """One message, by our id or the provider's."""
        return _found(log, message_id)

    @router.get("/stats")
    def stats() -> SandboxStats:
        """Counts, and the keys that reached one address more than once."""
        struck = {f"{provider}:{fault}": count for (provider, fault), count in faults.struck.items()}
        return SandboxStats(**log.stats().model_dump(), faults=struck)


def _found(log: MessageLog, message_id: str) -> Message:
    message = log.find(message_id)
    if message is None:
        raise HTTPException(404, "no such message; it may be older than what memory keeps")
    return message


def _add_faults(router: APIRouter, faults: Faults) -> None:
    @router.get("/faults")
    def armed() -> list[ArmedFault]:
        """The rules in force."""
        return faults.armed()

    @router.get("/faults/known")
    def known() -> dict[Provider, dict[str, str]]:
        """What each provider can be told to do."""
        return FAULTS

    @router.post("/faults", status_code=201)
    async def add(rule: FaultRule) -> ArmedFault:
        """Put a rule in force."""
        return faults.add(rule)

    @router.delete("/faults", status_code=204)
    async def clear() -> None:
        """Remove every rule."""
        faults.clear()

    @router.delete("/faults/{number}", status_code=204)
    async def remove(number: int) -> None:
        """Remove one rule."""
        faults.clear(number)


def _add_replies(router: APIRouter, log: MessageLog, webhooks: Webhooks) -> None:
    @router.post("/whatsapp/replies", status_code=202)
    async def reply(reply: Reply) -> dict[str, str]:
        """A customer writes; it reaches the webhook soon."""
        if webhooks.url is None:
            raise HTTPException(409, "no webhook URL is set; start the sandbox with --whatsapp-webhook-url")
        last = next(log.select(Provider.WHATSAPP, reply.sender), None)
        context = reply.context_id or (last.provider_id if last else None)
        sender, answered = reply.sender.removeprefix("+"), log.find(context) if context else None
        tapped = tap(answered.raw if answered else {}, reply.choice, reply.text) if reply.choice else None
        return {"id": webhooks.reply(last.sender if last else "0", sender, reply.text, context, tapped)}


def _add_templates(router: APIRouter, whatsapp: WhatsApp) -> None:
    @router.put("/whatsapp/templates", status_code=204)
    async def template(change: TemplateChange) -> None:
        """Meta says how a template stands; the webhook hears of it."""
        whatsapp.templates.put(**change.model_dump())
        if whatsapp.webhooks.url is not None:
            whatsapp.webhooks.template(change.name, change.language, change.status, change.category)


def _add_texts(router: APIRouter, log: MessageLog, callbacks: Callbacks) -> None:
    @router.post("/twilio/replies", status_code=202)
    async def reply(reply: Reply) -> dict[str, str]:
        """A customer texts back; it reaches the webhook soon."""
        if callbacks.url is None:
            raise HTTPException(409, "no webhook URL is set; start the sandbox with --twilio-webhook-url")
        last = next(log.select(Provider.TWILIO, reply.sender), None)
        sender = "+" + reply.sender.removeprefix("+")
        return {"id": callbacks.reply(last.sender if last else SENDER, sender, reply.text)}


def _add_answers(router: APIRouter, answers: Answers) -> None:
    @router.post("/services", status_code=204)
    async def tell(answer: ServiceAnswer) -> None:
        """What a service answers from now on, or so many times."""
        answers.tell(answer)
