-- Reports look for the sums of an experiment's customers, and for what was sent to its arms, over all of its days.

create index daily_sum_customers on daily_sum (journey, experiment, day) where step = '' and experiment <> '';
create index daily_sum_spent on daily_sum (journey, experiment, day) include (version, segment, arm, metric, reason, n, y)
    where step <> '' and experiment <> '' and metric in ('sent', 'cost');
