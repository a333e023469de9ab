"""Campaigns and bulk starts over real servers: who is started or written to, once; pause, cancel, clocks, caps, quiet hours."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from temporalio.client import Schedule, ScheduleActionStartWorkflow, ScheduleSpec, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from journeys.campaigns.contracts import CampaignPart, CampaignStart, CampaignTurn
from journeys.campaigns.cron import fault
from journeys.contracts import Reason, Receipt
from workers.testing.shop import Shop

CROWD = [f"u{n}" for n in range(12)]


@pytest.fixture
async def crowd(trial: Shop) -> list[str]:
    """Customers whom nothing has brought into a journey yet."""
    for user in CROWD:
        await trial.signs_up(user, tier="gold" if user in CROWD[:10] else "silver")
    await trial.look()
    return CROWD


async def post(trial: Shop, path: str, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = await trial.operate("POST", path, json=body)
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json()
    return told


def note(**more: Any) -> dict[str, Any]:
    return {"channel": "push", "template": "note", "quiet_hours": None} | more


async def to_vips(trial: Shop, status: int = 201, **more: Any) -> dict[str, Any]:
    message = more.pop("message", note())
    return await post(trial, "/v1/campaigns", status, name="sale", to={"segment": "vips"}, message=message, **more)


async def looked_at(trial: Shop, id_: str) -> dict[str, Any]:
    answer = await trial.operate("GET", f"/v1/campaigns/{id_}")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def until_state(trial: Shop, id_: str, state: str) -> dict[str, Any]:
    """The campaign as soon as it stands so; its workflow is told to look, since the test's clock is not Temporal's."""
    async with asyncio.timeout(60):
        while (told := await looked_at(trial, id_))["state"] != state:
            await trial.watch.dispatcher.campaigner.start()
            await asyncio.sleep(0.05)
    return told


async def tell_to_look(trial: Shop, id_: str) -> None:
    await trial.watch.dispatcher.campaigner.start()
    await trial.client.get_workflow_handle(f"campaign/{id_}").signal("look")


async def by_hand(trial: Shop, id_: str) -> str:
    """Look, work and look again, as its workflow would."""
    campaigns = trial.parts.campaigns
    start = CampaignStart(campaign=UUID(id_), clock=trial.clock)
    while (stands := await campaigns.look(start)).state == "work":
        for part in range(stands.parts):
            await campaigns.work(CampaignPart(campaign=UUID(id_), part=part, parts=stands.parts))
    return stands.state


def sent(trial: Shop) -> Counter[str]:
    return Counter(message.to for message in trial.sandbox.messages)


async def test_a_message_to_a_segment_reaches_each_of_its_members_once(trial: Shop, crowd: list[str]) -> None:
    made = await to_vips(trial)
    told = await until_state(trial, made["id"], "finished")
    assert told["outcomes"] == {"sent": 10}
    assert (told["rows"], told["done"], told["waiting"], told["under_way"]) == (10, 10, 0, 0)
    assert sorted(sent(trial).values()) == [1] * 10
    runs = await trial.runs("campaign:sale")
    assert {(run.entered_by, run.outcome) for run in runs} == {("campaign", "finished")}
    handle = trial.client.get_workflow_handle(f"campaign/{made['id']}")
    assert await handle.result() == "finished: 10 of 10 done; 10 sent"


async def test_a_bulk_start_opens_a_run_for_each_row_and_tells_of_bad_ones(trial: Shop, crowd: list[str]) -> None:
    rows = [
        {"user_id": "u0"},
        {"user_id": "u1"},
        {"user_id": "nobody"},
        {"user_id": "u0"},
        {"email": "u2@example.com"},
        {"user_id": "u3", "prams": {}},
    ]
    made = await post(trial, "/v1/journeys/by_the_clock/starts", rows=rows)
    assert (made["rows"], made["bad"], made["twice"]) == (6, 2, 1)
    told = await until_state(trial, made["id"], "finished")
    assert told["outcomes"] == {"entered": 3}
    assert {run.entered_by for run in await trial.runs("by_the_clock")} == {"campaign"}
    report = (await trial.operate("GET", f"/v1/campaigns/{made['id']}/report")).json()
    assert [(row["row"], row["reason"].split(";")[0]) for row in report["rows"]] == [
        (3, "no such customer"),
        (6, "no such field 'prams'"),
    ]
    again = await post(trial, "/v1/journeys/by_the_clock/starts", rows=[{"user_id": "u0"}, {"user_id": "u4"}])
    assert (await until_state(trial, again["id"], "finished"))["outcomes"] == {"entered": 1, "refused: already running": 1}
    left_out = (await trial.operate("GET", f"/v1/campaigns/{again['id']}/report?of=left-out")).json()
    assert [row["reason"] for row in left_out["rows"]] == ["already running"]


async def test_a_wrong_parameter_is_told_with_the_near_name(trial: Shop, crowd: list[str]) -> None:
    made = await post(trial, "/v1/journeys/by_choice/starts", rows=[{"user_id": "u0", "params": {"spend": "x"}}])
    (row,) = (await trial.operate("GET", f"/v1/campaigns/{made['id']}/report")).json()["rows"]
    assert "spend" in row["reason"], row


async def test_a_dry_run_counts_and_leaves_nothing(trial: Shop, crowd: list[str]) -> None:
    await post(trial, "/v1/journeys/by_the_clock/runs", customer={"user_id": "u0"})
    asked = {"rows": [{"user_id": user} for user in [*crowd, "nobody", "u1"]], "dry_run": True}
    told = await post(trial, "/v1/journeys/by_the_clock/starts", 200, **asked)
    assert told["would"] == {"enter": 11, "already running": 1}
    assert (told["rows"], told["bad"], told["twice"]) == (14, 1, 1)
    await trial.send("identify", userId="u1", context=trial.consents("u1", ["push"], "UNSUBSCRIBED"))
    trial_of_sale = await to_vips(trial, 200, dry_run=True)
    assert trial_of_sale["would"] == {"be written to": 9, "no consent": 1}
    assert (await trial.operate("GET", "/v1/campaigns")).json()["campaigns"] == []


async def test_a_start_waits_until_its_segment_is_loaded_and_a_dry_run_asks_the_definition(
    trial: Shop, crowd: list[str]
) -> None:
    """A newcomer's: a segment that was only just defined has no members yet, and a campaign to it went to nobody."""
    fresh = {"owner": "growth", "predicate": {"trait": "tier", "is": "==", "value": "gold"}}
    assert (await trial.operate("PUT", "/v1/segments/golden", json=fresh)).status_code == 201
    sale = {"name": "sale", "to": {"segment": "golden"}, "message": note()}
    tried = await post(trial, "/v1/campaigns", 200, **sale, dry_run=True)
    assert (tried["rows"], tried["would"], tried["reached"]) == (10, {"be written to": 10}, 10)
    assert "segment 'golden' is not loaded yet" in tried["warnings"][0]
    tried = await post(trial, "/v1/journeys/by_the_clock/starts", 200, segment="golden", dry_run=True)
    assert (tried["would"], tried["reached"], len(tried["warnings"])) == ({"enter": 10}, 10, 1)
    made = await post(trial, "/v1/campaigns", **sale)
    assert "not loaded yet" in made["warnings"][0]
    start = await post(trial, "/v1/journeys/by_the_clock/starts", segment="golden")
    again = await post(trial, "/v1/campaigns", **sale | {"name": "weekly"}, repeat={"cron": "0 9 * * mon"})
    await trial.parts.campaigns.again(CampaignTurn(campaign=UUID(again["id"]), at=trial.clock.now()))
    listed = (await trial.operate("GET", "/v1/campaigns")).json()["campaigns"]
    waiting = [made["id"], start["id"], *(each["id"] for each in listed if each["occurrence_of"] == again["id"])]
    assert len(waiting) == 3
    for each in waiting:
        assert await by_hand(trial, each) == "wait"
        told = await looked_at(trial, each)
        assert (told["state"], told["rows"], told["finished_at"]) == ("waiting for its segment", 0, None)
        assert told["refused"].startswith("segment 'golden' is not loaded yet")
    await trial.watch.load()
    for each in waiting:
        await by_hand(trial, each)
        told = await until_state(trial, each, "finished")
        assert (sum(told["outcomes"].values()), told["refused"]) == (10, None)


async def test_why_not_of_a_campaign_is_judged_by_the_campaign(trial: Shop, crowd: list[str]) -> None:
    """A newcomer's: the answer began with a journey that is to be deployed."""

    async def why(user: str, journey: str = "campaign:sale") -> list[dict[str, Any]]:
        found = await trial.operate("GET", f"/v1/journeys/{journey}/why-not", params={"user_id": user})
        assert found.status_code == 200, found.text
        told: list[dict[str, Any]] = found.json()["because"]
        assert not {"not-in-catalogue", "api-only"} & {each["rule"] for each in told}
        return told

    made = await to_vips(trial, at="2099-01-01T09:00:00Z")
    [first, *_] = await why("u0")
    assert (first["rule"], first["until"]) == ("campaign-not-begun", "2099-01-01T09:00:00Z")
    await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "cancelled"})
    await trial.send("identify", userId="u1", context=trial.consents("u1", ["push"], "UNSUBSCRIBED"))
    await until_state(trial, (await to_vips(trial))["id"], "finished")
    [first, *_] = await why("u0")
    assert (first["rule"], first["what"].split(": ")[1]) == ("campaign-done", "sent")
    [first, *_] = await why("u1")
    assert first["what"].endswith("skipped, no consent")
    [first, *_] = await why("u11")  # of silver
    assert (first["rule"], "was not in segment vips as it began" in first["what"]) == ("not-in-campaign", True)


async def test_quiet_hours_hold_a_campaign_until_morning_without_a_workflow_each(trial: Shop, crowd: list[str]) -> None:
    night = datetime(2027, 1, 11, 23, 30, tzinfo=UTC)
    trial.clock.set(night)
    made = await to_vips(trial, message=note(quiet_hours=["22:00", "08:00"]))
    assert await by_hand(trial, made["id"]) == "wait"
    assert (await looked_at(trial, made["id"]))["asked_again"] == {"quiet hours": 10}
    assert not trial.sandbox.messages
    trial.clock.set(night.replace(day=12, hour=9))
    assert await by_hand(trial, made["id"]) == "over"
    assert (await looked_at(trial, made["id"]))["outcomes"] == {"sent": 10}


async def test_caps_are_kept_between_campaigns_and_holdout_is_exposed(trial: Shop, crowd: list[str]) -> None:
    first = await to_vips(trial)
    assert await by_hand(trial, first["id"]) == "over"
    cap = {"messages": 1, "within": "P1D"}
    second = await to_vips(trial, message=note(caps=[cap], useless_after="PT1H"))
    assert await by_hand(trial, second["id"]) == "over"
    assert (await looked_at(trial, second["id"]))["outcomes"] == {"skipped: no allowed instant before its deadline": 10}
    third = await to_vips(trial, message=note(holdout=0.999999))
    assert await by_hand(trial, third["id"]) == "over"
    assert (await looked_at(trial, third["id"]))["outcomes"] == {"withheld: holdout": 10}
    exposed = await trial.database.pool.fetch("select distinct experiment, arm from exposure")
    assert [tuple(row) for row in exposed] == [("$holdout/campaign:sale", "withheld")]


async def test_each_hears_at_the_time_that_their_own_clock_shows(trial: Shop) -> None:
    zones = {"tokyo": "Asia/Tokyo", "madrid": "Europe/Madrid", "lima": "America/Lima"}
    for user, zone in zones.items():
        await trial.signs_up(user, tier="gold", timezone=zone)
    await trial.look()
    trial.clock.set(datetime(2027, 1, 11, 12, tzinfo=UTC))
    made = await to_vips(trial, at="2027-01-12T09:00:00", in_their_zone=True)
    reached: list[tuple[str, int]] = []
    for hour in range(24, 40):
        trial.clock.set(datetime(2027, 1, 11, tzinfo=UTC) + timedelta(hours=hour))
        await by_hand(trial, made["id"])
        reached += [(message.to, hour - 24) for message in trial.sandbox.messages[len(reached) :]]
    assert [hour for _, hour in reached] == [0, 8, 14], "9:00 in Tokyo, in Madrid, in Lima"
    assert (await looked_at(trial, made["id"]))["state"] == "finished"


async def test_a_pause_stops_it_and_a_cancel_ends_who_waits(trial: Shop, crowd: list[str]) -> None:
    made = await to_vips(trial)
    answer = await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "paused"})
    assert answer.json()["state"] == "paused"
    await tell_to_look(trial, made["id"])
    assert await by_hand(trial, made["id"]) == "wait"
    assert not trial.sandbox.messages
    await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "running"})
    await until_state(trial, made["id"], "finished")
    assert sorted(sent(trial).values()) == [1] * 10
    trial.clock.set(datetime(2027, 1, 11, 23, 30, tzinfo=UTC))
    second = await to_vips(trial, message=note(quiet_hours=["22:00", "08:00"]))
    assert await by_hand(trial, second["id"]) == "wait"
    await trial.operate("PUT", f"/v1/campaigns/{second['id']}/state", json={"state": "cancelled"})
    await by_hand(trial, second["id"])
    await trial.watch.dispatcher.campaigner.start()
    assert await by_hand(trial, second["id"]) == "over"
    told = await looked_at(trial, second["id"])
    assert told["outcomes"] == {"skipped: ended by an operator": 10}
    assert {run.outcome for run in await trial.runs("campaign:sale")} == {"finished", "ended by an operator"}
    over = await trial.operate("PUT", f"/v1/campaigns/{second['id']}/state", json={"state": "running"})
    assert over.status_code == 409


async def test_what_came_of_a_cancelled_campaign_is_what_the_ledger_says(trial: Shop, crowd: list[str]) -> None:
    """Of who waits for the morning nothing went; two were at a provider, which took one, and of the other nobody knows."""
    trial.clock.set(datetime(2027, 1, 11, 23, 30, tzinfo=UTC))
    made = await to_vips(trial, message=note(quiet_hours=["22:00", "08:00"]))
    assert await by_hand(trial, made["id"]) == "wait"
    for state in ("sent", "unconfirmed"):
        await trial.database.pool.execute(
            "update delivery set state = $1, retry_at = null, reason = case $1 when 'unconfirmed' then $2 end"
            " where run_id = (select run_id from delivery where state = 'deferred' limit 1)",
            state, Reason.AMBIGUOUS.value,
        )  # fmt: skip
    await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "cancelled"})
    await by_hand(trial, made["id"])
    await trial.watch.dispatcher.campaigner.start()
    assert await by_hand(trial, made["id"]) == "over"
    assert (await looked_at(trial, made["id"]))["outcomes"] == {
        "sent": 1,
        "unconfirmed: provider may have accepted it": 1,
        "skipped: ended by an operator": 8,
    }
    audit = "select was, became from audit where kind = 'campaign' and verb = 'switch'"
    assert [tuple(row) for row in await trial.database.pool.fetch(audit)] == [({"state": "running"}, {"state": "cancelled"})]


async def test_what_repeats_is_a_schedule_that_makes_a_campaign_each_time(trial: Shop, crowd: list[str]) -> None:
    made = await to_vips(trial, repeat={"cron": "0 9 * * mon", "zone": "Europe/Madrid"})
    assert made["state"] == "recurring"
    await trial.watch.dispatcher.campaigner.start()
    # As the server keeps it: in a namespace of seconds nobody answers questions about schedules yet.
    schedule = trial.client.get_workflow_handle(f"temporal-sys-scheduler:campaign/{made['id']}")
    assert (await schedule.describe()).status is WorkflowExecutionStatus.RUNNING
    assert b"Europe/Madrid" in (await schedule.fetch_history()).events[0].SerializeToString()
    turn = CampaignTurn(campaign=UUID(made["id"]), at=trial.clock.now())
    for _ in range(2):  # a turn that is told twice is one
        await trial.parts.campaigns.again(turn)
    listed = (await trial.operate("GET", "/v1/campaigns")).json()["campaigns"]
    (occurrence,) = [each for each in listed if each["occurrence_of"] == made["id"]]
    assert (await until_state(trial, occurrence["id"], "finished"))["outcomes"] == {"sent": 10}
    await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "cancelled"})
    await trial.watch.dispatcher.campaigner.start()
    await trial.parts.campaigns.again(turn.model_copy(update={"at": turn.at + timedelta(days=7)}))
    assert len((await trial.operate("GET", "/v1/campaigns")).json()["campaigns"]) == 2
    assert (await schedule.describe()).status is WorkflowExecutionStatus.TERMINATED


async def switched(trial: Shop, id_: str, state: str) -> dict[str, Any]:
    answer = await trial.operate("PUT", f"/v1/campaigns/{id_}/state", json={"state": state})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def with_turns(trial: Shop, count: int) -> tuple[str, list[str]]:
    """A recurring campaign whose turns all wait for the morning, and its turns, oldest first."""
    night = datetime(2027, 1, 11, 23, 30, tzinfo=UTC)
    trial.clock.set(night)
    made = await to_vips(trial, message=note(quiet_hours=["22:00", "08:00"]), repeat={"cron": "0 9 * * *"})
    for n in range(count):
        await trial.parts.campaigns.again(CampaignTurn(campaign=UUID(made["id"]), at=night - timedelta(minutes=count - n)))
    listed = (await trial.operate("GET", "/v1/campaigns", params={"turns_of": made["id"]})).json()["campaigns"]
    turns = sorted(listed, key=lambda each: str(each["begins_at"]))
    for each in turns:
        assert await by_hand(trial, each["id"]) == "wait"
    return made["id"], [each["id"] for each in turns]


async def test_who_cancels_what_repeats_cancels_the_turns_that_are_not_over(trial: Shop, crowd: list[str]) -> None:
    """An operator's: all turns stayed as they were, and their messages would have gone out in the morning."""
    whole, turns = await with_turns(trial, 3)
    assert [(await looked_at(trial, each))["under_way"] for each in turns] == [10, 10, 10]
    await switched(trial, turns[0], "cancelled")
    assert (await switched(trial, whole, "cancelled"))["turns_switched"] == 2
    said = await trial.database.pool.fetchval("select became from audit where name = $1 order by id desc limit 1", whole)
    assert said == {"state": "cancelled", "turns": 2}
    for each in turns:
        await by_hand(trial, each)
    await trial.watch.dispatcher.campaigner.start()
    trial.clock.set(datetime(2027, 1, 12, 9, tzinfo=UTC))
    for each in turns:
        assert await by_hand(trial, each) == "over"
        told = await looked_at(trial, each)
        assert (told["state"], told["outcomes"]) == ("cancelled", {"skipped: ended by an operator": 10})
    assert not trial.sandbox.messages
    assert (await switched(trial, whole, "cancelled"))["turns_switched"] == 0


async def test_what_repeats_is_paused_with_its_turns_and_goes_on_with_those(trial: Shop, crowd: list[str]) -> None:
    whole, (first, second, third) = await with_turns(trial, 3)
    await switched(trial, first, "paused")
    trial.clock.set(datetime(2027, 1, 11, 23, 40, tzinfo=UTC))
    assert (await switched(trial, whole, "paused"))["turns_switched"] == 2
    trial.clock.set(datetime(2027, 1, 11, 23, 50, tzinfo=UTC))
    assert (await switched(trial, whole, "paused"))["turns_switched"] == 0
    trial.clock.set(datetime(2027, 1, 12, 9, tzinfo=UTC))
    assert [await by_hand(trial, each) for each in (first, second, third)] == ["wait"] * 3
    assert not trial.sandbox.messages
    assert (await switched(trial, whole, "running"))["turns_switched"] == 2
    assert [(await looked_at(trial, each))["state"] for each in (first, second, third)] == ["paused", "running", "running"]
    assert [await by_hand(trial, each) for each in (first, second, third)] == ["wait", "over", "over"]
    assert sorted(sent(trial).values()) == [2] * 10


CRONS = """
0 9 * * mon|99 99 * * *|* * * * *|/ / / / /|@hourly|@daily|@often|0 9 * * 7|0 9 * * 8|0 9 * * mon-fri|0 9 * * fri-mon
*/5 * * * *|0/7 * * * *|*/0 * * * *|0 9 L * *|0 9 ? * ?|0 9 * jan,dec *|0 9 * january *|0 9 * janu *|0 9 * * 1#2
1-2-3 * * * *|1/2/3 * * * *|60 * * * *|0 24 * * *|0 0 0 * *|0 0 32 * *|0 0 1 13 *|0 0 1 0 *|1,,2 * * * *|, * * * *
- * * * *|5-1 * * * *|0 9 * * *,1|0 9 1-7/2 * tue|+1 * * * *|*-5 * * * *|?/2 * * * *|*/100 * * * *
0 9 * * sunday-tuesday|0 9 * * sat-7|0 9 * * TUE|0 9 * Mar-jun *|01 09 * * *|0 9 * *|0 9 * * * * * *
"""


async def test_a_cron_passes_where_temporal_takes_it(trial: Shop) -> None:
    async def taken(cron: str) -> bool:
        schedule = Schedule(
            action=ScheduleActionStartWorkflow("none", id="none", task_queue="none"),
            spec=ScheduleSpec(cron_expressions=[cron], jitter=timedelta(0)),
        )
        try:
            handle = await trial.client.create_schedule(f"cron/{cron}", schedule)
        except RPCError as refused:
            if refused.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            return False
        await handle.delete()
        return True

    crons = [cron for line in CRONS.strip().splitlines() for cron in line.split("|")]
    at_temporal = {cron: await taken(cron) for cron in crons}
    refused_here_alone = {cron for cron in crons if fault(cron) is not None and at_temporal[cron]}
    assert [cron for cron in crons if fault(cron) is None and not at_temporal[cron]] == []
    assert refused_here_alone == {"0 9 * janu *", "0 9 * * 1#2", "+1 * * * *"}
    assert 15 < sum(at_temporal.values()) < len(crons) - 15


async def test_what_never_comes_is_no_cron() -> None:
    assert fault("0 0 30 2 *") == "it never comes: none of its months has such a day"
    assert fault("0 0 29 2 *") is None


async def test_what_temporal_refuses_is_told_and_asked_again_ever_less_often(trial: Shop, crowd: list[str]) -> None:
    made = await to_vips(trial, repeat={"cron": "0 9 * * mon"})
    await trial.database.pool.execute("update campaign set cron = '99 9 * * mon' where id = $1", UUID(made["id"]))
    campaigner = trial.watch.dispatcher.campaigner
    for _ in range(5):
        await campaigner.start()
    (waits,) = campaigner.refused.values()
    assert waits.after == 1.0, "asked once: it is not due again"
    assert "INVALID_ARGUMENT" in (await looked_at(trial, made["id"]))["refused"]
    campaigner.refused[UUID(made["id"])] = waits._replace(at=0.0)
    await campaigner.start()
    (waits,) = campaigner.refused.values()
    assert waits.after == 2.0
    await trial.operate("PUT", f"/v1/campaigns/{made['id']}/state", json={"state": "cancelled"})
    await campaigner.start()
    assert campaigner.refused == {}
    told = await looked_at(trial, made["id"])
    assert (told["state"], told["refused"]) == ("cancelled", None)


async def test_a_killed_campaign_writes_to_nobody_and_a_paused_one_waits(trial: Shop, crowd: list[str]) -> None:
    first = await to_vips(trial)
    await by_hand(trial, first["id"])
    switched = await trial.operate("PUT", "/v1/journeys/campaign:sale/state", json={"state": "killed"})
    assert switched.status_code == 200, switched.text
    second = await to_vips(trial)
    assert await by_hand(trial, second["id"]) == "over"
    assert (await looked_at(trial, second["id"]))["outcomes"] == {"refused: journey killed": 10}
    await trial.operate("PUT", "/v1/journeys/campaign:sale/state", json={"state": "paused"})
    third = await to_vips(trial)
    assert await by_hand(trial, third["id"]) == "wait"
    assert sorted(sent(trial).values()) == [1] * 10


async def test_a_kill_settles_the_campaigns_whose_messages_wait(trial: Shop, crowd: list[str]) -> None:
    """An operator's: the runs were over, and their campaigns said running, under way, until the morning."""
    _, turns = await with_turns(trial, 2)
    await trial.watch.dispatcher.campaigner.start()
    for each in turns:  # whose workflows have looked, and wait for the morning
        async with asyncio.timeout(60):
            handle, progress = trial.client.get_workflow_handle(f"campaign/{each}"), ""
            while "10 asked again" not in progress:
                await asyncio.sleep(0.05)
                progress = str(await (await handle.describe()).memo())
    await trial.operate("PUT", "/v1/journeys/campaign:sale/state", json={"state": "killed"})
    await trial.look()
    assert {run.outcome for run in await trial.runs("campaign:sale")} == {"journey killed"}
    for each in turns:
        told = await until_state(trial, each, "finished")  # its workflow was told to look
        assert (told["under_way"], told["outcomes"]) == (0, {"skipped: journey killed": 10})
    assert not trial.sandbox.messages


async def test_a_kill_settles_one_that_is_paused(trial: Shop, crowd: list[str]) -> None:
    _, [turn] = await with_turns(trial, 1)
    await switched(trial, turn, "paused")
    await trial.operate("PUT", "/v1/journeys/campaign:sale/state", json={"state": "killed"})
    await trial.look()
    await by_hand(trial, turn)
    told = await looked_at(trial, turn)
    assert (told["state"], told["under_way"], told["done"]) == ("paused", 0, 10)


async def test_a_campaigns_message_in_doubt_is_repeated_or_settled_and_its_numbers_follow(
    trial: Shop, crowd: list[str]
) -> None:
    trial.sandbox.faults.tell("fcm", "timeout_after_accept", times=2)
    made = await to_vips(trial, message=note(holdout=0.000001, topic="sales"))
    told = await until_state(trial, made["id"], "finished")
    assert told["outcomes"] == {"sent": 8, "unconfirmed: provider may have accepted it": 2}
    doubts = (await trial.operate("GET", "/v1/messages/in-doubt")).json()["messages"]
    again, settled = [each["message"] for each in doubts]
    body = {"message": again, "may_arrive_twice": True}
    answer = await trial.operate("POST", "/v1/messages/in-doubt/repeat", json=body)
    assert (answer.status_code, answer.json()["done"]) == (202, 1), answer.text
    await trial.look()
    number = await trial.database.pool.fetchval("select max(id) from doubt_said")
    receipt = await trial.client.get_workflow_handle(f"repeat/{number}", result_type=Receipt).result()
    assert receipt.sent, receipt
    assert sorted(sent(trial).values()) == [1] * 9 + [2]
    body = {"message": settled, "outcome": "failed"}
    answer = await trial.operate("POST", "/v1/messages/in-doubt/settle", json=body)
    assert answer.status_code == 200, answer.text
    assert (await looked_at(trial, made["id"]))["outcomes"] == {"sent": 9, "failed: settled by an operator": 1}
    left_out = (await trial.operate("GET", f"/v1/campaigns/{made['id']}/report?of=left-out")).json()
    assert [row["reason"] for row in left_out["rows"]] == ["settled by an operator"]
