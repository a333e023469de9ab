-- name: known
-- What is known of a place, and for how long still, in seconds.
select answer, failure, extract(epoch from until - clock_timestamp())::double precision as left
from context_answer where context = $1 and declared = $2 and place = $3 and until > clock_timestamp();

-- name: take
-- Become the one who asks, for so many seconds at most: nothing comes back where somebody knows, or asks already.
insert into context_answer as known (context, declared, place, until, asking)
values ($1, $2, $3, '-infinity', clock_timestamp() + make_interval(secs => $4))
on conflict (context, declared, place) do update set asking = excluded.asking
where known.until <= clock_timestamp() and (known.asking is null or known.asking <= clock_timestamp())
returning true;

-- name: keep
-- What was told, or that nothing was, for so many seconds; some of what nobody has asked for since yesterday goes.
with old as (
    select context, declared, place from context_answer where until < clock_timestamp() - interval '1 day'
    and (asking is null or asking < clock_timestamp()) and (context, declared, place) <> ($1, $2, $3)
    limit 100 for update skip locked
), gone as (
    delete from context_answer using old
    where (context_answer.context, context_answer.declared, context_answer.place) = (old.context, old.declared, old.place)
)
update context_answer set answer = $4, failure = $5, until = clock_timestamp() + make_interval(secs => $6), asking = null
where context = $1 and declared = $2 and place = $3;

-- name: give_up
-- Whoever asked does so no more, and has no answer.
update context_answer set asking = null where context = $1 and declared = $2 and place = $3;
