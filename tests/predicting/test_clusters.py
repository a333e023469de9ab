"""ML-06: customers sorted into kinds that keep their names over fits; who becomes another one moves, and journeys decide."""

from uuid import UUID

from predicting.conftest import DAY, KINDS, Planted, console_page

from segments.ask.foretold import foretold
from store import predictions
from tests.command_line import in_thread

LABELS = "select profile_id, label, score from prediction_score where prediction = 'styles'"
MOVES = "select ts, properties from event where profile_id = $1 and type = '$crossed:styles' order by ts"


async def labels(kinds: Planted) -> dict[UUID, tuple[str, float]]:
    return {row["profile_id"]: (row["label"], row["score"]) for row in await kinds.database.pool.fetch(LABELS)}


async def sleeper(kinds: Planted, user: str) -> UUID:
    """Every five days for a while, and then nothing for three months."""
    await kinds.shop.signs_up(user, ("push", "whatsapp"))
    who = UUID(str(await kinds.database.pool.fetchval("select profile_id from identity where value = $1", user)))
    kinds.orders += [(kinds.opened - day * DAY, who, 40.0) for day in range(150, 95, -5)]
    kinds.orders.sort()
    return who


async def test_ml_06_kinds_keep_their_names_and_journeys_decide_whether_they_follow(kinds: Planted, dsn: str) -> None:
    """A week later the model is fitted anew: names and numbers stay, who came back moves, and a run in flight sees both."""
    kinds.of = "styles"
    shop = kinds.shop
    await kinds.people(400)
    ana, luis = await sleeper(kinds, "ana"), await sleeper(kinds, "luis")
    await kinds.pass_until(0)
    assert "2 kinds" in await kinds.train()
    first = await labels(kinds)
    assert {label for label, _ in first.values()} == {"regulars", "dozing"}
    assert (first[ana][0], first[luis][0]) == ("dozing", "dozing")
    await shop.look()
    members = await kinds.database.pool.fetch("select profile_id from segment_member where segment = 'dozing'")
    assert {row["profile_id"] for row in members} == {who for who, (label, _) in first.items() if label == "dozing"}
    runs = {run.profile_id: run for run in await shop.runs("waking")}
    assert {ana, luis} <= runs.keys()
    ((_, entry),) = await kinds.database.pool.fetch(MOVES, ana)
    assert (entry["kind"], entry["was"], entry["version"]) == ("dozing", None, 1)

    kinds.orders[kinds.told :] = sorted(
        [*kinds.orders[kinds.told :], *((kinds.opened + hours / 24 * DAY, ana, 40.0) for hours in range(2, 46, 4))]
    )
    await kinds.pass_until(2)
    assert "by version 2" in await kinds.train()
    again = await labels(kinds)
    assert again[ana][0] == "regulars"
    number = dict(first.values())
    assert number == dict(again.values()), "names and numbers are the same"
    card = (await predictions.models(kinds.database, "styles"))[0].card
    assert card["stability"]["agreement"] > 0.8
    assert card["stability"]["same"] > 0.9
    assert {each["found_as"] for each in card["kinds"]} == {"often, recent", "long ago, seldom"}
    *_, (_, moved) = await kinds.database.pool.fetch(MOVES, ana)
    assert (moved["kind"], moved["was"], moved["version"]) == ("regulars", "dozing", 2)

    await shop.look()
    await kinds.pass_until(3.1)
    await shop.look()
    sent = {who: [message.channel for message in await shop.messages(await over(shop, runs[who]))] for who in (ana, luis)}
    assert sent == {ana: ["push"], luis: ["push", "whatsapp"]}

    (told,) = [each for each in await foretold(kinds.database, shop.parts.catalogue.predictions, ana) if each.label]
    assert told.label == "regulars"
    assert any("of them have" in reason.words for reason in told.reasons)
    assert "Customers by kind" in await console_page(shop, "/console/models/styles")
    detail = (await shop.operate("GET", "/v1/models/styles")).json()
    assert detail["kind"] == "clusters"
    assert sum(detail["sizes"].values()) == len(again) == detail["people"]
    shown = await in_thread("models", "show", "styles", database_url=dsn, catalogue=KINDS, path=("tests",))
    assert "what sets it apart" in shown.stdout, shown.stderr
    assert "agreement" in shown.stdout


async def over(shop: object, run: object) -> object:
    """The run at its end."""
    await shop.over(run)  # type: ignore[attr-defined]
    return run


async def test_ml_06_a_product_team_asks_for_a_kind_and_a_held_model_moves_nobody(kinds: Planted) -> None:
    kinds.of = "styles"
    shop = kinds.shop
    await kinds.people(300)
    ana = await sleeper(kinds, "ana")
    await kinds.pass_until(0)
    await kinds.train()
    body = {"owner": "crm", "predicate": {"prediction": "styles", "is": "regulars"}}
    assert (await shop.operate("PUT", "/v1/segments/friends", json=body)).status_code == 201
    body["predicate"]["is"] = "nobody"  # type: ignore[index]
    assert (await shop.operate("PUT", "/v1/segments/nobodies", json=body)).status_code == 201
    concerns = (await shop.operate("GET", "/v1/concerns")).json()
    (told,) = [each["sentence"] for each in concerns if each["segment"] == "nobodies" and each["id"] == "GOV-05"]
    assert told == "asks who is 'nobody' by the prediction styles, which has 'dozing', 'regulars' only"
    wrong = {"owner": "crm", "predicate": {"prediction": "styles", "over": 0.5}}
    answer = await shop.operate("PUT", "/v1/segments/wrong", json=wrong)
    assert (answer.status_code, "sorts customers and has no score" in answer.json()["detail"]) == (422, True)
    came = [(kinds.opened + n * DAY, ana, 9.0) for n in range(1, 29)]
    kinds.orders[kinds.told :] = sorted([*kinds.orders[kinds.told :], *came])
    await kinds.pass_until(29)
    assert "its model is 29.0 days old" in await kinds.score()
    assert [row["properties"]["kind"] for row in await kinds.database.pool.fetch(MOVES, ana)] == ["dozing"]
    await kinds.train()
    assert [row["properties"]["kind"] for row in await kinds.database.pool.fetch(MOVES, ana)] == ["dozing", "regulars"]
