-- A version may stand twice again; the new numbers stay, for the old ones told nothing.

alter table artifacts
    drop constraint artifacts_version_key;
