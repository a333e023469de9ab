-- name: keep_pictures
-- Pictures of a template, each once.
insert into wallet_picture (digest, png) select * from unnest($1::text[], $2::bytea[]) on conflict do nothing;

-- name: settle
-- The customer's pass shows this from now on, and so the message was sent: both or neither. Only what the newest attempt says, and only
-- while the message is claimed. The pass is the one that they have of the template under the key, whichever run issued it (after a merge
-- there may be two: both change); else a new one. What is the same as before changes nothing for its devices.
with settled as (
    update delivery
    set state = 'sent', reason = null, detail = $4, provider_message_id = $5, retry_at = null, settled_at = $6
    where run_id = $1 and step = $2 and occurrence = $3 and state = 'claimed' and attempts = $7
    returning run_id, step, occurrence, profile_id, template
), held as (
    select distinct p.serial
    from settled s
    join delivery d on d.profile_id = s.profile_id and d.template = s.template and d.channel = 'wallet' and d.state = 'sent'
    join wallet_pass p on (p.run_id, p.step, p.occurrence) = (d.run_id, d.step, d.occurrence)
    where p.template = s.template and p.key = $9
), changed as (
    update wallet_pass p
    set content = $10, run_id = s.run_id, step = s.step, occurrence = s.occurrence,
        modified_at = case when p.content = $10 then p.modified_at
                           else greatest(date_trunc('second', clock_timestamp()), p.modified_at + interval '1 second') end
    from settled s
    where p.serial in (select serial from held)
    returning p.serial
)
insert into wallet_pass as p (serial, template, key, content, modified_at, run_id, step, occurrence)
select $8, s.template, $9, $10, date_trunc('second', clock_timestamp()), s.run_id, s.step, s.occurrence
from settled s
where not exists (select from held)
on conflict (serial) do update  -- another run issued it at this moment
set content = excluded.content, run_id = excluded.run_id, step = excluded.step, occurrence = excluded.occurrence,
    modified_at = greatest(excluded.modified_at, p.modified_at + interval '1 second');

-- name: of_customer
-- A customer's passes, each template's newest first.
select p.serial, p.template, p.key, p.content, p.modified_at, p.run_id, p.step, p.occurrence, d.profile_id
from delivery d
join wallet_pass p using (run_id, step, occurrence)
where d.profile_id = $1 and d.channel = 'wallet' and d.state = 'sent'
order by p.template, p.modified_at desc, p.serial;

-- name: by_serial
-- One pass, and whose it is.
select p.serial, p.template, p.key, p.content, p.modified_at, p.run_id, p.step, p.occurrence, d.profile_id
from wallet_pass p join delivery d using (run_id, step, occurrence)
where p.serial = $1;

-- name: pictures
-- These pictures.
select digest, png from wallet_picture where digest = any($1::text[]);

-- name: to_tell
-- Where a message's passes have changed since their devices were told.
select p.serial, p.template, p.content, p.modified_at, w.platform, w.device, w.push_token
from wallet_pass p join wallet_device w using (serial)
where p.run_id = $1 and p.step = $2 and p.occurrence = $3 and (w.told_at is null or w.told_at < p.modified_at)
order by p.serial, w.platform, w.device;

-- name: stands
-- Whether there is such a pass.
select exists (select from wallet_pass where serial = $1);

-- name: newer
-- What a device has to hear of its pass, if that is newer than what it was told of ($4; null: whatever it is).
select p.serial, p.template, p.content, p.modified_at, w.platform, w.device, w.push_token
from wallet_pass p join wallet_device w using (serial)
where w.serial = $1 and w.platform = $2 and w.device = $3 and ($4::timestamptz is null or p.modified_at > $4);

-- name: told
-- A device was told of a state of the pass.
update wallet_device set told_at = greatest(told_at, $4) where serial = $1 and platform = $2 and device = $3;

-- name: register
-- A device has the pass from now on, or is about to ($5 is null); says whether that is news. It has this state of it ($6). When
-- it registered counts where it has an address, which may die.
with before as (select added_at from wallet_device where serial = $1 and platform = $2 and device = $3)
insert into wallet_device as w (serial, platform, device, push_token, added_at, told_at, registered_at)
values ($1, $2, $3, $4, $5, $6, case when $4 <> '' then clock_timestamp() end)
on conflict (serial, platform, device) do update
set push_token = excluded.push_token, registered_at = excluded.registered_at, added_at = coalesce(w.added_at, excluded.added_at)
returning $5::timestamptz is not null and not exists (select from before where added_at is not null) as news;

-- name: unregister
-- A device has the pass no more; says whether it was there.
with gone as (delete from wallet_device where serial = $1 and platform = $2 and device = $3 returning added_at)
select added_at is not null from gone;

-- name: forget
-- A device that could not be told at this address is put away. One that has registered since the address died, or has another one by
-- now, is alive.
delete from wallet_device
where serial = $1 and platform = $2 and device = $3 and push_token = $4
  and ($5::timestamptz is null or registered_at is null or registered_at <= $5);

-- name: on_device
-- The passes on a device of Apple's that have changed since then, and when.
select p.serial, p.modified_at
from wallet_device w join wallet_pass p using (serial)
where w.platform = 'ios' and w.device = $1 and ($2::timestamptz is null or p.modified_at > $2)
order by p.modified_at, p.serial;

-- name: has_any
-- Whether any pass is on a device of Apple's.
select exists (select from wallet_device where platform = 'ios' and device = $1);
