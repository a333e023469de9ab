"""What a change does to people, over edits of which a real server has told whom they fit, and over a few more."""

from collections.abc import Mapping

import pytest
from changing import BESIDE
from edits import EDITS, FIRST

from journeys.versions.archive import Archive
from journeys.versions.loading import load
from journeys.walk.changes import Change, Version, changes
from journeys.walk.explore import explore
from journeys.walk.fitting import fits

#: Where the runs of the edits stand: a message is sent, and a timer set.
STANDING = 2
#: What each edit does to people, by rule.
TOLD = {
    "a wait is put in before": {"message-moved", "duration-changed", "does-not-fit"},
    "a message is put in before": {"message-moved", "message-more-often", "does-not-fit"},
    "a message is taken out before": {"message-moved", "message-less-often", "does-not-fit"},
    "a message is sent twice before": {"message-more-often", "does-not-fit"},
    "the wait is taken out": {"message-moved", "duration-changed", "does-not-fit"},
    "the wait becomes a question": {"question-added", "message-moved", "duration-changed", "does-not-fit"},
    "a question is put before the wait": {"question-added", "condition-changed", "duration-changed", "does-not-fit"},
    "the wait moves into an experiment": {"question-added", "does-not-fit"},
    "the wait moves into a function": set(),
    "the wait is longer": {"message-moved", "duration-changed"},
    "the wait is counted from the entry": set(),
    "a message is put in behind": {"message-more-often"},
    "a message is taken out behind": {"message-removed", "does-not-fit"},
    "the last message is another": {"message-removed", "message-more-often", "does-not-fit"},
    "the goal is another": {"goal-changed"},
    "the ceiling is lower": {"most-changed"},
    "the holdout is nearly everybody": {"holdout-changed"},
    "it is quiet all day": {"quiet-hours-changed"},
    "the cap is one in a month": {"caps-changed"},
    "the purpose is another": {"purpose-changed"},
    "the parameters are others": {"params-changed"},
    "the segment is another": {"segment-changed"},
    "a helper is another": {"message-moved", "duration-changed"},
    "the journey is renamed": {"journey-renamed"},
    "a question is put in behind": {"question-added", "condition-changed", "does-not-fit"},
    "the wait becomes three": {"does-not-fit"},
    "the first message waits": {"message-moved", "duration-changed", "does-not-fit"},
    "the first message waits for somebody": {"wait-added", "message-moved", "duration-changed", "does-not-fit"},
    "the wait becomes one for somebody": {"wait-added", "message-moved", "duration-changed", "does-not-fit"},
    "the wait becomes a time of day": {"until-added", "message-moved", "duration-changed", "does-not-fit"},
    "the wait is for some only": {"message-moved", "duration-changed", "does-not-fit"},
    "a trait is set before the wait": {"action-added", "does-not-fit"},
    "a segment is asked for before the wait": {"question-added", "does-not-fit"},
    "another journey ends before the wait": {"action-added", "does-not-fit"},
    "the journey starts itself before the wait": {"action-added", "does-not-fit"},
    "others are held during the wait": {"action-added", "does-not-fit"},
    "the entering event has a model": {"entry-model-changed"},
    "a helper sends twice": {"message-more-often", "does-not-fit"},
    "nothing but a template and a helper is another": {"template-changed"},
    "the journey is deleted": {"journey-added", "journey-removed"},
}


def version(text: str, templates: Mapping[str, str] | None = None, beside: str = "") -> Version:
    own = {"acme_changed/__init__.py": text, f"{BESIDE}.py": f"def span():\n    return 3\n{beside}"}
    return Version(load(Archive("acme_changed", own)), templates or {})


def changed(before: str, after: str) -> list[Change]:
    return changes(version(before), version(after))


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_told_by_what_it_does_to_people_and_whom_it_fits(edit: str) -> None:
    before, after, fitting, beside = EDITS[edit]
    template = "last.push.yaml"
    old = version(FIRST, {template: "the last"})
    new = version(FIRST.replace(before, after, 1), {template: "the last" if before else "another"}, beside)
    assert {change.rule for change in changes(old, new)} == TOLD[edit]
    journey = new.catalogue.journeys.get("greets")
    ways = explore(old.catalogue.journeys["greets"]).paths
    assert (journey is not None and all(fits(way, journey) >= STANDING for way in ways)) is fitting


WAIT = 'wait for tier is "gold", at most 2 d'
STEPS = """
from journeys import Journey, after, days, did, journey, purchases, trait

@journey(goal=purchases, reentry=after(days=7))
async def trial(j: Journey) -> None:
    answer = await j.first(vip=trait("tier") == "gold", timeout=days(2))
    if answer.vip:
        await j.push("hello", code="A")
    async with j.experiment("news", video=0.5, article=0.5) as arm:
        await j.email(f"news-{arm}")
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("days=7", "days=14", ["reentry: again 7 d after the last run ended, and now again 14 d after the last run ended"]),
        ('code="A"', 'code="B"', ["push hello, with: code A, and now code B"]),
        (
            "video=0.5, article=0.5",
            "video=0.9, article=0.1",
            ["arm of news, with: video 0.5, article 0.5, and now video 0.9, article 0.1"],
        ),
        ('push("hello"', 'push("hi"', ["message at once: push hello, and now push hi"]),
        ('push("hello"', 'whatsapp("hello"', ["message at once: push hello, and now whatsapp hello"]),
        (
            "if answer.vip",
            "if not answer.vip",
            [
                "push hello, when: at once, and now 2 d",
                f"push hello, if (others get it now): {WAIT}: vip, and now {WAIT}: in vain",
            ],
        ),
        (
            '== "gold"',
            '== "silver"',
            ['what is waited for: wait for tier is "gold", at most 2 d, and now wait for tier is "silver", at most 2 d'],
        ),
        ("did, journey", "did, days as day, journey", []),
    ],
)
def test_what_people_get_when_and_why_is_told_in_one_line_each(old: str, new: str, told: list[str]) -> None:
    assert old in STEPS
    found = changed(STEPS, STEPS.replace(old, new, 1))
    assert [change.message for change in found if change.rule != "does-not-fit"] == told
    assert all(change.journey == "trial" for change in found)


@pytest.mark.parametrize("now", ['push("hi"', 'whatsapp("hello"'])
def test_another_message_in_the_place_of_one_does_not_fit_whoever_had_that(now: str) -> None:
    (found,) = (each for each in changed(STEPS, STEPS.replace('push("hello"', now, 1)) if each.rule == "does-not-fit")
    assert "who has come to 'push hello' (0 s) could not go on with this code" in found.message


def test_templates_and_journeys_that_come_and_go_are_told() -> None:
    second = STEPS[STEPS.index("@journey") :].replace("async def trial", "async def second").replace("hello", "hi")
    old = version(STEPS, {"hi.push.yaml": "title: Hi", "gone.push.yaml": ""})
    new = version(STEPS + second, {"hi.push.yaml": "title: Hello", "new.push.yaml": ""})
    assert {(change.rule, change.what) for change in changes(old, new)} == {
        ("journey-added", "the journey is new"),
        ("template-changed", "template hi.push.yaml is changed"),
        ("template-removed", "template gone.push.yaml is taken out"),
        ("template-added", "template new.push.yaml is new"),
    }
    assert "journey-removed" in {change.rule for change in changes(new, old)}
    assert changes(new, new) == []


OPEN = "until it is 09:00 to 20:00"
CLOCKS = """
from journeys import Journey, journey, purchases

@journey(goal=purchases)
async def trial(j: Journey) -> None:
    await j.window("09:00", "20:00", weekdays=("mon", "tue"))
    await j.until("09:30", weekday="sat")
    await j.push("hello")
    async for _ in j.every(days=7, times=2):
        pass
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('("mon", "tue")', '("thu", "fri")', ("window", f"{OPEN} on mon, tue", f"{OPEN} on thu, fri")),
        ('weekday="sat"', 'weekday="sun"', ("until", "until sat 09:30", "until sun 09:30")),
        ("days=7", "days=8", ("every", "every 7 d", "every 8 d")),
    ],
)
def test_a_changed_clock_is_named(old: str, new: str, told: tuple[str, str, str]) -> None:
    found = changed(CLOCKS, CLOCKS.replace(old, new, 1))
    word, before, after = told
    assert (f"{word}-replaced", before, after) in {(each.rule, each.before, each.after) for each in found}


MANY = """
from journeys import Journey, journey, purchases

@journey(goal=purchases)
async def trial(j: Journey) -> None:
    for n in range(9):
        await j.push(f"a-{n}") or await j.email(f"b-{n}")
    await j.whatsapp("last")
"""


def test_no_condition_is_told_where_not_all_ways_were_seen() -> None:
    found = changed(MANY, MANY.replace("    for n", '    await j.push("visit")\n    for n'))
    assert not [each for each in found if each.rule == "condition-changed" or " if " in each.after]
    assert "not-all-ways-seen" in {each.rule for each in found}
    assert changed(MANY, MANY) == []


BEGUN = """
from journeys import Journey, journey, purchases

@journey(goal=purchases)
async def trial(j: Journey) -> None:
    await j.wait(seconds=2)
    if j.changed("x"):
        await j.push("hello")
    await j.wait(days=2)
    await j.push("last")
"""


def test_whoever_began_with_a_change_is_not_said_to_be_kept_from_going_on() -> None:
    assert "does-not-fit" not in {each.rule for each in changed(BEGUN, BEGUN.replace("days=2", "days=4"))}
    assert "does-not-fit" in {each.rule for each in changed(BEGUN, BEGUN.replace('"x"', '"y"'))}


ENDED = """
from journeys import Journey, days, did, journey, purchases

@journey(
    goal={"bought": purchases, "booked": did("Call Booked")},
    exits={"cancelled": did("Member Cancelled"), "too long": days(300)},
)
async def trial(j: Journey) -> None:
    await j.push("hello")
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("days(300)", "days(330)", "exits: too long: 300 d, and now too long: 330 d"),
        (', "too long": days(300)', "", "exits: too long: 300 d, and now none"),
        ('"Call Booked"', '"Call Held"', 'goals: booked: did "Call Booked", and now booked: did "Call Held"'),
    ],
)
def test_of_several_ends_what_is_another_is_told_in_words(old: str, new: str, told: str) -> None:
    assert told in [each.message for each in changed(ENDED, ENDED.replace(old, new))]


EVERY = """
from datetime import datetime, UTC
from typing import Literal
from pydantic import BaseModel
from journeys import (Effect, Experiment, GlobalHoldout, Journey, Plan, Place, Prices, Segment, Service, Show, Topic, Traits,
    Window, days, did, hours, journey, minutes, number, per_hour, purchases, ramp, trait, within)

class Points(BaseModel):
    tier: Literal["a", "b"]

class Answer(BaseModel):
    tier: Literal["a", "b"]

own = Traits("renews_on", income=number())
prices = Prices("EUR", push=0, whatsapp="0.01", email="0.01", sms="0.07")
few = GlobalHoldout(0.05, plan=Plan(days=90))
news = Experiment("news", {"video": 0.5, "article": 0.5}, control="article", plan=Plan(people=40_000, effect=Effect(0.03, 0.1)))
vips = Segment("vips", trait("tier") == "gold")
crm = Service("crm", sends=("entry.tier",), gives=Points, per_day=100)
hero = Place("hero", Show("note", when=vips), Show("other"))

@journey(goal=purchases, holdout=0.1, plan=Plan(days=28), capacity=100, topic=Topic("news", en="News"))
async def trial(j: Journey[Answer]) -> None:
    await j.push("hello", useless_after=hours(2), priority=-1, window=Window("09:00", "18:00"), send_time=within(hours=4))
    task = j.task("Call", to="care", by=days(2), escalate="lead", choices=("yes", "no"), values=("seats",))
    answer = await j.first(called=task, bought=did("Bought"), timeout=days(3))
    points = await j.fetch(crm, within=minutes(2))
    await j.webhook(crm, "seen", within=hours(1))
    said = await j.ask("how", choices=("good", "bad"), number=(0, 10), within=hours(3))
    for n in (1, 2):
        await j.sms("again", n=n, transactional=True)
    await j.wait_for(did("Seen"), since=j.entered_at - days(7), timeout=days(1))
    await j.until(trait="renews_on", at="10:00", yearly=False)
"""
TASK = 'wait for care: Call or did "Bought", at most 3 d, called:'


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("useless_after=hours(2)", "useless_after=hours(3)", "push hello, useless after: 2 h, and now 3 h"),
        ("useless_after=hours(2), ", "", "push hello, useless after: 2 h, and now none"),
        ("priority=-1", "priority=-2", "push hello, priority: -1, and now -2"),
        ('window=Window("09:00"', 'window=Window("10:00"', "push hello, window: 09:00 to 18:00, and now 10:00 to 18:00"),
        (
            "within(hours=4)",
            "within(hours=5)",
            "push hello, send time: the best hour within 4 h, and now the best hour within 5 h",
        ),
        ("by=days(2)", "by=days(1)", f"{TASK} by: 2 d, and now 1 d"),
        ('escalate="lead"', 'escalate="boss"', f"{TASK} escalate: lead, and now boss"),
        ('"yes", "no"', '"yes", "no", "late"', f"{TASK} choices: yes, no, and now yes, no, late"),
        ('"seats",', '"seats", "cars"', f"{TASK} values: seats, and now seats, cars"),
        ("within=minutes(2)", "within=minutes(3)", "fetch crm, within: 2 min, and now 3 min"),
        ("within=hours(1)", "within=hours(2)", "webhook crm seen, within: 1 h, and now 2 h"),
        (
            'sends=("entry.tier",)',
            'sends=("entry.tier", "customer.email")',
            "service crm, sends: entry.tier, and now entry.tier, customer.email",
        ),
        ("per_day=100", "per_day=10", "service crm, per day: 100, and now 10"),
        ("gives=Points", 'gives=Points, function="a.b:c"', "service crm, function: none, and now a.b:c"),
        ("(0, 10)", "(1, 10)", "what whatsapp how was answered, number: 0 to 10, and now 1 to 10"),
        ("(1, 2)", "(1, 3)", "sms again, with: n 1 or n 2, and now n 1 or n 3"),
        (
            "days(7)",
            "days(8)",
            'wait for did "Seen", at most 1 d, counted since: 7 d before entry, and now 8 d before entry',
        ),
        ('at="10:00", yearly=False', 'at="10:00"', "when is it renews_on 10:00?, each year: no, and now yes"),
        (
            "0.05",
            "0.06",
            "the global holdout: 0.05 of all customers, drawn by global",
        ),
        ("Plan(days=90)", "Plan(days=60)", "drawn by global, over after 60 days"),
        ("Plan(days=28)", "Plan(days=29)", "plan: over after 28 days, and now over after 29 days"),
        (
            'control="article", ',
            'control="video", ',
            "and now video 0.5 : article 0.5, against video, over after 40,000 people, to find a lift of +10 % on a rate of 3",
        ),
        ("Effect(0.03, 0.1)", "Effect(0.03, 0.1000001)", "to find a lift of +10.00001 % on a rate of 3 %"),
        ('sms="0.07"', 'sms="0.08"', "what messages cost: sms: 70000, and now sms: 80000"),
        ("when=vips", 'when=did("Seen")', None),
        ("number()", 'number(decimal=",")', None),
        ('en="News"', 'en="Our news"', "topic: news (en: News), and now news (en: Our news)"),
        ("capacity=100", "capacity=10", "limits: capacity: 100, and now capacity: 10"),
        (
            "capacity=100",
            "capacity=100, opens=datetime(2026, 5, 1, 9, tzinfo=UTC), rate=ramp(per_hour(1), per_hour(9), every=days(1))",
            "limits: none, and now opens: 2026-05-01 09:00 UTC, rate: 1 in 1 h, then 9 in 1 h, each for 1 d",
        ),
    ],
)
def test_every_argument_that_reaches_people_is_told(old: str, new: str, told: str | None) -> None:
    assert old in EVERY
    messages = [each.message for each in changed(EVERY, EVERY.replace(old, new, 1))]
    assert [each for each in messages if told is None or told in each], messages
    assert not [each for each in messages if "object at" in each or "Limits(" in each]
    assert changed(EVERY, EVERY) == []


DATED = """
from journeys import Journey, days, journey, purchases

@journey(goal=purchases)
async def trial(j: Journey) -> None:
    await j.push("hello")
    if await j.until(trait="renews_on", at="10:00"):
        await j.push("renew")
        await j.wait(days=2)
        await j.push("renewed")
        await j.until(trait="ends_on", after=days(3), at="10:00")
        await j.push("ended")
"""


def test_a_date_in_another_trait_moves_only_what_hangs_on_it() -> None:
    found = changed(DATED, DATED.replace("renews_on", "ends_on", 1))
    assert [(each.what, each.before, each.after) for each in found if each.rule == "message-moved"] == [
        ("push renew, when", "at renews_on 10:00", "at ends_on 10:00"),
        ("push renewed, when", "2 d after renews_on 10:00", "2 d after ends_on 10:00"),
        (
            "push ended, when",
            "at 3 d after ends_on 10:00, 2 d after renews_on 10:00",
            "at 3 d after ends_on 10:00, 2 d after ends_on 10:00",
        ),
    ]
    assert not [each for each in found if each.rule == "duration-changed"]


DECIDED = """
from typing import Literal
from pydantic import BaseModel
from journeys import Journey, Service, journey, purchases, trait

class Answer(BaseModel):
    tier: Literal["a", "b", "c"]
    limit: int

crm = Service("crm", gives=Answer)

@journey(goal=purchases)
async def trial(j: Journey[Answer]) -> None:
    if j.entry.tier == "a":
        await j.email("entered")
    points = await j.fetch(crm)
    if points and points.value.tier == "a" and points.value.limit > 50:
        await j.push("gold")
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            'j.entry.tier == "a"',
            'j.entry.tier == "b"',
            "email entered, if (others get it now): entry.tier = a, and now entry.tier = b",
        ),
        (
            'points.value.tier == "a"',
            'points.value.tier == "b"',
            "push gold, if (others get it now): crm.tier = a, and now crm.tier = b",
        ),
        ("> 50", "> 60", "push gold, if (others get it now): limit from 51, and now limit from 61"),
        (" and points.value.limit > 50", "", "push gold, if (more get it now): limit from 51, and now always"),
        ('if j.entry.tier == "a"', 'if j.entry.tier == "a" and j.entry.limit > 5', "email entered, if (fewer get it now)"),
    ],
)
def test_a_condition_that_is_another_in_its_place_says_that_others_get_the_message(old: str, new: str, told: str) -> None:
    assert old in DECIDED
    messages = [each.message for each in changed(DECIDED, DECIDED.replace(old, new, 1))]
    assert [each for each in messages if told in each], messages


def test_a_changed_template_is_told_by_its_text_and_by_who_sends_it() -> None:
    texts = {"deep/hello.push.yaml": "title: Hi\nbody: there\n", "hello.es.push.yaml": "title: Hola", "x.push.yaml": "title: X"}
    new = {
        "deep/hello.push.yaml": "title: Hello\nbody: there\n",
        "hello.es.push.yaml": "title: Buenas",
        "x.push.yaml": "title: Y",
    }
    found = changes(version(STEPS, texts), version(STEPS, new))
    assert [(each.journey, each.what, each.before, each.after) for each in found] == [
        ("trial", "template deep/hello.push.yaml is changed", "title: Hi", "title: Hello"),
        ("trial", "template hello.es.push.yaml is changed", "title: Hola", "title: Buenas"),
        ("", "template x.push.yaml is changed", "title: X", "title: Y"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "label"),
    [
        ('weekday="sat"', 'weekday="sun"', "when it goes on"),
        ("days=7", "days=8", "how often it comes round"),
        ('("mon", "tue")', '("thu", "fri")', "when it goes on"),
    ],
)
def test_what_stands_in_the_place_of_another_is_named_by_what_it_is(old: str, new: str, label: str) -> None:
    assert label in {each.what for each in changed(CLOCKS, CLOCKS.replace(old, new, 1))}


def test_a_message_that_comes_later_than_at_once_is_named_after_its_time() -> None:
    later = STEPS.replace("    answer", "    await j.wait(days=2)\n    answer")
    found = changed(later, later.replace('push("hello"', 'push("hi"'))
    assert "message after 2 d" in {each.what for each in found}
