-- The columns of metrics with a default are the last that take a null: of this table alone the document has no
-- "Nullable" list. A null means nothing in them.
-- Not valid binds new rows at once without reading the old ones under a lock; 0007 reads those.

alter table metrics
    add constraint metrics_defaults_check
    check (
        labels is not null
        and recorded_at is not null
    ) not valid;
