-- :many
\if :{?as_csv}
copy (select run_id from runs)
\else
select run_id from runs
\endif
\if :{?as_csv}
to stdout
\endif
;
