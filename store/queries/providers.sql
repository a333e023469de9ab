-- name: limits
-- What operators have set.
select who, per_second, per_day, warm_up, warm_up_from, at, by from provider_limit order by who;

-- name: limit_of
-- What is set for one, as the audit keeps it.
select jsonb_build_object('per_second', per_second, 'per_day', per_day, 'warm_up', warm_up, 'warm_up_from', warm_up_from)
from provider_limit where who = $1;

-- name: set_limit
-- Set the limits of a provider, or of one of its senders; turns that were given out at another pace are forgotten.
with forgotten as (delete from provider_pace where who = $1)
insert into provider_limit (who, per_second, per_day, warm_up, warm_up_from, at, by) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (who) do update
set per_second = excluded.per_second, per_day = excluded.per_day, warm_up = excluded.warm_up, warm_up_from = excluded.warm_up_from,
    at = excluded.at, by = excluded.by
returning xmax = 0 as is_new;

-- name: stand_at_use
-- Whoever counts a message of the day is waited for, and waits: the next statement sees all that was counted before.
insert into provider_use (who, day) values ($1, $2) on conflict (who, day) do update set day = excluded.day;

-- name: use_so_far
-- What went on a day while nobody counted: what was handed over and not certainly refused. Which of a provider's senders it came from the
-- ledger does not say, so that a sender's use begins with its limit.
update provider_use set marketing = went.marketing, other = went.other
from (select count(*) filter (where purpose = 'marketing') as marketing, count(*) filter (where purpose <> 'marketing') as other
      from delivery where provider = $1 and state in ('claimed', 'sent', 'unconfirmed')
      and claimed_at >= $2::date::timestamp at time zone 'UTC' and claimed_at < ($2::date + 1)::timestamp at time zone 'UTC') went
where who = $1 and day = $2 and position('/' in $1) = 0;

-- name: has_carried
-- Whether a provider that the release may not know has carried anything: one of an author's own, or one that has left.
select exists (select from delivery where provider = $1 and claimed_at is not null);

-- name: come_back
-- When to come back for a turn that is too far off, as seconds from now: each who is told so gets the turn after the one before, but none
-- is later than $3, so that another pace is noticed.
update provider_pace
set back_at = least(greatest(back_at + make_interval(secs => 1 / $2::double precision), next_at), clock_timestamp() + make_interval(secs => $3))
where who = $1
returning greatest(extract(epoch from back_at - clock_timestamp()), 0)::double precision as wait;

-- name: drop_limit
-- Nobody is held back there any more.
delete from provider_limit where who = $1;

-- name: take_slot
-- The next instant at which a message may go there at this pace ($2 a second), as seconds from now: nothing, where that is further off
-- than $3. What does not wait ($3 is null) goes at once, and those after it wait for it, too.
insert into provider_pace as pace (who, next_at) values ($1, clock_timestamp() + make_interval(secs => 1 / $2::double precision))
on conflict (who) do update
set next_at = greatest(pace.next_at, clock_timestamp()) + make_interval(secs => 1 / $2::double precision)
where $3::double precision is null or pace.next_at <= clock_timestamp() + make_interval(secs => $3)
returning greatest(extract(epoch from next_at - clock_timestamp()) - 1 / $2::double precision, 0)::double precision as wait;

-- name: use
-- Count a message of a day's; nothing comes back where that many ($4) have gone already. Whoever comes second waits for the first.
insert into provider_use as used (who, day, marketing, other)
select $1, $2, $3::boolean::integer, (not $3)::integer where $4::integer is null or $4 > 0
on conflict (who, day) do update
set marketing = used.marketing + excluded.marketing, other = used.other + excluded.other
where $4::integer is null or used.marketing + used.other < $4
returning marketing + other as used;

-- name: give_back
-- A message that was counted was certainly not accepted.
update provider_use set marketing = marketing - $3::boolean::integer, other = other - (not $3)::integer where who = $1 and day = $2;

-- name: used
-- What has been used of a day.
select who, marketing, other from provider_use where day = $1;

-- name: stop
-- A worker does not use a provider for so many seconds.
insert into provider_stopped (provider, worker, since, until, reason)
values ($1, $2, clock_timestamp(), clock_timestamp() + make_interval(secs => $3), $4)
on conflict (provider, worker) do update set until = excluded.until, reason = excluded.reason;

-- name: go_on
-- A worker uses a provider again.
delete from provider_stopped where provider = $1 and worker = $2;

-- name: stopped
-- Whom workers do not use, as far as they said so lately: one that died would say it for ever.
select provider, min(since) as since, count(*) as workers, max(reason) as reason from provider_stopped
where until > clock_timestamp() - interval '5 minutes' group by provider;

-- name: carried
-- What providers have accepted since an instant, and what it cost by declared prices, in millionths.
select provider, channel, count(*) as accepted, coalesce(sum(cost), 0)::bigint as cost, max(currency) as currency
from delivery where state = 'sent' and claimed_at >= $1 and provider is not null
group by provider, channel order by channel, provider;
