-- Records many values of metrics, each with its time.
-- :copy
insert into metrics (metric_name, metric_value, labels, recorded_at)
values (:'metric_name', :'metric_value', :'labels', :'recorded_at');
