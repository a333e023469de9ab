"""What an engineer would write for each definition: plain SQL over the tables, with casts guarded, at the instant $1.

Promise: no use of anything that the compiler does not have, too: the same tables, indexes and settings of Postgres.
"""

from typing import Final

from segments import (
    Predicate,
    any_item,
    bucket,
    consented,
    did,
    first,
    held,
    last,
    last_location,
    near,
    points,
    prop,
    reachable,
    score,
    trait,
)
from segments.library import (
    abandoned_cart,
    activity,
    best_customers,
    category_buyers,
    cold_weather,
    complete_profiles,
    customer_type,
    discount_buyers,
    high_value,
    lead_score,
    location_buyers,
    night_visitors,
    nps,
    only_category_buyers,
    recent_buyers,
    technical_friction,
    temperature,
    topic_affinity,
    viewed_not_bought,
    vip_at_risk,
    visits,
)

ADDED, BOUGHT, VIEWED, OPENED = "Product Added", "Order Completed", "Product Viewed", "Application Opened"
_added, _bought, _viewed, _opened = did(ADDED), did(BOUGHT), did(VIEWED), did(OPENED)
_PRICE = "(case when jsonb_typeof(properties -> 'price') = 'number' then (properties ->> 'price')::numeric end)"
_ALIVE = "select id from profile where merged_into is null and $1::timestamptz is not null"

#: Products in orders, positions and addresses with their consents, which a past has not; harmless when they are there.
MORE_PAST: Final = (
    """
    update event set properties = properties || jsonb_build_object('products', jsonb_build_array(
        jsonb_build_object('product_id', 'p-1', 'category', properties ->> 'category', 'price', properties -> 'price'),
        jsonb_build_object('product_id', 'p-2', 'category', 'hats', 'price', 10)))
    where type = 'Order Completed' and not properties ? 'products'
    """,
    """
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select id, now() - (get_byte(uuid_send(id), 0) % 50) * interval '1 day', 'Location Updated', 'track', 'at-' || id,
           jsonb_build_object('lat', 40.4 + get_byte(uuid_send(id), 1) * 0.001, 'lon', -3.7), 'past', now()
    from profile where not exists (select from event where type = 'Location Updated')
    """,
    """
    insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, marketing, marketing_at)
    select md5('w' || id)::uuid, id, 'whatsapp', '+' || id, now(), now(),
           case when get_byte(uuid_send(id), 2) % 3 = 0 then 'granted' else 'refused' end, now() - interval '1 day'
    from profile where not exists (select from endpoint where channel = 'whatsapp')
    """,
    """
    insert into endpoint (id, profile_id, channel, address, first_seen_at, last_seen_at, invalid_at)
    select id, id, 'push', 'token-' || id, now(), now(), case when get_byte(uuid_send(id), 3) % 4 = 0 then now() end
    from profile where not exists (select from endpoint where channel = 'push')
    """,
    "truncate dirty",
    "analyze",
)


def _who(type_: str, hours: int | None = None, where: str = "true", having: str = "true") -> str:
    since = "" if hours is None else f" and ts > $1 - interval '{hours} hours'"
    return (
        f"select profile_id from event where type = '{type_}' and ts <= $1{since} and {where}"
        f" group by profile_id having {having}"
    )


def _said(trait: str) -> str:
    """A trait that is more than a blank, an empty list or an empty object; else NULL."""
    return f"nullif(nullif(nullif(btrim(traits ->> '{trait}', E' \\t\\n\\r'), ''), '[]'), '{{}}')"


def _newest(type_: str, where: str, order: str = "desc") -> str:
    return (
        "select profile_id from (select distinct on (profile_id) profile_id, ts, properties from event"
        f" where type = '{type_}' and ts <= $1 order by profile_id, ts {order}) as newest where {where}"
    )


def _but(who: str, others: str = _ALIVE) -> str:
    return f"({others}) except ({who})"


def _since(type_: str, anchor: str) -> str:
    return (
        f"select distinct e.profile_id from event e join (select profile_id, max(ts) as ts from event where type = '{anchor}'"
        f" and ts <= $1 group by 1) as anchor using (profile_id) where e.type = '{type_}' and e.ts >= anchor.ts and e.ts <= $1"
    )


def _followed(first_: str, then: str, hours: int, *, wanted: bool) -> str:
    over = "" if wanted else f" and e.ts <= $1 - interval '{hours} hours'"
    return (
        f"select distinct e.profile_id from event e where type = '{first_}' and ts <= $1{over} and {'' if wanted else 'not '}"
        f"exists (select from event l where l.profile_id = e.profile_id and l.type = '{then}' and l.ts > e.ts and l.ts <= $1"
        f" and l.ts - e.ts < interval '{hours} hours')"
    )


def _both(one: str, other: str) -> str:
    return f"({one}) intersect ({other})"


def _trait(name: str, value: str) -> str:
    return f"{_ALIVE} and traits ->> '{name}' = '{value}'"


_WEEKS_OF_OPENING = (
    "select profile_id from event where type = 'Application Opened' and ts <= $1 and ts > $1 - interval '504 hours' group by 1"
    " having bool_or(ts > $1 - interval '168 hours')"
    " and bool_or(ts <= $1 - interval '168 hours' and ts > $1 - interval '336 hours')"
    " and bool_or(ts <= $1 - interval '336 hours')"
)
_HELD = """
select profile_id from (
    select profile_id, ts, lead(ts) over (partition by profile_id order by ts) as next from event
    where type = 'Product Viewed' and ts <= $1 and ts > $1 - interval '216 hours'
) as each
group by profile_id
having min(ts) <= $1 - interval '48 hours'
   and not bool_or(ts > $1 - interval '216 hours' and ts <= $1 - interval '168 hours'
                   and coalesce(next, 'infinity') >= ts + interval '168 hours')
   and bool_or(ts <= $1 - interval '48 hours' and ts > $1 - interval '216 hours')
"""
_SCORE = f"""
select id from profile
left join (select distinct profile_id from event where type = '{ADDED}' and ts <= $1) a on a.profile_id = id
left join (select distinct profile_id from event where type = '{BOUGHT}' and ts <= $1 and ts > $1 - interval '168 hours') b
  on b.profile_id = id
where merged_into is null
  and case when a.profile_id is null then 0 else 5 end + case when b.profile_id is null then 0 else 3 end
      + case when traits ->> 'plan' = 'gold' then 2 else 0 end >= 7
"""
_LEAD = f"""
select id from profile
left join (select distinct profile_id from event where type = '{VIEWED}' and ts <= $1 and ts > $1 - interval '720 hours') v
  on v.profile_id = id
left join (select distinct profile_id from event where type = '{ADDED}' and ts <= $1 and ts > $1 - interval '168 hours') a
  on a.profile_id = id
where merged_into is null
  and case when v.profile_id is null then 0 else 20 end + case when a.profile_id is null then 0 else 30 end >= 50
"""
_VERSUS = f"""
select profile_id from event where type in ('{VIEWED}', '{ADDED}') and ts <= $1 group by profile_id
having count(*) filter (where type = '{VIEWED}') > 5 * count(*) filter (where type = '{ADDED}')
"""
_SHARE = f"""
select profile_id from event where type in ('{BOUGHT}', '{ADDED}') and ts <= $1 group by profile_id
having coalesce(sum({_PRICE}) filter (where type = '{BOUGHT}'), 0) > 0.5 * sum({_PRICE}) filter (where type = '{ADDED}')
   and sum({_PRICE}) filter (where type = '{ADDED}') > 0
"""
_BUCKET = f"{_ALIVE} and sha256('salt'::bytea || uuid_send(id)) < '\\x4ccccccc'"
_HOURS = """
select profile_id from event join profile on profile.id = profile_id
where type = 'Product Viewed' and ts <= $1
  and extract(hour from ts at time zone coalesce(traits ->> 'timezone', 'UTC')) in (9, 10, 11)
group by profile_id having count(*) >= 2
"""
_NEAR = _newest(
    "Location Updated",
    "6371008.8 * 2 * asin(sqrt(sin(radians((properties ->> 'lat')::float - 40.4) / 2) ^ 2"
    " + cos(radians(40.4)) * cos(radians((properties ->> 'lat')::float))"
    " * sin(radians((properties ->> 'lon')::float + 3.7) / 2) ^ 2)) < 5000",
)
_CONSENTED = """
select distinct profile_id from endpoint where channel = 'whatsapp' and replaced_at is null and marketing = 'granted'
"""
_BOOTS = "exists (select from jsonb_array_elements(properties -> 'products') as item where item ->> 'category' = 'boots')"
_NO_BOOTS = _BOOTS.replace("= 'boots'", "is distinct from 'boots'")
_MONTH = "date_trunc('month', $1, 'UTC')"

LEAVES: Final[dict[str, tuple[Predicate, str]]] = {
    "did within": (_added.within(days=7), _who(ADDED, 168)),
    "did ever": (_viewed, _who(VIEWED)),
    "did where": (_viewed.where(prop("category") == "boots"), _who(VIEWED, where="properties ->> 'category' = 'boots'")),
    "did so often": (_viewed.at_least(3), _who(VIEWED, having="count(*) >= 3")),
    "did at most": (_bought.at_most(1), _but(_who(BOUGHT, having="count(*) > 1"))),
    "since last": (_bought.since_last(ADDED), _since(BOUGHT, ADDED)),
    "then": (_viewed.then(ADDED, hours=24), _followed(VIEWED, ADDED, 24, wanted=True)),
    "without": (_added.without(BOUGHT, hours=24), _followed(ADDED, BOUGHT, 24, wanted=False)),
    "this month": (_opened.this_month(zone="UTC"), _who(OPENED, where=f"ts >= {_MONTH}")),
    "at hours, in their zones": (_viewed.at_hours(9, 12).at_least(2), _HOURS),
    "last where": (last(BOUGHT).where(prop("price") < 70), _newest(BOUGHT, f"{_PRICE} < 70")),
    "last with an item": (last(BOUGHT).where(any_item("products", prop("category") == "boots")), _newest(BOUGHT, _BOOTS)),
    "last, often": (last(VIEWED).where(prop("price") < 70), _newest(VIEWED, f"{_PRICE} < 70")),
    "first within": (first(BOUGHT).within(days=40), _who(BOUGHT, having="min(ts) > $1 - interval '960 hours'")),
    "first where": (first(BOUGHT).where(prop("price") < 70), _newest(BOUGHT, f"{_PRICE} < 70", "asc")),
    "total": (_bought.total("price") > 100, _who(BOUGHT, having=f"sum({_PRICE}) > 100")),
    "total, of nothing": (_bought.total("price") <= 100, _but(_who(BOUGHT, having=f"sum({_PRICE}) > 100"))),
    "average": (_added.average("price") > 60, _who(ADDED, having=f"avg({_PRICE}) > 60")),
    "distinct": (
        _viewed.distinct("category") >= 2,
        _who(VIEWED, having="count(distinct properties -> 'category') >= 2"),
    ),
    "versus": (_viewed.count() > 5 * _added.count(), _VERSUS),
    "share": (_bought.total("price") / _added.total("price") > 0.5, _SHARE),
    "in each week": (_opened.in_each(3, weeks=1), _WEEKS_OF_OPENING),
    "held": (held(_viewed.within(days=7), days=2), _HELD),
    "near": (near(40.4, -3.7, km=5, of=last_location), _NEAR),
    "score": (score(points(5, _added), points(3, _bought.within(days=7)), points(2, trait("plan") == "gold")) >= 7, _SCORE),
    "trait": (trait("plan") == "gold", _trait("plan", "gold")),
    "bucket": (bucket(30, "salt"), _BUCKET),
    "consented": (consented("whatsapp"), _CONSENTED),
    "reachable": (reachable("push"), "select distinct profile_id from endpoint where channel = 'push' and invalid_at is null"),
}
PAIRED: Final = (
    "did within",
    "did so often",
    "since last",
    "then",
    "last where",
    "first within",
    "total",
    "held",
    "trait",
    "near",
)

_rich = high_value(200, total="price")
_RICH = _who(BOUGHT, 8760, having=f"sum({_PRICE}) >= 200")
_SEARCHED = "Products Searched"
_nps = nps(_SEARCHED, by="price", neutral_from=3, promoter_from=5)
_warmth, _seen, _come = temperature(ADDED, hot_days=7, warm_days=30), activity(OPENED, active_days=7, dormant_days=30), visits()
_read = topic_affinity("boots", "tents", "jackets", event=VIEWED, by="category", days=30)
_CART = """
select a.profile_id from (select profile_id, max(ts) as ts from event
                          where type = 'Product Added' and ts <= $1 and ts > $1 - interval '24 hours' group by 1) as a
where not exists (select from event where profile_id = a.profile_id and type = 'Order Completed' and ts >= a.ts and ts <= $1
                  and ts > $1 - interval '24 hours')
"""
_LOOKED = _CART.replace("Product Added", VIEWED).replace("24 hours", "168 hours")
_TOP = f"""
with spent as (select profile_id, coalesce(sum({_PRICE}), 0) as total from event
               where type = '{BOUGHT}' and ts <= $1 and ts > $1 - interval '8760 hours' group by 1)
select profile_id from spent where total >= (select value from segment_threshold order by as_of desc limit 1)
"""
_BOOTS_MOST = """
select profile_id from event where type = 'Product Viewed' and ts <= $1 and ts > $1 - interval '720 hours' group by profile_id
having count(*) filter (where properties ->> 'category' = 'boots')
     > greatest(count(*) filter (where properties ->> 'category' = 'tents'),
                count(*) filter (where properties ->> 'category' = 'jackets'))
"""
_NIGHT = """
select profile_id from event join profile on profile.id = profile_id
where type = 'Application Opened' and ts <= $1 and ts > $1 - interval '720 hours' group by profile_id
having count(*) >= 3
   and count(*) filter (where extract(hour from ts at time zone coalesce(traits ->> 'timezone', 'UTC')) >= 20) > 0.5 * count(*)
"""

LIBRARY: Final[dict[str, tuple[Predicate, str]]] = {
    "abandoned cart": (abandoned_cart().predicate, _CART),
    "viewed, not bought": (viewed_not_bought().predicate, _LOOKED),
    "recent buyers": (recent_buyers().predicate, _who(BOUGHT, 720)),
    "high value": (_rich.predicate, _RICH),
    "best customers": (best_customers(total="price").predicate, _TOP),
    "category buyers": (category_buyers("boots").predicate, _who(BOUGHT, where=_BOOTS)),
    "only category buyers": (
        only_category_buyers("boots").predicate,
        _but(_who(BOUGHT, where=_NO_BOOTS), _who(BOUGHT, where=_BOOTS)),
    ),
    "discount buyers": (
        discount_buyers().predicate,
        _who(BOUGHT, 8760, where="((properties ->> 'discount')::numeric > 0 or properties -> 'coupon' is not null)"),
    ),
    "location buyers": (
        location_buyers("Madrid", "Vigo").predicate,
        _both(_who(BOUGHT, 8760), f"{_ALIVE} and traits #>> '{{address,city}}' in ('Madrid', 'Vigo')"),
    ),
    "nps promoters": (_nps.promoters.predicate, _newest(_SEARCHED, f"{_PRICE} between 5 and 10")),
    "nps detractors": (
        _nps.detractors.predicate,
        _but(_newest(_SEARCHED, f"{_PRICE} between 3 and 10"), _newest(_SEARCHED, f"{_PRICE} >= 0 and {_PRICE} < 3")),
    ),
    "hot": (_warmth.hot.predicate, _who(ADDED, 192)),
    "warm": (_warmth.warm.predicate, _but(_who(ADDED, 192), _who(ADDED, 744))),
    "cold": (_warmth.cold.predicate, _but(_who(ADDED, 744))),
    "dormant": (_seen.dormant.predicate, _but(_who(OPENED, 192), _who(OPENED, 744))),
    "expired": (_seen.expired.predicate, _but(_who(OPENED, 744))),
    "new visitors": (_come.new.predicate, _who(OPENED, having="count(*) = 1")),
    "returning visitors": (_come.returning.predicate, _who(OPENED, having="count(*) >= 2")),
    "frequent visitors": (_come.frequent.predicate, _who(OPENED, 168, having="count(*) >= 4")),
    "vip at risk": (vip_at_risk(_rich, contact="Products Searched").predicate, _both(_RICH, _who("Products Searched", 720))),
    "technical friction": (
        technical_friction(ticket="Products Searched", kind="x").predicate,
        _but(_who(OPENED, 720, having="count(*) >= 3"), _who("Products Searched", 720, where="properties ->> 'type' = 'x'")),
    ),
    "reads boots most": (_read[0].predicate, _BOOTS_MOST),
    "night visitors": (night_visitors(event=OPENED).predicate, _NIGHT),
    "customer type": (customer_type("gold", by="plan").predicate, _trait("plan", "gold")),
    "complete profiles": (
        complete_profiles("plan", "age", "address", "nothing", percent=75).predicate,
        f"{_ALIVE} and num_nonnulls({', '.join(map(_said, ('plan', 'age', 'address', 'nothing')))}) >= 3",
    ),
    "lead score": (
        lead_score({"looked": (20, _viewed.within(days=30)), "added": (30, _added.within(days=7))}, 50).predicate,
        _LEAD,
    ),
    "cold weather": (
        cold_weather(event="Products Searched", by="price", below=40, hours=72).predicate,
        _newest("Products Searched", f"{_PRICE} < 40 and ts > $1 - interval '72 hours'"),
    ),
}
