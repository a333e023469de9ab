-- What operators said of messages in doubt, and what they asked to be repeated: who, when, and why it was not, where it was not.
-- `attempt` is the message's last one when it was said; a repetition is the one after it.
create table doubt_said (
    id          bigint generated always as identity primary key,
    run_id      uuid not null,
    step        text not null,
    occurrence  bigint not null,
    said        text not null check (said in ('sent', 'failed', 'repeat')),
    attempt     integer not null,
    at          timestamptz not null,
    by          text not null,
    begun_at    timestamptz, -- of a repetition: Temporal has it
    refused     text         -- of a repetition: why nothing was sent
);
create unique index doubt_said_repeat on doubt_said (run_id, step, occurrence, attempt) where said = 'repeat' and refused is null;
create index doubt_said_message on doubt_said (run_id, step, occurrence);
create index doubt_said_waiting on doubt_said (id) where said = 'repeat' and begun_at is null and refused is null;

-- Each message in doubt says why it is.
update delivery set detail = detail || '{"error": "the worker stopped before an answer came"}'
where state = 'unconfirmed' and not detail ? 'error';

-- The messages that a provider may have, and nobody knows: those that are settled as they are, and those that are tried again. One
-- that a worker has in hand is not among them: it is about to say.
create view message_in_doubt as
select d.run_id, d.step, d.occurrence, d.journey, d.channel, d.purpose, d.template, d.provider, d.state, d.attempts, d.copies,
       coalesce(d.detail ->> 'error', 'the worker stopped before an answer came') as reason,
       coalesce(d.claimed_at, d.settled_at, d.due_at) as since, d.retry_at,
       coalesce(r.exit_reason, r.outcome) as run_over
from delivery d join run r on r.id = d.run_id
where d.state in ('claimed', 'unconfirmed') and (d.state = 'unconfirmed' or d.retry_at is not null);
