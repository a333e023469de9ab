-- name: cross
-- Whose score ($2, $3) went over a threshold ($4) or fell below the one at which it goes back ($5): an event of the type $1 after
-- the last one of it, with the score, the version of the model ($6) and its date ($7), and a mark for the watch. Returns how many.
with wanted as (
    select distinct on (id) id, score from unnest($2::uuid[], $3::float8[]) as given (id, score) order by id
), standing as (
    select wanted.*, last.ts, coalesce((last.properties ->> 'over')::boolean, false) as was
    from wanted
    left join lateral (
        select ts, properties from event where profile_id = wanted.id and type collate "C" = $1 order by ts desc limit 1
    ) as last on true
), written as (
    insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)
    select id, greatest($8::timestamptz, ts + interval '1 microsecond'), $1, 'prediction', gen_random_uuid()::text,
           jsonb_build_object('over', not was, 'score', score, 'version', $6::integer, 'as_of', $7::timestamptz), $9, $8
    from standing where was <> (score >= case when was then $5::float8 else $4::float8 end)
    returning profile_id
), marked as (
    insert into dirty (profile_id, types, at) select profile_id, array[$1], $8 from written
)
select count(*) from written;
