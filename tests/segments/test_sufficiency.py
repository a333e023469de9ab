"""Do I have enough? The traits that a segment asks for, against what is known of the customers."""

from datetime import timedelta

from segments import Segment, age, did, member_of, trait
from segments.ask.coverage import needed, report
from tests.segments.shop import T0, Shop

DAY = timedelta(days=1)
boots = Segment("boots", (trait("likes") == "boots") & (trait("city.name") == "Madrid") & did("Order Completed").today())


def test_what_a_segment_asks_for() -> None:
    assert needed(boots.predicate) == {"likes", "city"}
    assert needed(member_of(boots) & (age("birthday") >= 18)) == {"likes", "city", "birthday"}
    assert needed(trait("timezone") == "Europe/Madrid") == {"timezone"}
    assert needed(trait("email").said_within(days=30) & trait("plan").declared()) == {"email", "plan"}


async def test_a_segment_that_asks_for_what_few_have_is_told_so(shop: Shop) -> None:
    people = [await shop.customer() for _ in range(4)]
    for n, profile in enumerate(people):
        await shop.say(profile, T0 - 500 * n * DAY, {"likes": "boots"})
    await shop.say(people[0], T0, {"city": {"name": "Madrid"}})
    silent = Segment("silent", ~did("Order Completed"))
    found = await report(shop.database, [boots, silent], T0 - 365 * DAY, enough=0.5)
    assert (found.customers, [each.trait for each in found.traits]) == (4, ["city", "likes"])
    [told] = found.segments
    assert [(need.trait, need.share, need.outdated, need.enough) for need in told.needs] == [
        ("city", 0.25, 0.0, False),
        ("likes", 1.0, 0.75, True),
    ]
    assert told.sentence == ("city is known of 25.0% of all customers, less than 50%; collect it, or ask for something else")
    await shop.load(Segment("madrid", trait("city").exists()))
    of_one = await report(shop.database, [boots], T0 - 365 * DAY, enough=0.25, only="madrid")
    assert (of_one.customers, [each.having for each in of_one.traits]) == (1, [1, 1])
    assert of_one.segments[0].sentence is None


async def test_of_nobody_nothing_is_known(shop: Shop) -> None:
    found = await report(shop.database, [boots], T0, enough=0.5)
    assert (found.customers, found.traits) == (0, ())
    assert found.segments[0].sentence == (
        "city is known of 0.0%, likes is known of 0.0% of all customers, less than 50%; collect it, or ask for something else"
    )
