-- name: say
-- What was said about consent, in the order in which we heard it. A yes by others, where the address is granted already and nothing
-- else is said of it now, is left out, and the yes that stands keeps its date: so a nightly sync does not make the log grow, and what
-- comes late with an older date can only make it less than a yes. (A push token may have its yes from another one, and keeps a
-- word of its own.)
with given as materialized (
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                         $9::timestamptz[], $10::timestamptz[], $11::text[]) with ordinality
        as given (profile_id, channel, address, purpose, state, said_by, source, message_id, at, received_at, text_version, n)
)
insert into consent (profile_id, channel, address, purpose, state, said_by, source, message_id, at, received_at, text_version)
select profile_id, channel, address, purpose, state, said_by, source, message_id, at, received_at, text_version
from given g
where not (
    state = 'granted' and said_by <> 'customer' and channel <> 'push'
    and exists (select from endpoint e
                where e.channel = g.channel and e.address = g.address and e.profile_id = g.profile_id
                  and case g.purpose when 'marketing' then e.marketing else e.transactional end = 'granted')
    and not exists (select from given o where o.channel = g.channel and (o.address = g.address or o.profile_id = g.profile_id)
                      and o.purpose = g.purpose and o.state <> 'granted'))
order by n
returning id;

-- name: last_of_customer
-- The newest of the words that customers themselves said: about an address, or (without one) about a customer as a whole.
select state, least(at, received_at) as at from consent
where channel = $2 and purpose = $4 and said_by = 'customer'
  and case when $3::text is null then profile_id = $1::uuid and address is null else address = $3 end
order by received_at desc, id desc
limit 1;

-- name: address_written_to
-- The address that a message on the ledger went to, or would have.
select e.address from delivery d join endpoint e on e.id = d.endpoint_id
where d.run_id = $1 and d.step = $2 and d.occurrence = $3;

-- name: state_of
-- Whether a customer (or nobody whom we know) may be written to at an address for a purpose.
select state from consent_of($1, $2, $3, $4);

-- name: came_by
-- Whether a word of customers themselves came by a call, or a letter, of this id.
select exists (select from consent where message_id = $1 and said_by = 'customer');

-- name: noes_to_keep
-- The addresses at which a customer may not be written to because of a no, by purpose.
select known.channel, known.address, p.purpose
from (select channel, address from endpoint where profile_id = $1
      union select channel, address from consent where profile_id = $1 and address is not null) as known
cross join (values ('marketing'), ('transactional')) as p (purpose)
cross join lateral consent_of($1, known.channel, known.address, p.purpose) as said
where said.state in ('refused', 'withdrawn');

-- name: forget
-- A customer's words, with the addresses in them; and those that nobody whom we know said from these addresses.
with known as materialized (
    select channel, address from endpoint where profile_id = $1
    union select channel, address from consent where profile_id = $1 and address is not null
)
delete from consent c
where c.profile_id = $1 or (c.profile_id is null and (c.channel, c.address) in (select channel, address from known))
returning c.received_at as filed_at;

-- name: take_back_suppression
-- A no that was kept for an address whose customer has been erased, where the yes was said in a later second; nothing else that
-- suppresses it.
delete from suppression where channel = $1 and digest = any($2::bytea[]) and reason = $3
  and date_trunc('second', at) < date_trunc('second', $4::timestamptz);
