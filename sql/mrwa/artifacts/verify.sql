-- Takes an artifact for verified; one that is already is not touched.
-- :exec
update artifacts
set verified = true
where
    id = :'artifact_id'
    and not verified;
