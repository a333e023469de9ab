"""E6, E7, E12, D3, D4: what is refused when a catalogue is loaded, each with its line and what to do, all at once."""

import sys
import threading
from ast import literal_eval
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from journeys import Traits
from journeys.catalogue import load
from journeys.check.check import check
from journeys.deadline import TookTooLong, within
from journeys.errors import CatalogueError, Problem
from journeys.rules import Rule
from journeys.telling import problem_of
from workers.definitions import Examined, examine, load_definitions

NAME = "refused_catalogue"
HEAD = """\
from datetime import UTC, datetime, timedelta; MAY = datetime(2026, 5, 1, tzinfo=UTC)
from journeys import Budget, Cap, Journey, Properties, Purpose, QuietHours, Traits, Window, after, journey, once
from journeys.policies import After, Conversion; from journeys import Experiment, Place, Plan, Show
from journeys import GlobalHoldout, Topic, left, per_hour, per_key, ramp, within; from segments import Segment, did, trait
carts = Segment("carts", did("Product Added"))
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / NAME
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    known = set(sys.modules)
    yield folder
    load.cache_clear()
    for name in set(sys.modules) - known:
        if name.startswith((NAME, "acme")):
            del sys.modules[name]


def examined(package: Path, source: str, **files: str) -> Examined:
    (package / "__init__.py").write_text(HEAD + source)
    (package / "hi.push.yaml").write_text("title: Hi\nbody: there\n")
    for name, text in files.items():
        (package / name.replace("__", ".")).write_text(text)
    return examine(NAME)


def told(package: Path, source: str, **files: str) -> list[str]:
    """Each problem as `line: text`, where line 1 is the first one below the head."""
    return [f"{problem.line - HEAD.count(chr(10))}: {problem.told}" for problem in examined(package, source, **files).problems]


def journey_of(*steps: str, declared: str = "", above: str = "") -> str:
    return f"{above}@journey({declared})\nasync def trial(j: Journey) -> None:\n" + "".join(f"    {step}\n" for step in steps)


@pytest.mark.parametrize(
    ("step", "sentence"),
    [
        ("await j.wait(hour=1)", "j.wait has no hour=; did you mean hours=?"),
        ("await j.at(hour=1)", "j.at has no hour=; did you mean hours=?"),
        ("await j.wait(3600)", "j.wait(3600) does not say of what; write j.wait(hours=3600)"),
        ("await j.wait()", "j.wait() does not say how long; write j.wait(hours=1)"),
        ("await j.wait(hours='1')", "j.wait: hours='1' is not a number; write j.wait(hours=1)"),
        ("await j.until(trait='x', at='10:00', yearly='no')", "until: yearly='no' is no flag; write yearly=True"),
        ("await j.until(trait='x', at='10:00', before=3)", "until: before=3 is no span; write before=days(3)"),
        ("await j.until(trait=7, at='10:00')", "until: trait=7 is no name of a trait"),
        ("await j.push('hi', transactional='no')", "hi: transactional='no' is no flag; write transactional=True"),
        ("await j.wait_for(j.task('Call', to='care', by=2))", "by is a span, not 2; write by=days(2)"),
        ("await j.wait_for(j.task('Call', to='care', choices='yes'))", "a task's choices= are several names"),
        ("await j.wait_for(did('X'), since='monday')", "since is an instant with its zone, not 'monday'"),
        ("await j.at('09:30')", """j.at('09:30') is a time of day, and j.at takes a span; write j.until("09:30")"""),
        ("await j.wait('09:30')", """and j.wait takes a span; write j.until("09:30")"""),
        ("await j.wait(datetime(2026, 5, 1))", "j.wait(datetime(2026, 5, 1)) takes a span, not an instant"),
        ("await j.wait(j.now)", "j.wait takes a span, not an instant; write j.wait(hours=…), or j.wait(days(3))"),
        ("await j.wait(timedelta(days=1), hours=2)", "j.wait takes one span; write j.wait(days=3, hours=4)"),
        ("await j.first(did('C'))", "under a name of yours; write j.first(a=did('C'), timeout=days(3))"),
        ("await j.together([j.push('hi'), j.wait(days=1)])", "not in a list; write j.together(j.push('hi'), j.wait(days=1))"),
        ("await j.together([j.push('hi') for n in (1, 2)])", "write j.together(*[j.push('hi') for n in (1, 2)])"),
        ("await j.wait_for(j.is_in(carts))", "is so now; write j.wait_for(j.entered(carts), timeout=days(3))"),
        ("await j.first(a=j.is_in(carts))", "is so now; write j.first(a=j.entered(carts), timeout=days(3))"),
        ("await j.wait_for(j.reached(did('C')))", "is so now; write j.wait_for(did('C'), timeout=days(3))"),
        ("await j.wait_for(j.push('hi'))", "is a step of its own; write r = await j.push('hi')"),
        ("a = j.is_in(carts); await j.wait_for(a)", "without await"),
        (
            "a = await j.wait_for(did('C'), timeout=timedelta(days=1)); a.timed_out",
            "Happened has no 'timed_out'; what j.wait_for gives is None when it was in vain: write if answer is None",
        ),
        ("a = None; a.outcome", "what should have 'outcome' may be None; ask first: if … is not None"),
        ("await j.wait(days=1e12)", "j.wait: days=1000000000000.0 is longer than 100 years"),
        ("await j.fax('hi')", "there is no j.fax; Messages go by email, in_app, push, sms, wallet, web_push, whatsapp"),
        ("await j.pusch('hi')", "there is no j.pusch; did you mean j.push?"),
        ("await j.push()", "j.push needs the name of a template"),
        ("await j.push(7)", "j.push takes the name of a template"),
        ("await j.push('hi', 'free')", "j.push takes template only; name what else it is given"),
        ("await j.push('hi', offer=[])", "j.push: offer= is a number, a flag or a text, not a list"),
        ("await j.push('hi', offer='free')", "does not declare; the template declares none: write params: [offer]"),
        ("await j.push('hi', transactionall=True)", "; did you mean transactional=? Or: the template declares none: write"),
        ("await j.push('hi', prioritiy=-1)", "; did you mean priority=? Or: the template declares none"),
        ("await j.push('hi', useles_after=timedelta(1))", "not a timedelta; did you mean useless_after=? Pass"),
        ("await j.push('hi', undelivered_after=timedelta(1))", "not a timedelta; only j.reach takes undelivered_after=. Pass"),
        (
            "await j.push('high')",
            "there is no push template high; did you mean hi? Or write high.push.yaml beside the journeys (there are hi)",
        ),
        ("await j.whatsapp('hi')", "there is no whatsapp template hi; write hi.whatsapp.yaml beside the journeys"),
        ("await j.email('hi')", "there is no email template hi; write hi.email.mjml beside the journeys"),
        ("await j.reached()", "j.reached(): the journey declares no goal; pass one, j.reached(did(…)), or declare goal="),
        (
            "await j.reached(carts)",
            "j.reached() asks for a predicate, not for the segment carts; write await j.is_in(…) with it",
        ),
        (
            "await j.reached('gold')",
            "j.reached() asks for a predicate, not for 'gold'; write await j.is_in('gold') for the segment of that name",
        ),
        ("await j.reached(j.replied())", "j.reached() asks for a predicate, not for OfMessages; write j.reached(did(…))"),
        ("await j.reached(did('A') and did('B'))", "write & | ~ (not and, or, not"),
        ("await j.first()", "j.first() waits for nothing; write j.first(bought=did(…), timeout=days(3))"),
        (
            "await j.first(a='gold')",
            "a= is nothing to wait for, but the text 'gold'; write j.entered('gold') for the segment of that name",
        ),
        (
            "await j.first(a=7)",
            "a= is nothing to wait for, but int; give it a predicate, a segment, or a word such as j.replied()",
        ),
        (
            "await j.wait_for(did('A'), timeout=timedelta(0))",
            "timeout is longer than nothing, not 0:00:00; write timeout=days(3)",
        ),
        ("await j.wait_for(did('A'), timeout=3)", "timeout is a span, not 3; write timeout=days(3)"),
        (
            "await j.wait_for(did('A').within(days=3) & (trait('x') == 1))",
            'time alone can make it so: did "A" within 3 days and x is 1; name it as a segment, Segment(…), and wait for that',
        ),
        (
            "await j.wait_for(j.opened(True))",
            "what came back is asked of a receipt, not of bool; keep the message's: r = await j.email(…)",
        ),
        ("await j.wait_for(j.task('Call', to=''))", 'a task says what and who; write j.task("Call the customer", to="care")'),
        (
            "await j.wait_for(j.task('Call', to='a', values=('a b',)))",
            "a task's values= has no such name as 'a b'; write values=",
        ),
        ("await j.wait_for(j.task('Call', to='a', values=('outcome',)))", "a task's values= has no such name as 'outcome'"),
        ("await j.wait_for(j.task('Call', to='a', escalate='b'))", "a task that escalates says when; write by=days(2)"),
        ("await j.is_in(trait('x') == 1)", "j.is_in takes a Segment(…) or the name of one, not Compare"),
        ("await j.foretold(trait('x') == 1)", "j.foretold takes a prediction or the name of one, not Compare"),
        ("await j.until('9:30')", "until: '9:30' is no time of day; write HH:MM, such as"),
        ("await j.until('09:30', weekday='saturday')", "until: 'saturday' is no day of the week; use mon, tue, wed"),
        ("await j.window('09:00', '09:00')", "window: from 09:00 to 09:00 is the whole day; leave it out"),
        ("async for n in j.every(days=1, times=-3): pass", "j.every: times=-3 is no number of turns; write times=4"),
        ("async for n in j.every(days=1, times=1.5): pass", "j.every: times=1.5 is no number of turns; write times=4"),
        ("async for n in j.every(): pass", "j.every() does not say how often; write j.every(days=7)"),
        ("async with j.experiment('x', a=1.0) as arm: pass", "experiment x needs two arms or more, each with its share"),
        ("async with j.experiment('x', a=0.5, b=0.4) as arm: pass", "experiment x: the shares add up to 0.9, not to 1"),
        (
            "async with j.experiment('x', a=-1, b=2) as arm: pass",
            "experiment x: a=-1 is no share; write a fraction such as 0.5",
        ),
        ("await j.reach('hi', by=('fax',))", "by= names channels, not 'fax'; use push, whatsapp, email"),
        ("await j.push('hi', useless_after=2)", "hi: useless_after=2 is no span; write useless_after=hours(4)"),
        ("await j.push('hi', send_time=timedelta(hours=2))", "; write send_time=within(hours=24)"),
        ("await j.push('hi', window=('09:00', '20:00'))", '; write window=Window("09:00", "20:00")'),
        ("await j.push('hi', window=Window('9', '20:00'))", "window: '9' is no time of day; write HH:MM"),
        ("await j.push('hi', priority='high')", "hi: priority='high' is no whole number; write priority=-1"),
        (
            "await j.push('hi', priority=3)",
            "hi: priority=3 is above its journey's 0, by which others know whom to let go first",
        ),
        ("await j.reach('hi', by=())", 'j.reach names no channel; write by=("push", "email")'),
        ("await j.set_traits()", 'j.set_traits() sets nothing; write j.set_traits(tier="gold")'),
        ("await j.set_traits(tags=['a'])", "j.set_traits: tags= is a number, a flag, a text or None, not a list"),
        ("await j.end(trial)", "j.end is for other journeys; a journey ends itself by return"),
        ("await j.start(7)", "j.start takes a journey, not int; write j.start("),
        (
            "if j.entry.score > 3: pass",
            "no 'score' is declared of the entering event; declared is nothing: annotate the handle",
        ),
        ("j.push('hi')", "j.push(…) does nothing without await; write await j.push(…)"),
        ("ok = j.push('hi') or await j.email('hi')", "j.push(…) does nothing without await; write await j.push(…)"),
        ("if j.reached(did('A')): pass", "j.reached(…) does nothing without await"),
        ("j.task('Call', to='care')", "j.task(…) does nothing by itself; write await j.wait_for(j.task(…), timeout=…)"),
        ("j.replied()", "j.replied(…) does nothing by itself; write await j.wait_for(j.replied(…), timeout=…)"),
        ("j.hold_others()", "j.hold_others(…) does nothing by itself; write async with j.hold_others(…): …"),
        ("with j.hold_others(): pass", "j.hold_others(…) is not for with; write async with j.hold_others(…): …"),
        ("for n in j.every(days=1): pass", "j.every(…) is not for for; write async for n in j.every(…): …"),
        ("async with j.every(days=1): pass", "j.every(…) is not for async with; write async for n in j.every(…): …"),
        ("[n for n in j.every(days=1)]", "j.every(…) is not for for; write async for n in j.every(…): …"),
        ("await j.every(days=1)", "j.every(…) is not for await; write async for n in j.every(…): …"),
        ("await j.task('Call', to='care')", "j.task(…) is not for await; write await j.wait_for(j.task(…), timeout=…)"),
        ("if await j.changed('x'): pass", "j.changed(…) is not for await; write if j.changed(…): …"),
        ("await j.experiment('x', a=0.5, b=0.5)", "is not for await; write async with j.experiment(…) as arm: …"),
        ("async with j.hold_others(purpose='marketing'): pass", "j.hold_others has no purpose=; it takes nothing"),
        ("async with j.hold_others('marketing'): pass", "j.hold_others takes nothing without its name; take the rest away"),
        ("await j.wait_for(j.replied(within=3))", "j.replied has no within=; it takes receipt"),
        (
            "await j.until(trait='birthday', befor=timedelta(3))",
            "j.until has no befor=; did you mean before=? It takes moment,",
        ),
        ("await j.window('20:00')", "j.window is not given end; it takes start, end, weekdays"),
        ("await j.window('09:00', '20:00', 'sat')", "j.window takes start and end only; name what else it is given: weekdays="),
        ("await j.set_traits({'tier': 'gold'})", "j.set_traits takes nothing without its name; name what else"),
        ("await j.reached(did('A'), True)", "j.reached takes goal only; take the rest away"),
        ("await j.wait(-1)", "j.wait(-1) does not say of what; write j.wait(hours=1)"),
        ("await j.at(hours=-1)", "j.at(hours=-1) has passed already; write j.at(hours=1)"),
        ("await j.reach('hi', by='push')", "by= names several channels, not 'push'; write by=(\"push\",)"),
        ("await j.reach('hi', by=('push',), undelivered_after=4)", "hi: undelivered_after is a span, not 4; write undelivered"),
        ("if j.now() > j.entered_at: pass", "j.now is no function; write it without parentheses"),
        ("if j.params.offer: pass", "no parameter 'offer' to branch on"),
        ("raise KeyError('x')", "journey trial raises KeyError ('x')"),
        ("missing", "'missing' means nothing here; import it, or give it a value first"),
        ("carts.nme", "Segment has no 'nme'; did you mean name?"),
        ("from journeys import oncee", "module journeys has no 'oncee'; did you mean once?"),
        ("import nowhere_at_all", "there is no module 'nowhere_at_all'; is it spelt so, and installed?"),
        ("print('x')", "print() is said again on each replay"),
        ("while True: await j.push('hi')", "30 steps follow each other here without a wait; put one into the loop"),
        ("while not await j.reached(did('A')): await j.at(hours=1)", "30 steps follow each other here without a wait"),
        ("while True: pass", "journey trial does not come to an end: after 2 s of processor time the code is still here"),
    ],
)
def test_a_step_that_cannot_work_is_told_with_its_line(step: str, sentence: str, package: Path) -> None:
    (problem,) = examined(package, journey_of(step)).problems
    assert problem.line - HEAD.count(chr(10)) == 3
    assert sentence in problem.told
    assert problem.remedy or "; " in problem.text  # the language of segments says both in one sentence


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ("reentry=once", "reentry=once is not called; write reentry=once()"),
        ("reentry=after", "reentry=after is not called; write reentry=after(days=7)"),
        ("reentry='once'", "reentry is a rule, not 'once'; write once(), after(days=…), per_key(…), restart() or whenever()"),
        ("reentry=per_key(7), entry=carts", "per_key takes the name of a property"),
        ("entry='Bad Name'", "entry='Bad Name': a name has 1 to 100 lower-case letters"),
        ("entry=did('A')", "entry is a Segment or the name of one, not a Did; name it"),
        ("entry=7", "entry is a Segment or the name of one, not 7"),
        ("goal='x'", "goal cannot be 'x'; make it of did(…), such as goal=purchases"),
        ("goal=carts", "goal cannot be a Segment; make it of did(…), such as goal=purchases"),
        ("goal=trait('tier') == 'gold'", "a goal is made of did(…); this is not: tier"),
        ("params=dict", "params is a class of parameters, not dict; derive one from pydantic's BaseModel"),
        ("purpose='marketing'", "purpose cannot be 'marketing'; write Purpose.MARKETING or Purpose.TRANSACTIONAL"),
        ("holdout='10%'", "holdout cannot be '10%'; give it a fraction from 0 up to, not including, 1"),
        ("useless_after=3600", "useless_after is a span, not 3600; write useless_after=timedelta(hours=4)"),
        ("reentry=after(days=999999999)", "after: days=999999999 is longer than 100 years; write a shorter one"),
        ("reentry=After(timedelta.max)", "reentry=after(…) is longer than 100 years; write a shorter one"),
        ("max_lateness=timedelta.max", "max_lateness is longer than 100 years"),
        ("useless_after=timedelta.max", "useless_after is longer than 100 years"),
        ("capacity=5, max_wait=timedelta.max", "max_wait is longer than 100 years"),
        ("opens=MAY, share=ramp(0.1, 1.0, every=timedelta.max)", "every of a ramp of shares is longer than 100 years"),
        ("caps=(Cap(3, timedelta.max),)", "the span of a cap is longer than 100 years"),
        ("exits={'old': timedelta.max}", "exit 'old' is longer than 100 years"),
        ("max_lateness='4h'", "max_lateness is a span, not '4h'; write max_lateness=timedelta(hours=4)"),
        ("quiet_hours=('22:00', '08:00')", '; write QuietHours("22:00", "08:00")'),
        ("quiet_hours=QuietHours(22, 8)", "quiet hours are not 22 to 8; write two different times, HH:MM"),
        ("caps=(3,)", "caps holds Cap(…) only, not 3"),
        ("caps=Cap(3, 7)", "a cap is not Cap(3, 7); write Cap(3, timedelta(days=7))"),
        ("timezone=None", "timezone=None is no IANA time zone; write one"),
        ("ends_on_leave='yes', entry=carts", "ends_on_leave is a flag, not 'yes'; write True or False"),
        ("carts", "what is declared has a name; write @journey(entry=…)"),
        ("entri=carts", "journey has no entri=; did you mean entry?"),
        ("reentry=after(day=7)", "after has no day=; did you mean days?"),
        ("reentry=after(7)", "after is given too many values without a name; it takes days, hours, minutes"),
        ("reentry=per_key()", "per_key is not given prop; it takes prop"),
        (
            "caps=(Cap(3),)",
            "a cap is for a span or by the calendar, one of the two; write Cap(3, timedelta(days=7)) or Cap(3, cal",
        ),
        ("caps=(Cap(3, timedelta(days=7), calendar='week'),)", "one of the two; write Cap(3, timedelta(days=7)) or Cap(3, cal"),
        ("caps=(Cap(3, calendar='year'),)", "a cap goes by no calendar 'year'; write calendar="),
        (
            "caps=(Cap(3, calendar='day', channel='fax'),)",
            "a cap is for no channel 'fax'; write channel='push', 'whatsapp'",
        ),
        (
            "caps=(Cap(3, calendar='day', purpose=Purpose.TRANSACTIONAL),)",
            "write Purpose.MARKETING or, for all",
        ),
        ("goal={'bought': carts}", "goal 'bought' cannot be a Segment; make it of did(…), such as goal=purchases"),
        ("goal={'': did('A')}", "the name of a goal is a text of 1 to 64 characters, not ''"),
        ("kpi=trait('tier') == 'gold'", "a goal is made of did(…); this is not: tier"),
        ("conversion=timedelta(days=7)", "conversion cannot be a timedelta; write Conversion(within=days(7))"),
        ("conversion=Conversion(trait('tier') == 'gold')", "a goal is made of did(…); this is not: tier"),
        ("conversion=Conversion(within=timedelta(0))", "conversion: within is no span above 0; write within=days(7)"),
        ("conversion=Conversion(since='opening')", 'since cannot be \'opening\'; write "exposure", "entry", "sent"'),
        ("conversion=Conversion(credit='shapley')", "credit cannot be 'shapley'"),
        ("conversion=Conversion(kpi='clicks')", "kpi cannot be 'clicks'"),
        ("conversion=Conversion(orders=did('A') | did('B'))", "conversion: orders are events of one type"),
        ("conversion=Conversion(orders=did('A').within(days=3))", "conversion: orders are events of one type"),
        ("conversion=Conversion(currency='euros')", "conversion: 'euros' is no currency"),
        ("conversion=Conversion(cap=0)", "conversion: the cap is no sum of money: 0"),
        ("conversion=Conversion(margin=35)", "conversion: the margin is no part of the revenue: 35"),
        (
            "plan=Plan(days=28)",
            "a plan says how its holdout is read, and it has none; declare holdout=0.1, or give",
        ),
        ("holdout=0.1, plan=28", "plan cannot be 28; write plan=Plan(days=28, effect=Effect(0.03, 0.1))"),
        ("exits=[did('A')]", "exits are named, not a list; write exits={"),
        ("exits={'x': 'carts'}", "exit 'x' cannot be 'carts'; write did(…), left(vips)"),
        ("exits={'x': timedelta(0)}", "exit 'x' is an age that is over at once"),
        ("exits={'x': datetime(2026, 5, 1)}", "exit 'x' is an instant without its zone"),
        ("exits={'x': left('No Name')}", "exit 'x': a name has 1 to 100 lower-case letters"),
        ("goal={'x': did('A')}, exits={'x': MAY}", "a goal and an exit are both called 'x'; rename one"),
        ("window=('09:00', '20:00')", '; write window=Window("09:00", "20:00")'),
        ("window=Window('09:00', '09:00')", "window: from 09:00 to 09:00 is the whole day; leave it out"),
        ("send_time=24", "send_time cannot be 24; write send_time=within(hours=24)"),
        ("priority=1.5", "priority cannot be 1.5; write a whole number from -1000 to 1000"),
        ("topic='news'", "topic is a topic, not 'news'; write topic=Topic("),
        ("topic=Topic('News', en='News')", "this is no name for a topic; write it lower_case_with_underscores"),
        ("topic=Topic('news')", 'customers see a topic by its title; say it, by language: Topic("news", en='),
        ("topic=Topic('news', en='News'), purpose=Purpose.TRANSACTIONAL", "only marketing has a topic that customers turn off"),
        ("budget=5", 'budget cannot be 5; write Budget(messages=10_000, per="day")'),
        ("budget=Budget()", 'write Budget(messages=10_000, per="day")'),
        ("budget=Budget(messages=1, money=1)", 'write Budget(messages=10_000, per="day")'),
        ("budget=Budget(messages=0.5)", "a budget's messages are not 0.5"),
        ("budget=Budget(messages=5, per='year')", "a budget is not per='year'; write per="),
        ("budget=Budget(messages=5, when_spent='wait')", 'write when_spent="skip" or, with per=, "wait"'),
        ("budget=Budget(money='much')", "budget: 'much' is no sum of money; write a number with at most six decimals"),
        ("budget=Budget(money=5)", "prices = Prices(…) tells none; keep the price of each channel"),
        ("capacity=0", "capacity is how many customers are in it at once, not 0; write 1 or more; to let nobody in, kill"),
        ("capacity='many'", "capacity is how many customers are in it at once, not 'many'"),
        ("rate=100", "rate is no rate: 100; write per_hour(100), or ramp(per_hour(100), per_hour(1_000), every="),
        ("rate=per_hour(0)", "a rate lets 1 customer or more in; write per_hour(100)"),
        ("share=2", "share is a fraction above 0 up to 1, not 2; write 0.1, or ramp(0.01, 0.1, 1.0, every="),
        ("share=ramp(0.5, 0.1, every=timedelta(days=1))", "the shares of a ramp grow"),
        ("share=ramp(0.1, 0.5, every=timedelta(days=1))", "a ramp counts from the journey's opening; say when that is, opens="),
        (
            "rate=ramp(per_hour(1), every=7)",
            "every is how long each stage of a ramp lasts, not 7; write every=timedelta(days=1)",
        ),
        ("opens='May'", "opens is an instant with its zone, not 'May'; write opens=datetime(2026, 5, 1, 9, tzinfo=UTC)"),
        ("opens=datetime(2026, 5, 1)", "opens is an instant with its zone"),
        ("opens=MAY, closes=MAY", "it closes (2026-05-01 00:00) before it opens (2026-05-01 00:00): nobody could enter"),
        ("entry_hours='09:00'", 'entry_hours is a window, not \'09:00\'; write entry_hours=Window("09:00", "18:00")'),
        ("entry_hours=Window('9', '18:00')", "entry_hours: window: "),
        ("max_wait=3, capacity=3", "max_wait is a span, not 3; write max_wait=timedelta(days=2)"),
        (
            "capacity=3, max_wait=timedelta(0), entry_hours=Window('09:00', '18:00')",
            "somebody waits 0 s at the longest: who comes outside its hours",
        ),
        (
            "share=ramp(0.1, 1.0, every=timedelta(days=1)), opens=MAY",
            "never enter; raise max_wait, if they should enter",
        ),
        ("max_wait=timedelta(days=1)", "max_wait has no effect: nothing is declared for which somebody would wait"),
        ("caps=(Cap(),)", "Cap is not given messages; it takes messages, within, calendar, channel, purpose"),
    ],
)
def test_a_declaration_that_cannot_work_is_told_with_its_line(declared: str, sentence: str, package: Path) -> None:
    problems = told(package, journey_of("await j.push('hi')", declared=declared))
    assert any(sentence in problem for problem in problems), problems
    assert {problem.partition(":")[0] for problem in problems} == {"1"}


def test_a_company_has_one_global_holdout_and_check_says_how_large_it_is(package: Path) -> None:
    found = examined(package, "ours = GlobalHoldout(0.05)\n")
    assert found.catalogue is not None
    assert (found.usable, str(found.catalogue.holdout)) == (True, "0.05 of all customers")
    load.cache_clear()


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        ("ours = GlobalHoldout(5)\n", "GlobalHoldout takes a fraction between 0 and 1, not 5; write GlobalHoldout(0.05)"),
        (
            "a = GlobalHoldout(0.1)\nb = GlobalHoldout(0.2)\n",
            "a company has one global holdout, and this catalogue declares several",
        ),
        ("a = GlobalHoldout(0.1, salt='a/b')\n", "the salt is a text of 1 to 64 characters without a slash, not 'a/b'"),
        ("a = GlobalHoldout(0.1, plan=90)\n", "GlobalHoldout: plan cannot be 90; write plan=Plan(days=90)"),
        ("a = GlobalHoldout(0.1, conversion=Conversion(cap=0))\n", "conversion: the cap is no sum of money: 0"),
    ],
)
def test_a_global_holdout_that_cannot_work_is_told(declared: str, sentence: str, package: Path) -> None:
    assert any(sentence in problem for problem in told(package, declared))


HALVES = "{'hi': 0.5, 'ho': 0.5}"
CELLS = "{'a': {'x': 0.5, 'y': 0.5}, 'b': {'x': 0.5, 'y': 0.5}}"


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (
            "Experiment('news')",
            'experiment news has either arms or factors; write Experiment("news", {"video": 0.5, ',
        ),
        (f"Experiment('news', {HALVES}, factors={CELLS})", "experiment news has either arms or factors"),
        ("Experiment('news', {'a': 0.5, 'b': 0.4})", "experiment news: the shares add up to 0.9, not to 1"),
        ("Experiment('news', 0.5)", "experiment news: its arms have no shares"),
        (
            f"Experiment('news', {HALVES}, control='hoo')",
            "experiment news has no arm 'hoo'; name its control: did you mean",
        ),
        (f"Experiment('news', {HALVES}, plan=28)", "experiment news: 28 is no plan; write plan=Plan(days=28)"),
        ("Experiment('news', factors={'a': {'x': 0.5, 'y': 0.5}})", "experiment news: factors are two or more"),
        ("Experiment('news', factors={'a': {'x': 1}, 'b': {'x': 1}})", "experiment news, factor a needs two arms or more"),
        (
            "Experiment('e', factors={'a': {'x': 0.5, 'x_y': 0.5}, 'b': {'y_z': 0.5, 'z': 0.5}})",
            "experiment e: two combinations of levels have one name; name levels without _",
        ),
        (
            f"Experiment('news', factors={CELLS}, control='x_x')",
            "name its control: leave it out: it is the first level",
        ),
        ("Plan()", "Plan() says nothing; write Plan(days=28, effect=Effect(0.03, 0.1))"),
        ("Plan(days=timedelta(days=28))", "has no end; write a whole number from 1 on: write Plan(days=28"),
        ("Plan(people=0)", "Plan(people=0) has no end"),
        ("Plan(effect=0.1)", "Plan(effect=0.1) is no effect"),
        ("Plan(days=1, kpi='clicks')", 'nothing is judged by that; write "conversion", "orders", "revenue", "order value"'),
        ("Plan(kpi='revenue', rare=True)", "Plan(rare=True) is about who converts, not about revenue; leave out one of them"),
        (f"Show(experiment=Experiment('e', {HALVES}), arms={HALVES})", "e has its arms where it is declared; leave out arms="),
    ],
)
def test_an_experiment_that_cannot_work_is_told_where_it_is_declared(declared: str, sentence: str, package: Path) -> None:
    problems = told(package, f"made = {declared}\n")
    assert any(sentence in problem for problem in problems), problems
    assert {problem.partition(":")[0] for problem in problems} == {"1"}


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            f"news = Experiment('news', {HALVES})\n" + journey_of("async with j.experiment('news', hi=0.4, ho=0.6): pass"),
            "journey trial: the experiment 'news' is declared with other arms or shares; give it the Experiment(…) itself",
        ),
        (
            journey_of(f"async with j.experiment(Experiment('news', {HALVES})): pass"),
            "journey trial: the experiment 'news' is declared where the catalogue does not find it; keep it at the top",
        ),
        (
            f"news = Experiment('news', {HALVES})\n" + journey_of("async with j.experiment(news, hi=0.5, ho=0.5): pass"),
            "j.experiment(…): news has its arms where it is declared; leave out the shares here",
        ),
        (
            f"a = Experiment('news', {HALVES})\nb = Experiment('news', {HALVES}, control='ho')\n",
            "two different experiments are called",
        ),
        (
            f"hero = Place('hero', Show(experiment='n', arms={{'hi': 0.1, 'ho': 0.9}})); n = Experiment('n', {HALVES})\n",
            "place hero: the experiment 'n' is declared with other arms or shares",
        ),
    ],
)
def test_an_experiment_is_asked_by_what_is_declared_of_it(source: str, sentence: str, package: Path) -> None:
    problems = told(package, source)
    assert any(sentence in problem for problem in problems), problems


def test_every_mistake_of_a_catalogue_is_told_at_once(package: Path) -> None:
    first = journey_of("j.wait(hours=1)", "await j.fax('x')", declared="reentry=once, holdout=2")
    found = examined(
        package,
        first,
        a__py="from journeys import nothing_of_ours\n",
        b__py="import random\nCOUNT = 0\n",
        c__py="def broken(:\n",
        hi__push__yaml="title: '{{ customer.fistName }}'\nbody: x\n",
    )
    places = [(Path(problem.file).name, problem.line) for problem in found.problems]
    of_root = [("__init__.py", 6), ("__init__.py", 6), ("__init__.py", 8), ("__init__.py", 9)]
    assert places == [*of_root, ("a.py", 1), ("b.py", 1), ("c.py", 1)]
    assert str(found.problems[-1]).startswith(f"{NAME}/c.py:1:12: this is not Python")


def test_a_called_journey_is_told_whose_params_it_reads(package: Path) -> None:
    called = """from pydantic import BaseModel
class Offer(BaseModel):
    loud: bool = False
@journey(params=Offer)
async def sale(j: Journey) -> None:
    if j.params.loud:
        await j.push("hi")
"""
    (problem,) = told(package, called + journey_of("await sale(j)"))
    assert problem.startswith("6: no parameter 'loud' to branch on in journey trial; declare it there (a journey that it calls")


def test_a_keyword_that_there_is_not_hides_no_other_mistake(package: Path) -> None:
    first = journey_of("await j.push('hi')", declared="renetry=once(), holdout=2")
    second = journey_of("await j.push('high')").replace("trial", "other")
    assert [problem.partition(";")[0] for problem in told(package, first + second)] == [
        "1: journey trial: @journey has no renetry=",
        "1: journey trial: holdout cannot be 2",
        "6: journey other: there is no push template high",
    ]


def test_templates_and_segments_are_told_together_with_their_lines(package: Path) -> None:
    source = journey_of("await j.push('hi', only=Segment('vips', trait('tier') == 'gold'))", "await j.email('letter')")
    found = examined(package, source, bad__push__yaml="title: Hi\nbody: '{{ customer.fistName }}'\n")
    assert [str(problem).split(": ")[0] for problem in found.problems] == [
        f"{NAME}/__init__.py:8:1",
        f"{NAME}/bad.push.yaml:2:1",
    ]


def test_a_start_of_another_journey_is_held_against_what_that_declares(package: Path) -> None:
    other = """from typing import Literal
from pydantic import BaseModel
class Given(BaseModel):
    lane: Literal["slow", "fast"]
@journey(params=Given)
async def other(j: Journey) -> None:
    await j.push("hi")
"""
    source = other + journey_of(
        'await j.start("othr")', 'await j.start(other, lane="fast")', 'await j.start("other", lane="express")'
    )
    missing, unlike = told(package, source)
    assert missing == "10: journey trial starts othr, which the catalogue lacks; did you mean other?"
    assert unlike.startswith(
        "12: journey trial starts other, which does not take these parameters (/params/lane: Input should be"
    )


def test_a_journey_that_asks_for_its_entering_event_is_started_by_no_other(package: Path) -> None:
    other = """from pydantic import BaseModel
class Answer(BaseModel):
    score: int
class Usual(BaseModel):
    score: int = 0
@journey()
async def other(j: Journey[Answer]) -> None:
    await j.push("hi")
@journey()
async def usual(j: Journey[Usual]) -> None:
    await j.push("hi")
"""
    (refused,) = told(package, other + journey_of('await j.start("usual")', 'await j.start("other")'))
    assert refused.startswith("15: journey trial starts other, which asks for its entering event, and a start by a journey")
    assert "/entry/score: Field required" in refused


def test_a_helper_is_held_to_the_same_law_wherever_it_stands(package: Path) -> None:
    """D4."""
    beside = package.parent / "acme_prices.py"
    beside.write_text("import acme_dice\nasync def remind(j):\n    await j.push('hi')\n")
    (package.parent / "acme_dice.py").write_text("import random\n")
    found = examined(
        package,
        "from acme_prices import remind\n" + journey_of("await remind(j)"),
        helper__py="from random import choice as pick\n",
    )
    assert [f"{Path(p.file).name}:{p.line}: {p.text[:14]}" for p in found.problems] == [
        "acme_dice.py:1: imports random",
        "helper.py:1: imports random",
    ]


def test_a_forgotten_await_of_a_helper_is_told_by_name(package: Path) -> None:
    (package / "helper.py").write_text("async def remind(j):\n    await j.push('hi')\n")
    here = "async def local(j: Journey) -> None:\n    await j.push('hi')\n"
    source = here + journey_of("local(j)", "remind(j)", above=f"from {NAME}.helper import remind\n")
    assert told(package, source) == [
        "6: local(…) does nothing without await; write await local(…)",
        "7: remind(…) does nothing without await; write await remind(…)",
    ]


def test_a_wait_that_is_worked_out_below_nothing_is_told_where_a_path_comes_to_it(package: Path) -> None:
    above = "def span(n):\n    return -n\n"
    body = "if await j.push('hi'):", "    await j.wait(hours=span(1))", "await j.wait(hours=max(0, span(1)))"
    assert told(package, journey_of(*body, above=above)) == [
        "6: waits -1 h, which is over before it begins; write max(0, …) around what is worked out, if it may be"
    ]


NAMES = (" ", "\\n", "a\\nb", "a\\x00b", "a\\u202eb", " a", "a" * 201)


@pytest.mark.parametrize("name", NAMES)
def test_names_that_nobody_can_read_are_refused(package: Path, name: str) -> None:
    """Of experiments and their arms, tasks, goals, what is declared, and branches."""
    above = f"from journeys import days\nasync def branch(j):\n    await j.push('hi')\nbranch.__name__ = '{name}'\n"
    steps = {
        f"async with j.experiment('{name}', a=0.5, b=0.5): pass": "the name of an experiment is a text of 1 to 100",
        f"async with j.experiment('e', **{{'{name}': 0.5, 'b': 0.5}}): pass": "the name of an arm is a text of 1 to 100",
        f"await j.wait_for(j.task('{name}', to='care'), timeout=days(1))": "the title of a task is a text of 1 to 200",
        f"await j.wait_for(j.task('Call', to='{name}'), timeout=days(1))": "who does a task is a text of 1 to 200",
        f"await j.wait_for(j.task('Call', to='c', choices=('{name}', 'b')), timeout=days(1))": "a choice of a task is a text",
        "await j.together(branch(j), branch(j))": "what a branch is called is a text of 1 to 100",
    }
    journeys = "".join(f"@journey()\nasync def j{n}(j: Journey) -> None:\n    {step}\n" for n, step in enumerate(steps))
    found = told(package, above + journeys)
    assert [(what in each) for what, each in zip(steps.values(), found, strict=True)] == [True] * len(steps), found
    with pytest.raises(CatalogueError, match=r"takes names, not"):
        Traits(literal_eval(f"'{name}'"))


def test_what_swallows_the_end_of_a_run_is_told_and_not_walked(package: Path) -> None:
    source = journey_of("while True:", "    try: await j.push('hi')", "    except: pass")
    (problem,) = told(package, source)
    assert problem.startswith("5: a bare except swallows the end of a run")


IMPORTS = (
    "import asyncio, contextlib\nfrom contextlib import suppress as quietly\nfrom journeys.handle import RunEnded as Over\n"
)


@pytest.mark.parametrize(
    ("steps", "what"),
    [
        (("except BaseException: pass",), "except BaseException"),
        (("except (ValueError, BaseException): pass",), "except (ValueError, BaseException)"),
        (("except Over: pass",), "except Over, which is RunEnded,"),
        (("except ALL: pass",), "except ALL, which is BaseException,"),
        (("except MANY: pass",), "except MANY, which is CancelledError,"),
        (("except (*MANY, KeyError) as error: print(error)",), "except (*MANY, KeyError), which is CancelledError,"),
        (("except asyncio.CancelledError: pass",), "except asyncio.CancelledError"),
        (("except* ALL: pass",), "except ALL, which is BaseException,"),
        (("except getattr(asyncio, 'CancelledError'): pass",), "except getattr(asyncio, 'CancelledError')"),
        (("finally: return",), "a return in finally"),
        (("finally:", "    for n in (1, 2):", "        if n: return"), "a return in finally"),
        (("finally: break",), "a break in finally"),
        (("finally:", "    with quietly(ALL): pass"), "quietly(ALL), which is BaseException,"),
        (
            ("finally:", "    with contextlib.suppress(KeyError, BaseException): pass"),
            "contextlib.suppress(KeyError, BaseException)",
        ),
    ],
)
def test_an_end_is_swallowed_by_no_name(package: Path, steps: tuple[str, ...], what: str) -> None:
    above = IMPORTS + "ALL = BaseException\nMANY = (ValueError,) + (asyncio.CancelledError,)\n"
    body = "while True:", "    try: await j.push('hi')", *(f"    {each}" for each in steps)
    found = [each.partition(": ")[2] for each in told(package, journey_of(*body, above=above))]
    assert [each.partition(" swallows")[0] for each in found if "swallows the end of a run" in each] == [what]


def test_what_catches_errors_only_swallows_no_end(package: Path) -> None:
    above = "import contextlib\nALL = Exception, KeyError\n"
    finally_ = "finally:", "    for n in (1, 2):", "        if n: break", "    def f(): return 1", "    f()"
    body = "try:", "    with contextlib.suppress(*ALL): await j.push('hi')", "except ALL: pass", *finally_
    assert told(package, journey_of(*body, above=above)) == []


def test_what_acts_while_it_is_imported_is_not_executed(package: Path) -> None:
    (problem, sleeping) = told(package, "import time\ntime.sleep(3600)\n")
    assert (problem[:22], sleeping[:15]) == ("1: imports time: anoth", "2: time.sleep()")


@pytest.mark.parametrize(
    "hang", ["while True: pass", "while True:\n    try:\n        1 / 0\n    except Exception:\n        pass"]
)
def test_a_module_that_hangs_is_left_and_its_line_told(hang: str, package: Path) -> None:
    """E7."""
    (package / "__init__.py").write_text("")
    (package / "slow.py").write_text(f"x = 1\n{hang}\n")
    (problem,) = check(NAME, limit=timedelta(seconds=1)).problems
    assert "does not come to an end" in problem.told
    assert Path(problem.file).name == "slow.py"
    assert problem.line >= 2


def test_the_line_is_known_whatever_the_code_was_handling(package: Path) -> None:
    """A frame that is handling an exception may be missing from the traceback: about one in ten of these was."""
    (package.parent / "acme_handling.py").write_text(
        "def forever():\n    while True:\n        try: 1 / 0\n        except ZeroDivisionError: pass\n"
    )
    from acme_handling import forever

    for n in range(40):
        with pytest.raises(TookTooLong) as caught:
            within(timedelta(milliseconds=2, microseconds=37 * n), forever)
        (problem,) = problem_of(caught.value)
        assert (Path(problem.file).name, problem.line) in {("acme_handling.py", line) for line in (1, 2, 3, 4)}


def test_the_limit_holds_in_any_thread_and_leaves_nothing_behind(package: Path) -> None:
    (package.parent / "acme_loop.py").write_text("def forever():\n    while True: pass\n")
    import acme_loop

    seen: list[object] = []

    def watched() -> None:
        try:
            within(timedelta(milliseconds=100), acme_loop.forever)
        except TookTooLong:
            seen.append(sys.gettrace())

    watched()
    thread = threading.Thread(target=watched)
    thread.start()
    thread.join()
    assert seen == [None, None]
    assert within(timedelta(milliseconds=100), lambda: 7) == 7


def test_a_branch_on_each_choice_of_a_parameter_is_seen(package: Path) -> None:
    params = (
        "from typing import Literal\nfrom pydantic import BaseModel, Field\n"
        "class P(BaseModel):\n    route: Literal['a', 'b']\n    loud: bool = False\n    n: int = Field(ge=5)\n"
    )
    steps = ("if j.params.route == 'b' and j.params.n:", "    await j.push('nothing')", "if j.params.loud:", "    1 / 0")
    found = told(package, params + journey_of(*steps, declared="params=P"))
    assert [problem.partition(";")[0] for problem in found] == [
        "10: journey trial: there is no push template nothing",
        "12: journey trial raises ZeroDivisionError (division by zero)",
    ]


def test_parameters_without_a_default_are_refused_where_a_segment_brings_people_in(package: Path) -> None:
    params = (
        "from pydantic import BaseModel, Field\n"
        "class P(BaseModel):\n    tone: bool\n    size: int = 3\n    code: str\n"
        "class Q(BaseModel):\n    size: int = Field(0, ge=1, validate_default=True)\n"
        "class R(BaseModel):\n    size: int = 1\n"
    )
    trials = {name: journey_of("await j.push('hi')", declared=f"entry=carts, params={name}") for name in "PQR"}
    found = told(package, params + "".join(steps.replace("trial", name.lower()) for name, steps in trials.items()))
    brings = "who enters by the segment brings no parameters, and"
    assert found == [
        f"10: journey p: {brings} P lacks a default that fits: tone, code; give it one, or remove entry=",
        f"13: journey q: {brings} Q lacks a default that fits: size; give it one, or remove entry=",
    ]


def test_a_cap_that_outlasts_a_message_is_said_and_loads(package: Path) -> None:
    """E12."""
    source = journey_of("await j.push('hi')", declared="caps=(Cap(3, timedelta(days=7)),)")
    found = examined(package, source)
    (warning,) = found.problems
    assert str(warning).endswith(
        ":6:1: warning: journey trial: a message that the cap of 3 in 7 d holds back is dropped, not sent later:"
        " useless_after is 12 h; raise it, if the message should wait that long"
    )
    assert set(load_definitions(NAME)[0].journeys) == {"trial"}


def test_a_best_hour_that_a_message_does_not_live_to_see_is_said_and_loads(package: Path) -> None:
    found = examined(package, journey_of("await j.push('hi')", declared="send_time=within(hours=24)"))
    (warning,) = found.problems
    assert warning.text.endswith("send_time is the best hour within 1 d, and a message is useless 12 h after it was due")
    assert not warning.serious


def test_a_cap_that_a_message_outlasts_needs_no_word(package: Path) -> None:
    declared = "caps=(Cap(3, timedelta(days=7)), Cap(1, calendar='day')), useless_after=timedelta(days=7)"
    assert told(package, journey_of("await j.push('hi')", declared=declared)) == []


def test_a_journey_without_its_parentheses_is_told(package: Path) -> None:
    (problem,) = told(package, "@journey\nasync def trial(j: Journey) -> None:\n    await j.push('hi')\n")
    assert problem == "1: journey trial: its parentheses are missing; write @journey(…)"


def test_what_raises_while_it_is_tried_is_no_end_of_the_check(package: Path) -> None:
    model = (
        "from pydantic import BaseModel, field_validator\n"
        "class Ticket(BaseModel):\n    kind: str\n    number: int = 0\n    @field_validator('kind')\n"
        "    @classmethod\n    def known(cls, given: str) -> str:\n        return {'ana': 'b'}[given]\n"
    )
    declared = "entry=Segment('came', did('Ticket Opened').within(hours=1)), exits={'old': timedelta.max}"
    source = model + f"@journey({declared})\nasync def trial(j: Journey[Ticket]) -> None:\n    await j.wait(hours=1)\n"
    examined(package, source)


@pytest.mark.parametrize(("other", "told_of"), [("whenever()", ["ping", "pong"]), ("after(days=3)", [])])
def test_journeys_that_start_each_other_without_end_are_doubted(other: str, told_of: list[str], package: Path) -> None:
    source = "from journeys import whenever\n" + "".join(
        f"@journey(reentry={rule})\nasync def {name}(j: Journey) -> None:\n    await j.wait(hours=1); await j.start('{to}')\n"
        for name, to, rule in (("ping", "pong", "whenever()"), ("pong", "ping", other))
    )
    found = [problem for problem in examined(package, source).problems if problem.rule is Rule.CIRCLE]
    assert [problem.text.split()[1] for problem in found] == told_of
    assert not any(problem.serious for problem in found)


def test_templates_know_what_the_catalogue_says_and_what_its_segments_ask_about(package: Path) -> None:
    """D3."""
    source = (
        'own = Traits("tier", "pet.name")\nours = Properties("seats")\n'
        'vips = Segment("vips", (trait("status") == "vip") & did("Booked").where(prop("room") == "suite"))\n'
    )
    title = "title: '{{ customer.tier }} {{ customer.pet.name }} {{ customer.status }}'"
    template = f"{title}\nbody: '{{{{ entry.seats }}}} {{{{ entry.room }}}}'\n"
    source = "from segments import prop\n" + source + journey_of("await j.push('own')")
    assert told(package, source, own__push__yaml=template) == []
    (typo,) = examined(package, source, own__push__yaml=template.replace("tier", "teir")).problems
    assert "unknown variable customer.teir; did you mean customer.tier?" in typo.told
    assert typo.line == 1


def test_a_name_that_is_nearly_a_declared_one_is_a_warning(package: Path) -> None:
    source = (
        'own = Traits("plan")\nours = Properties("trial_id")\n'
        'paying = Segment("paying", (trait("paln") == "pro") & did("Paid").where(prop("trialid") == 7))\n'
        'others = Segment("others", trait("tier") == "gold")\n'
    )
    declared = 'entry=carts, reentry=per_key("trialid")'
    found = examined(package, "from segments import prop\n" + source + journey_of("await j.push('hi')", declared=declared))
    assert found.usable
    assert sorted(str(problem).partition("warning: ")[2] for problem in found.problems) == [
        'journey trial: per_key("trialid") is not among the Properties(…) of the catalogue; did you mean "trial_id"?',
        'segment paying: prop("trialid") is not among the Properties(…) of the catalogue; did you mean "trial_id"?',
        'segment paying: trait("paln") is not among the Traits(…) of the catalogue; did you mean "plan"?',
    ]


@pytest.mark.parametrize(
    ("step", "name", "guess"),
    [
        ("await j.until(trait='renewson', at='10:00')", 'trait("renewson")', "renews_on"),
        ("await j.set_traits(renewson='2026-01-01')", 'trait("renewson")', "renews_on"),
        ("await j.reached(trait('renewson') == 1)", 'trait("renewson")', "renews_on"),
        ("await j.wait_for(trait('renewson') == 1, timeout=timedelta(days=1))", 'trait("renewson")', "renews_on"),
        ("await j.first(a=did('X').where(prop('trialid') == 1), b=did('Y'))", 'prop("trialid")', "trial_id"),
        ("await j.track('X', trialid=1)", 'prop("trialid")', "trial_id"),
    ],
)
def test_what_a_journey_names_nearly_as_declared_is_a_warning_at_its_line(
    package: Path, step: str, name: str, guess: str
) -> None:
    source = 'from segments import prop\nown = Traits("renews_on")\nours = Properties("trial_id")\n'
    found = examined(package, source + journey_of("await j.push('hi')", step))
    kind = "Traits" if name.startswith("trait") else "Properties"
    (problem,) = found.problems
    assert problem.told == f'journey trial: {name} is not among the {kind}(…) of the catalogue; did you mean "{guess}"?'
    assert (found.usable, problem.rule, problem.line - HEAD.count(chr(10))) == (True, Rule.NEARLY, 7)


def test_what_a_journey_names_as_declared_is_no_warning(package: Path) -> None:
    steps = "await j.until(trait='renews_on', at='10:00')", "await j.set_traits(other=1)", "await j.track('X', trial_id=1)"
    source = 'own = Traits("renews_on")\nours = Properties("trial_id")\n'
    assert examined(package, source + journey_of("await j.push('hi')", *steps)).problems == ()


def test_what_a_declaration_names_nearly_as_declared_is_a_warning(package: Path) -> None:
    source = 'from segments import prop\nours = Properties("trial_id")\n'
    goal = "goal=did('Paid').where(prop('trialid') == 1)"
    (problem,) = examined(package, source + journey_of("await j.push('hi')", declared=goal)).problems
    assert problem.rule is Rule.NEARLY


def test_an_unknown_variable_comes_with_how_one_of_ones_own_is_declared(package: Path) -> None:
    template = "title: '{{ entry.seats }}'\nbody: '{{ customer.shoe_size }}'\n"
    (entry, customer) = examined(package, journey_of("await j.push('own')"), own__push__yaml=template).problems
    for problem, declared in ((entry, 'Properties("seats")'), (customer, 'Traits("shoe_size")')):
        assert f"One of your own is declared in the catalogue: own = {declared}. Known in " in problem.told


def test_a_name_that_is_none_is_refused(package: Path) -> None:
    (problem,) = told(package, 'own = Traits("pet.")\n')
    assert problem == """1: Traits(…) takes names, not 'pet.'; write Traits("tier", "pet.name")"""


def test_one_file_is_no_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_single.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    (problem,) = examine("acme_single").problems
    assert "make it acme_single/__init__.py, so that templates can stand beside it" in problem.told


def test_a_problem_names_its_file_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E14."""
    monkeypatch.chdir(tmp_path)
    inside = Problem(str(tmp_path / "shop" / "__init__.py"), 9, 1, "wrong")
    outside = Problem("/elsewhere/a.py", 2, 1, "wrong, too")
    assert str(CatalogueError(outside, inside, inside)) == "/elsewhere/a.py:2:1: wrong, too\nshop/__init__.py:9:1: wrong"


SERVICES = """
class Points(BaseModel):
    balance: int
    greeting: str = ""


points = Service("points", sends=("customer.email",), gives=Points)
"""


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ("await j.webhook(Service('crm'), 'a.b')", "journey trial calls the service 'crm', which the catalogue lacks; keep it"),
        ("(await j.fetch(points)).value.balance", "points may have given nothing; ask first whether it has"),
        (
            "answer = await j.fetch(points)\n    if answer: answer.value.greeting",
            "value.greeting is free text, which stays out of",
        ),
        ("answer = await j.fetch(points)\n    if answer: answer.value.price", "no 'price' is declared of what points gives"),
        ("await j.fetch('points')", "j.fetch takes a service, not 'points'; declare it"),
        ("await j.webhook(points, 'Lead qualified!')", "j.webhook takes the name of what happened, not 'Lead qualified!'"),
        ("await j.fetch(points, within=timedelta(0))", "within= is longer than nothing, not 0:00:00; write within=minutes(10)"),
        ("await j.fetch(points, within=5)", "within= is a span, not 5; write within=minutes(10)"),
        ("await j.fetch(points, tags=[])", "tags= is not a list; give a number, a flag or a text"),
        ("await j.fetch(Service('crm'))", "j.fetch: crm declares nothing that it gives; declare it"),
        ("j.fetch(points)", "j.fetch(…) does nothing without await"),
    ],
)
def test_calls_that_cannot_be_made(package: Path, steps: str, problem: str) -> None:
    header = "from pydantic import BaseModel\nfrom journeys import Service\n"
    found = examined(package, header + SERVICES + journey_of(steps + "\n    await j.push('hi')"))
    assert any(problem in each.told for each in found.problems), [each.told for each in found.problems]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ('"crm", sends=("customer.emial",)', "service crm: unknown variable customer.emial; did you mean customer.email?"),
        ('"crm", sends=("fetched.points.balnce",)', "did you mean fetched.points.balance?"),
        ('"crm", sends="customer.email"', 'sends= has other words; name what it is told: sends=("customer.email"'),
        ('"crm", sends=("email",)', "sends= has other words"),
        ('"The CRM"', "a service has no name such as 'The CRM'"),
        ('"crm", gives=dict', "gives= is no model"),
        ('"crm", sample=Points(balance=1)', "sample= is none of what it gives"),
        ('"points"', "two different services are called 'points'; rename one"),
    ],
)
def test_services_that_cannot_be(package: Path, declared: str, problem: str) -> None:
    header = "from pydantic import BaseModel\nfrom journeys import Service\n"
    found = examined(package, header + SERVICES + f"other = Service({declared})\n" + journey_of("await j.push('hi')"))
    assert any(problem in each.told for each in found.problems), [each.told for each in found.problems]


def test_templates_know_what_services_give(package: Path) -> None:
    header = "from pydantic import BaseModel\nfrom journeys import Service\n"
    text = "title: '{{ fetched.points.greeting }}'\nbody: '{{ fetched.points.greetings }}'\n"
    (typo,) = examined(package, header + SERVICES + journey_of("await j.push('own')"), own__push__yaml=text).problems
    assert "unknown variable fetched.points.greetings; did you mean fetched.points.greeting?" in typo.told


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ("await j.email('hi')", []),
        ("await j.email('hi') or await j.sms('hi')", ["prices = Prices(…) says nothing of sms; keep"]),
    ],
)
def test_a_budget_in_money_asks_for_the_prices_of_the_channels_in_use(package: Path, step: str, wrong: list[str]) -> None:
    prices = "from journeys import Budget, Prices\nprices = Prices(email=1)\n"
    source = journey_of(step, declared="goal=did('A'), reentry=once(), budget=Budget(money=5)", above=prices)
    found = [problem for problem in told(package, source, hi__sms__yaml="text: hi") if "Prices" in problem]
    assert [sentence in problem for sentence, problem in zip(wrong, found, strict=True)] == [True] * len(wrong)


def test_a_step_that_is_waited_for_leaves_no_warning_of_pythons(package: Path, recwarn: pytest.WarningsRecorder) -> None:
    examined(package, journey_of("steps = [j.push('hi')]", "await j.together(steps)"))
    examined(package, journey_of("await j.wait_for(j.is_in(carts))"))
    assert [str(each.message) for each in recwarn if "never awaited" in str(each.message)] == []
