-- name: how_many
-- How many customers there were by an instant.
select count(*) from profile where merged_into is null and created_at < $1;

-- name: page_ends
-- The customers with whom full pages ($2 of them) of those whom there were by an instant ($1) end, by id.
select id from (
    select id, row_number() over (order by id) as place from profile where merged_into is null and created_at < $1) as counted
where place % $2 = 0
order by id;

-- name: patient
-- The transaction may wait while others read what it sees, however long the server otherwise lets one be idle.
select set_config('idle_in_transaction_session_timeout', '0', true);

-- name: snapshot
-- What others need to see exactly what this transaction sees, while it lasts.
select pg_export_snapshot();

-- name: customers
-- The next customers ($1: after this id) whom there were by an instant ($3), with all but their events: addresses with when each
-- came and went, what was said of marketing in the order in which it was heard, messages that may have got through from $4 to $2
-- and runs from before $2.
select p.id, coalesce(p.drawn_as, p.id) as drawn_as, p.created_at, p.traits, p.traits_at,
       array(select row(e.channel, e.address, e.first_seen_at, least(e.invalid_at, e.replaced_at)) from endpoint e
             where e.profile_id = p.id order by e.first_seen_at, e.id) as addresses,
       array(select row(c.channel, c.address, c.state, greatest(c.at, c.received_at),
                        case when c.said_by = 'customer' or c.state = 'withdrawn' then 3 when c.said_by = 'sync' then 2 else 1 end)
             from consent c where c.profile_id = p.id and c.purpose = 'marketing' order by c.received_at, c.id) as words,
       array(select row(d.claimed_at, d.channel, d.purpose, d.journey) from delivery d
             where d.profile_id = p.id and d.claimed_at >= $4 and d.claimed_at < $2 and d.state in ('sent', 'unconfirmed', 'claimed')
             order by d.claimed_at) as messages,
       array(select row(r.journey, r.entry_key, r.entered_at, r.ended_at) from run r
             where r.profile_id = p.id and r.entered_at < $2 order by r.entered_at) as runs
from profile p
where p.id > $1 and p.merged_into is null and p.created_at < $3
order by p.id
limit $5;

-- name: events
-- What these customers did, of the types that matter (nothing: of all), in the order of time.
select e.profile_id, e.ts, e.type, e.properties, e.message_id
from unnest($1::uuid[]) as asked (id)
join event e on e.profile_id = asked.id
where ($2::text[] is null or e.type collate "C" = any($2)) and e.ts >= $3 and e.ts < $4
order by e.ts, e.message_id;

-- name: products
-- What is for sale, with the ids of what goes with each, best first.
select p.id, p.available, coalesce((select jsonb_object_agg(relation, others) from (
    select relation, jsonb_agg(other_id order by by <> 'shop', rank, other_id) as others
    from product_relation where product_id = p.id group by relation) as related), '{}') as relations
from product p;
