"""Looking into journeys without running them."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from definitions.cart_abandonment import cart_abandonment
from journeys import Journey, JourneyDefinition, journey
from journeys.contracts import DeliverRequest, Receipt, RunStart
from journeys.walk.leading import leading_wait
from journeys.walk.seen import look_through, message_calls
from segments import Segment, purchases, trait

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def start(late: timedelta = timedelta(0), **params: object) -> RunStart:
    return RunStart.model_validate(
        {"run_id": uuid4(), "customer_id": uuid4(), "entered_at": NOON, "started_at": NOON + late, "params": params}
    )


def told(definition: JourneyDefinition) -> list[str]:
    return [problem.text for problem in look_through(definition).problems.values()]


def test_the_leading_wait_counts_from_entry() -> None:
    assert leading_wait(cart_abandonment, start()) == timedelta(hours=1)
    assert leading_wait(cart_abandonment, start(timedelta(minutes=10))) == timedelta(minutes=50)
    assert leading_wait(cart_abandonment, start(timedelta(hours=2))) == timedelta(0)


def test_a_leading_wait_may_depend_on_a_parameter() -> None:
    @journey()
    async def patient(j: Journey) -> None:
        await j.wait(hours=j.params.hours)

    assert leading_wait(patient, start(timedelta(minutes=1), hours=3)) == timedelta(hours=3)


def test_a_journey_that_acts_first_has_no_leading_wait() -> None:
    @journey()
    async def eager(j: Journey) -> None:
        await j.push("hello")
        await j.wait(hours=1)

    @journey()
    async def looks_at_the_clock(j: Journey) -> None:
        if j.now > NOON:
            await j.wait(hours=1)

    @journey()
    async def broken(j: Journey) -> None:
        raise KeyError("missing")

    assert [leading_wait(d, start()) for d in (eager, looks_at_the_clock, broken)] == [timedelta(0)] * 3


def test_the_messages_of_a_plain_journey() -> None:
    calls = message_calls(cart_abandonment)
    assert [(c.channel.value, c.template, c.params) for c in calls] == [
        ("push", "cart-reminder", {}),
        ("whatsapp", "cart-link", {}),
        ("email", "cart-alternatives", {"offer": "free-shipping"}),
    ]
    assert [c.due_at - calls[0].due_at for c in calls] == [timedelta(0), timedelta(hours=23), timedelta(hours=71)]


def test_fallbacks_and_both_answers_are_seen() -> None:
    @journey(goal=purchases)
    async def branching(j: Journey) -> None:
        await j.push("hello") or await j.email("hello")
        await j.whatsapp("yes" if await j.reached() else "no")

    seen = {(c.channel.value, c.template) for c in message_calls(branching)}
    assert seen == {("push", "hello"), ("email", "hello"), ("whatsapp", "yes"), ("whatsapp", "no")}


def test_a_journey_that_loops_for_ever_is_left() -> None:
    @journey()
    async def weekly(j: Journey) -> None:
        while True:
            await j.email("digest")
            await j.wait(days=7)

    assert 0 < len(message_calls(weekly)) < 1000
    assert message_calls(weekly)[2].key.endswith("email:digest/3")


def test_a_journey_can_be_a_helper_of_another() -> None:
    @journey()
    async def outer(j: Journey) -> None:
        await cart_abandonment(j)

    assert isinstance(outer, JourneyDefinition)
    assert len(message_calls(outer)) == 3


def test_the_segments_that_messages_are_only_for() -> None:
    vips, others = Segment("vips", trait("tier") == "gold"), Segment("others", trait("tier") != "gold")

    @journey()
    async def picky(j: Journey) -> None:
        await j.push("hello", only=vips) or await j.email("hello", only=others)

    assert {name: segment for name, (segment, *_) in look_through(picky).conditions.items()} == {"vips": vips, "others": others}
    assert [(c.channel.value, c.only) for c in message_calls(picky)] == [("push", "vips"), ("email", "others")]
    assert look_through(cart_abandonment).conditions == {}


def test_only_takes_one_segment_of_a_name() -> None:
    vips = Segment("vips", trait("tier") == "gold")

    @journey()
    async def by_name(j: Journey) -> None:
        await j.push("hello", only="vips")  # type: ignore[arg-type]  # that is the fault

    @journey()
    async def of_two(j: Journey) -> None:
        await j.push("hello", only=vips)
        await j.push("again", only=Segment("vips", trait("tier") == "silver"))

    assert told(by_name) == ["hello goes only= to a Segment(…), not str"]
    assert told(of_two) == ["two different segments are called 'vips'; rename one"]


def test_what_is_unset_is_not_written_so_that_old_histories_look_as_they_did() -> None:
    call = message_calls(cart_abandonment)[0]
    assert "only" not in call.model_dump_json()
    assert '"only":"vips"' in call.model_copy(update={"only": "vips"}).model_dump_json()
    assert DeliverRequest.model_validate_json(call.model_dump_json()) == call
    assert Receipt(outcome="sent").model_dump_json() == '{"outcome":"sent","reason":null,"retry_at":null}'  # type: ignore[arg-type]
