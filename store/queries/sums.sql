-- name: alone
-- Nobody else folds, or takes values away, until it is said, or this session ends; false where somebody is about it.
select pg_try_advisory_lock($1, 0);

-- name: no_longer_alone
-- Others may.
select pg_advisory_unlock($1, 0);

-- name: fold_messages
-- Add up to so many changes of the ledger to the sums, by day, by span, and of all journeys; returns how many there were. They are found by where they lie: they have no order,
-- and an index would cost those who write them.
with taken as (
    delete from message_change where ctid = any(array(select ctid from message_change limit $1)) returning sign, told
), summed as materialized (
    select f.day, (t.told).journey, (t.told).version, (t.told).step, (t.told).channel, (t.told).provider, (t.told).segment,
           x.experiment, x.arm, f.metric, f.reason, sum(t.sign) as n, sum(t.sign * f.y) as y
    from taken t cross join lateral facts_of(t.told) f cross join lateral arms_of_sums((t.told).arms) x
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
    having sum(t.sign) <> 0 or sum(t.sign * f.y) <> 0
), spanned as (
    insert into spanned_sum as s (days, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
    select days, span_of(day, days), journey, version, step, channel, provider, segment, experiment, arm, metric, reason, sum(n), sum(y)
    from summed cross join (values (8), (64)) as span (days)
    where is_spanned(experiment, metric)
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
    on conflict (journey, days, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
    set n = s.n + excluded.n, y = s.y + excluded.y
), of_all as (
    insert into message_day as s (day, channel, provider, metric, reason, n, y)
    select day, channel, provider, metric, reason, sum(n), sum(y) from summed where experiment = '' group by 1, 2, 3, 4, 5
    on conflict (day, channel, provider, metric, reason) do update
    set n = s.n + excluded.n, y = s.y + excluded.y
), added as (
    insert into daily_sum as s (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
    select * from summed
    on conflict (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
    set n = s.n + excluded.n, y = s.y + excluded.y
)
select count(*) from taken;

-- name: drop_empty
-- What adds up to nothing is not there.
delete from daily_sum where n = 0 and y = 0 and yy = 0 and x = 0 and xx = 0 and xy = 0 and nonzero = 0;

-- name: recompute_messages
-- The messages' sums of a day from the ledger alone. Where they are others than those that there are, the found ones stand, and the
-- difference is kept; returns the differences. `told` stands for itself: Postgres 18.4 cannot plan it in its place.
with spans as (
    select $1::date::timestamp at time zone 'UTC' as a, ($1::date + 1)::timestamp at time zone 'UTC' as b
), told as materialized (
    select told_of(d) as told from delivery d, spans
    where (d.due_at >= a and d.due_at < b) or (d.claimed_at >= a and d.claimed_at < b) or (d.settled_at >= a and d.settled_at < b)
       or (d.delivered_at >= a and d.delivered_at < b) or (d.returned_at >= a and d.returned_at < b)
       or (d.opened_human_at >= a and d.opened_human_at < b) or (d.opened_machine_at >= a and d.opened_machine_at < b)
       or (d.opened_unknown_at >= a and d.opened_unknown_at < b) or (d.clicked_human_at >= a and d.clicked_human_at < b)
       or (d.clicked_machine_at >= a and d.clicked_machine_at < b) or (d.complained_at >= a and d.complained_at < b)
       or (d.unsubscribed_at >= a and d.unsubscribed_at < b) or (d.replied_at >= a and d.replied_at < b)
), found as (
    select f.day, (t.told).journey, (t.told).version, (t.told).step, (t.told).channel, (t.told).provider, (t.told).segment,
           x.experiment, x.arm, f.metric, f.reason, count(*) as n, sum(f.y) as y
    from told t cross join lateral facts_of(t.told) f cross join lateral arms_of_sums((t.told).arms) x
    where f.day = $1::date
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
), had as (
    select * from daily_sum where day = $1::date and step <> ''
), differing as materialized (
    select day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,
           coalesce(had.n, 0) as had_n, coalesce(had.y, 0) as had_y, coalesce(found.n, 0) as n, coalesce(found.y, 0) as y
    from had full join found using (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason)
    where (coalesce(had.n, 0), coalesce(had.y, 0)) <> (coalesce(found.n, 0), coalesce(found.y, 0))
), mended as (
    insert into daily_sum as s (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
    select day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y from differing
    on conflict (journey, day, version, step, channel, provider, segment, experiment, arm, metric, reason) do update
    set n = excluded.n, y = excluded.y
)
insert into sum_difference (at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found)
select $2, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason,
       array[had_n, had_y, 0, 0, 0, 0, 0], array[n, y, 0, 0, 0, 0, 0]
from differing
returning id, at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found;

-- name: span_anew
-- The spans that hold a day, and what all journeys sent on it, from the sums by day.
select span_sums($1);

-- name: differences
-- What recomputations found to be different, newest first.
select id, at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found
from sum_difference where at >= $1 order by id desc limit $2;

-- name: journeys_differing
-- Journeys of which a recomputation found other sums since an instant: how many, and of which day the last one was.
select journey, count(*) as sums, max(day) as day, max(at) as at from sum_difference where at >= $1 group by journey;
