drop index uq_artifacts_citations;
