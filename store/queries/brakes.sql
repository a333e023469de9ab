-- name: went_wrong
-- What went wrong since an instant ($1) with messages of each journey that lives, since its switch was thrown last: complaints, addresses
-- that were dead, and errors: messages refused or not renderable ($2).
with wrong (journey, at, complaint, bounce, error) as (
    select properties ->> 'journey', ts, true, false, false from event where type = $4 and ts > $1
    union all
    select properties ->> 'journey', ts, false, true, false from event
    where type = $5 and ts > $1 and properties @> '{"bounce": "hard"}'
    union all
    select journey, settled_at, false, state = 'skipped', state = 'failed' from delivery
    where settled_at > $1 and (state = 'failed' or (state = 'skipped' and detail ? 'dead'))
      and (state = 'skipped' or reason = any($2::text[])) and delivered_at is null and not detail ? 'provider_code'
)
select wrong.journey, greatest($1, max(c.at)) as since, count(*) filter (where complaint) as complaints,
       count(*) filter (where bounce) as bounces, count(*) filter (where error) as errors
from wrong left join journey_control c on c.journey = wrong.journey
where wrong.at > coalesce(c.at, $1) and coalesce(c.state, 'live') = 'live' and wrong.journey is not null
group by wrong.journey having count(*) >= $3;

-- name: handed_over
-- How many messages of a journey were handed to a provider since an instant, or found no living address.
select count(*) from delivery
where journey = $1 and claimed_at > $2 and (state in ('sent', 'unconfirmed', 'failed') or (state = 'skipped' and detail ? 'dead'));
