-- Publishes a tenant's workflow as it stands: its next version, with a snapshot of all its steps, edges and groups.
-- A draft begins as version 1 and publishing adds one, so the first that is published is 2; after it no number is left
-- out, however many publish at once. None comes back if the workflow is removed or another tenant's, or the user is.
-- :optional
-- id: not null
-- version: not null
-- published_at: not null
select
    published.published_id as id,
    published.published_version as version,
    published.published_time as published_at
from publish_workflow(
\if :{?published_by}
    by_user => :'published_by',
\endif
    of_tenant => :'tenant_id',
    of_workflow => :'workflow_id'
) as published
order by published.published_version
limit 1;
