"""Choices in Postgres and on Temporal (ML-07): drawn once, learned by what is ripe, within budgets, switched back at once."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from activities.asking.choices import Choices
from activities.measuring.rewarding import Rewarding
from activities.versions import OnlyOwn
from journeys.contracts import Channel
from journeys.deciding.options import Choice, Option
from journeys.policies import Conversion, GlobalHoldout
from journeys.questions import Choosing, Chosen
from segments import did, trait
from store.runs import choices as kept
from tests.activities.test_deliver import finish
from workers.testing.people import CHANNELS
from workers.testing.shop import Shop
from workers.testing.simulated import Simulated

ORDERED = Conversion(by=did("Order Completed"), within=timedelta(days=1))
WORDS = Choice("word", {"option": {"few": Option(), "many": Option()}}, ORDERED)


async def people(trial: Shop, number: int, **traits: Any) -> list[UUID]:
    """Runs of so many customers, each of another."""
    now, made = trial.clock.now(), [(uuid4(), uuid4()) for _ in range(number)]
    await trial.database.pool.executemany(
        "insert into profile (id, traits, created_at, updated_at) values ($1, $2, $3, $3)",
        [(who, traits, now) for who, _ in made],
    )
    await trial.database.pool.executemany(
        "insert into run (id, journey, profile_id, entered_by, entered_at, created_at, workflow_id, ended_at, outcome)"
        " values ($1, 'chooses', $2, 'api', $3, $3, $1::uuid::text, $3, 'finished')",
        [(run, who, now) for who, run in made],
    )
    return [run for _, run in made]


async def ask(trial: Shop, choice: Choice, runs: Sequence[UUID], number: int = 1, of: Choices | None = None) -> list[Chosen]:
    """What these runs are given, all at once."""
    asked = [Choosing(run_id=run, at=trial.clock.now(), number=number, choice=choice.to_json()) for run in runs]
    return list(await asyncio.gather(*map((of or trial.parts.choices).choose, asked)))


async def order(trial: Shop, runs: Sequence[UUID], type_: str = "Order Completed", received: timedelta = timedelta(0)) -> None:
    """Their customers order; of what is received later the time of the order is before that."""
    at = trial.clock.now()
    await trial.database.pool.execute("select ensure_event_week($1)", at)
    await trial.database.pool.execute(
        "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
        " select profile_id, $2, $3, 'track', gen_random_uuid()::text, jsonb_build_object('order_id', id), 'shop', $4"
        " from run where id = any($1::uuid[])",
        runs, at, type_, at + received,
    )  # fmt: skip


async def rows(trial: Shop, what: str = "*") -> list[Any]:
    return list(await trial.database.pool.fetch(f"select {what} from choice_made order by made_at, run_id, asked"))


async def learn(trial: Shop) -> None:
    await Rewarding(trial.database, trial.clock).hourly()


async def hours(trial: Shop, name: str = "word") -> list[kept.Hour]:
    (row,) = await kept.choices(trial.database, name)
    return await kept.hours(trial.database, row, trial.opened_at - timedelta(days=1))


async def test_ml_07_a_run_on_temporal_is_given_an_option_once_and_why_is_told(trial: Shop) -> None:
    await trial.signs_up("ana")
    messages = await finish(trial, "chooses")
    (made,) = await rows(trial)
    assert [each.channel for each in messages] == made["options"] == [made["option"]]
    assert (made["asked"], made["number"], made["allocation"]) == (1, 1, 0)
    again = await trial.parts.choices.choose(
        Choosing(run_id=made["run_id"], at=trial.clock.now(), number=1, choice=await _declared(trial, "channel"))
    )
    assert (list(again.options), len(await rows(trial))) == (made["options"], 1), (
        "an attempt that is made again finds what stands"
    )
    (exposed, *_) = await trial.database.pool.fetch("select experiment, arm from exposure where experiment like '$fixed/%'")
    assert exposed["arm"] == ("own choice" if made["by"] == "control" else "chosen")
    story = await trial.operate("GET", f"/v1/runs/{made['run_id']}/story")
    told = [each for each in story.json()["happened"] if each["kind"] == "choice"]
    assert [each["what"] for each in told] == [f"channel: {made['option']}"]
    assert made["option"] in told[0]["detail"]["why"][0]


async def test_the_simulator_draws_what_temporal_draws(trial: Shop) -> None:
    for user in ("ana", "bea", "cho", "dee"):
        await trial.signs_up(user)
        await finish(trial, "chooses", user)
    stage = Simulated(trial.parts.catalogue, trial.clock.now())
    names = dict(
        await trial.database.pool.fetch(
            "select profile_id, value from identity where value = any($1)", ["ana", "bea", "cho", "dee"]
        )
    )
    for who, name in names.items():
        stage.joins(name, [Channel.PUSH, Channel.EMAIL], {}, who)
        stage.starts("chooses", name, {}, "", {})
    stage.passes(stage.now + timedelta(days=1))
    drawn = await trial.database.pool.fetch("select r.profile_id, m.option from choice_made m join run r on r.id = m.run_id")
    simulated = {
        who: [
            message.request.channel.value
            for run in stage.world.runs.of(stage.world.customers[name])
            for message in run.messages
        ]
        for who, name in names.items()
    }
    assert simulated == {row["profile_id"]: [row["option"]] for row in drawn}


async def test_ml_07_shares_follow_what_is_ripe_and_what_comes_late_or_is_taken_back_counts(trial: Shop) -> None:
    runs = await people(trial, 120)
    await ask(trial, WORDS, runs)
    given = {row["run_id"]: row["option"] for row in await rows(trial)}
    trial.clock.set(trial.clock.now() + timedelta(hours=2))
    many = [run for run, option in given.items() if option == "many"]
    await order(trial, many[: len(many) // 2])
    await learn(trial)
    assert [each.people for each in await hours(trial)] == [0], "nothing is ripe before its day is over"
    trial.clock.set(trial.clock.now() + timedelta(days=1))
    await learn(trial)
    first, *_, last = await hours(trial)
    assert (first.shares["many"], last.people) == (0.5, 120)
    assert last.shares["many"] > 0.9, "but for the floor"
    await ask(trial, WORDS, await people(trial, 100))
    drawn = Counter(row["option"] for row in (await rows(trial))[120:] if row["by"] == "learned")
    assert drawn["many"] > drawn["few"] * 5
    propensities = {
        round(row["propensity"], 6) for row in await rows(trial) if row["by"] in ("floor", "learned") and row["allocation"]
    }
    assert propensities <= {round(each, 6) for each in last.shares.values()}
    await _late(trial, many)


async def _late(trial: Shop, many: Sequence[UUID]) -> None:
    """An order that is heard of after its day, and cancellations after it: within the span they count, after it they do not."""
    before = await _rewards(trial)
    now = trial.clock.now()
    trial.clock.set(now - timedelta(days=1))
    await order(trial, many[-1:], received=timedelta(days=1, hours=1))
    trial.clock.set(now + timedelta(hours=2))
    await learn(trial)
    assert await _rewards(trial) == before + 1
    trial.clock.set(now + timedelta(hours=3))
    await order(trial, many[:1], "Order Cancelled")
    await learn(trial)
    assert await _rewards(trial) == before + 1, "a conversion stands; orders and money are taken back within the span"


async def _rewards(trial: Shop) -> float:
    return float(
        await trial.database.pool.fetchval(
            "select sum(reward) from choice_made where made_at < $1", trial.opened_at + timedelta(hours=3)
        )
    )


async def test_what_counts_in_money_loses_what_is_taken_back(trial: Shop) -> None:
    orders = replace(WORDS, reward=replace(ORDERED, kpi="orders"))
    runs = await people(trial, 6)
    await ask(trial, orders, runs)
    trial.clock.set(trial.clock.now() + timedelta(hours=1))
    await order(trial, runs[:4])
    await order(trial, runs[:1], "Order Cancelled")
    trial.clock.set(trial.clock.now() + timedelta(days=1))
    await learn(trial)
    assert sorted(row["reward"] for row in await rows(trial)) == [0, 0, 0, 1, 1, 1]


async def test_an_operator_freezes_it_and_has_everybody_given_the_authors_choice_at_once(trial: Shop) -> None:
    await ask(trial, WORDS, await people(trial, 20))
    trial.clock.set(trial.clock.now() + timedelta(days=2))
    for state, versions in (("frozen", 1), ("fixed", 1), ("learns", 2)):
        answer = await trial.operate("PUT", "/v1/choices/word/state", json={"state": state})
        assert (answer.status_code, answer.json()["state"]) == (200, state)
        await learn(trial)
        assert len(await hours(trial)) == versions, "what is frozen gets no new shares"
        if state == "fixed":
            assert {chosen.options for chosen in await ask(trial, WORDS, await people(trial, 20))} == {("few",)}
            assert Counter(row["by"] for row in (await rows(trial))[20:]) == {"operator": 20}
    assert (await trial.operate("PUT", "/v1/choices/other/state", json={"state": "frozen"})).status_code == 404


async def test_ml_16_a_budget_is_never_passed_however_many_ask_at_once_nor_is_an_option_given_to_whom_it_is_not_for(
    trial: Shop,
) -> None:
    offers = {"none": Option(), "ten": Option(budget=5), "gift": Option(only=trait("tier") == "gold")}
    choice = replace(WORDS, dimensions={"word": {"few": Option(), "many": Option()}, "offer": offers})
    given = await ask(trial, choice, [*await people(trial, 40), *await people(trial, 20, tier="gold")])
    assert Counter(chosen.options[1] for chosen in given)["ten"] == 5
    assert await kept.budgets(trial.database.pool, "word") == {"offer: ten": 5}
    gifted = await trial.database.pool.fetch(
        "select p.traits ->> 'tier' as tier from choice_made m join run r on r.id = m.run_id"
        " join profile p on p.id = r.profile_id where m.option like '%gift'"
    )
    assert {row["tier"] for row in gifted} == {"gold"}
    assert (await rows(trial))[0]["why"]["left_out"]["offer: gift"] == 'only for: tier is "gold"'
    floors = await trial.database.pool.fetchval("select count(*) from exposure where experiment = '$floor/word'")
    whole = sum(row["by"] == "floor" and row["why"]["whole"] for row in await rows(trial))
    assert floors == whole, "who may not have all of it is compared with nobody"
    nothing = replace(choice, dimensions={"a": {"x": Option(budget=0), "y": Option(budget=0)}, "b": offers})
    assert await ask(trial, nothing, await people(trial, 1)) == [Chosen()]


async def test_what_could_not_go_by_a_channel_at_an_hour_of_her_own_day_is_left_out_and_why_is_told(trial: Shop) -> None:
    """Ana lives a quarter of an hour from everybody's clocks; Bea has no app, and Cho had a push today."""
    await trial.signs_up("ana", timezone="Asia/Kathmandu")
    await trial.signs_up("bea", channels=("email",), timezone="Pacific/Marquesas")
    await trial.signs_up("cho", timezone="Australia/Eucla")
    assert [each.state for each in await finish(trial, "falls_back", "cho")] == ["sent"]
    night, told = "quiet hours in {}", {}
    for user, zone in (("ana", "Asia/Kathmandu"), ("bea", "Pacific/Marquesas"), ("cho", "Australia/Eucla")):
        (message,) = await finish(trial, "decides_when", user)
        made = (await rows(trial))[-1]
        told[user] = made["why"]["left_out"]
        assert (message.channel, message.state, made["options"][1]) == (made["options"][0], "sent", "12:00")
        assert f"{message.due_at.astimezone(ZoneInfo(zone)):%H:%M}" == "12:00"
        assert made["propensity"] == pytest.approx(0.5 if user == "ana" else 1)
        assert told[user]["hour: 22:00"] == night.format(zone)
    assert told["ana"].keys() == {"hour: 22:00"}
    assert told["bea"]["channel: push"].startswith("no ")
    assert "frequency cap" in told["cho"]["channel: push"]
    story = await trial.operate("GET", f"/v1/runs/{made['run_id']}/story")
    (why,) = [each["detail"]["why"] for each in story.json()["happened"] if each["kind"] == "choice"]
    assert f"hour: 22:00 was left out ({night.format('Australia/Eucla')})." in why


async def test_the_simulator_leaves_out_what_temporal_leaves_out(trial: Shop) -> None:
    """By the same gate: of many customers in odd zones, some without an app, each gets the same channel at the same hour."""
    people_ = {
        f"u{n}": (zone, channels)
        for n, (zone, channels) in enumerate(
            (zone, channels) for zone in ("Asia/Kathmandu", "Pacific/Apia") for channels in (CHANNELS, ("email",))
        )
    }
    for user, (zone, channels) in people_.items():
        await trial.signs_up(user, channels=channels, timezone=zone)
        await finish(trial, "decides_when", user)
    found = await trial.database.pool.fetch(
        "select i.value, r.profile_id, m.options from choice_made m join run r on r.id = m.run_id"
        " join identity i on i.profile_id = r.profile_id and i.kind = 'user_id'"
    )
    stage = Simulated(trial.parts.catalogue, trial.clock.now())
    for row in found:
        zone, channels = people_[row["value"]]
        stage.joins(row["value"], [Channel(each) for each in channels], {"timezone": zone}, row["profile_id"])
        stage.starts("decides_when", row["value"], {}, "", {})
    stage.passes(stage.now + timedelta(days=2))
    simulated = {
        row["value"]: [
            [message.request.channel.value, f"{message.request.due_at.astimezone(ZoneInfo(people_[row['value']][0])):%H:%M}"]
            for run in stage.world.runs.of(stage.world.customers[row["value"]])
            for message in run.messages
        ]
        for row in found
    }
    assert simulated == {row["value"]: [row["options"]] for row in found}


async def test_of_whom_a_holdout_keeps_messages_nothing_is_learned(trial: Shop) -> None:
    own = trial.parts.library.own
    held = replace(trial.parts.choices, versions=OnlyOwn(replace(own, holdout=GlobalHoldout(0.999999))))
    assert [each.options for each in await ask(trial, WORDS, await people(trial, 3), of=held)]
    assert [(row["by"], row["ripe_at"]) for row in await rows(trial)] == [("holdout", None)] * 3
    assert await trial.database.pool.fetchval("select count(*) from exposure") == 0


async def test_ml_07_what_is_compared_is_the_floor_and_what_was_lost_is_told(trial: Shop) -> None:
    wide = replace(WORDS, floor=0.6, control=0.2)
    await ask(trial, wide, await people(trial, 150))
    trial.clock.set(trial.clock.now() + timedelta(hours=1))
    await order(trial, [row["run_id"] for row in await rows(trial) if row["option"] == "many"])
    trial.clock.set(trial.clock.now() + timedelta(days=1))
    await learn(trial)
    told = (await trial.operate("GET", "/v1/choices/word")).json()
    floor = Counter(row["option"] for row in await rows(trial) if row["by"] == "floor")
    assert {each["option"]: (each["people"], each["mean"]) for each in told["results"]} == {
        "few": (floor["few"], 0.0),
        "many": (floor["many"], 1.0),
    }
    learned = sum(row["by"] == "learned" and row["option"] == "few" for row in await rows(trial))
    assert (told["regret"]["best"], told["regret"]["total"]) == ("many", learned)
    assert [each["option"] for each in told["compared"]] == ["many"]
    await trial.parts.folding.fold()
    report = await trial.operate("GET", "/v1/reports/experiments")
    assert {row["experiment"] for row in report.json()["tables"][0]["rows"]} >= {"$floor/word", "$fixed/word"}


async def test_declared_otherwise_it_is_learned_anew(trial: Shop) -> None:
    await ask(trial, WORDS, await people(trial, 2))
    more = replace(WORDS, dimensions={"option": {"few": Option(), "many": Option(), "none": Option()}})
    await ask(trial, more, await people(trial, 2))
    assert [row["number"] for row in await rows(trial, "number")] == [1, 1, 2, 2]
    named = await trial.database.pool.fetch("select experiment from experiment where experiment like '%word%' order by 1")
    assert [row[0] for row in named] == ["$fixed/word", "$fixed/word 2", "$floor/word", "$floor/word 2"]


async def test_an_erasure_takes_what_was_given_away(trial: Shop) -> None:
    await trial.signs_up("ana")
    await finish(trial, "chooses")
    ana = await trial.database.pool.fetchval("select profile_id from identity where value = 'ana'")
    assert (await trial.operate("GET", f"/v1/profiles/{ana}/export")).json()["choices"][0]["choice"] == "channel"
    answer = await trial.operate("DELETE", f"/v1/profiles/{ana}")
    await trial.parts.erasing.purge(answer.json()["id"])
    assert not await rows(trial)


async def _declared(trial: Shop, name: str) -> dict[str, Any]:
    (row,) = await kept.choices(trial.database, name)
    return row.declared
