-- The course of one metric in steps of equal length, of the values whose labels hold those asked for.
-- A step without values has a count of 0 and nothing else. A day is 24 hours here, also when the clocks change;
-- months, which have no length, are refused. p95 is a value that was recorded.
-- count: not null
-- :many
\if :{?labels} \else \set labels {} \endif
\if :{?step} \else \set step '1 hour' \endif
with measured as (
    select
        date_bin(:'step'::interval, metric.recorded_at, :'since'::timestamptz) as starts_at,
        count(*) as count,
        min(metric.metric_value) as min,
        avg(metric.metric_value) as avg,
        max(metric.metric_value) as max,
        percentile_disc(0.95) within group (order by metric.metric_value) as p95
    from metrics as metric
    where
        metric.metric_name = :'metric_name'
        and metric.labels @> :'labels'
        and metric.recorded_at >= :'since'::timestamptz
        and metric.recorded_at < :'until'::timestamptz
    group by starts_at
)

select
    step.starts_at,
    coalesce(measured.count, 0) as count,
    measured.min,
    measured.avg,
    measured.max,
    measured.p95
from generate_series(
    -- binned as the values are, so that what has no length is refused even where nothing is recorded
    date_bin(:'step'::interval, :'since'::timestamptz, :'since'::timestamptz),
    :'until'::timestamptz,
    make_interval(secs => extract(epoch from :'step'::interval)::double precision)
) as step (starts_at)
left join measured on step.starts_at = measured.starts_at
where step.starts_at < :'until'::timestamptz
order by step.starts_at;
