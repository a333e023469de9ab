"""How a WhatsApp template stands is looked at when a message is claimed: paused, it waits; off, it never goes (SEMANTICS 7)."""

from datetime import timedelta

from journeys.contracts import Channel, DeliverRequest, Outcome, Purpose, Reason
from store.deliveries.whatsapp import TemplateState, told
from store.runs.views import Run
from tests.activities.test_deliver import request, start
from workers.testing.shop import Shop


async def stands(trial: Shop, status: str | None, category: str | None = "MARKETING", language: str = "en") -> None:
    async with trial.database.transaction() as connection:
        await told(connection, [TemplateState("note", language, status, category, trial.clock.now())])


def message(run: Run, occurrence: int, purpose: Purpose = Purpose.MARKETING) -> DeliverRequest:
    about = {"step": "whatsapp:note", "channel": Channel.WHATSAPP, "occurrence": occurrence, "purpose": purpose}
    return request(run, **about)


async def test_a_message_whose_template_is_paused_meanwhile_waits_and_goes_when_it_is_back(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    deliver = trial.parts.delivery.deliver
    await stands(trial, "PAUSED")
    waits = await deliver(message(run, 1))
    assert (waits.outcome, waits.reason) == (Outcome.DEFERRED, Reason.TEMPLATE_WAITS)
    assert waits.retry_at is not None
    assert waits.retry_at - run.entered_at >= timedelta(minutes=30)
    await stands(trial, "APPROVED")
    assert (await deliver(message(run, 1))).sent
    assert [each.template for each in trial.sandbox.messages] == ["note"]


async def test_one_that_is_off_or_of_another_category_fails_with_that_reason_for_all_to_see(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    deliver = trial.parts.delivery.deliver
    await stands(trial, "REJECTED")
    assert (await deliver(message(run, 1))).reason is Reason.TEMPLATE_OFF
    await stands(trial, "APPROVED", "UTILITY")
    assert (await deliver(message(run, 2))).reason is Reason.CATEGORY
    assert (await deliver(message(run, 3, Purpose.TRANSACTIONAL))).sent
    await stands(trial, None, "MARKETING")
    assert (await deliver(message(run, 4, Purpose.TRANSACTIONAL))).reason is Reason.CATEGORY
    assert (await deliver(message(run, 5))).sent
    failed = [(each.state, each.reason) for each in await trial.messages(run) if each.state == "failed"]
    assert sorted(reason or "" for _, reason in failed) == [
        "template of another category", "template of another category", "template rejected or disabled",
    ]  # fmt: skip


async def test_what_meta_has_said_nothing_of_goes(trial: Shop) -> None:
    await trial.signs_up("ana")
    run = await start(trial, "while_vip")
    await stands(trial, "REJECTED", language="es")
    assert (await trial.parts.delivery.deliver(message(run, 1))).sent


async def test_each_language_stands_by_itself(trial: Shop) -> None:
    """Meta approves every translation for itself, so one that is off keeps nobody else's message back."""
    for user, language in (("ana", "es-MX"), ("eva", "fr")):
        await trial.signs_up(user, language=language)
    await stands(trial, "REJECTED", language="es")
    deliver = trial.parts.delivery.deliver
    ana, eva = await start(trial, "while_vip"), await start(trial, "while_vip", user="eva")
    assert (await deliver(message(ana, 1))).reason is Reason.TEMPLATE_OFF
    assert (await deliver(message(eva, 1))).sent
    await stands(trial, "APPROVED", language="es")
    assert (await deliver(message(ana, 2))).sent
    assert [each.params for each in trial.sandbox.messages] == [("you",), ("usted",)]
