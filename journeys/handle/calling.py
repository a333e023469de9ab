"""Words of calling out: telling a service of the company something, and asking it for data."""

import re
from datetime import timedelta
from typing import Any, Generic, cast

from journeys.actions import Call, Called
from journeys.contracts import Plain, Reason
from journeys.entering import Answered
from journeys.errors import CatalogueError, NotKnown
from journeys.handle.acting import Acting
from journeys.handle.base import ENDING, EntryModel, RunEnded
from journeys.keepable import a_kind, is_plain
from journeys.services import Gives, Service
from journeys.spans import check_span

_EVENT = re.compile(r"\w+(\.\w+)*", re.ASCII)
_TELL = timedelta(hours=2)  # outlives an outage of an hour
_FETCH = timedelta(minutes=10)


class Fetched(Generic[Gives]):
    """What a service gave: true where it gave something like what it declares, and `reason` says why not."""

    def __init__(self, called: Called, service: Service[Gives]) -> None:
        self._called = called
        self._service = service

    @property
    def value(self) -> Gives:
        """Its answer: numbers, flags, choices, ids and instants; free text is for templates, as `fetched.<service>.<field>`.

        Raises:
            AttributeError: there is no answer.
        """
        if not self._called:
            name = self._service.name
            raise NotKnown(f"{name} may have given nothing", "ask first whether it has: if answer: … answer.value …")
        return cast("Gives", Answered(self._called.values, self._service.model, self._service.name))

    @property
    def reason(self) -> Reason | None:
        """Why there is no answer; None where there is one."""
        return self._called.reason

    @property
    def status(self) -> int | None:
        """The last HTTP status, such as 404, where there was one."""
        return self._called.status

    def __bool__(self) -> bool:
        return bool(self._called)


class Calling(Acting[EntryModel]):
    """How a journey calls out."""

    async def webhook(
        self,
        service: Service[Any],
        event: str,
        /,
        *,
        within: timedelta | None = None,
        **params: Plain,
    ) -> Called:
        """Tell a service of the company something about the customer, by a signed POST; true once it has taken it.

        It is tried again under the same id for two hours, or `within` another span: a service that is away holds the run up
        for so long. In the holdout nobody is told.

        Example:
            if not await j.webhook(crm, "lead.qualified", score=7):
                await j.email("we-call-you")
        """
        _check_service("j.webhook", service)
        if not isinstance(event, str) or not _EVENT.fullmatch(event):
            raise CatalogueError(
                f"j.webhook takes the name of what happened, not {event!r}", remedy='write j.webhook(service, "lead.qualified")'
            )
        return await self._call(service, event, _TELL if within is None else within, params, fetch=False)

    async def fetch(self, service: Service[Gives], /, *, within: timedelta | None = None, **params: Plain) -> Fetched[Gives]:
        """Ask a service of the company for data about the customer, in the shape that it declares (`gives=`).

        No answer after ten minutes, or `within` another span, a refusal, and an answer of another shape are values, too.

        Example:
            answer = await j.fetch(points, within=minutes(2))
            if answer and answer.value.balance >= 100:
                await j.push("your-points")  # which may say {{ fetched.points.greeting }}
        """
        _check_service("j.fetch", service)
        if service.gives is None:
            remedy = f'declare it: Service("{service.name}", gives=…)'
            raise CatalogueError(f"j.fetch: {service.name} declares nothing that it gives", remedy=remedy)
        return Fetched(
            await self._call(service, service.name, _FETCH if within is None else within, params, fetch=True), service
        )

    async def _call(
        self, service: Service[Any], event: str, within: timedelta, params: dict[str, Plain], *, fetch: bool
    ) -> Called:
        _check_told(service.name, within, params)
        if self.services.setdefault(service.name, service) != service:
            raise CatalogueError(f"two different services are called '{service.name}'", remedy="rename one")
        until, gives = self._runtime.now() + within, service.model if fetch else None
        what = {"service": service.name, "event": event, "fetch": fetch, "params": params, "until": until, "gives": gives}
        called: Called = await self._do(Call, None, **what)
        if called.reason in ENDING:
            raise RunEnded(called.reason, called.ended_by)
        return called


def _check_service(word: str, service: object) -> None:
    if not isinstance(service, Service):
        raise CatalogueError(
            f"{word} takes a service, not {service!r}", remedy='declare it at the top of a module: Service("…")'
        )


def _check_told(name: str, within: object, params: dict[str, Plain]) -> None:
    check_span(f"{name}: within=", within, "within=minutes(10)")
    for param, value in params.items():
        if not is_plain(value):
            raise CatalogueError(f"{name}: {param}= is not {a_kind(value)}", remedy="give a number, a flag or a text")
