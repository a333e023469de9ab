"""Named SQL: every statement has a name and an explanation, in every file that ships."""

from importlib.resources import files

import asyncpg
import pytest

from store import Database, queries
from store.named import parse

SHIPPED = sorted(f.name.removesuffix(".sql") for f in files("store").joinpath("queries").iterdir() if f.name.endswith(".sql"))


def test_statements_are_split_by_name_and_keep_their_explanation() -> None:
    one, two = parse("-- name: one\n-- First.\nselect 1;\n\n-- name: two\n-- Second\n-- line.\nselect\n  2\n")
    assert (one.name, one.about, one.sql) == ("one", "First.", "select 1")
    assert (two.name, two.about, two.sql) == ("two", "Second line.", "select\n  2")


def test_a_statement_without_explanation_is_refused() -> None:
    with pytest.raises(ValueError, match="query lonely needs a comment line"):
        parse("-- name: lonely\nselect 1")


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="stands twice"):
        parse("-- name: a\n-- A.\nselect 1\n-- name: a\n-- B.\nselect 2")


@pytest.mark.parametrize("file", SHIPPED)
async def test_every_shipped_statement_is_valid_on_the_schema(file: str, database: Database) -> None:
    async with database.transaction() as connection:
        for each in SHIPPED:  # some build on a temporary table that another file makes
            for sql in queries(each).values():
                if sql.startswith("create temporary table if not exists"):
                    await connection.execute(sql)
        for name, sql in queries(file).items():
            try:
                await connection.prepare(sql)
                if sql.startswith("create temporary table"):  # those after it build on it
                    await connection.execute(sql)
            except asyncpg.PostgresError as error:
                pytest.fail(f"{file}.sql, {name}: {error}")
