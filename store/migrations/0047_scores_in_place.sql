-- A scoring writes nearly every row anew, once a day. Where a page has room for a second version of each of its rows, that one
-- stands beside the first, and no index is written: rows that are there already come to lie so as they are written the next times.
alter table prediction_score set (fillfactor = 50);
