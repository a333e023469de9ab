-- name: made
-- What a run was given when it asked by this number.
select options from choice_made where run_id = $1 and asked = $2;

-- name: who
-- Whom a run is about, locked so that its attempts take turns: by which id they are drawn, and how often they were given something of this
-- choice before.
select r.profile_id, coalesce(p.drawn_as, p.id) as drawn_as, r.journey, r.version, r.holdout,
       (select count(*) from choice_made m join run o on o.id = m.run_id where o.profile_id = r.profile_id and m.name = $2) as before
from run r join profile p on p.id = r.profile_id where r.id = $1 for no key update of r;

-- name: choice
-- The number of a choice as it is declared, and its state.
select c.number, coalesce(s.state, 'learns') as state from choice c left join choice_state s using (name)
where c.name = $1 and c.digest = $2;

-- name: declare
-- A choice that is new, or declared otherwise than before, unless somebody else was faster.
insert into choice (name, number, digest, journey, declared, declared_at)
select $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5 from choice where name = $1
on conflict do nothing returning number;

-- name: newest
-- The version of what was learned last, and by how many rewards.
select version, people from choice_allocation where name = $1 and number = $2 order by version desc limit 1;

-- name: learned
-- What was learned in that version; nothing where it is not needed any more.
select learned from choice_allocation where name = $1 and number = $2 and version = $3;

-- name: spent
-- How much of these options' budgets is spent, each locked in order of its name.
select option, people from choice_spent where name = $1 and option = any($2::text[]) order by option for update;

-- name: spend
-- One more customer has each of these options.
insert into choice_spent as s (name, option, people) select $1, option, 1 from unnest($2::text[]) as option order by option
on conflict (name, option) do update set people = s.people + 1;

-- name: begin_spending
-- These options have budgets of which nothing is spent yet.
insert into choice_spent (name, option, people) select $1, option, 0 from unnest($2::text[]) as option order by option
on conflict do nothing;

-- name: make
-- What a run is given.
insert into choice_made (run_id, asked, name, number, options, option, cell, by, propensity, allocation, why, made_at, ripe_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: all
-- Every choice, newest declaration last, with how it stands.
select c.name, c.number, c.journey, c.declared, c.declared_at, c.looked_at, coalesce(s.state, 'learns') as state, s.changed_at,
       (select count(*) from choice_made m where (m.name, m.number) = (c.name, c.number)) as made,
       (select max(a.version) from choice_allocation a where (a.name, a.number) = (c.name, c.number)) as version
from choice c left join choice_state s using (name) where $1::text is null or c.name = $1 order by c.name, c.number;

-- name: ripe
-- Of what was made, up to so many whose reward is to be looked at for the first time: of whom, and when it was made.
select m.run_id, m.asked, coalesce(p.merged_into, p.id) as who, m.made_at, m.reward
from choice_made m join run r on r.id = m.run_id join profile p on p.id = r.profile_id
where m.name = $1 and m.number = $2 and m.reward is null and m.ripe_at <= $3 order by m.ripe_at, m.run_id limit $4;

-- name: late
-- Of what was made, those whose reward is known and whose customers did something of these types that was received since ($3): it may be
-- another one now. Of what was ripe long ago ($4) it stands.
select m.run_id, m.asked, coalesce(p.merged_into, p.id) as who, m.made_at, m.reward
from (select distinct profile_id from event where received_at > $3 and type = any($5::text[])) as e
join run r on r.profile_id = e.profile_id join choice_made m on m.run_id = r.id join profile p on p.id = r.profile_id
where m.name = $1 and m.number = $2 and m.reward is not null and m.ripe_at > $4;

-- name: reward
-- What came of them.
update choice_made m set reward = x.reward from unnest($1::uuid[], $2::bigint[], $3::double precision[]) as x (run_id, asked, reward)
where m.run_id = x.run_id and m.asked = x.asked;

-- name: most
-- What 99 of 100 of those brought at most who brought anything: what a single large order counts for.
select percentile_cont(0.99) within group (order by reward) from choice_made
where name = $1 and number = $2 and reward > 0;

-- name: totals
-- What came of each combination in each context; what is above $3 counts as that.
select cell, option, count(*) as people, sum(least(reward, $3)) as total, sum(least(reward, $3) ^ 2) as squares
from choice_made where name = $1 and number = $2 and reward is not null group by cell, option;

-- name: looked
-- Rewards have been looked at up to an instant.
update choice set looked_at = $3 where name = $1 and number = $2;

-- name: allocate
-- The next hour's allocation, unless somebody else has made that version; the tables of the ones before are not needed any more.
with old as (update choice_allocation set learned = null where name = $1 and number = $2 and version < $3 - 1 and learned is not null)
insert into choice_allocation (name, number, version, at, people, shares, learned) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing;

-- name: allocations
-- How shares went, oldest first, from an instant on.
select version, at, people, shares from choice_allocation where name = $1 and number = $2 and at >= $3 order by version;

-- name: given
-- How often each option was given, by what.
select option, by, count(*) as people, count(reward) as ripe, coalesce(sum(reward), 0) as total
from choice_made where name = $1 and number = $2 group by option, by order by option, by;

-- name: floor
-- What each option brought those alone who were drawn evenly among all of them, each customer once: the first time.
select option, count(*) as people, sum(least(reward, $3)) as total, sum(least(reward, $3) ^ 2) as squares, count(*) filter (where reward <> 0) as nonzero
from (select distinct on (r.profile_id) m.option, m.reward
      from choice_made m join run r on r.id = m.run_id
      where m.name = $1 and m.number = $2 and m.by = 'floor' and (m.why -> 'whole')::boolean
      order by r.profile_id, m.made_at, m.run_id, m.asked) as first
where reward is not null group by option;

-- name: budgets
-- How many have each option that has a budget.
select option, people from choice_spent where name = $1;

-- name: set_state
-- An operator's switch; returns how it stood before.
with before as (select state from choice_state where name = $1)
insert into choice_state (name, state, changed_at) values ($1, $2, $3)
on conflict (name) do update set state = excluded.state, changed_at = excluded.changed_at
returning coalesce((select state from before), 'learns');

-- name: of_run
-- What a run was given, in order.
select m.asked, m.name, m.number, m.options, m.option, m.cell, m.by, m.propensity, m.allocation, m.why, m.made_at, m.reward, c.declared
from choice_made m join choice c using (name, number) where m.run_id = $1 order by m.made_at, m.asked;

-- name: of_customer
-- What a customer was given in all runs, newest first.
select m.run_id, r.journey, m.name, m.number, m.option, m.cell, m.by, m.propensity, m.allocation, m.why, m.made_at, m.reward, c.declared
from choice_made m join run r on r.id = m.run_id join choice c using (name, number)
where r.profile_id = $1 order by m.made_at desc, m.run_id limit $2;
