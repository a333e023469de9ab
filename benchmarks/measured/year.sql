-- name: shape
-- What there is of journeys, steps, segments, arms and facts, for the connection alone.
create temp table bench_journey as
select n, journey_name(n) as journey, weight / sum(weight) over () as share, 2 + n % 4 as steps, n % 3 <> 0 as held, n % 5 = 0 as tried
from (select n, 1.0 / (n + 9) as weight from generate_series(1, JOURNEYS) as n) as each;
create temp table bench_step as
select n, s, channel || ':step-' || s as step, channel, (array['ses', 'fcm', 'whatsapp', 'twilio'])[at] as provider
from bench_journey, generate_series(1, steps) as s, lateral (select (array[1, 2, 1, 3, 4])[s] as at) as place,
     lateral (select (array['email', 'push', 'whatsapp', 'sms'])[at] as channel) as named;
create temp table bench_segment as
select n, segment, s.share from bench_journey, lateral (
    values ('segment-' || n, case when n % 4 = 0 then 0.7 else 1.0 end), ('', case when n % 4 = 0 then 0.3 end)) as s (segment, share)
where s.share is not null;
create temp table bench_arm as
select n, experiment, arm, a.share, withheld, first, last from bench_journey, lateral (
    values ('', '', 1.0, false, 0, DAYS, true),
           ('$holdout', 'written to', 0.98, false, 0, DAYS, true), ('$holdout', 'withheld', 0.02, true, 0, DAYS, true),
           ('$holdout/' || journey, 'written to', 0.9, false, 0, DAYS, held), ('$holdout/' || journey, 'withheld', 0.1, true, 0, DAYS, held),
           ('experiment-' || n, 'a', 0.5, false, n * 3, n * 3 + 60, tried), ('experiment-' || n, 'b', 0.5, false, n * 3, n * 3 + 60, tried)
) as a (experiment, arm, share, withheld, first, last, there) where there;
create temp table bench_fact (carried boolean, withheld boolean, metric text, reason text, share float8);
insert into bench_fact values
    (true, false, 'due', '', 0.8), (true, false, 'sent', '', 0.78), (true, false, 'failed', 'rejected', 0.01),
    (true, false, 'unconfirmed', 'no answer', 0.002), (true, false, 'raced', '', 0.002), (true, false, 'delivered', '', 0.75),
    (true, false, 'bounced', 'hard', 0.008), (true, false, 'bounced', 'soft', 0.01), (true, false, 'opened', 'human', 0.2),
    (true, false, 'opened', 'machine', 0.1), (true, false, 'opened', 'unknown', 0.05), (true, false, 'clicked', 'human', 0.04),
    (true, false, 'clicked', 'machine', 0.01), (true, false, 'complained', '', 0.0003), (true, false, 'unsubscribed', '', 0.004),
    (true, false, 'replied', '', 0.002), (true, false, 'cost', 'EUR', 0.78), (false, false, 'due', '', 0.2),
    (false, false, 'skipped', 'no consent', 0.07), (false, false, 'skipped', 'weekly cap', 0.06), (false, false, 'skipped', 'goal reached', 0.05),
    (false, true, 'due', '', 1), (false, true, 'withheld', 'holdout', 1);

-- name: messages
-- The sums of messages on the days $2 to $3 after $1, where so many ($4) fall due a day in all. How many there are of each is what is
-- expected, and chance beyond the point: what comes to nothing is no row.
insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y)
select $1::date + d, j.journey, 'v' || v.version, s.step, s.channel, case when f.carried then s.provider else '' end, g.segment,
       a.experiment, a.arm, f.metric, f.reason, c.n, case when f.metric = 'cost' then c.n * 50000 else 0 end
from generate_series($2::integer, $3::integer) as d
cross join bench_journey j join bench_step s using (n) join bench_segment g using (n)
join bench_arm a on a.n = j.n and d >= a.first and d < a.last join bench_fact f on f.withheld = a.withheld
cross join lateral (values (d / 92 + 1, case when d >= 92 and d % 92 < 14 then 0.7 else 1.0 end),
                           (case when d >= 92 and d % 92 < 14 then d / 92 end, 0.3)) as v (version, share)
cross join lateral (
    select floor($4 * j.share / j.steps * g.share * a.share * v.share * f.share * (0.8 + 0.4 * random()) + random())::bigint as n) as c
where v.version is not null and c.n > 0;

-- name: customers
-- The sums of customers on these days, of whom so many ($5) are new each day.
insert into daily_sum (day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, n, y, yy, x, xx, xy, nonzero)
select $1::date + d, journey, version, '', '', '', segment, experiment, arm, m.metric, '', m.n, m.y, m.yy, m.x, m.xx, m.xy, m.nonzero
from generate_series($2::integer, $3::integer) as d
cross join lateral (
    select j.journey, 'v' || v.version as version, g.segment, a.experiment, a.arm, a.withheld,
           $4 * j.share / j.steps * g.share * a.share * v.share * 0.8 as people
    from bench_journey j join bench_segment g using (n) join bench_arm a on a.n = j.n and d >= a.first and d < a.last
    cross join lateral (values (d / 92 + 1, case when d >= 92 and d % 92 < 14 then 0.7 else 1.0 end),
                               (case when d >= 92 and d % 92 < 14 then d / 92 end, 0.3)) as v (version, share)
    where a.experiment not in ('', '$holdout') and v.version is not null
    union all
    select '', '', '', experiment, arm, withheld, $5 * share from bench_arm where n = 1 and experiment = '$holdout'
) as e
cross join lateral (select floor(people * (0.8 + 0.4 * random()) + random())::bigint as exposed) as n
cross join lateral (select floor(exposed * case when withheld then 0.05 else 0.055 end + random())::bigint as bought) as b
cross join lateral (values
    ('exposed', exposed, 0, 0, 0, 0, 0, 0), ('conversion', 0, bought, bought, exposed * 0.4, exposed * 0.9, bought * 0.5, bought),
    ('orders', 0, bought * 1.2, bought * 1.7, exposed * 0.4, exposed * 0.9, bought * 0.6, bought),
    ('revenue', 0, bought * 68.5, bought * 6100.25, exposed * 24.5, exposed * 3100.5, bought * 2100.75, bought),
    ('gross', 0, bought * 72.5, bought * 6700.25, exposed * 24.5, exposed * 3100.5, bought * 2200.75, bought),
    ('refunds', 0, bought * 4, bought * 120, exposed * 1.5, exposed * 50, bought * 10, bought / 20),
    ('order value', 0, bought * 68.5, bought * 6100.25, bought * 1.2, bought * 1.7, bought * 95.5, bought)
) as m (metric, n, y, yy, x, xx, xy, nonzero)
where (m.n, m.y, m.x) <> (0, 0, 0);

-- name: runs
-- The runs $5 to $6 of so many ($1) between two instants ($3, $4), each journey beginning at its place in $7.
insert into run (id, journey, profile_id, entered_by, segment, entered_at, workflow_id, created_at, started_at, version, ended_at, outcome)
select md5('run-' || r)::uuid, journey, md5('past-' || r * 7919 % $2::bigint)::uuid, 'segment', 'segment-' || n, at, 'run-' || r, at, at, 'v4',
       case when over then at + interval '7 days' end, case when over then 'finished' end
from generate_series($5::bigint, $6::bigint) as r
cross join lateral (select $3::timestamptz + r::float8 / $1::bigint * ($4::timestamptz - $3::timestamptz) as at) as p
cross join lateral (select at < $4::timestamptz - interval '7 days' as over) as o
join bench_journey on n = width_bucket(drawn(r), $7::float8[]);

-- name: exposures
-- Who was exposed by the runs of a time.
insert into exposure (experiment, profile_id, arm, share, exposed_at, run_id, version)
select e.experiment, r.profile_id, e.arm, case e.arm when 'withheld' then e.held else 1 - e.held end, r.entered_at + interval '1 hour', r.id, r.version
from (select r.*, n, held, tried, ('x' || substr(md5(r.profile_id::text), 1, 4))::bit(16)::integer % 100 as drawn
      from run r join bench_journey using (journey) where r.entered_at >= $1 and r.entered_at < $2) as r
cross join lateral (
    values ('$holdout', case when drawn < 2 then 'withheld' else 'written to' end, 0.02, true),
           ('$holdout/' || journey, case when drawn >= 90 then 'withheld' else 'written to' end, 0.1, held),
           ('experiment-' || n, case when drawn % 2 = 0 then 'a' else 'b' end, 0.5, tried)
) as e (experiment, arm, held, there)
where there
on conflict do nothing;

-- name: deliveries
-- The messages of the runs of a time, up to $3.
insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, state, reason, provider, due_at, claimed_at,
                      settled_at, delivered_at, opened_human_at, clicked_human_at, cost, currency, version, segment, arms)
select r.id, s.step, 1, r.profile_id, r.journey, s.channel, 'marketing', s.step, state, case state when 'skipped' then 'no consent' when 'withheld' then 'holdout' end,
       case when sent then s.provider end, at, case when sent then at end, at,
       case when sent and s.channel <> 'push' then at + interval '20 seconds' end,
       case when sent and chance < 0.2 then at + interval '3 hours' end, case when sent and chance < 0.04 then at + interval '4 hours' end,
       case when sent then 50000 end, case when sent then 'EUR' end, r.version, r.segment, arms
from (select r.*, n, ('x' || substr(md5(r.profile_id::text), 1, 4))::bit(16)::integer % 100 as drawn,
             held
      from run r join bench_journey using (journey) where r.entered_at >= $1 and r.entered_at < $2 order by r.entered_at) as r
join bench_step s using (n)
cross join lateral (select drawn < 2 as companys, held and drawn >= 90 as own) as w
cross join lateral (select jsonb_strip_nulls(jsonb_build_object(
    '$holdout', case when companys then 'withheld' else 'written to' end,
    '$holdout/' || journey, case when own then 'withheld' when held then 'written to' end)) as arms) as a
cross join lateral (select r.entered_at + s.s * interval '1 day' as at, random() as chance) as x
cross join lateral (select case when companys or own then 'withheld' when chance > 0.8 then 'skipped' else 'sent' end as state) as y
cross join lateral (select state = 'sent' as sent) as z
where at < $3;

-- name: once
-- Functions for all connections; `drawn` is even over [0, 1), and the same each time.
create function journey_name(n integer) returns text language sql immutable return 'journey-' || to_char(n, 'fm000');
create function drawn(n bigint) returns float8 language sql immutable return ('x' || substr(md5('drawn-' || n), 1, 7))::bit(28)::integer / 268435456.0;
