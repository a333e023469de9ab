-- name: run_facts
-- All that the gate asks of a run and its customer, with the run locked so that an exit logged first is seen, and the operator's
-- switches kept as they are until the transaction ends (`ledger_row` reads them). Consent is asked of the log, for every address
-- that was not replaced; the endpoints are those of them that live and may be written to for the
-- purpose ($4): marketing needs a yes, anything else no more than the absence of a no. On a channel without addresses ($7) it is what
-- was said about the customer as a whole.
with held as materialized (
    select e.id, e.address, e.platform, e.invalid_at, coalesce(e.named_at, e.last_seen_at) as named_at,
           coalesce(said.state, 'unknown') as state,
           case when $4 = 'marketing' then coalesce(said.state = 'granted', false)
                else coalesce(said.state not in ('refused', 'withdrawn'), true) end as allowed
    from run join endpoint e on e.profile_id = run.profile_id
    left join lateral consent_of(e.profile_id, e.channel, e.address, $4) as said on true
    where run.id = $2 and e.channel = $3 and e.replaced_at is null
)
select r.profile_id, coalesce(p.drawn_as, p.id) as drawn_as, r.entered_at, coalesce(r.let_in_at, r.entered_at) as in_since,
       r.exit_reason, r.ended_at, r.outcome, r.holdout, r.params, r.entry, r.traceparent,
       p.traits, p.device_zone, p.device_locale, fetched_by(r.id) as fetched,
       (select min(value) from identity where profile_id = r.profile_id and kind = 'user_id') as user_id,
       (select address from endpoint e where e.profile_id = r.profile_id and e.channel in ('whatsapp', 'sms') and e.replaced_at is null
        order by e.last_seen_at desc, e.id desc limit 1) as phone,
       (select count(*) from delivery d where d.run_id = r.id) as asked,
       array(select distinct o.journey from hold h join run o on o.id = h.run_id
             where o.profile_id = r.profile_id and o.id <> r.id and o.ended_at is null and o.exit_reason is null
               and h.released_at is null order by o.journey) as held_by,
       array(select distinct o.journey from run o where o.profile_id = r.profile_id and o.id <> r.id
             and o.ended_at is null and o.exit_reason is null) as others,
       array(select distinct o.journey from run o where o.profile_id = r.profile_id and o.id <> r.id
             and o.ended_at is null and o.exit_reason is null and o.entered_at + o.start_delay between $5 and $6
             and not exists (select from delivery d where d.run_id = o.id)) as waking,
       case when $7::boolean then (select state from consent_of(r.profile_id, $3, null, $4))
            else (select state from held
                  order by array_position(array['granted', 'unknown', 'pending', 'expired', 'refused', 'withdrawn'], state) limit 1)
            end as consent,
       (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'address', address, 'platform', platform)
                                  order by named_at desc, id desc), '[]')
        from held where allowed and invalid_at is null) as endpoints
from run r
join profile p on p.id = r.profile_id and p.merged_into is distinct from p.id  -- of nobody who has been erased
where r.id = $2 and pg_advisory_xact_lock_shared($1, 0) is not null
for update of r;

-- name: told_to_end
-- Why a run is over, where it is: asked between two addresses of one message.
select coalesce(exit_reason, outcome) from run where id = $1;

-- name: ledger_row
-- What is known of a message already, and how the switches stand for its run: its journey's, and that of everything at once. Asked
-- after `run_facts`, and not with it: a statement sees what was committed before it began, not what its own lock waited for. The
-- message is locked: whoever settles it, and whoever claims it, comes to its budget after it.
select (select case when bool_or(c.state = 'killed' or r.created_at <= c.killed_at) then 'killed'
                    when bool_or(c.state = 'paused') then 'paused' else 'live' end
        from journey_control c where c.journey in (r.journey, '*')) as control,
       d.state, d.reason, d.attempts, d.copies, d.retry_at, d.detail,
       (select min((said ->> 'at')::timestamptz) from jsonb_array_elements(d.gates) as said where said ->> 'answer' = 'go') as first_at,
       d.provider, d.claimed_at
from run r
left join lateral (
    select * from delivery where run_id = $1 and step = $2 and occurrence = $3 for update
) d on true
where r.id = $1;

-- name: suppressed
-- Which of these addresses must not be written to for this purpose.
select digest from suppression
where channel = $1 and digest = any($2::bytea[]) and (scope = 'all' or scope = $3) and (expires_at is null or expires_at > $4);

-- name: wrote_from
-- The addresses of a channel from which a customer did something (wrote to us) since then, whatever it was about; null where an event
-- tells none.
select distinct (properties ->> 'endpoint_id')::uuid as endpoint_id from event
where profile_id = $1 and type collate "C" = $4 and ts > $3 and properties @> jsonb_build_object('channel', $2::text);

-- name: past
-- The customer's messages that a cap may count, and those that are coming, oldest first; nobody else claims a marketing one until we
-- are done.
select counted_at, channel, purpose, coming, priority, journey, step, run_id from past_under_lock($1, $2, $3, $4, $5);

-- name: budget_under_lock
-- What a journey has used of its budget in a period; nobody else claims one of its messages until we are done.
select messages, money from budget_under_lock($1, $2, $3);

-- name: budgets_used
-- What journeys have used of their budgets, each in its period.
select asked.journey, coalesce(spent.messages, 0) + coalesce(more.messages, 0) as messages,
       coalesce(spent.money, 0) + coalesce(more.money, 0) as money
from unnest($1::text[], $2::timestamptz[]) as asked (journey, since)
left join budget_spent spent using (journey, since)
left join lateral (select sum(c.messages) as messages, sum(c.money)::bigint as money from budget_change c
                   where c.journey = asked.journey and c.since = asked.since) more on true;

-- name: record
-- Write a message's row: a claim, or an answer that needs none. A row that is final already stays as it is, but for a doubt that is
-- claimed once more on purpose.
-- A claim that turns out doubtful keeps its time, because a cap goes on counting it. `claimed` with a time to retry is a
-- doubt that has been noticed. Under which version, from which segment and in which arms it is counted is as of when it was first asked for.
insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at,
                      state, reason, detail, endpoint_id, provider, retry_at, claimed_at, settled_at, attempts, copies,
                      priority, budget_since, price, gates, version, segment, arms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18::integer, $18::integer, $19, $20, $21,
        jsonb_build_array($22::jsonb), (select r.version from run r where r.id = $1), (select r.segment from run r where r.id = $1),
        arms_in($4, $5))
on conflict (run_id, step, occurrence) do update
set state = excluded.state, reason = excluded.reason, detail = excluded.detail, endpoint_id = coalesce(excluded.endpoint_id, delivery.endpoint_id),
    provider = excluded.provider, retry_at = excluded.retry_at, claimed_at = coalesce(excluded.claimed_at, delivery.claimed_at),
    settled_at = excluded.settled_at, attempts = delivery.attempts + excluded.attempts,
    copies = delivery.copies + excluded.copies,
    budget_since = coalesce(excluded.budget_since, delivery.budget_since),
    price = case when excluded.budget_since is not null then excluded.price else delivery.price end,
    gates = case when jsonb_array_length(delivery.gates) < 50 then delivery.gates || excluded.gates else delivery.gates end
where delivery.state in ('claimed', 'deferred', 'released') or (delivery.state = 'unconfirmed' and excluded.state = 'claimed')
returning attempts, copies;

-- name: settle
-- What became of a claimed message, and whether this copy of it was certainly not accepted ($12). A late `sent` of an attempt
-- that was given up always counts, because it is true; of the rest only what the newest attempt says, and only while nothing
-- is settled that the run went on with. What each copy costs that may have arrived is added up. A doubt (`claimed`) and `released` are not the end. Of whoever was erased meanwhile only the
-- outcome is kept.
update delivery
set state = $4::text, reason = $5, detail = case when here then $6 else '{}'::jsonb end, retry_at = $8,
    provider_message_id = case when here then $7 end,
    settled_at = case when $4::text not in ('claimed', 'released') then $9::timestamptz end,
    endpoint_id = case when here then coalesce($10, endpoint_id) end,
    provider = coalesce($13, provider), copies = copies - $12::boolean::integer,
    cost = coalesce(cost + $14::bigint, $14, cost), currency = coalesce($15, currency)
from (select p.merged_into is distinct from p.id as here from run r join profile p on p.id = r.profile_id where r.id = $1) as customer
where run_id = $1 and step = $2 and occurrence = $3
  and case when $4::text = 'sent' then state <> 'sent'
           when $4::text in ('claimed', 'released') then state = 'claimed' and attempts = $11
           else state in ('claimed', 'unconfirmed') and attempts = $11 end;

-- name: settle_in_inbox
-- A message is shown in the customer's inbox from now on, and so it was sent: both or neither. Only what the newest attempt says, and
-- only while the message is claimed: an attempt that was given up puts nothing there.
with settled as (
    update delivery
    set state = 'sent', reason = null, detail = $4, provider_message_id = $5, retry_at = null, settled_at = $6
    where run_id = $1 and step = $2 and occurrence = $3 and state = 'claimed' and attempts = $7
    returning run_id, step, occurrence
)
insert into inbox (id, run_id, step, occurrence, content, ends, put_at, expires_at)
select $8, run_id, step, occurrence, $9, $10, $6, $11 from settled;

-- name: invalidate_endpoint
-- The provider says that this address is dead: from now on ($2), or since it says so ($4) where it has not been heard of since.
update endpoint set invalid_at = coalesce($4, $2), invalid_reason = $3
where id = $1 and invalid_at is null and ($4::timestamptz is null or last_seen_at <= $4);

-- name: suppress
-- Never write to this address again for this scope; that outlasts a suppression which would have ended. A no that is said again is
-- as new as that.
insert into suppression as s (channel, digest, scope, reason, at) values ($1, $2, $3, $4, $5)
on conflict (channel, digest, scope) do update set reason = excluded.reason, at = excluded.at, expires_at = null, source = ''
where s.expires_at is not null or s.scope = 'marketing' and s.reason = excluded.reason and s.at < excluded.at;
