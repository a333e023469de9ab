-- name: drivers
-- Of the customers who were exposed to journey $1 in [$2, $3), each once and as of then: for every trait's value, segment, reachable
-- channel and event done within $4 before, how many had it and converted, and how many had not. $5: told apart by the segment by which
-- they entered. No row has a number of people below $6 in any of its four cells; of_few: of those who are left out of it one has.
with value as materialized (
    select distinct on (v.profile_id) v.profile_id as who, v.exposed_at, case when $5 then v.segment else '' end as grouped,
           exists (select from jsonb_array_elements(v.changes) as change
                   where change ->> 1 = 'conversion'
                   group by change ->> 1 having sum((change ->> 3)::numeric) > 0) as converted
    from customer_value v
    where v.journey = $1 and v.exposed_at >= $2 and v.exposed_at < $3 and v.experiment !~ '^\$[^/]+$' -- not the company's holdout
    order by v.profile_id, v.exposed_at, v.experiment
), known as (
    select name, min(known_from) as known_from from segment group by name
), moved as (
    select distinct on (v.who, t.segment) v.who, t.segment, t.kind
    from value v join segment_transition t on t.profile_id = v.who
    where t.at > v.exposed_at and t.kind in ('entered', 'left')
    order by v.who, t.segment, t.at, t.id
), had as (
    select v.who, 'trait' as kind, t.key as name, t.value #>> '{}' as what
    from value v join profile p on p.id = v.who cross join lateral jsonb_each(p.traits) as t
    where jsonb_typeof(t.value) in ('string', 'number', 'boolean') and length(t.value #>> '{}') between 1 and 100
      and coalesce((p.traits_from -> t.key ->> 'since')::timestamptz, (p.traits_at ->> t.key)::timestamptz) <= v.exposed_at
    union all
    select v.who, 'segment', m.segment, '' from value v join segment_member m on m.profile_id = v.who
    where m.entered_at <= v.exposed_at and not exists (select from moved where moved.who = v.who and moved.segment = m.segment)
    union all
    select who, 'segment', segment, '' from moved where kind = 'left'
    union all
    select distinct v.who, 'channel', e.channel, '' from value v join endpoint e on e.profile_id = v.who
    where e.first_seen_at <= v.exposed_at and coalesce(e.invalid_at > v.exposed_at, true) and coalesce(e.replaced_at > v.exposed_at, true)
    union all
    select distinct v.who, 'event', e.type, '' from value v join event e on e.profile_id = v.who
    where e.ts >= v.exposed_at - $4::interval and e.ts < v.exposed_at and e.kind in ('track', 'page', 'screen') and e.type !~ '^\$'
), unknown as ( -- what was said of a trait since then says nothing of what it was; a segment was not looked at yet
    select v.who, 'trait' as kind, t.key as name
    from value v join profile p on p.id = v.who cross join lateral jsonb_each_text(p.traits_at) as t
    where coalesce((p.traits_from -> t.key ->> 'since')::timestamptz, t.value::timestamptz) > v.exposed_at
    union all
    select v.who, 'segment', known.name from known join value v on v.exposed_at < known.known_from
), everybody as (
    select grouped, count(*) as people, count(*) filter (where converted) as converted from value group by grouped
), left_out as (
    select v.grouped, u.kind, u.name, count(*) as people, count(*) filter (where v.converted) as converted
    from unknown u join value v on v.who = u.who
    group by v.grouped, u.kind, u.name
), counted as (
    select v.grouped, h.kind, h.name, h.what, count(*) as people, count(*) filter (where v.converted) as converted
    from had h join value v on v.who = h.who
    where not exists (select from unknown u where u.who = h.who and u.kind = h.kind and u.name = h.name)
    group by v.grouped, h.kind, h.name, h.what
    having count(*) filter (where v.converted) >= $6 and count(*) filter (where not v.converted) >= $6
), each as (
    select c.*, all_of.people - coalesce(o.people, 0) as asked, all_of.converted - coalesce(o.converted, 0) as asked_converted,
           coalesce(o.people, 0) as left_out
    from counted c join everybody all_of on all_of.grouped = c.grouped
    left join left_out o on o.grouped = c.grouped and o.kind = c.kind and o.name = c.name
)
select grouped as segment, kind, name, what, people, converted, asked - people as others, asked_converted - converted as others_converted,
       left_out between 1 and $6 - 1 as of_few
from each
where asked_converted - converted >= $6 and asked - people - (asked_converted - converted) >= $6
order by segment, kind, name, what;

-- name: exposed
-- How many customers were exposed to journey $1 in [$2, $3), as the sums have them.
select count(distinct profile_id) from customer_value
where journey = $1 and exposed_at >= $2 and exposed_at < $3 and experiment !~ '^\$[^/]+$';
