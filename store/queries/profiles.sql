-- name: profile
-- One living customer: who it is, and what is known of it.
select id, created_at, updated_at, traits, traits_at, traits_from,
       array(select value from identity i where i.profile_id = profile.id and kind = 'user_id' order by value) as user_ids
from profile where id = $1 and merged_into is null;

-- name: consents
-- What holds at each address and purpose, and who said so; then the last word about the customer as a whole.
select e.channel, e.address, p.purpose, said.state, said.said_by, said.source, said.at
from endpoint e
cross join (values ('marketing'), ('transactional')) as p (purpose)
cross join lateral consent_of(e.profile_id, e.channel, e.address, p.purpose) as said
where e.profile_id = $1
union all
select * from (
    select distinct on (channel, purpose) channel, null, purpose, state, said_by, source, least(at, received_at) as at from consent
    where profile_id = $1 and address is null
    order by channel, purpose, received_at desc, id desc) as whole
order by channel, address nulls last, purpose;

-- name: endpoints
-- Where the customer can be reached, the valid addresses first.
select channel, address, platform, first_seen_at, last_seen_at, coalesce(invalid_at, replaced_at) as invalid_at,
       case when invalid_at is null and replaced_at is not null then 'replaced by a newer one' else invalid_reason end as invalid_reason
from endpoint
where profile_id = $1
order by channel, coalesce(invalid_at, replaced_at) nulls first, coalesce(named_at, last_seen_at) desc, id;

-- name: segments
-- The segments that the customer is in, since when.
select segment, entered_at from segment_member where profile_id = $1 order by segment;

-- name: zone_evidence
-- What tells a customer's time zone besides their traits.
select device_zone,
       (select address from endpoint e where e.profile_id = profile.id and e.channel in ('whatsapp', 'sms')
        order by e.last_seen_at desc, e.id desc limit 1) as phone
from profile where id = $1;

-- name: language_evidence
-- What tells the language of the living customer whom an id leads to: two of their traits, and what their last device said.
select jsonb_build_object('language', living.traits -> 'language', 'locale', living.traits -> 'locale') as traits, living.device_locale
from profile given join profile living on living.id = coalesce(given.merged_into, given.id)
where given.id = $1;

-- name: names
-- What a customer is called, the profiles that were merged into theirs included.
select kind, value, created_at as since from identity where profile_id in (select $1::uuid union all select id from profile where merged_into = $1)
order by kind desc, created_at desc, value;

-- name: events
-- What a customer did, and what became of messages to them, the newest first, from a place in that order on.
select ts as at, type, source, message_id, properties
from event
where profile_id in (select $1::uuid union all select id from profile where merged_into = $1)
      and ($2::timestamptz is null or (ts, message_id) < ($2, $3::text))
order by ts desc, message_id desc
limit $4;
