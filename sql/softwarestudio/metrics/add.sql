-- Records one value of a metric, now.
-- :exec
\if :{?labels} \else \set labels {} \endif
insert into metrics (metric_name, metric_value, labels)
values (:'metric_name', :'metric_value', :'labels');
