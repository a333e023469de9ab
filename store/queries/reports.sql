-- name: plan_for_many
-- Sums are planned for what is asked, and hashed in memory: there are many rows and few groups.
select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true), set_config('work_mem', '64MB', true),
       set_config('hash_mem_multiplier', '2', true);

-- name: messages
-- What became of messages on the days from $1 up to, but without, $2, of a journey ($3) or of all, told apart by the names in $4. `told`
-- are those of providers that tell whether a message arrived: all but $5. Days are read by spans, unless they are told apart; of all journeys
-- together they are read as such.
with span as materialized (
    select case when together then 0 else days end as days, day
    from (select $3::text is null and $4::text[] <@ '{day,channel,provider}' as together) as asked
    cross join lateral spans_of($1::date, $2::date, case when together or 'day' = any($4) then 1 else 64 end)
)
select case when 'day' = any($4::text[]) then day end as day,
       case when 'journey' = any($4) then journey else '' end as journey, case when 'version' = any($4) then version else '' end as version,
       case when 'segment' = any($4) then segment else '' end as segment, case when 'step' = any($4) then step else '' end as step,
       case when 'channel' = any($4) then channel else '' end as channel, case when 'provider' = any($4) then provider else '' end as provider,
       metric, reason, sum(n)::bigint as n, coalesce(sum(n) filter (where provider <> all($5::text[])), 0)::bigint as told, sum(y) as y
from message_sum
where (days = 0 and day = any(array(select day from span where days = 0)) or days = 1 and day = any(array(select day from span where days = 1))
       or days = 8 and day = any(array(select day from span where days = 8)) or days = 64 and day = any(array(select day from span where days = 64)))
      and experiment = '' and ($3::text is null or journey = $3)
group by 1, 2, 3, 4, 5, 6, 7, metric, reason
having sum(n) <> 0 or sum(y) <> 0;

-- name: after_entry
-- How long after its run was entered a step of a journey falls due at the earliest, as far as some of its messages tell.
select named.step, (select min(early.due_at - r.entered_at)
                    from (select run_id, due_at from delivery where journey = $1 and step = named.step limit 200) as early
                    join run r on r.id = early.run_id) as after_entry
from unnest($2::text[]) as named (step);

-- name: people_now
-- How many of a journey's customers are in it now, by the last step of theirs that is settled; '' is before the first. Of all, or of
-- so many ($2) that came last.
select coalesce(last.step, '') as step, count(*) as people
from (select id from run where journey = $1 and ended_at is null and exit_reason is null and waits_until is null
      order by created_at desc limit $2) r left join lateral (
    select d.step from delivery d
    where d.run_id = r.id and d.state in ('sent', 'skipped', 'withheld', 'failed', 'unconfirmed')
    order by d.due_at desc, d.occurrence desc limit 1) as last on true
group by 1;

-- name: converted_by
-- How many of a journey's runs reached its goal in [$3, $4), by the last message that had gone out in them; '' is before any. Of all, or
-- of so many ($2) that entered last.
select coalesce(last.step, '') as step, count(*) as people
from (select id, outcome, ended_at from run where journey = $1 order by entered_at desc limit $2) r left join lateral (
    select d.step from delivery d
    where d.run_id = r.id and d.state = 'sent' and d.claimed_at <= r.ended_at
    order by d.claimed_at desc, d.due_at desc, d.step desc limit 1) as last on true
where r.outcome = 'goal reached' and r.ended_at >= $3 and r.ended_at < $4
group by 1;

-- name: versions
-- The versions of a journey of which there are sums, in the order of their first days, with the last one.
select version, min(day) as first, max(day) as last
from daily_sum where journey = $1 and metric in ('due', 'exposed') group by version order by 2, 3, 1;

-- name: customers
-- The sums of customers by experiment, arm and day, of the days before $1, of a journey ($2) or of all, told apart by the
-- names in $3; of each metric in $4 y, y², x, x², xy and how many y are not 0. Of the experiments in $5 only the days after those in $6:
-- journeys and experiments are found each by one step in the index, and then their days.
with recursive pair as (
    (select journey, experiment from daily_sum
     where step = '' and experiment <> '' and ($2::text is null or journey = $2) order by journey, experiment limit 1)
    union all
    select later.journey, later.experiment
    from pair cross join lateral (
        select journey, experiment from daily_sum
        where step = '' and experiment <> '' and ($2::text is null or journey = $2) and (journey, experiment) > (pair.journey, pair.experiment)
        order by journey, experiment limit 1) as later
)
select d.experiment, case when 'version' = any($3::text[]) then version else '' end as version,
       case when 'segment' = any($3) then segment else '' end as segment, arm, day, min(d.journey) as journey,
       max(d.journey) as last_journey, coalesce(sum(n) filter (where metric = 'exposed'), 0)::bigint as exposed,
       array[sum(y) filter (where metric = 'conversion'), sum(yy) filter (where metric = 'conversion'), sum(x) filter (where metric = 'conversion'), sum(xx) filter (where metric = 'conversion'), sum(xy) filter (where metric = 'conversion'), sum(nonzero) filter (where metric = 'conversion')]::float8[] as conversion,
       array[sum(y) filter (where metric = 'orders'), sum(yy) filter (where metric = 'orders'), sum(x) filter (where metric = 'orders'), sum(xx) filter (where metric = 'orders'), sum(xy) filter (where metric = 'orders'), sum(nonzero) filter (where metric = 'orders')]::float8[] as orders,
       array[sum(y) filter (where metric = 'revenue'), sum(yy) filter (where metric = 'revenue'), sum(x) filter (where metric = 'revenue'), sum(xx) filter (where metric = 'revenue'), sum(xy) filter (where metric = 'revenue'), sum(nonzero) filter (where metric = 'revenue')]::float8[] as revenue,
       array[sum(y) filter (where metric = 'order value'), sum(yy) filter (where metric = 'order value'), sum(x) filter (where metric = 'order value'), sum(xx) filter (where metric = 'order value'), sum(xy) filter (where metric = 'order value'), sum(nonzero) filter (where metric = 'order value')]::float8[] as order_value
from pair left join unnest($5::text[], $6::date[]) as known (name, until) on name = pair.experiment
cross join lateral (
    select d.* from daily_sum d
    where d.journey = pair.journey and d.experiment = pair.experiment and step = '' and d.experiment <> ''
          and day > coalesce(until, '-infinity') and day < $1::date and metric = any('{exposed}' || $4::text[])
    offset 0) as d -- each pair's own days by the index, whatever the planner thinks of how many there are
group by d.experiment, 2, 3, arm, day
order by day, d.experiment, 2, 3, arm;

-- name: spent
-- What the messages to an arm of an experiment were and cost (in millionths, by currency), told apart as `customers` are: of the company's
-- holdout, which is of no journey, not at all.
with span as materialized (
    select days, day from spans_of((select min(day) from daily_sum), $1::date, 64)
)
select experiment, case when 'version' = any($3::text[]) and experiment !~ '^\$[^/]+$' then version else '' end as version,
       case when 'segment' = any($3) and experiment !~ '^\$[^/]+$' then segment else '' end as segment, arm, metric, reason, sum(n)::bigint as n, sum(y) as y
from message_sum
where (days = 1 and day = any(array(select day from span where days = 1)) or days = 8 and day = any(array(select day from span where days = 8))
       or days = 64 and day = any(array(select day from span where days = 64)))
      and experiment <> '' and metric in ('sent', 'cost') and ($2::text is null or journey = $2)
group by experiment, 2, 3, arm, metric, reason;

-- name: shares
-- By which share an arm was drawn on the last day on which somebody came into it, and all by which it was from the first one on, as they
-- came; in the order of what was asked. Where all of the last day are erased it is that of whoever is left; nothing where nobody is.
select a.experiment, a.arm,
       coalesce((select share from exposure x where x.experiment = a.experiment and x.arm = a.arm
                 and x.exposed_at >= a.last and x.exposed_at < a.last + interval '1 day' limit 1),
                (select min(share) from exposure x where x.experiment = a.experiment and x.arm = a.arm)) as last,
       array(with recursive other as ( -- from each share to the next larger one, by the index: there are few, of very many customers
                 select min(share) as share from exposure x where x.experiment = a.experiment and x.arm = a.arm
                 union all
                 select (select min(share) from exposure x where x.experiment = a.experiment and x.arm = a.arm and x.share > other.share)
                 from other where other.share is not null)
             select other.share from other cross join lateral (
                 select min(exposed_at) as at from exposure x where x.experiment = a.experiment and x.arm = a.arm and x.share = other.share
                 and x.exposed_at >= a.first and x.exposed_at < a.last + interval '1 day') as began
             where began.at is not null order by began.at) as shares
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) with ordinality as a (experiment, arm, first, last, place)
order by a.place;

-- name: taken
-- What is not known any more: from when on events are, and how many exposed customers of these days ($1 up to $2) are in the sums
-- alone, since they were erased or their events were kept for as long as they may be; and how many stand as they were last counted,
-- since the rule of now asks for events that are gone.
select (select known_from from value_horizon) as known_from,
       (select count(*) from customer_value
        where not whole and exposed_at >= coalesce($1::date, '-infinity')::timestamp at time zone 'UTC'
          and exposed_at < $2::date::timestamp at time zone 'UTC' and ($3::text is null or journey = $3)) as standing,
       (select coalesce(sum(n), 0)::bigint from kept_sum
        where metric = 'exposed' and day >= coalesce($1::date, '-infinity') and day < $2::date and ($3::text is null or journey = $3)) as people;

-- name: journeys
-- Every journey of which there are sums, each by one step in the index.
with recursive each as (
    (select journey from daily_sum order by journey limit 1)
    union all
    select (select journey from daily_sum where journey > each.journey order by journey limit 1) from each where each.journey is not null
)
select journey from each where journey <> '';

-- name: in_force
-- The experiments that the latest version of before $1 declares, holdouts among them.
select experiment from experiment
where version = (select version from experiment where declared_at < $1::date::timestamp at time zone 'UTC' order by declared_at desc, version desc limit 1)
order by experiment;

-- name: asked_by
-- The journeys that ask about an experiment, as the sums say.
select distinct journey from daily_sum where experiment = $1 and step = '' and journey <> '' order by journey;

-- name: is_declared
-- Whether any version declares an experiment of that name.
select exists (select from experiment where experiment = $1) as declared;

-- name: other_days
-- The first and the last day on which there is something of a message, of a journey ($1) or of all.
select min(day) as first, max(day) as last from daily_sum where step <> '' and experiment = '' and ($1::text is null or journey = $1);
