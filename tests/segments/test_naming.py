"""Definitions that name other segments: they follow them, and what cannot be is refused with its place."""

from typing import Any

import pytest

from segments import DefinitionError, Segment, did
from segments.define.define import CannotChange, Draft, alive, define, undefine
from segments.language.names import by_name, expanded, named_in, resolved
from segments.load.stored import LiveSegments
from store.segments.rows import stored
from tests.segments.shop import T0, Shop

GOLD, SILVER = ({"trait": "tier", "is": "==", "value": tier} for tier in ("gold", "silver"))
viewers = Segment("viewers", did("View"))
CODE = {"viewers": viewers}


def written(**predicates: Any) -> dict[str, Any]:
    return {name.replace("_", "-"): {"predicate": predicate} for name, predicate in predicates.items()}


async def put(shop: Shop, name: str, predicate: Any) -> bool:
    draft = Draft(name, {"predicate": predicate, "owner": "growth"})
    return await define(shop.database, CODE, draft, by="eva", at=T0)


def test_a_name_stands_for_what_it_is_now() -> None:
    both = {"all": [{"member_of": "vip"}, {"member_of": "viewers"}]}
    found = resolved(CODE, written(vip=GOLD, vip_viewers=both)).segments
    assert str(found["vip-viewers"].predicate) == 'in segment "vip" and in segment "viewers"'
    changed = resolved(CODE, written(vip=SILVER, vip_viewers=both)).segments
    assert found["vip-viewers"].version != changed["vip-viewers"].version
    assert named_in(both) == {"vip", "viewers"}
    assert by_name(found["vip-viewers"].predicate.to_json(), found) == both
    with pytest.raises(DefinitionError, match=r"all\[0\].member_of: segment 'vip' is defined otherwise"):
        by_name(found["vip-viewers"].predicate.to_json(), changed)


def test_one_that_cannot_be_read_is_not_in_the_others_way() -> None:
    found = resolved(CODE, written(a={"member_of": "b"}, b={"member_of": "gone"}, c=GOLD, viewers=GOLD))
    assert set(found.segments) == {"viewers", "c"}
    assert found.segments["viewers"] == viewers
    assert found.problems["b"] == "segment 'b', predicate.member_of: there is no segment 'gone'; define it first"
    assert found.problems["a"] == "segment 'a', predicate.member_of: there is no segment 'gone', which segment 'b' names"


@pytest.mark.parametrize(
    ("plain", "problem"),
    [
        ({"all": [GOLD, {"not": {"member_of": "no"}}]}, r"^all\[1\].not.member_of: there is no segment 'no'; define it first"),
        ({"member_of": ["vip"]}, r"^member_of: there is no segment \['vip'\]"),
        ({"any": [{"member_of": "around"}]}, r"^any\[0\].member_of: me → around → me: a segment cannot contain itself"),
        ({"member_of": "me"}, "^member_of: me → me: a segment cannot contain itself"),
        ({"member_of": "s30"}, "more than 1,000 parts"),
        ({"member_of": "t60"}, "through more than 50 others"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(plain: Any, problem: str) -> None:
    twice = {f"s{n}": {"all": [{"member_of": f"s{n - 1}"}] * 2} for n in range(1, 31)}
    chain = {f"t{n}": {"member_of": f"t{n - 1}"} for n in range(1, 61)}
    known = {"around": {"member_of": "me"}, "s0": GOLD, "t0": GOLD, **twice, **chain}
    with pytest.raises(DefinitionError, match=problem):
        expanded(plain, known, around=("me",))


async def test_a_changed_segment_changes_those_that_name_it_and_the_watch_follows(shop: Shop) -> None:
    ana, bob = await shop.customer(tier="gold"), await shop.customer(tier="silver")
    await put(shop, "vip", GOLD)
    await put(shop, "not-vip", {"all": [{"not": {"member_of": "vip"}}, {"trait": "tier", "is": "exists"}]})
    live = LiveSegments([viewers])
    await live.load(shop.database, lambda: T0, 0, 1)
    names = {segment.name: segment for segment in live.now}
    assert await shop.members(names["not-vip"]) == {bob}
    await put(shop, "vip", SILVER)
    assert await live.changed(shop.database)
    loaded = {done.segment: (done.entered, done.left) for done in await live.load(shop.database, lambda: T0, 0, 1)}
    assert loaded == {"vip": (1, 1), "not-vip": (1, 1)}
    assert await shop.members(names["not-vip"]) == {ana}
    assert not await live.changed(shop.database)
    [row] = [row for row in await stored(shop.database) if row.name == "not-vip"]
    assert row.definition["predicate"]["all"][0] == {"not": {"member_of": "vip"}}


async def test_what_others_name_is_neither_deleted_nor_broken(shop: Shop) -> None:
    assert await put(shop, "vip", GOLD)
    assert await put(shop, "best", {"member_of": "vip"})
    with pytest.raises(DefinitionError, match="vip → best → vip"):
        await put(shop, "vip", {"member_of": "best"})
    most = [{"trait": f"t{n}", "is": "==", "value": n} for n in range(500)]
    await put(shop, "best", {"any": [{"member_of": "vip"}, *most]})
    with pytest.raises(CannotChange, match=r"segment 'best' names 'vip' and could not be evaluated any more: .* 1,000 parts"):
        await put(shop, "vip", {"any": most})
    with pytest.raises(CannotChange, match=r"named by segment 'best' and by journeys 'a', 'b'; change that first"):
        await undefine(shop.database, CODE, {"b": "vip", "a": "vip", "c": "best"}, "vip", by="eva", at=T0)
    with pytest.raises(CannotChange, match="is defined in code"):
        await undefine(shop.database, CODE, {}, "viewers", by="eva", at=T0)
    with pytest.raises(CannotChange, match="is defined in code"):
        await put(shop, "viewers", GOLD)
    assert await undefine(shop.database, CODE, {}, "best", by="eva", at=T0)
    assert await undefine(shop.database, CODE, {}, "vip", by="eva", at=T0)
    assert not await undefine(shop.database, CODE, {}, "vip", by="eva", at=T0)
    assert alive(await stored(shop.database)) == []


async def test_a_predicate_beside_a_name_must_be_its_own(shop: Shop) -> None:
    await put(shop, "vip", GOLD)
    assert await put(shop, "best", {"member_of": "vip", "predicate": GOLD})
    with pytest.raises(DefinitionError, match="is defined otherwise; leave out `predicate` to follow it"):
        await put(shop, "best", {"member_of": "vip", "predicate": SILVER})
    assert await put(shop, "old", {"member_of": "nobody-has-this", "predicate": SILVER})
    rows = {row.name: row.definition["predicate"] for row in await stored(shop.database)}
    assert rows["best"] == {"member_of": "vip"}
    assert rows["old"] == {"member_of": "nobody-has-this", "predicate": SILVER}
