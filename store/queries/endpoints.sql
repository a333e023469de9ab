-- name: write_endpoints
-- Addresses: whoever was seen with one last owns it; a push token that registers again after it was invalid is valid again.
insert into endpoint (id, profile_id, channel, address, platform, first_seen_at, last_seen_at, named_at)
select id, profile_id, channel, address, platform, at, at, named_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[])
    as given (id, profile_id, channel, address, platform, at, named_at)
order by channel, address
on conflict (channel, address) do update
set profile_id = excluded.profile_id,
    platform = coalesce(excluded.platform, endpoint.platform),
    last_seen_at = greatest(endpoint.last_seen_at, excluded.last_seen_at),
    named_at = case when endpoint.profile_id = excluded.profile_id then greatest(endpoint.named_at, excluded.named_at)
                    else excluded.named_at end,
    invalid_at = case when endpoint.channel in ('push', 'web_push') and excluded.last_seen_at > endpoint.invalid_at
                      then null else endpoint.invalid_at end,
    invalid_reason = case when endpoint.channel in ('push', 'web_push') and excluded.last_seen_at > endpoint.invalid_at
                          then null else endpoint.invalid_reason end
where endpoint.last_seen_at <= excluded.last_seen_at or endpoint.profile_id = excluded.profile_id;

-- name: replace_addresses
-- The newest word on a customer's e-mail address or phone number takes the place of what was named before it, also when it is
-- none; saying the same again does not.
with told as (
    select p.id, c.channel,
           coalesce((p.traits_from #>> array[c.trait, 'since'])::timestamptz, (p.traits_at ->> c.trait)::timestamptz) as at
    from profile p cross join (values ('email', 'email'), ('sms', 'phone'), ('whatsapp', 'phone')) as c (channel, trait)
    where p.id = any($1::uuid[])
), judged as (
    select e.id, told.at, coalesce(e.named_at, '-infinity') < told.at is true as replaced
    from told, lateral (select id, named_at from endpoint
                        where profile_id = told.id and channel = told.channel offset 0) as e  -- by the customer, always
)
update endpoint e set replaced_at = case when judged.replaced then judged.at end
from judged
where e.id = judged.id and (e.replaced_at is not null) <> judged.replaced;
