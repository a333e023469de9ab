-- What was taken because it had been kept for as long as it may be: which kind, up to which instant, how many rows, and of events the weeks.
create table retention (
    id      bigint generated always as identity primary key,
    kind    text not null,
    what    text not null,
    before  timestamptz not null,
    rows    bigint not null,
    at      timestamptz not null
);

-- Drop the weeks of events that end before an instant, and name each with how many rows it had. A week is let go within moments, or
-- not now: nobody who asks for events waits for this.
create function drop_event_weeks(before timestamptz) returns table (week text, rows bigint) language plpgsql as $$
begin
    perform set_config('lock_timeout', '3s', true);
    for week in
        select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'event'::regclass and c.relname ~ '^event_\d{4}w\d{2}$'
          and to_timestamp(substr(c.relname, 7), 'IYYY"w"IW') + interval '7 days' <= before
        order by c.relname
    loop
        execute format('select count(*) from %I', week) into rows;
        execute format('alter table event detach partition %I', week);
        execute format('drop table %I', week);
        return next;
    end loop;
end $$;
