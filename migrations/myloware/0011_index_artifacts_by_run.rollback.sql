drop index idx_artifacts_run;
