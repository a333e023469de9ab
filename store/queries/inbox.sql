-- name: shown
-- What the inboxes of these users show now, newest first, at most so many each: sent, not expired, not put away, by no run that was
-- ended before its steps were through ($4: how runs end that take nothing away), by no journey that was killed since, and not against
-- a no of the customer's. Goals and exits that a message hangs on are asked afterwards (`ends`). By the customer's messages, always.
select asked.user_id, them.profile_id, i.*
from unnest($1::text[]) as asked (user_id)
cross join lateral (
    select coalesce(p.merged_into, p.id) as profile_id
    from identity n join profile p on p.id = n.profile_id
    where n.kind = 'user_id' and n.value = asked.user_id
    order by n.since desc limit 1
) as them
cross join lateral (
    select i.id, i.content, i.ends, i.put_at, i.expires_at, i.seen_at is not null as seen, r.id as run_id, r.entered_at
    from (select run_id, step, occurrence, profile_id, channel, purpose from delivery
          where profile_id = them.profile_id and channel = 'in_app' and state = 'sent' offset 0) as d
    cross join lateral (select * from inbox
                        where run_id = d.run_id and step = d.step and occurrence = d.occurrence and expires_at > $2
                          and dismissed_at is null and withdrawn_at is null offset 0) as i
    cross join lateral (select id, journey, entered_at, created_at from run
                        where id = d.run_id and exit_reason is null and (outcome is null or outcome = any($4::text[])) offset 0) as r
    where not exists (select from journey_control c where c.journey in (r.journey, '*')
                      and (c.state = 'killed' or r.created_at <= c.killed_at))
      and not exists (select from consent_of(d.profile_id, d.channel, null, d.purpose) said
                      where said.state in ('refused', 'withdrawn'))
    order by i.put_at desc, i.id
    limit $3
) as i
order by asked.user_id, i.put_at desc, i.id;

-- name: withdraw
-- What these messages hang on has been reached: nobody sees them any more.
update inbox set withdrawn_at = $2 where id = any($1::uuid[]) and withdrawn_at is null;

-- name: of_customer
-- A message in a customer's inbox, shown or not any more: by which key the ledger knows it, and its links.
select d.run_id, d.step, d.occurrence, i.content
from inbox i join delivery d using (run_id, step, occurrence)
where i.id = $1 and d.profile_id = $2;

-- name: told
-- What the customer did with a message; the first time stands.
update inbox
set seen_at = coalesce(seen_at, $2), clicked_at = case when $3 = 'clicked' then coalesce(clicked_at, $2) else clicked_at end,
    dismissed_at = case when $3 = 'dismissed' then coalesce(dismissed_at, $2) else dismissed_at end
where id = $1;
