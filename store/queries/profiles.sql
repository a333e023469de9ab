-- name: profile
-- One living customer: who it is, and what is known of it.
select id, created_at, updated_at, traits, traits_at, traits_from,
       array(select value from identity i where i.profile_id = profile.id and kind = 'user_id' order by value) as user_ids
from profile where id = $1 and merged_into is null;

-- name: consents
-- The last word on each channel and purpose.
select distinct on (channel, purpose) channel, purpose, state, source, at from consent
where profile_id = $1
order by channel, purpose, at desc, id desc;

-- name: endpoints
-- Where the customer can be reached, the valid addresses first.
select channel, address, platform, first_seen_at, last_seen_at, invalid_at, invalid_reason from endpoint
where profile_id = $1
order by channel, invalid_at nulls first, last_seen_at desc, id;

-- name: segments
-- The segments that the customer is in, since when.
select segment, entered_at from segment_member where profile_id = $1 order by segment;

-- name: zone_evidence
-- What tells a customer's time zone besides their traits.
select device_zone,
       (select address from endpoint e where e.profile_id = profile.id and e.channel in ('whatsapp', 'sms')
        order by e.last_seen_at desc, e.id desc limit 1) as phone
from profile where id = $1;
