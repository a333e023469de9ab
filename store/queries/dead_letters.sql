-- name: bury
-- Keep what could not be taken, each with its reason.
insert into dead_letter (source, received_at, message_id, reason, item)
select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[]);

-- name: newest
-- A page of dead letters, newest first, below an id.
select id, source, received_at, message_id, reason, item from dead_letter
where id < $1 and ($2::text is null or source = $2)
order by id desc
limit $3;
