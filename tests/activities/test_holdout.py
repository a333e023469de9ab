"""The holdout walks the way of those with whom it is compared (FAULTS E3): only the call to the provider is withheld."""

from datetime import timedelta

from journeys.contracts import Outcome, Purpose, Receipt
from tests.activities.test_deliver import finish, request, start, states
from workers.testing.shop import Shop


async def test_what_is_withheld_does_not_fall_back_to_another_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    assert states(await finish(trial, "held_out_of_both")) == [("push", "withheld", "holdout")]
    assert trial.sandbox.messages == []


async def test_the_holdout_waits_for_the_morning_as_the_others_do(trial: Shop) -> None:
    await trial.signs_up("ana", timezone="Asia/Tokyo")
    night = trial.opened_at.replace(hour=15, minute=0, second=0, microsecond=0) + timedelta(days=1)  # midnight in Tokyo
    run = await start(trial, "held_out_at_night")
    asked = request(run, occurrence=9, due_at=night, useless_after=night + timedelta(hours=12))
    receipt = await trial.parts.delivery.deliver(asked)
    assert (receipt.outcome.value, receipt.reason, receipt.retry_at) == ("deferred", "quiet hours", night + timedelta(hours=8))
    morning = asked.model_copy(update={"due_at": night + timedelta(hours=8)})
    assert (await trial.parts.delivery.deliver(morning)).outcome.value == "withheld"


async def test_marketing_in_doubt_does_not_fall_back_to_another_channel(trial: Shop) -> None:
    await trial.signs_up("ana")
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=1)
    await trial.does("ana", "Product Viewed")
    await trial.look()
    run = await trial.run("falls_back")
    await trial.over(run)
    assert states(await trial.messages(run)) == [("push", "unconfirmed", "provider may have accepted it")]
    assert len(trial.sandbox.messages) == 1


def test_a_receipt_is_true_when_no_other_channel_is_needed() -> None:
    needs_none = {outcome for outcome in Outcome if Receipt(outcome=outcome)}
    assert needs_none == {Outcome.SENT, Outcome.WITHHELD, Outcome.UNCONFIRMED}
    assert not Receipt(outcome=Outcome.UNCONFIRMED, purpose=Purpose.TRANSACTIONAL), "it errs to at least once"
    assert [outcome for outcome in Outcome if Receipt(outcome=outcome).sent] == [Outcome.SENT]
