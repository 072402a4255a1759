-- A null that was there gets what the column's default would have given, and the columns become not null.
-- Filling locks only the filled rows, validating reads every row while reads and writes go on; set not null then finds
-- each column proved by its check and reads nothing under its lock, and the check has done its work.

update metrics
set
    labels = coalesce(labels, '{}'),
    recorded_at = coalesce(recorded_at, current_timestamp)
where
    labels is null
    or recorded_at is null;

alter table metrics
    validate constraint metrics_defaults_check;

alter table metrics
    alter column labels set not null,
    alter column recorded_at set not null;

alter table metrics
    drop constraint metrics_defaults_check;
