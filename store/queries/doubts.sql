-- name: page
-- A page of them, newest first, from a place in that order on; with what was last asked of each, if it was to be repeated.
select message_in_doubt.*, last.at as repeat_asked_at, last.by as repeat_by, last.refused as repeat_refused,
       last.attempt as repeat_after
from message_in_doubt
left join lateral (
    select at, by, refused, attempt from doubt_said s
    where s.run_id = message_in_doubt.run_id and s.step = message_in_doubt.step and s.occurrence = message_in_doubt.occurrence and s.said = 'repeat'
    order by s.id desc limit 1
) last on true
where ($1::text is null or provider = $1) and ($2::text is null or channel = $2) and ($3::text is null or journey = $3)
  and ($4::uuid is null or run_id = $4) and ($5::text is null or step = $5) and ($6::bigint is null or occurrence = $6)
  and ($7::timestamptz is null or since >= $7) and ($8::timestamptz is null or since < $8)
  and ($9::timestamptz is null or (since, run_id, step, occurrence) < ($9, $10::uuid, $11::text, $12::bigint))
order by since desc, run_id desc, step desc, occurrence desc
limit $13;

-- name: count
-- How many there are, and how many of them may be repeated: none that is tried again anyway, nor one of a run that ended before its end.
select count(*) as messages,
       count(*) filter (where state = 'unconfirmed' and coalesce(run_over, 'finished') = 'finished') as repeatable
from message_in_doubt
where ($1::text is null or provider = $1) and ($2::text is null or channel = $2) and ($3::text is null or journey = $3)
  and ($4::uuid is null or run_id = $4) and ($5::text is null or step = $5) and ($6::bigint is null or occurrence = $6)
  and ($7::timestamptz is null or since >= $7) and ($8::timestamptz is null or since < $8);

-- name: settle
-- Some of them were sent, or were not, says an operator ($9), and who says so is kept. What a provider settled meanwhile stays as it is.
with chosen as (
    select run_id, step, occurrence from message_in_doubt
    where ($1::text is null or provider = $1) and ($2::text is null or channel = $2) and ($3::text is null or journey = $3)
  and ($4::uuid is null or run_id = $4) and ($5::text is null or step = $5) and ($6::bigint is null or occurrence = $6)
  and ($7::timestamptz is null or since >= $7) and ($8::timestamptz is null or since < $8)
    limit $13::bigint
), settled as (
    update delivery d
    set state = $9::text, reason = case $9::text when 'failed' then 'settled by an operator' end, settled_at = $10::timestamptz, retry_at = null,
        provider_message_id = coalesce(d.provider_message_id, $11::text),
        copies = case $9::text when 'failed' then 0 else greatest(copies, 1) end,
        cost = case $9::text when 'failed' then null else cost end
    from chosen c
    where d.run_id = c.run_id and d.step = c.step and d.occurrence = c.occurrence
      and d.state in ('claimed', 'unconfirmed') and (d.state = 'unconfirmed' or d.retry_at is not null)
    returning d.run_id, d.step, d.occurrence, d.attempts
), noted as (
    insert into doubt_said (run_id, step, occurrence, said, attempt, at, by)
    select run_id, step, occurrence, $9::text, attempts, $10::timestamptz, $12::text from settled
)
select count(*) from settled;

-- name: repeat
-- Some of them are to be sent once more, whoever that reaches twice: written down here, begun by whoever dispatches.
with asked as (
    insert into doubt_said (run_id, step, occurrence, said, attempt, at, by)
    select run_id, step, occurrence, 'repeat', attempts, $9::timestamptz, $10::text from message_in_doubt
    where ($1::text is null or provider = $1) and ($2::text is null or channel = $2) and ($3::text is null or journey = $3)
  and ($4::uuid is null or run_id = $4) and ($5::text is null or step = $5) and ($6::bigint is null or occurrence = $6)
  and ($7::timestamptz is null or since >= $7) and ($8::timestamptz is null or since < $8)
      and state = 'unconfirmed' and coalesce(run_over, 'finished') = 'finished'
    limit $11::bigint
    on conflict do nothing
    returning id
)
select count(*) from asked;

-- name: state_of
-- How a message stands: for whoever asked for one that is not in doubt.
select state, reason, retry_at from delivery where run_id = $1 and step = $2 and occurrence = $3;

-- name: said
-- What operators said, newest first, before a number.
select id, run_id, step, occurrence, said, at, by, begun_at, refused from doubt_said
where $1::bigint is null or id < $1 order by id desc limit $2;

-- name: to_repeat
-- Repetitions that Temporal does not know of yet, the oldest first; of a campaign's message also what was asked for, when and for which version.
select s.id, s.run_id, s.step, s.occurrence, s.attempt, r.workflow_id, r.journey, r.entered_at, r.version, c.message
from doubt_said s join run r on r.id = s.run_id left join campaign c on r.by_campaign and c.id = r.campaign
where s.said = 'repeat' and s.begun_at is null and s.refused is null
order by s.id limit $1;

-- name: begun
-- Temporal has this repetition.
update doubt_said set begun_at = $2 where id = $1;

-- name: refused
-- Nothing was sent for a repetition, and why.
update doubt_said set refused = $5
where run_id = $1 and step = $2 and occurrence = $3 and attempt = $4 and said = 'repeat' and refused is null;
