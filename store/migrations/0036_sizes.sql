-- Console pages look at a few rows, however many customers there are.

-- How many are in each segment: the sum of its rows here, of which every statement that changes membership adds one. Whoever
-- writes only adds, so that nobody waits for anybody; `fold` (sizes.sql) makes one row of many. Nobody in: no row.
create table segment_size (
    segment  text not null,
    members  bigint not null  -- how many more, or fewer
);

create function members_came() returns trigger language plpgsql as $$
begin
    insert into segment_size (segment, members) select segment, count(*) from came group by segment;
    return null;
end $$;
create function members_went() returns trigger language plpgsql as $$
begin
    insert into segment_size (segment, members) select segment, -count(*) from gone group by segment;
    return null;
end $$;
-- From here to the end of this migration nobody else changes membership: those who are in are counted once.
create trigger members_came after insert on segment_member
    referencing new table as came for each statement execute function members_came();
create trigger members_went after delete on segment_member
    referencing old table as gone for each statement execute function members_went();

insert into segment_size (segment, members) select segment, count(*) from segment_member group by segment;

-- Who is in which journey and version is read from the index alone.
drop index run_version;
create index run_version on run (version, journey, profile_id) where ended_at is null;
