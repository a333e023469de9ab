"""Where a run stands, told from what is on record: ways of every journey of the catalogue, cut off at each wait."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from pydantic import BaseModel

from journeys import Journey, Service, journey
from journeys.catalogue import load
from journeys.contracts import Outcome, Reason, Receipt, RunStart
from journeys.heard import Happened
from journeys.walk.explore import ANY_DAY, Path, entered, explore
from journeys.walk.retrace import Asked, Known, Standing, Told, Waited, retrace


class Points(BaseModel):
    balance: int


POINTS = Service("points", gives=Points)
JOURNEYS = load("definitions").journeys
A_MOMENT = timedelta(seconds=1)


def on_record(path: Path, steps: int) -> Known:
    """What Postgres knows when a run has done so many effects of a path; the wait that follows is written down, too."""
    messages: dict[tuple[str, int], Told] = {}
    waits: dict[int, Waited] = {}
    arms: dict[str, str] = {}
    occurrences: Counter[str] = Counter()
    for n, effect in enumerate(path.effects[: steps + 1]):
        at = ANY_DAY + effect.at
        if effect.request is not None and n < steps:
            step = effect.request.step
            occurrences[step] += 1
            sent = Receipt(outcome=Outcome.SENT)
            receipt = sent if effect.answer == "sent" else Receipt(outcome=Outcome.SKIPPED, reason=Reason.UNREACHABLE)
            messages[step, occurrences[step]] = Told(receipt, at)
        elif effect.kind == "first":
            number = len(waits) + 1
            happened = None
            if n < steps and effect.answer != "in vain":
                which, _, outcome = effect.answer.partition(": ")
                happened = Happened(wait=number, which=which, at=at, answer={"outcome": outcome} if outcome else {})
            waits[number] = Waited(at + effect.lasts, happened)
        elif effect.what.startswith("arm of ") and n < steps:
            arms[effect.what.removeprefix("arm of ")] = effect.answer
    return Known(messages, waits, arms)


def told(name: str, path: Path, steps: int, now: datetime) -> Standing | None:
    return retrace(JOURNEYS[name], entered(path.params, path.entry), on_record(path, steps), now)


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_run_stands_where_its_records_end(name: str) -> None:
    """A step that waits is stood in; what is answered at once is gone through, so the run stands at what follows."""
    cuts = 0
    for path in explore(JOURNEYS[name]).paths[:6]:
        for n, effect in enumerate(path.effects[:15]):
            if effect.kind not in ("wait", "first") or not effect.lasts:
                continue
            standing = told(name, path, n, ANY_DAY + effect.at + A_MOMENT)
            assert standing is not None
            assert effect.what in {stop.what for stop in standing.stops}, (path.effects, n)
            assert ANY_DAY + effect.at + effect.lasts in {stop.until for stop in standing.stops}
            cuts += 1
    assert cuts or name == "second_purchase"


def test_what_comes_next_is_told_with_its_times_and_whether_it_is_sure() -> None:
    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    sent = {("push:cart-reminder", 1): Told(Receipt(outcome=Outcome.SENT), ANY_DAY + timedelta(hours=1))}
    standing = retrace(JOURNEYS["cart_abandonment"], start, Known(sent), ANY_DAY + timedelta(hours=2))
    assert standing is not None
    assert [(stop.what, stop.until) for stop in standing.stops] == [("until 1 d after entry", ANY_DAY + timedelta(days=1))]
    assert [(each.what, each.earliest - ANY_DAY, each.sure) for each in standing.ahead] == [
        ("whatsapp cart-link", timedelta(days=1), True),
        ("email cart-alternatives", timedelta(days=3), True),
        ("finished", timedelta(days=3), True),
    ]


def test_a_run_that_was_moved_here_stands_behind_a_change_that_it_does_not_have() -> None:
    async def steps(j: Journey) -> None:
        if j.changed("greets"):
            await j.email("hello")
        await j.wait(hours=1)
        await j.push("note")
        await j.wait(days=2)

    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    sent = {("push:note", 1): Told(Receipt(outcome=Outcome.SENT), ANY_DAY + timedelta(hours=1))}
    standing = retrace(journey()(steps), start, Known(sent), ANY_DAY + timedelta(hours=2))
    assert standing is not None
    assert [stop.what for stop in standing.stops] == ["wait 2 d"]


def test_what_an_exit_ends_is_not_told_as_finished() -> None:
    async def steps(j: Journey) -> None:
        await j.wait(days=40)
        await j.push("note")

    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    standing = retrace(journey(exits={"too long": timedelta(days=30)})(steps), start, Known(), ANY_DAY + timedelta(hours=2))
    assert standing is not None
    assert [(each.kind, each.what, each.earliest) for each in standing.ahead] == [
        ("end", "too long", ANY_DAY + timedelta(days=30))
    ]


def test_a_call_that_has_no_answer_yet_is_where_the_run_stands_and_its_refusal_is_known() -> None:
    async def steps(j: Journey) -> None:
        answer = await j.fetch(POINTS)
        await j.wait(hours=answer.value.balance if answer else 2)
        await j.push("note")

    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    again = ANY_DAY + timedelta(minutes=9)
    stood = []
    for asked in (Asked(None, again), Asked(ANY_DAY, answer={"balance": 7}), Asked(ANY_DAY, reason=Reason.SAID_NO)):
        standing = retrace(journey()(steps), start, Known(calls={1: asked}), ANY_DAY + timedelta(minutes=5))
        assert standing is not None
        stood.append([(stop.what, stop.until) for stop in standing.stops])
    hour = timedelta(hours=1)
    assert stood == [[("fetch points", again)], [("wait 7 h", ANY_DAY + 7 * hour)], [("wait 2 h", ANY_DAY + 2 * hour)]]


def test_a_message_that_waits_is_where_the_run_stands() -> None:
    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    again = ANY_DAY + timedelta(hours=8)
    held = {("push:cart-reminder", 1): Told(None, ANY_DAY + timedelta(hours=1), again)}
    standing = retrace(JOURNEYS["cart_abandonment"], start, Known(held), ANY_DAY + timedelta(hours=2))
    assert standing is not None
    assert [(stop.kind, stop.what, stop.until) for stop in standing.stops] == [("message", "push cart-reminder", again)]
    assert [each.earliest for each in standing.ahead][:2] == [again, ANY_DAY + timedelta(days=1)]


def test_what_follows_something_that_may_come_any_time_in_a_wait_has_a_range() -> None:
    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    nps = JOURNEYS["nps"]
    start = start.model_copy(update={"entry": {"score": 3}})
    now, until = ANY_DAY + timedelta(hours=1), ANY_DAY + timedelta(days=4)
    standing = retrace(nps, start, Known(waits={1: Waited(until)}), now)
    assert standing is not None
    ahead = {each.what: (each.earliest, each.latest) for each in standing.ahead}
    assert ahead["push thanks-for-talking"] == (now, until)
    assert standing.releases == (now, until)


def test_a_message_that_another_journey_keeps_back_goes_when_that_lets_it_go() -> None:
    start = RunStart(run_id=UUID(int=1), customer_id=UUID(int=1), entered_at=ANY_DAY, started_at=ANY_DAY)
    hour = timedelta(hours=1)
    definition = JOURNEYS["cart_abandonment"]
    useless = ANY_DAY + hour + definition.spec.useless_after
    between = ANY_DAY + 4 * hour, ANY_DAY + timedelta(days=9)
    asked = {("push:cart-reminder", 1): Told(None, ANY_DAY + hour, ANY_DAY + 2 * hour)}
    for messages, now in (({}, ANY_DAY), (asked, ANY_DAY + 1.5 * hour)):
        standing = retrace(definition, start, Known(messages, held=between), now)
        assert standing is not None
        first = next(each for each in standing.ahead if each.what == "push cart-reminder")
        assert (first.earliest, first.latest) == (between[0], useless)
