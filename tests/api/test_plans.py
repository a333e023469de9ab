"""What experiments and holdouts will need, said before they begin: by HTTP, by the lint, and as a worry about the segment."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from activities.measuring.planning import COMPANY, Planned, planned
from api import ApiConfig
from journeys import Effect, Experiment, Journey, JourneyDefinition, Plan, Segment, did, journey, purchases
from journeys.clock import Clock
from journeys.contracts import JourneySpec
from journeys.policies import GlobalHoldout
from segments.language.sizing import critical
from store import Database
from tests.api.server import OPERATE_KEY, serving

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
FEW = Effect(0.03, 0.1)
carts, fans, quiet = (Segment(name, did("Product Added").within(days=1)) for name in ("carts", "fans", "quiet"))
liked = Segment("liked", did("Liked").within(days=1), effect=Effect(0.2, 0.5))
news = Experiment("news", {"video": 0.5, "article": 0.5}, plan=Plan(days=28, effect=FEW))


def made(name: str, entry: Segment | None, **declared: object) -> JourneyDefinition:
    async def one(j: Journey) -> None:
        await j.push("hi")

    one.__name__ = name
    return journey(entry=entry, goal=purchases, **declared)(one)  # type: ignore[arg-type]


JOURNEYS = {
    each.name: each
    for each in (
        made("small", carts, holdout=0.5, plan=Plan(people=400_000, days=28, effect=FEW)),
        made("patient", carts, holdout=0.5, plan=Plan(effect=Effect(0.3, 0.5))),
        made("never", quiet, holdout=0.1, plan=Plan(effect=FEW)),
        made("not_yet", quiet, holdout=0.1, plan=Plan(days=28, effect=FEW)),
        made("by_the_segment", liked, holdout=0.5, plan=Plan(days=60)),
        made("asking", fans),
        made("unsaid", carts, holdout=0.1),
        made("by_api", None, holdout=0.1, plan=Plan(people=10, effect=FEW)),
        made("for_money", carts, holdout=0.5, plan=Plan(people=100, effect=FEW, kpi="revenue")),
    )
}
ASKED: Mapping[str, list[Experiment]] = {"asking": [news]}


async def come(database: Database, segment: str, a_day: int, days: int) -> None:
    """So many customers a day came into a segment, and stayed."""
    told = [(segment, UUID(int=n * a_day + m + 1), NOW - (n + 0.5) * DAY) for n in range(days) for m in range(a_day)]
    await database.pool.executemany(
        "insert into segment_transition (segment, profile_id, kind, at) values ($1, $2, 'entered', $3)", told
    )
    await database.pool.executemany("insert into segment_member (segment, profile_id, entered_at) values ($1, $2, $3)", told)


@pytest.fixture
async def shop(keyed: Database) -> Database:
    await come(keyed, "carts", 50, 40)
    await come(keyed, "fans", 20, 10)
    await come(keyed, "liked", 30, 28)
    return keyed


async def test_gov_03_what_is_too_small_is_told_before_it_begins(shop: Database) -> None:
    specs: list[JourneySpec] = [each.spec for each in JOURNEYS.values()]
    segments = {each.name: each for each in (carts, fans, quiet, liked)}
    found = await planned(shop, specs, ASKED, segments, NOW)
    [small] = found["small"]
    # 400,000 people would be enough; in 28 days 50 a day are 1,400, of whom it takes 113,659.
    assert (small.members, small.a_day, small.people_needed, small.days) == (2_000, 50.0, 113_659, 2_274)
    assert small.warning.startswith("$holdout/small is too small for its effect. To find a lift of +10 % on a")
    assert "Its plan ends at 1,400 people, which shows at least a lift of +108 %" in small.warning
    assert small.warning.endswith("plan for more, or expect a larger effect. carts has 2,000 members now.")
    [patient] = found["patient"]
    assert (patient.too_small, patient.days) == (False, patient.people_needed and -(-patient.people_needed // 50))
    [never] = found["never"]
    assert (never.too_small, never.days, never.members) == (False, None, 0), "nobody can tell yet"
    assert never.said.endswith("how long that takes cannot be said yet, since nobody has come lately. quiet has 0 members now.")
    [not_yet] = found["not_yet"]
    assert (not_yet.too_small, "Its plan ends" in not_yet.said) == (False, False)
    company = GlobalHoldout(0.1, plan=Plan(days=90, effect=FEW))
    [just_added] = (await planned(shop, [], {}, {}, NOW, company))[COMPANY]
    assert (just_added.too_small, "cannot be said yet" in just_added.said) == (False, True)
    [by_the_segment] = found["by_the_segment"]
    assert (by_the_segment.effect, by_the_segment.too_small) == (Effect(0.2, 0.5), False)
    [asking] = found["asking"]
    # Somebody came for the first time nine and a half days ago: 200 customers in those.
    assert (asking.experiment, asking.a_day, asking.too_small) == (news, pytest.approx(200 / 9.5), True)
    [unsaid] = found["unsaid"]
    assert (unsaid.people_needed, unsaid.too_small) == (None, False)
    assert "cannot be said before an effect is declared" in unsaid.said
    [by_api] = found["by_api"]
    assert (by_api.segment, by_api.too_small) == (None, True)


async def test_gov_03_what_is_judged_by_money_is_told_by_how_much_money_varied(shop: Database) -> None:
    async def told() -> Planned:
        spec, company = JOURNEYS["for_money"].spec, GlobalHoldout(0.2)
        return (await planned(shop, [spec], {}, {"carts": carts}, NOW, company))["for_money"][0]

    before = await told()
    assert (before.people_needed, before.too_small, before.a_day) == (None, False, 40.0), (
        "of 50 the company's holdout keeps ten out"
    )
    assert "it is judged by revenue per customer" in before.said
    sums = [("exposed", 100, 0, 0, 0), ("conversion", 0, 3, 3, 3), ("revenue", 0, 60, 1_400, 3)]
    for name, times in (("$holdout/for_money", 1), ("few", 0.1)):
        await shop.pool.executemany(
            "insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,"
            " n, y, yy, nonzero) values ('2026-04-01', 'for_money', '', '', '', '', '', $1, 'a', $2, '', $3, $4, $5, $6)",
            [(name, metric, *(int(times * each) for each in more)) for metric, *more in sums],
        )
    after = await told()
    variance = (1_400 - 60**2 / 100) / 99  # of three of a hundred who spent 10, 20 and 30
    needed = (critical(0.04) + 0.841621) ** 2 * 4 * variance / 0.06**2
    assert after.people_needed == pytest.approx(needed, abs=1)
    assert after.warning.startswith("$holdout/for_money is too small for its effect. To find a lift of +10 % on revenue per")


async def test_gov_03_the_companys_holdout_is_told_with_every_marketing_and_as_a_concern_of_no_segment(
    dsn: str, shop: Database, pooled_for_api: Database
) -> None:
    company = GlobalHoldout(0.1, plan=Plan(people=5_000, effect=FEW))
    urgent = made("urgent", carts, holdout=0.5, purpose="transactional")
    exposed = [("$holdout", UUID(int=n + 1), "written to", 0.9, NOW - (n % 10 + 0.5) * DAY) for n in range(95)]
    await shop.pool.executemany(
        "insert into exposure (experiment, profile_id, arm, share, exposed_at) values ($1, $2, $3, $4, $5)", exposed
    )
    clock = Clock(real_origin=datetime.now(UTC), business_origin=NOW)
    catalogue = {each.name: each for each in (JOURNEYS["unsaid"], urgent)}
    config = ApiConfig(dsn=dsn, key_ttl=0.2, clock=clock, catalogue=catalogue, segments={"carts": carts}, holdout=company)
    async with (
        serving(config, pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=60) as http,
    ):
        listed = {each["name"]: each for each in (await http.get("/v1/journeys")).json()}
        worries = (await http.get("/v1/concerns")).json()
    names = {name: [each["name"] for each in of["experiments"]] for name, of in listed.items()}
    assert names == {"unsaid": ["$holdout/unsaid", "$holdout"], "urgent": ["$holdout/urgent"]}
    companys = listed["unsaid"]["experiments"][1]
    assert companys["a_day"] == pytest.approx(10, rel=0.01), "95 in nine and a half days"
    [(segment, sentence)] = [
        (each["segment"], each["sentence"]) for each in worries if each["sentence"].startswith("$holdout ")
    ]
    assert segment is None
    assert "Its plan ends at 5,000 people" in sentence
    assert not [warning for warning in listed["unsaid"]["warnings"] if "too small" in warning], "it is no journey's fault"


@pytest.fixture
async def asked(dsn: str, shop: Database, pooled_for_api: Database) -> AsyncIterator[httpx.AsyncClient]:
    clock = Clock(real_origin=datetime.now(UTC), business_origin=NOW)
    segments = {each.name: each for each in (carts, fans, quiet, liked)}
    config = ApiConfig(dsn=dsn, key_ttl=0.2, clock=clock, catalogue=JOURNEYS, segments=segments, experiments=ASKED)
    async with (
        serving(config, pooled_for_api) as url,
        httpx.AsyncClient(base_url=url, auth=(OPERATE_KEY, ""), timeout=60) as http,
    ):
        yield http


async def test_gov_03_over_http_it_stands_with_the_journey_and_with_its_segment(asked: httpx.AsyncClient) -> None:
    listed = {each["name"]: each for each in (await asked.get("/v1/journeys")).json()}
    [news] = listed["asking"]["experiments"]
    assert {name: news[name] for name in ("name", "arms", "control", "plan", "people_needed", "members")} == {
        "name": "news",
        "arms": {"video": 0.5, "article": 0.5},
        "control": "video",
        "plan": "over after 28 days, to find a lift of +10 % on a rate of 3 %",
        "people_needed": 113_659,
        "members": 200,
    }
    assert [warning for warning in listed["asking"]["warnings"] if warning.startswith("news is too small for its effect.")]
    assert not [warning for warning in listed["patient"]["warnings"] if "too small" in warning]
    assert listed["patient"]["experiments"][0]["name"] == "$holdout/patient"
    worries = (await asked.get("/v1/concerns")).json()
    told = [(each["segment"], each["sentence"].partition(" is too")[0]) for each in worries if each["kind"] == "too small"]
    assert set(told) >= {("carts", "$holdout/small"), ("fans", "news")}
    assert "quiet" not in dict(told)
