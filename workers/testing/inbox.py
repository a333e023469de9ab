"""What a simulated customer is shown, in the inbox inside the app and in places: by the rules of the API (`api.onsite`)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from journeys.contracts import Channel, Outcome, Reason
from journeys.endings import by_events, by_time
from journeys.onsite.places import Drawn, Place, Standing
from journeys.simulate import Customer, Message, Run
from journeys.simulate.customers import NO
from segments.evaluate import reached_at


def shown(who: Customer, runs: Sequence[Run], now: datetime, lives: Mapping[str, timedelta]) -> list[str]:
    """The templates, newest first."""
    messages = [(each, run) for run in runs if not _was_ended(run, now) for each in run.messages]
    there = [each for each, run in messages if _is_there(each, who, run, now, lives)]
    return [each.request.template for each in sorted(there, key=lambda each: each.at, reverse=True)]


def chosen(place: Place, who: Customer, runs: Sequence[Run], now: datetime) -> Drawn | None:
    """What a place shows a customer whose identity is vouched for."""
    standing = [Standing(run.journey, _sent(run)) for run in runs if run.outcome is None and run.waits_until is None]
    for rule in place.rules:
        if rule.is_at(standing) and (rule.predicate is None or rule.predicate.holds(who.facts, now)):
            return rule.drawn(who.arms, who.id)
    return None


def _sent(run: Run) -> frozenset[str]:
    return frozenset(each.step for each in run.messages if each.state in ("sent", "withheld", "unconfirmed"))


def _is_there(message: Message, who: Customer, run: Run, now: datetime, lives: Mapping[str, timedelta]) -> bool:
    request = message.request
    if request.channel is not Channel.IN_APP or message.state != Outcome.SENT:
        return False
    over = by_time(run.spec, run.entered_at)
    until = message.at + lives[request.template]
    return now < (min(until, over.at) if over else until) and who.consent(request.channel, request.purpose) not in NO


def _was_ended(run: Run, now: datetime) -> bool:
    if run.outcome not in (None, Reason.FINISHED):
        return True
    happened = [event for events in run.customer.events.values() for event in events]
    return any(reached_at(each, happened, run.entered_at, now) for _, _, each in by_events(run.spec))
