"""Lists as predicates: exact in time like any event, by streaming and by full evaluation."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from segments import DefinitionError, Segment, did, listed
from segments.define.importing import BadFile, Row, import_rows, put_on, read_rows, take_off
from segments.define.sheets import NotCsv, ragged
from segments.evaluate import holds
from segments.language.wire import predicate_from_json
from store.lists import import_of
from tests.segments.shop import T0, Shop

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
vips = Segment("vips", listed("vips"))


async def on(shop: Shop, *people: UUID, at: object) -> int:
    async with shop.database.transaction() as connection:
        return await put_on(connection, "vips", people, by="eva", at=at)  # type: ignore[arg-type]


async def off(shop: Shop, *people: UUID, at: object) -> int:
    async with shop.database.transaction() as connection:
        return await take_off(connection, "vips", people, by="eva", at=at)  # type: ignore[arg-type]


async def test_who_is_put_on_enters_and_who_is_taken_off_leaves_at_that_instant(shop: Shop) -> None:
    ana, bob = await shop.customer(), await shop.customer()
    await shop.load(vips)
    await on(shop, ana, at=T0 + HOUR)
    assert (await shop.tick(T0 + 2 * HOUR)).entered == 1
    await off(shop, ana, at=T0 + 3 * HOUR)
    await on(shop, bob, at=T0 + 3 * HOUR)
    await shop.tick(T0 + 4 * HOUR)
    await on(shop, ana, at=T0 + 5 * HOUR)
    await shop.tick(T0 + 6 * HOUR)
    assert await shop.members(vips) == {ana, bob}
    log = [(kind, at, cause["event"]) for kind, at, cause in await shop.log(vips, ana)]
    assert log == [(kind, T0 + n * HOUR, "$list:vips") for kind, n in (("entered", 1), ("left", 3), ("entered", 5))]


async def test_a_list_combines_with_everything_else(shop: Shop) -> None:
    ana, bob, eva = [await shop.customer() for _ in range(3)]
    await on(shop, ana, bob, at=T0)
    await off(shop, bob, at=T0 + HOUR)
    await shop.event(ana, "App Opened", T0)
    await shop.event(eva, "App Opened", T0)
    active = listed("vips") & did("App Opened").within(days=1)
    assert await shop.evaluated(active, T0 + 2 * HOUR) == {ana}
    assert await shop.evaluated(~listed("vips"), T0 + 2 * HOUR) == {bob, eva}
    assert await shop.evaluated(listed("vips"), T0 + HOUR / 2) == {ana, bob}
    assert await shop.evaluated(listed("vips"), T0 - HOUR) == set()


def test_it_reads_as_words_and_as_json() -> None:
    both = ~listed("vips") | listed("staff")
    assert str(both) == 'is not on the list "vips" or is on the list "staff"'
    assert predicate_from_json(both.to_json()) == both
    assert not holds(listed("vips"), {}, [], T0)


@pytest.mark.parametrize("name", ["", "Vips", "a b", "-a", 5, None])
def test_a_name_that_is_none_fails_when_it_is_written(name: object) -> None:
    with pytest.raises(DefinitionError, match="a list's name has"):
        predicate_from_json({"listed": name})


async def names(shop: Shop, count: int) -> list[UUID]:
    people = [await shop.customer() for _ in range(count)]
    for n, profile in enumerate(people):
        await shop.database.pool.execute("insert into identity values ('user_id', $1, $2, $3)", f"u-{n}", profile, T0)
    return people


async def test_a_file_comes_in_and_its_bad_rows_are_reported_by_number(shop: Shop) -> None:
    *_, eva = await names(shop, 3)
    text = "name;User ID\r\nAna;u-0\r\n\r\nBob; u-1 \r\nNobody;u-99\r\nEmpty;\r\nAna again;u-0\r\nshort\r\n"
    id_, heard = uuid4(), []

    async def told(report: object) -> None:
        heard.append(report)

    rows = list(read_rows(text.splitlines(keepends=True)))
    report = await import_rows(shop.database, "vips", rows, id_, lambda: T0, by="eva", heard=told)
    assert report.counts == (6, 2, 1, 0, 3)
    assert report.problems == [
        {"row": 6, "problem": "the user_id is empty"},
        {"row": 8, "problem": ragged(["name", "User ID"], ["short"])},
        {"row": 5, "problem": "no such customer"},
    ]
    assert heard == [report]
    kept = await import_of(shop.database, id_)
    assert kept is not None
    assert (kept.state, kept.rows, kept.problems) == ("finished", 6, report.problems)
    again = await import_rows(shop.database, "vips", rows, id_, lambda: T0 + HOUR, by="eva")
    assert (again.added, again.already) == (0, 3)
    only = await import_rows(shop.database, "vips", [Row(2, ("user_id", "u-2"))], uuid4(), lambda: T0, by="eva", replace=True)
    assert (only.added, only.removed) == (1, 2)
    assert await shop.evaluated(listed("vips"), T0 + DAY) == {eva}


async def test_a_file_that_is_none_is_refused_and_noted(shop: Shop) -> None:
    id_ = uuid4()
    with pytest.raises(BadFile, match="must name a column user_id"):
        await import_rows(shop.database, "vips", read_rows(["colour\n", "red\n"]), id_, lambda: T0, by="eva")
    kept = await import_of(shop.database, id_)
    assert kept is not None
    assert kept.state == "failed"
    with pytest.raises(BadFile, match="another list's import"):
        await import_rows(shop.database, "others", [], id_, lambda: T0, by="eva")
    with pytest.raises(DefinitionError, match="a list's name"):
        await import_rows(shop.database, "No Name", [], id_, lambda: T0, by="eva")


async def test_a_quote_that_is_not_closed_does_not_swallow_the_rest(shop: Shop) -> None:
    ana = await shop.customer()
    await shop.database.pool.execute("insert into identity values ('user_id', 'ana', $1, $2)", ana, T0)
    await on(shop, await shop.customer(), at=T0)
    lines, id_ = ["user_id,name\n", "ana,Ana\n", 'bob,"Bob\n', "eva,Eva\n"], uuid4()
    with pytest.raises(NotCsv, match=r"what follows line 2 is not CSV .* look for a quote that is not closed"):
        await import_rows(shop.database, "vips", read_rows(lines), id_, lambda: T0, by="eva", replace=True)
    found = await import_of(shop.database, id_)
    assert found is not None
    assert (found.state, found.removed) == ("failed", 0)


def test_columns_and_values_are_read_forgivingly_and_checked() -> None:
    assert list(read_rows(["\ufeffE-Mail Address,x\n"])) == []
    [row, bad] = list(read_rows(["email\n", "Ana@Example.com\n", "ana\n"]))
    assert (row.name, bad.problem) == (("email", "ana@example.com"), "the email is no address")
    [bad] = list(read_rows(["customer_id\n", "17\n"]))
    assert bad.problem == "the customer_id is no UUID"
    [bad] = list(read_rows(["user_id\n", "a\x00b\n"]))
    assert "cannot be stored" in bad.problem
    with pytest.raises(BadFile):
        list(read_rows([]))
