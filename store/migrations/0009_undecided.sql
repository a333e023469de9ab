-- An entry that could not be decided, by which version of the catalogue, and whether a later one has been asked since.
alter table entry_refused add column version text, add column asked_again_at timestamptz;
create index entry_undecided on entry_refused (journey, at) where reason = 'cannot be decided' and asked_again_at is null;
