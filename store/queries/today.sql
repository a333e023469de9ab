-- name: by_journey
-- Of a day, by journey: customers met for the first time and customers converted, in the experiment that each journey is ($2 before its
-- name), and messages sent.
select journey, coalesce(sum(n) filter (where metric = 'exposed'), 0)::bigint as new,
       coalesce(sum(y) filter (where metric = 'conversion'), 0)::bigint as converted,
       coalesce(sum(n) filter (where metric = 'sent'), 0)::bigint as sent
from daily_sum
where day = $1 and (step = '' and experiment = $2 || journey and metric in ('exposed', 'conversion')
                    or step <> '' and experiment = '' and metric = 'sent')
group by journey;
