drop index idx_artifacts_persona;

alter table artifacts
    drop column retrieval_trace,
    drop column persona;
