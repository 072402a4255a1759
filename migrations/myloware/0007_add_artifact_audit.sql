-- An artifact did not say which persona made it, nor what that persona had read before.

alter table artifacts
    add column retrieval_trace jsonb,
    add column persona text;

-- serves the artifacts of one persona
create index idx_artifacts_persona on artifacts (persona);
