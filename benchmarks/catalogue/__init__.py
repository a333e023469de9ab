"""A catalogue for the benchmarks: journeys that isolate one latency each, and twenty segments for the watch to look at."""

from journeys import Journey, Purpose, Segment, after, did, journey, prop, purchases, trait


def _viewers(name: str, hours: float) -> Segment:
    return Segment(f"viewers-{name}", did("Product Viewed").within(hours=hours))


def _fans(times: int) -> Segment:
    return Segment(f"fans-{times}", did("Product Viewed").within(days=7).at_least(times).where(prop("category") == "boots"))


def _buyers(days: int) -> Segment:
    return Segment(f"buyers-{days}d", purchases.within(days=days))


_in_the_cart = did("Product Added").within(hours=24)

arrivals = Segment("arrivals", did("Bench Arrived").within(hours=6))
sleepers = Segment("sleepers", did("Bench Slept").within(hours=6))
delayed = Segment("delayed", did("Bench Delayed").within(hours=6))

# With the three above, the twenty of the budget: what a shop would watch.
viewers_1h, viewers_6h, viewers_1d = _viewers("1h", 1), _viewers("6h", 6), _viewers("1d", 24)
viewers_3d, viewers_7d = _viewers("3d", 72), _viewers("7d", 168)
fans_3, fans_5, fans_10 = _fans(3), _fans(5), _fans(10)
buyers_1d, buyers_7d, buyers_14d = _buyers(1), _buyers(7), _buyers(14)
carts = Segment("carts", _in_the_cart & ~purchases.since_last("Product Added"))
rich_carts = Segment("rich-carts", _in_the_cart.where(prop("price") > 50) & ~purchases.since_last("Product Added"))
lapsed = Segment("lapsed", did("Product Viewed").within(days=14) & ~purchases.within(days=14))
searchers = Segment("searchers", did("Products Searched").within(days=1) & ~did("Product Added").within(days=1))
vips = Segment("vips", trait("plan") == "gold")
gold_carts = Segment("gold-carts", (trait("plan") == "gold") & did("Product Added").within(days=7))

bought = did("Bench Bought")


@journey(entry=arrivals, reentry=after(minutes=0))
async def immediate(j: Journey) -> None:
    """The first step is a push."""
    await j.push("hello")


@journey(entry=sleepers, goal=bought, reentry=after(minutes=0))
async def sleeps_in_a_timer(j: Journey) -> None:
    """Asleep as after a first message: in a timer of the workflow."""
    assert j.now >= j.entered_at  # looks at the clock, so that the wait is not held back as a start delay
    await j.wait(days=30)
    await j.push("hello")


@journey(entry=delayed, goal=bought, reentry=after(minutes=0))
async def sleeps_before_it_starts(j: Journey) -> None:
    """Asleep as before a first message: Temporal holds the start back."""
    await j.wait(days=30)
    await j.push("hello")


@journey(reentry=after(minutes=0), goal=purchases)
async def three_messages(j: Journey) -> None:
    """The reference journey's waits and messages; waits are relative, so that each one is a timer however busy it gets."""
    assert j.now >= j.entered_at  # a leading wait would be held back by Temporal, without a timer
    await j.wait(hours=1)
    await j.push("hello")
    await j.wait(hours=23)
    await j.whatsapp("hello")
    await j.wait(days=2)
    await j.email("hello")


@journey(reentry=after(minutes=0))
async def blast(j: Journey) -> None:
    """Started by the benchmark, for everybody at once."""
    await j.push("hello")


@journey(reentry=after(minutes=0))
async def letters(j: Journey) -> None:
    """Started by the benchmark, for one letter each."""
    await j.email("hello")


@journey(reentry=after(minutes=0), purpose=Purpose.TRANSACTIONAL)
async def urgent(j: Journey) -> None:
    """Started by the benchmark while the blast waits."""
    await j.push("hello")


@journey(reentry=after(minutes=0))
async def sleeps_an_hour(j: Journey) -> None:
    """Started by the benchmark, for the sleepers' memory: asleep in a timer, then over."""
    assert j.now >= j.entered_at
    await j.wait(hours=1)
