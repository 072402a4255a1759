-- The filled values stay: which of them were null is not known any more.

alter table metrics
    alter column labels drop not null,
    alter column recorded_at drop not null;

alter table metrics
    add constraint metrics_defaults_check
    check (
        labels is not null
        and recorded_at is not null
    ) not valid;
