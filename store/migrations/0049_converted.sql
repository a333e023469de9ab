-- Whose runs reached a goal, of each journey by when: how many converted on a day is the end of this index.
create index run_converted on run (journey, ended_at) include (profile_id) where outcome = 'goal reached';
