-- Files of an hour each in a bucket (docs/exports.md): which there are, and which are to be written anew.

-- One table's rows of one hour, by its clock (UTC). `file` and `sha256` are empty where it has no rows; no sha256: nobody has written it
-- yet, or somebody is about to. `looked_at`: when its rows were last compared with its file.
create table export_hour (
    name        text not null,
    hour        timestamptz not null,
    version     integer not null default 0,
    rows        bigint not null default 0,
    bytes       bigint not null default 0,
    file        text not null default '',
    sha256      text,
    written_at  timestamptz,
    looked_at   timestamptz,
    primary key (name, hour)
);

-- Hours whose file does not say any more what the tables say: a row came late, changed or went. Append-only; whoever writes the file
-- deletes what it saw before it read the rows. Of an erasure, because its certificate waits for the file.
create table export_stale (
    id       bigint generated always as identity primary key,
    name     text not null,
    hour     timestamptz not null,
    erasure  uuid
);
create index export_stale_hour on export_stale (name, hour);
create index export_stale_erasure on export_stale (erasure) where erasure is not null;

-- Hours are read by these; rows come in the order of time, so that each is a few pages (of messages there is `delivery_facts`).
create index run_created on run using brin (created_at timestamptz_minmax_multi_ops);
create index segment_transition_logged on segment_transition using brin (logged_at);
create index consent_received on consent using brin (received_at);
create index exposure_exposed on exposure using brin (exposed_at timestamptz_minmax_multi_ops);

-- Runs and messages go on changing after their hour, and a message may come late. An hour that nobody knows of yet is not marked:
-- whoever makes it known waits for all who write just then before it is read.
create function run_outdates() returns trigger language plpgsql as $$
begin
    insert into export_stale (name, hour)
    select h.name, h.hour from (select distinct date_trunc('hour', created_at, 'UTC') as hour from came) as of_rows
    join export_hour h on h.name = 'runs' and h.hour = of_rows.hour;
    return null;
end $$;
create trigger run_outdates after insert on run
    referencing new table as came for each statement execute function run_outdates();
create trigger run_outdates_again after update on run
    referencing new table as came for each statement execute function run_outdates();

create function delivery_outdates() returns trigger language plpgsql as $$
begin
    insert into export_stale (name, hour)
    select h.name, h.hour from (select distinct date_trunc('hour', due_at, 'UTC') as hour from came) as of_rows
    join export_hour h on h.name = 'deliveries' and h.hour = of_rows.hour;
    return null;
end $$;
create trigger delivery_outdates after insert on delivery
    referencing new table as came for each statement execute function delivery_outdates();
create trigger delivery_outdates_again after update on delivery
    referencing new table as came for each statement execute function delivery_outdates();

-- As before (0016), and a week that goes takes its rows out of the files, too.
create or replace function drop_event_weeks(before timestamptz) returns table (week text, rows bigint) language plpgsql as $$
begin
    perform set_config('lock_timeout', '3s', true);
    for week in
        select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'event'::regclass and c.relname ~ '^event_\d{4}w\d{2}$'
          and to_timestamp(substr(c.relname, 7), 'IYYY"w"IW') + interval '7 days' <= before
        order by c.relname
    loop
        execute format('select count(*) from %I', week) into rows;
        if exists (select from export_hour) then
            execute format('insert into export_stale (name, hour) select h.name, h.hour'
                           ' from (select distinct date_trunc(''hour'', received_at, ''UTC'') as hour from %I) as of_rows'
                           ' join export_hour h on h.name = ''events'' and h.hour = of_rows.hour', week);
        end if;
        execute format('alter table event detach partition %I', week);
        execute format('drop table %I', week);
        return next;
    end loop;
end $$;

create view reporting.erasures as
select e.id::text as erasure_id, part::text as customer_id, e.requested_at as erased_at
from erasure e, unnest(e.profiles) as part;
comment on view reporting.erasures is 'Who was erased; a row for each id that the customer had. Copies of rows with these ids are to be deleted.';
comment on column reporting.erasures.erasure_id is 'The erasure; its certificate names it.';
comment on column reporting.erasures.customer_id is 'The id of a profile that was the customer or part of them.';
comment on column reporting.erasures.erased_at is 'When it was asked for; exports are cut by this instant.';
