-- name: deploy
-- A version stands here from now on, as the newest; one that stood here before is the newest again. Says whether it is new.
insert into catalogue_version (id, package, archive, signature, journeys, deployed_by)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update
set archive = excluded.archive, signature = excluded.signature, deployed_at = clock_timestamp(), deployed_by = excluded.deployed_by,
    dropped_at = null, dropped_by = null
returning (xmax = 0) as new;

-- name: drop_unneeded
-- Versions that nobody is in any more go, but for the newest and for those that a worker may be starting runs with. That they
-- were there, and who let them go, stays.
update catalogue_version v set archive = '', signature = '', dropped_at = clock_timestamp(), dropped_by = $2
where dropped_at is null and deployed_at < clock_timestamp() - $1::interval
  and deployed_at < (select max(deployed_at) from catalogue_version)
  and not exists (select from run where version = v.id and ended_at is null)
  and not exists (select from run where move_to = v.id and ended_at is null)
returning id;

-- name: standing
-- Which versions stand here, oldest first.
select id from catalogue_version where dropped_at is null order by deployed_at;

-- name: stored
-- A version as it was deployed.
select id, archive, signature from catalogue_version where id = $1 and dropped_at is null;

-- name: overview
-- The versions, newest first, with those who are in each, in how many of its runs the code cannot go on, and how many are on their
-- way to it; then those that were let go.
select v.id, v.package, v.journeys, v.deployed_at, v.deployed_by, v.dropped_at, v.dropped_by,
       coalesce(r.people, 0) as people, coalesce(r.runs, 0) as runs, coalesce(r.failing, 0) as failing,
       (select count(*) from run where move_to = v.id and ended_at is null) as coming
from catalogue_version v
left join lateral (
    select count(distinct profile_id) as people, count(*) as runs, count(*) filter (where failing_since is not null) as failing
    from run where version = v.id and ended_at is null
) r on true
order by v.dropped_at desc nulls first, v.deployed_at desc;

-- name: give
-- Runs that are about to start get a version, if they have none and it stands here.
update run set version = $2
where id = any($1::uuid[]) and version is null and exists (select from catalogue_version where id = $2 and dropped_at is null)
returning id;

-- name: failing_with_newer
-- Runs whose code has not been able to go on since before an instant, with the versions that were deployed after theirs and have not been
-- tried on them, newest first.
select r.id, r.workflow_id, r.version, newer.ids as newer
from run r
cross join lateral (
    select array_agg(v.id order by v.deployed_at desc) as ids
    from catalogue_version v
    where v.id is distinct from r.version and v.dropped_at is null
      and v.deployed_at > coalesce((select deployed_at from catalogue_version where id = r.version), '-infinity')
      and not exists (select from unnest($2::uuid[], $3::text[]) as t (run_id, version) where t.run_id = r.id and t.version = v.id)
) newer
where r.failing_since <= $1 and not r.step_raises and r.ended_at is null and r.exit_reason is null and newer.ids is not null
order by r.failing_since
limit $4;

-- name: mend
-- This run, which could not go on, does so with another version.
update run set version = $2, mended_at = clock_timestamp()
where id = $1 and ended_at is null and exists (select from catalogue_version where id = $2 and dropped_at is null);

-- name: mended
-- Open runs that go on with another version than their history began with.
select id, moves, version from run where mended_at >= $1 and ended_at is null;

-- name: in_journey
-- The open runs of a journey, of one version or of all but the one named, with what Temporal was told of each.
select id, workflow_id, profile_id, version, segment, coalesce(let_in_at, entered_at) as entered_at, started_at, start_delay, params,
       failing_since is not null and not step_raises as failing
from run
where journey = $1 and version <> $2 and ($3::text is null or version = $3)
  and ended_at is null and exit_reason is null
order by entered_at, id;

-- name: ask_to_move
-- These shall go on with another version, on purpose.
update run set move_to = $2, move_told_at = null, move_refused = null
where id = any($1::uuid[]) and version is distinct from $2 and ended_at is null and exit_reason is null
  and exists (select from catalogue_version where id = $2 and dropped_at is null)
returning id;

-- name: to_move
-- Runs that are on their way to another version: those that have not been told first, and those that were, after a while; one that
-- a leading wait holds back has nothing to say before it begins.
select id, workflow_id, move_to as version, moves + 1 as number, move_told_at is not null as told
from run
where move_to is not null and ended_at is null and started_at is not null
  and (move_told_at is null or (move_told_at <= clock_timestamp() - $2::interval and started_at + start_delay <= $3))
order by move_told_at nulls first
limit $1;

-- name: told_to_move
-- They have been told, or were asked once more where they are.
update run set move_told_at = clock_timestamp() where id = any($1::uuid[]);

-- name: moved
-- They have begun a new history with it.
update run set version = move_to, moves = moves + 1, move_to = null, mended_at = null
where id = any($1::uuid[]) and move_to is not null;

-- name: stay
-- What they have done since they were asked does not fit it.
update run set move_to = null, move_refused = x.why
from unnest($1::uuid[], $2::text[]) as x (id, why) where run.id = x.id;

-- name: people_in
-- How many people are in each journey, or in one, by the version that they are in; of all, or of so many open runs.
select journey, version, count(distinct profile_id) as people
from (select journey, version, profile_id from run
      where ended_at is null and version is not null and ($1::text is null or journey = $1) limit $2) as inside
group by journey, version order by journey, version;
