"""The SQL against the plain Python: the same answers on anything, and no value in the text."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import expressions
from uuid_utils.compat import uuid7

from segments import DefinitionError, Predicate, did, prop, trait
from segments.evaluate import holds, reached_at, true_of
from segments.facts import Event, Facts, Origins
from segments.sql.statements import GoalRow, among, compile_goal, everyone
from segments.watch.transitions import read_json
from store import Database
from tests.extent import examples
from tests.segments.shop import T0, Shop
from tests.segments.strategies import documents, goals, histories, known, origins, predicates

customers = st.lists(st.tuples(documents, histories), min_size=1, max_size=6)
sourced_customers = st.lists(st.tuples(documents, histories, origins.map(known)), min_size=1, max_size=6)

VALUES: list[Any] = [None, True, False, 0, 1, -1, 1.5, 0.1, 10**20, 1e300, "", "a", "A", "á", "ab", "1", "true", "null"]
VALUES += ["now", "infinity", "epoch", "today", "2026-02-30", "0000-01-01", "2026-01-01T24:00", "2026-01-01T10:00:60"]
VALUES += ["2026-01-01", "2026-01-01T00:00:00Z", "2026-01-01 01:00+01:00", "2026-01-01T00:00:00.5", "2026-01-01\n"]
VALUES += [
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00+14:00",
    "Thu Jan 1 2026",
    "\u0662\u0660\u0662\u0666-01-01",
    "2026-01-01T00:00+15:00",
]
VALUES += [[], ["a"], [1, "b"], [["a"]], [None], [True], [1.0], {}, {"a": 1}, [{"a": 1}]]
OPERANDS: list[Any] = [True, False, 0, 1, 1.5, 0.1, Decimal("0.10"), 10**20, "a", "A", "1", "true", "2026-01-01", "á"]
OPERANDS += [date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))]
OPERATORS: list[Callable[[Any], Predicate]] = [
    trait("x").__eq__,
    trait("x").__ne__,
    trait("x").__lt__,
    trait("x").__le__,
    trait("x").__gt__,
    trait("x").__ge__,
    trait("x").contains,
    trait("x").starts_with,
    trait("x").matches,
    lambda operand: trait("x").between(operand, operand),
    lambda operand: trait("x").in_(operand, "ab", 7),
    lambda operand: ~trait("x").in_(operand, False),
    lambda operand: trait("x").exists() & (trait("x") != operand),
]
#: The set-returning functions that may stand where a table does.
FUNCTIONS = {"jsonb_path_query"}


def allowed(build: Callable[[Any], Predicate], operand: Any) -> bool:
    try:
        build(operand)
    except DefinitionError:
        return False
    return True


async def store_origins(database: Database, ids: list[UUID], people: list[Origins]) -> None:
    rows = [
        (who, json.dumps(each.told, default=float), json.dumps(each.said_at, default=datetime.isoformat))
        for who, each in zip(ids, people, strict=True)
    ]
    sql = "update profile set traits_from = $2::text::jsonb, traits_at = $3::text::jsonb where id = $1"
    await database.pool.executemany(sql, rows)


async def store_all(database: Database, people: list[tuple[dict[str, Any], list[Event]]]) -> list[UUID]:
    ids = [UUID(str(uuid7())) for _ in people]
    profiles = [(who, json.dumps(traits)) for who, (traits, _) in zip(ids, people, strict=True)]
    rows = [(who, e.ts, e.type, json.dumps(e.properties)) for who, (_, log) in zip(ids, people, strict=True) for e in log]
    async with database.transaction() as connection:
        await connection.execute("truncate event, profile cascade")
        await connection.executemany(
            "insert into profile (id, traits, created_at, updated_at) values ($1, $2::text::jsonb, '2000-01-01Z', now())",
            profiles,
        )
        await connection.executemany(
            "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
            " values ($1, $2, $3, 'track', '', $4::text::jsonb, 'test', now())",
            rows,
        )
    return ids


@examples(30)
@given(people=sourced_customers, several=st.lists(predicates, min_size=1, max_size=4))
async def test_sql_and_python_agree(
    database: Database, people: list[tuple[dict[str, Any], list[Event], Origins]], several: list[Predicate]
) -> None:
    ids = await store_all(database, [(traits, log) for traits, log, _ in people])
    await store_origins(database, ids, [known for _, _, known in people])
    for predicate in several:
        expected = {
            who
            for who, (traits, log, known) in zip(ids, people, strict=True)
            if true_of(predicate, replace(Facts.of(traits, log, origins=known), since=known.said_at), T0)
        }
        full, some = everyone(predicate), among(predicate)
        everybody = await database.pool.fetch(full.sql, *full.args(T0, shard=0, shards=1))
        assert {row["id"] for row in everybody} == expected, str(predicate)
        half = await database.pool.fetch(some.sql, *some.args(T0, ids=ids[::2]))
        assert {row["id"] for row in half} == expected & set(ids[::2]), str(predicate)


async def test_a_recent_anchor_narrows_the_search_and_not_the_answer(shop: Shop) -> None:
    ages = [timedelta(minutes=n) for n in (1, 59, 61, 119, 120, 121, 500)]
    logs = [[Event("A", T0 - a), Event("A", T0 - 2 * a), Event("B", T0 - b)] for a in ages for b in ages]
    ids = await store_all(shop.database, [({}, log) for log in logs])
    since, recent = did("B").since_last("A"), did("A").within(hours=2)
    for predicate in (recent & since, recent & ~since, recent & (~since | did("C")), ~recent & since, recent | since):
        expected = {who for who, log in zip(ids, logs, strict=True) if holds(predicate, {}, log, T0)}
        assert 0 < len(expected) < len(logs)
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)
        assert await shop.evaluated(predicate, T0, ids[::3]) == expected & set(ids[::3]), str(predicate)


async def test_every_operator_on_every_kind_of_value_agrees(shop: Shop) -> None:
    ids = await store_all(shop.database, [({"x": value}, []) for value in VALUES] + [({}, [])])
    people = [{"x": value} for value in VALUES] + [{}]
    for predicate in (build(operand) for operand in OPERANDS for build in OPERATORS if allowed(build, operand)):
        expected = {who for who, traits in zip(ids, people, strict=True) if holds(predicate, traits, [], T0)}
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)


@examples(25)
@given(people=customers, several=st.lists(goals, min_size=1, max_size=4), ago=st.sampled_from([0, 1, 3600, 10**6]))
async def test_goals_in_sql_and_in_python_agree(
    database: Database, people: list[tuple[dict[str, Any], list[Event]]], several: list[Predicate], ago: int
) -> None:
    ids = await store_all(database, people)
    since = T0 - timedelta(seconds=ago)
    rows = [GoalRow(UUID(str(uuid7())), who, since) for who in ids]
    for goal in several:
        expected = {
            row.run_id: moment
            for row, (_, log) in zip(rows, people, strict=True)
            if (moment := reached_at(goal, log, since, T0)) is not None
        }
        compiled = compile_goal(goal)
        found = await database.pool.fetch(compiled.sql, *compiled.args(rows, T0))
        assert {row["run_id"]: row["reached_at"] for row in found} == expected, str(goal)


@examples(15)
@given(predicate=predicates, goal=goals)
def test_no_value_is_ever_in_the_text(predicate: Predicate, goal: Predicate) -> None:
    for sql in (everyone(predicate).sql, among(predicate).sql, compile_goal(goal).sql):
        [statement] = sqlglot.parse(sql, dialect="postgres")
        assert isinstance(statement, expressions.Select)
        literals = {literal.this for literal in statement.find_all(expressions.Literal) if literal.is_string}
        assert literals == set(), sql
        names = {table.name or table.this.name for table in statement.find_all(expressions.Table)} - FUNCTIONS
        assert names <= {"profile", "event"} | {cte.alias for cte in statement.find_all(expressions.Subquery)}, sql


def test_hostile_names_and_values_stay_parameters() -> None:
    hostile = "x'); drop table profile; --"
    predicate = did(hostile).where(prop(hostile) == hostile) & trait(hostile).contains(hostile)
    statement = among(predicate)
    assert "drop" not in statement.sql
    assert statement.args(T0, ids=[]).count(hostile) >= 4


def test_a_definition_is_compiled_once() -> None:
    assert among(did("A") & trait("x").exists()) is among(did("A") & trait("x").exists())
    assert among(trait("x") == 1) is not among(trait("x") == True)  # noqa: E712 - the definition under test


async def test_only_the_partitions_in_the_window_are_read(shop: Shop) -> None:
    statement = among(did("A").within(days=1) & ~did("B").since_last("A"))
    plan = await shop.database.pool.fetch(f"explain {statement.sql}", *statement.args(T0, ids=[UUID(int=0)]))
    text = " ".join(row[0] for row in plan)
    assert "event_2026w47" in text
    assert "event_2026w45" not in text


async def test_merged_profiles_are_nobody(shop: Shop) -> None:
    ana, absorbed = await shop.customer(), await shop.customer()
    await shop.database.pool.execute("update profile set merged_into = $1 where id = $2", ana, absorbed)
    assert await shop.evaluated(~did("A"), T0) == {ana}
    assert await shop.evaluated(~did("A"), T0, [ana, absorbed]) == {ana}


async def test_numbers_of_any_size_neither_break_nor_deceive(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.database.pool.execute(
        "update profile set traits = jsonb_build_object('x', ('1' || repeat('0', 400))::numeric) where id = $1", ana
    )
    assert await shop.evaluated(trait("x") > 10**300, T0) == {ana}
    text = await shop.database.pool.fetchval("select traits::text from profile")
    assert holds(trait("x") > 10**300, read_json(text), [], T0)


async def test_a_time_without_an_offset_is_utc_whatever_the_session_says(shop: Shop) -> None:
    ana = await shop.customer(born="2026-01-01T00:00:00")
    wanted = among(trait("born") == datetime(2026, 1, 1, tzinfo=UTC))
    async with shop.database.transaction() as connection:
        await connection.execute("set local timezone = 'Asia/Tokyo'")
        rows = await connection.fetch(wanted.sql, *wanted.args(T0, ids=[ana]))
    assert [row["id"] for row in rows] == [ana]


async def test_days_are_24_hours_whatever_the_session_says(shop: Shop) -> None:
    ana = await shop.customer()
    spring = datetime(2026, 3, 29, 12, tzinfo=UTC)  # Madrid skipped an hour that morning
    await shop.event(ana, "A", spring - timedelta(hours=24), mark=False)
    wanted = among(did("A").within(days=1))
    async with shop.database.transaction() as connection:
        await connection.execute("set local timezone = 'Europe/Madrid'")
        at_the_edge = await connection.fetch(wanted.sql, *wanted.args(spring, ids=[ana]))
        before = await connection.fetch(wanted.sql, *wanted.args(spring - timedelta(microseconds=1), ids=[ana]))
    assert (len(at_the_edge), len(before)) == (0, 1)
