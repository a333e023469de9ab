"""Words of messages: one on each channel, and one across channels until it gets through."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from journeys.contexts.context import Suiting
from journeys.contracts import Channel, DeliverRequest, Outcome, Plain, Purpose, Receipt, Suits
from journeys.errors import CatalogueError
from journeys.handle.base import ENDING, EntryModel, RunEnded
from journeys.handle.said import Said, checked, meant
from journeys.handle.waiting import Waiting
from journeys.keepable import a_kind, is_plain
from journeys.policies import Window, Within
from journeys.spans import check_span
from segments import Segment

_NOTHING_SAID = Said()
#: In this order, where the author gives none. A channel that comes later is named by whoever wants it.
_ALL = ("push", "whatsapp", "email")


class Messages(Waiting[EntryModel]):
    """How a journey speaks to its customer."""

    async def push(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send a push notification; `only` to who is in a segment at that moment, or where a context suits.

        Of deadline, priority, window and send-time a message may say otherwise than its journey, also on all other channels.

        Example:
            await j.push("cart-reminder")
            await j.push("hello") or await j.email("hello")  # where there is no app
            await j.push("flash-sale", useless_after=hours(2), priority=-1)
            await j.push("winter-coat", only=weather.where(prop("temperature") < 12, because="climate"))
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.PUSH, template, said, params)

    async def whatsapp(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send a WhatsApp message: an approved template, or words of one's own within 24 hours after the customer wrote.

        Example:
            await j.whatsapp("cart-link")
            await j.whatsapp("appointment", window=Window("09:00", "18:00", weekdays=("mon", "tue", "wed", "thu", "fri")))
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.WHATSAPP, template, said, params)

    async def email(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send an email; `only` to who is in a segment at that moment.

        Example:
            await j.email("cart-alternatives", offer="free-shipping")
            await j.email("your-invoice", transactional=True)
            await j.email("digest", send_time=within(hours=24))  # in the hour in which the customer usually reads
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.EMAIL, template, said, params)

    async def sms(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send a text message, of marketing only in the hours that the law of its country allows.

        Example:
            await j.sms("ready-for-pickup", transactional=True)
            await j.push("sale-starts") or await j.sms("sale-starts")  # where there is no app
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.SMS, template, said, params)

    async def web_push(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send a notification to the browsers in which the customer allowed it; `only` to who is in a segment at that moment.

        Example:
            await j.push("price-drop") or await j.web_push("price-drop")
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.WEB_PUSH, template, said, params)

    async def in_app(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Put a message into the customer's inbox inside the app; an open app has it at once, another at the next session.

        Not any more once it has expired (its template's `lives`), the journey's goal is reached, or the run was ended.

        Example:
            await j.in_app("need-help")
            await j.in_app("offer")
            await j.push("offer")  # beside it: the inbox takes every message, so that `or` would never go on
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.IN_APP, template, said, params)

    async def wallet(
        self,
        template: str,
        *,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Make the customer's pass what its template says now: it is issued the first time, and updated wherever it was added.

        A customer has one pass of a template (one for each `key`, where the template has that). What is issued can be added by
        the link `{{ wallet.loyalty-card }}` in any other message.

        Example:
            await j.wallet("loyalty-card", level="silver")
            await j.email("your-card")  # its template links to {{ wallet.loyalty-card }}
            await j.wait_for(did("Order Completed"))
            await j.wallet("loyalty-card", level="gold")  # the pass on the customer's phone changes
        """
        said = Said(transactional, only, useless_after, priority, window, send_time)
        return await self._send(Channel.WALLET, template, said, params)

    async def reach(
        self,
        template: str,
        *,
        by: Sequence[str] = _ALL,
        undelivered_after: timedelta | None = None,
        transactional: bool = False,
        only: Segment | Suiting[Any] | None = None,
        useless_after: timedelta | None = None,
        priority: int | None = None,
        window: Window | None = None,
        send_time: Within | None = None,
        **params: Plain,
    ) -> Receipt:
        """Send a message by the first of these channels that takes it; returns the last receipt.

        A channel that the customer cannot or may not be reached by is passed over. With `undelivered_after`, so is one whose
        message has not been told delivered after that long: the next one is tried then.

        Example:
            await j.reach("review-us", by=("push", "whatsapp", "email"), undelivered_after=hours(4))
        """
        if isinstance(by, str):
            raise CatalogueError(f"by= names several channels, not {by!r}", remedy=f'write by=("{by}",)')
        channels = [_channel(each) for each in by]
        if undelivered_after is not None:
            check_span(f"{template}: undelivered_after", undelivered_after, "undelivered_after=hours(4)")
        if not channels:
            raise CatalogueError("j.reach names no channel", remedy='write by=("push", "email")')
        said = Said(transactional, only, useless_after, priority, window, send_time)
        for n, channel in enumerate(channels, 1):
            receipt = await self._send(channel, template, said, params)
            last = n == len(channels)
            if last or (receipt and (undelivered_after is None or await self._arrived(receipt, undelivered_after))):
                break
        return receipt

    async def _arrived(self, receipt: Receipt, within: timedelta) -> bool:
        if receipt.outcome is Outcome.WITHHELD:
            await self.wait(seconds=within.total_seconds())  # the time that those wait with whom it is compared
            return True
        answer = await self.first(arrived=self.delivered(receipt), failed=self.undelivered(receipt), timeout=within)
        return bool(answer.arrived)

    async def _send(self, channel: Channel, template: str, said: Said, params: dict[str, Plain]) -> Receipt:
        self._first = False
        check_message(channel, template, params)
        request = self._request(channel, template, said, params)
        receipt = await self._runtime.deliver(request)
        while receipt.outcome is Outcome.DEFERRED and receipt.retry_at and receipt.retry_at <= request.useless_after:
            await self._runtime.hold(receipt.retry_at, f"{template} deferred: {receipt.reason}")
            receipt = await self._runtime.deliver(request)
        if receipt.reason in ENDING:
            raise RunEnded(receipt.reason, receipt.ended_by)
        if receipt.purpose is not None:
            return receipt
        return receipt.model_copy(update={"purpose": request.purpose, "step": request.step, "occurrence": request.occurrence})

    def _request(self, channel: Channel, template: str, said: Said, params: dict[str, Plain]) -> DeliverRequest:
        otherwise = {} if said == _NOTHING_SAID else self._otherwise(said, template)
        # What is validated once more is what the author says; most messages say nothing but their template.
        made = DeliverRequest if params or otherwise else DeliverRequest.of_known
        step = f"{channel}:{template}"
        due_at = self._runtime.now()
        return made(
            run_id=self._start.run_id,
            journey=self._spec.name,
            step=step,
            occurrence=self._here.next(step),
            channel=channel,
            template=template,
            purpose=Purpose.TRANSACTIONAL if said.transactional else self._spec.purpose,
            params=params,
            due_at=due_at,
            useless_after=due_at + (said.useless_after or self._spec.useless_after),
            **otherwise,
        )

    def _otherwise(self, said: Said, template: str) -> dict[str, Any]:
        """What a message says otherwise than its journey."""
        checked(said, template, self._spec)
        return {
            "only": self._named("only=", said.only) if isinstance(said.only, Segment) else None,
            "suits": self._suits(said.only) if isinstance(said.only, Suiting) else None,
            "priority": said.priority,
            "window": said.window,
            "send_time": said.send_time and said.send_time.span,
        }

    def _suits(self, only: Suiting[Any]) -> Suits:
        self._around(only.context)
        return only.suits


def check_message(channel: Channel, template: object, params: dict[str, Plain]) -> None:
    """Refuse what is no message; a history and a template take plain values only.

    Raises:
        CatalogueError: the template is no name, or a param is neither a number, a flag nor a text.
    """
    if not isinstance(template, str):
        raise CatalogueError(
            f"j.{channel.value} takes the name of a template, not {template!r}", remedy=f'write j.{channel.value}("…")'
        )
    for name, value in params.items():
        if not is_plain(value):
            raise CatalogueError(
                f"j.{channel.value}: {name}= is a number, a flag or a text, not {a_kind(value)}",
                remedy=f"{meant(name)}Pass each part by a name of its own; a template shows no more",
            )


def _channel(name: str) -> Channel:
    try:
        return Channel(name)
    except ValueError:
        raise CatalogueError(f"by= names channels, not {name!r}", remedy=f"use {', '.join(Channel)}") from None
