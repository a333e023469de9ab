-- name: drop_weeks
-- Drop the weeks of events that are over for longer than they are kept.
select week, rows from drop_event_weeks($1);

-- name: drop_events
-- The same for events that stand in no week of their own.
with gone as (delete from event_default where ts < $1 returning received_at), outdated as (
    insert into export_stale (name, hour)
    select h.name, h.hour from (select distinct date_trunc('hour', received_at, 'UTC') as hour from gone) as of_rows
    join export_hour h on h.name = 'events' and h.hour = of_rows.hour
)
select count(*) from gone;

-- name: drop_dead_letters
-- What could not be taken, and has not come again since.
with gone as (delete from dead_letter where last_at < $1 returning 1) select count(*) from gone;

-- name: drop_inbox
-- What the app showed, and has not since.
with gone as (delete from inbox where expires_at < $1 returning 1) select count(*) from gone;

-- name: drop_message_ids
-- Ids by which a repeated call was known.
with gone as (delete from event_dedupe where received_at < $1 returning 1) select count(*) from gone;

-- name: note
-- What was taken.
insert into retention (kind, what, before, rows, at) values ($1, $2, $3, $4, $5);

-- name: newest
-- What was taken lately, newest first.
select kind, what, before, rows, at from retention order by id desc limit $1;
