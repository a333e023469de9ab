-- name: sizes
-- How many are in each of these segments now.
select segment, sum(members)::bigint as members from segment_size where segment = any($1::text[]) group by segment;

-- name: fold
-- One row for each segment that has several, of the same sum; none where nobody is in. Who folds beside another waits for it, and finds
-- its rows gone.
with several as (
    select segment from segment_size group by segment having count(*) > 1
), gone as (
    delete from segment_size using several where segment_size.segment = several.segment
    returning segment_size.segment, members
)
insert into segment_size (segment, members)
select segment, sum(members) from gone group by segment having sum(members) <> 0;

-- name: one_by_one
-- Nobody else recounts until the transaction ends; membership changes as ever.
lock table segment_size in share update exclusive mode;

-- name: recount
-- Every segment by its members, as of one instant: where the sum was another it is set right, and that is written down.
with counted as (
    select segment, count(*) as members from segment_member group by segment
), kept as (
    select segment, sum(members) as members from segment_size group by segment
), differing as materialized (
    select segment, coalesce(kept.members, 0) as had, coalesce(counted.members, 0) as found
    from kept full join counted using (segment)
    where coalesce(kept.members, 0) <> coalesce(counted.members, 0)
), mended as (
    insert into segment_size (segment, members) select segment, found - had from differing
)
insert into sum_difference (at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found)
select $1, $2, '', '', '', '', '', segment, '', '', 'members', '', array[had, 0, 0, 0, 0, 0, 0], array[found, 0, 0, 0, 0, 0, 0]
from differing
returning id, at, day, journey, version, step, channel, provider, segment, experiment, arm, metric, reason, had, found;
