drop index uq_artifacts_checksum;
