-- name: match_statuses
-- The messages that these statuses speak of: by the provider's id (of this provider, $6, where one tells), or by our key
-- while we wait to learn that id, also where an operator said meanwhile what became of it, or where it is we who say so (then there is no id).
with told as (
    select * from unnest($2::text[], $3::uuid[], $4::text[], $5::bigint[]) with ordinality
        as told (provider_id, run_id, step, occurrence, n)
)
select n, d.run_id, d.step, d.occurrence, d.profile_id, d.journey, d.template, d.purpose, d.endpoint_id, d.claimed_at, arms_of(d) as arms
from told join delivery d on d.provider_message_id = told.provider_id and told.provider_id <> ''
where d.channel = $1 and coalesce(d.provider = $6, true)
union all
select n, d.run_id, d.step, d.occurrence, d.profile_id, d.journey, d.template, d.purpose, d.endpoint_id, d.claimed_at, arms_of(d) as arms
from told join delivery d on d.run_id = told.run_id and d.step = told.step and d.occurrence = told.occurrence
where d.channel = $1
  and (told.provider_id = '' or (d.provider_message_id is null and (d.state in ('claimed', 'unconfirmed', 'sent') or d.reason = 'settled by an operator')))
order by n;

-- name: advance_deliveries
-- Statuses in any order, once or many times, give the same row: read implies delivered, delivered outweighs failed, and
-- any of them settles a doubt, because the provider has the message.
with told as (
    select run_id, step, occurrence, max(provider_id) as provider_id, min(at) as at,
           min(at) filter (where status in ('delivered', 'read', 'clicked')) as delivered_at,
           min(at) filter (where status = 'read') as read_at,
           bool_or(status = 'failed') as failed,
           max(code) filter (where status = 'failed') as code,
           bool_or(soft) as soft,
           max(at) filter (where status = 'failed') as failed_at
    from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::boolean[])
        as told (run_id, step, occurrence, provider_id, status, at, code, soft)
    group by run_id, step, occurrence
)
update delivery d
set provider_message_id = coalesce(d.provider_message_id, nullif(told.provider_id, '')),
    delivered_at = least(d.delivered_at, told.delivered_at),
    read_at = least(d.read_at, told.read_at),
    settled_at = coalesce(d.settled_at, told.at),
    retry_at = null,
    state = case when coalesce(d.delivered_at, told.delivered_at) is not null then 'sent'
                 when told.failed then 'failed'
                 when d.state in ('claimed', 'unconfirmed') or d.reason = 'settled by an operator' then 'sent'
                 else d.state end,
    reason = case when coalesce(d.delivered_at, told.delivered_at) is not null then null
                  when told.failed then $9
                  when d.state in ('claimed', 'unconfirmed') or d.reason = 'settled by an operator' then null
                  else d.reason end,
    detail = case when told.failed
                  then d.detail || jsonb_build_object('provider_code', told.code, 'failed_at', instant_text(told.failed_at))
                       || case when told.soft then '{"soft": true}'::jsonb else '{}' end
                  else d.detail end
from told
where d.run_id = told.run_id and d.step = told.step and d.occurrence = told.occurrence;

-- name: became
-- What is said of messages that a provider had taken: each fact by the first time, so that any order gives the same row. Only of who
-- opened a letter it may be unknown: elsewhere it is the customer's own app that tells it.
with heard as (
    select *, case when machine then 'machine' when machine is null and channel = 'email' then 'unknown' else 'human' end as who
    from unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::timestamptz[], $6::text[], $7::boolean[], $8::text[])
        as heard (run_id, step, occurrence, became, at, channel, machine, bounce)
), told as (
    select run_id, step, occurrence,
           min(at) filter (where became = 'returned') as returned_at,
           min(bounce) filter (where became = 'returned') as bounce, -- hard before soft
           min(at) filter (where became = 'opened' and who = 'human') as opened_human_at,
           min(at) filter (where became = 'opened' and who = 'machine') as opened_machine_at,
           min(at) filter (where became = 'opened' and who = 'unknown') as opened_unknown_at,
           min(at) filter (where became = 'clicked' and who <> 'machine') as clicked_human_at,
           min(at) filter (where became = 'clicked' and who = 'machine') as clicked_machine_at,
           min(at) filter (where became = 'complained') as complained_at,
           min(at) filter (where became = 'unsubscribed') as unsubscribed_at,
           min(at) filter (where became = 'replied') as replied_at
    from heard group by run_id, step, occurrence
)
update delivery d
set returned_at = least(d.returned_at, told.returned_at), bounce = least(d.bounce, told.bounce),
    opened_human_at = least(d.opened_human_at, told.opened_human_at),
    opened_machine_at = least(d.opened_machine_at, told.opened_machine_at),
    opened_unknown_at = least(d.opened_unknown_at, told.opened_unknown_at),
    clicked_human_at = least(d.clicked_human_at, told.clicked_human_at),
    clicked_machine_at = least(d.clicked_machine_at, told.clicked_machine_at),
    complained_at = least(d.complained_at, told.complained_at),
    unsubscribed_at = least(d.unsubscribed_at, told.unsubscribed_at),
    replied_at = least(d.replied_at, told.replied_at)
from told
where (d.run_id, d.step, d.occurrence) = (told.run_id, told.step, told.occurrence);

-- name: followed
-- What is known of a message that somebody follows a link of: since when it is out, whether anybody opened it, and the links followed
-- since an instant (none: the one that nobody sees).
select d.profile_id, d.claimed_at as sent_at,
       exists (select from event e where e.profile_id = d.profile_id and e.type collate "C" = 'Message Read'
               and e.ts >= d.claimed_at - interval '5 minutes' and e.properties @> about.it
               and not e.properties @> '{"machine": true}') as opened,
       (select coalesce(jsonb_agg(jsonb_build_object('at', e.ts, 'link', e.properties ->> 'link')), '[]') from event e
        where e.profile_id = d.profile_id and e.type collate "C" = 'Message Clicked' and e.ts >= $4 and e.properties @> about.it) as clicks
from delivery d
cross join lateral (select jsonb_build_object('run_id', d.run_id, 'step', d.step, 'occurrence', d.occurrence) as it) as about
where d.run_id = $1 and d.step = $2 and d.occurrence = $3;

-- name: called_machines
-- These clicks were a machine's: it shows only now. Their customer is looked at again, and on the ledger a person has clicked only by
-- what is left.
with mended as (
    update event e set properties = e.properties || '{"machine": true}'
    from delivery d
    where d.run_id = $1 and d.step = $2 and d.occurrence = $3
      and e.profile_id = d.profile_id and e.type collate "C" = 'Message Clicked' and e.ts between $4 and $5
      and e.properties @> jsonb_build_object('run_id', d.run_id, 'step', d.step, 'occurrence', d.occurrence)
      and not e.properties @> '{"machine": true}'
    returning e.profile_id, e.source, e.message_id, e.ts
), became as (
    update delivery d
    set clicked_machine_at = least(d.clicked_machine_at, (select min(ts) from mended)),
        clicked_human_at = (
            select min(e.ts) from event e
            where e.profile_id = d.profile_id and e.type collate "C" = 'Message Clicked'
              and e.properties @> jsonb_build_object('run_id', d.run_id, 'step', d.step, 'occurrence', d.occurrence)
              and not e.properties @> '{"machine": true}' and (e.source, e.message_id) not in (select source, message_id from mended))
    where d.run_id = $1 and d.step = $2 and d.occurrence = $3 and exists (select from mended)
)
insert into dirty (profile_id, types, at)
select distinct profile_id, array['Message Clicked'], $5::timestamptz from mended;

-- name: worn_out
-- Of these addresses those at which at least $3 messages were turned away since then, none of which arrived, nor any after.
select e.id as endpoint_id
from endpoint e join delivery d on d.profile_id = e.profile_id and d.endpoint_id = e.id
where e.id = any($1::uuid[]) and d.detail @> '{"soft": true}' and d.delivered_at is null
  and (d.detail ->> 'failed_at')::timestamptz >= greatest($2, e.alive_at)
group by e.id having count(*) >= $3;

-- name: reached
-- Of these messages those that reached somebody, at which address and when. A failure of one of them says nothing of the address,
-- so that it counts as reached after that, too.
select d.run_id, d.step, d.occurrence, d.endpoint_id,
       greatest(d.delivered_at, d.read_at, (d.detail ->> 'failed_at')::timestamptz) as at
from unnest($1::uuid[], $2::text[], $3::bigint[]) as asked (run_id, step, occurrence)
join delivery d using (run_id, step, occurrence)
where d.delivered_at is not null and d.endpoint_id is not null;

-- name: survivors
-- Which profile each of these has been merged into; itself, if into none.
select id, coalesce(merged_into, id) as living from profile where id = any($1::uuid[]);

-- name: lock_living
-- Keep these profiles from being merged, and their feedback in one line, until this transaction ends.
select id from profile where id = any($1::uuid[]) and merged_into is null order by id for no key update;

-- name: heard_from
-- Who writes from these addresses; having written proves the address alive, whatever was said of it before.
update endpoint e
set invalid_at = null, invalid_reason = null, last_seen_at = greatest(e.last_seen_at, told.at)
from (select address, max(at) as at from unnest($2::text[], $3::timestamptz[]) as t (address, at) group by address) as told
where e.channel = $1 and e.address = told.address
returning e.address, e.profile_id, e.id;

-- name: first_heard
-- Remember the message ids of what does not become an event, among those of our own events; returns those that are news.
insert into event_dedupe (source, message_id, received_at) select '', id, $2 from unnest($1::text[]) as id
on conflict do nothing
returning message_id;

-- name: answered
-- The message that each reply answers: the one it quotes, else the last one within the 24 hours before it. Of an instant told in whole
-- seconds the whole second is meant.
select n, d.run_id, d.step, d.occurrence, d.journey, d.template, d.purpose, d.claimed_at
from unnest($2::uuid[], $3::text[], $4::timestamptz[]) with ordinality as reply (profile_id, quoted, at, n)
cross join lateral (
    select run_id, step, occurrence, journey, template, purpose, claimed_at from delivery
    where channel = $1 and (provider_message_id = reply.quoted
        or (delivery.profile_id = reply.profile_id and state in ('sent', 'unconfirmed')
            and claimed_at >= reply.at - interval '24 hours'
            and (claimed_at <= reply.at or date_trunc('second', claimed_at) = reply.at)))
    order by (provider_message_id = reply.quoted) is true desc, claimed_at desc
    limit 1
) as d;

-- name: invalidate_endpoints
-- The provider says that these addresses died then; one that was heard from or reached since is not dead.
update endpoint e set invalid_at = greatest(e.invalid_at, told.at), invalid_reason = $3
from (select id, max(at) as at from unnest($1::uuid[], $2::timestamptz[]) as t (id, at) group by id) as told
where e.id = told.id and e.last_seen_at <= told.at and coalesce(e.alive_at < told.at, true);

-- name: revive_endpoints
-- A message reached these addresses then: they did not die before.
update endpoint e
set alive_at = greatest(e.alive_at, told.at),
    invalid_at = case when told.at < e.invalid_at then e.invalid_at end,
    invalid_reason = case when told.at < e.invalid_at then e.invalid_reason end
from (select id, max(at) as at from unnest($1::uuid[], $2::timestamptz[]) as t (id, at) group by id) as told
where e.id = told.id and coalesce(e.alive_at < told.at, true);

-- name: journey_of
-- The journey that a run belongs to, for an event's properties.
select journey from run where id = $1;

-- name: heard
-- Messages of customers that a journey has heard of: to be shown as read.
insert into unread_reply (channel, message_id, profile_id, at)
select $1, * from unnest($2::text[], $3::uuid[], $4::timestamptz[]) on conflict do nothing;

-- name: unread
-- Messages that are to be shown as read, oldest first; nobody waits for those from before an instant.
select message_id from unread_reply where channel = $1 and at >= $2 order by at, message_id limit $3;

-- name: shown_as_read
-- These are shown as read; those from before the instant never will be.
delete from unread_reply where channel = $1 and (message_id = any($2::text[]) or at < $3);

-- name: first_reply
-- What a customer answered first to a message of a run.
select properties ->> 'choice' as choice, properties ->> 'text' as text from event
where profile_id = $1 and type collate "C" = $2 and properties ->> 'run_id' = $3
  and properties ->> 'step' = $4 and properties ->> 'occurrence' = $5::integer::text
order by ts, message_id limit 1;

-- name: last_reply
-- What a customer answered last to any message of a run.
select properties ->> 'choice' as choice, properties ->> 'text' as text from event
where profile_id = $1 and type collate "C" = $2 and properties ->> 'run_id' = $3
order by ts desc, message_id desc limit 1;
