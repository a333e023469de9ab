"""docs/exports.md says of every table and column that can be exported what Postgres says of it."""

from pathlib import Path

from store import Database
from store.exports import tables

PAGE = Path(__file__).parents[2] / "docs" / "exports.md"


async def test_the_page_has_every_column_with_its_sentence_and_no_other(database: Database) -> None:
    said = PAGE.read_text(encoding="utf-8").partition("## The tables\n\n")[2]
    pieces = []
    for table in (await tables(database)).values():
        rows = "".join(
            f"| {f'**`{each.name}`**' if each.name == table.clock else f'`{each.name}`'} | {each.about} |\n"
            for each in table.columns
        )
        pieces.append(f"### {table.name}\n\n{table.about}\n\n| Column | What it is |\n|---|---|\n{rows}")
    assert said == "\n".join(pieces)
