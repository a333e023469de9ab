"""What a declaration may not do: ask about one person, tell who they are, look at what is forbidden by way of another."""

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from predicting.conftest import DAY, Planted

import api
from segments import DefinitionError, did, prop
from segments.define.naming import VEIL, names_people, veiled, without_names
from segments.predictions import BestHour, Clusters, LifetimeValue, Prediction, TraitValue, feature
from segments.predictions.declared import Declared
from segments.predictions.paths import asked_through, check_asked
from store.keys import Grant, Role, create_key

MONTH = 30 * 86_400
ANNA = "anna@example.org"
ORDERED: dict[str, Any] = {"did": "Order Completed"}
BUYS: dict[str, Any] = {
    "of": ORDERED,
    "label": ORDERED | {"within": MONTH},
    "horizon": MONTH,
    "features": [{"name": "days_since_order", "days_since": ORDERED}],
    "owner": "crm",
}
HERS = {"property": "email", "is": "==", "value": ANNA}
NAMING = [
    {"of": {"did": "Complaint Filed", "where": HERS}},
    {"label": ORDERED | {"within": MONTH, "where": HERS}},
    {"features": [{"name": "hers", "count": True, "of": ORDERED | {"where": HERS}}]},
    {"features": [{"name": "hers", "days_since": ORDERED | {"where": HERS}}]},
]


class Asking:
    """Calls with a key of one role, with and without the right to see persons."""

    def __init__(self, planted: Planted, http: httpx.AsyncClient, keys: dict[str, str]) -> None:
        self.planted, self.http, self.keys = planted, http, keys

    async def __call__(self, key: str, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.http.request(method, path, json=body, auth=(self.keys[key], ""))


@pytest.fixture
async def asking(planted: Planted) -> Any:
    made = {
        name: await create_key(planted.database.pool, f"a {name}", Grant(role, personal=name.endswith("+")))
        for name, role in (("read", Role.READ), ("operate", Role.OPERATE), ("operate+", Role.OPERATE), ("admin", Role.ADMIN))
    }
    app = planted.shop.api._transport.app  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.test") as http:
        yield Asking(planted, http, made)


async def test_nobody_is_counted_for_a_key_that_may_not_be_shown_persons(asking: Asking) -> None:
    """Also by what no name tells from others, as the number of an order: it is declared by who operates, and not tried."""
    await asking.planted.people(20)
    await asking.planted.pass_until(0)
    one = {"name": "one", "of": ORDERED | {"where": {"property": "order_id", "is": "==", "value": "o-1"}}}
    for body in (BUYS | one, BUYS | {"name": "all"}):
        for key in ("read", "operate"):
            answer = await asking(key, "POST", "/v1/models/check", body)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert {told[each] for each in ("people", "as_of", "people_then", "came_true", "not_true", "enough")} == {None}
            assert "--personal" in told["told"]
        counted = (await asking("operate+", "POST", "/v1/models/check", body)).json()
        assert isinstance(counted["people"], int)
    assert (await asking("read", "POST", "/v1/segments/count", {"predicate": ORDERED})).status_code == 403


@pytest.mark.parametrize("naming", NAMING)
async def test_who_may_not_look_people_up_names_nobody_in_a_declaration(asking: Asking, naming: dict[str, Any]) -> None:
    body = BUYS | naming
    for key, method, path, sent in (
        ("read", "POST", "/v1/models/check", body | {"name": "pii"}),
        ("operate", "POST", "/v1/models/check", body | {"name": "pii"}),
        ("operate", "PUT", "/v1/models/pii", body),
    ):
        answer = await asking(key, method, path, sent)
        assert (answer.status_code, "personal data" in answer.text) == (403, True), answer.text
    assert (await asking("operate+", "PUT", "/v1/models/pii", body)).status_code == 201
    for path in ("/v1/models/pii", "/v1/models/pii/declarations"):
        for key in ("read", "operate"):
            told = await asking(key, "GET", path)
            assert (told.status_code, ANNA in told.text, VEIL in told.text) == (200, False, True), told.text
        assert ANNA in (await asking("operate+", "GET", path)).text
    would = await asking("operate", "POST", "/v1/models/check", BUYS | {"name": "pii"})
    assert (ANNA in would.text, VEIL in would.text) == (False, True), "what holds before is told, too"
    said = (await asking("operate", "GET", "/v1/models/pii")).json()["declared"]
    assert (await asking("operate", "PUT", "/v1/models/pii", said)).status_code == 403, "nor is it saved again so"
    assert (await asking("operate+", "PUT", "/v1/models/pii", BUYS)).status_code == 200
    assert (await asking("operate", "DELETE", "/v1/models/pii")).status_code == 204
    audit = await asking("admin", "GET", "/v1/audit?kind=prediction")
    assert (audit.status_code, len(audit.json()["changes"]), ANNA in audit.text) == (200, 3, False), audit.text


async def test_nor_by_way_of_a_prediction_that_does(asking: Asking) -> None:
    """Who is over its threshold would be asked about by the size of a segment, and by another prediction."""
    hers = BUYS | {"of": {"did": "Complaint Filed", "where": HERS}}
    assert (await asking("operate+", "PUT", "/v1/models/pii", hers)).status_code == 201
    by_it = BUYS | {"features": [{"name": "went", "count": True, "of": {"did": "$crossed:pii:0.5:0.4"}}]}
    assert (await asking("operate", "PUT", "/v1/models/by-it", by_it)).status_code == 403
    assert (await asking("operate+", "PUT", "/v1/models/by-it", by_it)).status_code == 201
    for name in ("pii", "by-it"):
        segment = {"owner": "crm", "predicate": {"prediction": name, "over": 0.2}}
        assert (await asking("operate", "PUT", f"/v1/segments/hers-{name}", segment)).status_code == 403
        assert (await asking("operate+", "PUT", f"/v1/segments/hers-{name}", segment)).status_code == 201


async def test_who_cannot_read_a_declaration_does_not_approve_it(asking: Asking) -> None:
    app = asking.planted.shop.api._transport.app  # type: ignore[attr-defined]
    strict = api.create_app(replace(app.state.config, approve_predictions=True), database=asking.planted.database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(strict), base_url="http://shop.test") as http:
        hers, own = BUYS | NAMING[0], (asking.planted.shop.operate_key, "")
        assert (await http.put("/v1/models/pii", json=hers, auth=own)).json()["waits_for_approval"] is True
        assert (await http.post("/v1/models/pii/approve", auth=(asking.keys["operate"], ""))).status_code == 403
        assert (await http.post("/v1/models/pii/approve", auth=(asking.keys["operate+"], ""))).status_code == 200


async def test_the_card_of_a_model_names_nobody(asking: Asking) -> None:
    """It stays when they are erased, so that it names them for nobody."""
    planted = asking.planted
    await planted.people(600)
    await planted.pass_until(0)
    hers = {"name": "hers", "count": True, "of": ORDERED | {"where": HERS}}
    assert (
        await asking("operate+", "PUT", "/v1/models/pii", BUYS | {"features": [*BUYS["features"], hers]})
    ).status_code == 201
    planted.of = "pii"
    assert "champion" in await planted.train()
    told = (await asking("operate+", "GET", "/v1/models/pii")).json()
    cards = json.dumps([each["card"] for each in told["versions"]])
    assert (ANNA in cards, VEIL in json.loads(cards)[0]["features"]["hers"]) == (False, True)
    assert ANNA in json.dumps(told["declared"])
    assert ANNA not in (await asking("read", "GET", "/v1/models/pii")).text


SEX = feature("sex", TraitValue("sex"))
AGE = feature("age", TraitValue("years"))
VISITS = feature("visits", did("Visited").count())


def foretold(name: str, *features: Any, of: Any = None, label: Any = None, **more: Any) -> Prediction:
    ordered = did("Order Completed")
    label = ordered.within(days=30) if label is None else label
    return Prediction(
        name, of=ordered if of is None else of, label=label, horizon=30 * DAY, features=features or (VISITS,), **more
    )


def check(*declared: Declared, name: str = "xb") -> None:
    check_asked({each.name: each for each in declared}, name)


@pytest.mark.parametrize(
    "by",
    [
        {"of": foretold("xa").crosses(0.5)},
        {"of": did("Order Completed") & ~foretold("xa").crosses(0.5, back_at=0.4)},
        {"features": (feature("went", did("$crossed:xa:0.5:0.4").count()),)},
        {"features": (feature("went", did("Visited").since_last("$crossed:xa:0.5:0.4").count()),)},
        {"features": (VISITS, feature("went", did("Visited").then(did("$crossed:xa:0.5:0.4")).count()))},
        {"label": did("$crossed:xa:0.5:0.4").within(days=30)},
    ],
)
@pytest.mark.parametrize(
    "looks", [{"features": (SEX,)}, {"of": did("Registered").where(prop("sex") == "f")}, {"features": (VISITS,), "named": True}]
)
def test_what_it_never_looks_at_it_does_not_learn_from_another(by: dict[str, Any], looks: dict[str, Any]) -> None:
    looks = dict(looks)
    if looks.pop("named", False):
        looks["features"] = (feature("sex", did("Visited").count()),)
    xa = foretold("xa", *looks.pop("features", ()), **looks)
    by = dict(by)
    xb = foretold("xb", *by.pop("features", ()), never={"Sex"}, **by)
    with pytest.raises(DefinitionError, match="xb → xa → sex"):
        check(xa, xb)
    check(foretold("xa", AGE), xb)


def test_nor_from_one_that_learns_from_another() -> None:
    xa, xm = foretold("xa", SEX), foretold("xm", of=foretold("xa").crosses(0.5))
    xb = foretold("xb", of=foretold("xm").crosses(0.5), never={"sex"})
    with pytest.raises(DefinitionError, match="xb → xm → xa → sex"):
        check(xa, xm, xb)
    assert [each.name for each in asked_through(xb, {"xa": xa, "xm": xm})] == ["xm", "xa"]


@pytest.mark.parametrize("never", ["sex", "register.sex"])
def test_nor_is_it_foretold(never: str) -> None:
    label = did("Register").where(prop("register.sex") == "f").within(days=30)
    with pytest.raises(DefinitionError, match=r"label: reads .*sex'"):
        foretold("xb", label=label, never={never})
    with pytest.raises(DefinitionError, match=r"reads 'register\.sex'"):
        foretold("xb", of=did("Register").distinct("register.sex") > 1, never={never})


def test_whatever_its_kind() -> None:
    styles = Clusters("styles", of=did("Order Completed"), features=(SEX,))
    for xb in (
        foretold("xb", of=styles.is_("often"), never={"sex"}),
        foretold("xb", feature("moved", did("$crossed:styles").count()), never={"sex"}),
        Clusters("xb", of=styles.is_("often"), features=(VISITS,), never={"sex"}),
        LifetimeValue("xb", orders=did("Order Completed"), of=styles.is_("often"), never={"sex"}),
    ):
        with pytest.raises(DefinitionError, match="xb → styles → sex"):
            check(styles, xb)
    with pytest.raises(DefinitionError, match="asks for itself: xb → xb"):
        check(BestHour("xb", of=did("Order Completed"), by=did("$crossed:xb")))


async def test_asking_for_itself_for_nobody_or_amiss_is_refused_by_whom_it_is(asking: Asking) -> None:
    async def put(name: str, change: dict[str, Any], method: str = "PUT") -> httpx.Response:
        path = f"/v1/models/{name}" if method == "PUT" else "/v1/models/check"
        return await asking("operate+", method, path, BUYS | change | {"name": name})

    def of(name: str) -> dict[str, Any]:
        return {"of": {"prediction": name, "over": 0.5}}

    for method in ("POST", "PUT"):
        for name, change, pointer, said in (
            ("x", of("x"), "/of", "asks for itself: x → x"),
            ("x", of("nowhere"), "/of", "'nowhere', which is not declared; there are: churn"),
            ("x", {"of": {"prediction": "churn", "over": 7}}, "/of", "between 0 and 1"),
            (
                "x",
                {"features": [{"name": "went", "days_since": {"did": "$crossed:nowhere:0.5:0.5"}}]},
                "/features",
                "there are: churn",
            ),
        ):
            answer = await put(name, change, method)
            assert (answer.status_code, said in answer.text) == (422, True), answer.text
            assert answer.json()["errors"][0]["pointer"].startswith(pointer)
    assert (await put("xa", {})).status_code == 201
    assert (await put("xb", of("xa") | {"never": ["sex"]})).status_code == 201
    answer = await put("xa", of("xb"))
    assert (answer.status_code, "asks for itself: xa → xb → xa" in answer.text) == (422, True), answer.text
    for method in ("POST", "PUT"):
        answer = await put("xa", {"features": [{"name": "f", "trait": "sex"}]}, method)
        assert (answer.status_code, answer.json()["code"], "'xb'" in answer.text) == (409, "would-break", True), answer.text
        assert "xb → xa → sex" in answer.text
    answer = await asking("operate+", "DELETE", "/v1/models/xa")
    assert (answer.status_code, "asked for by prediction 'xb'" in answer.text) == (409, True), answer.text
    assert (await asking("operate+", "DELETE", "/v1/models/xb")).status_code == 204
    assert (await asking("operate+", "DELETE", "/v1/models/xa")).status_code == 204


def test_names_are_told_from_wide_definitions_in_predictions_as_in_segments() -> None:
    wide, narrow = foretold("wide"), foretold("narrow", feature("hers", did("Visited").where(prop("email") == ANNA).count()))
    socio = foretold("socio", of=did("Visited").where(prop("socio") == "s-1"))
    assert [names_people(each) for each in (wide, narrow, socio)] == [False, True, False]
    assert names_people(socio, ["socio"])
    assert names_people(foretold("mails", feature("mail", TraitValue("email"))))
    assert without_names(wide) is wide
    bare = without_names(narrow)
    assert bare.to_json() == veiled(narrow.to_json())
    assert (ANNA in str(bare.told), VEIL in str(bare.told)) == (False, True)
    assert names_people(LifetimeValue("worth", orders=did("Order Completed").where(prop("email") == ANNA)))
