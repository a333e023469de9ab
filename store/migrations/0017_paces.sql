-- Whose turn at a pace is further off than anybody waits comes back later, one after the other: until when such turns are given out (real time).
alter table provider_pace add back_at timestamptz;
