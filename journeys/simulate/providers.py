"""What providers answer in a simulation: yes, unless the test has said otherwise, for whom and how often."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from journeys.contracts import Channel, DeliverRequest
from journeys.simulate.customers import Customer


class Kind(StrEnum):
    """The answers that a delivery knows apart."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "try later"
    SILENT = "no answer"
    GONE = "nobody is at this address"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; `after` is when a busy provider wants to be asked again."""

    kind: Kind
    after: timedelta | None = None


_YES = Answer(Kind.ACCEPTED)


@dataclass(slots=True)
class _Rule:
    answer: Answer
    channel: Channel
    customer: Customer | None
    left: int

    def fits(self, customer: Customer, request: DeliverRequest) -> bool:
        return self.left > 0 and request.channel is self.channel and self.customer in (None, customer)


class Providers:
    """The rules in the order in which they were laid down; each is used up."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []

    def will(self, answer: Answer, channel: Channel, customer: Customer | None = None, times: int = 1) -> None:
        """The next so many messages on a channel (to a customer) get this answer."""
        self._rules.append(_Rule(answer, channel, customer, times))

    def answer(self, customer: Customer, request: DeliverRequest) -> Answer:
        """What becomes of a message that is handed over."""
        for rule in self._rules:
            if rule.fits(customer, request):
                rule.left -= 1
                return rule.answer
        return _YES
