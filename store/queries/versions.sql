-- name: deploy
-- A version stands here from now on, as the newest; one that stood here before is the newest again. Says whether it is new.
insert into catalogue_version (id, package, archive, signature, journeys, deployed_by)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update
set archive = excluded.archive, signature = excluded.signature, deployed_at = clock_timestamp(), deployed_by = excluded.deployed_by
returning (xmax = 0) as new;

-- name: drop_unneeded
-- Versions that nobody is in any more go, but for the newest and for those that a worker may be starting runs with.
delete from catalogue_version v
where deployed_at < clock_timestamp() - $1::interval
  and deployed_at < (select max(deployed_at) from catalogue_version)
  and not exists (select from run where version = v.id and ended_at is null)
returning id;

-- name: standing
-- Which versions stand here, oldest first.
select id from catalogue_version order by deployed_at;

-- name: stored
-- A version as it was deployed.
select id, archive, signature from catalogue_version where id = $1;

-- name: overview
-- The versions, newest first, with those who are in each, and in how many of its runs the code cannot go on.
select v.id, v.package, v.journeys, v.deployed_at, v.deployed_by,
       coalesce(r.people, 0) as people, coalesce(r.runs, 0) as runs, coalesce(r.failing, 0) as failing
from catalogue_version v
left join lateral (
    select count(distinct profile_id) as people, count(*) as runs, count(*) filter (where failing_since is not null) as failing
    from run where version = v.id and ended_at is null
) r on true
order by v.deployed_at desc;

-- name: give
-- Runs that are about to start get a version, if they have none and it stands here.
update run set version = $2
where id = any($1::uuid[]) and version is null and exists (select from catalogue_version where id = $2)
returning id;

-- name: failing_with_newer
-- Runs that have not been able to go on since before an instant, with the versions that were deployed after theirs and have not been
-- tried on them, newest first.
select r.id, r.workflow_id, r.version, newer.ids as newer
from run r
cross join lateral (
    select array_agg(v.id order by v.deployed_at desc) as ids
    from catalogue_version v
    where v.id is distinct from r.version
      and v.deployed_at > coalesce((select deployed_at from catalogue_version where id = r.version), '-infinity')
      and not exists (select from unnest($2::uuid[], $3::text[]) as t (run_id, version) where t.run_id = r.id and t.version = v.id)
) newer
where r.failing_since <= $1 and r.ended_at is null and r.exit_reason is null and newer.ids is not null
order by r.failing_since
limit $4;

-- name: move
-- This run goes on with another version.
update run set version = $2, moved_at = clock_timestamp()
where id = $1 and ended_at is null and exists (select from catalogue_version where id = $2);

-- name: moved
-- Open runs that go on with another version than they began with.
select id, version from run where moved_at >= $1 and ended_at is null;

-- name: people_in
-- How many people are in each journey, by the version that they are in.
select journey, version, count(distinct profile_id) as people
from run where ended_at is null and version is not null
group by journey, version order by journey, version;
