-- name: note
-- Somebody changed something.
insert into audit (by, role, trace, verb, kind, name, was, became, customer, fields) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10);

-- name: one_at_a_time
-- Tries of one thing that is to be done once wait for each other.
select pg_advisory_xact_lock($1, hashtext($2));

-- name: done_before
-- Whether another try, whose request id begins alike, has changed this.
select exists (select from audit where kind = $1 and name = $2 and starts_with(trace, $3) and trace <> $4);

-- name: page
-- What was changed, newest first: by somebody, of a kind, a name or a customer, from an instant on and before another.
select id, at, by, role, verb, kind, name, was, became, customer, fields, trace from audit
where ($1::text is null or by = $1) and ($2::text is null or verb = $2) and ($3::text is null or kind = $3)
  and ($4::text is null or name = $4) and ($5::uuid is null or customer = $5)
  and ($6::timestamptz is null or at >= $6) and ($7::timestamptz is null or at < $7)
  and ($8::bigint is null or id < $8)
order by id desc
limit $9;
