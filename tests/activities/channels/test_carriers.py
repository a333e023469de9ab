"""How several providers share a channel's messages: by weight, by the key alone, and without moving more than they must."""

from collections import Counter
from typing import Any, cast

import pytest

from activities.channels.carriers import Carriers, read_weights
from activities.channels.kinds import lacking, sending
from activities.channels.platforms import by_platform
from journeys.contracts import Channel
from tests.activities.channels.test_platforms import Carrier
from workers.settings import Settings

KEYS = [f"run/push:note/{n}" for n in range(6_000)]
ONE, TWO, THREE = (Carrier(name) for name in ("one", "two", "three"))


def firsts(carriers: Carriers) -> dict[str, str]:
    return {key: carriers.order(key)[0].name for key in KEYS}


def test_each_is_first_for_its_share() -> None:
    told = Counter(firsts(Carriers(ONE, TWO, THREE, weights={"one": 3, "two": 2, "three": 1})).values())
    for name, share in (("one", 1 / 2), ("two", 1 / 3), ("three", 1 / 6)):
        assert abs(told[name] / len(KEYS) - share) < 0.03  # five standard deviations


def test_all_of_them_stand_in_and_the_order_is_the_keys_alone() -> None:
    carriers = Carriers(ONE, TWO, THREE, weights={"one": 3, "two": 2})
    for key in KEYS[:500]:
        order = carriers.order(key)
        assert sorted(each.name for each in order) == ["one", "three", "two"]
        assert order[-1] is THREE, "which has no weight"
        assert order == Carriers(THREE, TWO, ONE, weights={"one": 3, "two": 2}).order(key)


def test_where_none_is_given_a_weight_the_first_carries_all() -> None:
    carriers = Carriers(ONE, TWO, weights={"of another channel": 5})
    assert {carriers.order(key) for key in KEYS[:500]} == {(ONE, TWO)}


def test_one_more_weight_moves_messages_to_it_only() -> None:
    before = firsts(Carriers(ONE, TWO, weights={"one": 3, "two": 1}))
    after = firsts(Carriers(ONE, TWO, THREE, weights={"one": 3, "two": 1, "three": 1}))
    moved = {key for key in KEYS if before[key] != after[key]}
    assert {after[key] for key in moved} == {"three"}


def test_weights_are_read_and_a_wrong_one_is_told() -> None:
    given = Settings(_env_file=None, provider_weights=cast("Any", "twilio=3, aws-sms=1,smtp=0"))
    assert given.provider_weights == {"twilio": 3, "aws-sms": 1, "smtp": 0}
    for wrong, said in (("twilo=3", "twilo is no provider"), ("ses=-1", "write one whole number"), ("ses=1,ses=2", "ses=3")):
        with pytest.raises(ValueError, match=said):
            read_weights(wrong, ["ses", "twilio"])


def test_who_has_a_weight_and_is_not_configured_is_told_with_what_is_missing() -> None:
    weights = {"smtp": 1, "resend": 3, "ses": 0, "twilio": 1, "apns": 1}
    given = {
        Channel.EMAIL: Carriers(Carrier("smtp")),
        Channel.PUSH: Carriers(*by_platform([Carrier("fcm"), Carrier("apns", "ios")])),
    }
    assert lacking(weights, given) == {
        "ses": "JOURNEYS_SES_REGION",
        "resend": "JOURNEYS_RESEND_API_KEY",
        "twilio": "JOURNEYS_TWILIO_ACCOUNT_SID",
    }
    assert lacking({}, given) == {}


def test_what_each_provider_needs_is_a_setting() -> None:
    needs = [each.needs for kind in sending() for each in kind.provider_classes]
    named = {name.removeprefix("JOURNEYS_").lower() for each in needs if each for name in each.split(" or ")}
    assert named
    assert named <= set(Settings.model_fields)
