-- name: cuts
-- Of the customers with an event of type $1 in ($2, $3], received by $3: the last one, how many, and the sum of the property
-- $4, each at the shares $5 by nearest rank.
with customer as (
    select coalesce(merged_into, id) as id, max(ts) as last, count(*) as times,
           coalesce(sum(case when jsonb_typeof(properties -> $4) = 'number' then (properties ->> $4)::numeric end), 0) as money
    from event join profile on profile.id = event.profile_id
    where type = $1 and ts > $2 and ts <= $3 and received_at <= $3
    group by coalesce(merged_into, id)
)
select count(*) as customers,
       percentile_disc($5::float8[]) within group (order by last) as recency,
       percentile_disc($5::float8[]) within group (order by times) as frequency,
       percentile_disc($5::float8[]) within group (order by money) as money
from customer;
