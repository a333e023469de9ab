-- name: visitor
-- The customer whom a name means: their traits and their device's language, by which id they are drawn, the journeys they are in with the steps of messages that were
-- sent (or withheld: a holdout walks the same way), and their arms of experiments, the first that any of their merged profiles was in.
with them as (
    select coalesce(p.merged_into, p.id) as id
    from identity i join profile p on p.id = i.profile_id
    where i.kind = $1 and i.value = $2
    order by i.since desc limit 1
)
select p.id, coalesce(p.drawn_as, p.id) as drawn_as, p.traits, p.device_locale,
       (select coalesce(jsonb_agg(jsonb_build_object('journey', r.journey, 'sent', array(
                   select d.step from delivery d
                   where d.run_id = r.id and d.state in ('sent', 'withheld', 'unconfirmed')))), '[]')
        from run r where r.profile_id = p.id and r.ended_at is null and r.exit_reason is null and r.waits_until is null) as runs,
       (select coalesce(jsonb_object_agg(x.experiment, x.arm), '{}')
        from (select distinct on (experiment) experiment, arm from exposure
              where profile_id in (select p.id union all select id from profile where merged_into = p.id)
              order by experiment, exposed_at, profile_id) x) as arms
from them join profile p on p.id = them.id;

-- name: of_device
-- What happened under a device's id while nobody was signed in there, of these types, the newest first.
select type, ts, properties, message_id from event
where profile_id = $1 and type collate "C" = any($2::text[]) and anonymous_id = $3 and user_id is null and ts <= $4
order by ts desc limit $5;

-- name: expose
-- The customer of a name was shown an arm; the first one stands.
insert into exposure (experiment, profile_id, arm, share, exposed_at)
select $3, coalesce(p.merged_into, p.id), $4, $5, $6
from identity i join profile p on p.id = i.profile_id
where i.kind = $1 and i.value = $2
order by i.since desc limit 1
on conflict (experiment, profile_id) do nothing;
