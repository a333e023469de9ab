"""Where traits come from, in segments: declared or guessed, by which source, how surely, and how long ago."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from segments import DefinitionError, Predicate, Segment, prop, trait
from segments.ask.ask import explain
from segments.evaluate import holds
from segments.facts import Origins
from segments.language.wire import predicate_from_json
from tests.segments.shop import T0, Shop

DAY, HOUR, MICRO = timedelta(days=1), timedelta(hours=1), timedelta(microseconds=1)
email = trait("email")

READS_LIKE = [
    (email.declared(), "email is declared"),
    (~email.declared(), "email is not declared"),
    (email.confidence() >= Decimal("0.8"), "the confidence in email is at least 0.8"),
    (email.confidence().between(0.2, 0.8), "the confidence in email is between 0.2 and 0.8"),
    (email.source() == "crm", 'the source of email is "crm"'),
    (email.source().in_({"web", "crm"}), 'the source of email is one of "crm", "web"'),
    (email.source().starts_with("model-"), 'the source of email starts with "model-"'),
    (email.said_within(days=365), "email was said within 365 days"),
    (~email.said_within(hours=36), "email was not said within 36 hours"),
]


@pytest.mark.parametrize(("predicate", "english"), READS_LIKE, ids=[english for _, english in READS_LIKE])
def test_it_reads_like_english_and_survives_json(predicate: Predicate, english: str) -> None:
    assert str(predicate) == english
    assert predicate_from_json(predicate.to_json()) == predicate


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: trait("address.city").declared(), r"trait\('address.city'\): is said as a whole; ask where trait\('address'\)"),
    (lambda: prop("x").declared(), "for traits only"),
    (lambda: email.confidence() >= 80, r"trait\('email'\).confidence\(\): is from 0 to 1, not 80"),
    (lambda: email.confidence() > True, "no meaning for a boolean"),
    (lambda: email.confidence() == "high", "compares with a number"),
    (lambda: email.confidence().in_("0.8"), "unknown operator 'in'"),
    (lambda: email.source() == 5, r"trait\('email'\).source\(\): compares with a text"),
    (lambda: email.source() > "crm", "unknown operator '>'"),
    (lambda: email.source().in_(), "at least one value"),
    (email.said_within, r"said_within: the window must be longer than zero"),
    (lambda: email.said_within(days=10**6), "at most 36525 days"),
    (lambda: email.source() and email.declared(), "has no truth by itself; compare it"),
    (lambda: predicate_from_json({"trait": "x", "declared": False}), 'declared: is true or not there, not False; put .* "not"'),
    (lambda: predicate_from_json({"trait": "x", "declared": True, "is": "=="}), "is: unknown here"),
    (lambda: predicate_from_json({"trait": "x", "confidence": 0.8}), "confidence: needs an object"),
    (lambda: predicate_from_json({"trait": "x", "confidence": {"is": ">=", "valu": 1}}), "valu: unknown here"),
    (lambda: predicate_from_json({"trait": "x", "source": {"is": "=="}}), "cannot compare with None"),
    (lambda: predicate_from_json({"trait": "x", "said_within": "a day"}), "needs a number of seconds"),
    (lambda: predicate_from_json({"trait": "x.y", "said_within": 60}), "said as a whole"),
]


@pytest.mark.parametrize(("definition", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_mean_anything_is_refused_with_its_place(definition: Callable[[], Any], message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        definition()


def test_of_a_trait_that_is_not_there_nothing_is_true() -> None:
    known = Origins({"x": {"source": "crm", "confidence": Decimal(1)}}, {"x": T0})
    x = trait("x")
    for leaf in (x.declared(), x.confidence() >= 0, x.source() == "crm", x.source() != "web", x.said_within(days=1)):
        for traits in ({}, {"x": None}):
            assert not holds(leaf, traits, [], T0, origins=known)
    assert not holds(x.said_within(days=1) | (x.confidence() >= 0) | (x.source() != "web"), {"x": 1}, [], T0)
    assert holds(x.declared(), {"x": 1}, [], T0)


async def test_a_declared_value_has_no_confidence(shop: Shop) -> None:
    ana, luis = await shop.customer(), await shop.customer()
    await shop.say(ana, T0, {"plan": "pro"})
    await shop.say(luis, T0, {"plan": "pro"}, "model", 0.1)
    sure, unsure = trait("plan").confidence() >= 0.05, trait("plan").confidence() < 0.5
    assert await shop.evaluated(sure, T0) == await shop.evaluated(unsure, T0) == {luis}
    assert await shop.evaluated(trait("plan").declared(), T0) == await shop.evaluated(~sure, T0) == {ana}


async def test_what_was_not_said_for_long_is_noticed_by_time_alone(shop: Shop) -> None:
    fresh = Segment("fresh", email.said_within(days=365))
    stale = Segment("stale", email.exists() & ~email.said_within(days=365))
    ana, nobody = await shop.customer(), await shop.customer()
    await shop.say(ana, T0 - 300 * DAY, {"email": "ana@shop.example"})
    await shop.load(fresh, stale)
    assert (await shop.members(fresh), await shop.members(stale)) == ({ana}, set())
    await shop.tick(T0 + 65 * DAY - MICRO)
    assert (await shop.members(fresh), await shop.members(stale)) == ({ana}, set())
    await shop.tick(T0 + 65 * DAY)
    assert (await shop.members(fresh), await shop.members(stale)) == (set(), {ana})
    await shop.say(ana, T0 + 70 * DAY, {"email": "ana@shop.example"})  # the same, and fresh again
    await shop.tick(T0 + 70 * DAY + HOUR)
    await shop.say(nobody, T0 + 71 * DAY, {"email": "n@shop.example"})
    await shop.tick(T0 + 71 * DAY)
    assert await shop.members(fresh) == {ana, nobody}
    await shop.tick(T0 + 500 * DAY)
    cause = {"trait": "email"}
    assert await shop.log(fresh, ana) == [
        ("left", T0 + 65 * DAY, cause),
        ("entered", T0 + 70 * DAY, cause),
        ("left", T0 + 435 * DAY, cause),
    ]
    assert [(kind, at) for kind, at, _ in await shop.log(stale)] == [
        ("entered", T0 + 65 * DAY),
        ("left", T0 + 70 * DAY),
        ("entered", T0 + 435 * DAY),
        ("entered", T0 + 436 * DAY),
    ]


async def test_why_shows_the_origin_and_when_it_will_be_too_old(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.say(ana, T0 - DAY, {"email": "ana@shop.example"}, "model-3", 0.8)
    trusted = (email.declared() | (email.confidence() >= Decimal("0.8"))) & email.said_within(days=30)
    answer = await explain(shop.database, Segment("trusted", trusted), ana, T0)
    assert answer is not None
    (declared, sure), said = answer.finding.parts[0].parts, answer.finding.parts[1]
    assert (declared.holds, sure.holds, said.holds) == (False, True, True)
    assert declared.saw == sure.saw == {"source": "model-3", "confidence": 0.8}
    assert (said.saw, said.changes_at) == ({"said_at": T0 - DAY}, T0 + 29 * DAY)
