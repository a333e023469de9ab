-- name: entered
-- How many customers came into each of these journeys ($1) since an instant: of each the end of an index, without those in line.
select name as journey, (select count(*) from run where journey = name and entered_at >= $2)
       - (select count(*) from run where journey = name and waits_until is not null and ended_at is null and exit_reason is null
                                         and entered_at >= $2) as entered
from unnest($1::text[]) as name;

-- name: reached
-- How many customers' runs of these journeys ($1) reached a goal since an instant, as the funnel has it: of each the end of an index.
select name as journey, (select count(distinct profile_id) from run where journey = name and outcome = 'goal reached' and ended_at >= $2) as reached
from unnest($1::text[]) as name;

-- name: by_journey
-- Of a day, by journey: customers converted by its rule, in the experiment that each journey is ($2 before its name), and messages sent.
select journey, coalesce(sum(y) filter (where metric = 'conversion'), 0)::bigint as converted,
       coalesce(sum(n) filter (where metric = 'sent'), 0)::bigint as sent
from daily_sum
where day = $1 and (step = '' and experiment = $2 || journey and metric = 'conversion'
                    or step <> '' and experiment = '' and metric = 'sent')
group by journey;

-- name: campaigns
-- The names under which campaigns of a message were not over yet at an instant, so that they may have done something on its day, each with
-- how many are in them now.
select journey, (select count(*) from run r where r.journey = c.journey and ended_at is null and waits_until is null) as open_runs
from (select distinct journey from campaign
      where message is not null and cron is null and coalesce(finished_at >= $1, true) and coalesce(cancelled_at >= $1, true)) as c;
