"""Audiences told to real counterparts: an ad platform by its pages, a receiver that checks signatures, files in a bucket."""

import asyncio
import csv
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from temporalio.exceptions import ApplicationError

from activities.audiences import syncing
from activities.audiences.passing import hashed
from activities.audiences.syncing import Audiences
from activities.channels.suppression import suppression_digest
from journeys import Audience, BucketDestination, CatalogueError, HttpDestination, MetaAudience, Segment, trait
from journeys.audiences.audience import Destination
from store import Database, audiences
from store.audiences import AudienceRow
from store.customers.erasure import begin, purge
from store.customers.topics import SALE, choose
from tests.activities.ad_platform import AUDIENCE, TOKEN, AdPlatform, SignedReceiver, listening
from tests.trial_catalogue import platinums, viewers
from workers.testing.people import contact
from workers.testing.shop import SECRET, Shop, open_shop
from workers.worker import serving, workers

BY_MAIL = ("email", "sms", "whatsapp")
META = MetaAudience(AUDIENCE, token="META_TOKEN")
SIGNED = HttpDestination(url="BEST_URL", secret="BEST_SECRET", by=("user_id", "email"))


@pytest.fixture
async def quiet(database: Database, dsn: str, temporal_address: str, tmp_path: Path) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path, catalogue="trial_catalogue", serve=False) as opened:
        yield opened


@pytest.fixture
async def platform() -> AsyncIterator[AdPlatform]:
    async with listening(there := AdPlatform()):
        yield there


@pytest.fixture
async def receiver() -> AsyncIterator[SignedReceiver]:
    async with listening(there := SignedReceiver()):
        yield there


def passing(shop: Shop, to: Destination, settings: dict[str, str], graph: str = "", **more: Any) -> Audiences:
    """What tells an audience of the best customers."""
    audience = Audience("best", segment=platinums, to=to, **more)
    return replace(shop.parts.audiences, declared={"best": audience}, settings=settings.get, graph=graph)


async def at_meta(shop: Shop, platform: AdPlatform, **more: Any) -> Audiences:
    there = passing(shop, META, {"META_TOKEN": TOKEN}, platform.graph, **more)
    await there.declare()
    return there


async def by_posts(shop: Shop, receiver: SignedReceiver, to: HttpDestination = SIGNED, **more: Any) -> Audiences:
    there = passing(shop, to, {"BEST_URL": receiver.url, "BEST_SECRET": receiver.secret}, **more)
    await there.declare()
    return there


async def people(
    shop: Shop, platform: AdPlatform | None, *users: str, channels: Sequence[str] = BY_MAIL, tier: str = "platinum"
) -> None:
    """Customers who have an account at the platform, too, where they typed their address otherwise."""
    for user in users:
        await shop.signs_up(user, channels, tier=tier)
        if platform is not None:
            traits = contact(user)
            platform.accounts[user] = (
                f"  {traits['email'].upper()} ",
                f"00{traits['phone'].lstrip('+')[:2]} {traits['phone'][3:]}",
            )
    await shop.look()


async def sync(there: Audiences) -> tuple[int, int]:
    """What the workflow does: turn by turn, as long as there is more."""
    added = removed = 0
    while True:
        turn = await there.sync("best")
        added, removed = added + turn.added, removed + turn.removed
        if not turn.more:
            return added, removed


async def stands(shop: Shop) -> AudienceRow:
    (found,) = await audiences.found(shop.database, "best")
    return found


async def customer(shop: Shop, user: str) -> UUID:
    found: UUID = await shop.database.pool.fetchval("select profile_id from identity where value = $1", user)
    return found


async def no_sale(shop: Shop, user: str, *, wanted: bool) -> None:
    async with shop.database.transaction() as connection:
        who = await customer(shop, user)
        await choose(connection, who, {SALE: wanted}, source="preference page", at=shop.clock.now())


async def everything(shop: Shop) -> str:
    tables = ("audience_member", "audience_due", "audience")
    return str([dict(row) for table in tables for row in await shop.database.pool.fetch(f"select * from {table}")])


async def test_pro_15_who_leaves_the_segment_is_removed_from_the_ad_platform(quiet: Shop, platform: AdPlatform) -> None:
    """Added by hashes that the platform finds its own people by; taken away as soon as they are no longer in the segment."""
    await people(quiet, platform, "ana", "bea")
    there = await at_meta(quiet, platform)
    assert await sync(there) == (2, 0), "who was in it before is told by the first comparison"
    assert platform.audience == {"ana", "bea"}
    await people(quiet, platform, "cleo")
    await people(quiet, platform, "ana", tier="silver")
    assert await sync(there) == (1, 1)
    assert platform.audience == {"bea", "cleo"}
    assert await sync(there) == (0, 0)
    assert platform.wrong == []
    sent = b"".join(body for _, body in platform.heard)
    for secret in (b"ana", b"example.com", TOKEN.encode(), contact("ana")["phone"].lstrip("+").encode()):
        assert secret not in sent
    assert "example.com" not in await everything(quiet)
    row = await stands(quiet)
    assert (row.standing(quiet.clock.now()), row.there, row.result["members"], row.result["passed"]) == ("told", 2, 2, 2)


async def test_an_audience_is_told_the_id_that_an_alias_kept(quiet: Shop, receiver: SignedReceiver) -> None:
    """Not the one that it left, which may be the newer."""
    there = await by_posts(quiet, receiver)
    await people(quiet, None, "ana")
    quiet.clock.set(quiet.clock.now() + timedelta(minutes=1))
    await people(quiet, None, "before")
    await sync(there)
    assert set(receiver.audience) == {"ana", "before"}
    await quiet.send("alias", userId="ana", previousId="before")
    await quiet.look()
    await sync(there)
    assert set(receiver.audience) == {"ana"}


async def test_jrn_15_who_looked_at_a_product_is_in_an_audience_elsewhere_and_an_hour_later_is_not(
    quiet: Shop, receiver: SignedReceiver
) -> None:
    """Through the watch, the chore and Temporal: nobody but them moves anything."""
    there = await by_posts(quiet, receiver)
    there = replace(there, declared={"best": Audience("best", segment=viewers, to=SIGNED)})
    await there.declare()
    parts = replace(quiet.parts, audiences=there)
    async with serving(workers(quiet.client, parts)):
        await people(quiet, None, "ana")
        await quiet.does("ana", "Product Viewed", product_id="p-1")
        await quiet.look()
        async with asyncio.timeout(30):
            while "ana" not in receiver.audience:
                await there.wake()
                await asyncio.sleep(0.05)
        assert receiver.audience["ana"] == {"user_id": "ana", "email_sha256": hashed("ana@example.com")}
        await quiet.look(quiet.clock.now() + timedelta(hours=2))
        async with asyncio.timeout(30):
            while receiver.audience:
                await there.wake()
                await asyncio.sleep(0.05)
        handle = quiet.client.get_workflow_handle("audience/best")
        async with asyncio.timeout(30):
            assert str(await handle.result()).endswith("1 removed")
        history = str([event async for event in handle.fetch_history_events()])
    assert "ana" not in history
    assert hashed("ana@example.com") not in history


async def test_only_who_said_yes_to_marketing_and_did_not_refuse_a_sale_is_passed_on(quiet: Shop, platform: AdPlatform) -> None:
    await people(quiet, platform, "ana", "bea", "cleo")
    await people(quiet, platform, "dora", channels=())
    await no_sale(quiet, "bea", wanted=False)
    there = await at_meta(quiet, platform)
    await sync(there)
    assert platform.audience == {"ana", "cleo"}
    assert (await stands(quiet)).result["left_out"] == {
        "do not want their data sold or shared": 1,
        "without a yes to marketing": 1,
    }
    said = quiet.consents("cleo", BY_MAIL, "UNSUBSCRIBED")
    await quiet.send("identify", userId="cleo", context=said)
    await no_sale(quiet, "ana", wanted=False)
    assert await sync(there) == (0, 2)
    assert platform.audience == set()
    await no_sale(quiet, "ana", wanted=True)
    await no_sale(quiet, "bea", wanted=True)
    assert await sync(there) == (2, 0)
    assert platform.audience == {"ana", "bea"}


async def test_an_address_without_a_yes_is_not_told_though_another_one_is(quiet: Shop, platform: AdPlatform) -> None:
    await people(quiet, platform, "ana", channels=("email",))
    await sync(await at_meta(quiet, platform))
    (ids,) = [row["ids"] for row in await quiet.database.pool.fetch("select ids from audience_member")]
    assert ids == [f"user_id:{hashed('ana')}", f"email:{hashed('ana@example.com')}"]


async def test_who_said_no_in_an_earlier_life_is_not_passed_on_by_a_synced_yes(quiet: Shop, platform: AdPlatform) -> None:
    digest = suppression_digest(SECRET, "email", "ana@example.com")
    kept = "insert into suppression (channel, digest, scope, reason, at) values ('email', $1, 'marketing', 'said no', $2)"
    await quiet.database.pool.execute(kept, digest, quiet.clock.now())
    await people(quiet, platform, "ana", channels=("email",))
    await sync(await at_meta(quiet, platform))
    assert platform.audience == set()


async def test_another_address_takes_the_place_of_the_one_before(quiet: Shop, platform: AdPlatform) -> None:
    """The platform removes whoever fits an old hash: they are added again by what holds now."""
    await people(quiet, platform, "ana")
    there = await at_meta(quiet, platform)
    await sync(there)
    said = {"key": "ana@new.example", "type": "EMAIL", "status": "SUBSCRIBED"}
    quiet.clock.set(quiet.clock.now() + timedelta(minutes=1))
    await quiet.send("identify", userId="ana", traits={"email": "ana@new.example"}, context={"messaging_subscriptions": [said]})
    assert await sync(there) == (1, 1)
    assert platform.audience == {"ana"}, "by the telephone, which is the same"
    platform.accounts["ana"] = "ana@new.example", "+34 999"
    await sync(there)
    assert [row["state"] for row in await quiet.database.pool.fetch("select state from audience_member")] == ["there"]


async def test_who_turn_out_to_be_one_customer_are_there_once_and_the_other_id_is_taken_away(
    quiet: Shop, receiver: SignedReceiver, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana", "anna")
    there = await by_posts(quiet, receiver)
    await sync(there)
    assert set(receiver.audience) == {"ana", "anna"}
    await quiet.send("alias", userId="ana", previousId="anna")
    await quiet.look()
    await sync(there)
    live = await quiet.database.pool.fetch("select profile_id, ids from audience_member where state = 'there'")
    (told,) = [row["ids"][0].removeprefix("user_id:") for row in live]
    assert set(receiver.audience) == {told}
    assert live[0]["profile_id"] == await customer(quiet, "ana")
    merge = await quiet.database.pool.fetchval("select id from merge")
    answer = await quiet.operate("POST", f"/v1/profiles/{await customer(quiet, 'ana')}/merges/{merge}/undo")
    assert answer.is_success, answer.text
    await quiet.look()
    await sync(there)
    assert set(receiver.audience) == {"ana", "anna"}


async def test_at_a_platform_that_knows_both_as_one_the_survivor_stays(quiet: Shop, platform: AdPlatform) -> None:
    """Removing the absorbed one's hashes removes the person; the survivor is told again, even if nothing of theirs changed."""
    await people(quiet, platform, "ana", "anna")
    platform.accounts = {"ana": (contact("ana")["email"], contact("anna")["phone"])}
    there = await at_meta(quiet, platform)
    await sync(there)
    await quiet.send("alias", userId="ana", previousId="anna")
    await quiet.look()
    await sync(there)
    assert platform.audience == {"ana"}


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (("503 Service Unavailable", "", {}), "meta 503"),
        (("400 Bad Request", "", {"error": {"code": 190}}), "meta 400 code 190: the access token is invalid or expired"),
        (("200 OK", "", {}), "meta 200"),
        (("200 OK", "", {"num_received": 1}), "meta received 1 of 2 entries"),
    ],
)
async def test_a_platform_that_does_not_take_it_is_asked_again_and_loses_nobody(
    says: tuple[str, str, dict[str, Any]], why: str, quiet: Shop, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana", "bea")
    there = await at_meta(quiet, platform)
    platform.says = lambda: says
    with pytest.raises(ApplicationError, match=why):
        await sync(there)
    row = await stands(quiet)
    assert (row.standing(quiet.clock.now()), row.adding) == ("failing", 2)
    assert str(row.failure).startswith(why)
    await people(quiet, platform, "bea", tier="silver")
    platform.says = lambda: None
    await sync(there)
    assert platform.audience == {"ana"}
    assert (await stands(quiet)).standing(quiet.clock.now()) == "told"


@pytest.mark.parametrize(
    ("status", "headers", "code", "later"),
    [
        ("429 Too Many Requests", "retry-after: 90\r\n", 80003, timedelta(seconds=90)),
        (
            "400 Bad Request",
            'x-business-use-case-usage: {"1": [{"type": "custom_audience", "estimated_time_to_regain_access": 7}]}\r\n',
            80003,
            timedelta(minutes=7),
        ),
        ("400 Bad Request", "", 17, None),
    ],
)
async def test_a_limit_is_waited_for_as_long_as_it_says(
    status: str, headers: str, code: int, later: timedelta | None, quiet: Shop, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana")
    there = await at_meta(quiet, platform)
    platform.says = lambda: (status, headers, {"error": {"code": code}})
    with pytest.raises(ApplicationError, match="too many calls") as caught:
        await sync(there)
    assert caught.value.next_retry_delay == later


async def test_a_receiver_that_is_gone_is_told_when_it_is_back(quiet: Shop, receiver: SignedReceiver) -> None:
    """Connections are refused; then its secret is another one; then it asks for time. Nothing is lost, in the right order."""
    await people(quiet, None, "ana", "bea")
    there = await by_posts(quiet, receiver)
    await receiver.close()
    with pytest.raises(ApplicationError, match="no connection"):
        await sync(there)
    await receiver.open()
    wrong = passing(quiet, SIGNED, {"BEST_URL": receiver.url, "BEST_SECRET": "whsec_" + "A" * 40})
    with pytest.raises(ApplicationError, match="BEST_URL answers 401"):
        await sync(wrong)
    receiver.says = lambda: ("429 Too Many Requests", "Retry-After: 30\r\n", {})
    with pytest.raises(ApplicationError) as caught:
        await sync(there)
    assert caught.value.next_retry_delay == timedelta(seconds=30)
    await people(quiet, None, "bea", tier="silver")
    await people(quiet, None, "cleo")
    receiver.says = lambda: None
    await sync(there)
    assert set(receiver.audience) == {"ana", "cleo"}
    assert receiver.numbers == sorted(receiver.numbers)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"BEST_SECRET": "whsec_" + "A" * 40}, "BEST_URL is not set"),
        ({"BEST_URL": "http://127.0.0.1:1"}, "BEST_SECRET is not set"),
        ({"BEST_URL": "http://127.0.0.1:1", "BEST_SECRET": "s3cret"}, 'BEST_SECRET: a secret is "whsec_"'),
        ({"BEST_URL": "http://169.254.169.254/", "BEST_SECRET": "whsec_" + "A" * 40}, "leads to an address inside"),
    ],
)
async def test_what_is_wrong_with_settings_is_told_without_what_they_hold(
    settings: dict[str, str], why: str, quiet: Shop
) -> None:
    there = passing(quiet, SIGNED, settings)
    await there.declare()
    await people(quiet, None, "ana")
    with pytest.raises(ApplicationError, match=why):
        await sync(there)
    told = str((await stands(quiet)).failure)
    assert [each for each in settings.values() if each in told] == []


@pytest.mark.parametrize("dies_in", ["added", "removed", "looked"])
async def test_a_crash_loses_nobody_and_what_is_said_twice_does_no_harm(
    dies_in: str, quiet: Shop, receiver: SignedReceiver, platform: AdPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker dies after the destination took it, before that is written down; or after it was looked at, before that is."""
    await people(quiet, platform, "ana", "bea")
    there = await at_meta(quiet, platform)
    if dies_in != "added":
        await sync(there)
        await people(quiet, platform, "bea", tier="silver")

    async def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(syncing.audiences, dies_in, dies)
        with pytest.raises(ConnectionError):
            await sync(there)
    assert platform.audience == ({"ana", "bea"} if dies_in != "removed" else {"ana"})
    await people(quiet, platform, "cleo")
    await sync(there)
    assert platform.audience == {"ana", "cleo"} | ({"bea"} if dies_in == "added" else set())
    assert await quiet.database.pool.fetchval("select count(*) from audience_due") == 0
    states = await quiet.database.pool.fetch("select distinct state from audience_member")
    assert [row["state"] for row in states] == ["there"]


async def test_who_comes_and_goes_while_the_destination_is_away_ends_as_they_are(quiet: Shop, receiver: SignedReceiver) -> None:
    """Random comings and goings, with kills and outages between them: in the end both sides say the same."""
    there = await by_posts(quiet, receiver, replace(SIGNED, batch=3), most_gone=1.0)
    users, best = [f"u{n}" for n in range(12)], set[str]()
    dice = Random(7)
    for step in range(30):
        user = dice.choice(users)
        best ^= {user}
        await people(quiet, None, user, tier="platinum" if user in best else "silver")
        fails = dice.random() < 0.4
        receiver.says = lambda fails=fails: ("503 Service Unavailable", "", {}) if fails else None  # type: ignore[misc]
        if step % 3 == 0:
            with suppress(ApplicationError):
                await there.sync("best")
    receiver.says = lambda: None
    await sync(there)
    assert set(receiver.audience) == best
    assert (await stands(quiet)).there == len(best)


async def test_too_many_at_once_stay_until_somebody_lets_them_go(quiet: Shop, receiver: SignedReceiver) -> None:
    """Of 40 half leave: nobody is removed, who comes is added, a no still goes; then an operator says yes."""
    users = [f"u{n}" for n in range(40)]
    there = await by_posts(quiet, receiver)
    await people(quiet, None, *users)
    await sync(there)
    await people(quiet, None, *users[:20], tier="silver")
    await people(quiet, None, "ana")
    await no_sale(quiet, "u39", wanted=False)
    await sync(there)
    assert set(receiver.audience) == {*users[:39], "ana"}
    held = await stands(quiet)
    assert (held.standing(quiet.clock.now()), held.leaving) == ("held", 20)
    assert await audiences.to_wake(quiet.database) == []
    assert (await quiet.operate("POST", "/v1/audiences/best/let-go")).status_code == 202
    assert await audiences.to_wake(quiet.database) == ["best"]
    await people(quiet, None, "u0")
    await sync(there)
    assert set(receiver.audience) == {"u0", *users[20:39], "ana"}
    assert (await stands(quiet)).standing(quiet.clock.now()) == "told"


async def test_a_few_may_leave_and_within_an_hour_they_are_counted_together(quiet: Shop, receiver: SignedReceiver) -> None:
    users = [f"u{n}" for n in range(30)]
    there = await by_posts(quiet, receiver)
    await people(quiet, None, *users)
    await sync(there)
    await people(quiet, None, *users[:8], tier="silver")
    assert await sync(there) == (0, 8)
    await people(quiet, None, *users[8:12], tier="silver")
    assert await sync(there) == (0, 0)
    assert (await stands(quiet)).standing(quiet.clock.now()) == "held"
    quiet.clock.set(quiet.clock.now() + timedelta(hours=2))
    await people(quiet, None, users[12], tier="silver")
    assert await sync(there) == (0, 5)


async def test_paused_nobody_comes_or_leaves_but_a_no_still_goes(quiet: Shop, receiver: SignedReceiver) -> None:
    there = await by_posts(quiet, receiver)
    await people(quiet, None, "ana", "bea", "cleo")
    await sync(there)
    answer = await quiet.operate("PUT", "/v1/audiences/best/state", json={"state": "paused"})
    assert answer.json()["state"] == "paused"
    await people(quiet, None, "ana", tier="silver")
    await people(quiet, None, "dora")
    await no_sale(quiet, "bea", wanted=False)
    await sync(there)
    assert set(receiver.audience) == {"ana", "cleo"}
    await quiet.operate("PUT", "/v1/audiences/best/state", json={"state": "active"})
    await sync(there)
    assert set(receiver.audience) == {"cleo", "dora"}


async def test_a_comparison_mends_what_was_lost_on_both_sides(quiet: Shop, receiver: SignedReceiver) -> None:
    """A receiver restored from a backup; memberships that changed without a word; both are as they are after it."""
    there = await by_posts(quiet, receiver, replace(SIGNED, batch=2))
    await people(quiet, None, "ana", "bea", "cleo")
    await sync(there)
    receiver.audience.pop("ana")
    await quiet.database.pool.execute("delete from segment_member where profile_id = $1", await customer(quiet, "bea"))
    assert (await quiet.operate("POST", "/v1/audiences/best/compare")).status_code == 202
    await sync(there)
    assert set(receiver.audience) == {"ana", "cleo"}
    assert (await stands(quiet)).result["differed"] == 1
    await there.compare("best")
    await sync(there)
    assert (await stands(quiet)).result["differed"] == 0


async def test_a_comparison_that_was_cut_short_goes_on_where_it_was(
    quiet: Shop, receiver: SignedReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(syncing, "_SOME", 2)
    there = await by_posts(quiet, receiver, replace(SIGNED, batch=2))
    await people(quiet, None, *(f"u{n}" for n in range(7)))
    receiver.says = lambda: ("503 Service Unavailable", "", {}) if len(receiver.numbers) == 3 else None
    with pytest.raises(ApplicationError):
        await sync(there)
    receiver.says = lambda: None
    await sync(there)
    assert len(receiver.audience) == 7
    assert (await stands(quiet)).result["members"] == 7


async def test_a_segment_that_is_loaded_later_is_compared_when_it_is(quiet: Shop, receiver: SignedReceiver) -> None:
    there = await by_posts(quiet, receiver)
    await people(quiet, None, "ana")
    late = Segment("silvers", trait("tier") == "silver")
    there = replace(there, declared={"best": Audience("best", segment=late, to=SIGNED)})
    await people(quiet, None, "bea", tier="silver")
    await there.declare()
    assert await audiences.to_wake(quiet.database) == [], "its segment is not loaded"
    watch = replace(quiet.watch, segments=(*quiet.watch.segments, late))
    await watch.load()
    assert await audiences.to_wake(quiet.database) == ["best"]
    await sync(there)
    assert set(receiver.audience) == {"bea"}


def lines(folder: Path) -> dict[str, list[dict[str, str]]]:
    return {file.name: list(csv.DictReader(file.open())) for file in sorted(folder.glob("*.csv"))}


def members(folder: Path) -> set[str]:
    """Who is in it, as a reader of the files finds it."""
    found = lines(folder)
    *_, newest = [name for name in found if name.endswith("-members.csv")] or [""]
    there = {row["user_id"] for row in found.get(newest, [])}
    for name, rows in found.items():
        if name > newest:
            who = {row["user_id"] for row in rows}
            there = there | who if name.endswith("-add.csv") else there - who
    return there


async def test_files_in_a_bucket_say_who_is_in_it_and_what_has_changed(quiet: Shop, tmp_path: Path) -> None:
    to = BucketDestination("BEST_BUCKET", by=("user_id", "email"))
    there = passing(quiet, to, {"BEST_BUCKET": f"file://{tmp_path}/out"})
    await there.declare()
    folder = tmp_path / "out" / "best"
    await people(quiet, None, "ana", "bea")
    await sync(there)
    assert members(folder) == {"ana", "bea"}
    await people(quiet, None, "cleo")
    await people(quiet, None, "ana", tier="silver")
    await sync(there)
    assert members(folder) == {"bea", "cleo"}
    assert [name.split("-")[1] for name in lines(folder)] == ["members.csv", "remove.csv", "add.csv"]
    assert {"user_id": "bea", "email_sha256": hashed("bea@example.com")} in next(iter(lines(folder).values()))
    await there.compare("best")
    await sync(there)
    assert [name.split("-")[1] for name in lines(folder)] == ["members.csv"]
    assert members(folder) == {"bea", "cleo"}


async def test_gov_01_an_erasure_reaches_the_bucket_and_leaves_no_file_with_them(quiet: Shop, tmp_path: Path) -> None:
    there = passing(quiet, BucketDestination("BEST_BUCKET"), {"BEST_BUCKET": f"file://{tmp_path}/out"})
    await there.declare()
    await people(quiet, None, "ana", "bea")
    await sync(there)
    await erase(quiet, "ana")
    await sync(there)
    assert members(tmp_path / "out" / "best") == {"bea"}
    assert "ana" not in "".join(file.read_text() for file in (tmp_path / "out").rglob("*.csv"))


async def erase(shop: Shop, user: str) -> UUID:
    who = await customer(shop, user)
    begun = await begin(shop.database, who, lambda *_: b"", at=shop.clock.now(), by="test")
    assert begun is not None
    while (await purge(shop.database, begun.id, shop.clock.now())).rows:
        pass
    return begun.id


async def test_gov_01_an_erasure_waits_until_the_destination_has_forgotten_and_says_so(
    quiet: Shop, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana", "bea")
    there = await at_meta(quiet, platform)
    await sync(there)
    erasure = await erase(quiet, "ana")
    platform.says = lambda: ("503 Service Unavailable", "", {})
    with pytest.raises(ApplicationError, match="meta 503"):
        await sync(there)
    with pytest.raises(ApplicationError, match="have not forgotten yet: best"):
        await quiet.parts.erasing.purge(str(erasure))
    told = (await quiet.operate("GET", f"/v1/erasures/{erasure}")).json()
    assert (told["state"], told["waits_for"]) == ("waiting", ["best"])
    platform.says = lambda: None
    assert await sync(there) == (0, 1)
    assert platform.audience == {"bea"}
    await quiet.parts.erasing.purge(str(erasure))
    await quiet.parts.erasing.certify(str(erasure))
    told = (await quiet.operate("GET", f"/v1/erasures/{erasure}")).json()
    assert (told["state"], told["waits_for"], told["certificate"]["removed"]["audience_member"]) == ("finished", [], 1)
    assert hashed("ana") not in await everything(quiet)
    await people(quiet, platform, "ana")
    await sync(there)
    assert platform.audience == {"ana", "bea"}, "the same address is somebody new, who said yes"


async def test_whoever_comes_by_the_same_address_while_it_is_being_forgotten_is_there_after_it(
    quiet: Shop, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana")
    there = await at_meta(quiet, platform)
    await sync(there)
    await erase(quiet, "ana")
    await people(quiet, platform, "ana")
    assert await sync(there) == (1, 1)
    assert platform.audience == {"ana"}


async def test_a_destination_that_is_no_more_can_be_forgotten_and_the_certificate_says_what_is_left_there(
    quiet: Shop, platform: AdPlatform
) -> None:
    await people(quiet, platform, "ana")
    there = await at_meta(quiet, platform)
    await sync(there)
    erasure = await erase(quiet, "ana")
    gone = replace(there, declared={})
    await gone.wake()
    row = await stands(quiet)
    assert "journeys audiences forget" in str(row.failure)
    assert (await quiet.operate("DELETE", "/v1/audiences/best")).status_code == 204
    await quiet.parts.erasing.purge(str(erasure))
    await quiet.parts.erasing.certify(str(erasure))
    told = (await quiet.operate("GET", f"/v1/erasures/{erasure}")).json()
    assert told["certificate"]["left_at_destinations"] == 1
    text = (await quiet.operate("GET", f"/v1/erasures/{erasure}/certificate")).text
    assert "Entries in audiences whose destinations were said to be no more before they were told: 1." in text


async def test_a_big_audience_goes_out_in_batches_of_at_most_ten_thousand(quiet: Shop, platform: AdPlatform) -> None:
    """25,000 members written straight into the tables, as an import would have left them; three requests, and three again."""
    await quiet.database.pool.execute(
        "with people as (insert into profile (id, created_at, updated_at) select gen_random_uuid(), now(), now()"
        " from generate_series(1, 25000) returning id),"
        " addresses as (insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, marketing)"
        " select gen_random_uuid(), id, 'email', id || '@example.com', now(), now(), 'granted' from people)"
        " insert into segment_member (segment, profile_id, entered_at) select 'platinums', id, now() from people"
    )
    await quiet.database.pool.execute("update endpoint set marketing = 'granted'")
    there = await at_meta(quiet, platform)
    assert await sync(there) == (25_000, 0)
    assert [method for method, _ in platform.heard] == ["POST"] * 6
    assert platform.wrong == []


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": "VIPs"}, "is no name"),
        ({"to": HttpDestination(url="https://crm.example", secret="BEST_SECRET")}, "a catalogue holds no credentials"),
        ({"to": MetaAudience("act_1", token="META_TOKEN")}, "no number of Meta's"),
        ({"to": HttpDestination(url="BEST_URL", secret="BEST_SECRET", by=("name",))}, "by= says"),
        ({"to": BucketDestination("BEST_BUCKET", batch=20_000)}, "batch= is"),
        ({"to": "https://crm.example"}, "to= is no destination"),
        ({"segment": "best"}, "is no segment"),
        ({"consent": ()}, "consent= names"),
        ({"consent": "email"}, "consent= names"),
        ({"every": timedelta(minutes=1)}, "every= is"),
        ({"most_gone": 2}, "is a share"),
    ],
)
def test_a_declaration_that_cannot_work_says_what_to_write(wrong: dict[str, Any], why: str) -> None:
    right: dict[str, Any] = {"name": "best", "segment": platinums, "to": SIGNED}
    Audience(**right)
    with pytest.raises(CatalogueError, match=why):
        Audience(**right | wrong)
