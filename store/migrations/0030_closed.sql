-- What was closed stays closed, whichever rule comes later (docs/measuring.md, "The sums").

-- Whether what this exposure adds is in `kept_sum`: its customer was erased, or the events at which it looks were kept for as long as
-- they may be. Whoever the customer is by now, nothing of this experiment is added for them any more.
alter table exposure add closed boolean not null default false;

-- Of which exposure a value is (whoever was merged has several), and whether its rule could look at all the events that it asks for.
-- `apart`: since it was counted a merge was undone, so that it may hold what another customer did.
alter table customer_value add exposed_as uuid, add whole boolean not null default true, add apart boolean not null default false;
update customer_value v set exposed_as = coalesce((
    select x.profile_id from exposure x join profile p on p.id = x.profile_id
    where x.experiment = v.experiment and x.exposed_at = v.exposed_at and v.profile_id in (p.id, p.merged_into)
    order by x.profile_id limit 1), v.profile_id);
alter table customer_value alter exposed_as set not null;
create index customer_value_exposed on customer_value (exposed_as);

-- Whom erasure and retention have taken away already: who has no value, and of whom nobody was told that one is due.
update exposure x set closed = true from profile p
where p.id = x.profile_id
  and (exists (select from value_horizon) or exists (select from erasure e where e.profiles @> array[p.id] and e.finished_at is not null))
  and not exists (select from customer_value v where v.experiment = x.experiment and v.profile_id in (p.id, p.merged_into))
  and not exists (select from customer_touched t where t.profile_id in (p.id, p.merged_into))
  and not exists (select from erasure e where e.profiles @> array[p.id] and e.finished_at is null);

-- Reports count those that stand as they were last counted; as a rule there are none.
create index customer_value_held on customer_value (exposed_at) where not whole;
