"""A run's story and why somebody is not in a journey: over the API and on the command line, on the real stack."""

import json
from datetime import timedelta
from typing import Any

from store.runs.switches import throw
from tests.command_line import in_thread
from workers.testing.shop import Shop

NAMED = "Ana Somebody"


async def story(shop: Shop, run: str, query: str = "") -> dict[str, Any]:
    answer = await shop.operate("GET", f"/v1/runs/{run}/story{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def why_not(shop: Shop, user: str, journey: str = "cart_abandonment", query: str = "") -> dict[str, Any]:
    answer = await shop.operate("GET", f"/v1/journeys/{journey}/why-not?user_id={user}{query}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def rules(told: dict[str, Any]) -> list[str]:
    return [each["rule"] for each in told["because"]]


async def test_a_story_from_its_begin_to_what_comes_next_and_to_its_end(shop: Shop, dsn: str) -> None:
    await shop.signs_up("ana", timezone="America/New_York", name=NAMED)
    await shop.does("ana", "Product Added", name=NAMED, price=7)
    await shop.look()
    run = await shop.run("cart_abandonment")
    began = await story(shop, str(run.id))
    assert (began["zone"], began["zone_told_by"]) == ("America/New_York", "timezone")
    assert [stop["what"] for stop in began["at"]] == ["until 1 h after entry"]
    assert [each["what"] for each in began["ahead"]] == [
        "push cart-reminder",
        "whatsapp cart-link",
        "email cart-alternatives",
        "finished",
    ]
    assert began["ahead"][0]["earliest"] == (run.entered_at + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert all(each["sure"] and each["local"] for each in began["ahead"])

    await shop.forward(run, timedelta(hours=1, minutes=1))
    await shop.settled(run, 1)
    shop.clock.set(run.entered_at + timedelta(hours=1, minutes=1))
    sent = await story(shop, str(run.id))
    (gate,) = [moment for moment in sent["happened"] if moment["kind"] == "gate"]
    assert gate["what"] == "push cart-reminder: go"
    assert gate["detail"] == {
        "consent": "granted",
        "addresses": 1,
        "zone": "America/New_York",
        "told_by": "timezone",
        "sent_lately": 0,
    }
    assert [moment["kind"] for moment in sent["happened"]] == ["entered", "started", "gate", "sent"]
    assert [stop["what"] for stop in sent["at"]] == ["until 1 d after entry"]
    assert sent["ahead"][0]["what"] == "whatsapp cart-link"
    assert NAMED not in json.dumps(sent)
    assert NAMED in json.dumps(await story(shop, str(run.id), "?show=true"))

    known = {"database_url": dsn, "catalogue": "definitions", "deploy_key": shop.settings.deploy_key.get_secret_value()}
    for named in (str(run.id), run.workflow_id):  # on the command line, by its own clock, which is far ahead
        shown = await in_thread("explain", named, **known)
        assert (shown.returncode, "push cart-reminder: go" in shown.stdout) == (0, True), shown.stderr
        assert NAMED not in shown.stdout
        assert "held back for 1 h" in " ".join(shown.stdout.replace("│", " ").split())
    nobody = await in_thread("explain", "cart_abandonment/nobody/7", **known)
    assert (nobody.returncode, "no run cart_abandonment/nobody/7; `journeys runs` lists them" in nobody.stderr) == (1, True)

    await shop.does("ana", "Order Completed", run.entered_at + timedelta(hours=2))
    await shop.look()
    await shop.closed(run)
    over = await story(shop, str(run.id))
    assert (over["status"], over["at"], over["ahead"], over["note"]) == ("ended", [], [], None)
    assert [moment["what"] for moment in over["happened"] if moment["kind"] == "over"][-1] == "goal reached"
    told = await why_not(shop, "ana")
    assert "cooling-down" in rules(told)
    assert next(each for each in told["because"] if each["rule"] == "entered")["what"].startswith(
        "was in it: goal reached (run "
    )


async def test_waits_tasks_and_arms_are_told_and_a_version_that_is_not_at_hand(shop: Shop) -> None:
    await shop.signs_up("bob")
    await shop.does("bob", "NPS Answered", score=3)
    await shop.look()
    run = await shop.run("nps")
    await shop.asleep(run)
    told = await story(shop, str(run.id))
    kinds = [moment["kind"] for moment in told["happened"]]
    assert kinds.count("waits") == kinds.count("task") == kinds.count("hold") == 1
    assert [stop["what"] for stop in told["at"]] == ["wait for care: Call the customer: unhappy, at most 4 d"]
    may = {each["what"]: each["sure"] for each in told["ahead"]}
    assert may["push thanks-for-talking"] is False
    assert told["note"] is None
    await shop.database.pool.execute("update run set move_to = version")
    moving = await story(shop, str(run.id))
    assert moving["note"] == f"it goes on with version {run.version} from its next wait, whose code tells what comes next here"
    assert [each["what"] for each in moving["ahead"]] == [each["what"] for each in told["ahead"]]
    await shop.database.pool.execute("update run set move_to = 'another'")
    assert "needs the code of version another, which is not at hand" in (await story(shop, str(run.id)))["note"]
    await shop.database.pool.execute("update run set move_to = null, version = 'gone'")
    gone = await story(shop, str(run.id))
    assert (gone["at"], gone["ahead"]) == ([], [])
    assert "needs the code of version gone, which is not at hand here" in gone["note"]


async def test_why_a_message_could_not_be_written_is_told_with_its_place(shop: Shop) -> None:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added")
    await shop.look()
    run = await shop.run("cart_abandonment")
    wrong = "cart-reminder.push.yaml:2: unknown variable params.nothing"
    broken = """insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, reason,
                                      due_at, settled_at, detail)
                values ($1, 'push:cart-reminder', 1, $2, $3, 'push', 'marketing', 'cart-reminder', 'failed',
                        'template cannot be rendered', $4, $4, jsonb_build_object('error', $5::text))"""
    await shop.database.pool.execute(broken, run.id, run.profile_id, run.journey, run.entered_at, wrong)
    (told,) = [each for each in (await why_not(shop, "ana"))["because"] if each["rule"] == "message-not-sent"]
    assert told["what"] == f"push cart-reminder was not sent: template cannot be rendered: {wrong}"
    assert told["remedy"].startswith("mend the template at that place")


async def test_why_somebody_is_not_in_a_journey(shop: Shop, dsn: str) -> None:
    await shop.signs_up("ana", name=NAMED)
    await shop.look()
    outside = await why_not(shop, "ana")
    assert rules(outside) == ["not-in-segment"]
    part = outside["conditions"]["parts"][0]
    assert (part["text"], part["holds"], part["saw"]) == ('did "Product Added" within 24 hours', False, None)
    assert (await why_not(shop, "ana", query="&show=true"))["conditions"]["parts"][0]["saw"] is not None

    await shop.does("ana", "Product Added")
    assert rules(await why_not(shop, "ana")) == ["about-to-enter"]
    await throw(shop.database, "cart_abandonment", "killed", shop.clock.now(), "an operator")
    await shop.look()
    refused = await why_not(shop, "ana")
    assert rules(refused)[:2] == ["journey-killed", "refused"]
    assert refused["because"][1]["what"] == "was refused: journey killed"

    assert rules(await why_not(shop, "ana", "cart_discount")) == ["api-only"]
    missing = await shop.operate("GET", "/v1/journeys/cart_abandonment/why-not?user_id=nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown-customer")
    unnamed = await shop.operate("GET", "/v1/journeys/cart_abandonment/why-not")
    assert (unnamed.status_code, unnamed.json()["code"]) == (422, "invalid-customer")

    known = {"database_url": dsn, "catalogue": "definitions"}
    shown = await in_thread("why-not", "ana", "cart_abandonment", **known)
    assert (shown.returncode, "was refused: journey killed" in shown.stdout) == (0, True), shown.stderr
    for arguments, told in ((("nobody", "nps"), "no such customer 'nobody'"), (("ana", "nsp"), "no journey 'nsp'")):
        wrong = await in_thread("why-not", *arguments, **known)
        assert (wrong.returncode, told in wrong.stderr) == (1, True)
