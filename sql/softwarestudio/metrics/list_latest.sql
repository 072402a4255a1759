-- The latest value of a metric for each set of labels that it was recorded with.
-- :many
select distinct on (metric.labels)
    metric.labels,
    metric.metric_value,
    metric.recorded_at
from metrics as metric
where metric.metric_name = :'metric_name'
order by metric.labels, metric.recorded_at desc, metric.id desc;
