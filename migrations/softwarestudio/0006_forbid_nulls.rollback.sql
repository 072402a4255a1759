-- An explicit null is taken again.

alter table metrics
    drop constraint metrics_defaults_check;
