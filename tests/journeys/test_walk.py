"""Looking into journeys without running them."""

import gc
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4
from weakref import ref

from pydantic import BaseModel

from definitions.cart_abandonment import cart_abandonment
from journeys import Effect, Experiment, Journey, JourneyDefinition, Plan, QuietHours, Service, Window, journey
from journeys.contracts import DeliverRequest, Receipt, RunStart
from journeys.rules import Rule
from journeys.walk.explore import explore
from journeys.walk.graph import graph_of, mermaid
from journeys.walk.leading import leading_wait
from journeys.walk.lint import lint
from journeys.walk.picture import svg
from journeys.walk.seen import look_through, message_calls
from segments import Segment, did, purchases, trait

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def start(late: timedelta = timedelta(0), **params: object) -> RunStart:
    return RunStart.model_validate(
        {"run_id": uuid4(), "customer_id": uuid4(), "entered_at": NOON, "started_at": NOON + late, "params": params}
    )


def told(definition: JourneyDefinition) -> list[str]:
    return [problem.told for problem in look_through(definition).problems.values()]


def test_the_leading_wait_counts_from_entry() -> None:
    assert leading_wait(cart_abandonment, start()) == timedelta(hours=1)
    assert leading_wait(cart_abandonment, start(timedelta(minutes=10))) == timedelta(minutes=50)
    assert leading_wait(cart_abandonment, start(timedelta(hours=2))) == timedelta(0)


def test_a_span_may_be_given_whole() -> None:
    @journey()
    async def whole(j: Journey) -> None:
        await j.wait(timedelta(days=3))
        await j.at(timedelta(days=5))

    assert leading_wait(whole, start()) == timedelta(days=3)
    assert [effect.what for effect in explore(whole).paths[0].effects] == ["wait 3 d", "until 5 d after entry"]


def test_a_leading_wait_may_depend_on_a_parameter() -> None:
    @journey()
    async def patient(j: Journey) -> None:
        await j.wait(hours=j.params.hours)

    assert leading_wait(patient, start(timedelta(minutes=1), hours=3)) == timedelta(hours=3)


async def test_a_journey_that_never_comes_to_its_first_effect_has_no_leading_wait() -> None:
    @journey()
    async def loops(j: Journey) -> None:
        while j.entered_at:
            pass
        await j.wait(hours=1)

    assert isinstance(loops, JourneyDefinition)
    assert leading_wait(loops, start()) == timedelta(0), "in the thread of an event loop, too"


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

    assert told(by_name) == [
        "hello goes only= to a Segment(…), or where a context suits, not str; give it a Segment(…), or weather.where(…)"
    ]
    assert told(of_two) == ["two different segments are called 'vips'; rename one"]


def test_what_is_unset_is_not_written_so_that_old_histories_look_as_they_did() -> None:
    call = message_calls(cart_abandonment)[0]
    assert "only" not in call.model_dump_json()
    assert '"only":"vips"' in call.model_copy(update={"only": "vips"}).model_dump_json()
    assert DeliverRequest.model_validate_json(call.model_dump_json()) == call
    assert Receipt(outcome="sent").model_dump_json() == '{"outcome":"sent","reason":null,"retry_at":null}'  # type: ignore[arg-type]


class Code(BaseModel):
    code: UUID


class Rating(BaseModel):
    score: int


def ways(definition: JourneyDefinition) -> list[list[str]]:
    return sorted(
        [f"{effect.what}: {effect.answer}" if effect.answer else effect.what for effect in path.effects]
        for path in explore(definition).paths
    )


def test_each_effect_is_answered_each_way() -> None:
    @journey(goal=purchases)
    async def several(j: Journey) -> None:
        answer = await j.first(bought=purchases, vip=trait("tier") == "gold", timeout=timedelta(days=1))
        if answer.vip:
            async with j.experiment("x", video=0.5, article=0.5) as arm:
                await j.email(arm)

    assert [way[1:] for way in ways(several)] == [
        [],
        [],
        ["arm of x: article", "email article: not sent"],
        ["arm of x: article", "email article: sent"],
        ["arm of x: video", "email video: not sent"],
        ["arm of x: video", "email video: sent"],
    ]


def test_a_journey_is_looked_through_once_each_by_itself_and_forgotten_with_it() -> None:
    walked = []

    async def steps(j: Journey) -> None:
        walked.append(j)
        await j.push("hello")

    one, other = journey(goal=purchases)(steps), journey(goal=purchases)(steps)
    assert one == other
    seen = look_through(one)
    ways = len(walked)
    assert look_through(one) is seen
    assert message_calls(one)
    assert len(walked) == ways > 0
    assert look_through(other) is not seen
    assert len(walked) == 2 * ways
    walked.clear()
    kept = ref(one)
    del one
    gc.collect()
    assert kept() is None


def test_both_sides_of_what_the_entering_event_is_compared_with_are_walked() -> None:
    @journey(goal=purchases)
    async def by_score(j: Journey[Rating]) -> None:
        if j.entry.score >= 9:
            await j.push("high")
        elif j.entry.score >= 7:
            await j.push("middle")
        else:
            await j.push("low")

    assert {call.template for call in message_calls(by_score)} == {"high", "middle", "low"}
    assert lint(by_score) == []


def test_many_answers_are_not_walked_in_every_combination_and_none_is_left_out() -> None:
    @journey(goal=purchases)
    async def long(j: Journey) -> None:
        for n in range(20):
            await j.push(f"push-{n}") or await j.email(f"email-{n}")
            await j.wait(days=1)

    explored = explore(long)
    assert not explored.complete
    assert len(explored.paths) < 1_000
    assert {call.template for call in message_calls(long)} == {f"{kind}-{n}" for kind in ("push", "email") for n in range(20)}


def test_a_loop_is_an_edge_back_in_the_graph() -> None:
    @journey(goal=purchases)
    async def weekly(j: Journey) -> None:
        async for _ in j.every(days=7, times=3):
            await j.push("digest")

    drawn = graph_of(weekly)
    assert [(node.kind, node.what, node.when) for node in drawn.nodes] == [
        ("begin", "is started by API", "0 s"),
        ("message", "push digest", "0 s to 14 d"),
        ("wait", "every 7 d", "0 s to 7 d"),
        ("end", "finished", "0 s"),
    ]
    assert [(edge.source, edge.target) for edge in drawn.edges if edge.back] == [("n2", "n1")]
    assert "n2 --> n1" in mermaid(drawn)
    assert ET.fromstring(svg(drawn)).tag.endswith("svg")


def test_answers_that_lead_to_one_place_share_an_edge() -> None:
    @journey(goal=purchases)
    async def forked(j: Journey) -> None:
        answer = await j.first(a=purchases, b=trait("x") == 1, c=trait("y") == 1, timeout=timedelta(days=1))
        if answer.a or answer.b:
            await j.push("ab")
        elif answer.c:
            await j.push("c")

    assert {edge.answer for edge in graph_of(forked).edges if edge.source == "n1"} == {"a or b", "c", "in vain"}


def test_what_loads_but_is_hardly_meant() -> None:
    @journey()
    async def aimless(j: Journey) -> None:
        await j.push("hello")

    @journey(goal=purchases)
    async def silent(j: Journey) -> None:
        await j.wait(days=1)

    @journey(goal=purchases)
    async def again(j: Journey) -> None:
        await j.push("hello")
        await j.wait(days=1)
        await j.push("hello")

    @journey(goal=purchases)
    async def dead(j: Journey) -> None:
        receipt = await j.push("hello")
        if receipt.sent and not receipt:
            await j.email("hello")

    @journey(goal=purchases)
    async def fine(j: Journey) -> None:
        await j.push("hello") or await j.email("hello")

    found = {definition.name: lint(definition) for definition in (aimless, silent, again, dead, fine)}
    assert {name: [finding.rule for finding in findings] for name, findings in found.items()} == {
        "aimless": ["no-goal"],
        "silent": ["no-message"],
        "again": ["sent-twice"],
        "dead": ["unreached"],
        "fine": [],
    }
    (unreached,) = found["dead"]
    assert Path(unreached.file).read_text().splitlines()[unreached.line - 1].strip() == 'await j.email("hello")'
    assert all(finding.file == __file__ and finding.remedy for findings in found.values() for finding in findings)


def test_a_look_each_morning_is_not_one_at_the_hour_of_entry() -> None:
    rain = did("Rained").within(hours=6)

    @journey(goal=purchases)
    async def at_entry(j: Journey) -> None:
        async for _ in j.every(days=1, times=8):
            if await j.reached(rain):
                await j.push("umbrella")
                return
            await j.until("08:00")

    @journey(goal=purchases)
    async def each_morning(j: Journey) -> None:
        for _ in range(8):
            await j.until("08:00")
            if await j.reached(rain):
                await j.push("umbrella")
                return

    @journey(goal=purchases)
    async def digest(j: Journey) -> None:
        async for week in j.every(days=7, times=3):
            await j.until("08:00")
            await j.email("digest", week=week)

    (doubt,) = lint(at_entry)
    assert (doubt.rule, "await j.until" in doubt.remedy) == ("clock-in-every", True)
    assert Path(doubt.file).read_text().splitlines()[doubt.line - 1].strip() == 'await j.until("08:00")'
    assert (lint(each_morning), lint(digest)) == ([], [])


def test_what_is_for_nothing_and_what_comes_too_late() -> None:
    @journey()
    async def bookkeeping(j: Journey) -> None:
        await j.push("receipt", transactional=True)

    @journey(goal=purchases)
    async def slow(j: Journey) -> None:
        call = j.task("Call", to="care", by=timedelta(days=4), escalate="care-lead")
        await j.wait_for(call, timeout=timedelta(days=4))

    @journey(goal=purchases, quiet_hours=QuietHours("22:00", "08:00"), useless_after=timedelta(hours=9, minutes=59))
    async def nightly(j: Journey) -> None:
        await j.push("hello")

    @journey(goal=purchases, quiet_hours=QuietHours("22:00", "08:00"), useless_after=timedelta(hours=10))
    async def in_time(j: Journey) -> None:
        call = j.task("Call", to="care", by=timedelta(days=3), escalate="care-lead")
        await j.wait_for(call, timeout=timedelta(days=4)) or await j.push("hello")

    @journey(goal=purchases)
    async def shut(j: Journey) -> None:
        await j.push("hello", window=Window("09:00", "20:00"))
        await j.push("later", window=Window("09:00", "20:00"), useless_after=timedelta(hours=13))

    found = {each.name: [doubt.rule for doubt in lint(each)] for each in (bookkeeping, slow, nightly, in_time, shut)}
    assert found == {
        "bookkeeping": ["no-kpi"],
        "slow": ["delay-beyond-deadline"],
        "nightly": ["delay-beyond-deadline"],
        "in_time": [],
        "shut": ["delay-beyond-deadline"],
    }


def test_what_is_waited_for_in_vain() -> None:
    @journey(goal=purchases, exits={"cancelled": did("Cancelled")})
    async def vain(j: Journey) -> None:
        await j.first(replied=j.replied(), left=did("Left"), timeout=timedelta(days=1))
        await j.first(bought=purchases, cancelled=did("Cancelled"), timeout=timedelta(days=1))
        await j.wait_for(purchases, since=j.entered_at - timedelta(days=7), timeout=timedelta(days=1))
        await j.push("bye")

    @journey(goal=purchases)
    async def on_some_ways(j: Journey) -> None:
        if await j.is_in("gold"):
            await j.whatsapp("hello")
        await j.wait_for(j.replied(), timeout=timedelta(days=1))
        await j.together(j.email("hello"), j.wait_for(j.opened(), timeout=timedelta(days=1)))

    @journey(goal=purchases)
    async def beside(j: Journey) -> None:
        await j.together(j.wait_for(j.opened(), timeout=timedelta(days=1)), j.email("hello"))

    text = Path(__file__).read_text().splitlines()
    found = [(doubt.rule, text[doubt.line - 1].split("(")[1].partition("=")[0], doubt.text) for doubt in lint(vain)]
    assert [each[:2] for each in found] == [("cannot-come", "replied"), ("cannot-come", "bought"), ("cannot-come", "bought")]
    assert "none was sent before it" in found[0][2]
    assert {each[2].partition("ends the run first, ")[2] for each in found[1:]} == {
        "the goal: that cannot come",
        "cancelled: that cannot come",
    }
    assert lint(on_some_ways) == lint(beside) == []


def test_gov_03_a_plan_that_ends_before_its_effect_can_be_found_is_doubted() -> None:
    small, enough = Plan(people=20_000, effect=Effect(0.03, 0.1)), Plan(people=400_000, effect=Effect(0.03, 0.1))
    news = {"news": Experiment("news", {"video": 0.5, "article": 0.5}, plan=small)}

    @journey(goal=purchases, holdout=0.1, plan=small)
    async def hasty(j: Journey) -> None:
        async with j.experiment(news["news"]) as arm:
            await j.email(f"news-{arm}")

    found = lint(hasty, None, news)
    assert [each.rule for each in found] == ["too-small"] * 2
    # A single look needs 284,703; the one at a declared end (2.054 + 0.842)² / (1.960 + 0.842)² of that.
    told = "its holdout is too small for its effect. Its plan ends at 20,000 people, which shows at least a lift of +39.5 %"
    assert told in found[0].text
    assert "news is too small for its effect. Its plan ends at 20,000 people, which shows at least a lift" in found[1].text
    patient = replace(hasty, spec=replace(hasty.spec, plan=enough))
    assert [each.text.partition(" is too")[0] for each in lint(patient, None, news)] == ["journey hasty: news"]
    assert lint(patient) == []


def test_a_segment_that_only_the_api_may_have_is_doubted() -> None:
    gold = Segment("gold", trait("tier") == "gold")

    @journey(goal=purchases)
    async def named(j: Journey) -> None:
        await j.wait_for(j.entered("glod"), timeout=timedelta(days=1))
        await j.push("hello", only=gold)
        if await j.is_in("silver") or await j.is_in("gold"):
            await j.push("again")

    assert [(each.rule, each.text, each.remedy) for each in lint(named, {"gold"})] == [
        (
            "other-segment",
            "journey named: the catalogue has no segment 'glod'",
            "did you mean gold? If it is defined over the API, all is well",
        ),
        ("other-segment", "journey named: the catalogue has no segment 'silver'", "If it is defined over the API, all is well"),
    ]
    assert lint(named) == []


def test_a_step_behind_what_is_not_walked_on_both_sides_is_not_doubted() -> None:
    """The clock, and what is free in a parameter; beside them, what stands on no path still is."""

    @journey(goal=purchases)
    async def by_the_clock(j: Journey) -> None:
        late = j.now.month == 12
        if late:
            await j.push("happy-holidays")
        receipt = await j.push("hello")
        if receipt.sent and not receipt:
            await j.push("never")

    @journey(goal=purchases, params=Code)
    async def by_a_code(j: Journey) -> None:
        if j.params.code == UUID(int=7):
            await j.push("for-seven")
        if j.entered_at.month == 12:
            return
        await j.push("hello")

    assert lint(by_a_code) == []
    (doubt,) = lint(by_the_clock)
    assert Path(doubt.file).read_text().splitlines()[doubt.line - 1].strip() == 'await j.push("never")'


def test_a_loop_that_never_ends_hides_no_dead_step() -> None:
    @journey(goal=purchases)
    async def weekly(j: Journey) -> None:
        async for _ in j.every(days=7):
            receipt = await j.push("digest")
            if receipt.sent and not receipt:
                await j.push("never")

    (doubt,) = lint(weekly)
    assert (doubt.rule, doubt.text) == ("unreached", "journey weekly: j.push is on no path")


def test_moments_come_and_those_of_a_trait_may_not() -> None:
    @journey(goal=purchases)
    async def by_the_clock(j: Journey) -> None:
        await j.until(date(2026, 12, 24), "10:00")
        if await j.until(trait="birthday", at="10:00"):
            await j.push("hello")
        await j.window("09:00", "20:00", weekdays=("mon",))

    assert {call.template for call in message_calls(by_the_clock)} == {"hello"}
    assert {
        tuple(effect.answer for effect in path.effects if effect.kind == "question") for path in explore(by_the_clock).paths
    } == {
        ("it comes", "it comes"),
        ("it comes", "never"),
        ("never", "it comes"),
        ("never", "never"),
    }


def test_dates_come_before_a_journey_is_over_and_after() -> None:
    @journey(goal=purchases, exits={"too long": timedelta(days=30)})
    async def around(j: Journey) -> None:
        if await j.until(date(2026, 12, 24), "10:00"):
            await j.push("christmas")
        if await j.until(trait="profile.birthday", before=timedelta(days=3), at="10:00"):
            await j.push("soon")
            await j.until(trait="profile.birthday", at="10:00")
            await j.push("today")

    found = explore(around)
    assert {call.template: call.due_at.date() for call in reversed(message_calls(around))} == {
        "christmas": date(2026, 1, 2),
        "soon": date(2026, 1, 2),
        "today": date(2026, 1, 5),
    }
    assert any(path.effects[-1].what.startswith("until 2026-12-24") for path in found.paths)
    assert any(len(path.effects) == 3 and path.effects[-1].what.startswith("until 3 d before") for path in found.paths)
    assert lint(around) == []


def test_what_the_entering_event_and_a_change_decide_stands_at_the_edges() -> None:
    @journey(goal=purchases)
    async def by_score(j: Journey[Rating]) -> None:
        if j.entry.score >= 9:
            await j.push("high")
        elif j.entry.score >= 7:
            await j.push("middle")
        elif j.changed("asks"):
            await j.push("low")

    edges = [edge.answer for edge in graph_of(by_score).edges if edge.source == "begin"]
    assert sorted(edges) == [
        "score 7 to 8",
        "score from 9",
        "score up to 6 and begun before the change",
        "score up to 6 and begun with the change",
    ]

    @journey(goal=purchases)
    async def changed(j: Journey) -> None:
        if not await j.is_in("gold") and j.changed("asks"):
            await j.push("hello")

    assert {edge.answer for edge in graph_of(changed).edges if edge.source == "n1"} == {
        "no and begun with the change",
        "no and begun before the change or yes",
    }


def test_an_end_by_an_exit_is_drawn_by_its_name() -> None:
    @journey(goal=purchases, exits={"bought": did("Bought"), "too long": timedelta(days=30)})
    async def slow(j: Journey) -> None:
        if not await j.wait_for(trait("tier") == "gold", timeout=timedelta(days=40)):
            await j.push("hello")

    graph = graph_of(slow)
    ends = {node.id: node.what for node in graph.nodes if node.kind == "end"}
    assert {(edge.answer, ends[edge.target]) for edge in graph.edges if edge.target in ends} == {
        ("it", "finished"),
        ("in vain", "too long"),
    }


def test_what_none_of_the_walked_paths_comes_to_is_said() -> None:
    @journey(goal=purchases)
    async def long(j: Journey) -> None:
        receipt = None
        for n in range(20):
            receipt = await j.push(f"push-{n}") or await j.email(f"email-{n}")
            await j.wait(days=1)
        if receipt is None:
            await j.push("never")

    (doubt,) = lint(long)
    assert "is on no path of the " in doubt.text
    assert "that were walked, and so is not checked" in doubt.text


class Doses(BaseModel):
    doses: int
    cold: bool = False


class Vials(BaseModel):
    vials: int


def test_a_wait_of_several_lengths_is_one_node_and_numbers_that_were_tried_are_said_in_short() -> None:
    store = Service("store", gives=Vials)

    @journey(goal=purchases)
    async def refill(j: Journey[Doses]) -> None:
        stock = await j.fetch(store)
        if stock and stock.value.vials == 0:
            await j.email("scarce")
        await j.wait(days=max(1, j.entry.doses + 4))
        await j.window("09:00", "20:00")
        await j.push("refill")

    drawn = graph_of(refill)
    spans = [node.what for node in drawn.nodes if node.what.startswith("wait")]
    assert len(spans) == 1, spans
    assert " d to " in spans[0]
    assert spans[0].endswith(", by doses")
    assert not [edge for edge in drawn.edges if "vials=2 or" in edge.answer]
    assert drawn.nodes[0].what == "is started by API; times are of an entry on a Thursday at 00:00"


def test_times_are_those_of_each_choice_where_not_all_ways_are_walked() -> None:
    @journey(goal=purchases)
    async def many(j: Journey[Doses]) -> None:
        await j.wait(days=max(1, j.entry.doses))
        for n in range(8):
            await j.push(f"push-{n}") or await j.email(f"email-{n}")

    drawn = graph_of(many)
    times = {node.when for node in drawn.nodes if node.kind == "message"}
    assert not drawn.complete
    assert len(times) == 1, times
    assert " to " in times.pop()


def test_a_way_that_is_found_later_leads_on_and_not_back() -> None:
    @journey(goal=purchases)
    async def joins(j: Journey[Doses]) -> None:
        if j.entry.cold:
            await j.window("09:00", "20:00")
        await j.push("hello")

    drawn = graph_of(joins)
    (window,) = [node.id for node in drawn.nodes if node.kind == "wait"]
    assert [edge.back for edge in drawn.edges if edge.source == window] == [False]


def test_what_somebody_tells_beside_a_choice_is_not_walked_on_both_sides() -> None:
    @journey(goal=purchases)
    async def called(j: Journey) -> None:
        a = await j.first(called=j.task("Call", to="care", choices=("yes", "no"), values=("calls",)), timeout=timedelta(days=1))
        if a.called and a.called.answer.get("calls", 0) > 3:
            await j.push("often")
        if a.called and a.called.answer["outcome"] == "typo":
            await j.push("never")

    (problem,) = [problem for problem in lint(called) if problem.rule is Rule.UNREACHED]
    assert problem.line == called.steps.__code__.co_firstlineno + 6


def test_each_way_out_of_a_fork_says_which_branch_it_is() -> None:
    async def forks(j: Journey) -> None:
        await j.together(j.push("note"), j.wait(days=1), j.wait(days=2))

    edges = graph_of(journey()(forks)).edges
    fork = next(edge.target for edge in edges if edge.source == "begin")
    assert [edge.answer for edge in edges if edge.source == fork] == ["push", "wait", "wait 2"]


def test_a_message_that_comes_several_times_at_one_moment_is_told_and_one_with_other_params_is_another() -> None:
    @journey(goal=purchases)
    async def at_once(j: Journey) -> None:
        for _ in range(12):
            await j.push("a")

    @journey(goal=purchases)
    async def with_waits(j: Journey) -> None:
        for _ in range(3):
            await j.push("a")
            await j.wait_for(j.replied(), timeout=timedelta(days=2))
        for _ in range(3):
            await j.push("b")
            await j.wait(hours=1)

    @journey(goal=purchases)
    async def reminders(j: Journey) -> None:
        await j.push("reminder", left="7 days")
        await j.wait(days=6)
        await j.push("reminder", left="1 day")
        for n in range(3):
            await j.email("part", n=n)

    @journey(goal=purchases)
    async def the_same(j: Journey) -> None:
        await j.push("reminder", left="7 days")
        await j.wait(days=6)
        await j.push("reminder", left="7 days")

    (doubt,) = lint(at_once)
    assert doubt.rule is Rule.TWICE
    assert "'push a' reaches the same customer several times at one moment" in doubt.text
    assert lint(with_waits) == lint(reminders) == []
    assert [each.rule for each in lint(the_same)] == [Rule.TWICE]
