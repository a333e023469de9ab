"""The gate over plain records: what it answers to when a message may go (SEMANTICS 1, 4 and 5)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from journeys.arms import Lot
from journeys.contracts import Cap, Ceilings, Channel, DeliverRequest, JourneySpec, Outcome, Purpose, QuietHours, Reason
from journeys.endings import Ending
from journeys.errors import CatalogueError
from journeys.gate.approval import Approved
from journeys.gate.budget import Budget, Prices
from journeys.gate.caps import Past
from journeys.gate.decide import APPROVAL_CHECK, ASK_AGAIN, Go, No, Question, decide, exposures
from journeys.gate.habits import Habits
from journeys.gate.order import TURN, Coming
from journeys.gate.spent import spent
from journeys.policies import GlobalHoldout, Once, Window
from segments.time.zones import ANYWHERE, Whereabouts

NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NIGHT = QuietHours("22:00", "08:00")
SPEC = JourneySpec(
    name="trial", entry=None, goal=None, reentry=Once(), purpose=Purpose.MARKETING, ends_on_leave=False,
    max_lateness=HOUR, useless_after=12 * HOUR, holdout=0.5, quiet_hours=None, caps=(), timezone="UTC",
)  # fmt: skip
REQUEST = DeliverRequest(
    run_id=UUID(int=3), journey="trial", step="push:say", occurrence=1, channel=Channel.PUSH, template="say",
    purpose=Purpose.MARKETING, due_at=NOON, useless_after=NOON + 12 * HOUR,
)  # fmt: skip
HOME = Whereabouts(("UTC",), "timezone")


def ask(now: datetime = NOON, *, until: datetime = REQUEST.useless_after, declared: Any = None, **known: Any) -> Go | No:
    request = REQUEST.model_copy(update={"useless_after": until, "purpose": known.pop("purpose", Purpose.MARKETING)})
    usual: dict[str, Any] = {"where": HOME, "opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1}
    return decide(Question(request=request, spec=replace(SPEC, **declared or {}), now=now, **usual | known))


def sent(*ago: timedelta) -> list[Past]:
    return [Past(NOON - each, Channel.PUSH, Purpose.MARKETING) for each in ago]


def test_who_is_held_back_hears_by_which_journeys() -> None:
    held = No(Outcome.DEFERRED, Reason.HELD, {"journeys": ["care", "nps"]}, NOON + HOUR)
    assert ask(held_by=["care", "nps"]) == held
    assert ask(held_by=["care", "nps"], purpose=Purpose.TRANSACTIONAL) == Go()


def test_a_message_that_nothing_forbids_goes() -> None:
    assert ask() == Go()
    assert ask(declared={"quiet_hours": NIGHT, "caps": (Cap(1, DAY),)}) == Go()


@pytest.mark.parametrize("ago", [(), (HOUR,), (HOUR, 2 * HOUR), (HOUR, 2 * HOUR, 3 * HOUR)])
@pytest.mark.parametrize("most", [1, 2, 3])
@pytest.mark.parametrize("until", [-HOUR, timedelta(0), HOUR, 2 * DAY])
def test_what_is_answered_without_solving_is_what_solving_answers(
    ago: tuple[timedelta, ...], most: int, until: timedelta
) -> None:
    """A window that is open now shuts nothing, and has it solved."""
    asked = {"until": NOON + until, "declared": {"caps": (Cap(most, DAY),)}, "past": sent(*ago)}
    solved = ask(**asked | {"declared": {**asked["declared"], "window": Window("00:00", "23:59")}})
    assert (ask(**asked) == Go()) is (solved == Go()) is (len(ago) < most and until > timedelta(0))


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"control": "killed"}, {"control": "paused"}),
        ({"control": "paused"}, {"over": True}),
        ({"over": True, "exit_reason": "left the segment"}, {"ending": Ending(Reason.GOAL, None, NOON)}),
        ({"ending": Ending(Reason.GOAL, None, NOON)}, {"asked": 100}),
        ({"asked": 100}, {"consent": "refused"}),
        ({"consent": "refused"}, {"unsuppressed": 0}),
        ({"unsuppressed": 0}, {"in_segment": False}),
        ({"addresses": 0, "unsuppressed": 0}, {"in_segment": False}),
        ({"in_segment": False}, {"relation": "better"}),
        ({"relation": "better"}, {"declared": {"quiet_hours": QuietHours("10:00", "14:00")}}),
        ({"declared": {"quiet_hours": QuietHours("10:00", "14:00")}}, {"holdout": True}),
    ],
)
def test_the_first_no_wins(first: dict[str, Any], then: dict[str, Any]) -> None:
    """Each question stands before the next one of docs/architecture.md."""
    both = then | first
    assert ask(**both) == ask(**first)
    assert ask(**then) not in (Go(), ask(**first))


def test_quiet_hours_come_before_caps_and_the_instant_is_one_that_both_allow() -> None:
    night = datetime(2026, 3, 3, 23, tzinfo=UTC)
    past = [Past(night - HOUR, Channel.PUSH, Purpose.MARKETING)]
    declared = {"quiet_hours": NIGHT, "caps": (Cap(1, 12 * HOUR),)}
    answer = ask(night, until=night + DAY, declared=declared, past=past)
    told = {"zone": "UTC", "told_by": "timezone"}
    assert answer == No(Outcome.DEFERRED, Reason.QUIET_HOURS, told, night + 11 * HOUR), "the cap has room at ten, not at eight"


def test_of_several_caps_the_one_that_lasts_longest_is_named() -> None:
    caps = (Cap(1, 2 * HOUR), Cap(2, 6 * HOUR), Cap(1, HOUR, channel="email"))
    answer = ask(declared={"caps": caps}, past=sent(2.5 * HOUR, HOUR))
    assert answer == No(Outcome.DEFERRED, Reason.CAPPED, {"messages": 2, "within": "6:00:00"}, NOON + 3.5 * HOUR), (
        "the older one leaves the six hours then"
    )


def test_the_ceiling_of_the_day_is_a_cap_with_a_reason_of_its_own() -> None:
    answer = ask(until=NOON + 2 * DAY, past=sent(20 * HOUR), ceilings=Ceilings(per_day=1))
    assert answer == No(Outcome.DEFERRED, Reason.DAY_CEILING, {"messages": 1, "within": "1 day, 0:00:00"}, NOON + 4 * HOUR)


def test_a_cap_by_the_calendar_is_recorded_as_such() -> None:
    answer = ask(until=NOON + DAY, declared={"caps": (Cap(1, calendar="day", channel="push"),)}, past=sent(HOUR))
    told = {"messages": 1, "calendar": "day", "channel": "push"}
    assert answer == No(Outcome.DEFERRED, Reason.CAPPED, told, NOON + 12 * HOUR)


def test_a_message_without_an_instant_before_its_deadline_is_dropped_at_once_with_all_that_shut_it() -> None:
    """Neither alone would drop it: there is day until 22, and room from 23 on."""
    declared = {"quiet_hours": NIGHT, "caps": (Cap(1, 12 * HOUR),)}
    answer = ask(until=NOON + 13 * HOUR, declared=declared, past=sent(HOUR))
    assert answer == No(
        Outcome.SKIPPED,
        Reason.NO_INSTANT,
        {
            "zone": "UTC", "told_by": "timezone", "messages": 1, "within": "12:00:00",
            "shut_by": ["quiet hours", "frequency cap"], "closed_by": "frequency cap",
        },
    )  # fmt: skip
    assert isinstance(ask(until=NOON + 12 * HOUR, declared=declared | {"caps": ()}, past=sent(HOUR)), Go)


def test_at_its_deadline_a_message_has_no_instant() -> None:
    answer = ask(until=NOON)
    assert answer == No(Outcome.SKIPPED, Reason.NO_INSTANT, {"shut_by": ["useless after its deadline"]})


def test_transactional_messages_know_neither_hours_nor_caps() -> None:
    shut = {"quiet_hours": QuietHours("10:00", "14:00"), "caps": (Cap(1, DAY),), "window": Window("14:00", "15:00")}
    assert ask(declared=shut, past=sent(HOUR), purpose=Purpose.TRANSACTIONAL) == Go()


def test_a_message_waits_for_its_window() -> None:
    answer = ask(declared={"window": Window("18:00", "20:00")})
    told = {"window": "18:00 to 20:00", "zone": "UTC", "told_by": "timezone"}
    assert answer == No(Outcome.DEFERRED, Reason.WINDOW, told, NOON + 6 * HOUR)


def test_a_message_waits_for_the_customers_hour_once_and_then_goes() -> None:
    weights = tuple(float(n == 24 + 19) for n in range(168))
    habits = Habits(weights, ("UTC",), NOON + DAY)
    answer = ask(habits=habits)
    assert answer == No(Outcome.DEFERRED, Reason.HABIT, {}, NOON + 7 * HOUR)
    assert ask(NOON + 7 * HOUR, habits=habits) == Go()
    assert ask(NOON + 7.5 * HOUR, habits=habits) == Go()


def test_where_it_is_never_day_everywhere_a_message_is_asked_again_while_it_is_useful() -> None:
    """Somebody may correct the zone that was not understood."""
    nowhere = {"where": Whereabouts(ANYWHERE, "nothing", "Asia/Tokio"), "declared": {"quiet_hours": NIGHT}}
    told = {"zone": "26 zones", "told_by": "nothing"}
    assert ask(**nowhere) == No(Outcome.DEFERRED, Reason.QUIET_HOURS, told, NOON + ASK_AGAIN)
    last = ask(NOON + 11 * HOUR, **nowhere)
    assert isinstance(last, No)
    assert (last.outcome, last.reason) == (Outcome.SKIPPED, Reason.NO_INSTANT)


def test_where_it_is_day_somewhere_later_than_the_deadline_nobody_asks_again() -> None:
    """The United States at night: there is a day in all of them, but after this message's deadline."""
    states = Whereabouts(("America/New_York", "Pacific/Honolulu"), "phone")
    answer = ask(datetime(2026, 3, 3, 4, tzinfo=UTC), until=NOON, where=states, declared={"quiet_hours": NIGHT})
    assert isinstance(answer, No)
    assert (answer.outcome, answer.reason) == (Outcome.SKIPPED, Reason.NO_INSTANT)


def test_whoever_is_held_out_waits_as_the_others_do() -> None:
    declared = {"quiet_hours": QuietHours("10:00", "14:00")}
    assert ask(holdout=True, declared=declared) == ask(declared=declared)
    assert ask(NOON + 2 * HOUR, holdout=True, declared=declared) == No(Outcome.WITHHELD, Reason.HOLDOUT, {"fraction": 0.5})


def waiting(at: datetime = NOON, priority: int = 1, **about: Any) -> Coming:
    usual = {"channel": Channel.EMAIL, "purpose": Purpose.MARKETING, "journey": "higher", "caps": ()}
    return Coming(at, priority=priority, **usual | about)


GAP = {"caps": (Cap(1, 4 * HOUR),)}
HIGHER = replace(SPEC, name="higher", priority=1)


def test_a_message_leaves_a_more_important_one_that_waits_its_place() -> None:
    """It is due at once, or in three hours: the gap holds on both sides of it."""
    first = {"journeys": ["higher"]}
    assert ask(declared=GAP, coming=[waiting()]) == No(Outcome.DEFERRED, Reason.OUTRANKED, first, NOON + 4 * HOUR)
    later = ask(declared=GAP, coming=[waiting(NOON + 3 * HOUR)])
    assert later == No(Outcome.DEFERRED, Reason.OUTRANKED, first, NOON + 7 * HOUR)
    assert ask(declared=GAP, coming=[waiting(NOON + 4 * HOUR)]) == Go()
    assert ask(declared=GAP, coming=[waiting(priority=0)]) == Go(), "of equals the first"
    assert ask(declared={"caps": (Cap(2, 4 * HOUR),)}, coming=[waiting()]) == Go(), "there is room for both"


def test_it_leaves_it_its_place_under_its_own_caps_too() -> None:
    coming = [waiting(NOON + HOUR, caps=(Cap(1, 2 * HOUR),))]
    assert ask(coming=coming) == No(Outcome.DEFERRED, Reason.OUTRANKED, {"journeys": ["higher"]}, NOON + 3 * HOUR)
    assert ask(coming=[waiting(NOON + HOUR, caps=(Cap(1, 2 * HOUR, channel="email"),))]) == Go(), "a push takes none"


def test_what_a_more_important_message_leaves_no_time_for_is_dropped() -> None:
    answer = ask(declared={"caps": (Cap(1, DAY),)}, coming=[waiting()])
    told = {"journeys": ["higher"], "shut_by": ["a more important message comes first"]}
    closed = {"closed_by": "a more important message comes first"}
    assert answer == No(Outcome.SKIPPED, Reason.NO_INSTANT, told | closed)


def test_a_transactional_message_is_above_all() -> None:
    counting = {"caps": (Cap(1, 4 * HOUR, purpose=None),), "priority": 1_000}
    answer = ask(declared=counting, coming=[waiting(priority=-5, purpose=Purpose.TRANSACTIONAL)])
    assert isinstance(answer, No)
    assert answer.reason is Reason.OUTRANKED
    assert ask(declared=GAP, coming=[waiting()], purpose=Purpose.TRANSACTIONAL) == Go()


def test_it_waits_a_moment_for_a_more_important_journey_that_may_be_due_at_once() -> None:
    turn = No(Outcome.DEFERRED, Reason.TURN, {"journeys": ["higher"]}, NOON + TURN)
    assert ask(declared=GAP, others=[HIGHER]) == turn
    assert ask(declared=GAP, others=[HIGHER], turned=True) == Go()
    assert ask(declared=GAP, others=[HIGHER], waking=[HIGHER], turned=True) == turn, "it was to begin just now"
    assert ask(declared=GAP, others=[replace(HIGHER, priority=0)]) == Go(), "nobody is more important"
    assert ask(declared={"caps": (Cap(2, DAY),)}, others=[HIGHER]) == Go(), "there is room for both"
    assert ask(declared={"caps": (Cap(2, DAY),)}, others=[HIGHER], past=sent(HOUR)) == turn
    assert ask(others=[replace(HIGHER, **GAP)]) == turn, "the other's gap counts this one"
    assert ask(others=[replace(HIGHER, caps=(Cap(1, DAY, channel="email"),))]) == Go()


def test_it_waits_for_nobody_where_a_moment_later_is_too_late() -> None:
    declared = GAP | {"quiet_hours": QuietHours("12:00", "08:00")}
    before_night = NOON - timedelta(seconds=1)
    assert ask(before_night, declared=declared, others=[HIGHER]) == Go()
    assert ask(until=NOON + TURN, declared=GAP, others=[HIGHER]) == Go()


def test_a_spent_budget_skips_at_once_or_waits_for_the_next_period() -> None:
    day = spent(Budget(3, per="day"), 3, 1, NOON, "UTC")
    told = {"budget": "3 messages a day"}
    assert ask(until=NOON + DAY, spent=day) == No(Outcome.SKIPPED, Reason.BUDGET, told)
    waits = spent(Budget(3, per="day", when_spent="wait"), 3, 1, NOON, "UTC")
    assert ask(until=NOON + DAY, spent=waits) == No(Outcome.DEFERRED, Reason.BUDGET, told, NOON + 12 * HOUR)
    late = ask(until=NOON + HOUR, spent=waits)
    assert isinstance(late, No)
    assert (late.reason, late.detail["shut_by"]) == (Reason.NO_INSTANT, ["budget spent"])
    assert ask(spent=day, purpose=Purpose.TRANSACTIONAL) == Go()


def test_a_message_that_waits_for_the_next_day_anyway_is_not_skipped_for_todays_budget() -> None:
    day = spent(Budget(3, per="day"), 3, 1, NOON, "UTC")
    answer = ask(until=NOON + DAY, spent=day, declared={"quiet_hours": QuietHours("11:00", "08:00")})
    assert isinstance(answer, No)
    assert (answer.reason, answer.retry_at) == (Reason.QUIET_HOURS, NOON + 20 * HOUR)
    assert spent(Budget(3, per="day"), 2, 1, NOON, "UTC") is None


def test_a_budget_in_money_is_exact() -> None:
    budget = Budget(money="0.30", per="month")
    assert spent(budget, 200_000, 100_000, NOON, "UTC") is None
    assert spent(budget, 200_001, 100_000, NOON, "UTC")
    assert Prices(email=0.1, push=0) == {"email": 100_000, "push": 0}
    for wrong in ("much", -1, 0.0000001, True, "NaN"):
        with pytest.raises(CatalogueError, match="is no sum of money"):
            Prices(push=wrong)


COMPANY = GlobalHoldout(0.05)


def test_the_companys_holdout_withholds_marketing_only_and_waits_as_all_do() -> None:
    held: dict[str, Any] = {"company": COMPANY, "held_out_of_all": True}
    assert ask(**held) == No(Outcome.WITHHELD, Reason.GLOBAL_HOLDOUT, {"fraction": 0.05})
    assert ask(purpose=Purpose.TRANSACTIONAL, **held) == Go()
    assert ask(consent="withdrawn", **held) == No(Outcome.SKIPPED, Reason.NO_CONSENT, {"consent": "withdrawn"})


def test_exposure_is_written_down_in_both_arms_and_of_the_outer_holdout_first() -> None:
    def exposed(**known: Any) -> list[tuple[str, str, float]]:
        request = REQUEST.model_copy(update={"purpose": known.pop("purpose", Purpose.MARKETING)})
        usual: dict[str, Any] = {"where": HOME, "opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1}
        question = Question(request=request, spec=SPEC, now=NOON, **usual | known)
        return list(exposures(question, decide(question)))

    own, written = "$holdout/trial", ("$holdout", "written to", 0.95)
    assert exposed() == [(own, "written to", 0.5)]
    assert exposed(holdout=True) == [(own, "withheld", 0.5)]
    assert exposed(company=COMPANY, holdout=True) == [written, (own, "withheld", 0.5)]
    assert exposed(company=COMPANY, held_out_of_all=True) == [("$holdout", "withheld", 0.05)]
    assert exposed(company=COMPANY, held_out_of_all=True, purpose=Purpose.TRANSACTIONAL) == [(own, "written to", 0.5)]
    assert exposed(company=COMPANY, consent="withdrawn") == []


@pytest.mark.parametrize("held_out", [False, True])
def test_who_waits_or_comes_too_late_is_exposed_from_the_first_asking_on_in_both_arms(held_out: bool) -> None:
    arm = [("$holdout/trial", "withheld" if held_out else "written to", 0.5)]
    night = replace(SPEC, quiet_hours=QuietHours("11:00", "08:00"))
    waits: dict[str, dict[str, Any]] = {
        Reason.HELD: {"held_by": ["care"]},
        Reason.QUIET_HOURS: {"spec": night, "until": NOON + DAY},
        Reason.NO_INSTANT: {"spec": night, "until": NOON + HOUR},
        Reason.CAPPED: {"spec": replace(SPEC, caps=(Cap(1, HOUR),)), "past": [Past(NOON, Channel.PUSH, Purpose.MARKETING)]},
    }
    never: dict[str, dict[str, Any]] = {
        Reason.PAUSED: {"control": "paused"},
        Reason.GOAL: {"ending": Ending(Reason.GOAL, None, NOON)},
        Reason.NO_CONSENT: {"consent": "withdrawn"},
    }
    for cases, told in ((waits, arm), (never, [])):
        for reason, known in cases.items():
            request = REQUEST.model_copy(update={"useless_after": known.pop("until", NOON + DAY)})
            usual: dict[str, Any] = {"where": HOME, "opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1}
            question = Question(**{"request": request, "spec": SPEC, "now": NOON, "holdout": held_out} | usual | known)
            decided = decide(question)
            assert isinstance(decided, No)
            assert decided.reason == reason
            assert list(exposures(question, decided)) == told


def test_words_of_ones_own_are_skipped_outside_the_service_window_also_where_they_are_transactional() -> None:
    for purpose in Purpose:
        no = ask(in_service_window=False, purpose=purpose)
        assert isinstance(no, No)
        assert (no.outcome, no.reason) == (Outcome.SKIPPED, Reason.SERVICE_WINDOW)
    unreachable = ask(in_service_window=False, unsuppressed=0, addresses=0)
    assert isinstance(unreachable, No)
    assert unreachable.reason is Reason.UNREACHABLE


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("APPROVED", None),
        ("LOCKED", None),
        ("PAUSED", (Outcome.DEFERRED, Reason.TEMPLATE_WAITS)),
        ("PENDING", (Outcome.DEFERRED, Reason.TEMPLATE_WAITS)),
        ("REJECTED", (Outcome.FAILED, Reason.TEMPLATE_OFF)),
        ("DISABLED", (Outcome.FAILED, Reason.TEMPLATE_OFF)),
        ("DELETED", (Outcome.FAILED, Reason.TEMPLATE_OFF)),
    ],
)
def test_a_template_that_is_paused_is_waited_for_and_one_that_is_off_never_goes(
    status: str, expected: tuple[Outcome, Reason] | None
) -> None:
    answer = ask(approved=Approved(status, "MARKETING"))
    assert (None if isinstance(answer, Go) else (answer.outcome, answer.reason)) == expected
    if isinstance(answer, No):
        assert answer.detail["status"] == status
        assert answer.retry_at == (NOON + APPROVAL_CHECK if answer.outcome is Outcome.DEFERRED else None)


def test_what_waits_for_its_template_asks_again_at_its_deadline_at_the_latest() -> None:
    answer = ask(until=NOON + timedelta(minutes=5), approved=Approved("PAUSED"))
    assert isinstance(answer, No)
    assert answer.retry_at == NOON + timedelta(minutes=5)


@pytest.mark.parametrize("category", ["MARKETING", "UTILITY", "AUTHENTICATION", None])
@pytest.mark.parametrize("purpose", Purpose)
def test_marketing_goes_as_marketing_and_nothing_else_does(category: str | None, purpose: Purpose) -> None:
    answer = ask(purpose=purpose, approved=Approved("APPROVED", category))
    fits = category is None or (category == "MARKETING") is (purpose is Purpose.MARKETING)
    assert isinstance(answer, Go) is fits
    if isinstance(answer, No):
        assert (answer.outcome, answer.reason) == (Outcome.FAILED, Reason.CATEGORY)
        assert answer.detail == {"status": "APPROVED", "category": category, "purpose": purpose.value}


def test_a_predictions_holdout_withholds_in_both_arms_alike_and_shares_no_customer_with_the_journeys() -> None:
    its, own = "$prediction/churn", "$holdout/trial"

    def asked(*, left: bool, holdout: bool, **known: Any) -> tuple[Go | No, list[tuple[str, str, float]]]:
        usual: dict[str, Any] = {"where": HOME, "opt_in": True, "consent": "granted", "addresses": 1, "unsuppressed": 1}
        usual |= {"holdout": holdout, "foretold": {"churn": Lot(0.1, left)}}
        question = Question(request=REQUEST, spec=SPEC, now=NOON, **usual | known)
        return decide(question), list(exposures(question, decide(question)))

    withheld = No(Outcome.WITHHELD, Reason.HOLDOUT, {"prediction": "churn", "fraction": 0.1})
    assert asked(left=True, holdout=False) == (withheld, [(its, "withheld", 0.1)])
    assert asked(left=False, holdout=False) == (Go(), [(own, "written to", 0.5), (its, "written to", 0.9)])
    of_journey = No(Outcome.WITHHELD, Reason.HOLDOUT, {"fraction": 0.5})
    assert asked(left=False, holdout=True) == (of_journey, [(own, "withheld", 0.5)])
    assert asked(left=True, holdout=True) == (of_journey, []), "who is in both is compared with nobody"
    for nobody in ({"consent": "refused"}, {"unsuppressed": 0}):
        assert [asked(left=left, holdout=False, **nobody)[1] for left in (True, False)] == [[], []]
    assert asked(left=True, holdout=False, company=COMPANY, held_out_of_all=True)[1] == [("$holdout", "withheld", 0.05)]
