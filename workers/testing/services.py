"""A service of the company in a test: it answers as it is told, and can be asked what it heard."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from journeys.simulate.services import Reply, ServiceReply
from workers.testing.customer import Customer
from workers.testing.seen import Stage
from workers.testing.sentences import Verdict


class Service:
    """A service by its name. It gives its sample, unless told otherwise: from now on, or the next so many times."""

    def __init__(self, stage: Stage, name: str) -> None:
        self._stage = stage
        self._name = name

    def answers(self, answer: BaseModel | Mapping[str, Any], *, to: Customer | None = None, times: int | None = None) -> None:
        """It gives this."""
        body = answer.model_dump(mode="json", by_alias=True) if isinstance(answer, BaseModel) else answer
        self._will(ServiceReply(Reply.ANSWERS, body), to, times)

    def refuses(self, status: int = 404, *, to: Customer | None = None, times: int | None = None) -> None:
        """It refuses, with an HTTP status."""
        self._will(ServiceReply(Reply.REFUSES, status=status), to, times)

    def is_busy(self, *, to: Customer | None = None, times: int | None = None, after: timedelta | None = None) -> None:
        """It wants to be asked again later (after so long)."""
        self._will(ServiceReply(Reply.LATER, after=after), to, times)

    def keeps_silent(self, *, to: Customer | None = None, times: int | None = None) -> None:
        """It never answers."""
        self._will(ServiceReply(Reply.SILENT), to, times)

    def heard_of(self, customer: Customer, event: str | None = None, *, times: int | None = None) -> Verdict:
        """It was told about a customer (of something), so many times, or asked for data, and took it."""
        calls = [call for run in customer.runs for call in run.calls if call.service == self._name]
        taken = [call for call in calls if call.came_to == "answered" and event in (None, call.event)]
        so = len(taken) == times if times is not None else bool(taken)
        heard = ", ".join(f"{call.event}: {call.came_to or 'no answer yet'}" for call in calls) or "nothing"
        return Verdict(so=so, told=f"{self._name} was told of {customer}: {heard}")

    def _will(self, reply: ServiceReply, to: Customer | None, times: int | None) -> None:
        self._stage.service(reply, self._name, to.name if to else None, times)
