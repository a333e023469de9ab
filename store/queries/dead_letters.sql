-- name: bury
-- Keep what could not be taken, each with its reason; what is kept already counts on.
insert into dead_letter (source, received_at, message_id, reason, item, digest, arrival, times, last_at)
select source, at, message_id, reason, item, digest, arrival, times, at
from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::integer[]) with ordinality
    as given (source, at, message_id, reason, item, digest, arrival, times, n)
order by n
on conflict (digest) do update
set times = dead_letter.times + excluded.times, last_at = greatest(dead_letter.last_at, excluded.last_at), reason = excluded.reason;

-- name: chosen
-- Dead letters by id, source, beginning of the reason and time of arrival (each or none of these), newest first below an id.
select id, source, received_at, message_id, reason, item, arrival, times, last_at from dead_letter
where ($1::bigint[] is null or id = any($1)) and ($2::text is null or source = $2) and ($3::text is null or starts_with(reason, $3))
  and ($4::timestamptz is null or last_at >= $4) and ($5::timestamptz is null or received_at < $5) and id < $6
order by id desc
limit $7;

-- name: by_reason
-- Of the newest ($1) how many there are by key and by the code of the reason, which is no word of what was sent; most first.
select source, left(split_part(reason, ':', 1), 100) as reason, count(*) as letters, sum(times)::bigint as times, max(last_at) as last_at
from (select source, reason, times, last_at from dead_letter order by id desc limit $1) as newest
group by 1, 2
order by letters desc, 1, 2;

-- name: purge
-- Dead letters by the same choice, gone.
delete from dead_letter
where ($1::bigint[] is null or id = any($1)) and ($2::text is null or source = $2) and ($3::text is null or starts_with(reason, $3))
  and ($4::timestamptz is null or last_at >= $4) and ($5::timestamptz is null or received_at < $5)
returning id;

-- name: refused_again
-- The reason of today.
update dead_letter set reason = given.reason
from unnest($1::bigint[], $2::text[]) as given (id, reason) where dead_letter.id = given.id;
