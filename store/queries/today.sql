-- name: entered
-- How many customers came into each of these journeys ($1) since an instant: of each the end of an index, without those in line.
select name as journey, (select count(*) from run where journey = name and entered_at >= $2)
       - (select count(*) from run where journey = name and waits_until is not null and ended_at is null and exit_reason is null
                                         and entered_at >= $2) as entered
from unnest($1::text[]) as name;

-- name: by_journey
-- Of a day, by journey: customers converted, in the experiment that each journey is ($2 before its name), and messages sent.
select journey, coalesce(sum(y) filter (where metric = 'conversion'), 0)::bigint as converted,
       coalesce(sum(n) filter (where metric = 'sent'), 0)::bigint as sent
from daily_sum
where day = $1 and (step = '' and experiment = $2 || journey and metric = 'conversion'
                    or step <> '' and experiment = '' and metric = 'sent')
group by journey;
