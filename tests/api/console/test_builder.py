"""The segment builder: its form gives the very JSON it was drawn from, tells errors at their fields, saves as the API does."""

import asyncio
import json
import re
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from random import Random
from typing import Any

import httpx
import pytest

from api.console.builder.drawing import opened
from api.console.builder.kinds import Field, Kind
from api.console.builder.meaning import meaning
from api.console.builder.sending import changed, read
from api.console.builder.shapes import Span
from api.console.builder.table import KINDS, WORDS
from api.console.builder.tree import ROOT, Faults, Inside, joined, named, nodes
from journeys.catalogue import load
from segments import Predicate, did, held, last_location, messaged, near, prop, trait, unsubscribed
from segments.ask.ask import TooSlow, estimate, sampled
from segments.language.wire import readers
from segments.predictions.declared import predictions_in
from store.keys import Role, create_key
from tests.api.console.conftest import Console
from tests.segments.every_leaf import LEAVES
from tests.segments.random_definitions import definition


def sent_by(root: Inside) -> dict[str, str]:
    """What a browser sends of a form with these conditions."""
    sent = {f"{ROOT.name}.op": root.op}
    for at, node in nodes(root):
        sent[f"{at}.kind"] = sent[f"{at}.was"] = node.kind.name
        sent |= {f"{at}.not": "yes"} if node.denied else {}
        for part in node.kind.fields:
            sent |= {named(at, part, suffix): text for suffix, text in node.said.get(part.name, {}).items()}
        sent |= {f"{at}.{slot.name}.op": node.inside[slot.name].op for slot in node.kind.slots if slot.sort == "joined"}
    return sent


def through_the_form(plain: Any) -> Any:
    faults = Faults()
    again = joined(read(sent_by(opened(plain))), ROOT.name, faults)
    assert faults == {}, plain
    return again


def written(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True)


SHIPPED: dict[str, Predicate] = {
    f"{module}: {name}": segment.predicate
    for module in ("definitions", "tests.segment_catalogue")
    for name, segment in load(module).segments.items()
}


@pytest.mark.parametrize("name", [*SHIPPED, *LEAVES])
def test_each_segment_that_ships_and_each_leaf_is_the_same_json_after_the_form(name: str) -> None:
    plain = (SHIPPED | LEAVES)[name].to_json()
    assert written(through_the_form(plain)) == written(plain)


def test_what_chance_defines_is_the_same_json_after_the_form_and_most_of_it_is_drawn() -> None:
    random, kinds = Random(7), [0, 0]
    for _ in range(600):
        plain = definition(random).to_json()
        assert written(through_the_form(plain)) == written(plain)
        for _, node in nodes(opened(plain)):
            kinds[node.kind.name == "json"] += 1
    assert kinds[1] * 10 < kinds[0], "less than one in ten stands as JSON"


EXOTIC: list[Any] = [
    {"all": [{"did": "A"}]},
    {"any": []},
    {"not": {"not": {"did": "A"}}},
    {"all": [{"not": {"any": [{"did": "A"}, {"not": {"trait": "x", "is": "exists"}}]}}, {"did": "B", "unheard": [1, None]}]},
    {"trait": "x", "is": "in", "value": ["a", 1, True]},
    {"trait": "x", "is": "==", "value": 1.0},
    {"trait": "x", "is": "==", "value": " spaces "},
    {"trait": "x", "is": "==", "value": "two\nlines"},
    {"trait": "address.city", "is": "in", "value": ["Madrid"]},
    {"total": "x", "of": {"did": "A"}, "is": "between", "value": [1, {"decimal": "69.5"}]},
    {"did": "A", "then": {"did": "B"}, "then_within": None},
    {"held": {"all": [{"did": "A"}]}, "for": 0.5},
    {"nobody": "knows this"},
    {"did": "Message Clicked", "where": {"any": [{"property": "channel", "is": "==", "value": "email"}]}},
    {"member_of": "vip", "predicate": {"did": "A"}},
]


@pytest.mark.parametrize("plain", EXOTIC, ids=written)
def test_what_a_form_cannot_draw_stands_in_it_as_json_and_is_never_lost(plain: Any) -> None:
    assert written(through_the_form(plain)) == written(plain)


def test_common_conditions_have_fields_of_their_own() -> None:
    wanted = {
        "message": messaged(channel="email", journey="news").clicked().within(days=30),
        "did": did("A").where(prop("x") > 1).within(days=7).at_least(2).this_week(),
        "address": trait("address.city").in_("Madrid", "Sevilla"),
        "near": near(40.4, -3.7, km=2, of=last_location.within(hours=1)),
        "held": held(did("A") & ~did("B"), hours=2),
        "then": did("A").within(days=1).then("B"),
        "trait": trait("tier") == "gold",
    }
    assert {name: opened(each.to_json()).nodes[0].kind.name for name, each in wanted.items()} == {name: name for name in wanted}
    assert opened(unsubscribed("email").to_json()).nodes[0].said["channel"] == {"": "email"}


def test_the_table_has_a_line_for_every_kind_of_the_language() -> None:
    ours = (keys for keys, kind in readers().items() if kind.__module__.startswith("segments."))  # a test may add another
    told = {key for keys in ours for key in keys.split()}
    drawn = {step for kind in KINDS["customer"] + KINDS["property"] for part in kind.parts for step in (part.name, *part.at)}
    drawn |= {word for kind in KINDS["customer"] for part in kind.fields for word in getattr(part.shape, "options", ())}
    assert told - drawn == {"not"}, "it is a tick of each row"


def test_a_span_is_drawn_in_the_largest_unit_that_gives_a_whole_number() -> None:
    for seconds, texts in (
        (604_800, ("7", "days")),
        (5_400, ("90", "minutes")),
        (7_200, ("2", "hours")),
        (0.5, ("0.5", "seconds")),
    ):
        assert Span().draw(seconds) == {"": texts[0], "unit": texts[1]}
        assert Span().read({"": texts[0], "unit": texts[1]}) == seconds
    assert Span().read({"": "1.5", "unit": "days"}) == 129_600


def faults_of(plain: Any, known: Any = None) -> dict[str, str]:
    return {name: fault.told for name, fault in meaning(opened(plain), known or {}, ("me",)).faults.items()}


WRONG: list[tuple[Any, str, str]] = [
    ({"did": "A", "within": -60}, "predicate.0.within", "longer than zero"),
    ({"all": [{"did": "A"}, {"did": "B", "at_least": 3, "at_most": 2}]}, "predicate.1.did", "can never both be true"),
    ({"did": "A", "at_least": 0}, "predicate.0.at_least", "from 1 to"),
    ({"trait": "x", "is": ">", "value": True}, "predicate.0.is-value", "no meaning for a boolean"),
    ({"did": "A", "where": {"property": "x", "is": "between", "value": [5, 1]}}, "predicate.0.where.0.is-value", "low value"),
    ({"did": "A", "where": {"all": [{"property": "x", "is": "exists"}, {"property": "y", "is": "<", "value": True}]}},
     "predicate.0.where.1.is-value", "boolean"),
    ({"any": [{"did": "A"}, {"not": {"all": [{"did": "C"}, {"did": "B", "within": -1}]}}]},
     "predicate.1.rows.1.within", "zero"),
    ({"listed": "No Such"}, "predicate.0.listed", "lower-case"),
    ({"member_of": "nobody"}, "predicate.0.member_of", "there is no segment"),
    ({"member_of": "me"}, "predicate.0.member_of", "cannot contain itself"),
    ({"near": {"lat": 91, "lon": 0, "km": 1}, "of": {"event": "L", "lat": "a", "lon": "b"}}, "predicate.0.lat", "latitude"),
    ({"did": "A", "period": {"unit": "day", "zone": "Mars/Base"}}, "predicate.0.period_zone", "IANA"),
    ({"held": {"reachable": "push"}, "for": 60}, "predicate.0.held.0.reachable", "not known what this was"),
    ({"score": [{"points": 1, "when": {"did": "A", "within": -1}, "why": "x"}], "is": ">", "value": 1},
     "predicate.0.score.0.when.0.within", "zero"),
]  # fmt: skip


@pytest.mark.parametrize(("plain", "at", "told"), WRONG, ids=[written(each[0]) for each in WRONG])
def test_what_the_language_refuses_is_told_at_the_field_that_it_is_about(plain: Any, at: str, told: str) -> None:
    found = faults_of(plain)
    assert list(found) == [at]
    assert told in found[at]


def test_one_row_that_is_wrong_does_not_hide_another() -> None:
    found = faults_of({"all": [{"did": "A", "within": -1}, {"trait": "x", "is": "in", "value": [True]}, {"listed": "NO"}]})
    assert list(found) == ["predicate.0.within", "predicate.2.listed"]


def test_a_row_keeps_what_it_can_when_it_becomes_another_kind() -> None:
    sent = sent_by(opened({"did": "Order Completed", "within": 86_400, "where": {"property": "total", "is": ">", "value": 5}}))
    [row] = read(sent | {"predicate.0.kind": "then"}).nodes
    assert (row.said["did"], row.said["within"]) == ({"": "Order Completed"}, {"": "1", "unit": "days"})
    [row] = read(sent | {"predicate.0.kind": "json"}).nodes
    assert json.loads(row.said["json"][""])["where"] == {"property": "total", "is": ">", "value": 5}
    as_json = sent_by(Inside([row]))
    [row] = read(as_json | {"predicate.0.kind": "did"}).nodes
    assert (row.kind.name, row.said["did"]) == ("did", {"": "Order Completed"})


def test_rows_are_added_removed_and_put_into_groups_wherever_they_stand() -> None:
    root = opened({"all": [{"did": "A"}, {"did": "B", "where": {"property": "x", "is": "exists"}}]})
    changed(root, "add", "predicate.1.where")
    changed(root, "group", "predicate.0")
    changed(root, "add", "predicate")
    assert [node.kind.name for node in root.nodes] == ["group", "did", "did"]
    assert len(root.nodes[1].inside["where"].nodes) == 2
    changed(root, "remove", "predicate.0.rows.1")
    changed(root, "remove", "predicate.2")
    faults = Faults()
    assert joined(root, ROOT.name, faults)["all"][0] == {"any": [{"did": "A"}]}
    for nowhere in ("predicate.9", "predicate.0.nothing", "predicate", "", "predicate.x.y", "other.0"):
        changed(root, "remove", nowhere)
        changed(root, "group", nowhere)
    assert [node.kind.name for node in root.nodes] == ["group", "did"]


def test_a_form_that_somebody_made_up_is_read_without_harm() -> None:
    deep = ".".join(["predicate", *(["0", "rows"] * 70), "0", "kind"])
    made_up: list[dict[str, str]] = [
        {deep: "group"},
        {"predicate..kind": "x", "predicate.": "y"},
        {"predicate.0": "x", "predicate.0.kind": "no such"},
        {"predicate.99999999999999.kind": "did"},
        {"predicate.0.kind.0.kind": "did"},
        {"predicate.0.did-": "x"},
    ]
    for sent in made_up:
        meaning(read(sent), {}, ())


def labels() -> set[str]:
    """Every text of the table that a page shows."""

    def of(kind: Kind) -> set[str]:
        told = {kind.title, kind.heading, kind.help, *(part.label for part in kind.parts), *(part.help for part in kind.parts)}
        fields = [part for part in kind.parts if isinstance(part, Field)]
        words = {word for part in fields for name in ("options", "operators", "kinds", "units", "days")
                 for word in getattr(part.shape, name, ())}  # fmt: skip
        return told | {WORDS.get(word, word) for word in words}

    return set().union(*(of(kind) for kinds in KINDS.values() for kind in kinds)) - {""}


async def test_an_estimate_counts_where_it_can_and_else_looks_at_a_sample(console: Console) -> None:
    database, now = console.shop.database, console.shop.clock.now()
    everybody = (trait("tier") == "gold") & ~did("Nothing")
    exact = await estimate(database, everybody, now)
    assert (exact.members, exact.looked_at) == (4, None)
    looked = await sampled(database, everybody, now)
    assert (looked.members, looked.looked_at) == (4, 5), "so few that all are in the sample"
    async with database.transaction() as connection:
        await connection.execute("lock table profile in access exclusive mode")
        with pytest.raises(TooSlow, match=r"took longer than 0.05 s; .* save it and let the watch count"):
            await estimate(database, everybody, now, patience=timedelta(seconds=0.05))


class Sent(HTMLParser):
    """What a browser would send of the form on a page: every field that is not disabled, and no button."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._area: str | None = None
        self._select: str | None = None
        self._within = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        self._within = self._within or (tag == "form" and said.get("id") == "builder-form")
        if not self._within:
            return
        name = said.get("name", "")
        if tag == "input" and (said.get("type") != "checkbox" or "checked" in said):
            self.fields[name] = said.get("value", "")
        elif tag == "textarea":
            self._area, self.fields[name] = name, ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in said or self._select not in self.fields):
            self.fields[self._select] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        self._within = self._within and tag != "form"
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self.fields[self._area] += data


async def opened_at(browser: httpx.AsyncClient, path: str) -> dict[str, str]:
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text
    return Sent(answer.text).fields


def wrong(page: str) -> dict[str, str]:
    """What is said at each field that something is wrong with."""
    found = re.findall(r'<p class="wrong" id="([^"]+)-wrong"[^>]*>([^<]+)</p>', page)
    return {name: unescape(told) for name, told in found}


async def stands(console: Console, name: str) -> dict[str, Any]:
    found = await console.shop.database.pool.fetchrow(
        "select definition, announce, by from segment_definition where name = $1 and deleted_at is null", name
    )
    return {} if found is None else dict(found)


WHOLE = {
    "owner": "growth",
    "description": "Two lines,\nwith “quotes” & <marks>",
    "review_by": "2027-06-30",
    "effect": {"base_rate": 0.03, "lift": 0.1},
    "announce": True,
    "predicate": {
        "all": [
            {"any": [{"member_of": "vips"}, {"not": {"did": "Order Completed", "within": 7776000}}]},
            {"total": "total", "of": {"did": "Order Completed", "within": 31536000}, "is": ">", "value": {"decimal": "500.50"}},
            {"did": "Product Viewed", "where": {"property": "url", "is": "contains", "value": '<b>"&'}, "at_least": 2,
             "at_hours": {"from": "20:00", "to": "24:00", "otherwise": "Europe/Madrid"},
             "on_days": {"days": ["sat", "sun"], "otherwise": "UTC"}},
            {"trait": "x", "is": "in", "value": ["a", 1]},
        ]
    },
}  # fmt: skip


async def test_a_segment_that_is_opened_and_saved_unchanged_is_the_same(console: Console) -> None:
    assert (await console.shop.operate("PUT", "/v1/segments/whole", json=WHOLE)).status_code == 201
    declared = {name: each for name, each in {**SHIPPED, **LEAVES}.items() if not [*predictions_in(each)]}
    for name, predicate in declared.items():
        slug = "x-" + re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
        body = {"owner": "me", "predicate": predicate.to_json()}
        assert (await console.shop.operate("PUT", f"/v1/segments/{slug}", json=body)).status_code == 201
    names = [row["name"] for row in await console.shop.database.pool.fetch("select name from segment_definition")]
    async with console.signed_on() as browser:
        for name in names:
            before = await stands(console, name)
            answer = await browser.post(
                "/console/segments/build/save", data=await opened_at(browser, f"/console/segments/{name}/change")
            )
            assert answer.status_code == 303, (name, wrong(answer.text), answer.text[:3000])
            after = await stands(console, name)
            assert written(after["definition"]) == written(before["definition"]), name
            assert (after["announce"], after["by"]) == (before["announce"], "operator")
    assert len(names) > 50


async def test_without_script_a_segment_is_made_row_by_row_with_errors_at_their_fields(console: Console) -> None:
    async def presses(does: str, **filled: str) -> str:
        fields.update({name.replace("__", "."): text for name, text in filled.items()})
        answer = await browser.post("/console/segments/build/form", data=fields | {"do": does})
        assert answer.status_code == 200, answer.text
        fields.clear()
        fields.update(Sent(answer.text).fields)
        return unescape(answer.text)

    async with console.signed_on() as browser:
        fields = await opened_at(browser, "/console/segments/build/new")
        assert fields["predicate.0.kind"] == "did"
        page = await presses("show")
        assert wrong(page) == {"predicate.0.did": "This is needed."}
        page = await presses("add:predicate", predicate__0__did="Product Added", predicate__0__within="-2")
        assert "longer than zero" in wrong(page)["predicate.0.within"]
        fields["predicate.0.within"] = "2"
        page = await presses("show", **{"predicate.1.kind": "trait"})
        assert (wrong(page), fields["predicate.1.is"]) == (
            {"predicate.1.trait": "This is needed.", "predicate.1.is": "Say with what it is compared."}, "==",
        )  # fmt: skip
        page = await presses("show", **{"predicate.1.trait": "tier", "predicate.1.is-value": "gold"})
        assert 'did "Product Added" within 48 hours and tier is "gold"' in page
        assert '<strong class="big">1</strong> customers' in page
        assert "exact: everybody was counted, 0 s ago" in page
        page = await presses("show", **{"predicate.0.kind": "did", "predicate.1.not": "yes", "predicate.op": "any"})
        assert 'did "Product Added" within 48 hours or not (tier is "gold")' in page
        page = await presses("remove:predicate.1")
        assert "predicate.1.kind" not in fields
        answer = await browser.post("/console/segments/build/save", data=fields | {"name": "Not Good", "owner": ""})
        assert answer.status_code == 422
        assert {*wrong(answer.text)} == {"name", "owner"}
        answer = await browser.post("/console/segments/build/save", data=fields | {"name": "lately-added", "owner": "me"})
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/console/segments/lately-added")
    stored = await stands(console, "lately-added")
    assert stored["definition"]["predicate"] == {"did": "Product Added", "within": 172_800}
    change = await console.shop.database.pool.fetchrow("select by, verb, kind from audit where name = 'lately-added'")
    assert dict(change) == {"by": "operator", "verb": "define", "kind": "segment"}


async def test_nobody_writes_over_a_segment_that_they_have_not_seen(console: Console) -> None:
    await console.shop.operate("PUT", "/v1/segments/whole", json=WHOLE)
    async with console.signed_on() as browser:
        fields = await opened_at(browser, "/console/segments/whole/change")
        await console.shop.operate("PUT", "/v1/segments/whole", json=WHOLE | {"owner": "others"})
        answer = await browser.post("/console/segments/build/save", data=fields)
        assert (answer.status_code, "Somebody has changed it" in wrong(answer.text)["name"]) == (422, True)
        fresh = await opened_at(browser, "/console/segments/build/new?copy=whole")
        for name, told in (("whole", "There is a segment of this name"), ("vips", "There is a segment of this name")):
            answer = await browser.post("/console/segments/build/save", data=fresh | {"name": name})
            assert (answer.status_code, told in wrong(answer.text)["name"]) == (422, True)
        answer = await browser.post("/console/segments/build/save", data=fresh | {"name": "whole-2"})
        assert answer.status_code == 303, wrong(answer.text)
        assert written((await stands(console, "whole-2"))["definition"]["predicate"]) == written(WHOLE["predicate"])


async def test_a_change_that_would_break_another_segment_is_told_as_the_api_tells_it(console: Console) -> None:
    await console.shop.operate("PUT", "/v1/segments/inner", json={"owner": "me", "predicate": {"did": "A"}})
    outer = {"owner": "me", "predicate": {"held": {"member_of": "inner"}, "for": 60}}
    await console.shop.operate("PUT", "/v1/segments/outer", json=outer)
    async with console.signed_on() as browser:
        fields = await opened_at(browser, "/console/segments/inner/change")
        fields |= {"predicate.0.kind": "reachable", "predicate.0.was": "reachable", "predicate.0.reachable": "push"}
        answer = await browser.post("/console/segments/build/save", data=fields)
        assert answer.status_code == 409
        assert "names &#39;inner&#39; and could not be evaluated any more" in answer.text
        assert Sent(answer.text).fields["predicate.0.kind"] == "reachable", "nothing of the form is lost"


async def test_what_stands_in_code_is_read_only_and_can_be_copied(console: Console) -> None:
    async with console.signed_on() as browser:
        page = (await browser.get("/console/segments/vips/change")).text
        assert ('<fieldset class="whole" disabled>' in page, ">Save<" in page, "build/new?copy=vips" in page) == (
            True,
            False,
            True,
        )
        fields = Sent(page).fields
        answer = await browser.post("/console/segments/build/save", data=fields)
        assert answer.status_code == 422
        copied = await opened_at(browser, "/console/segments/build/new?copy=vips")
        assert {name: copied[name] for name in copied if name.startswith("predicate.")} == {
            name: text for name, text in fields.items() if name.startswith("predicate.")
        }
        assert (await browser.get("/console/segments/no-such/change")).status_code == 404
    async with console.signed_on("reader") as browser:
        fields = await opened_at(browser, "/console/segments/build/new?copy=vips")
        tried = await browser.post("/console/segments/build/form", data=fields | {"do": "show"})
        assert ("tier is &#34;gold&#34;" in tried.text, ">Save<" in tried.text) == (True, False)
        assert (await browser.post("/console/segments/build/save", data=fields | {"name": "x"})).status_code == 403


async def test_who_may_not_see_persons_builds_without_counting_them(console: Console) -> None:
    made = await console.shop.operate("POST", "/v1/segments/count", json={"predicate": {"did": "A"}, "quickly": True})
    assert made.json()["looked_at"] is None
    console.keys["plain"] = await create_key(console.shop.database.pool, "plain", Role.OPERATE)
    async with console.signed_on("plain") as browser:
        fields = await opened_at(browser, "/console/segments/build/new")
        page = await browser.post("/console/segments/build/form", data=fields | {"predicate.0.did": "A", "do": "show"})
        assert ("--personal alone" in page.text, "customers</p>" in page.text) == (True, False)
        assert (await browser.post("/console/segments/build/size", data=fields)).status_code == 403


async def test_who_may_not_see_persons_opens_no_definition_that_names_one(console: Console) -> None:
    named = {"predicate": {"trait": "correo", "is": "==", "value": "ana@example.com"}, "owner": "growth"}
    assert (await console.shop.operate("PUT", "/v1/segments/named", json=named)).status_code == 201
    console.keys["plain"] = await create_key(console.shop.database.pool, "plain", Role.OPERATE)
    async with console.signed_on("plain") as browser:
        page = await browser.get("/console/segments/named")
        assert ("correo is" in page.text, "ana@example.com" in page.text) == (True, False)
        for address in ("named/change", "build/new?copy=named"):
            assert (await browser.get(f"/console/segments/{address}")).status_code == 403
    async with console.signed_on() as browser:
        assert "ana@example.com" in (await browser.get("/console/segments/named/change")).text


async def test_who_is_in_it_now_becomes_a_list(console: Console) -> None:
    async with console.signed_on() as browser:
        answer = await browser.post("/console/segments/vips/snapshots", data={"list": "vips-now"})
        assert (answer.status_code, "The list is there" in unescape((await browser.get(answer.headers["location"])).text)) == (
            303,
            True,
        )
        again = await browser.post("/console/segments/buyers/snapshots", data={"list": "vips-now"})
        assert again.status_code == 409
        fields = await opened_at(browser, "/console/segments/build/new")
        fields |= {"predicate.0.kind": "listed", "predicate.0.was": "listed", "predicate.0.listed": "vips-now"}
        page = await browser.post("/console/segments/build/form", data=fields | {"do": "show"})
        assert re.search(r'<strong class="big">[1-9]', page.text)
        assert '<option value="vips-now">' in page.text, "it is offered"


async def test_customers_who_are_pasted_are_a_list_and_a_segment_of_it(console: Console) -> None:
    async with console.signed_on() as browser:
        fields = re.search(r'name="id" value="([^"]+)"', (await browser.get("/console/segments/build/list")).text)
        assert fields is not None
        sent = {"name": "guests", "by": "user_id", "customers": 'ana\r\n\r\nno, "body"\nbea\n', "id": fields[1]}
        page = unescape((await browser.post("/console/segments/build/list", data=sent)).text)
        assert "2 put on the list, 0 were on it already, 1 cannot be used." in page
        assert '<td class="n">2</td><td>no such customer</td>' in page
        again = (await browser.post("/console/segments/build/list", data=sent)).text
        assert "0 put on the list, 2 were on it already" in unescape(again)
        assert await console.shop.database.pool.fetchval("select count(*) from event where type = '$list:guests'") == 2
        fields_of = await opened_at(browser, "/console/segments/build/new?listed=guests")
        shown = await browser.post("/console/segments/build/form", data=fields_of | {"do": "show"})
        assert '<strong class="big">2</strong> customers' in shown.text
        assert (await browser.post("/console/segments/build/list", data=sent | {"name": "No"})).status_code == 422


async def test_of_two_who_save_the_same_form_at_once_one_wins(console: Console) -> None:
    await console.shop.operate("PUT", "/v1/segments/whole", json=WHOLE)
    async with console.signed_on() as browser:
        fields = await opened_at(browser, "/console/segments/whole/change")
        fresh = await opened_at(browser, "/console/segments/build/new?copy=whole") | {"name": "whole-2"}
        for form in (fields, fresh):
            sent = [form | {"description": f"by {n}"} for n in range(6)]
            answers = await asyncio.gather(*(browser.post("/console/segments/build/save", data=each) for each in sent))
            won = [each["description"] for each, answer in zip(sent, answers, strict=True) if answer.status_code == 303]
            assert len(won) == 1
            assert (await stands(console, form["name"]))["definition"]["description"] == won[0]
            told = [wrong(answer.text)["name"] for answer in answers if answer.status_code == 422]
            assert len(told) == 5
            assert all("Somebody has changed it" in each or "There is a segment of this name" in each for each in told)


@pytest.mark.parametrize("call", ["form", "meaning", "size", "save"])
async def test_a_form_of_more_rows_than_anybody_reads_is_refused_at_once_and_in_words(console: Console, call: str) -> None:
    def of(rows: int) -> dict[str, str]:
        return {"name": "x", "owner": "me"} | {f"predicate.{n}.kind": "trait" for n in range(rows)}

    async with console.signed_on() as browser:
        for fields in (of(201), of(4_000), of(200) | {"predicate.0.kind": "group", "predicate.0.rows.0.kind": "did"}):
            answer = await browser.post(f"/console/segments/build/{call}", data=fields)
            assert (answer.status_code, "a form has 200 rows at most" in answer.text) == (422, True)
        answer = await browser.post(f"/console/segments/build/{call}", data=of(5_001))
        assert (answer.status_code, "more than 5,000 fields" in answer.text) == (413, True)
        answer = await browser.post(f"/console/segments/build/{call}", data=of(200))
        assert (answer.status_code, "a form has 200 rows" in answer.text) == (422 if call == "save" else 200, False)
        full = await browser.post("/console/segments/build/form", data=of(200) | {"do": "add:predicate"})
        assert (full.status_code, "a form has 200 rows at most" in full.text) == (422, True)


async def test_a_segment_of_more_parts_than_a_form_has_rows_is_json_in_it_and_stays_the_same(console: Console) -> None:
    plain = {"any": [{"did": f"E{n}"} for n in range(400)]}
    assert (
        await console.shop.operate("PUT", "/v1/segments/large", json={"owner": "me", "predicate": plain})
    ).status_code == 201
    async with console.signed_on() as browser:
        fields = await opened_at(browser, "/console/segments/large/change")
        assert (fields["predicate.0.kind"], "predicate.1.kind" in fields) == ("json", False)
        turned = fields | {"predicate.0.kind": "group", "predicate.0.was": "json"}
        answer = await browser.post("/console/segments/build/form", data=turned)
        assert Sent(answer.text).fields["predicate.0.kind"] == "json"
        assert (await browser.post("/console/segments/build/save", data=fields)).status_code == 303
    assert written((await stands(console, "large"))["definition"]["predicate"]) == written(plain)
