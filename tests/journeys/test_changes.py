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
    "the last message is another": {"message-removed", "message-more-often"},
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
            ["push hello, when: at once, and now 2 d", f"push hello, if: {WAIT}: vip, and now {WAIT}: in vain"],
        ),
        (
            '== "gold"',
            '== "silver"',
            ['wait at once: wait for tier is "gold", at most 2 d, and now wait for tier is "silver", at most 2 d'],
        ),
        ("did, journey", "did, days as day, journey", []),
    ],
)
def test_what_people_get_when_and_why_is_told_in_one_line_each(old: str, new: str, told: list[str]) -> None:
    assert old in STEPS
    found = changed(STEPS, STEPS.replace(old, new, 1))
    assert [change.message for change in found if change.rule != "does-not-fit"] == told
    assert all(change.journey == "trial" for change in found)


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
