-- A journey that does harm is paused by itself: why a switch was thrown, where it was not an operator who threw it, and an index by
-- which what went wrong lately is found, which is little.
alter table journey_control add why text;
create index delivery_went_wrong on delivery (journey, settled_at)
    where state = 'failed' or (state = 'skipped' and detail ? 'dead');
create index delivery_claimed on delivery using brin (claimed_at);
