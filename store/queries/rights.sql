-- name: with_a_user
-- Which of these profiles are known users, and not mere visitors.
select distinct profile_id from identity where kind = 'user_id' and profile_id = any($1::uuid[]);

-- name: of_users
-- Which of these addresses, that anybody could guess, are a known user's; held until the transaction ends. A push token or a
-- browser's subscription is a secret of its device: whoever has it has the device.
select e.channel, e.address, e.profile_id
from endpoint e join unnest($1::text[], $2::text[]) as given (channel, address) using (channel, address)
where e.channel not in ('push', 'web_push') and exists (select from identity i where i.kind = 'user_id' and i.profile_id = e.profile_id)
order by e.channel, e.address
for update of e;
