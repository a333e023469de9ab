-- name: missing
-- What is not there any more: up to when events were taken for their age, of those since $1 (nothing: of all), and how many customers
-- were erased since $2.
select (select max(before) from retention where kind = 'events' and rows > 0 and ($1::timestamptz is null or before > $1)) as before,
       (select count(*) from erasure where requested_at >= $2) as erased;
