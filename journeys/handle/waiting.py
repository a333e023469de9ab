"""Words of waiting: for the first of several things to be so, with a time-out; what is so already is seen at once."""

import inspect
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from journeys.contracts import Receipt
from journeys.errors import CatalogueError, NotKnown
from journeys.handle.base import INSTANT, EntryModel
from journeys.handle.time import Time
from journeys.heard import IT, Expect, Expected, Happened, OfCustomer, OfEvents, OfMessages, OfPeople, OfSegment
from journeys.keepable import check_name
from journeys.questions import counts_events
from journeys.spans import check_span, describe
from segments import Predicate, Segment
from segments.language.events import MESSAGE_CLICKED, MESSAGE_DELIVERED, MESSAGE_FAILED, MESSAGE_READ, MESSAGE_REPLIED
from segments.language.moves import moves_by_time

#: What can be waited for: a predicate, a segment to be in, or what the handle's own words say (`j.replied()`, `j.task(…)`).
Awaited = Predicate | Segment | Expected

_FOR_EVER = timedelta(days=366)
_LONGEST_NAME = 200  # characters
_TASK = 'write j.task("Call the customer", to="care")'
#: What became of a message, as people say it.
_BECAME = {
    MESSAGE_DELIVERED: "delivered",
    MESSAGE_READ: "opened",
    MESSAGE_CLICKED: "clicked",
    MESSAGE_REPLIED: "answered",
    MESSAGE_FAILED: "undelivered",
}


class Answer:
    """What a wait came to: `answer.replied` is what happened, or None; `answer.timed_out` when nothing did in time."""

    def __init__(self, names: frozenset[str], happened: Happened | None) -> None:
        self._names = names
        self.happened = happened

    @property
    def timed_out(self) -> bool:
        """Whether nothing of it happened in time."""
        return self.happened is None

    @property
    def which(self) -> str | None:
        """The name of what happened."""
        return self.happened.which if self.happened else None

    def __getattr__(self, name: str) -> Happened | None:
        """What happened under this name, if it did.

        Raises:
            AttributeError: nothing of that name was waited for.
        """
        if name not in self._names:
            raise NotKnown(f"nothing called '{name}' was waited for", f"it was {', '.join(sorted(self._names))}")
        return self.happened if self.which == name else None

    def __bool__(self) -> bool:
        return self.happened is not None


class Waiting(Time[EntryModel]):
    """How a journey waits for somebody."""

    async def wait_for(
        self,
        what: Awaited,
        *,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - lasts for months, in Temporal
        since: datetime | None = None,
    ) -> Happened | None:
        """Wait until something is so; None when it is not within the time-out.

        Events count since entry, or those after `since`: `since=j.now` waits for the next one, not for what was just heard.

        Example:
            order = await j.wait_for(did("Order Completed"), timeout=days(3))
            if order is None:
                await j.email("anything-missing")
            elif await j.wait_for(did("Order Completed"), since=j.now, timeout=days(30)):
                await j.email("thanks-for-coming-back")
        """
        answer = await self._listen({IT: what}, timeout, since)
        return answer.happened

    async def first(
        self,
        *,
        timeout: timedelta | None = None,  # noqa: ASYNC109 - lasts for months, in Temporal
        since: datetime | None = None,
        **awaited: Awaited,
    ) -> Answer:
        """Wait for the first of several, each under a name of the author's.

        A predicate made of `did(…)` counts what happened since entry, as a goal does, or after `since`; any other has to be
        true of the customer; a segment means to be in it. What is so already is the answer at once; the rest is withdrawn. Of
        two that come true at one instant the one that is written first is the answer.

        Example:
            answer = await j.first(bought=did("Order Completed"), replied=j.replied(), timeout=days(3))
            if answer.replied:
                await j.whatsapp("thanks")
            elif answer.timed_out:
                await j.email("anything-missing")
        """
        return await self._listen(awaited, timeout, since)

    def entered(self, segment: Segment | str) -> Expected:
        """The customer is in a segment that is watched; a name may be of one that the API defines.

        Example:
            await j.wait_for(j.entered("vip"), timeout=days(30))
        """
        return OfSegment(segment=self._named("j.entered", segment))

    def left(self, segment: Segment | str) -> Expected:
        """The customer is not in a segment (any more).

        Example:
            await j.wait_for(j.left("at-risk"), timeout=days(30))
        """
        return OfSegment(segment=self._named("j.left", segment), inside=False)

    def delivered(self, receipt: Receipt | None = None) -> Expected:
        """A message of this run reached its device: that of a receipt, or any.

        Example:
            await j.push("hello")
            if not await j.wait_for(j.delivered(), timeout=hours(4)):
                await j.email("hello")
        """
        return self._news(MESSAGE_DELIVERED, receipt)

    def opened(self, receipt: Receipt | None = None) -> Expected:
        """A message of this run was opened or read.

        Example:
            letter = await j.email("guide")
            await j.wait_for(j.opened(letter), timeout=days(2))
        """
        return self._news(MESSAGE_READ, receipt)

    def clicked(self, receipt: Receipt | None = None) -> Expected:
        """A link in a message of this run was followed.

        Example:
            if await j.wait_for(j.clicked(), timeout=days(2)):
                await j.push("how-was-it")
        """
        return self._news(MESSAGE_CLICKED, receipt)

    def replied(self, receipt: Receipt | None = None) -> Expected:
        """The customer answered a message of this run.

        Example:
            await j.whatsapp("how-was-it")
            if await j.wait_for(j.replied(), timeout=hours(24)):
                await j.whatsapp("thanks")
        """
        return self._news(MESSAGE_REPLIED, receipt)

    def undelivered(self, receipt: Receipt | None = None) -> Expected:
        """A provider that had accepted a message of this run said later that it failed.

        Example:
            sent = await j.whatsapp("hello")
            if await j.wait_for(j.undelivered(sent), timeout=hours(1)):
                await j.email("hello")
        """
        return self._news(MESSAGE_FAILED, receipt)

    def task(
        self,
        title: str,
        *,
        to: str,
        by: timedelta | None = None,
        escalate: str | None = None,
        choices: tuple[str, ...] = (),
        values: tuple[str, ...] = (),
    ) -> Expected:
        """Somebody of the company does something and says over the API how it went, in one of the `choices` if there are any.

        `values` names numbers and flags that they may tell with it. Without choices they may write what they like: that stays
        with the task, and the run hears that it is done. After `by` the task goes to `escalate`.

        Example:
            await j.wait_for(
                j.task("Call the customer", to="care", by=days(2), escalate="care-lead", choices=("reached", "not-reached")),
                timeout=days(5),
            )
        """
        if not title or not to:
            raise CatalogueError("a task says what and who", remedy=_TASK)
        for what, name in (("the title of a task", title), ("who does a task", to), ("whom a task goes on to", escalate)):
            if name is not None:
                check_name(what, name, _LONGEST_NAME, _TASK)
        if by is not None:
            check_span("by", by, "by=days(2)")
        if isinstance(choices, str):
            raise CatalogueError("a task's choices= are several names", remedy=f'write choices=("{choices}",)')
        for choice in choices:
            check_name("a choice of a task", choice, _LONGEST_NAME, 'write choices=("reached", "not-reached")')
        if escalate is not None and by is None:
            raise CatalogueError("a task that escalates says when", remedy="write by=days(2)")
        for name in values:
            if not isinstance(name, str) or not name.isidentifier() or name == "outcome" or isinstance(values, str):
                raise CatalogueError(
                    f"a task's values= has no such name as {name!r}", remedy='write values=("calls", "minutes")'
                )
        due = None if by is None else self._runtime.now() + by
        return OfPeople(title=title, to=to, by=due, escalate=escalate, choices=choices, values=values)

    async def _listen(self, awaited: Mapping[str, Any], limit: timedelta | None, since: datetime | None) -> Answer:
        self._first = False
        if not awaited:
            raise CatalogueError("j.first() waits for nothing", remedy="write j.first(bought=did(…), timeout=days(3))")
        if since is not None and (not isinstance(since, datetime) or since.tzinfo is None):
            raise CatalogueError(f"since is an instant with its zone, not {since!r}", remedy="write since=j.now - days(7)")
        if limit is not None:
            check_span("timeout", limit, "timeout=days(3); what is so now is asked by j.reached(…) and j.is_in(…)")
        now, since = self._moment(), self._start.entered_at if since is None else self._after(since)
        expect = Expect(
            run_id=self._start.run_id,
            wait=self._here.next("wait"),
            at=now,
            until=now + (limit or _FOR_EVER),
            expected={name: self._expected(name, what, since) for name, what in awaited.items()},
        )
        told = "wait for " + " or ".join(_told(what) for what in awaited.values())
        told += f", at most {describe(limit)}" if limit else ""
        answer = Answer(frozenset(awaited), await self._runtime.listen(expect, told))
        if answer.happened is not None and answer.happened.at > (heard_at := self._runtime.now()):
            self._ahead.append((heard_at, answer.happened.at))
        return answer

    def _after(self, since: datetime) -> datetime:
        """From when on events count that come after an instant: not again what was heard by then, though its clock be ahead."""
        return max([since, *(at for heard_at, at in self._ahead if heard_at <= since)]) + INSTANT

    def _expected(self, name: str, what: object, since: datetime) -> Expected:
        match what:
            case Segment():
                return self.entered(what)
            case Predicate():
                return _of_predicate(what, since)
            case OfEvents() | OfCustomer() | OfSegment() | OfMessages() | OfPeople():
                return what
            case str():
                raise CatalogueError(
                    f"{name}= is nothing to wait for, but the text {what!r}",
                    remedy=f"write j.entered({what!r}) for the segment of that name",
                )
        if inspect.iscoroutine(what):
            what.close()
            raise CatalogueError(
                f"{'this' if name == IT else f'{name}='} is a step, and nothing to wait for",
                remedy="wait for a predicate, a segment, or a word such as j.entered(…) or j.replied()",
            )
        raise CatalogueError(
            f"{'this' if name == IT else f'{name}='} is nothing to wait for, but {type(what).__name__}",
            remedy="give it a predicate, a segment, or a word such as j.replied()",
        )

    def _news(self, event: str, receipt: Receipt | None) -> Expected:
        since = self._start.entered_at
        if receipt is None:
            return OfMessages(event=event, since=since)
        if not isinstance(receipt, Receipt):
            raise CatalogueError(
                f"what came back is asked of a receipt, not of {type(receipt).__name__}",
                remedy="keep the message's: r = await j.email(…)",
            )
        return OfMessages(event=event, since=since, step=receipt.step, occurrence=receipt.occurrence)


def _of_predicate(what: Predicate, since: datetime) -> Expected:
    if counts_events(what):
        return OfEvents(predicate=what.to_json(), since=since)
    if moves_by_time(what):
        raise CatalogueError(f"time alone can make it so: {what}", remedy="name it as a segment, Segment(…), and wait for that")
    return OfCustomer(predicate=what.to_json())


def _told(what: object) -> str:
    match what:
        case Segment():
            return f"being in {what.name}"
        case OfSegment():
            return f"being {'in' if what.inside else 'out of'} {what.segment}"
        case OfMessages():
            return f"{what.step.replace(':', ' ', 1) if what.step else 'a message'} {_BECAME[what.event]}"
        case OfPeople():
            return f"{what.to}: {what.title}"
    return str(what)
