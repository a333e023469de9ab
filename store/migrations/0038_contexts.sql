-- What it is like at places (docs/calls.md, "What it is like where they are"), as the providers of contexts told it: nobody's data, and
-- nothing but a cache. A place is as coarse as the context declares. All instants are real time.
create table context_answer (
    context  text not null,
    declared text not null,  -- what was asked and is read, as a digest
    place    text not null,
    answer   jsonb,          -- nothing, where it was not told, and why
    failure  text,
    until    timestamptz not null,
    asking   timestamptz,    -- until then some worker asks, and the others wait for it
    primary key (context, declared, place)
);
create index context_answer_until on context_answer (until);

-- Traits that are derived (docs/profiles.md, "Derived traits"): by which definition, and whom to look at again. Each case of one is a
-- segment whose name begins with `derived-`; who comes into one, or leaves it, by whatever statement, is looked at in its commit's wake.
create table derived_trait (
    name    text primary key,
    version text not null
);
create table derived_due (
    id         bigint generated always as identity primary key,
    profile_id uuid not null
);
create index derived_due_profile on derived_due (profile_id);

create function derived_again() returns trigger language plpgsql as $$
begin
    insert into derived_due (profile_id) values (case when tg_op = 'DELETE' then old.profile_id else new.profile_id end);
    return null;
end $$;
create trigger segment_member_came after insert on segment_member
    for each row when (starts_with(new.segment, 'derived-')) execute function derived_again();
create trigger segment_member_moved after update of profile_id on segment_member
    for each row when (starts_with(new.segment, 'derived-')) execute function derived_again();
create trigger segment_member_went after delete on segment_member
    for each row when (starts_with(old.segment, 'derived-')) execute function derived_again();
