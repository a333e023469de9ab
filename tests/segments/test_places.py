"""Where a customer is: SQL and Python against each other and against distances known from elsewhere."""

import json
import math
import random
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from segments import (
    DefinitionError,
    Predicate,
    Segment,
    city,
    country,
    inside,
    last_location,
    near,
    position_in,
    position_of,
    postcode,
    region,
    trait,
)
from segments.evaluate import holds
from segments.facts import Event
from segments.language.edges import Edge
from segments.language.moves import trait_names
from segments.language.wire import predicate_from_json
from segments.leaves.areas import EARTH_RADIUS, distance
from tests.segments.shop import T0, Shop

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
SOL = (40.4168, -3.7038)
at_the_shop = near(*SOL, km=1)
retiro = inside([(40.4205, -3.6888), (40.4197, -3.6765), (40.4090, -3.6785), (40.4076, -3.6892)])


def north_of(point: tuple[float, float], metres: float) -> dict[str, float]:
    return {"lat": point[0] + math.degrees(metres / EARTH_RADIUS), "lon": point[1]}


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        # Half and a quarter of a great circle; two airports (the example of Rosetta Code, for R = 6372.8 km); the date line.
        ((0.0, 0.0), (0.0, 180.0), math.pi * EARTH_RADIUS / 1000),
        ((0.0, 12.0), (90.0, -77.0), math.pi * EARTH_RADIUS / 2000),
        ((36.12, -86.67), (33.94, -118.40), 2887.2599506071 * EARTH_RADIUS / 6_372_800),
        ((51.0, 179.9), (51.0, -179.9), 13.9955),
        (SOL, SOL, 0.0),
    ],
)
def test_known_distances(one: tuple[float, float], other: tuple[float, float], km: float) -> None:
    assert distance(one, other) / 1000 == pytest.approx(km, abs=0.0001)


async def test_sql_and_python_measure_the_same_to_a_millimetre(shop: Shop) -> None:
    """The largest radius that still leaves a point out, and the smallest that lets it in, a millimetre apart."""
    chance = random.Random(7)
    for _ in range(20):
        one = (chance.uniform(-90, 90), chance.uniform(-180, 180))
        other = (chance.uniform(-90, 90), chance.uniform(-180, 180)) if chance.random() < 0.5 else (one[0] * 0.999, one[1])
        ana = await shop.customer(home={"lat": other[0], "lon": other[1]})
        metres = distance(one, other)
        out, within = (near(*one, km=(metres + d) / 1000, of=position_in("home")) for d in (-0.001, 0.001))
        assert await shop.evaluated(out, T0, [ana]) == set()
        assert await shop.evaluated(within, T0, [ana]) == {ana}


async def test_seg_07_999_metres_are_in_and_1001_are_out(shop: Shop) -> None:
    ana, luis = await shop.customer(), await shop.customer()
    segment = Segment("at-the-shop", at_the_shop)
    await shop.load(segment)
    await shop.event(ana, "Location Updated", T0 + SECOND, north_of(SOL, 999))
    await shop.event(luis, "Location Updated", T0 + SECOND, north_of(SOL, 1001))
    await shop.tick(T0 + 2 * SECOND)
    assert await shop.members(segment) == {ana}
    await shop.event(ana, "Location Updated", T0 + 3 * SECOND, north_of(SOL, 998))
    await shop.tick(T0 + 4 * SECOND)
    await shop.event(ana, "Location Updated", T0 + 5 * SECOND, north_of(SOL, 2000))
    await shop.tick(T0 + 6 * SECOND)
    log = await shop.log(segment)
    assert [(kind, at, cause["message_id"]) for kind, at, cause in log] == [
        ("entered", T0 + SECOND, "m1"),
        ("left", T0 + 5 * SECOND, "m4"),
    ]


async def test_a_position_grows_old(shop: Shop) -> None:
    ana = await shop.customer()
    segment = Segment("here-now", near(*SOL, km=1, of=last_location.within(hours=1)))
    await shop.load(segment)
    await shop.event(ana, "Location Updated", T0 + SECOND, north_of(SOL, 10))
    await shop.tick(T0 + 2 * SECOND)
    await shop.tick(T0 + HOUR)
    assert await shop.members(segment) == {ana}
    await shop.tick(T0 + HOUR + 2 * SECOND)
    assert [(kind, at) for kind, at, _ in await shop.log(segment)] == [
        ("entered", T0 + SECOND),
        ("left", T0 + SECOND + HOUR),
    ]


async def test_the_last_valid_position_decides(shop: Shop) -> None:
    here, far = north_of(SOL, 10), north_of(SOL, 5000)
    broken: list[dict[str, Any]] = [{}, {"lat": 40}, {"lat": "40.4168", "lon": "-3.7038"}, {"lat": 91, "lon": 0}]
    broken += [{"lat": None, "lon": 0}, {"lat": True, "lon": 0}, {"lat": {"lat": 1}, "lon": [0]}, {"lat": 40.4168, "lon": 181}]
    for properties in broken:
        ana = await shop.customer()
        await shop.event(ana, "Location Updated", T0 - 2 * HOUR, far, mark=False)
        await shop.event(ana, "Location Updated", T0 - HOUR, here, mark=False)
        await shop.event(ana, "Location Updated", T0, properties, mark=False)
        await shop.event(ana, "Location Updated", T0 + SECOND, far, mark=False)
        assert holds(at_the_shop, {}, shop.events[ana], T0), properties
        assert await shop.evaluated(at_the_shop, T0, [ana]) == {ana}, properties
        assert await shop.evaluated(at_the_shop, T0 + SECOND, [ana]) == set()


async def test_numbers_of_any_size_do_not_break_it(shop: Shop) -> None:
    ids = [await shop.customer() for _ in range(3)]
    for profile, lat in zip(ids, ("1e400", "1e-400", "0." + "1" * 500), strict=True):
        home = f'{{"home": {{"lat": {lat}, "lon": 0}}}}'
        await shop.database.pool.execute("update profile set traits = $2::text::jsonb where id = $1", profile, home)
    assert await shop.evaluated(near(0, 0, km=100, of=position_in("home")), T0) == set(ids[1:])


async def test_inside_a_shape(shop: Shop) -> None:
    pond, prado = (40.4169, -3.6838), (40.4138, -3.6921)
    ana, luis = [await shop.customer(home={"lat": lat, "lon": lon}) for lat, lon in (pond, prado)]
    shape = inside([*retiro.area.corners], of=position_in("home"))  # type: ignore[union-attr]  # it is a shape
    assert await shop.evaluated(shape, T0) == {ana}
    assert await shop.evaluated(~shape, T0) == {luis}


def random_area(chance: random.Random) -> Predicate:
    of = chance.choice(
        [last_location, last_location.within(hours=1), position_of("B", lat="at.0.y", lon="at.x"), position_in("p")]
    )
    if chance.random() < 0.5:
        return near(chance.uniform(-3, 3), chance.uniform(-3, 3), km=chance.uniform(50, 400), of=of)
    corners = [(chance.choice([-2, -1, 0, 1, 2]), chance.choice([-2, -1, 0, 1, 2])) for _ in range(chance.randint(2, 7))]
    return inside([*corners, (0.5, 1)], of=of)


def random_point(chance: random.Random) -> dict[str, Any]:
    lat, lon = (chance.choice([0, 1, 1.5, -2, chance.uniform(-3, 3)]) for _ in range(2))
    kind = chance.choice(["plain", "plain", "deep", "broken"])
    if kind == "deep":
        return {"at": {"0": {"y": lat}, "x": lon}}
    return {"lat": lat, "lon": lon} if kind == "plain" else {"lat": str(lat), "at": [lat, {"x": lon}]}


async def test_random_areas_over_random_positions_agree(shop: Shop) -> None:
    chance = random.Random(11)
    people: dict[UUID, tuple[dict[str, Any], list[Event]]] = {}
    for _ in range(120):
        log = [
            Event(
                chance.choice(["Location Updated", "B"]), T0 + chance.choice([-2, -1, -0.5, 0, 1]) * HOUR, random_point(chance)
            )
            for _ in range(chance.randint(0, 5))
        ]
        people[UUID(str(uuid7()))] = ({"p": random_point(chance)}, log)
    await store_all(shop, people)
    true = 0
    for area in (random_area(chance) for _ in range(60)):
        predicate = chance.choice([area, ~area, area | random_area(chance), area & random_area(chance)])
        expected = {who for who, (traits, log) in people.items() if holds(predicate, traits, log, T0)}
        true += len(expected)
        assert await shop.evaluated(predicate, T0) == expected, str(predicate)
        some = list(people)[::3]
        assert await shop.evaluated(predicate, T0, some) == expected & set(some), str(predicate)
        assert predicate_from_json(json.loads(json.dumps(predicate.to_json()))) == predicate
    assert true > 400


async def store_all(shop: Shop, people: dict[UUID, tuple[dict[str, Any], list[Event]]]) -> None:
    profiles = [(who, traits) for who, (traits, _) in people.items()]
    rows = [(who, e.ts, e.type, e.properties) for who, (_, log) in people.items() for e in log]
    insert = "insert into profile (id, traits, created_at, updated_at) values ($1, $2, now(), now())"
    await shop.database.pool.executemany(insert, profiles)
    insert = "insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
    await shop.database.pool.executemany(f"{insert} values ($1, $2, $3, 'track', '', $4, 'test', now())", rows)


async def test_addresses_are_traits(shop: Shop) -> None:
    home = {"country": "ES", "state": "Madrid", "city": "Madrid", "postalCode": "28013"}
    ana, luis = await shop.customer(address=home), await shop.customer(address={"country": "PT", "city": "Porto"})
    assert await shop.evaluated(country("ES"), T0) == {ana}
    assert await shop.evaluated(country("ES", "PT"), T0) == {ana, luis}
    assert await shop.evaluated(city({"Porto", "Lisboa"}), T0) == {luis}
    assert await shop.evaluated(region("Madrid") & postcode("28013", "28014"), T0) == {ana}


def test_what_it_looks_at() -> None:
    assert at_the_shop.edges == {Edge("Location Updated", timedelta(0))}
    assert near(0, 0, km=1, of=last_location.within(hours=1)).edges == {
        Edge("Location Updated", timedelta(0)),
        Edge("Location Updated", HOUR),
    }
    assert trait_names(near(0, 0, km=1, of=position_in("home.at"))) == {"home"}
    assert trait_names(city("Madrid")) == {"address"}
    assert Segment("x", at_the_shop).version != Segment("x", near(*SOL, km=2)).version


def test_it_reads_like_english() -> None:
    assert str(at_the_shop) == 'position at the last "Location Updated" is nearer than 1 km to 40.4168, -3.7038'
    assert str(~near(1, 2, km=3, of=position_in("home"))) == "home is not nearer than 3 km to 1, 2"
    assert str(retiro) == 'position at the last "Location Updated" is inside the shape with 4 corners from 40.4205, -3.6888'
    assert str(city("Madrid") & at_the_shop).startswith('address.city is "Madrid" and position')


REFUSED: list[tuple[Any, str]] = [
    (lambda: near(91, 0, km=1), "latitude must be a number from -90 to 90"),
    (lambda: near(0, 181, km=1), "longitude"),
    (lambda: near(0, 0, km=0), "km must be above 0"),
    (lambda: near(0, 0, km=float("nan")), "km must be above 0"),
    (lambda: near("0", 0, km=1), "latitude"),
    (lambda: near(0, 0, km=1, of=trait("home")), "last_location"),
    (lambda: position_in("home").within(hours=1), "a trait has no age"),
    (lambda: last_location.within(hours=-1), "longer than zero"),
    (lambda: position_of(""), "not empty"),
    (lambda: inside([(0, 0), (1, 1)]), "3 to 2,000 corners"),
    (lambda: inside([(0, 0), (1, 1), (1, 1, 1)]), r"inside\[2\]"),
    (lambda: inside([(0, -170), (1, 170), (2, 0)]), "180th meridian"),
    (lambda: inside([(0, 1), (0, 2), (0, 3)]), "one parallel"),
    (city, "at least one value"),
    (lambda: predicate_from_json({"near": {"lat": 0, "lon": 0}}), "km"),
    (lambda: predicate_from_json({"near": {"lat": 0, "lon": 0, "km": 1, "miles": 1}}), "miles: unknown here"),
    (lambda: predicate_from_json({"near": [0, 0, 1]}), "near: needs an object"),
    (lambda: predicate_from_json({"inside": "here"}), "pairs"),
    (lambda: predicate_from_json({"inside": [[0, 0], [0, 1], [1, 1]], "of": {}}), "either event or trait"),
    (lambda: predicate_from_json({"inside": [[0, 0], [0, 1], [1, 1]], "of": {"event": 1}}), "not empty"),
]


@pytest.mark.parametrize(("build", "problem"), REFUSED)
def test_what_cannot_be_a_place_is_refused(build: Any, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        build()
