"""What the compiler emits is parsed: only known tables, functions and operators, and nothing that a definition says."""

import json
from random import Random
from typing import Any
from uuid import UUID

import pytest
import sqlglot
from hypothesis import Phase, given
from sqlglot import expressions as ex

from segments import DefinitionError, Predicate, check_goal
from segments.language.wire import predicate_from_json
from segments.leaves.top import rankings
from segments.sql.ranking import taken
from segments.sql.statements import GoalRow, Statement, among, compile_goal, compiled, everyone
from store import Database, queries
from tests.extent import examples, scaled, some
from tests.segments.random_definitions import LEAVES, definition
from tests.segments.shop import T0
from tests.segments.strategies import goals

#: Every kind of leaf as often as this, with other details; `TEST_PROFILE=long` looks at many more.
ROUNDS = scaled(2, 100)
FUZZ = examples(10, phases=[Phase.generate])
MARK = "zq"
HOSTILE = f"{MARK}'); drop table profile; --\\ \" $1 :at %s {{x}} \n/*"
NUMBER = 918273645
#: Under these keys a definition holds names and texts of the user's own.
FREE = {"did", "first", "last", "since_last", "trait", "property", "value", "salt", "total", "largest", "smallest", "average"}
FREE |= {"distinct", "age", "event", "lat", "lon", "customers", "member_of"}

TABLES = {"profile", "event", "identity", "endpoint", "segment_threshold"}
#: Set-returning functions that stand where a table does.
ROWS = {"jsonb_path_query", "unnest"}
FUNCTIONS = {"bucket", "jsonb_typeof", "jsonb_path_query", "pg_input_is_valid", "uuid_send", "to_jsonb"}
NODES = """
Add Alias And Anonymous Any ArrayContainsAll Asin Between Boolean Bracket Case Cast Coalesce Collate Column Cos Count DPipe
DataType DateBin Distinct Div EQ Exists Extract Filter Floor From GT GTE Greatest Group Having Identifier If In Is
JSONBExtractScalar JSONExtract JSONExtractScalar Join LT LTE Lambda Lateral Least Left Limit Literal MakeInterval Max Min
Mod Mul NEQ Neg Not Null Offset Or Order Ordered Parameter Paren PercentileDisc Radians Rank RegexpLike RegexpReplace Round
SHA2Digest Select Sin Sqrt Star StartsWith StrPosition Sub Subquery Sum Table TableAlias Translate Trim Tuple Union Unnest
Var Where WidthBucket Window With CTE WithinGroup
"""


def hostile(plain: Any, key: str = "") -> Any:
    """The same definition with every name and text of the user's own made hostile, and every operand a number to look for."""
    match plain:
        case dict():
            return {
                name: hostile(value, "age's" if "age" in plain and name == "value" else name) for name, value in plain.items()
            }
        case list():
            return [hostile(each, key) for each in plain]
        case str() if key in FREE:
            return plain + HOSTILE
        case int() if key == "value" and not isinstance(plain, bool):
            return plain + NUMBER
    return plain


def made_hostile(predicate: Predicate) -> Predicate:
    plain = hostile(predicate.to_json())
    return predicate_from_json({"any": [plain, hostile({"trait": "x", "is": "==", "value": "y"})]})


def statements(predicate: Predicate) -> list[str]:
    thresholds: list[Statement] = [compiled(taken(leaf)) for leaf in rankings(predicate).values()]
    return [each.sql for each in (everyone(predicate), among(predicate), *thresholds)]


def check_closed(sql: str) -> None:
    """One select, of nothing but what is known."""
    [statement] = sqlglot.parse(sql, dialect="postgres")
    assert isinstance(statement, ex.Select)
    made = {subquery.alias for subquery in statement.find_all(ex.Subquery, ex.Lateral, ex.TableAlias)}
    for node in statement.walk():
        assert type(node).__name__ in NODES.split(), f"{type(node).__name__}: {node.sql()}"
        if isinstance(node, ex.Table):
            assert not node.db, node.sql()
            assert (node.name or node.this.name or "unnest").lower() in TABLES | ROWS | made, node.sql()
        if isinstance(node, ex.Anonymous):
            assert node.name.lower() in FUNCTIONS, node.sql()
        if isinstance(node, ex.Var):
            assert (node.name, type(node.parent)) in {("EPOCH", ex.Extract), ("ALL", ex.Limit)}, node.sql()
        if isinstance(node, ex.Literal):
            assert is_of_ours(node), f"{node.sql()} in {node.parent and node.parent.sql()}"
    assert MARK not in sql
    assert str(NUMBER)[:6] not in sql


def is_of_ours(literal: ex.Literal) -> bool:
    """A parameter's number, the 256 of sha256, `select 1`, `limit 1`, `offset 0`, no days in an interval, an index from 0."""
    match literal.parent:
        case ex.Parameter() | ex.SHA2Digest():
            return True
        case ex.Select() | ex.Neg() | ex.Limit():
            return bool(literal.this == "1")
        case ex.MakeInterval() | ex.Offset():
            return bool(literal.this == "0")
    return False


@pytest.mark.parametrize("seed", some(range(ROUNDS)))
def test_statements_hold_nothing_but_what_is_known(seed: int) -> None:
    random = Random(seed)
    for leaf in (*LEAVES, lambda random: definition(random, depth=3)):
        predicate = leaf(random)
        for sql in (*statements(predicate), *statements(made_hostile(predicate))):
            check_closed(sql)


@FUZZ
@given(goal=goals)
def test_goals_hold_nothing_but_what_is_known(goal: Predicate) -> None:
    check_closed(compile_goal(goal).sql)
    check_closed(compile_goal(predicate_from_json(hostile(goal.to_json()))).sql)


async def test_postgres_takes_hostile_definitions_of_every_kind(database: Database) -> None:
    for n, leaf in enumerate(LEAVES):
        predicate = made_hostile(leaf(Random(n)))
        full, some = everyone(predicate), among(predicate)
        assert isinstance(await database.pool.fetch(full.sql, *full.args(T0, shard=0, shards=1)), list)
        assert await database.pool.fetch(some.sql, *some.args(T0, ids=[UUID(int=1)])) == []
    goal = predicate_from_json(hostile({"did": "A", "where": {"property": "x", "is": "contains", "value": "y"}}))
    check_goal(goal)
    made = compile_goal(goal)
    assert await database.pool.fetch(made.sql, *made.args([GoalRow(UUID(int=1), UUID(int=2), T0)], T0)) == []
    assert await database.pool.fetchval("select count(*) from profile") == 0


def test_the_sweep_and_every_other_statement_of_the_watch_is_constant() -> None:
    for name, sql in queries("segments").items():
        for statement in sqlglot.parse(sql, dialect="postgres"):
            assert statement is not None, name
            literals = {each.this for each in statement.find_all(ex.Placeholder)}
            assert literals == set(), name
        assert "%s" not in sql, name
        assert "{" not in sql.replace("'{}'", ""), name


@pytest.mark.parametrize("text", ["a\0b", "\0"])
def test_what_postgres_cannot_hold_is_refused_in_a_definition(text: str) -> None:
    for plain in ({"did": text}, {"trait": text, "is": "exists"}, {"trait": "x", "is": "==", "value": text}):
        with pytest.raises(DefinitionError, match="NUL"):
            predicate_from_json(json.loads(json.dumps(plain)))
