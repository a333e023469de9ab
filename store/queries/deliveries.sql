-- name: run_facts
-- All that the gate asks of runs and their customers, with the runs locked so that an exit logged first is seen, and the operator's
-- switches kept as they are until the transaction ends (`ledger_rows` reads them). Consent is asked of the log, for every address
-- that was not replaced; the endpoints are those of them that live and may be written to for the
-- purpose ($4): marketing needs a yes, anything else no more than the absence of a no. On a channel without addresses ($7) it is what
-- was said about the customer as a whole. (How long an array is that stands in a `select` of its own the planner does not see: it keeps
-- one plan, instead of one for each number of messages, which takes longer than the statement.)
select r.id as run_id, r.profile_id, coalesce(p.drawn_as, p.id) as drawn_as, r.entered_at, coalesce(r.let_in_at, r.entered_at) as in_since,
       r.exit_reason, r.ended_at, r.outcome, r.holdout, coalesce(r.foretold, '{}') as foretold, r.segment, r.params, r.entry, r.traceparent,
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
             and o.ended_at is null and o.exit_reason is null and o.entered_at + o.start_delay between asking.since and asking.until
             and not exists (select from delivery d where d.run_id = o.id)) as waking,
       case when $7::boolean then (select state from consent_of(r.profile_id, $3, null, $4)) else held.consent end as consent,
       held.endpoints
from unnest((select $2::uuid[]), $5::timestamptz[], $6::timestamptz[]) as asking (run_id, since, until)
join run r on r.id = asking.run_id
join profile p on p.id = r.profile_id and p.merged_into is distinct from p.id  -- of nobody who has been erased
cross join lateral (
    select (array_agg(h.state order by array_position(array['granted', 'unknown', 'pending', 'expired', 'refused', 'withdrawn'], h.state)))[1]
               as consent,
           coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'address', h.address, 'platform', h.platform) order by h.named_at desc, h.id desc)
                    filter (where h.allowed and h.invalid_at is null), '[]') as endpoints
    from (select e.id, e.address, e.platform, e.invalid_at, coalesce(e.named_at, e.last_seen_at) as named_at,
                 coalesce(said.state, 'unknown') as state,
                 case when $4 = 'marketing' then coalesce(said.state = 'granted', false)
                      else coalesce(said.state not in ('refused', 'withdrawn'), true) end as allowed
          from endpoint e left join lateral consent_of(e.profile_id, e.channel, e.address, $4) as said on true
          where e.profile_id = r.profile_id and e.channel = $3 and e.replaced_at is null) as h
) as held
where pg_advisory_xact_lock_shared($1, 0) is not null
for update of r;

-- name: told_to_end
-- Why a run is over, where it is: asked between two addresses of one message.
select coalesce(exit_reason, outcome) from run where id = $1;

-- name: ledger_rows
-- What is known of messages already, and how the switches stand for their runs: their journeys', and that of everything at once. Asked
-- after `run_facts`, and not with it: a statement sees what was committed before it began, not what its own lock waited for. The
-- messages are locked: whoever settles one, and whoever claims it, comes to its budget after it.
select asking.run_id,
       exists (select from delivery d where d.run_id = asking.run_id and d.step = asking.step and d.occurrence = asking.occurrence) as there,
       (select case when bool_or(c.state = 'killed' or r.created_at <= c.killed_at) then 'killed'
                    when bool_or(c.state = 'paused') then 'paused' else 'live' end
        from journey_control c where c.journey in (r.journey, '*')) as control,
       d.state, d.reason, d.attempts, d.copies, d.retry_at, d.detail,
       (select min((said ->> 'at')::timestamptz) from jsonb_array_elements(d.gates) as said where said ->> 'answer' = 'go') as first_at,
       d.provider, d.claimed_at
from unnest((select $1::uuid[]), $2::text[], $3::bigint[]) as asking (run_id, step, occurrence)
join run r on r.id = asking.run_id
left join lateral (
    select * from delivery found where found.run_id = asking.run_id and found.step = asking.step and found.occurrence = asking.occurrence
    for update of found
) d on true;

-- name: suppressed
-- Which of these addresses must not be written to for this purpose, each as of an instant.
select asking.digest, asking.at
from unnest((select $2::bytea[]), $4::timestamptz[]) as asking (digest, at)
join suppression s on s.channel = $1 and s.digest = asking.digest
where (s.scope = 'all' or s.scope = $3) and (s.expires_at is null or s.expires_at > asking.at);

-- name: free_customers
-- Which of these customers nobody else claims a marketing message of, and nobody does until we are done (`past_under_lock`).
select customer from unnest((select $2::uuid[])) as asking (customer) where pg_try_advisory_xact_lock($1, hashtext(customer::text));

-- name: wrote_from
-- The addresses of a channel from which a customer did something (wrote to us) since then, whatever it was about; null where an event
-- tells none.
select distinct (properties ->> 'endpoint_id')::uuid as endpoint_id from event
where profile_id = $1 and type collate "C" = $4 and ts > $3 and properties @> jsonb_build_object('channel', $2::text);

-- name: past
-- The messages of customers that a cap may count, and those that are coming, oldest first; nobody else claims a marketing one until we
-- are done.
select asking.run_id as asking, past.counted_at, past.channel, past.purpose, past.coming, past.priority, past.journey, past.step, past.run_id
from unnest((select $2::uuid[]), $3::timestamptz[], $4::uuid[], $5::timestamptz[]) as asking (customer, since, run_id, expected)
cross join lateral past_under_lock($1, asking.customer, asking.since, asking.run_id, asking.expected) as past
order by past.counted_at;

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
-- Write messages' rows: claims, or answers that need none. A row that is final already stays as it is, but for a doubt that is
-- claimed once more on purpose.
-- A claim that turns out doubtful keeps its time, because a cap goes on counting it. `claimed` with a time to retry is a
-- doubt that has been noticed. Under which version, from which segment and in which arms it is counted is as of when it was first asked for.
insert into delivery (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at,
                      state, reason, detail, endpoint_id, provider, retry_at, claimed_at, settled_at, attempts, copies,
                      priority, budget_since, price, gates, version, segment, arms)
select x.run_id, x.step, x.occurrence, x.profile_id, x.journey, x.channel, x.purpose, x.template, x.due_at,
       x.state, x.reason, x.detail, x.endpoint_id, x.provider, x.retry_at, x.claimed_at, x.settled_at, x.attempts, x.attempts,
       x.priority, x.budget_since, x.price, jsonb_build_array(x.gate),
       (select r.version from run r where r.id = x.run_id), (select r.segment from run r where r.id = x.run_id),
       arms_in(x.profile_id, x.journey)
from unnest((select $1::uuid[]), $2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::timestamptz[],
            $10::text[], $11::text[], $12::jsonb[], $13::uuid[], $14::text[], $15::timestamptz[], $16::timestamptz[],
            $17::timestamptz[], $18::integer[], $19::smallint[], $20::timestamptz[], $21::bigint[], $22::jsonb[])
     as x (run_id, step, occurrence, profile_id, journey, channel, purpose, template, due_at, state, reason, detail, endpoint_id,
           provider, retry_at, claimed_at, settled_at, attempts, priority, budget_since, price, gate)
on conflict (run_id, step, occurrence) do update
set state = excluded.state, reason = excluded.reason, detail = excluded.detail, endpoint_id = coalesce(excluded.endpoint_id, delivery.endpoint_id),
    provider = excluded.provider, retry_at = excluded.retry_at, claimed_at = coalesce(excluded.claimed_at, delivery.claimed_at),
    settled_at = excluded.settled_at, attempts = delivery.attempts + excluded.attempts,
    copies = delivery.copies + excluded.copies,
    budget_since = coalesce(excluded.budget_since, delivery.budget_since),
    price = case when excluded.budget_since is not null then excluded.price else delivery.price end,
    gates = case when jsonb_array_length(delivery.gates) < 50 then delivery.gates || excluded.gates else delivery.gates end
where delivery.state in ('claimed', 'deferred', 'released') or (delivery.state = 'unconfirmed' and excluded.state = 'claimed')
returning run_id, step, occurrence, attempts, copies;

-- name: settle
-- What became of claimed messages, and whether a copy of one was certainly not accepted (`refused`). A late `sent` of an attempt
-- that was given up always counts, because it is true; of the rest only what the newest attempt says, and only while nothing
-- is settled that the run went on with. What each copy costs that may have arrived is added up. A doubt (`claimed`) and `released` are not the end. Of whoever was erased meanwhile only the
-- outcome is kept. Returns which of them there are.
with given as materialized (
    select * from unnest((select $1::uuid[]), $2::text[], $3::bigint[], $4::text[], $5::text[], $6::jsonb[], $7::text[], $8::timestamptz[],
                         $9::timestamptz[], $10::uuid[], $11::integer[], $12::boolean[], $13::text[], $14::bigint[], $15::text[])
        as x (run_id, step, occurrence, state, reason, detail, provider_message_id, retry_at, at, endpoint_id, attempt, refused, provider,
              cost, currency)
), held as materialized (
    select given.* from given
    join delivery found on found.run_id = given.run_id and found.step = given.step and found.occurrence = given.occurrence
    for update of found
), settled as (
    update delivery d
    set state = x.state, reason = x.reason, detail = case when x.here then x.detail else '{}'::jsonb end, retry_at = x.retry_at,
        provider_message_id = case when x.here then x.provider_message_id end,
        settled_at = case when x.state not in ('claimed', 'released') then x.at end,
        endpoint_id = case when x.here then coalesce(x.endpoint_id, d.endpoint_id) end,
        provider = coalesce(x.provider, d.provider), copies = d.copies - x.refused::integer,
        cost = coalesce(d.cost + x.cost, x.cost, d.cost), currency = coalesce(x.currency, d.currency)
    from (select held.*, p.merged_into is distinct from p.id as here
          from held join run r on r.id = held.run_id join profile p on p.id = r.profile_id) as x
    where d.run_id = x.run_id and d.step = x.step and d.occurrence = x.occurrence
      and case when x.state = 'sent' then d.state <> 'sent'
               when x.state in ('claimed', 'released') then d.state = 'claimed' and d.attempts = x.attempt
               else d.state in ('claimed', 'unconfirmed') and d.attempts = x.attempt end
)
select run_id, step, occurrence from held;

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
