"""What of a choice is left out because it could not be sent: by the gate's own questions, at hours of her own day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from journeys import CatalogueError, Conversion, Option, purchases
from journeys.contracts import Cap, Channel, JourneySpec, Purpose, QuietHours
from journeys.deciding.drawing import Asked, By, pick
from journeys.deciding.learning import Allocation
from journeys.deciding.options import Choice, State
from journeys.deciding.sending import asks, unsendable, would_be
from journeys.gate.caps import Past
from journeys.gate.decide import Question
from journeys.handle.deciding import _options
from journeys.policies import Once, Window
from segments.time.zones import ANYWHERE, Whereabouts

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)
NIGHT = QuietHours("21:00", "09:00")
HOME = Whereabouts(("UTC",), "timezone")
SPEC = JourneySpec(
    name="trial", entry=None, goal=None, reentry=Once(), purpose=Purpose.MARKETING, ends_on_leave=False,
    max_lateness=DAY, useless_after=DAY / 2, holdout=0, quiet_hours=None, caps=(), timezone="UTC",
)  # fmt: skip
#: Until it is useless, nothing opens.
NEVER = "no allowed instant before its deadline"
CHANNELS, HOURS, OFFERS = ("email", "push"), ("10:00", "18:30", "22:00"), ("none", "ten")


def choice(**dimensions: tuple[str, ...]) -> Choice:
    return Choice(
        "back", {of: {name: Option() for name in options} for of, options in dimensions.items()}, Conversion(by=purchases)
    )


ALL = choice(channel=CHANNELS, hour=HOURS, offer=OFFERS)


def left_out(of: Choice = ALL, now: datetime = NOON, *, only: dict[str, str] | None = None, **known: Any) -> dict[str, str]:
    """What is left out; what is known of a channel alone is named by it."""
    spec = replace(SPEC, **known.pop("declared", {}))
    usual: dict[str, Any] = {"where": HOME, "opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1}
    apart = {channel: known.pop(channel, {}) for channel in CHANNELS}
    asked = {
        each: Question(
            request=would_be(spec, UUID(int=3), each, now), spec=spec, now=now, **usual | known | apart.get(str(each), {})
        )
        for each in asks(of, only or {})
    }
    return unsendable(of, asked, only or {})


def test_where_everything_may_go_nothing_is_left_out_and_without_channel_and_hour_nothing_is_asked() -> None:
    assert left_out() == {}
    assert asks(choice(offer=OFFERS, word=OFFERS), {}) == []


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Pacific/Apia", "America/St_Johns", "Pacific/Marquesas", "UTC"])
def test_an_hour_is_shut_by_the_quiet_hours_on_the_customers_own_wall(zone: str) -> None:
    """Whatever the clocks show at home: 18:30 in Samoa is 05:30 in UTC, where it would be quiet."""
    for now in (NOON, NOON + DAY / 2, NOON + DAY / 4):
        assert left_out(now=now, declared={"quiet_hours": NIGHT}, where=Whereabouts((zone,), "timezone")) == {
            "hour: 22:00": f"quiet hours in {zone}"
        }


def test_an_hour_counts_at_the_instant_at_which_it_comes_next() -> None:
    """After noon 10:00 is tomorrow's: on a Sunday, on which nothing goes."""
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    weekdays = {"window": Window("00:00", "00:00", ("mon", "tue", "wed", "thu", "fri", "sat"))}
    assert left_out(now=saturday, declared=weekdays) == {"hour: 10:00": f"{NEVER}: outside its window in UTC"}
    assert left_out(now=saturday - DAY / 6, declared=weekdays) == {}


def test_of_whom_it_is_not_known_where_they_are_an_hour_is_shut_that_is_quiet_in_any_place() -> None:
    """Ten in the morning has come everywhere in the country when it is ten in Honolulu, and three in New York."""
    country = Whereabouts(("America/New_York", "America/Chicago", "Pacific/Honolulu"), "country")
    assert left_out(declared={"quiet_hours": NIGHT}, where=country) == {
        "hour: 18:30": f"{NEVER}: quiet hours in 3 zones",
        "hour: 22:00": "quiet hours in 3 zones",
    }


def test_a_channel_is_left_out_without_consent_or_address_and_a_pair_of_channel_and_hour_where_a_cap_is_full() -> None:
    assert left_out(push={"consent": "withdrawn"}) == {"channel: push": "no consent"}
    assert left_out(push={"addresses": 0, "unsuppressed": 0}) == {"channel: push": "no reachable endpoint"}
    assert left_out(email={"unsuppressed": 0}) == {"channel: email": "address suppressed"}
    capped = {"caps": (Cap(1, DAY, channel=Channel.PUSH),)}
    sent = [Past(NOON - timedelta(hours=16), Channel.PUSH, Purpose.MARKETING)]  # at 20:00 yesterday
    assert left_out(declared=capped, past=sent) == {"channel: push with hour: 18:30": "frequency cap"}
    turned = choice(hour=HOURS, channel=CHANNELS)
    assert left_out(turned, declared=capped, past=sent) == {"hour: 18:30 with channel: push": "frequency cap"}
    assert left_out(choice(channel=CHANNELS, offer=OFFERS), declared=capped, past=sent) == {"channel: push": "frequency cap"}


def test_where_no_channel_is_decided_only_hours_and_caps_on_all_channels_shut_an_hour() -> None:
    hours = choice(hour=HOURS, offer=OFFERS)
    sent = [Past(NOON - timedelta(hours=16), channel, Purpose.MARKETING) for channel in (Channel.IN_APP, Channel.PUSH)]
    assert left_out(hours, consent="withdrawn", unsuppressed=0, declared={"quiet_hours": NIGHT}) == {
        "hour: 22:00": "quiet hours in UTC"
    }
    assert left_out(hours, declared={"caps": (Cap(1, DAY, channel=Channel.IN_APP),)}, past=sent) == {}
    assert left_out(hours, declared={"caps": (Cap(2, DAY),)}, past=sent) == {"hour: 18:30": "frequency cap"}


def test_where_nothing_may_go_at_its_instant_what_may_wait_is_drawn_and_what_is_useless_by_then_is_not() -> None:
    """A cap on all channels for three hours more, and one for two days; a customer of whom it is always night somewhere."""
    now = choice(channel=CHANNELS, offer=OFFERS)
    sent = [Past(NOON - timedelta(hours=21), Channel.PUSH, Purpose.MARKETING)]
    assert left_out(now, declared={"caps": (Cap(1, DAY),)}, past=sent) == {}
    assert left_out(now, declared={"caps": (Cap(1, 3 * DAY),)}, past=sent) == {
        f"channel: {each}": f"{NEVER}: frequency cap" for each in CHANNELS
    }
    night = {"quiet_hours": QuietHours("20:00", "10:00")}
    assert left_out(declared=night, where=Whereabouts(ANYWHERE, "nothing")) == {}


def test_what_is_not_for_them_is_not_asked_of() -> None:
    """All that is left is push, which waits: that e-mail could go at once does not help whom it is not for."""
    capped = {"caps": (Cap(1, DAY, channel=Channel.PUSH),)}
    sent = [Past(NOON - timedelta(hours=1), Channel.PUSH, Purpose.MARKETING)]
    both = choice(channel=CHANNELS, offer=OFFERS)
    assert left_out(both, declared=capped, past=sent) == {"channel: push": f"{NEVER}: frequency cap"}
    asked = left_out(
        both, only={"channel: email": "not for them"}, declared={"caps": (Cap(1, DAY / 6, channel=Channel.PUSH),)}, past=sent
    )
    assert asked == {}


def test_transactional_messages_know_no_night_and_no_cap() -> None:
    sent = [Past(NOON - timedelta(hours=1), Channel.PUSH, Purpose.MARKETING)]
    declared = {"quiet_hours": NIGHT, "caps": (Cap(1, DAY),), "purpose": Purpose.TRANSACTIONAL}
    assert left_out(declared=declared, past=sent, opt_in=False, consent=None) == {}


def test_a_pair_that_is_left_out_is_given_to_nobody_and_the_rest_as_often_as_is_written_down() -> None:
    out = {"channel: push with hour: 18:30": "frequency cap", "hour: 22:00": "quiet hours in UTC"}
    found = [pick(ALL, Asked(UUID(int=n), 0), Allocation(), State.LEARNS, out) for n in range(600)]
    given = [each for each in found if each is not None]
    by_lot = [each for each in given if each.by is not By.CONTROL]
    assert {each.combination[:2] for each in given} == {("email", "10:00"), ("email", "18:30"), ("push", "10:00")}
    assert [each.propensity for each in by_lot] == pytest.approx([1 / 6] * len(by_lot))
    assert not any(each.whole or each.measured_on_floor for each in given)


def test_hours_are_times_of_the_day() -> None:
    """`morning` says nothing of when a message goes."""
    with pytest.raises(CatalogueError, match=r"hour=: 'morning' is no time of day"):
        _options("back", "hour", ["morning", "18:30"])
    with pytest.raises(CatalogueError, match="channel= names channels, not 'fax'"):
        _options("back", "channel", ["email", "fax"])
